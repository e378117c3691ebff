"""Everything that changes meals for people who are not patients."""

from dusangire.catering.service.events import (
    Asked,
    Quote,
    accept,
    ask,
    cancel,
    decline,
    deliver,
    paid,
    quote,
    start_event,
)
from dusangire.catering.service.trays import (
    Wanted,
    avoid,
    cancel_tray,
    hand_over,
    move_tray,
    order_tray,
)

__all__ = [
    "Asked",
    "Quote",
    "Wanted",
    "accept",
    "ask",
    "avoid",
    "cancel",
    "cancel_tray",
    "decline",
    "deliver",
    "hand_over",
    "move_tray",
    "order_tray",
    "paid",
    "quote",
    "start_event",
]
