"""What a cook does: moves a tray on, calls it back, reports a problem, and acknowledges what was stopped."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kitchen.rules import STOPPED, is_reached
from dusangire.kitchen.tables import StopSeen
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status, Verb


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
