"""Medicines that meet food: notes and questions, never a stop and never silence."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from dusangire.menu.rules import DishFacts

from .facts import Bound, Kind, Reason, TrayLine
from .flags import MEDICINES
from .food_drug import FoodDrugNote, Subject
from .limits import unit_of
from .sums import add_up

SOURCE = "MEDICINE"


class Medicines(Struct, frozen=True):
    """The notes that count for one patient, and which of their medicines no note speaks of."""

    notes: tuple[FoodDrugNote, ...] = ()
    flags: frozenset[str] = frozenset()

    @property
    def nutrients(self) -> tuple[FoodDrugNote, ...]:
        return tuple(note for note in self.notes if note.subject_kind is Subject.NUTRIENT)


def medicines(flags: frozenset[str], notes: Iterable[FoodDrugNote]) -> Medicines:
    """Return what has to be said of food to a patient with these flags."""
    taken = flags & MEDICINES
    return Medicines(tuple(note for note in notes if note.flag in taken), taken)


def checked(found: Medicines) -> list[Reason]:
    """Return what the verdict says of drug interactions: each medicine checked or not, "not checked" without any."""
    covered = {note.flag for note in found.notes}
    told = [
        Reason(Kind.ADVICE, "PATIENT", "checked" if flag in covered else "not_checked", flag, "order")
        for flag in sorted(found.flags)
    ]
    return told or [Reason(Kind.ADVICE, "PATIENT", "not_checked", "drug_interactions", "order")]


def about_dish(dish: DishFacts, found: Medicines) -> list[Reason]:
    """Return the notes on one dish, whatever its portion."""
    return [_reason(note, dish=dish.code) for note in found.notes if speaks_of(note, dish)]


def about_tray(lines: Sequence[TrayLine], dishes: Mapping[str, DishFacts], found: Medicines) -> list[Reason]:
    """Return the notes on what a whole tray holds; a dish that does not say how much counts as too much to know."""
    told: list[Reason] = []
    for note in found.nutrients:
        total = add_up(lines, note.subject, dishes)
        most = note.threshold or Decimal(0)
        if total.known > most or total.has_gap:
            told.append(_reason(note, value=total.known))
    return told


def speaks_of(note: FoodDrugNote, dish: DishFacts) -> bool:
    """Whether a note is about this dish by itself."""
    match note.subject_kind:
        case Subject.TAG:
            return note.subject in dish.tags or note.subject in dish.unknown_tags
        case Subject.FOOD:
            wanted = _words(note.subject)
            return bool(wanted) and any(wanted <= _words(name) for name in (dish.name, *(dish.ingredients or ())))
        case Subject.NUTRIENT:
            return False


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _reason(note: FoodDrugNote, *, dish: str | None = None, value: Decimal | None = None) -> Reason:
    is_tray = note.subject_kind is Subject.NUTRIENT
    return Reason(
        note.kind,
        SOURCE,
        note.flag,
        note.subject,
        "meal" if is_tray else "item",
        value,
        note.threshold,
        unit_of(note.subject) if is_tray else "",
        Bound.MAX if is_tray else None,
        dish,
        hard=False,
    )
