"""Trays called back on their way: marked in the commit that stops them, seen by their carrier, and brought back."""

from uuid import UUID

from piccolo.columns.combination import And

from dusangire.delivery import queries
from dusangire.delivery.rules import Drop
from dusangire.delivery.service.isolation import refuse_return
from dusangire.delivery.tables import DeliveryRun, DeliveryStop
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.journal import record
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status, Verb

_STOPPED = frozenset({Status.HELD, Status.CANCELLED})


def carrier_bell(user: UUID) -> str:
    """Return the bell that rings when one of this carrier's trays is called back."""
    return f"carrier:{user}"


async def call_back(actor: Actor, about: str) -> None:
    """Mark a stopped tray that somebody carries as called back, once, in the caller's transaction.

    `about` is `order:<id>`. Its carrier's page is told by the same commit.
    """
    order_id = UUID(about.partition(":")[2])
    async with transaction():
        marked = (
            await DeliveryStop.update({DeliveryStop.recalled_at: clock.now()})
            .where(_live(actor, order_id), DeliveryStop.recalled_at.is_null())
            .returning(DeliveryStop.run)
        )
        for row in marked:
            of_run = mine(DeliveryRun, actor) & (DeliveryRun.id == row["run"])
            run = await DeliveryRun.select(DeliveryRun.carrier).where(of_run)
            await record(actor, "tray:recalled", about, also=[carrier_bell(run[0]["carrier"])])


async def see(actor: Actor, order_id: UUID) -> None:
    """Say that the carrier has stopped: the red page was seen. A second tap changes nothing."""
    async with transaction():
        await _mark_seen(actor, order_id)


async def bring_back(actor: Actor, order_id: UUID) -> None:
    """Say that a stopped tray is back in the kitchen; it leaves the run, and one that was replaced is called off."""
    async with transaction():
        order = await orders.order(actor, order_id)
        if order.status not in _STOPPED or not await _is_own(actor, order_id):
            return
        await refuse_return(actor, order_id)
        if order.status is Status.HELD and await orders.replacement_of(actor, order_id) is not None:
            await order_service.advance(actor, order_id, Verb.CANCEL, note="replaced")
        await _mark_seen(actor, order_id)
        await DeliveryStop.update({
            DeliveryStop.dropped_at: clock.now(), DeliveryStop.drop_reason: Drop.BROUGHT_BACK.value
        }).where(_live(actor, order_id))  # fmt: skip
        await record(actor, f"order:{Drop.BROUGHT_BACK}", f"order:{order_id}", also=[carrier_bell(actor.user)])


async def _is_own(actor: Actor, order_id: UUID) -> bool:
    carried = await queries.carried_by(actor, order_id)
    return carried is not None and carried.carrier == actor.user


def _live(actor: Actor, order_id: UUID) -> And:
    is_this = (DeliveryStop.meal_order == order_id) & DeliveryStop.dropped_at.is_null()
    return mine(DeliveryStop, actor) & is_this


async def _mark_seen(actor: Actor, order_id: UUID) -> None:
    if not await _is_own(actor, order_id):
        return
    unseen = DeliveryStop.recalled_at.is_not_null() & DeliveryStop.recall_seen_at.is_null()
    marked = (
        await DeliveryStop.update({DeliveryStop.recall_seen_at: clock.now()})
        .where(_live(actor, order_id), unseen)
        .returning(DeliveryStop.id)
    )
    if marked:
        await record(actor, "tray:recall_seen", f"order:{order_id}", also=[carrier_bell(actor.user)])
