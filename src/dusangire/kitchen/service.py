"""What a cook does: moves a tray on, calls it back, reports a problem, and acknowledges what was stopped."""

from uuid import UUID

from dusangire.catering import queries as catering
from dusangire.catering import service as catering_service
from dusangire.catering.queries import StaffTray
from dusangire.catering.rules import TrayVerb
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kitchen import queries
from dusangire.kitchen.rules import STOPPED, is_reached
from dusangire.kitchen.tables import StopSeen
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status, Verb
from dusangire.subscriptions.rules.priority import sort_key


async def move(actor: Actor, order_id: UUID, verb: Verb, *, note: str = "") -> None:
    """Move a tray once; a second tap finds it where it should be. Raises NotHere and the Refusal of the gate."""
    if is_reached((await orders.order(actor, order_id)).status, verb):
        return
    try:
        await order_service.advance(actor, order_id, verb, note=note)
    except Refusal:
        if not is_reached((await orders.order(actor, order_id)).status, verb):
            raise


async def report(actor: Actor, order_id: UUID, note: str) -> None:
    """Take a tray off the line with the words of what is wrong."""
    await move(actor, order_id, Verb.REPORT, note=note)


async def give_up(actor: Actor, order_id: UUID, note: str) -> None:
    """Cancel a tray whose problem was reported; nothing else may be cancelled from the kitchen."""
    status = (await orders.order(actor, order_id)).status
    if status not in (Status.PROBLEM, Status.CANCELLED):
        raise Refusal("kitchen.report_first")
    await move(actor, order_id, Verb.CANCEL, note=note)


async def see_stop(actor: Actor, order_id: UUID) -> None:
    """Acknowledge that a stopped tray was taken off the line; it leaves the board until it is stopped anew."""
    async with transaction():
        order = await orders.order(actor, order_id)
        if order.status not in STOPPED:
            return
        seen = (
            await StopSeen.insert(
                StopSeen(
                    id=uuid7(),
                    hospital=actor.hospital,
                    meal_order=order_id,
                    stopped_at=order.status_at,
                    seen_by=actor.user,
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(StopSeen.id)
        )
        if seen:
            await record(actor, "order:stop_seen", f"order:{order_id}")


async def make_again(actor: Actor, order_id: UUID, note: str) -> None:
    """Cook a tray anew whose problem was reported; the note says what is done differently."""
    await move(actor, order_id, Verb.REMAKE, note=note)


async def start_staff_tray(actor: Actor, tray_id: UUID) -> None:
    """Begin a staff tray once no patient's tray that comes first still waits. Raises Refusal, NotHere."""
    before = await patients_before(actor, await catering.tray(actor, tray_id))
    if before:
        raise Refusal("kitchen.patients_first", count=before)
    await catering_service.move_tray(actor, tray_id, TrayVerb.START)


async def patients_before(actor: Actor, tray: StaffTray) -> int:
    """Return how many patients' trays that nobody has begun come before this one of the staff."""
    now = clock.now()
    own = sort_key(is_staff=True, is_critical=False, due_at=tray.serve_from, now=now)
    waiting = await queries.waiting_patients(actor, tray.serve_from)
    return sum(
        sort_key(is_staff=False, is_critical=one.is_critical, due_at=one.serve_from, now=now) < own for one in waiting
    )
