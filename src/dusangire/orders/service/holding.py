"""What happens to open trays in the very commit that changes what is safe for their patient."""

from datetime import timedelta
from uuid import UUID

from dusangire.diets import queries as diets
from dusangire.diets.rules import Gate, PatientFacts
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.journal import record
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import CALLABLE_OFF, OPEN, Verb, serving_of
from dusangire.orders.service.judging import Ground, ground, judge, reason_for
from dusangire.orders.service.moving import hold, write_move
from dusangire.wards import service as wards


async def hold_unsafe(actor: Actor, about: str) -> None:
    """Judge the open trays of a patient anew and hold each that is not allowed now; the caller holds the lock.

    `about` is `patient:<id>`. Runs in the transaction of the change, so that both are one commit.
    """
    await _judge_again(actor, _id(about), dish=None)


async def stop_meals(actor: Actor, about: str) -> None:
    """Call off every tray of a patient whose stay ends, with its payment. `about` is `patient:<id>`."""
    for tray in await _trays(actor, _id(about)):
        if tray.status in CALLABLE_OFF:
            await write_move(actor, tray, Verb.CANCEL, note="stay_ended")


async def patient_moved(actor: Actor, about: str) -> None:
    """Tell every board that the patient's trays go to another bed: a tray is the patient's, and beds are read live."""
    for tray in await _trays(actor, _id(about)):
        if tray.status in CALLABLE_OFF:
            await record(actor, "order:rerouted", f"order:{tray.id}", also=[f"patient:{tray.patient}"], code=tray.code)


async def hold_dish(actor: Actor, about: str) -> None:
    """Hold the open trays with a dish that no longer pass, in the commit that changes it. `about` is `dish:<id>`.

    Locks each patient's row, in id order.
    """
    dish = _id(about)
    for patient in await queries.patients_with_open_dish(actor, dish):
        await wards.lock(actor, patient)
        await _judge_again(actor, patient, dish=dish)


async def _judge_again(actor: Actor, patient: UUID, *, dish: UUID | None) -> None:
    found = await _trays(actor, patient)
    at_stake = [tray for tray in found if tray.status in OPEN and (dish is None or _holds(tray, dish))]
    if not at_stake:
        return
    on = await ground(actor)
    for placed_as in dict.fromkeys(tray.placed_as for tray in at_stake):
        facts = await diets.facts(actor, patient, ordered_by=placed_as)
        for tray in at_stake:
            if tray.placed_as == placed_as:
                await _hold_if_unsafe(actor, tray, found, facts, on)


async def _hold_if_unsafe(actor: Actor, tray: Order, found: list[Order], facts: PatientFacts, on: Ground) -> None:
    serving = serving_of(tray, actor.zone, on.now)
    answer = judge(facts, serving, queries.others(found, tray.id, actor.zone), tray.tray(), on=on, gate=Gate.FIRE)
    if not answer.is_allowed:
        why = reason_for(answer, queries.named(tray.lines))
        await hold(actor, tray, why.whole, rule=why.rule)


async def _trays(actor: Actor, patient: UUID) -> list[Order]:
    yesterday = clock.local_day(clock.now(), actor.zone) - timedelta(days=1)
    return await queries.trays(actor, patient, yesterday)


def _holds(tray: Order, dish: UUID) -> bool:
    return any(line.dish == dish for line in tray.lines)


def _id(about: str) -> UUID:
    return UUID(about.partition(":")[2])
