"""Overrides in words: what each sets aside, and the line that is printed on a tray's ticket."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol

from dusangire.diets.rules.overrides import Override, State
from dusangire.kernel.phrase import Named, Phrase

from .why import Why, why


class Tray(Protocol):
    """What an override can be for: the meal of a patient, with its lines."""

    @property
    def day(self) -> date: ...
    @property
    def period(self) -> str: ...
    @property
    def dishes(self) -> frozenset[str]: ...


def set_aside(one: Override) -> Why:
    """Return the words of the rule that an override sets aside."""
    return why(one.broken(), one.named)


def on_ticket(one: Override) -> Phrase:
    """Return what ticket, wall and hand-over say of an override."""
    facts: dict[str, Phrase | Named | str | int] = {
        "what": set_aside(one).what,
        "dish": one.named,
        "name": _names(one),
        "reason": one.reason,
    }
    return Phrase("override.on_ticket", facts)


def band(one: Override) -> Phrase:
    """Return the few words of the black band on a printed ticket."""
    return Phrase("override.band", {"what": set_aside(one).what})


def counting(given: Iterable[Override], tray: Tray, now: datetime) -> list[Override]:
    """Return the overrides that count for a tray's dishes now; `given` are its patient's."""
    return [
        one
        for one in given
        if (one.day, one.period) == (tray.day, tray.period)
        and one.dish in tray.dishes
        and one.state(now) is State.COUNTS
    ]


def tickets_of(given: Iterable[Override], tray: Tray, now: datetime) -> tuple[Phrase, ...]:
    """Return the lines of the overrides that count for a tray's dishes now; `given` are its patient's."""
    return tuple(on_ticket(one) for one in counting(given, tray, now))


def _names(one: Override) -> str:
    both = (one.given_name, one.seconded_name if one.needs_second else None)
    return " + ".join(name.split()[0] for name in both if name)
