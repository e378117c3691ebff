"""Spreadsheets: rows as CSV that Excel opens with its accents and never takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

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
