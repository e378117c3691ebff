"""What medicines and food do to each other, as the manual has it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from .facts import Kind


class Subject(StrEnum):
    """What of a dish a note speaks of: one of its tags, a food in it by name, or a nutrient of the whole tray."""

    TAG = "tag"
    FOOD = "food"
    NUTRIENT = "nutrient"


class FoodDrugNote(Struct, frozen=True):
    """One row of the manual: while `flag` is set, food like `subject` is noted (`advice`) or asked about (`ask`).

    A nutrient is noted where one tray holds more than `threshold`. `text_key` names the words people read.
    """

    flag: str
    subject_kind: Subject
    subject: str
    threshold: Decimal | None
    kind: Kind
    text_key: str
    source: str


def notes_from_rows(rows: Iterable[Mapping[str, str]]) -> tuple[FoodDrugNote, ...]:
    """Return the notes of food_drug_notes.csv. Raises ValueError for a kind that the verdict does not know."""
    return tuple(
        FoodDrugNote(
            row["flag"],
            Subject(row["subject_kind"]),
            row["subject"],
            Decimal(row["threshold"]) if row["threshold"] else None,
            Kind(row["kind"]),
            row["text_key"],
            row["source"],
        )
        for row in rows
    )
