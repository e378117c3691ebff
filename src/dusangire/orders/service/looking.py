"""A look ahead: whether a tray would pass at the bed now. Advice for a page; the step itself judges again."""

from uuid import UUID

from dusangire.diets.rules import Gate
from dusangire.kernel.access import Actor
from dusangire.orders import queries
from dusangire.orders.rules import TOO_OLD, Why, is_too_old
from dusangire.orders.service.judging import ground, judged, reason_for


async def look(actor: Actor, order_id: UUID) -> Why | None:
    """Return why a tray could not be handed over at this moment; None where it could. Raises NotHere."""
    tray = await queries.order(actor, order_id)
    on = await ground(actor)
    found = await queries.trays(actor, tray.patient, tray.day, tray.day)
    answer = await judged(actor, tray, found, on, Gate.HANDOVER)
    if not answer.is_allowed:
        return reason_for(answer, queries.named(tray.lines))
    return TOO_OLD if is_too_old(tray.ready_at, on.now, await queries.tray_minutes(actor)) else None
