"""Advancement protocols: signed by a doctor, walked by nurses one step at a time, each step a signed diet order."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.queries import Protocol
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.rules.protocols import (
    Step,
    against_advancing,
    against_signing,
    against_stepping_back,
    longest_hours,
)
from dusangire.diets.service.orders import sign_step
from dusangire.diets.service.tasks import open_task
from dusangire.diets.tables import AdvancementMove, AdvancementProtocol, AdvancementStep
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.jobs import once
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

REVIEW = "diet_review"
_HOUR_S = 3600


class EndReason(StrEnum):
    """Why a protocol is over."""

    STOPPED = "stopped"
    REPLACED = "replaced"
    DISCHARGED = "discharged"


async def sign_protocol(actor: Actor, patient: UUID, steps: Sequence[Step], reason: str, password: str) -> UUID:
    """Sign the way and its first step; it takes the place of one under way. Return its id.

    Raises NoRight for anybody but who signs diets, NotHere, NotSigned, Refusal.
    """
    if not actor.may(Can.DIET_SIGN):
        raise NoRight
    wrong = against_signing(steps, await queries.manual(actor))
    if wrong is not None:
        raise Refusal(wrong, status=422)
    await _ask_password(actor, password)
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        admission = (await queries.safety(actor, patient)).admission
        if admission is None:
            raise Refusal("diets.not_admitted")
        await end_protocol(actor, patient, EndReason.REPLACED)
        await _keep(actor, _row(actor, made, patient, admission, reason), steps)
        before = await _in_its_place(actor, patient, steps)
        order = await sign_step(actor, patient, _prescription(steps[0], before))
        await keep_move(actor, made, 1, order)
        codes = [step.code for step in steps]
        await record(actor, "protocol:signed", f"patient:{patient}", protocol=str(made), codes=codes)
    return made


async def advance_step(actor: Actor, patient: UUID, password: str, *, seen: int) -> Step:
    """Take exactly the next step of the signed protocol; `seen` is the position the person looked at.

    Raises NoRight, NotHere without a protocol, NotSigned, Refusal: too early, at the end, suspended, moved meanwhile.
    """
    return await _walk(actor, patient, password, seen=seen, on=1)


async def step_back(actor: Actor, patient: UUID, password: str, *, seen: int) -> Step:
    """Take one step back; at any time. Raises as `advance_step`."""
    return await _walk(actor, patient, password, seen=seen, on=-1)


async def stop_protocol(actor: Actor, patient: UUID) -> None:
    """End the protocol where it stands: the diet order of its step stays. Raises NoRight, NotHere."""
    if not actor.may(Can.DIET_SIGN):
        raise NoRight
    async with transaction():
        await wards.lock(actor, patient)
        if not await end_protocol(actor, patient, EndReason.STOPPED):
            raise NotHere


async def end_protocol(actor: Actor, patient: UUID, why: EndReason) -> bool:
    """End the protocol under way, if any, in the caller's transaction and under its lock."""
    ended = (
        await AdvancementProtocol.update({
            AdvancementProtocol.ended_at: clock.now(),
            AdvancementProtocol.ended_by: actor.user,
            AdvancementProtocol.end_reason: why.value,
        })
        .where(
            mine(AdvancementProtocol, actor),
            AdvancementProtocol.patient == patient,
            AdvancementProtocol.ended_at.is_null(),
        )
        .returning(AdvancementProtocol.id)
    )  # fmt: skip
    if ended:
        await record(actor, "protocol:ended", f"patient:{patient}", protocol=str(ended[0]["id"]), why=why.value)
    return bool(ended)


async def keep_move(actor: Actor, protocol: UUID, position: int, order: UUID) -> None:
    """Write a step into the history, in the caller's transaction."""
    await AdvancementMove.insert(
        AdvancementMove(
            id=uuid7(),
            hospital=actor.hospital,
            protocol=protocol,
            position=position,
            diet_order=order,
            moved_by=actor.user,
            moved_at=clock.now(),
        )
    )


