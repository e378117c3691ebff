"""The menu as one patient sees it at one meal: what suits first, what does not with the reason and a safe swap."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from dusangire.diets.rules import DishVerdict, Kind, Meter, Prepared, TrayLine
from dusangire.kernel.phrase import Named
from dusangire.menu.rules import Card, matches

from .why import Why, first, why

_HALF = Decimal("0.5")
_ONE = Decimal(1)
_MOST_METERS = 3
_STOPS = frozenset({Kind.BLOCK, Kind.UNKNOWN})


class State(StrEnum):
    """How a dish stands for this patient and this tray."""

    FITS = "fits"
    FULL = "full"
    OFF = "off"
    SOLD_OUT = "sold_out"


class Offer(Struct, frozen=True):
    """One dish on the menu. `quantity` whole portions are on the tray; `swap` passes with what is there already."""

    card: Card
    state: State
    quantity: int = 0
    why: Why | None = None
    swap: Card | None = None
    half_passes: bool = False

    @property
    def is_offered(self) -> bool:
        """Whether it stands among what suits the patient."""
        return self.state in (State.FITS, State.FULL)

    @property
    def shape(self) -> tuple[object, ...]:
        """What the line shows besides the numbers of its reason: it is drawn again only when this changes."""
        swap, rule = self.swap.code if self.swap else None, self.why.rule if self.why else None
        words = self.why.why if self.why and self.is_offered else None
        return (self.state, self.quantity, rule, words, swap, self.half_passes)

    @property
    def mark(self) -> tuple[object, ...]:
        """Everything the line shows."""
        return (*self.shape, self.why.why if self.why else None)


class Shelf(Struct, frozen=True):
    """Every dish of one meal in two lists, each in the order of the menu."""

    suits: tuple[Offer, ...]
    off: tuple[Offer, ...]

    def all(self) -> tuple[Offer, ...]:
        return self.suits + self.off


def stop_of(prepared: Prepared) -> Why | None:
    """Return why this patient may have nothing at this meal, whatever the dish; None where they may order."""
    stops = [reason for reason in prepared.about_patient if reason.kind in _STOPS]
    if not stops:
        return None
    return why(sorted(stops, key=lambda reason: (reason.source != "NPO", reason.kind is not Kind.BLOCK))[0])


def shelf(cards: Mapping[str, Card], verdicts: Mapping[str, DishVerdict], lines: Iterable[TrayLine]) -> Shelf:
    """Return every judged dish as an offer, what is on the tray staying among what suits."""
    on_tray: dict[str, int] = {}
    for line in lines:
        if line.portion == _ONE:
            on_tray[line.dish] = on_tray.get(line.dish, 0) + int(line.quantity)
    passing = [cards[code] for code, found in verdicts.items() if _passes(cards[code], found)]
    offers = [_offer(cards[code], found, on_tray.get(code, 0), passing) for code, found in verdicts.items()]
    return Shelf(
        suits=tuple(offer for offer in offers if offer.is_offered),
        off=tuple(offer for offer in offers if not offer.is_offered),
    )


def narrowed(found: Shelf, text: str, category: str) -> Shelf:
    """Return the shelf with only the dishes that were searched for; accents and case do not matter."""

    def is_wanted(offer: Offer) -> bool:
        return (not category or offer.card.category == category) and (not text or matches(offer.card, text))

    return Shelf(
        suits=tuple(offer for offer in found.suits if is_wanted(offer)),
        off=tuple(offer for offer in found.off if is_wanted(offer)),
    )


def changed(before: Shelf, after: Shelf) -> list[Offer]:
    """Return the lines that look different now."""
    shapes = {offer.card.code: offer.shape for offer in before.all()}
    return [offer for offer in after.all() if shapes.get(offer.card.code) != offer.shape]


def reworded(before: Shelf, after: Shelf) -> list[Offer]:
    """Return the dishes that are off for the same rule as before, by other numbers."""
    seen = {offer.card.code: (offer.shape, offer.mark) for offer in before.all()}
    return [
        offer
        for offer in after.off
        if offer.card.code in seen
        and seen[offer.card.code][0] == offer.shape
        and seen[offer.card.code][1] != offer.mark
    ]


def main_meters(meters: Iterable[Meter]) -> list[Meter]:
    """Return the meters to show: the meal's before the day's, those with a limit that stops first, at most three."""
    limited = [meter for meter in meters if meter.most is not None or meter.least]
    ordered = sorted(limited, key=lambda meter: (meter.stops_at is None and not _must(meter), meter.scope == "day"))
    return ordered[:_MOST_METERS]


def _must(meter: Meter) -> bool:
    return meter.scope == "meal" and bool(meter.least)


def _passes(card: Card, found: DishVerdict) -> bool:
    return card.is_available and found.verdict.is_allowed


def _offer(card: Card, found: DishVerdict, quantity: int, passing: list[Card]) -> Offer:
    if not card.is_available:
        return Offer(card, State.SOLD_OUT, quantity, None, _swap(card, passing))
    if found.verdict.is_allowed:
        return Offer(card, State.FITS, quantity)
    name = Named(card.name_en, card.name_fr, card.name_rw)
    told = first(found.verdict, lambda _code: name)
    if quantity and not any(reason.dish for reason in found.verdict.reasons):
        return Offer(card, State.FULL, quantity, told)
    return Offer(card, State.OFF, quantity, told, _swap(card, passing), _HALF in found.portions)


def _swap(card: Card, passing: list[Card]) -> Card | None:
    """Return the nearest dish that passes: the same category first, then the nearest in energy."""
    others = [other for other in passing if other.code != card.code]
    return min(others, key=lambda other: (other.category != card.category, _distance(card, other)), default=None)


def _distance(card: Card, other: Card) -> Decimal:
    if card.kcal is None or other.kcal is None:
        return Decimal("Infinity")
    return abs(card.kcal - other.kcal)
