"""Cash in people's hands: what a shift may do, what was counted, and how many people receive it."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.machine import Machine
from dusangire.kernel.money import Money
from dusangire.payments.rules.ledger import Account, Line

# The notes and coins of Rwanda, in francs.
PIECES = (5000, 2000, 1000, 500, 100, 50, 20, 10, 5, 1)


class ShiftState(StrEnum):
    """Where the cash of a shift is: being taken, counted, seen by one of two receivers, handed over."""

    OPEN = "open"
    COUNTED = "counted"
    CHECKED = "checked"
    CLOSED = "closed"


class ShiftVerb(StrEnum):
    """What can happen to a shift."""

    COUNT = "count"
    CHECK = "check"
    CLOSE = "close"


_S, _V = ShiftState, ShiftVerb
SHIFT: Machine[ShiftState, ShiftVerb] = Machine(
    _S.OPEN,
    [
        (_V.COUNT, frozenset({_S.OPEN, _S.COUNTED, _S.CHECKED}), _S.COUNTED),
        (_V.CHECK, frozenset({_S.COUNTED}), _S.CHECKED),
        (_V.CLOSE, frozenset({_S.COUNTED, _S.CHECKED}), _S.CLOSED),
    ],
)


class Count(Struct, frozen=True):
    """What somebody counted. reason: why it is not what was expected, '' where it is."""

    counted: Money
    pieces: dict[str, int] | None = None
    reason: str = ""


class Held(Struct, frozen=True):
    """What decides who may receive a counted shift. limit: above it the difference wants a second receiver."""

    state: ShiftState
    collector: UUID
    expected: Money
    counted: Money
    limit: Money
    received_by: UUID | None = None

    @property
    def variance(self) -> Money:
        """Counted less expected: negative where money is missing."""
        return self.counted - self.expected

    @property
    def people(self) -> int:
        """How many people receive it."""
        return 2 if abs(self.variance.minor) > self.limit.minor else 1


def in_pieces(pieces: Mapping[int, int]) -> Money:
    """Return what notes and coins come to. Raises ValueError for a piece that there is not, or fewer than none."""
    if any(piece not in PIECES or times < 0 for piece, times in pieces.items()):
        raise ValueError(f"these are not the notes and coins of Rwanda: {dict(pieces)}")
    return Money(sum(piece * times for piece, times in pieces.items()))


def receiving(held: Held, receiver: UUID) -> ShiftVerb | str:
    """Return the verb by which this person receives the shift, or the key of why they may not."""
    if receiver == held.collector:
        return "finance.cash.own_shift"
    if held.state is ShiftState.CHECKED:
        return ShiftVerb.CLOSE if receiver != held.received_by else "finance.cash.second_person"
    if held.state is not ShiftState.COUNTED:
        return "finance.cash.not_counted"
    return ShiftVerb.CHECK if held.people == 2 else ShiftVerb.CLOSE


def hand_over(held: Held) -> list[Line]:
    """Return the entry of a hand-over: what was counted is in the safe, what is missing or too much is named."""
    return [
        (Account.CASH_SAFE, None, held.counted.minor),
        (Account.CASH_VARIANCE, None, -held.variance.minor),
        (Account.CASH_FLOAT, held.collector, -held.expected.minor),
    ]


def opening(collector: UUID, amount: Money) -> list[Line]:
    """Return the entry of change money given to somebody who will take cash."""
    return [(Account.CASH_FLOAT, collector, amount.minor), (Account.CASH_SAFE, None, -amount.minor)]
