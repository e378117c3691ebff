"""What is decided about meals for people who are not patients."""

from dusangire.catering.rules.events import (
    EVENT,
    FARTHEST,
    NOTICE,
    OPEN_EVENTS,
    EventStatus,
    EventVerb,
    Offer,
    is_valid,
    refuse_ask,
    total_of,
)
from dusangire.catering.rules.trays import (
    MOST_DISHES,
    STAFF_PERIODS,
    STAFF_TRAY,
    TO_MAKE,
    TrayStatus,
    TrayVerb,
    clashes,
    is_for_staff,
    refuse_choice,
)

__all__ = [
    "EVENT",
    "FARTHEST",
    "MOST_DISHES",
    "NOTICE",
    "OPEN_EVENTS",
    "STAFF_PERIODS",
    "STAFF_TRAY",
    "TO_MAKE",
    "EventStatus",
    "EventVerb",
    "Offer",
    "TrayStatus",
    "TrayVerb",
    "clashes",
    "is_for_staff",
    "is_valid",
    "refuse_ask",
    "refuse_choice",
    "total_of",
]