async def review_long_diets(actor: Actor, now: datetime) -> int:
    """Open a task, once, for each diet that lasts longer than the manual lets it, such as clear liquids over 48 h."""
    longest = longest_hours(await queries.manual(actor))
    opened = 0
    for one in await queries.unbroken(actor, sorted(longest), now):
        hours = int((now - one.since).total_seconds() // _HOUR_S)
        if hours < longest[one.code]:
            continue
        async with transaction():
            if await once(actor, f"{REVIEW}:{one.code}:{one.first_order}"):
                link = f"/health-profiles/{one.patient}/steps"
                await open_task(
                    actor, REVIEW, patient=one.patient, about=one.code, code=one.code, hours=hours, link=link
                )
                opened += 1
    return opened


async def _walk(actor: Actor, patient: UUID, password: str, *, seen: int, on: int) -> Step:
    if not (actor.may(Can.DIET_ADVANCE) or actor.may(Can.DIET_SIGN)):
        raise NoRight
    await _ask_password(actor, password)
    async with transaction():
        await wards.lock(actor, patient)
        way = await queries.protocol(actor, patient)
        if way is None:
            raise NotHere
        await _refuse_suspended(actor, patient, way)
        step = _next(way, seen, on, clock.now(), actor.zone)
        order = await sign_step(actor, patient, _prescription(step, way.diet_order))
        await keep_move(actor, way.id, step.position, order)
        kind = "protocol:advanced" if on > 0 else "protocol:stepped_back"
        await record(actor, kind, f"patient:{patient}", protocol=str(way.id), codes=[step.code])
    return step


async def _refuse_suspended(actor: Actor, patient: UUID, way: Protocol) -> None:
    """No step is taken past a fast: what it suspends comes back by a prescriber's signature alone."""
    fasts = queries.is_fasting(await queries.holds(actor, patient), clock.now())
    if fasts or all(row.id != way.diet_order for row in await queries.diet_now(actor, patient)):
        raise Refusal("steps.not_in_force")


def _next(way: Protocol, seen: int, on: int, now: datetime, zone: str) -> Step:
    course = way.course
    if course.position != seen:
        raise Refusal("error.changed")
    wrong = against_advancing(course, now) if on > 0 else against_stepping_back(course)
    if wrong == "steps.too_early":
        raise Refusal(wrong, time=clock.local(course.due_at, zone).strftime("%d.%m. %H:%M"))
    if wrong is not None:
        raise Refusal(wrong)
    return way.step(course.position + on)


def _prescription(step: Step, replaces: UUID | None) -> Prescription:
    return Prescription(codes=(step.code,), start_at=clock.now(), drink_level=step.drink_level, replaces=replaces)


async def _in_its_place(actor: Actor, patient: UUID, steps: Sequence[Step]) -> UUID | None:
    """Return the order in force that is a step of the way already: the first step takes its place."""
    codes = {step.code for step in steps}
    standing = [row for row in await queries.active_orders(actor, patient) if set(row.codes) <= codes]
    return standing[0].id if standing else None


def _row(actor: Actor, made: UUID, patient: UUID, admission: UUID, reason: str) -> AdvancementProtocol:
    return AdvancementProtocol(
        id=made,
        hospital=actor.hospital,
        patient=patient,
        admission=admission,
        reason=reason.strip(),
        signed_by=actor.user,
        signed_at=clock.now(),
    )


async def _keep(actor: Actor, row: AdvancementProtocol, steps: Sequence[Step]) -> None:
    await AdvancementProtocol.insert(row)
    await AdvancementStep.insert(
        *(
            AdvancementStep(
                id=uuid7(),
                hospital=actor.hospital,
                protocol=row.id,
                position=step.position,
                code=step.code,
                drink_level=step.drink_level,
                least_hours=step.least_hours,
            )
            for step in steps
        )
    )


async def _ask_password(actor: Actor, password: str) -> None:
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
