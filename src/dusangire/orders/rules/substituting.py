"""Substituting one dish of a tray: when it may be done, for what reason, and what to offer first."""

from collections.abc import Iterable
from enum import StrEnum

from dusangire.menu.rules import Card

from .machine import Status

SUBSTITUTABLE = frozenset({Status.CONFIRMED, Status.PREPARING, Status.PROBLEM, Status.HELD})
"""While the tray is in the kitchen and not yet put together."""
OFFERED = 12


class WhyChanged(StrEnum):
    """Why the kitchen serves something else."""

    SOLD_OUT = "sold_out"
    SPOILED = "spoiled"
    EQUIPMENT = "equipment"


def nearest(cards: Iterable[Card], instead: Card | None, category: str) -> list[Card]:
    """Return the dishes in the order in which they are offered: the same category first, then the nearest energy."""

    def distance(card: Card) -> tuple[bool, bool, object, str]:
        if instead is None or instead.kcal is None or card.kcal is None:
            return (card.category != category, True, 0, card.code)
        return (card.category != category, False, abs(card.kcal - instead.kcal), card.code)

    return sorted(cards, key=distance)


def label_of(said: str) -> tuple[str, int]:
    """Return the code of a tray and the revision of its label from what is typed off it: `L-ABCDE` is the first."""
    code, _, revision = said.strip().upper().partition(".")
    return code, int(revision) if revision.isascii() and revision.isdigit() else 1
