"""Advancement protocols: a signed way from liquids to regular food that is walked one step at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from .limits import bounds
from .manual import Diet, DietKind, Manual, RuleKind
from .prescribing import OrderStatus

LEAST_STEPS, MOST_STEPS, MOST_HOURS = 2, 6, 168

USUAL: tuple[tuple[str, int], ...] = (("CLEAR", 12), ("FULL", 12), ("LOWRES", 24), ("REG", 0))
"""What the form starts from: diet and least hours. Source: house practice, awaiting a nutritionist's sign-off;
the signing doctor decides each number."""


class Step(Struct, frozen=True):
    """One diet of the way, and for how many hours at least it is kept before the next. Positions count from 1."""

    position: int
    code: str
    least_hours: int
    drink_level: int | None = None


class Course(Struct, frozen=True):
    """How far somebody has come: the step they are on, since when, and how its diet order stands."""

    steps: tuple[Step, ...]
    position: int
    since: datetime
    order_status: str

    @property
    def current(self) -> Step:
        return self.steps[self.position - 1]

    @property
    def following(self) -> Step | None:
        return self.steps[self.position] if self.position < len(self.steps) else None

    @property
    def previous(self) -> Step | None:
        return self.steps[self.position - 2] if self.position > 1 else None

    @property
    def due_at(self) -> datetime:
        """The first moment at which the next step may be taken."""
        return self.since + timedelta(hours=self.current.least_hours)

    @property
    def is_in_force(self) -> bool:
        """Whether the step's own diet order still counts; fasting or a new prescription ends that."""
        return self.order_status == OrderStatus.ACTIVE


def against_advancing(course: Course, now: datetime) -> str | None:
    """Return why the next step may not be taken now; None where it may."""
    if not course.is_in_force:
        return "steps.not_in_force"
    if course.following is None:
        return "steps.at_end"
    return "steps.too_early" if now < course.due_at else None


def against_stepping_back(course: Course) -> str | None:
    """Return why there is no step back; the time never speaks against one."""
    if not course.is_in_force:
        return "steps.not_in_force"
    return "steps.at_start" if course.previous is None else None


def against_signing(steps: Sequence[Step], manual: Manual) -> str | None:
    """Return what is wrong with a protocol as written; None where it may be signed."""
    codes = [step.code for step in steps]
    if not LEAST_STEPS <= len(steps) <= MOST_STEPS:
        return "steps.count"
    if len(set(codes)) < len(codes):
        return "steps.doubled"
    if any(code not in manual.diets or manual.diets[code].kind is DietKind.HOLD for code in codes):
        return "steps.unknown"
    if any(not 0 <= step.least_hours <= MOST_HOURS for step in steps):
        return "steps.hours_wrong"
    needs_drink = any(_is_texture(manual.diets[step.code]) and step.drink_level is None for step in steps)
    return "steps.drink" if needs_drink else None


def longest_hours(manual: Manual) -> dict[str, int]:
    """Return for how many hours each diet may last before somebody must look at it again, holds apart."""
    return {
        diet.code: int(most)
        for diet in manual.diets.values()
        if diet.kind is not DietKind.HOLD
        for rule in diet.rules
        if rule.kind is RuleKind.LIMIT and rule.scope == "order" and (most := bounds(rule, None)[1]) is not None
    }


def _is_texture(diet: Diet) -> bool:
    return any(rule.kind is RuleKind.IDDSI for rule in diet.rules)
