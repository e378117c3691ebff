"""Nothing by mouth: set, released, and what a hold leaves suspended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.queries import DietOrderRow
from dusangire.diets.rules.prescribing import OrderStatus
from dusangire.diets.service.tasks import open_task
from dusangire.diets.tables import DietOrder, NpoHold
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

NO_DIET_ORDER = "no_diet_order"
_MINUTE = timedelta(minutes=1)


async def hold(
    actor: Actor,
    patient: UUID,
    reason: str,
    start: datetime,
    end: datetime | None = None,
    *,
    procedure_at: datetime | None = None,
) -> UUID:
    """Let the patient eat and drink nothing in `[start, end)`; without an end until released.

    To the minute, start down and end up; `procedure_at` is when an operation is planned.
    Raises NoRight, NotHere, Refusal for no reason or an end that is past.
    """
    if not actor.may(Can.HOLD_SET):
        raise NoRight
    begins, ends = _down(start), None if end is None else rounded_up(end)
    if not reason.strip():
        raise Refusal("doctor.npo_need", status=422)
    refuse_bad_end(begins, ends)
    if procedure_at is not None and procedure_at < begins:
        raise Refusal("fasting.procedure_before", status=422)
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        await NpoHold.insert(
            NpoHold(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                reason=reason.strip(),
                start_at=begins,
                end_at=ends,
                set_by=actor.user,
                set_at=clock.now(),
                procedure_at=procedure_at,
            )
        )
        await record(
            actor, "npo_hold:set", f"patient:{patient}", hold=str(made), start=begins, end=ends, reason=reason.strip()
        )
        await wards.changed(actor, patient, why="npo_hold:set")
    return made


async def release(actor: Actor, patient: UUID, hold_id: UUID) -> None:
    """End a hold now, or take back one that has not begun. What it suspended does not come back by itself."""
    if not actor.may(Can.HOLD_SET):
        raise NoRight
    now = clock.now()
    async with transaction():
        await wards.lock(actor, patient)
        row = next((row for row in await queries.holds(actor, patient) if row.id == hold_id), None)
        if row is None:
            raise NotHere
        if not row.is_open(now):
            raise Refusal("diets.hold_over")
        await NpoHold.update({NpoHold.cancelled_at: now, NpoHold.cancelled_by: actor.user}).where(
            mine(NpoHold, actor), NpoHold.id == hold_id, NpoHold.cancelled_at.is_null()
        )
        kind = "npo_hold:released" if row.has_begun(now) else "npo_hold:cancelled"
        await record(actor, kind, f"patient:{patient}", hold=str(hold_id), reason=row.reason)
        await _suspend(actor, patient, now + _MINUTE)
        await wards.changed(actor, patient, why=kind)


async def settle_holds(actor: Actor, patient: UUID) -> int:
    """Put on hold what a hold that is over has suspended; return how many orders. Nothing resumes by itself."""
    async with transaction():
        await wards.lock(actor, patient)
        moved = await _suspend(actor, patient, clock.now())
        if moved:
            await wards.changed(actor, patient, why="diet_order:on_hold")
    return moved


async def _suspend(actor: Actor, patient: UUID, now: datetime) -> int:
    """`now` is the first minute after the hold: a release counts from the end of its minute."""
    orders = await queries.active_orders(actor, patient)
    caught = queries.suspended(orders, await queries.holds(actor, patient), now)
    for order in caught:
        await DietOrder.update(
            {DietOrder.status: OrderStatus.ON_HOLD.value, DietOrder.revision: order.revision + 1}
        ).where(mine(DietOrder, actor), DietOrder.id == order.id, DietOrder.status == OrderStatus.ACTIVE.value)
        await record(actor, "diet_order:on_hold", f"patient:{patient}", order=str(order.id), codes=order.codes)
    if caught:
        await open_task(actor, NO_DIET_ORDER, patient=patient, why="npo_over", link=_again_link(patient, caught))
    return len(caught)


def _again_link(patient: UUID, caught: Sequence[DietOrderRow]) -> str:
    """One order is renewed on the prescription itself, several on the page that signs them together."""
    if len(caught) == 1:
        return f"/health-profiles/{patient}/diet-order?renew={caught[0].id}"
    return f"/health-profiles/{patient}/may-eat"


def refuse_bad_end(start: datetime, end: datetime | None) -> None:
    """Refuse an end that is past or not after the start."""
    if end is not None and end <= start:
        raise Refusal("diets.end_before_start", status=422)
    if end is not None and end <= clock.now():
        raise Refusal("diets.end_past", status=422)


def _down(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def rounded_up(at: datetime) -> datetime:
    return _down(at) if _down(at) == at else _down(at) + _MINUTE
