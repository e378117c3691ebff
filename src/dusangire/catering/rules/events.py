"""The catering of an event: asked for, quoted, accepted, delivered, invoiced and paid."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from dusangire.kernel.machine import Machine
from dusangire.kernel.money import Money


class EventStatus(StrEnum):
    """Where an event stands."""

    ASKED = "asked"
    QUOTED = "quoted"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    DELIVERED = "delivered"
    SETTLED = "settled"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class EventVerb(StrEnum):
    """What can be done about an event."""

    QUOTE = "quote"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    DELIVER = "deliver"
    SETTLE = "settle"
    CANCEL = "cancel"


_S, _V = EventStatus, EventVerb
EVENT: Machine[EventStatus, EventVerb] = Machine(
    _S.ASKED,
    [
        (_V.QUOTE, frozenset({_S.ASKED, _S.QUOTED}), _S.QUOTED),
        (_V.ACCEPT, frozenset({_S.QUOTED}), _S.ACCEPTED),
        (_V.DECLINE, frozenset({_S.QUOTED}), _S.DECLINED),
        (_V.START, frozenset({_S.ACCEPTED}), _S.PREPARING),
        (_V.DELIVER, frozenset({_S.PREPARING}), _S.DELIVERED),
        (_V.SETTLE, frozenset({_S.DELIVERED}), _S.SETTLED),
        (_V.CANCEL, frozenset({_S.ASKED, _S.QUOTED, _S.ACCEPTED}), _S.CANCELLED),
    ],
)
# What the kitchen still has to think of.
OPEN_EVENTS = frozenset({_S.ASKED, _S.QUOTED, _S.ACCEPTED, _S.PREPARING})
NOTICE = timedelta(hours=24)
FARTHEST = timedelta(days=365)


class Offer(Struct, frozen=True):
    """One dish of a quote: how often, and for how much each."""

    dish_code: str
    quantity: int
    price: Money


def total_of(offers: Iterable[Offer], service: Money) -> Money:
    """Return what a quote comes to: the dishes and the charge for service."""
    whole = service
    for offer in offers:
        whole = whole + offer.price * offer.quantity
    return whole


def is_valid(valid_until: date | None, today: date) -> bool:
    """True while a quote can still be accepted: to the end of its last day."""
    return valid_until is None or today <= valid_until


def refuse_ask(starts_at: datetime, now: datetime) -> str | None:
    """Return the key of what is wrong with when an event begins; None where the kitchen can plan for it."""
    if starts_at < now + NOTICE:
        return "catering.too_soon"
    return "catering.too_far" if starts_at > now + FARTHEST else None
