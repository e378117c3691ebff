"""Which meal a period belongs to, and the serving that a verdict is judged for."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from dusangire.diets.rules import Meal, Serving
from dusangire.kernel.phrase import Phrase
from dusangire.menu.rules import Sitting

MEALS: dict[str, Meal] = {
    "breakfast": Meal.BREAKFAST,
    "morning_snack": Meal.SNACK,
    "lunch": Meal.LUNCH,
    "afternoon_snack": Meal.SNACK,
    "dinner": Meal.DINNER,
    "evening_snack": Meal.SNACK,
}

# How soon a late tray is brought.
_LATE_TRAY = timedelta(minutes=45)


class Sits(Protocol):
    """What has its place in a day of meals: a sitting, or a tray that is ordered for one."""

    @property
    def day(self) -> date: ...
    @property
    def period(self) -> str: ...
    @property
    def serve_from(self) -> datetime: ...


# The letter that an order's code begins with, so that a tray on a shelf says its meal.
LETTERS: dict[str, str] = {
    "breakfast": "B",
    "morning_snack": "M",
    "lunch": "L",
    "afternoon_snack": "A",
    "dinner": "D",
    "evening_snack": "E",
}


def serving_of(sitting: Sits, zone: str, now: datetime) -> Serving:
    """Return when a tray will be eaten, in the hospital's own time: as planned, or from now on once that has passed."""
    return Serving(MEALS[sitting.period], sitting.day, max(sitting.serve_from, now).astimezone(ZoneInfo(zone)))


def window(serve_from: datetime, serve_to: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return between when a tray comes: as the meal is served, or as soon as a late one can be brought."""
    return max(serve_from, now), max(serve_to, now + _LATE_TRAY) if now > serve_from else serve_to


def period_phrase(period: str) -> Phrase:
    """Return the name of a period: the meal's, or which snack of the day it is."""
    return Phrase(f"order.period.{period}" if MEALS[period] is Meal.SNACK else f"meal.{period}")


_SOON, _STILL_THAT_MEAL = timedelta(hours=1), timedelta(hours=4)


def after_fast(found: Iterable[Sitting], now: datetime) -> Sitting | None:
    """Return the meal that somebody gets who may eat again: the last one begun, or about to be; a late tray of it.

    At night, hours after the last meal, it is the next one. Snacks are no meal. `found` is in the order of serving.
    """
    meals = [one for one in found if one.slot is None]
    begun = [one for one in meals if one.serve_from <= now + _SOON]
    if begun and now <= begun[-1].serve_to + _STILL_THAT_MEAL:
        return begun[-1]
    return next((one for one in meals if one.serve_from > now), None)
