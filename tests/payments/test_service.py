"""Payments: opened with the order, settled once, cancelled with it, counted by method."""

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.payments import queries, service
from dusangire.payments.rules import Method, RefundState, State
from dusangire.payments.rules.ledger import Account
from tests.orders.conftest import Bedside


@pytest.mark.req("J5", "CHK-1.5.4")
async def test_cash_is_settled_once_and_never_after_it_was_cancelled(bedside: Bedside, esther: Actor) -> None:
    order = await bedside.order("CHK-STW")
    assert await service.settle(esther, order.id)
    assert not await service.settle(esther, order.id)
    paid = await queries.payment_of(esther, order.id)
    assert paid is not None
    assert (paid.state, paid.settled_by, paid.amount.minor) == (State.PAID, esther.user, 2000)
    assert (await queries.balance(esther, Account.CASH_FLOAT, esther.user)).minor == 2000
    second = await bedside.order("CHK-STW", period="dinner")
    assert await service.cancel(esther, second.id)
    assert not await service.settle(esther, second.id)


@pytest.mark.req("J7")
async def test_the_days_figures_add_up_by_method(bedside: Bedside, bosco: Actor, ines: Actor) -> None:
    await bedside.order("CHK-STW")
    await bedside.order("CHK-STW", period="dinner", method=Method.HOSPITAL_ACCOUNT)
    today = clock.local_day(clock.now(), bosco.zone)
    found = {(row.method, row.state): row.amount.minor for row in await queries.by_method(bosco, today)}
    assert found == {(Method.CASH, State.PENDING): 2000, (Method.HOSPITAL_ACCOUNT, State.CHARGED): 2000}
    assert await queries.by_method(ines, today) == []
    assert len(await queries.payments_on(bosco, today)) == 2


@pytest.mark.req("J8")
async def test_a_tray_that_was_paid_and_is_called_off_is_paid_back(bedside: Bedside, esther: Actor) -> None:
    order = await bedside.order("CHK-STW")
    assert await service.settle(esther, order.id)
    assert await service.cancel(esther, order.id, why="discharged")
    back = (await queries.refunds_of(esther, order.id))[0]
    assert (back.kind, back.state, back.amount.minor) == ("cancelled", RefundState.PENDING, 2000)
    assert await service.pay_out(esther, back.id)
    assert (await queries.balance(esther, Account.ORDER_DUE, order.id)).minor == 0
    assert await queries.books_balance(esther)
