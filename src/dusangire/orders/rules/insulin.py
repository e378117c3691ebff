"""Insulin that goes with a meal: when a tray is missed, how loudly, and what "in time" means.

Source of the minutes: the hospital's rule for rapid-acting insulin (given within a quarter of an hour of the tray, a
late tray told after 15 and escalated after 30); it waits for a diabetologist's sign-off.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from dusangire.diets.rules import DishFacts, TrayLine

from .machine import GONE, Status

TELL_AFTER = timedelta(minutes=15)
ESCALATE_AFTER = timedelta(minutes=30)
IN_TIME = timedelta(minutes=15)
LOOKED_AT = timedelta(hours=6)
"""How long after its meal a tray still matters to this."""
_STOPPED = GONE | {Status.HELD, Status.PROBLEM, Status.UNDELIVERED}
_HERE = frozenset({Status.ARRIVED, Status.DELIVERED, Status.COMPLETED})


class DoseState(StrEnum):
    """Where a dose and its tray stand, most urgent first."""

    ESCALATED = "escalated"
    LATE = "late"
    DUE = "due"
    COMING = "coming"
    GIVEN = "given"


class Eaten(StrEnum):
    """How much of a tray was eaten."""

    ALL = "all"
    MOST = "most"
    HALF = "half"
    LITTLE = "little"
    NOTHING = "nothing"

    @property
    def is_little(self) -> bool:
        """Less than half: with insulin on board, sugar will fall."""
        return self in (Eaten.LITTLE, Eaten.NOTHING)


def missed_since(
    status: Status, serve_from: datetime, serve_to: datetime, status_at: datetime, given_at: datetime | None
) -> datetime:
    """Return from when a tray that is not here is missed.

    One that is on its way is due by the end of its serving; one that was stopped from when it should have come; and
    whoever has had the dose needs it from that moment.
    """
    due = max(serve_from, status_at) if status in _STOPPED else serve_to
    return due if given_at is None else min(due, given_at)


def alarm(since: datetime, now: datetime) -> DoseState | None:
    """Return how loudly a missing tray is told now; None while nobody need be told."""
    if now - since >= ESCALATE_AFTER:
        return DoseState.ESCALATED
    return DoseState.LATE if now - since >= TELL_AFTER else None


def is_stopped(status: Status) -> bool:
    """Return whether a tray will not come as it is."""
    return status in _STOPPED


def is_here(status: Status) -> bool:
    """Return whether a tray has reached its ward."""
    return status in _HERE


def carbohydrate_g(lines: Iterable[TrayLine], dishes: Mapping[str, DishFacts]) -> Decimal | None:
    """Return what a tray holds of carbohydrate, exactly; None where it is not known of one dish."""
    total = Decimal(0)
    for line in lines:
        dish = dishes.get(line.dish)
        if dish is None or dish.nutrients.carb_g is None:
            return None
        total += dish.nutrients.carb_g * line.portion * line.quantity
    return total


def is_in_time(here_at: datetime, given_at: datetime) -> bool:
    """Return whether a dose was given with its tray: a quarter of an hour before or after it came, at most."""
    return abs(given_at - here_at) <= IN_TIME


def percent(part: int, whole: int) -> int | None:
    """Return a share in whole percent; None of nothing."""
    return round(100 * part / whole) if whole else None
