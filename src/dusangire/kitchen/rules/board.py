"""The kitchen's board: which ticket hurries, what each one asks of the cook, and how much is still to make."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import Allergy
from dusangire.diets.rules.stops import MealStop
from dusangire.kernel.phrase import Phrase
from dusangire.orders.rules import Status, Verb

CARRYING = timedelta(minutes=20)
"""The way from the kitchen to the farthest bed: a tray is due at the pass this long before serving ends."""
SOON = timedelta(minutes=15)
RECALLABLE = 10
_SHOWN_AS_TEXTURE = frozenset({"IDDSI3", "IDDSI4", "IDDSI5", "IDDSI6"})
KEYS = 9

COOKING = frozenset({Status.CONFIRMED, Status.PREPARING, Status.PROBLEM})
STOPPED = frozenset({Status.HELD, Status.CANCELLED})
SHOWN = COOKING | STOPPED


class Pace(StrEnum):
    """How a ticket stands against the clock."""

    EARLY = "early"
    SOON = "soon"
    LATE = "late"


class Action(StrEnum):
    """The one big button of a ticket."""

    START = "start"
    READY = "ready"
    REMAKE = "remake"
    SEEN = "seen"


VERBS = {Action.START: Verb.START, Action.READY: Verb.PLATE, Action.REMAKE: Verb.REMAKE}
_ACTIONS: dict[Status, Action] = {
    Status.CONFIRMED: Action.START,
    Status.PREPARING: Action.READY,
    Status.PROBLEM: Action.REMAKE,
    Status.HELD: Action.SEEN,
    Status.CANCELLED: Action.SEEN,
}
_REACHED = {
    Verb.START: frozenset({Status.PREPARING}),
    Verb.PLATE: frozenset({Status.READY}),
    Verb.RECALL: frozenset({Status.PREPARING}),
    Verb.COLLECT: frozenset({Status.OUT_FOR_DELIVERY, Status.ARRIVED, Status.DELIVERED, Status.COMPLETED}),
    Verb.REPORT: frozenset({Status.PROBLEM}),
    Verb.REMAKE: frozenset({Status.CONFIRMED}),
    Verb.CANCEL: frozenset({Status.CANCELLED}),
}


class Timer(Struct, frozen=True):
    """How many minutes are left until a tray is due at the pass, or have passed since."""

    pace: Pace
    minutes: int


class Item(Struct, frozen=True):
    """One line of a ticket; `portion` is ½, 1½ or nothing for a whole one.

    `instead` is what was ordered where the kitchen substituted it; `apart` the allergies it is made apart for.
    """

    quantity: int
    name: str
    portion: str = ""
    instead: str = ""
    apart: tuple[str, ...] = ()
    line: UUID | None = None


class Card(Struct, frozen=True):
    """One ticket as the cook sees it."""

    id: UUID
    key: int
    code: str
    bed: str
    who: str
    status: Status
    action: Action | None
    due_at: datetime
    timer: Timer
    allergies: tuple[Allergy, ...]
    food_level: int | None
    drink_level: int | None
    diets: tuple[str, ...]
    items: tuple[Item, ...]
    request: str = ""
    note: Phrase | None = None
    overrides: tuple[Phrase, ...] = ()
    period: str = ""
    replaces: str = ""
    is_isolation: bool = False
    is_rush: bool = False
    is_allergy_unknown: bool = False
    is_fasting: bool = False
    label_rev: int = 1

    @property
    def is_stopped(self) -> bool:
        return self.status in STOPPED

    @property
    def is_textured(self) -> bool:
        """Whether food or drink is changed; the ticket then says both."""
        return is_textured(self.food_level, self.drink_level)

    @property
    def apart(self) -> tuple[str, ...]:
        """The allergies for which something on the tray is made apart, each once."""
        return tuple(dict.fromkeys(code for item in self.items for code in item.apart))

    @property
    def kind(self) -> str:
        """The ticket's look: off, late, soon, new, or none."""
        if self.is_stopped:
            return "off"
        if self.timer.pace is not Pace.EARLY:
            return self.timer.pace.value
        return "new" if self.action is Action.START else ""


class Count(Struct, frozen=True):
    """How many of one dish are still to make."""

    dish: str
    quantity: int


class Board(Struct, frozen=True):
    """The wall: the tickets to show, what is still to make, and how many trays each meal has."""

    cards: list[Card]
    counts: list[Count]
    periods: list[tuple[str, int]]
    total: int
    period: str | None = None
    stop: MealStop | None = None


def is_textured(food_level: int | None, drink_level: int | None) -> bool:
    """Return whether food or drink is not as everybody has it."""
    return (food_level is not None and food_level < 7) or bool(drink_level)


def diets_to_name(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the diets to write out; a texture is shown as its number, colour and word instead."""
    return tuple(code for code in codes if code not in _SHOWN_AS_TEXTURE)


def action_of(status: Status) -> Action | None:
    """Return what the cook does next with a tray; None for one that is no longer, or not yet, on the board."""
    return _ACTIONS.get(status)


def is_reached(status: Status, verb: Verb) -> bool:
    """True when the tray already is where the verb would have brought it: a second tap, not a mistake."""
    return status in _REACHED.get(verb, frozenset())


def due_at(serve_from: datetime, serve_to: datetime) -> datetime:
    """Return when the tray should stand at the pass."""
    return max(serve_from, serve_to - CARRYING)


def timer(now: datetime, due: datetime) -> Timer:
    """Return how the ticket stands against the clock, in whole minutes begun."""
    left = due - now
    if left < timedelta(0):
        return Timer(Pace.LATE, -(left // timedelta(minutes=1)))
    minutes = left // timedelta(minutes=1)
    return Timer(Pace.SOON if left <= SOON else Pace.EARLY, minutes)


def portion(size: Decimal) -> str:
    """Return a portion as it is written on a ticket; a whole one needs no word."""
    return {Decimal("0.5"): "½", Decimal("1.5"): "1½"}.get(size, "")


def still_to_make(cards: Iterable[Card]) -> list[Count]:
    """Return the dishes of all tickets that are still to be cooked, most first."""
    made: Counter[str] = Counter()
    for card in cards:
        if card.status in COOKING:
            for item in card.items:
                made[item.name] += item.quantity
    return [Count(dish, quantity) for dish, quantity in sorted(made.items(), key=lambda pair: (-pair[1], pair[0]))]


class Step(StrEnum):
    """What the one who scans a tray can do with it."""

    LEFT = "left"
    COLLECT = "collect"
    HAND_OVER = "hand_over"
    LOOK = "look"
    READ = "read"


def step_of(status: Status, *, cooks: bool, carries: bool) -> Step:
    """Return where a scanned tray leads: the carrier's work, the cook's, or the order's page for anybody else."""
    if carries and status is Status.READY:
        return Step.COLLECT
    if carries and status in (Status.OUT_FOR_DELIVERY, Status.ARRIVED):
        return Step.HAND_OVER
    if cooks and status is Status.READY:
        return Step.LEFT
    return Step.LOOK if cooks or carries else Step.READ
