"""When a provider is asked, how its answer is compared with what was asked of it, and what follows from it."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.ids import as_uuid
from dusangire.kernel.money import Money
from dusangire.payments.rules.machine import ASKED, PayVerb, State
from dusangire.payments.rules.providers import Paid

# A worker that took a row and died gives it free again after this time.
LEASE = timedelta(seconds=60)
# Before the first question, the request itself is sent by the job that hears of it.
SOON = timedelta(seconds=5)
_FIRST_S = (5, 10, 20, 40)
_EACH = timedelta(minutes=1)
_PATIENT = timedelta(minutes=10)
_SELDOM = timedelta(minutes=3)
_GIVE_UP = timedelta(hours=24)
# Silent this many times in a row, and a provider is said to be down.
DOWN_AFTER = 3
# The reason of a payment that nobody could say anything about for a day: finance looks at it.
GIVEN_UP = "given_up"


class Mismatch(StrEnum):
    """What about the provider's answer is not what was asked."""

    REFERENCE = "reference"
    AMOUNT = "amount"
    CURRENCY = "currency"
    PARTY = "party"
    USED = "used"

    @property
    def is_elsewhere(self) -> bool:
        """True where the answer speaks of somebody else's money: ours may still come."""
        return self in (Mismatch.REFERENCE, Mismatch.USED)


class Asked(Struct, frozen=True):
    """What a provider was asked to move. phone: whose money."""

    reference: UUID
    amount: Money
    phone: str | None


def next_poll(polls: int, first_at: datetime, now: datetime) -> datetime | None:
    """Return when to ask again after that many times; None once it is given up, a day after the first."""
    if now - first_at >= _GIVE_UP:
        return None
    if now - first_at >= _PATIENT:
        return now + _SELDOM
    return now + (timedelta(seconds=_FIRST_S[polls]) if polls < len(_FIRST_S) else _EACH)


def is_overdue(first_at: datetime, now: datetime) -> bool:
    """Say whether it has been asked for so long that nobody can say any more what became of it."""
    return now - first_at >= _PATIENT


def mismatch(asked: Asked, answer: Paid) -> Mismatch | None:
    """Return the first thing about the answer that is not as it was asked; None where it is ours to the franc."""
    if as_uuid(answer.reference) != asked.reference:
        return Mismatch.REFERENCE
    if answer.amount is not None and answer.amount.currency != asked.amount.currency:
        return Mismatch.CURRENCY
    if answer.amount is not None and answer.amount.minor != asked.amount.minor:
        return Mismatch.AMOUNT
    if answer.phone is not None and asked.phone is not None and answer.phone != asked.phone:
        return Mismatch.PARTY
    return None


def on_money(state: State, *, is_wanted: bool, has_rival: bool) -> PayVerb | None:
    """Return what follows when the money of a payment came; None where it came before.

    One that failed, expired or was doubted still counts while nothing took its place and what it pays for stands.
    """
    if state in ASKED:
        return PayVerb.SETTLE
    if state in (State.FAILED, State.EXPIRED, State.QUARANTINED):
        return PayVerb.SETTLE if is_wanted and not has_rival else PayVerb.COME_LATE
    return PayVerb.COME_LATE if state is State.CANCELLED else None
