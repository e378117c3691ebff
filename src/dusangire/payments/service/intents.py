"""Opening, settling and cancelling the payment of an order."""

from typing import Any
from uuid import UUID, uuid4

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.rules import PAYMENT, Method, PayVerb, opening
from dusangire.payments.tables import Payment


async def open_payment(actor: Actor, order_id: UUID, method: Method, amount: Money) -> UUID:
    """Write how an order is paid, in the transaction that places it. One live payment an order, by a unique index."""
    made = uuid7()
    async with transaction():
        await Payment.insert(
            Payment(
                id=made,
                hospital=actor.hospital,
                meal_order=order_id,
                subject=order_id,
                reference=uuid4(),
                method=method.value,
                amount_minor=amount.minor,
                state=opening(method).value,
                created_at=clock.now(),
            )
        )
        await record(actor, f"payment:{opening(method)}", f"order:{order_id}", method=method.value, amount=amount.minor)
    return made


async def settle(actor: Actor, order_id: UUID) -> bool:
    """Mark the cash of an order as taken; False where none was due, also when it was taken before."""
    return await _move(actor, order_id, PayVerb.SETTLE)


async def cancel(actor: Actor, order_id: UUID) -> bool:
    """Cancel the payment of an order that will not be served; False where there is none to cancel."""
    return await _move(actor, order_id, PayVerb.CANCEL)


async def _move(actor: Actor, order_id: UUID, verb: PayVerb) -> bool:
    sources = [state.value for state in PAYMENT.sources(verb)]
    target = PAYMENT.after(next(iter(PAYMENT.sources(verb))), verb)
    changed: dict[Any, Any] = {Payment.state: target.value}
    if verb is PayVerb.SETTLE:
        changed |= {Payment.settled_at: clock.now(), Payment.settled_by: actor.user}
    async with transaction():
        moved = (
            await Payment.update(changed)
            .where(mine(Payment, actor), Payment.meal_order == order_id, Payment.state.is_in(sources))
            .returning(Payment.method, Payment.amount_minor)
        )
        for row in moved:
            await record(
                actor, f"payment:{target}", f"order:{order_id}", method=row["method"], amount=row["amount_minor"]
            )
    return bool(moved)
