"""What a tray costs, how it may be paid, until when it waits for its payment, and how its payment stands."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.payments.rules import DEAD, Method, State
from dusangire.payments.rules.fiscal import TaxClass, vat_inside

from .tray import Place

# What a person may choose at checkout, in the order in which it is offered; how they paid last time comes first.
CHOSEN = (
    Method.MTN, Method.AIRTEL, Method.CASH, Method.HOSPITAL_ACCOUNT, Method.SUBSCRIPTION, Method.POINTS, Method.BANK,
    Method.FUND,
)  # fmt: skip
# What a payment that did not come may be changed into.
INSTEAD = (Method.MTN, Method.AIRTEL, Method.CASH, Method.HOSPITAL_ACCOUNT, Method.BANK)
# A prompt on a telephone lives five minutes: who orders just before the cut-off has time for it, and for another.
_GRACE, _WARNING, _PROMPT = timedelta(minutes=10), timedelta(minutes=10), timedelta(minutes=5)


class Zone(Struct, frozen=True):
    """Where trays may be brought, and what it costs."""

    code: str
    place: Place
    charge_minor: int

    @property
    def charge(self) -> Money:
        return Money(self.charge_minor)


class Bill(Struct, frozen=True):
    """What a tray costs. Tax is inside the prices of its items."""

    items: Money
    delivery: Money = Money(0)
    discount: Money = Money(0)

    @property
    def total(self) -> Money:
        return self.items + self.delivery - self.discount


def charge(zone_minor: int | None, place: Place) -> Money | None:
    """Return what bringing a tray to this place costs; None where none is brought. To the bed it always comes."""
    if zone_minor is None:
        return Money(0) if place is Place.BED else None
    return Money(zone_minor)


def vat_of(total: Money, tax: TaxClass) -> Money:
    """Return the tax that a total contains, in whole francs."""
    return Money(int(vat_inside(total, tax).quantize(Decimal(1), ROUND_HALF_UP)))


def offered(last: Method | None) -> tuple[Method, ...]:
    """Return the ways to pay, the one used last first."""
    return tuple(sorted(CHOSEN, key=lambda method: method is not last))


def waits_until(cutoff_at: datetime, placed_at: datetime) -> datetime:
    """Return until when a tray waits for its payment."""
    return max(cutoff_at, placed_at + _GRACE)


def warns_at(cutoff_at: datetime, placed_at: datetime) -> datetime:
    """Return when the one who pays is told that the tray still waits: not while the first prompt is still there."""
    return max(waits_until(cutoff_at, placed_at) - _WARNING, placed_at + _PROMPT)


class Attempt(Protocol):
    """What is asked of a payment."""

    @property
    def id(self) -> UUID: ...
    @property
    def share(self) -> int: ...
    @property
    def method(self) -> Method: ...
    @property
    def state(self) -> State: ...
    @property
    def created_at(self) -> datetime: ...


A = TypeVar("A", bound=Attempt)


class Standing(StrEnum):
    """How it stands with the payment of a tray, in a word its payer understands."""

    SETTLED = "settled"
    AT_BED = "at_bed"
    TRANSFER = "transfer"
    WAITING = "waiting"
    ASKING = "asking"
    FAILED = "failed"
    EXPIRED = "expired"
    STOPPED = "stopped"


_OF_MISSING: dict[State, Standing] = {
    State.CREATED: Standing.WAITING, State.PENDING: Standing.WAITING, State.UNKNOWN: Standing.ASKING,
    State.QUARANTINED: Standing.ASKING, State.FAILED: Standing.FAILED, State.EXPIRED: Standing.EXPIRED,
}  # fmt: skip


def latest(payments: Iterable[A]) -> list[A]:
    """Return the attempt that counts of each share: the live one, or the last of the dead."""
    found: dict[int, A] = {}
    for one in sorted(payments, key=lambda one: (one.state not in DEAD, one.created_at, one.id)):
        found[one.share] = one
    return [found[share] for share in sorted(found)]


def covers(one: Attempt) -> bool:
    """Return whether the kitchen may cook for this share: paid, charged, or due in cash or by transfer."""
    is_due = one.state is State.PENDING and one.method in (Method.CASH, Method.BANK)
    return is_due or one.state in (State.PAID, State.CHARGED)


def missing(payments: Iterable[A]) -> A | None:
    """Return the attempt that a tray waits for; None where every share is covered."""
    return next((one for one in latest(payments) if not covers(one)), None)


def standing(payments: Sequence[Attempt]) -> Standing:
    """Return how it stands with the whole payment: what is missing counts before what is still to be handed over."""
    lacking = missing(payments)
    if lacking is not None:
        return _OF_MISSING.get(lacking.state, Standing.STOPPED)
    due = {one.method for one in latest(payments) if one.state is State.PENDING}
    if Method.BANK in due:
        return Standing.TRANSFER
    return Standing.AT_BED if due else Standing.SETTLED
