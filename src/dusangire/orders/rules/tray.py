"""What may be put on a tray, what it costs, who orders it, and until when it may be called off."""

from datetime import datetime, timedelta
from enum import StrEnum

from dusangire.kernel.access import Actor, Can, Role

from .machine import ORDER, Status, Verb

MOST_OF_ONE = 20
_BEFORE_COOKING = frozenset({Status.AWAITING_PAYMENT, Status.IN_REVIEW, Status.CONFIRMED, Status.HELD})


class Place(StrEnum):
    """Where a tray is brought."""

    BED = "bed"
    STAFF_AREA = "staff_area"
    CAMPUS = "campus"


class RequestState(StrEnum):
    """What became of the words a patient added; only APPROVED ones are printed."""

    NONE = "none"
    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"


class RatingReason(StrEnum):
    """What a rating was about."""

    GOOD = "good"
    COLD = "cold"
    LATE = "late"
    TASTE = "taste"
    TOO_LITTLE = "too_little"
    WRONG = "wrong"


class Cancelling(StrEnum):
    """Whether an order may be called off, and at what cost."""

    FREE = "free"
    WASTED = "wasted"
    NO = "no"


def ordered_by(actor: Actor) -> str:
    """Return as whom the verdict sees the one who orders."""
    return str(actor.role) if actor.role in (Role.PATIENT, Role.CAREGIVER) else "nurse"


def opening_request(words: str) -> RequestState:
    """Return the state in which a special request begins."""
    return RequestState.WAITING if words else RequestState.NONE


def is_late(cutoff_at: datetime, now: datetime) -> bool:
    """Return whether the meal's ordering is closed."""
    return now >= cutoff_at


def is_still_orderable(actor: Actor, cutoff_at: datetime, serve_to: datetime, now: datetime) -> bool:
    """Return whether this person may still order: until the cut-off, a late tray by staff until the serving ends."""
    return not is_late(cutoff_at, now) or (actor.may(Can.ORDER_FOR_PATIENT) and now < serve_to)


def is_too_old(ready_at: datetime | None, now: datetime, minutes: int) -> bool:
    """Return whether a tray has waited too long since it was plated to be eaten; one of unknown age has.

    Source: WHO, Five Keys to Safer Food (2006), key 4: cooked food is not left at room temperature for more than
    2 hours, hot food stays above 60 °C. The hospital's own limit is below that; awaiting its food-safety sign-off.
    """
    return ready_at is None or now - ready_at > timedelta(minutes=minutes)


def cancelling(actor: Actor, status: Status, cutoff_at: datetime, now: datetime) -> Cancelling:
    """Return whether this person may call the order off: anybody until the cut-off, staff until it is handed over."""
    if Verb.CANCEL not in ORDER.verbs(status):
        return Cancelling.NO
    if not is_late(cutoff_at, now) and status in _BEFORE_COOKING:
        return Cancelling.FREE
    is_staff = actor.may(Can.ORDER_FOR_PATIENT) or actor.may(Can.SUPPORT_WORK)
    return Cancelling.WASTED if is_staff else Cancelling.NO
