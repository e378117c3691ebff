"""Bars as numbers: where each mark of a chart stands, so that a template only writes them down."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from dusangire.orders.rules import GONE
from dusangire.reports.rules.today import TrayCount

_HEIGHT, _TOP, _STEP = 110, 26, 52


class Bar(Struct, frozen=True):
    """One column: its words below, its figures, and the marks stacked from the ground up."""

    name: str
    on_time: int
    late: int
    to_come: int
    x: int
    middle: int
    marks: tuple["Mark", ...]
    words_y: int

    @property
    def whole(self) -> int:
        return self.on_time + self.late + self.to_come


class Mark(Struct, frozen=True):
    """A rectangle of a bar; `tone` is the end of its class."""

    tone: str
    y: int
    height: int


class Line(Struct, frozen=True):
    """One row of a table with a bar: how many, and how wide of 100."""

    name: str
    count: int
    width: int


def by_hour(trays: Sequence[TrayCount], zone: str) -> list[Bar]:
    """Return a bar for each hour from the first serving to the last: in time, late or missing, and still to come."""
    hours: dict[datetime, tuple[int, int, int]] = {}
    for one in trays:
        if one.status not in GONE:
            hour = one.serve_from.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
            on_time, late, to_come = hours.get(hour, (0, 0, 0))
            missed = one.late + one.overdue
            hours[hour] = (on_time + one.on_time, late + missed, to_come + one.trays - one.on_time - missed)
    first, last = min(hours, default=None), max(hours, default=None)
    whole = range(int((last - first).total_seconds() // 3600) + 1) if first and last else range(0)
    every = [first + timedelta(hours=number) for number in whole] if first else []
    return bars([(f"{hour:%H}:00", *hours.get(hour, (0, 0, 0))) for hour in every])


def bars(columns: Sequence[tuple[str, int, int, int]]) -> list[Bar]:
    """Return the bars of (name, good, amber, dashed) columns, the tallest filling the height."""
    tallest = max((sum(column[1:]) for column in columns), default=0) or 1
    return [_bar(index, column, tallest) for index, column in enumerate(columns)]


def width_of(found: Sequence[Bar]) -> int:
    """Return how wide the drawing of these bars is."""
    return max(len(found), 14) * _STEP


def _bar(index: int, column: tuple[str, int, int, int], tallest: int) -> Bar:
    name, on_time, late, to_come = column
    ground, marks = _HEIGHT + _TOP, []
    for tone, count in (("", on_time), (" mark--look", late), (" mark--none", to_come)):
        height = max(round(count * _HEIGHT / tallest), 2) if count else 0
        ground -= height
        if height:
            marks.append(Mark(tone, ground, height))
    x = index * _STEP + 8
    return Bar(name, on_time, late, to_come, x, x + 15, tuple(marks), ground - 6)


def lines(counts: Mapping[str, int]) -> list[Line]:
    """Return the rows of a table with bars, as wide as the largest allows."""
    most = max(counts.values(), default=0) or 1
    return [Line(name, count, round(count * 100 / most)) for name, count in counts.items()]
