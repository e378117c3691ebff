"""Which meal a period belongs to, and the serving that a verdict is judged for."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from dusangire.diets.rules import Meal, Serving
from dusangire.kernel.phrase import Phrase

MEALS: dict[str, Meal] = {
    "breakfast": Meal.BREAKFAST,
    "morning_snack": Meal.SNACK,
    "lunch": Meal.LUNCH,
    "afternoon_snack": Meal.SNACK,
    "dinner": Meal.DINNER,
    "evening_snack": Meal.SNACK,
}

# The letter that an order's code begins with, so that a tray on a shelf says its meal.
LETTERS: dict[str, str] = {
    "breakfast": "B",
    "morning_snack": "M",
    "lunch": "L",
    "afternoon_snack": "A",
    "dinner": "D",
    "evening_snack": "E",
}


def serving_of(day: date, period: str, serve_from: datetime, zone: str) -> Serving:
    """Return when a tray is planned to be eaten, in the hospital's own time."""
    return Serving(MEALS[period], day, serve_from.astimezone(ZoneInfo(zone)))


def period_phrase(period: str) -> Phrase:
    """Return the name of a period: the meal's, or which snack of the day it is."""
    return Phrase(f"order.period.{period}" if MEALS[period] is Meal.SNACK else f"meal.{period}")
