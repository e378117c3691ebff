"""The fasting clock: for how long somebody has had no food, when that is too long, and what an operation allows."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

CHILD_BELOW_YEARS = 16
ADULT_LONG_H, CHILD_LONG_H = 12, 6
"""Source: the diet manual, NPO: alert at 12 h (adult), 6 h (child); awaiting a nutritionist's sign-off."""

_SLIP = timedelta(hours=1)
_HOUR_S = 3600


class Intake(StrEnum):
    """What was last taken before an operation."""

    CLEAR = "clear"
    BREAST_MILK = "breast_milk"
    LIGHT_MEAL = "light_meal"
    FATTY_MEAL = "fatty_meal"


ASA_HOURS: dict[Intake, int] = {Intake.CLEAR: 2, Intake.BREAST_MILK: 4, Intake.LIGHT_MEAL: 6, Intake.FATTY_MEAL: 8}
"""Least hours before anaesthesia. Source: ASA practice guidelines for preoperative fasting, 2017, updated 2023."""


class FastingClock(Struct, frozen=True):
    """For how many whole hours somebody has had no food. `is_from_meal` is False while nothing was eaten in this
    stay: the hours then count from the admission and are the least it can be."""

    since: datetime
    hours: int
    limit_h: int
    is_from_meal: bool

    @property
    def is_long(self) -> bool:
        return self.hours >= self.limit_h


class Hint(Struct, frozen=True):
    """Until when something may be taken before a planned operation."""

    intake: Intake
    until: datetime
    is_over: bool


class Slip(StrEnum):
    """Why a fast lasts longer than it was planned."""

    LATE = "late"
    EXTENDED = "extended"


def fasting_clock(eaten_at: datetime | None, admitted_at: datetime, now: datetime, *, is_child: bool) -> FastingClock:
    """Return the clock from the last food of this stay, or from the admission where there was none."""
    is_from_meal = eaten_at is not None and eaten_at >= admitted_at
    since = eaten_at if eaten_at is not None and is_from_meal else admitted_at
    hours = max(0, int((now - since).total_seconds() // _HOUR_S))
    return FastingClock(since, hours, CHILD_LONG_H if is_child else ADULT_LONG_H, is_from_meal)


def is_child(age_years: int) -> bool:
    return age_years < CHILD_BELOW_YEARS


def hints(procedure_at: datetime, now: datetime) -> tuple[Hint, ...]:
    """Return until when each kind of food or drink may be taken, the shortest wait first."""
    found = ((intake, procedure_at - timedelta(hours=hours)) for intake, hours in ASA_HOURS.items())
    return tuple(Hint(intake, until, until <= now) for intake, until in found)


def slip(procedure_at: datetime | None, extended_at: datetime | None, now: datetime) -> Slip | None:
    """Return why a running hold has slipped: prolonged, or its operation over an hour late. None while it keeps."""
    if procedure_at is not None and now > procedure_at + _SLIP:
        return Slip.LATE
    return Slip.EXTENDED if extended_at is not None else None
