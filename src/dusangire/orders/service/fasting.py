"""Fasts as the ward lives them: told when they last too long, and a tray as soon as the patient may eat."""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.queries import Faster
from dusangire.diets.rules.fasting import FastingClock, fasting_clock, is_child, slip
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.jobs import once
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sittings
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import GONE, Status, after_fast
from dusangire.orders.service.automatic import order_for
from dusangire.wards import queries as wards
from dusangire.wards.rules import Person

FEED_WITHIN = timedelta(hours=12)
_STOPPED = (Status.HELD, Status.UNDELIVERED)
_Alert = tuple[UUID, str]


async def feed_after_fast(actor: Actor, patient: UUID) -> UUID | None:
    """Order the late tray of a fast that is over, once a diet is in force; None where none is due or nothing fits.

    Once for each fast. Not inside a transaction: choosing takes a while.
    """
    now = clock.now()
    fast = await diet_queries.last_fast(actor, patient, now - FEED_WITHIN, now)
    if fast is None or await queries.is_fed_after(actor, fast.hold) or not await _may_eat(actor, patient, now):
        return None
    meal = after_fast(sittings(await menu.periods(actor), now, actor.zone), now)
    if meal is None:
        return None
    made = None
    if not await _has_eaten_since(actor, patient, fast.ended_at):
        made = await _tray(actor, patient, meal, fast.hold)
    async with transaction():
        await once(actor, f"late_tray:{fast.hold}")
    return made


async def feed_all(actor: Actor) -> int:
    """Feed everybody whose fast is over and whose diet is signed; return for how many a tray was ordered."""
    now = clock.now()
    waiting = await queries.waiting_to_be_fed(actor, now - FEED_WITHIN, now)
    made = [await feed_after_fast(actor, patient) for patient in waiting]
    return sum(one is not None for one in made)


async def watch_fasts(actor: Actor) -> int:
    """Tell nurses and doctors, once each, of fasts that last too long or slip; close what is over. Return how many."""
    now = clock.now()
    by_patient: dict[UUID, list[Faster]] = defaultdict(list)
    for row in await diet_queries.fasters(actor, now):
        by_patient[row.patient].append(row)
    eaten = await queries.last_food(actor, by_patient)
    people = await wards.people(actor, by_patient)
    told = 0
    going_on: set[_Alert] = set()
    for patient, rows in by_patient.items():
        hours = _clock(people[patient], rows[0], eaten.get(patient), now, actor.zone)
        told += await _tell_long(actor, patient, hours, going_on)
        told += await _tell_slipped(actor, patient, rows, now, going_on)
    await _settle(actor, going_on)
    return told


def _clock(person: Person, row: Faster, eaten_at: datetime | None, now: datetime, zone: str) -> FastingClock:
    child = is_child(person.age(clock.local_day(now, zone)))
    return fasting_clock(eaten_at, row.admitted_at, now, is_child=child)


async def _tell_long(actor: Actor, patient: UUID, hours: FastingClock, going_on: set[_Alert]) -> int:
    """One fast is the time since one last meal, whatever holds it is made of."""
    if not hours.is_long:
        return 0
    going_on.add((patient, diets.LONG_FAST))
    key = f"{patient}:{hours.since.isoformat()}"
    return await diets.alert(actor, patient, diets.LONG_FAST, key, {"hours": hours.hours})


async def _tell_slipped(actor: Actor, patient: UUID, rows: list[Faster], now: datetime, going_on: set[_Alert]) -> int:
    told = 0
    for row in rows:
        why = slip(row.procedure_at, row.extended_at, now) if row.hold else None
        if why is not None:
            going_on.add((patient, diets.SLIPPED))
            planned = row.procedure_at if why == "late" else row.extended_at
            key = f"{row.hold}:{why}:{planned.isoformat() if planned else ''}"
            told += await diets.alert(actor, patient, diets.SLIPPED, key, {"why": why.value})
    return told


async def _settle(actor: Actor, going_on: set[_Alert]) -> None:
    for task in await diet_queries.open_tasks(actor):
        is_ours = task.kind in (diets.LONG_FAST, diets.SLIPPED)
        if is_ours and task.patient is not None and (task.patient, task.kind) not in going_on:
            await diets.settle_alert(actor, task.patient, task.kind)


async def _may_eat(actor: Actor, patient: UUID, now: datetime) -> bool:
    """A released hold lasts to the end of its minute; after it, somebody must have signed."""
    if diet_queries.is_fasting(await diet_queries.holds(actor, patient), now):
        return False
    return bool(await diet_queries.diet_now(actor, patient))


async def _has_eaten_since(actor: Actor, patient: UUID, moment: datetime) -> bool:
    eaten_at = (await queries.last_food(actor, [patient])).get(patient)
    return eaten_at is not None and eaten_at >= moment


async def _tray(actor: Actor, patient: UUID, meal: Sitting, hold: UUID) -> UUID | None:
    """Return the new tray; None where one for this meal is there already, or nothing fits."""
    beside = [tray for tray in await queries.trays(actor, patient, meal.day, meal.day) if _counts(tray, meal)]
    if any(tray.status not in _STOPPED for tray in beside):
        return None
    stopped = next((tray.id for tray in beside if tray.status is Status.HELD), None)
    return await order_for(actor, patient, meal.day, meal.period.value, why=f"late_tray:{hold}", replaces=stopped)


def _counts(tray: Order, meal: Sitting) -> bool:
    return tray.period == meal.period and tray.status not in GONE
