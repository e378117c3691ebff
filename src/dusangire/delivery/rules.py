"""What delivery decides: the order of a walk, what a scanned code says, and whether this is the right person."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules.stops import MealStop
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Phrase
from dusangire.orders.rules import Status, Verb

CARRIED = (Status.OUT_FOR_DELIVERY, Status.ARRIVED)
BED_CHECK_LASTS = timedelta(minutes=10)
TAP_LASTS = timedelta(minutes=15)
PROOF_KEPT = timedelta(days=30)
"""How long the photo or signature of a hand-over is kept."""

_AT_ONCE_S = 15
_COLD = frozenset({"fruit", "drink", "dessert", "snack", "bread", "supplement"})
_WITH_INSULIN = frozenset({"CCHO45", "CCHO60", "CCHO75", "GDM"})


class Reason(StrEnum):
    """Why a tray could not be handed over."""

    ASLEEP = "asleep"
    ABSENT = "absent"
    REFUSED = "refused"
    NPO = "npo"
    ISOLATION = "isolation"
    MOVED = "moved"
    DISCHARGED = "discharged"
    PROCEDURE = "procedure"
    WRONG_MEAL = "wrong_meal"
    DOCTOR = "doctor"


class Proof(StrEnum):
    """How a hand-over is proved."""

    CONFIRMED = "confirmed"
    PHOTO = "photo"
    SIGNATURE = "signature"


class Method(StrEnum):
    """How the right person was made sure of."""

    SCAN = "scan"
    TYPED = "typed"
    STAFF_AREA = "staff_area"


class MissKind(StrEnum):
    """What nearly went wrong."""

    WRONG_BED = "wrong_bed"
    WRONG_TRAY = "wrong_tray"
    UNKNOWN_CODE = "unknown_code"
    WRONG_ANSWER = "wrong_answer"


class Tap(StrEnum):
    """What a carrier's phone may keep while there is no network; the words are those of the addresses."""

    COLLECT = "collect"
    ARRIVE = "arrive"
    FAIL = "fail"
    HAND_OVER = "hand-over"
    SEEN = "recall-seen"
    BROUGHT_BACK = "brought-back"


class Tapped(Struct, frozen=True):
    """One tap as the phone kept it: a key that does it once, and how long ago it was by the phone's own clock."""

    key: str
    order: UUID
    tap: Tap
    age_s: int
    reason: Reason | None = None


class Drop(StrEnum):
    """Why a tray left a carrier's run before it was handed over."""

    GIVEN_UP = "given_up"
    TAKEN_OVER = "taken_over"
    BROUGHT_BACK = "brought_back"
    DISCARDED = "discarded"


class Line(Struct, frozen=True):
    """One dish on the tray."""

    quantity: int
    name: str
    portion: str = ""


class Stop(Struct, frozen=True):
    """One tray as its carrier sees it: whom it is for and what must be known at the bed; never a diagnosis."""

    id: UUID
    code: str
    status: Status
    period: str
    name: str
    short_name: str
    birth_year: int
    patient: UUID
    bed: UUID | None
    bed_code: str
    room: str
    ward: UUID | None
    ward_name: str
    ward_phone: str
    walk_order: int
    is_isolation: bool
    is_emergency: bool
    allergies: tuple[str, ...]
    food_level: int | None
    drink_level: int | None
    lines: tuple[Line, ...]
    cash: Money | None = None
    tells_nurse: bool = False
    is_hot: bool = False
    is_at_bed: bool = True
    place_name: str = ""
    is_allergy_unknown: bool = False
    tray_scanned_at: datetime | None = None
    bed_checked_at: datetime | None = None
    bed_method: Method | None = None
    checked_bed: UUID | None = None
    overrides: tuple[Phrase, ...] = ()
    why_held: Phrase | None = None

    @property
    def is_held(self) -> bool:
        return self.status is Status.HELD

    @property
    def place(self) -> str:
        """Where the tray goes: the bed, or the place the staff chose."""
        return self.bed_code if self.is_at_bed else self.place_name or self.bed_code

    def step(self, now: datetime) -> str:
        """Return what comes next at the bed: tray, bed, or give."""
        if self.tray_scanned_at is None:
            return "tray"
        return "give" if self.bed_holds(now) else "bed"

    def bed_holds(self, now: datetime) -> bool:
        """True while the check at the bed still counts: recent, and the patient has not been moved since."""
        if self.bed_checked_at is None or now - self.bed_checked_at > BED_CHECK_LASTS:
            return False
        return self.bed_method is Method.STAFF_AREA or self.checked_bed == self.bed


