"""Everything the kitchen reads."""

from dusangire.kitchen.queries.board import (
    Around,
    Happened,
    around_of,
    at_pass,
    board,
    card,
    checked_by,
    history,
    items,
    safety_rev,
)
from dusangire.kitchen.queries.staff import PatientDish, Waiting, production, waiting_patients

__all__ = [
    "Around",
    "Happened",
    "PatientDish",
    "Waiting",
    "around_of",
    "at_pass",
    "board",
    "card",
    "checked_by",
    "history",
    "items",
    "production",
    "safety_rev",
    "waiting_patients",
]
