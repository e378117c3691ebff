"""What follows: a receipt confirmed, a rating, a complaint, and the nutritionist's answer to a special request."""

from uuid import UUID

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import RequestState, Status, Verb
from dusangire.orders.service.moving import advance
from dusangire.orders.tables import MealOrder, Rating

_EATEN = frozenset({Status.DELIVERED, Status.COMPLETED})


async def confirm_receipt(actor: Actor, order_id: UUID) -> Order:
    """Say that the tray has come, once. A second tap changes nothing. Raises Refusal before it was handed over."""
    order = await queries.order(actor, order_id)
    if order.status is Status.COMPLETED:
        return order
    return await advance(actor, order_id, Verb.COMPLETE)


async def rate(actor: Actor, order_id: UUID, stars: int, *, reason: str = "", comment: str = "") -> None:
    """Keep one rating of a delivered tray. Raises Refusal("order.rated" | "order.not_yet_eaten")."""
    order = await queries.order(actor, order_id)
    if order.status not in _EATEN:
        raise Refusal("order.not_yet_eaten")
    async with transaction():
        kept = (
            await Rating.insert(
                Rating(
                    id=uuid7(),
                    hospital=actor.hospital,
                    meal_order=order_id,
                    stars=stars,
                    reason=reason,
                    comment=comment,
                    rated_by=actor.user,
                    rated_at=clock.now(),
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(Rating.id)
        )
        if not kept:
            raise Refusal("order.rated")
        await record(actor, "order:rated", f"order:{order_id}", stars=stars, reason=reason)


async def complain(actor: Actor, order_id: UUID, words: str) -> None:
    """Tell the help desk what is wrong with a tray; one open task an order, each complaint in its history."""
    order = await queries.order(actor, order_id)
    async with transaction():
        await record(actor, "order:complaint", f"order:{order_id}", also=[f"patient:{order.patient}"], words=words)
        await diets.open_task(
            actor, "order_problem", patient=order.patient, about=f"order:{order_id}", code=order.code,
            link=f"/orders/{order_id}", words=words,
        )  # fmt: skip


async def decide_request(actor: Actor, order_id: UUID, *, approve: bool) -> None:
    """Approve or decline a special request: only an approved one is printed. Raises Refusal where it was decided."""
    order = await queries.order(actor, order_id)
    state = RequestState.APPROVED if approve else RequestState.DECLINED
    async with transaction():
        moved = (
            await MealOrder.update({MealOrder.request_state: state.value})
            .where(
                mine(MealOrder, actor),
                MealOrder.id == order_id,
                MealOrder.request_state == RequestState.WAITING.value,
            )
            .returning(MealOrder.id)
        )
        if not moved:
            raise Refusal("order.request_decided", code=order.code)
        await record(actor, f"order:request_{state}", f"order:{order_id}", also=[f"patient:{order.patient}"])
        await diets.close_task(actor, "special_request", patient=order.patient, about=f"order:{order_id}")