class Recall(Struct, frozen=True):
    """A tray that was stopped on its way: since when, when its carrier saw that, when it was back, what comes now."""

    order: UUID
    code: str
    place: str
    ward_phone: str
    held_at: datetime
    seen_at: datetime | None
    back_at: datetime | None
    instead: str
    is_isolation: bool = False

    @property
    def seen_s(self) -> int | None:
        """How many seconds it took until the carrier stopped; None while nobody has said so."""
        return None if self.seen_at is None else _seconds(self.held_at, self.seen_at)

    @property
    def back_s(self) -> int | None:
        """How many seconds it took until the tray was back; None while it is not."""
        return None if self.back_at is None else _seconds(self.held_at, self.back_at)


def median_seen_s(found: Sequence[Recall]) -> int | None:
    """Return within how many seconds half of the recalls were seen; None where none was."""
    seen = [one.seen_s for one in found if one.seen_s is not None]
    return round(median(seen)) if seen else None


class Run(Struct, frozen=True):
    """Everything on a carrier's phone: what to bring back, own stops in walking order, trays that wait for somebody."""

    recalls: list[Recall]
    stops: list[Stop]
    ready: list[Stop]
    waiting: list[Stop]
    returned: list[Stop]
    handed: int
    cash_taken: Money
    cash_left: Money
    stop: MealStop | None = None

    @property
    def next(self) -> Stop | None:
        """The stop the carrier walks to now; None when nothing can be handed over."""
        return next((stop for stop in self.stops if stop.status in CARRIED), None)


_REACHED = {
    Verb.COLLECT: frozenset({Status.OUT_FOR_DELIVERY, Status.ARRIVED}),
    Verb.ARRIVE: frozenset({Status.ARRIVED, Status.DELIVERED, Status.COMPLETED}),
    Verb.HAND_OVER: frozenset({Status.DELIVERED, Status.COMPLETED}),
    Verb.FAIL: frozenset({Status.UNDELIVERED}),
    Verb.REOFFER: frozenset({Status.OUT_FOR_DELIVERY, Status.ARRIVED}),
}


def is_expired(age_s: int) -> bool:
    """True when a tap is too old to be meant any more."""
    return not 0 <= age_s <= TAP_LASTS.total_seconds()


def was_kept(age_s: int) -> bool:
    """True when a tap waited for the network, so that what it says has happened already."""
    return age_s > _AT_ONCE_S


def is_reached(status: Status, verb: Verb) -> bool:
    """True when the tray already is where the verb would have brought it: a second tap, not a mistake."""
    return status in _REACHED.get(verb, frozenset())


def walk(stops: list[Stop]) -> list[Stop]:
    """Return the stops in walking order: emergency wards first, isolation last, hot trays first within a ward."""
    return sorted(stops, key=_step)


def is_hot(categories: frozenset[str]) -> bool:
    """True when something on the tray is served hot and should not wait."""
    return bool(categories - _COLD)


def tells_nurse(diets: tuple[str, ...]) -> bool:
    """True when a nurse wants to know that the meal is here, because insulin goes with it."""
    return bool(_WITH_INSULIN & set(diets))


def code_of(scanned: str) -> str:
    """Return the code itself from what a camera or a person gives: a whole address, a token, or a bed's number."""
    said = scanned.strip()
    path = urlsplit(said).path if "/" in said else said
    return path.rstrip("/").rpartition("/")[2].strip()


def is_same_person(said_name: str, said_year: int | None, name: str, birth_year: int) -> bool:
    """True when the name said and the year said are this patient's: every word, in any order, accents aside.

    A name of two or more words must be said with at least two of them.
    """
    said, known = _words(said_name), _words(name)
    return said_year == birth_year and said <= known and len(said) >= min(2, len(known))


def _seconds(first: datetime, last: datetime) -> int:
    return max(0, round((last - first).total_seconds()))


def _step(stop: Stop) -> tuple[bool, bool, int, str, bool, str, str]:
    return (
        stop.is_isolation,
        not stop.is_emergency,
        stop.walk_order,
        stop.ward_name,
        not stop.is_hot,
        stop.room.rjust(6),
        stop.place,
    )


def _words(name: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return frozenset(letters.split())
