"""Spreadsheets: rows as CSV that Excel opens with its accents and never takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from litestar import Response
from litestar.connection import Request

from dusangire.kernel.clock import local
from dusangire.kernel.html import language
from dusangire.kernel.text import say

_MARK = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def sheet(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the CSV text: UTF-8 mark first, a line of heads, then the rows; None is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([cell(head) for head in heads])
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return _MARK + file.getvalue()


def cell(value: object) -> object:
    """Return the value as a cell; words that a spreadsheet would run as a formula get an apostrophe before them."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return "'" + value if value.lstrip(" \u00a0").startswith(_FORMULA) or value.startswith(_FORMULA) else value


def download(request: Request, name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response[str]:
    """Return the rows as a CSV file; heads are keys of the catalogue."""
    lang = language(request)
    return Response(
        sheet([say(lang, head) for head in heads], rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def stamp(moment: datetime | None, zone: str) -> str | None:
    """Return the moment as a spreadsheet sorts it, in the hospital's zone."""
    return local(moment, zone).strftime("%Y-%m-%d %H:%M:%S") if moment else None
