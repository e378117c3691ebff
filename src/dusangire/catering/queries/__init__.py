"""Everything that is read about meals for people who are not patients."""

from dusangire.catering.queries.events import (
    Event,
    EventLine,
    Produced,
    event,
    event_of_key,
    events,
    locked_event,
    mine_of,
    produced,
)
from dusangire.catering.queries.trays import (
    Placed,
    StaffTray,
    diner,
    locked_tray,
    my_past,
    my_trays,
    placed,
    tray,
    trays,
)

__all__ = [
    "Event",
    "EventLine",
    "Placed",
    "Produced",
    "StaffTray",
    "diner",
    "event",
    "event_of_key",
    "events",
    "locked_event",
    "locked_tray",
    "mine_of",
    "my_past",
    "my_trays",
    "placed",
    "produced",
    "tray",
    "trays",
]
