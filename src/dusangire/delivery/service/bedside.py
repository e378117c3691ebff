"""At the bed: the tray's code, the bed's code or the person's own words, and the hand-over with its proof.

Both codes are compared by the server, and again in the transaction that hands the tray over.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.delivery import queries, rules
from dusangire.delivery.rules import Method, MissKind, Stop
from dusangire.delivery.service import proof
from dusangire.delivery.service.proof import Evidence, Given
from dusangire.delivery.service.runs import require_own
from dusangire.delivery.tables import DeliveryStop, Handover, NearMiss
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Verb
from dusangire.wards import queries as wards
from dusangire.wards.queries import BedRow


class Miss(Struct, frozen=True):
    """What nearly went wrong, and what was scanned or said instead; it is on record."""

    kind: MissKind
    found: str = ""


async def check_tray(actor: Actor, order_id: UUID, scanned: str) -> Miss | None:
    """Compare the code on the tray with the order in hand; None when it is this tray, else the near miss."""
    await require_own(actor, order_id)
    try:
        tray = await queries.tray_of(actor, rules.code_of(scanned))
    except NotHere:
        return await _miss(actor, order_id, Miss(MissKind.UNKNOWN_CODE))
    except orders.OldLabel:
        await _miss(actor, order_id, Miss(MissKind.UNKNOWN_CODE))
        raise
    if tray.id != order_id:
        return await _miss(actor, order_id, Miss(MissKind.WRONG_TRAY, tray.code))
    await _note(actor, order_id, {DeliveryStop.tray_scanned_at: clock.now()})
    return None


async def check_bed(actor: Actor, order_id: UUID, scanned: str) -> Miss | None:
    """Compare the card on the bed with the bed the patient lies in now; None when it is that bed."""
    await require_own(actor, order_id)
    return await _compare_bed(actor, order_id, await wards.bed_of_card(actor, rules.code_of(scanned)), Method.SCAN)


async def check_person(actor: Actor, order_id: UUID, bed_code: str, name: str, year: int | None) -> Miss | None:
    """Compare what the patient says with the order's patient, and the bed's number where the tray goes to a bed."""
    await require_own(actor, order_id)
    stop = await queries.stop(actor, order_id)
    if not rules.is_same_person(name, year, stop.name, stop.birth_year):
        return await _miss(actor, order_id, Miss(MissKind.WRONG_ANSWER, name))
    if stop.is_at_bed:
        return await _compare_bed(actor, order_id, await wards.bed_of_code(actor, bed_code.upper()), Method.TYPED)
    await _note(actor, order_id, _checked(Method.STAFF_AREA, stop.bed))
    await order_service.tray_here(actor, f"order:{order_id}")
    return None


async def is_card(actor: Actor, scanned: str) -> bool:
    """True when this is the card of a bed here; a number that was typed needs the person's words as well."""
    return await wards.bed_of_card(actor, rules.code_of(scanned)) is not None


async def is_number(actor: Actor, typed: str) -> bool:
    """True when this is the number of a bed here."""
    return await wards.bed_of_code(actor, typed.strip().upper()) is not None


async def hand_over(actor: Actor, order_id: UUID, evidence: Evidence) -> None:
    """Hand the tray over with its proof; a second tap finds it handed over. Raises Refusal, NotHere, Unsafe."""
    if await _is_handed_over(actor, order_id):
        return
    given = await proof.give(evidence)
    is_kept = False
    try:
        await _hand_over(actor, order_id, given)
        is_kept = True
    except Refusal:
        if not await _is_handed_over(actor, order_id):
            raise
    finally:
        if not is_kept:
            proof.forget(given.file)


async def _is_handed_over(actor: Actor, order_id: UUID) -> bool:
    return rules.is_reached((await orders.order(actor, order_id)).status, Verb.HAND_OVER)


async def _hand_over(actor: Actor, order_id: UUID, given: Given) -> None:
    """In one transaction: judged afresh, both checks still true, one hand-over a tray, the cash taken."""
    async with order_service.moving(actor):
        await order_service.advance(actor, order_id, Verb.HAND_OVER)
        stop = await queries.stop(actor, order_id)
        await require_own(actor, order_id)
        _require_checks(stop)
        await Handover.insert(
            Handover(
                id=uuid7(),
                hospital=actor.hospital,
                meal_order=order_id,
                patient=stop.patient,
                bed=stop.bed,
                method=stop.bed_method,
                proof=given.proof.value,
                proof_file=given.file,
                signed_as=given.signed_as,
                handed_by=actor.user,
                handed_at=clock.now(),
            )
        )


def _require_checks(stop: Stop) -> None:
    if stop.tray_scanned_at is None or stop.bed_checked_at is None:
        raise Refusal("delivery.check_first")
    if not stop.bed_holds(clock.now()):
        raise Refusal("delivery.check_again")


async def _compare_bed(actor: Actor, order_id: UUID, bed: BedRow | None, method: Method) -> Miss | None:
    if bed is None:
        return await _miss(actor, order_id, Miss(MissKind.UNKNOWN_CODE))
    stop = await queries.stop(actor, order_id)
    if bed.id != stop.bed:
        return await _miss(actor, order_id, Miss(MissKind.WRONG_BED, bed.code), bed.id)
    await _note(actor, order_id, _checked(method, bed.id))
    await order_service.tray_here(actor, f"order:{order_id}")
    return None


def _checked(method: Method, bed: UUID | None) -> dict[Any, Any]:
    return {
        DeliveryStop.bed_checked_at: clock.now(),
        DeliveryStop.bed_method: method.value,
        DeliveryStop.checked_bed: bed,
    }


async def _note(actor: Actor, order_id: UUID, values: Mapping[Any, Any]) -> None:
    async with transaction():
        await DeliveryStop.update(dict(values)).where(
            mine(DeliveryStop, actor), DeliveryStop.meal_order == order_id, DeliveryStop.dropped_at.is_null()
        )


async def _miss(actor: Actor, order_id: UUID, miss: Miss, bed: UUID | None = None) -> Miss:
    async with transaction():
        await NearMiss.insert(
            NearMiss(
                id=uuid7(),
                hospital=actor.hospital,
                meal_order=order_id,
                kind=miss.kind.value,
                scanned_bed=bed,
                seen_by=actor.user,
                seen_at=clock.now(),
            )
        )
        await record(actor, "near_miss:recorded", f"order:{order_id}", miss=miss.kind.value)
    return miss
