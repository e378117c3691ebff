"""Our books of a day against somebody else's list of it, to the franc."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.ids import as_uuid
from dusangire.kernel.money import Money
from dusangire.payments.rules.statement import Kind, StatementLine


class Difference(StrEnum):
    """What can be wrong with one line."""

    MATCHED = "matched"
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    DUPLICATE = "duplicate"
    STATE = "state"


class Ours(Struct, frozen=True):
    """What our books say of one movement. is_captured: False where we know of it but count no money."""

    reference: str
    provider_ref: str
    amount: Money
    kind: Kind
    payment: UUID | None
    is_captured: bool
    is_of_day: bool


class Finding(Struct, frozen=True):
    """One line of the comparison. None: that side has nothing."""

    difference: Difference
    kind: Kind
    reference: str
    provider_ref: str
    payment: UUID | None
    ours: Money | None
    theirs: Money | None
    number: int = 1

    @property
    def key(self) -> str:
        """The same finding has the same key in every run of the day."""
        return f"{self.kind}:{self.difference}:{self.reference or self.provider_ref}:{self.number}"


def compare(ours: Sequence[Ours], theirs: Sequence[StatementLine]) -> list[Finding]:
    """Return a finding for each line of theirs, in their order, and then for each of ours of the day that they lack."""
    by_name = {name: one for one in ours for name in _names(one.kind, one.reference, one.provider_ref)}
    met: dict[tuple[Kind, str], int] = {}
    findings = []
    for line in theirs:
        mine = next((by_name[n] for n in _names(line.kind, line.reference, line.provider_ref) if n in by_name), None)
        said = (line.kind, plain(mine.reference if mine else line.reference or line.provider_ref))
        met[said] = met.get(said, 0) + 1
        findings.append(_found(mine, line, met[said]))
    left = [one for one in ours if one.is_captured and one.is_of_day and (one.kind, plain(one.reference)) not in met]
    return findings + [_missing_there(one) for one in left]


def plain(reference: str) -> str:
    """Return a reference as it is compared: the networks write ours with and without dashes."""
    number = as_uuid(reference)
    return number.hex if number else reference.strip().upper()


def _names(kind: Kind, reference: str, provider_ref: str) -> list[tuple[Kind, str, str]]:
    names = [(kind, "ours", plain(reference)), (kind, "theirs", provider_ref.strip())]
    return [name for name in names if name[2]]


def _found(mine: Ours | None, line: StatementLine, number: int) -> Finding:
    return Finding(
        _difference(mine, line, number),
        line.kind,
        mine.reference if mine else line.reference,
        line.provider_ref,
        mine.payment if mine else None,
        mine.amount if mine and mine.is_captured else None,
        line.amount,
        number,
    )


def _difference(mine: Ours | None, line: StatementLine, number: int) -> Difference:
    if mine is None:
        return Difference.MISSING_HERE
    if number > 1:
        return Difference.DUPLICATE
    if not mine.is_captured:
        return Difference.STATE
    return Difference.MATCHED if mine.amount == line.amount else Difference.AMOUNT


def _missing_there(one: Ours) -> Finding:
    return Finding(Difference.MISSING_THERE, one.kind, one.reference, one.provider_ref, one.payment, one.amount, None)
