"""What the finance office may ask its lists for, and the plain form of an entry by hand."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.machine import ASKED, DEAD, Method, Purpose, State

_E = TypeVar("_E", bound=StrEnum)

# Accounts whose parts belong to nobody: only these take an entry by hand, the others move with what they are about.
BY_HAND = (
    Account.CASH_SAFE, Account.BANK, Account.MTN_CLEARING, Account.AIRTEL_CLEARING, Account.VAT_PAYABLE, Account.MEALS,
    Account.DELIVERY, Account.DISCOUNTS, Account.EVENTS, Account.CASH_VARIANCE, Account.COMPENSATION,
    Account.HOSPITAL_MEALS, Account.LOYALTY_COST, Account.WRITE_OFF,
)  # fmt: skip


_OF = ("trays", "all")


class Counts(StrEnum):
    """What a payment brings: money; a debt on a bill; or nothing new, for plans, points and gifts were paid before."""

    MONEY = "money"
    ON_ACCOUNT = "on_account"
    PREPAID = "prepaid"


_COUNTS = {
    Method.HOSPITAL_ACCOUNT: Counts.ON_ACCOUNT,
    Method.INSURER: Counts.ON_ACCOUNT,
    Method.HOSPITAL: Counts.ON_ACCOUNT,
    Method.SUBSCRIPTION: Counts.PREPAID,
    Method.POINTS: Counts.PREPAID,
    Method.FUND: Counts.PREPAID,
}


class Decision(StrEnum):
    """What becomes of quarantined money: it pays after all, it goes back, or it stays with the hospital as it came."""

    ACCEPT = "accept"
    RETURN = "return"
    KEEP = "keep"


def decisions(asked: Money, came: Money | None, *, is_wanted: bool) -> list[Decision]:
    """Return what may be decided: another amount never pays, and no more goes back than was asked for."""
    if came is None or came.currency != asked.currency:
        return []
    possible = {
        Decision.ACCEPT: came == asked and is_wanted,
        Decision.RETURN: came.minor <= asked.minor,
        Decision.KEEP: True,
    }
    return [one for one in Decision if possible[one]]


def counts_as(method: Method) -> Counts:
    """Return what a payment of this method is in a sum, so that no franc is counted twice."""
    return _COUNTS.get(method, Counts.MONEY)


class PaymentFilter(Struct, frozen=True):
    """Which payments: opened on a day, of the trays of a day, or of all days; perhaps of one method, state, purpose.

    until: the last day, where more than one is asked for.
    """

    day: date
    method: str = ""
    state: str = ""
    purpose: str = ""
    of: str = ""
    before: UUID | None = None
    until: date | None = None

    @property
    def last(self) -> date:
        return self.until or self.day

    def query(self, **other: object) -> str:
        """Return the address's query with these arguments changed; the place in the list is not kept."""
        kept = {"day": self.day, "method": self.method, "state": self.state, "purpose": self.purpose}
        return query({**kept, "of": self.of, "until": self.until, **other})


def payment_filter(said: Mapping[str, str], today: date) -> PaymentFilter:
    day, until = day_of(said.get("day")) or today, day_of(said.get("until"))
    return PaymentFilter(
        day,
        _one(Method, said.get("method")),
        _one(State, said.get("state")),
        _one(Purpose, said.get("purpose")),
        of if (of := said.get("of", "")) in _OF else "",
        uuid_of(said.get("before")),
        until if until and until > day else None,
    )


def day_of(said: str | None) -> date | None:
    """Return the day of an address; None for none and for nonsense."""
    try:
        day = date.fromisoformat(said or "")
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def uuid_of(said: str | None) -> UUID | None:
    try:
        return UUID(said or "")
    except ValueError:
        return None


def query(values: Mapping[str, object]) -> str:
    return urlencode({name: str(value) for name, value in values.items() if value not in ("", None)})


def tone(state: State) -> str:
    """Return how a payment's state is shown: good, waiting, wrong, or over."""
    if state is State.QUARANTINED or state is State.UNKNOWN:
        return "stop"
    if state in ASKED or state is State.LATE:
        return "look"
    return "over" if state in DEAD else "good"


def _one(kind: type[_E], said: str | None) -> str:
    return said if said in tuple(kind) else ""
