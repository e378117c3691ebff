"""The tray of somebody who works here: simpler than a patient's, and always behind it."""

from collections.abc import Collection
from enum import StrEnum

from dusangire.kernel.machine import Machine
from dusangire.menu.rules import Card


class TrayStatus(StrEnum):
    """Where a staff tray stands."""

    ORDERED = "ordered"
    PREPARING = "preparing"
    READY = "ready"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class TrayVerb(StrEnum):
    """What can be done to a staff tray."""

    START = "start"
    PLATE = "plate"
    HAND_OVER = "hand_over"
    CANCEL = "cancel"


_S, _V = TrayStatus, TrayVerb
STAFF_TRAY: Machine[TrayStatus, TrayVerb] = Machine(
    _S.ORDERED,
    [
        (_V.START, frozenset({_S.ORDERED}), _S.PREPARING),
        (_V.PLATE, frozenset({_S.PREPARING}), _S.READY),
        (_V.HAND_OVER, frozenset({_S.READY}), _S.DELIVERED),
        (_V.CANCEL, frozenset({_S.ORDERED}), _S.CANCELLED),
    ],
)
TO_MAKE = frozenset({_S.ORDERED, _S.PREPARING, _S.READY})
# Staff eat lunch and dinner here; snacks and breakfast are for patients.
STAFF_PERIODS = frozenset({"lunch", "dinner"})
MOST_DISHES = 5


def is_for_staff(card: Card) -> bool:
    """Say whether a dish is food for healthy people: not a therapeutic product that is given on prescription."""
    return card.category != "supplement"


def clashes(allergens: Collection[str], contains: Collection[str], may_contain: Collection[str]) -> frozenset[str]:
    """Return the allergens a person must not eat that a dish contains or may contain."""
    return frozenset(allergens) & (frozenset(contains) | frozenset(may_contain))


def refuse_choice(dishes: int) -> str | None:
    """Return the key of what is wrong with how many dishes were chosen; None where nothing is."""
    if dishes == 0:
        return "catering.choose_dish"
    return "catering.too_many_dishes" if dishes > MOST_DISHES else None
