"""What a tray is and what may become of it: the machine, its meal, until when, and the words of a refusal."""

from dusangire.menu.rules import PORTIONS

from .bars import Bar, bar, main_nutrient
from .machine import (
    CALLABLE_OFF,
    GATES,
    GONE,
    MARKS,
    OPEN,
    ORDER,
    RESTARTS,
    Status,
    Verb,
)
from .meals import LETTERS, MEALS, period_phrase, serving_of, window
from .notes import note_phrase, stored
from .shelf import Offer, Shelf, State, changed, main_meters, narrowed, shelf, stop_of
from .tracking import Step, pace, steps
from .tray import (
    MOST_OF_ONE,
    Cancelling,
    Place,
    RatingReason,
    RequestState,
    can_charge,
    cancelling,
    is_late,
    is_still_orderable,
    opening_request,
    ordered_by,
)
from .why import Why, first, nutrient_key, unit_key, why

__all__ = [
    "CALLABLE_OFF",
    "GATES",
    "GONE",
    "LETTERS",
    "MARKS",
    "MEALS",
    "MOST_OF_ONE",
    "OPEN",
    "ORDER",
    "PORTIONS",
    "RESTARTS",
    "Bar",
    "Cancelling",
    "Offer",
    "Place",
    "RatingReason",
    "RequestState",
    "Shelf",
    "State",
    "Status",
    "Step",
    "Verb",
    "Why",
    "bar",
    "can_charge",
    "cancelling",
    "changed",
    "first",
    "is_late",
    "is_still_orderable",
    "main_meters",
    "main_nutrient",
    "narrowed",
    "note_phrase",
    "nutrient_key",
    "opening_request",
    "ordered_by",
    "pace",
    "period_phrase",
    "serving_of",
    "shelf",
    "steps",
    "stop_of",
    "stored",
    "unit_key",
    "why",
    "window",
]
