"""What the ward board says of a bed: one state, the facts beside it, and the one thing to do."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.menu.rules import Sitting
from dusangire.orders.rules import OPEN, Status

BEDS_A_PAGE = 20
ORDINARY_FOOD = 7


class State(StrEnum):
    """What the strip under a bed says, most urgent first."""

    FASTING = "fasting"
    HELD = "held"
    LATE = "late"
    NO_DIET = "no_diet"
    NOT_ASKED = "not_asked"
    UNCODED = "uncoded"
    NOT_YET = "not_yet"
    ORDERED = "ordered"
    SERVED = "served"
    FREE = "free"

    @property
    def kind(self) -> str:
        """How loud the strip is: stop, look, ok or free."""
        return _KIND[self]

    @property
    def icon(self) -> str:
        return _ICON[self]


_KIND = {
    State.FASTING: "stop",
    State.HELD: "stop",
    State.LATE: "look",
    State.NO_DIET: "look",
    State.NOT_ASKED: "look",
    State.UNCODED: "look",
    State.NOT_YET: "look",
    State.ORDERED: "ok",
    State.SERVED: "ok",
    State.FREE: "free",
}
_ICON = {
    State.FASTING: "fasting",
    State.HELD: "stop",
    State.LATE: "clock",
    State.NO_DIET: "alert",
    State.NOT_ASKED: "alert",
    State.UNCODED: "alert",
    State.NOT_YET: "clock",
    State.ORDERED: "check",
    State.SERVED: "check",
    State.FREE: "bed",
}
_BY_STATUS = {"no_order": State.NO_DIET, "uncoded": State.UNCODED, "not_asked": State.NOT_ASKED}
STOPPED = frozenset({Status.HELD, Status.PROBLEM, Status.UNDELIVERED})
_SERVED = frozenset({Status.DELIVERED, Status.COMPLETED})


class Show(StrEnum):
    """What the board is narrowed to."""

    ALL = ""
    PEOPLE = "people"
    ORDERED = "ordered"
    NOT_YET = "not_yet"
    FASTING = "fasting"
    NO_DIET = "no_diet"
    HELD = "held"
    LATE = "late"
    FREE = "free"


_STATES: dict[Show, frozenset[State]] = {
    Show.ALL: frozenset(State),
    Show.PEOPLE: frozenset(State) - {State.FREE},
    Show.ORDERED: frozenset({State.ORDERED, State.SERVED}),
    Show.NOT_YET: frozenset({State.NOT_YET}),
    Show.FASTING: frozenset({State.FASTING}),
    Show.NO_DIET: frozenset({State.NO_DIET, State.NOT_ASKED, State.UNCODED}),
    Show.HELD: frozenset({State.HELD}),
    Show.LATE: frozenset({State.LATE}),
    Show.FREE: frozenset({State.FREE}),
}
SHOW_ICON = {
    Show.PEOPLE: "users",
    Show.ORDERED: "check",
    Show.NOT_YET: "clock",
    Show.FASTING: "fasting",
    Show.NO_DIET: "alert",
    Show.HELD: "stop",
    Show.LATE: "clock",
    Show.FREE: "bed",
}


class TrayNow(Struct, frozen=True):
    """One tray as far as the board asks."""

    id: UUID
    status: Status
    day: date
    period: str
    serve_to: datetime

    def is_of(self, meal: Sitting | None) -> bool:
        return meal is not None and (self.day, self.period) == (meal.day, meal.period)

    def is_stopped(self, now: datetime) -> bool:
        """Whether it is stopped while it could still be served, whichever meal it is of."""
        return self.status in STOPPED and self.serve_to >= now

    def is_late(self, now: datetime) -> bool:
        """Whether it should have come by now: still open, its serving over."""
        return self.status in OPEN and self.serve_to < now


class Instead(Struct, frozen=True):
    """The tray that is made in place of one that was stopped."""

    id: UUID
    code: str


class StepNow(Struct, frozen=True):
    """The step of a protocol that comes next: which diet, and when it may be taken."""

    code: str
    due_at: datetime

    def is_due(self, now: datetime) -> bool:
        return self.due_at <= now


class Page(Struct, frozen=True):
    """A part of a long ward: which beds, by number from and to."""

    first: int
    last: int
    start: int
    is_here: bool


def state_of(diet_status: str, statuses: Iterable[Status], *, is_late: bool = False) -> State:
    """Return the most urgent thing about a patient's coming meal, from what the chart says and the trays ordered.

    `is_late`: a tray of an earlier meal has still not come.
    """
    trays = set(statuses)
    if diet_status == "fasting":
        return State.FASTING
    if trays & STOPPED:
        return State.HELD
    if is_late:
        return State.LATE
    if diet_status in _BY_STATUS:
        return _BY_STATUS[diet_status]
    if not trays:
        return State.NOT_YET
    return State.SERVED if trays <= _SERVED else State.ORDERED


def textures(
    codes: Iterable[str], food_level: int | None, drink_level: int | None
) -> tuple[tuple[str, ...], int | None, int | None]:
    """Return the diets to name, the food level and the drink level to show; ordinary food and thin drinks need no chip.

    A code such as IDDSI5 is said by its chip and not named again.
    """
    known = list(codes)
    coded = [int(code[5:]) for code in known if code.startswith("IDDSI") and code[5:].isdigit()]
    food = min((level for level in (food_level, *coded) if level is not None), default=None)
    named = tuple(code for code in known if not code.startswith("IDDSI"))
    return named, None if food == ORDINARY_FOOD else food, drink_level or None


def is_shown(state: State, show: Show) -> bool:
    return state in _STATES[show]


def counts(states: Iterable[State]) -> dict[Show, int]:
    """Return how many beds each chip would show; chips that would show none are left out, but for the first three."""
    known = list(states)
    found = {show: sum(is_shown(state, show) for state in known) for show in Show if show is not Show.ALL}
    always = (Show.PEOPLE, Show.ORDERED, Show.NOT_YET)
    return {show: count for show, count in found.items() if count or show in always}


def pages(numbers: list[int], start: int) -> list[Page]:
    """Return the parts of a ward of more than twenty beds, given the beds' numbers; none for a ward that fits."""
    if len(numbers) <= BEDS_A_PAGE:
        return []
    parts = [(at, numbers[at : at + BEDS_A_PAGE]) for at in range(0, len(numbers), BEDS_A_PAGE)]
    return [Page(part[0], part[-1], at, at == start) for at, part in parts]


def coming_meal(sittings: Iterable[Sitting], now: datetime) -> Sitting | None:
    """Return the meal that is being ordered, cooked or served: the first, snacks apart, that is not over."""
    return next((one for one in sittings if one.slot is None and one.serve_to > now), None)
