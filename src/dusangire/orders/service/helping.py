"""A grant reaches back: meals that were ordered before it and are not eaten yet are paid by the fund instead."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import savepoint, transaction
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import OPEN, Status
from dusangire.orders.rules.paying import latest
from dusangire.orders.service.unpaid import confirm_paid
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.queries import Payment
from dusangire.payments.rules import ASKED, Method, Payer, State
from dusangire.payments.service import funds
from dusangire.wards import service as wards


async def pay_by_grant(actor: Actor, patient: UUID) -> int:
    """Let the patient's grants pay what their coming meals still wait for; return how many shares they paid.

    A share that a fund cannot pay whole stays as it is. A tray that waited for its payment goes to the kitchen.
    """
    paid = 0
    for order in await queries.orders_of(actor, patient):
        if order.status in OPEN or order.status is Status.HELD:
            paid += await _pay(actor, order)
            await confirm_paid(actor, order.id)
    return paid


async def _pay(actor: Actor, order: Order) -> int:
    async with transaction():
        await wards.lock(actor, order.patient)
        now = await queries.order(actor, order.id)
        if now.status not in OPEN and now.status is not Status.HELD:
            return 0
        waiting = [one for one in latest(await money.payments_of(actor, order.id)) if _is_theirs(one)]
        return sum([await _instead(actor, order, one) for one in waiting])


def _is_theirs(one: Payment) -> bool:
    """Whether the patient still has to pay this share: it was asked for, or put on the account of the stay."""
    is_owed = one.state in ASKED or (one.state is State.CHARGED and one.method is Method.HOSPITAL_ACCOUNT)
    return one.payer is Payer.PATIENT and is_owed


async def _instead(actor: Actor, order: Order, one: Payment) -> bool:
    try:
        async with savepoint():
            share = await funds.cover(actor, order.patient, order.id, one.amount, day=order.day, period=order.period)
            if share is None or share.amount != one.amount:
                raise _NotWhole
            await payments.switch(actor, one.id, Method.FUND, source=share.source, insists=True)
    except (_NotWhole, Refusal):
        return False
    return True


class _NotWhole(Exception):
    """The fund cannot pay the whole share: what it took is undone."""
