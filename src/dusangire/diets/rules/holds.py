"""NPO holds: when nothing may be eaten, and which orders a hold leaves suspended."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from .facts import DietOrderFacts, HoldFacts, Kind, Reason

_MINUTE = timedelta(minutes=1)


class Fast(Struct, frozen=True):
    """One hold to the minute, half-open; no end: until released. `began` is its start as entered."""

    start: datetime
    end: datetime | None
    began: datetime


def fasts(holds: Iterable[HoldFacts], now: datetime) -> tuple[tuple[Fast, ...], tuple[Reason, ...]]:
    """Return the holds that count, start rounded down and end up, and a reason for each that ends before it starts.

    A cancellation dated after `now` has not happened yet.
    """
    found: list[Fast] = []
    unsure: list[Reason] = []
    for hold in holds:
        cancelled_at = hold.cancelled_at if hold.cancelled_at is not None and hold.cancelled_at <= now else None
        if hold.end is not None and hold.end <= hold.start:
            unsure.append(Reason(Kind.UNKNOWN, "NPO", "bad_interval", "", "order"))
        elif cancelled_at is None or cancelled_at >= _down(hold.start):
            found.append(Fast(_down(hold.start), _end(hold.end, cancelled_at), hold.start))
    return tuple(found), tuple(unsure)


def fasting(found: Iterable[Fast], now: datetime, serve_at: datetime) -> bool:
    """Return whether any hold touches the time from now to the serving, both included."""
    last = max(now, serve_at)
    return any(fast.start <= last and (fast.end is None or fast.end > now) for fast in found)


def is_suspended(order: DietOrderFacts, found: Iterable[Fast], now: datetime) -> bool:
    """Return whether a hold that is over has suspended an order: signed before it, and not made to start after it."""
    return any(_suspends(fast, order, now) for fast in found)


def _suspends(fast: Fast, order: DietOrderFacts, now: datetime) -> bool:
    if fast.end is None or fast.end > now:
        return False
    is_earlier = order.signed_at is None or order.signed_at < fast.began
    return is_earlier and order.start < fast.end


def _end(planned: datetime | None, cancelled_at: datetime | None) -> datetime | None:
    ends = [_up(at) for at in (planned, cancelled_at) if at is not None]
    return min(ends, default=None)


def _down(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _up(at: datetime) -> datetime:
    down = _down(at)
    return down if down == at else down + _MINUTE
