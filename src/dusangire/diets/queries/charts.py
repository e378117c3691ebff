"""Reads of one patient's page: everything a doctor, a nurse or a nutritionist sees of a diet, at once."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.manual import manual
from dusangire.diets.queries.patients import allergies, holds, is_fasting, is_in_force, orders_of, safety
from dusangire.diets.queries.rows import AllergyRow, DietOrderRow, HoldRow, Safety
from dusangire.diets.queries.tasks import Task, open_tasks
from dusangire.diets.rules import Manual
from dusangire.diets.rules.holds import Fast, fasts
from dusangire.diets.rules.orders import diets_of
from dusangire.diets.rules.prescribing import OrderStatus
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.wards import queries as wards
from dusangire.wards.rules import Person

_GONE = (OrderStatus.REVOKED, OrderStatus.COMPLETED, OrderStatus.REPLACED)


class Told(Struct, frozen=True):
    """What the patient reads of their diet: the diets that count, both textures, and the limits that are their own."""

    codes: tuple[str, ...] = ()
    food_level: int | None = None
    drink_level: int | None = None
    fluid_ml_day: Decimal | None = None
    potassium_mg_meal: Decimal | None = None


class Chart(Struct, frozen=True):
    """One patient's page. `now` is in force, `coming` starts later or waits suspended, `past` stays as history."""

    person: Person
    safety: Safety
    allergies: list[AllergyRow]
    ended_allergies: list[AllergyRow]
    now: list[DietOrderRow]
    coming: list[DietOrderRow]
    drafts: list[DietOrderRow]
    past: list[DietOrderRow]
    holds: list[HoldRow]
    is_fasting: bool
    fasting_until: datetime | None
    tasks: list[Task]
    told: Told
    at: datetime

    @property
    def open_holds(self) -> list[HoldRow]:
        return [hold for hold in self.holds if hold.is_open(self.at)]


async def chart(actor: Actor, patient: UUID) -> Chart:
    """Return the page of one patient. Raises NotHere. About eight statements."""
    person = await wards.person(actor, patient)
    known = await safety(actor, patient)
    now = clock.now()
    held = await holds(actor, patient)
    over = fasts((hold.fact() for hold in held), now)[0]
    orders = await orders_of(actor, patient)
    current = [one for one in orders if one.admission == known.admission and is_in_force(one, over, now)]
    drafted = [one for one in orders if one.status == OrderStatus.DRAFT]
    past = [one for one in orders if one.status in _GONE]
    return Chart(
        person=person,
        safety=known,
        allergies=await allergies(actor, patient),
        ended_allergies=await allergies(actor, patient, ended=True),
        now=current,
        coming=[one for one in orders if one not in current and one not in drafted and one not in past],
        drafts=drafted,
        past=past,
        holds=held,
        is_fasting=is_fasting(held, now),
        fasting_until=_fasting_until(over, now),
        tasks=await open_tasks(actor, patient),
        told=told(current, await manual(actor)),
        at=now,
    )


def told(orders: list[DietOrderRow], book: Manual) -> Told:
    """Return what the patient reads of the orders in force together."""
    return Told(
        codes=tuple(diet.code for diet in diets_of((code for one in orders for code in one.codes), book)),
        food_level=next((one.food_level for one in orders if one.food_level is not None), None),
        drink_level=next((one.drink_level for one in orders if one.drink_level is not None), None),
        fluid_ml_day=_least(one.limits.fluid_ml_day for one in orders),
        potassium_mg_meal=_least(one.limits.potassium_mg_meal for one in orders),
    )


def _fasting_until(held: Iterable[Fast], now: datetime) -> datetime | None:
    """A released hold still lasts to the end of its minute; None while one lasts until released."""
    ends = [fast.end for fast in held if fast.start <= now and (fast.end is None or fast.end > now)]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def _least(limits: Iterable[Decimal | None]) -> Decimal | None:
    return min((limit for limit in limits if limit is not None), default=None)
