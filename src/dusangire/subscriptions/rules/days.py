"""The days of a plan, by the calendar of the hospital: when a period ends, what a pause adds, when to ask for money."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dusangire.payments.rules import Method

RETRY_DAYS = 3
"""An unpaid renewal is asked for on this many days; then the plan lapses."""

AWAIT_DAYS = 14
"""A plan that was never paid is forgotten after so many days: a bank transfer takes its time."""

# Nobody approves a payment on their phone at midnight, and what is not approved fails.
WAKING = time(7)


def ends_on(starts_on: date, days: int) -> date:
    """Return the first day that is no longer part of the period: the day of the renewal."""
    return starts_on + timedelta(days=days)


def paused_from(paused_on: date, last_eaten: date | None) -> date:
    """Return the first day that a pause takes out: a day whose meals were had is not given back."""
    return paused_on if last_eaten is None else max(paused_on, last_eaten + timedelta(days=1))


def days_paused(paused_on: date, resumed_on: date, last_eaten: date | None = None) -> int:
    """Return by how many days a pause moves the renewal. The day of the resuming is a day of the plan again."""
    return max(0, (resumed_on - paused_from(paused_on, last_eaten)).days)


def first_left(today: date, last_eaten: date | None) -> date:
    """Return the first day that was not yet had: today, unless today's meals were."""
    return paused_from(today, last_eaten)


def days_left(ends: date, days: int, first: date) -> int:
    """Return how many days of the period come from this one on. A pause moved the end with what it took out."""
    return min(max(0, (ends - first).days), days)


def may_ask(method: Method, now: datetime, zone: str) -> bool:
    """Say whether this is an hour at which a renewal is asked for by this method."""
    return not method.is_mobile or now.astimezone(ZoneInfo(zone)).time() >= WAKING


def has_lapsed(method: Method, due_on: date, today: date) -> bool:
    """Say whether an unpaid renewal was asked for often enough; a bank transfer takes longer than a telephone."""
    return today >= due_on + timedelta(days=AWAIT_DAYS if method is Method.BANK else RETRY_DAYS)


def was_forgotten(due_on: date, today: date) -> bool:
    """Say whether a plan that was asked for is not going to be paid any more."""
    return today >= due_on + timedelta(days=AWAIT_DAYS)


def is_told_today(ends: date, today: date) -> bool:
    """Say whether the person hears today that their plan renews or ends tomorrow."""
    return ends - today == timedelta(days=1)
