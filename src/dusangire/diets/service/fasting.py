"""Fasts as they go on: prolonged, told to who is on duty when too long, released, and the same diet signed again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.accounts import service as account_service
from dusangire.diets import queries
from dusangire.diets.queries import DietOrderRow, HoldRow, Protocol
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.service.holds import refuse_bad_end, release, rounded_up
from dusangire.diets.service.orders import sign, sign_step
from dusangire.diets.service.protocols import keep_move
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import NpoHold
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can, Role
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.jobs import once
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.notify import service as notify
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service
from dusangire.wards.rules import Person

LONG_FAST, SLIPPED = "long_fast", "procedure_slipped"
_ALERTED = (Role.NURSE, Role.DOCTOR)


async def release_all(actor: Actor, patient: UUID) -> int:
    """Let the patient eat: end every hold that runs; return how many. A diet still waits for a prescriber.

    Raises NoRight, NotHere, Refusal("fasting.not_fasting") where nothing runs.
    """
    if not actor.may(Can.HOLD_SET):
        raise NoRight
    async with transaction():
        await ward_service.lock(actor, patient)
        running = await _running(actor, patient)
        if not running:
            raise Refusal("fasting.not_fasting")
        for row in running:
            await release(actor, patient, row.id)
    return len(running)


async def extend(actor: Actor, patient: UUID, hold: UUID, end: datetime, procedure_at: datetime | None = None) -> None:
    """Let a hold last longer, or the operation come later. Raises NoRight, NotHere, Refusal."""
    if not actor.may(Can.HOLD_SET):
        raise NoRight
    ends = rounded_up(end)
    async with transaction():
        await ward_service.lock(actor, patient)
        row = next((row for row in await queries.holds(actor, patient) if row.id == hold), None)
        if row is None:
            raise NotHere
        if not row.is_open(clock.now()):
            raise Refusal("diets.hold_over")
        refuse_bad_end(row.start_at, ends)
        if row.end_at is not None and ends <= row.end_at:
            raise Refusal("fasting.not_later", status=422)
        await NpoHold.update({
            NpoHold.end_at: ends,
            NpoHold.procedure_at: procedure_at or row.procedure_at,
            NpoHold.extended_at: clock.now(),
            NpoHold.extended_by: actor.user,
        }).where(mine(NpoHold, actor), NpoHold.id == hold)  # fmt: skip
        await record(
            actor, "npo_hold:extended", f"patient:{patient}", hold=str(hold), end=ends, reason=row.reason
        )  # fmt: skip
        await ward_service.changed(actor, patient, why="npo_hold:extended")


async def resume(actor: Actor, patient: UUID, password: str, *, seen_rev: int | None = None) -> list[UUID]:
    """Sign again, as they were, the orders a fast suspended; return the new orders.

    Only who signs diets may, with the password, and all of them or none. Raises NoRight, NotHere, NotSigned, Refusal.
    """
    if not actor.may(Can.DIET_SIGN):
        raise NoRight
    if not await account_service.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
    async with transaction():
        rev = await ward_service.lock(actor, patient)
        if seen_rev is not None and seen_rev != rev:
            raise Refusal("error.changed")
        if await _running(actor, patient):
            raise Refusal("fasting.still")
        waiting = await queries.suspended_orders(actor, patient)
        if not waiting:
            raise Refusal("fasting.nothing_waits")
        way = await queries.protocol(actor, patient)
        return [await _again(actor, patient, order, way) for order in waiting]


async def alert(actor: Actor, patient: UUID, kind: str, key: str, facts: dict[str, Any]) -> bool:
    """Tell the nurses and doctors of the patient's ward once: a task, and a message to each. False where told before.

    `key` names the occasion: the same one is never told twice, whoever closes the task.
    """
    person = await wards.person(actor, patient)
    async with transaction():
        if not await once(actor, f"{kind}:{key}"):
            return False
        await open_task(actor, kind, patient=patient, **facts)
        also = [f"{actor.hospital}:wards"]
        await record(actor, f"fasting:{kind}", f"patient:{patient}", also=also, **facts)
        for user in await accounts.on_ward(actor, person.ward, _ALERTED):
            await _tell(actor, user, kind, person, {"occasion": key, **facts})
    return True


async def settle_alert(actor: Actor, patient: UUID, kind: str) -> int:
    """Close an alert whose cause is over; return how many were open."""
    return await close_task(actor, kind, patient=patient)


async def prompt_prescribers(actor: Actor, patient: UUID, order: UUID) -> int:
    """Ask the doctors of the ward for a new diet after a fast; return how many were told. Once per suspended order."""
    person = await wards.person(actor, patient)
    told = [
        await _tell(actor, user, "npo_over", person, {"occasion": str(order)})
        for user in await accounts.on_ward(actor, person.ward, (Role.DOCTOR,))
    ]
    return sum(told)


async def _tell(actor: Actor, user: UUID, kind: str, person: Person, facts: dict[str, Any]) -> bool:
    said = {"bed": person.bed_code, "name": person.short_name, **facts}
    return await notify.tell(
        actor,
        user,
        kind=f"fasting:{kind}",
        key=f"{kind}:{person.id}:{facts['occasion']}",
        subject=Phrase(f"fasting.told.{kind}", said),
        body=Phrase(f"fasting.told.{kind}.body", said),
        about=f"patient:{person.id}",
        link=f"/health-profiles/{person.id}/may-eat",
    )


async def _running(actor: Actor, patient: UUID) -> list[HoldRow]:
    """The holds that run and nobody has released; a released one still lasts to the end of its minute."""
    now = clock.now()
    return [row for row in await queries.holds(actor, patient) if row.is_open(now) and row.has_begun(now)]


async def _again(actor: Actor, patient: UUID, order: DietOrderRow, way: Protocol | None) -> UUID:
    now = clock.now()
    asked = Prescription(
        codes=order.codes,
        start_at=now,
        end_at=order.end_at if order.end_at is not None and order.end_at > now else None,
        food_level=order.food_level,
        drink_level=order.drink_level,
        fluid_ml_day=order.limits.fluid_ml_day,
        potassium_mg_meal=order.limits.potassium_mg_meal,
        has_severe_oedema=order.limits.has_severe_oedema,
        reason=order.reason,
        replaces=order.id,
        rulings=order.rulings,
    )
    if way is None or way.diet_order != order.id:
        return await sign(actor, patient, asked)
    made = await sign_step(actor, patient, asked)
    await keep_move(actor, way.id, way.course.position, made)
    return made
