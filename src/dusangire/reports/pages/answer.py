"""What the pages of this package share: the day of the address, and a sheet to download."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from litestar import Response
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import local, local_day, now
from dusangire.kernel.html import language
from dusangire.kernel.text import has, say
from dusangire.reports.rules import sheet


class Days(Struct, frozen=True):
    """The day a page is about, and those beside it."""

    day: date
    today: date

    @property
    def is_today(self) -> bool:
        return self.day == self.today

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.day + timedelta(days=1)


def today(actor: Actor) -> date:
    """Return the day it is where the hospital stands."""
    return local_day(now(), actor.zone)


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


def task_key(kind: str) -> str:
    """Return the key of what a task of this kind asks for."""
    key = f"diets.task.{kind}"
    return key if has(key) else "diets.task.other"
