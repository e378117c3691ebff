"""A tray becomes the kitchen's once it is covered, and is sold then: once, however often it is held and released."""

import pytest

from dusangire.kernel.access import Actor
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries, service
from dusangire.orders.queries import Order
from dusangire.orders.rules import Status, Verb
from dusangire.payments import queries as payments
from dusangire.payments import service as paying
from dusangire.payments.rules import Method
from tests.orders.conftest import Bedside


async def _sales(actor: Actor, order: Order) -> list[int]:
    """The price of each sale of a tray in the books, the mirrors of what was called off among them."""
    return [
        line.amount_minor
        for entry in await payments.entries(actor, about=f"order:{order.id}")
        for line in entry.postings
        if line.account == "order_due"
    ]


@pytest.mark.req("A13", "J2")
@pytest.mark.parametrize("held", [False, True])
async def test_a_tray_that_nobody_paid_goes_to_no_kitchen(bedside: Bedside, bosco: Actor, held: bool) -> None:
    order, verb = await bedside.order("CHK-STW", method=Method.MTN, phone="0788123454"), Verb.CONFIRM
    assert order.status is Status.AWAITING_PAYMENT
    if held:
        await service.advance(bosco, order.id, Verb.HOLD)
        verb = Verb.RELEASE
    with pytest.raises(Refusal) as refused:
        await service.advance(bosco, order.id, verb)
    assert (refused.value.key, refused.value.facts["code"]) == ("order.unpaid", order.code)
    assert (await queries.order(bosco, order.id)).status is (Status.HELD if held else Status.AWAITING_PAYMENT)
    assert await _sales(bosco, order) == []


@pytest.mark.req("A13", "J2")
async def test_without_looking_at_the_payments_the_tray_goes_unpaid(
    bedside: Bedside, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    async def covered(*_: object) -> bool:
        return True

    order = await bedside.order("CHK-STW", method=Method.MTN, phone="0788123454")
    monkeypatch.setattr(paying, "is_covered", covered)
    assert (await service.advance(bosco, order.id, Verb.CONFIRM)).status is Status.CONFIRMED


@pytest.mark.req("J4")
async def test_a_tray_is_sold_once_however_often_it_is_held_and_released(bedside: Bedside, bosco: Actor) -> None:
    order = await bedside.order("CHK-STW")
    assert await _sales(bosco, order) == [order.total_minor]
    for _ in range(2):
        await service.advance(bosco, order.id, Verb.HOLD)
        await service.release(bosco, order.id)
    assert await _sales(bosco, order) == [order.total_minor]
    await service.advance(bosco, order.id, Verb.HOLD)
    await service.cancel(bosco, order.id)
    assert sum(await _sales(bosco, order)) == 0
