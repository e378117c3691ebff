"""What still fits on the tray, said in dishes instead of grams: "you can still add one fruit"."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from dusangire.diets.rules import TrayLine
from dusangire.menu.rules import Card

from .shelf import Offer, Shelf, State

_MOST_SAID = 3
_DISH_GROUPS = (
    "starch", "protein", "vegetable", "fruit", "combo", "soup", "bread", "porridge", "drink", "dessert", "snack",
    "supplement",
)  # fmt: skip
"""In the order in which a plate is filled."""


class Addition(Struct, frozen=True):
    """One more dish that passes with what is on the tray already; `is_half` where only half a portion does."""

    card: Card
    is_half: bool = False

    @property
    def key(self) -> str:
        """The catalogue's key of "one fruit" or "half a fruit"."""
        return f"order.{'half' if self.is_half else 'one'}.{self.card.category}"


class Room(Struct, frozen=True):
    """What may join the tray: `adds`, at most three kinds of food, or `finishes`, each of which alone completes it.

    Both empty: nothing more fits. Every dish named passes as the tray is now.
    """

    adds: tuple[Addition, ...] = ()
    finishes: tuple[Card, ...] = ()


def room(shelf: Shelf, lines: Sequence[TrayLine], passes: Callable[[tuple[TrayLine, ...]], bool]) -> Room:
    """Return what a patient can still take. `passes` says whether a whole tray could be ordered as it is.

    A tray that lacks something is told what completes it; any other what kinds of food still fit, the kinds that are
    not on it first.
    """
    fitting = [offer.card for offer in shelf.suits if offer.state is State.FITS]
    if lines and not passes(tuple(lines)):
        enough = (card for card in fitting if passes((*lines, TrayLine(card.code))))
        finishes = _first_of_each(enough, _chosen(shelf))
        if finishes:
            return Room(finishes=finishes)
    whole = _first_of_each(fitting, _chosen(shelf))
    if whole:
        return Room(adds=tuple(Addition(card) for card in whole))
    halves = _first_of_each((offer.card for offer in shelf.off if offer.half_passes), _chosen(shelf))
    return Room(adds=tuple(Addition(card, is_half=True) for card in halves))


def _chosen(shelf: Shelf) -> frozenset[str]:
    return frozenset(offer.card.category for offer in shelf.all() if _is_on_tray(offer))


def _is_on_tray(offer: Offer) -> bool:
    return offer.quantity > 0


def _first_of_each(cards: Iterable[Card], chosen: frozenset[str]) -> tuple[Card, ...]:
    """Return the first dish of each kind of food, what the tray has none of first, at most three."""
    kinds: dict[str, Card] = {}
    for card in cards:
        kinds.setdefault(card.category, card)
    known = [kinds[name] for name in _DISH_GROUPS if name in kinds]
    return tuple(sorted(known, key=lambda card: card.category in chosen)[:_MOST_SAID])
