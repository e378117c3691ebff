"""Sponsors' funds: whom and what they help, how much of a meal, and what a donor may be told of it."""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money

# Fewer people than this could be recognised in a report.
LEAST_GROUP = 5


class Why(StrEnum):
    """Why a patient is helped. A short list: nobody writes about somebody's poverty."""

    CANNOT_PAY = "cannot_pay"
    NO_CAREGIVER = "no_caregiver"
    LONG_STAY = "long_stay"
    FAR_FROM_HOME = "far_from_home"
    EMERGENCY = "emergency"


class Span(StrEnum):
    """How long a grant lasts."""

    TODAY = "today"
    STAY = "stay"


def spans_to_offer(last_days: Iterable[date | None]) -> tuple[Span, ...]:
    """Return how long more help may last, given until when each grant without a limit helps (None: the whole stay)."""
    running = tuple(last_days)
    if None in running:
        return ()
    return (Span.STAY,) if running else tuple(Span)


class CameBy(StrEnum):
    """How a gift came."""

    CASH = "cash"
    BANK = "bank"
    MTN = "mtn"
    AIRTEL = "airtel"


class Meal(Struct, frozen=True):
    """The tray that is to be paid for. ward: where the patient lies, None for nowhere."""

    order: UUID
    patient: UUID
    ward: UUID | None
    day: date
    period: str


class Fund(Struct, frozen=True):
    """One fund as it stands. Empty periods or wards mean all of them; a limit of None is none."""

    id: UUID
    name: str
    donor: str
    purpose: str
    most_meal_minor: int | None
    most_day_minor: int | None
    most_patient_minor: int | None
    periods: tuple[str, ...]
    wards: tuple[UUID, ...]
    serves_from: date
    serves_to: date | None
    helps_at_once: bool
    left_minor: int
    is_stopped: bool
    received_minor: int = 0
    meals: int = 0
    given_minor: int = 0

    @property
    def left(self) -> Money:
        return Money(self.left_minor)

    @property
    def received(self) -> Money:
        return Money(self.received_minor)

    @property
    def given(self) -> Money:
        return Money(self.given_minor)


class Spent(Struct, frozen=True):
    """What a fund gave already: for trays of this day, and for this patient in all."""

    day_minor: int = 0
    patient_minor: int = 0


def serves(fund: Fund, meal: Meal) -> bool:
    """Whether the fund helps with this meal at all, however much is left in it."""
    return (
        not fund.is_stopped
        and fund.serves_from <= meal.day
        and (fund.serves_to is None or meal.day <= fund.serves_to)
        and (not fund.periods or meal.period in fund.periods)
        and (not fund.wards or meal.ward in fund.wards)
    )


def may_give(fund: Fund, meal: Meal, spent: Spent, rest: Money, granted_left: int | None = None) -> Money:
    """Return how much of the rest the fund pays: within its limits, the grant's and what is left in it."""
    if not serves(fund, meal):
        return Money(0)
    ceilings = [
        rest.minor,
        fund.left_minor,
        granted_left,
        fund.most_meal_minor,
        None if fund.most_day_minor is None else fund.most_day_minor - spent.day_minor,
        None if fund.most_patient_minor is None else fund.most_patient_minor - spent.patient_minor,
    ]
    return Money(max(0, min(one for one in ceilings if one is not None)))


class Given(Struct, frozen=True):
    """One tray that a fund paid, without a name: `who` is a number that means nothing outside one report."""

    who: int
    ward: str
    period: str
    amount_minor: int


class Group(Struct, frozen=True):
    """What a report says of one ward or one meal; an empty name gathers those too small to be told apart."""

    name: str
    meals: int
    given_minor: int

    @property
    def given(self) -> Money:
        return Money(self.given_minor)


def grouped(rows: Iterable[Given], by: str) -> tuple[Group, ...]:
    """Return meals and francs by "ward" or "period", no group of fewer than five people.

    Groups that are too small are gathered under ''. Where those are too few still, the smallest of the others joins
    them, so that nobody is found by subtracting. Empty where fewer than five people were helped at all.
    """
    parts: dict[str, list[Given]] = {}
    for row in rows:
        parts.setdefault(getattr(row, by), []).append(row)
    shown = {name: part for name, part in parts.items() if _people(part) >= LEAST_GROUP}
    rest = [row for name, part in parts.items() if name not in shown for row in part]
    while rest and _people(rest) < LEAST_GROUP and shown:
        smallest = min(shown, key=lambda name: (_people(shown[name]), name))
        rest += shown.pop(smallest)
    if rest and _people(rest) < LEAST_GROUP:
        return ()
    told = [_group(name, part) for name, part in sorted(shown.items())]
    return (*told, _group("", rest)) if rest else tuple(told)


def _people(rows: Sequence[Given]) -> int:
    return len({row.who for row in rows})


def _group(name: str, rows: Sequence[Given]) -> Group:
    return Group(name, len(rows), sum(row.amount_minor for row in rows))


class Limits(Struct, frozen=True):
    """What a fund is for and how far it goes, as finance writes it."""

    name: str
    donor: str = ""
    purpose: str = ""
    most_meal_minor: int | None = None
    most_day_minor: int | None = None
    most_patient_minor: int | None = None
    periods: tuple[str, ...] = ()
    wards: tuple[UUID, ...] = ()
    serves_from: date | None = None
    serves_to: date | None = None
    helps_at_once: bool = False

    def columns(self) -> dict[str, Any]:
        """Return the values as the table names them."""
        return {
            "name": self.name,
            "donor": self.donor,
            "purpose": self.purpose,
            "most_meal_minor": self.most_meal_minor,
            "most_day_minor": self.most_day_minor,
            "most_patient_minor": self.most_patient_minor,
            "periods": list(self.periods),
            "wards": list(self.wards),
            "serves_from": self.serves_from,
            "serves_to": self.serves_to,
            "helps_at_once": self.helps_at_once,
        }
