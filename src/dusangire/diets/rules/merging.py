"""Two lists of allergies made one: each code once, at its worst."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from .facts import Severity

_WORST_FIRST = tuple(Severity)


class Degree(Protocol):
    """One recorded allergy."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> str: ...


A = TypeVar("A", bound=Degree)


def kept_allergies(own: Sequence[A], more: Iterable[A]) -> tuple[list[A], list[A]]:
    """Return which of the patient's own rows end, and which of the other record's rows are added.

    A degree nobody knows counts as the worst.
    """
    ended: list[A] = []
    added: list[A] = []
    for row in more:
        same = [one for one in own if one.code.casefold() == row.code.casefold()]
        if all(_rank(row) < _rank(one) for one in same):
            ended += same
            added.append(row)
    return ended, added


def _rank(row: Degree) -> int:
    return _WORST_FIRST.index(Severity(row.severity)) if row.severity in _WORST_FIRST else -1
