"""What happens to open trays in the very commit that changes what is safe for their patient."""

from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import Gate, OtherTray, PatientFacts
from dusangire.diets.rules.overrides import Override, for_meal
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import CALLABLE_OFF, OPEN, Verb, serving_of
from dusangire.orders.service.judging import Ground, ground, judge, reason_for
from dusangire.orders.service.moving import hold, write_move
from dusangire.wards import service as wards

# How many patients one change may keep locked until its commit; dus_hold_dishes keeps to the same number.
AT_ONCE = 100


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


async def hold_merged(actor: Actor, about: str) -> None:
    """Stop every open tray of a patient whose record took in another one, until a nurse has looked."""
    for tray in await _trays(actor, _id(about)):
        if tray.status in OPEN:
            await hold(actor, tray, Phrase("order.held_merged"), rule="PATIENT.merged")


async def patient_moved(actor: Actor, about: str) -> None:
    """Tell every board that the patient's trays go to another bed: a tray is the patient's, and beds are read live."""
    for tray in await _trays(actor, _id(about)):
        if tray.status in CALLABLE_OFF:
            await record(actor, "order:rerouted", f"order:{tray.id}", also=[f"patient:{tray.patient}"], code=tray.code)


async def hold_dish(actor: Actor, about: str) -> None:
    """Hold the open trays with a dish that no longer pass, in the commit that changes it. `about` is `dish:<id>`.

    Locks each patient's row, in id order. Where that were more than AT_ONCE, so that the kitchen would wait for the
    locks, the trays are judged one patient at a time right after the commit (`trays:to_judge`): the gates judge for
    themselves, and the raised revision has made every proof stale.
    """
    dish = _id(about)
    patients = await queries.patients_with_open_dish(actor, dish)
    if len(patients) > AT_ONCE:
        await record(actor, "trays:to_judge", about, patients=len(patients))
        return
    for patient in patients:
        await wards.lock(actor, patient)
        await _judge_again(actor, patient, dish=dish)


async def hold_diet(actor: Actor, about: str) -> None:
    """Hold the open trays that a new version of the diet manual no longer allows, in the commit that signs it.

    `about` is `manual:<revision>`. Every patient with an order for a diet it changes is locked, in id order, and theirs
    judged again: a tray placed meanwhile waits for the lock and is judged by the new version. As `hold_dish` beyond
    AT_ONCE patients.
    """
    patients = await _of_version(actor, about)
    if len(patients) > AT_ONCE:
        await record(actor, "trays:to_judge", about, patients=len(patients))
        return
    for patient in patients:
        await wards.lock(actor, patient)
        await wards.changed(actor, patient, why="manual:signed")


async def judge_waiting(actor: Actor, about: str) -> None:
    """Judge again what a change left waiting, each patient in a transaction of their own. Twice is as good as once."""
    is_dish = about.startswith("dish:")
    for patient in await (queries.patients_with_open_dish(actor, _id(about)) if is_dish else _of_version(actor, about)):
        async with transaction():
            await wards.lock(actor, patient)
            await _judge_again(actor, patient, dish=_id(about) if is_dish else None)


async def _of_version(actor: Actor, about: str) -> list[UUID]:
    found = await diets.version(actor, int(about.partition(":")[2]))
    return await diets.patients_with_diets(actor, found.row.changed)


async def lock_lines(actor: Actor, about: str) -> None:
    """Lock every patient with an open tray from these kitchen lines, in id order, before any of them is judged.

    `about` is `kitchen_lines:<id>+<id>`. The dishes' own events follow, and find the rows locked already.
    """
    lines = [UUID(one) for one in about.partition(":")[2].split("+")]
    await _lock_all(actor, await queries.patients_with_open_line(actor, lines))


async def lock_ingredient(actor: Actor, about: str) -> None:
    """Lock every patient with an open tray that holds an ingredient, in id order, before its dishes follow.

    `about` is `ingredient:<id>`.
    """
    await _lock_all(actor, await queries.patients_with_open_ingredient(actor, _id(about)))


async def _lock_all(actor: Actor, patients: list[UUID]) -> None:
    for patient in patients if len(patients) <= AT_ONCE else ():
        await wards.lock(actor, patient)


async def _judge_again(actor: Actor, patient: UUID, *, dish: UUID | None) -> None:
    found = await _trays(actor, patient)
    at_stake = [tray for tray in found if tray.status in OPEN and (dish is None or _holds(tray, dish))]
    if not at_stake:
        return
    on = await ground(actor)
    given = await diets.overrides(actor, patient)
    for placed_as in dict.fromkeys(tray.placed_as for tray in at_stake):
        facts = await diets.facts(actor, patient, ordered_by=placed_as)
        for tray in at_stake:
            if tray.placed_as == placed_as:
                beside = queries.others(found, tray.id, actor.zone)
                meals = for_meal(given, tray.day, tray.period)
                await _hold_if_unsafe(actor, tray, _Around(facts, beside, meals), on)


class _Around(Struct, frozen=True):
    """What a tray is judged beside: its patient, the other trays, and the overrides of its meal."""

    facts: PatientFacts
    others: list[OtherTray]
    given: tuple[Override, ...]


async def _hold_if_unsafe(actor: Actor, tray: Order, around: _Around, on: Ground) -> None:
    serving = serving_of(tray, actor.zone, on.now)
    answer = judge(around.facts, serving, around.others, tray.tray(), on=on, gate=Gate.FIRE, given=around.given)
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
