"""Meal periods: what can be ordered until when, by the clocks of the hospital and of nobody's phone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct


class PeriodCode(StrEnum):
    """The six times a day at which trays are served, in the order of the day."""

    BREAKFAST = "breakfast"
    MORNING_SNACK = "morning_snack"
    LUNCH = "lunch"
    AFTERNOON_SNACK = "afternoon_snack"
    DINNER = "dinner"
    EVENING_SNACK = "evening_snack"

    @property
    def meal(self) -> str:
        """What limits and menus call it: breakfast, lunch, dinner or snack."""
        return "snack" if self.slot else self.value

    @property
    def slot(self) -> str | None:
        """Which snack of the day it is: morning, afternoon, evening; None for a meal."""
        part, _, is_snack = self.value.partition("_")
        return part if is_snack else None


LETTERS = {"breakfast": "B", "lunch": "L", "dinner": "D", "snack": "S"}
"""How the menu data abbreviates the meals a dish is served at."""


class Period(Struct, frozen=True):
    """One period of one hospital, in wall-clock times of its zone."""

    code: PeriodCode
    cutoff: time
    serve_from: time
    serve_to: time


class Sitting(Struct, frozen=True):
    """One period on one day. The moments are aware, in UTC."""

    day: date
    period: PeriodCode
    meal: str
    cutoff_at: datetime
    serve_from: datetime
    serve_to: datetime

    @property
    def slot(self) -> str | None:
        return self.period.slot


def _period(code: PeriodCode, cutoff: str, serve_from: str, serve_to: str) -> Period:
    return Period(code, time.fromisoformat(cutoff), time.fromisoformat(serve_from), time.fromisoformat(serve_to))


STARTER_PERIODS = (
    _period(PeriodCode.BREAKFAST, "06:00", "07:00", "07:30"),
    _period(PeriodCode.MORNING_SNACK, "09:00", "10:00", "10:20"),
    _period(PeriodCode.LUNCH, "10:30", "12:10", "12:40"),
    _period(PeriodCode.AFTERNOON_SNACK, "14:30", "15:30", "15:50"),
    _period(PeriodCode.DINNER, "16:00", "18:10", "18:40"),
    _period(PeriodCode.EVENING_SNACK, "19:30", "20:30", "20:50"),
)


def sittings(periods: Iterable[Period], now: datetime, zone: str, days: int = 2) -> list[Sitting]:
    """Return every sitting of today and the days after it, in the order in which they are served."""
    today = now.astimezone(ZoneInfo(zone)).date()
    known = list(periods)
    found = [_sitting(period, today + timedelta(days=ahead), zone) for ahead in range(days) for period in known]
    return sorted(found, key=lambda one: one.serve_from)


def sitting(periods: Iterable[Period], day: date, code: str, zone: str) -> Sitting | None:
    """Return one period's sitting on a day; None for a period the hospital does not have."""
    return next((_sitting(period, day, zone) for period in periods if period.code == code), None)


def is_orderable(chosen: Sitting, now: datetime) -> bool:
    """True until the cut-off; at the very moment of it the kitchen has begun to count."""
    return now < chosen.cutoff_at


def next_sitting(found: Iterable[Sitting], now: datetime) -> Sitting | None:
    """Return the first sitting that can still be ordered."""
    return next((one for one in found if is_orderable(one, now)), None)


def minutes_left(chosen: Sitting, now: datetime) -> int:
    """Return the whole minutes until the cut-off, rounded down; 0 once it has passed."""
    return max(0, int((chosen.cutoff_at - now).total_seconds()) // 60)


def meal_names(letters: Iterable[str]) -> frozenset[str]:
    """Return the meals that the letters of the menu data stand for."""
    wanted = set(letters)
    return frozenset(meal for meal, letter in LETTERS.items() if letter in wanted)


def _sitting(period: Period, day: date, zone: str) -> Sitting:
    return Sitting(
        day=day,
        period=period.code,
        meal=period.code.meal,
        cutoff_at=_at(day, period.cutoff, zone),
        serve_from=_at(day, period.serve_from, zone),
        serve_to=_at(day, period.serve_to, zone),
    )


def _at(day: date, wall: time, zone: str) -> datetime:
    return datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC)
