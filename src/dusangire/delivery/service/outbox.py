"""What a carrier tapped without a network: sent later, judged again then, and done once."""

from datetime import timedelta
from uuid import UUID

from dusangire.delivery.rules import Proof, Tap, Tapped, is_expired, was_kept
from dusangire.delivery.service import bedside, recalls, runs
from dusangire.delivery.service.proof import Evidence
from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.jobs import once
from dusangire.kernel.journal import record
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.service import Unsafe


async def send(actor: Actor, tapped: Tapped) -> bool:
    """Do what was tapped; False where the same tap was done before.

    Raises Refusal("delivery.expired", 410) for an old one, and what the act itself raises: it is judged now. A tray
    that was handed over in between and may not be eaten any more is stopped, and the nutritionist is told.
    """
    if is_expired(tapped.age_s):
        raise Refusal("delivery.expired", status=410)
    try:
        async with order_service.moving(actor):
            if not await once(actor, f"tap:{actor.user}:{tapped.key}"):
                return False
            await _do(actor, tapped)
            at = clock.now() - timedelta(seconds=tapped.age_s)
            await record(actor, "delivery:tapped", f"order:{tapped.order}", act=tapped.tap.value, at=at.isoformat())
    except Unsafe:
        if tapped.tap is Tap.HAND_OVER and was_kept(tapped.age_s):
            await _tell_conflict(actor, tapped.order)
        raise
    return True


async def _do(actor: Actor, tapped: Tapped) -> None:
    match tapped.tap:
        case Tap.COLLECT:
            await runs.collect(actor, tapped.order)
        case Tap.ARRIVE:
            await runs.arrive(actor, tapped.order)
        case Tap.FAIL if tapped.reason is not None:
            await runs.fail(actor, tapped.order, tapped.reason)
        case Tap.HAND_OVER:
            await bedside.hand_over(actor, tapped.order, Evidence(Proof.CONFIRMED))
        case Tap.SEEN:
            await recalls.see(actor, tapped.order)
        case Tap.BROUGHT_BACK:
            await recalls.bring_back(actor, tapped.order)
        case _:
            raise Refusal("form.required", status=422)


async def _tell_conflict(actor: Actor, order_id: UUID) -> None:
    order = await orders.order(actor, order_id)
    async with transaction():
        await record(
            actor, "delivery:late_conflict", f"order:{order_id}", also=[f"patient:{order.patient}"], code=order.code
        )
        await diets.open_task(
            actor, "late_conflict", patient=order.patient, about=f"order:{order_id}", code=order.code,
            link=f"/orders/{order_id}",
        )  # fmt: skip
