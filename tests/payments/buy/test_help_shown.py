"""The ward sees on a tray what a fund gave for it; help is offered only for a tray that still needs it."""

import pytest

from dusangire.kernel.access import Actor
from dusangire.orders.rules import Status
from dusangire.payments.rules.funds import Span, Why
from dusangire.payments.service import funds_grants
from dusangire.payments.service.funds_grants import NewGrant
from tests.orders.test_moving import bring_to
from tests.payments.buy.conftest import Till, text_of
from tests.payments.buy.test_every_method import _fund


@pytest.mark.req("J10")
async def test_a_tray_that_a_fund_paid_says_so_to_the_ward_and_not_to_the_patient(
    till: Till, browser, grace: Actor, bosco: Actor
) -> None:
    await _fund(grace)
    await funds_grants.grant(bosco, till.bedside.id, NewGrant(Span.STAY, Why.CANNOT_PAY))
    order = await till.place("cash")
    shown = text_of(await browser(bosco).get(f"/orders/{order.id}"))
    assert "meal fund paid FRW 2,000 for this meal" in shown
    assert "Help with the cost" not in shown
    assert "meal fund" not in text_of(await till.browser.get(f"/orders/{order.id}"))


@pytest.mark.req("J10")
async def test_help_is_offered_for_a_tray_to_come_and_not_for_one_that_is_over(
    till: Till, browser, bosco: Actor, didier: Actor
) -> None:
    order = await till.place("cash")
    page = f"/orders/{order.id}"
    assert "Help with the cost" in text_of(await browser(bosco).get(page))
    await bring_to(didier, order, Status.DELIVERED)
    assert "Help with the cost" not in text_of(await browser(bosco).get(page))
