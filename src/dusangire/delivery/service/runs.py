"""A carrier's run: trays taken, given up, taken over, brought back; each on one run only, by a unique index."""

from uuid import UUID

from dusangire.delivery import queries
from dusangire.delivery.rules import Drop, Reason, is_reached
from dusangire.delivery.service.isolation import refuse_return
from dusangire.delivery.tables import DeliveryRun, DeliveryStop
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status, Verb, stored

_IN_HAND = frozenset({Status.OUT_FOR_DELIVERY, Status.ARRIVED, Status.UNDELIVERED})


async def collect(actor: Actor, order_id: UUID) -> None:
    """Take a ready tray, or one that left the kitchen with nobody, onto one's own run. Once, however often tapped.

    Raises Refusal where somebody else carries it or it cannot be carried now, Unsafe where it may not go out any more.
    """
    async with order_service.moving(actor):
        await _move(actor, order_id, Verb.COLLECT)
        await _claim(actor, order_id)


async def take_over(actor: Actor, order_id: UUID) -> None:
    """Carry on with a tray that nobody carries, or that somebody else does; the former stop stays in the history."""
    async with transaction():
        order = await orders.order(actor, order_id)
        if order.status not in _IN_HAND:
            raise _not_ready(order)
        carried = await queries.carried_by(actor, order_id)
        if carried is not None and carried.carrier != actor.user:
            await _drop(actor, order_id, Drop.TAKEN_OVER)
        await _claim(actor, order_id)


async def give_up(actor: Actor, order_id: UUID) -> None:
    """Put a tray of one's own back for anybody to carry."""
    async with transaction():
        if await _is_own(actor, order_id):
            await _drop(actor, order_id, Drop.GIVEN_UP)


async def arrive(actor: Actor, order_id: UUID) -> None:
    """Say that a tray has reached its ward. Raises Refusal, NotHere."""
    await require_own(actor, order_id)
    await _move(actor, order_id, Verb.ARRIVE)


async def fail(actor: Actor, order_id: UUID, reason: Reason) -> None:
    """Say why a tray could not be handed over; the nurse and the patient read the same reason."""
    await require_own(actor, order_id)
    await _move(actor, order_id, Verb.FAIL, note=stored(Phrase(f"deliver.reason.{reason}")))


async def reoffer(actor: Actor, order_id: UUID) -> None:
    """Carry a tray once more that could not be handed over; the bed is checked anew."""
    async with order_service.moving(actor):
        carried = await queries.carried_by(actor, order_id)
        if carried is not None and carried.carrier != actor.user:
            raise Refusal("delivery.on_other_run", name=carried.carrier_name)
        await refuse_return(actor, order_id)
        await _move(actor, order_id, Verb.REOFFER)
        await _claim(actor, order_id)
        await DeliveryStop.update({DeliveryStop.bed_checked_at: None}).where(
            mine(DeliveryStop, actor), DeliveryStop.meal_order == order_id, DeliveryStop.dropped_at.is_null()
        )


async def require_own(actor: Actor, order_id: UUID) -> None:
    """Raise Refusal unless this carrier has the tray on their run; NotHere for a tray of another hospital."""
    await orders.order(actor, order_id)
    if not await _is_own(actor, order_id):
        raise Refusal("delivery.not_carried")


async def _is_own(actor: Actor, order_id: UUID) -> bool:
    carried = await queries.carried_by(actor, order_id)
    return carried is not None and carried.carrier == actor.user


async def _move(actor: Actor, order_id: UUID, verb: Verb, *, note: str = "") -> None:
    if is_reached((await orders.order(actor, order_id)).status, verb):
        return
    try:
        await order_service.advance(actor, order_id, verb, note=note)
    except Refusal:
        if not is_reached((await orders.order(actor, order_id)).status, verb):
            raise


async def _claim(actor: Actor, order_id: UUID) -> None:
    """Put the tray on this carrier's run. Raises Refusal where it is on another's."""
    made = (
        await DeliveryStop.insert(
            DeliveryStop(
                id=uuid7(), hospital=actor.hospital, run=await _run(actor), meal_order=order_id, added_at=clock.now()
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(DeliveryStop.id)
    )
    carried = None if made else await queries.carried_by(actor, order_id)
    if carried is not None and carried.recalled_at is not None:
        await _drop(actor, order_id, Drop.BROUGHT_BACK)  # made anew since: what was called back is not this tray
        await _claim(actor, order_id)
        return
    if made:
        await record(actor, "order:taken", f"order:{order_id}")
        return
    if carried is None or carried.carrier != actor.user:
        raise Refusal("delivery.on_other_run", name=carried.carrier_name if carried else "")


async def _run(actor: Actor) -> UUID:
    """Return today's run of this carrier; one that was left open on another day ends first."""
    day_began, _ = clock.day_bounds(clock.local_day(clock.now(), actor.zone), actor.zone)
    await DeliveryRun.update({DeliveryRun.ended_at: clock.now()}).where(
        mine(DeliveryRun, actor),
        DeliveryRun.carrier == actor.user,
        DeliveryRun.ended_at.is_null(),
        DeliveryRun.started_at < day_began,
    )
    new = DeliveryRun(id=uuid7(), hospital=actor.hospital, carrier=actor.user, started_at=clock.now())
    await DeliveryRun.insert(new).on_conflict(action="DO NOTHING")
    found = await DeliveryRun.select(DeliveryRun.id).where(
        mine(DeliveryRun, actor), DeliveryRun.carrier == actor.user, DeliveryRun.ended_at.is_null()
    )
    run: UUID = found[0]["id"]
    return run


async def _drop(actor: Actor, order_id: UUID, why: Drop) -> None:
    dropped = (
        await DeliveryStop.update({DeliveryStop.dropped_at: clock.now(), DeliveryStop.drop_reason: why.value})
        .where(mine(DeliveryStop, actor), DeliveryStop.meal_order == order_id, DeliveryStop.dropped_at.is_null())
        .returning(DeliveryStop.id)
    )
    if dropped:
        await record(actor, f"order:{why}", f"order:{order_id}")


def _not_ready(order: orders.Order) -> Refusal:
    return Refusal("delivery.not_ready", status_now=Phrase(order.status.key))
