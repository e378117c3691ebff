"""Trays for isolation: nothing that went there comes back into the kitchen, so what is not eaten is thrown away."""

from uuid import UUID

from dusangire.delivery import queries
from dusangire.delivery.rules import Drop
from dusangire.delivery.tables import DeliveryStop
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status, Verb

_LEFT_OVER = frozenset({Status.UNDELIVERED, Status.HELD})


async def refuse_return(actor: Actor, order_id: UUID) -> None:
    """Raise Refusal where the tray went out for isolation: it is neither brought back nor offered again."""
    tray = await orders.ticket(actor, order_id)
    if tray.is_isolation:
        raise Refusal("delivery.isolation_no_return", code=tray.code)


async def discard(actor: Actor, order_id: UUID) -> None:
    """Throw away an isolation tray that nobody got; it is called off and leaves the run. Twice is once.

    Raises Refusal for a tray of another kind, on its way or on somebody else's run; NotHere.
    """
    async with order_service.moving(actor):
        tray = await orders.ticket(actor, order_id)
        if not tray.is_isolation:
            raise Refusal("delivery.not_isolation", code=tray.code)
        carried = await queries.carried_by(actor, order_id)
        if carried is not None and carried.carrier != actor.user:
            raise Refusal("delivery.on_other_run", name=carried.carrier_name)
        if tray.status in _LEFT_OVER:
            await order_service.advance(actor, order_id, Verb.CANCEL, note=Drop.DISCARDED.value)
        elif tray.status is not Status.CANCELLED:
            raise Refusal("delivery.not_ready", status_now=Phrase(tray.status.key))
        dropped = (
            await DeliveryStop.update({
                DeliveryStop.dropped_at: clock.now(), DeliveryStop.drop_reason: Drop.DISCARDED.value,
            })
            .where(mine(DeliveryStop, actor), DeliveryStop.meal_order == order_id, DeliveryStop.dropped_at.is_null())
            .returning(DeliveryStop.id)
        )  # fmt: skip
        if dropped:
            await record(actor, f"order:{Drop.DISCARDED}", f"order:{order_id}")
