"""A lunch paid in each of the ways there are: placed, paid, confirmed, brought, on the receipt, and the books even."""

from collections.abc import Awaitable, Callable

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import execute, fetch_value
from dusangire.orders.queries import Order
from dusangire.orders.rules import Status
from dusangire.payments import queries as money
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.coupons import CouponKind
from dusangire.payments.rules.funds import Span, Why
from dusangire.payments.service import coupons, funds_grants
from dusangire.payments.service.coupons import NewCoupon
from dusangire.payments.service.funds_grants import NewGrant
from dusangire.subscriptions import queries as plans
from dusangire.subscriptions import service as plan_service
from dusangire.subscriptions.service import Buying
from tests.make import Browser, Make
from tests.orders.conftest import _wired, bedside
from tests.orders.test_moving import bring_to
from tests.payments.buy.conftest import AIRTEL_NUMBER, MTN_NUMBER, Till, text_of, till
from tests.payments.buy.test_every_method import _fund
from tests.payments.buy.test_points import give
from tests.payments.buy.test_shared import insured
from tests.payments.conftest import _simulators, providers
from tests.payments.simulated import Providers

__all__ = ["_simulators", "_wired", "bedside", "providers", "till"]

Open = Callable[[Actor | None], Browser]
Ready = Callable[[Till, Actor], Awaitable[None]]
# What is still to be paid for a tray, whoever it is: nothing, of nobody.
_OWING = """
    SELECT count(*) FROM (SELECT party FROM posting WHERE hospital = $1 AND account = 'order_due'
        GROUP BY party HAVING sum(amount_minor) <> 0) AS owing
"""


@pytest.fixture
async def solange(make: Make) -> Actor:
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def _nothing(till: Till, finance: Actor) -> None:
    return


async def _plan(till: Till, finance: Actor) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = 1000000 WHERE hospital = $1", finance.hospital)
    await plan_service.load_starter(till.actor)
    plan = next(one for one in await plans.current(till.actor) if one.code == "PAT-WEEK-7")
    await plan_service.subscribe(till.bedside.patient, Buying(plan.id, Method.HOSPITAL_ACCOUNT))


async def _points(till: Till, finance: Actor) -> None:
    await give(till, 500)


async def _coupon(till: Till, finance: Actor) -> None:
    today = clock.local_day(clock.now(), finance.zone)
    await coupons.make(finance, NewCoupon("LUNCH10", CouponKind.PERCENT, 10, 5, today))


async def _granted(till: Till, finance: Actor) -> None:
    await _fund(finance, most_meal=700)
    await funds_grants.grant(till.bedside.nurse, till.bedside.id, NewGrant(Span.STAY, Why.CANNOT_PAY))


async def _insured(till: Till, finance: Actor) -> None:
    await insured(till, finance, patient=15, hospital=25, insurer=60)


CASES: dict[str, tuple[str, Ready, dict[str, str], dict[Method, int]]] = {
    "cash": ("cash", _nothing, {}, {Method.CASH: 2000}),
    "mtn": ("mtn", _nothing, {"phone": MTN_NUMBER}, {Method.MTN: 2000}),
    "airtel": ("airtel", _nothing, {"phone": AIRTEL_NUMBER}, {Method.AIRTEL: 2000}),
    "bank": ("bank", _nothing, {}, {Method.BANK: 2000}),
    "account": ("hospital_account", _nothing, {}, {Method.HOSPITAL_ACCOUNT: 2000}),
    "plan": ("subscription", _plan, {}, {Method.SUBSCRIPTION: 2000}),
    "points": ("points", _points, {}, {Method.POINTS: 2000}),
    "coupon": ("mtn", _coupon, {"coupon": "LUNCH10", "phone": MTN_NUMBER}, {Method.MTN: 1800}),
    "fund": ("cash", _granted, {}, {Method.FUND: 700, Method.CASH: 1300}),
    "insured": ("cash", _insured, {}, {Method.INSURER: 1200, Method.HOSPITAL: 500, Method.CASH: 300}),
}


async def _paid(till: Till, order: Order, office: Browser) -> None:
    """Do what the payer, their bank and the worker do; cash is taken at the bed."""
    await till.work()
    found = {one.method: one for one in await till.payments(order.id)}
    if Method.MTN in found or Method.AIRTEL in found:
        assert order.status is Status.AWAITING_PAYMENT
        await till.answers(order.id)
    elif Method.BANK in found:
        day, code = clock.now().date().isoformat(), found[Method.BANK].code
        sheet = f"Date,Reference,Description,Credit\n{day},FT1,LUNCH {code},2000\n"
        await office.post("/admin/finance/bank/import", files={"file": ("a.csv", sheet.encode(), "text/csv")})


@pytest.mark.req("J1", "J2", "J4", "J5", "J6", "J7", "J9", "J10", "J13", "J14", "K6", "K7", "CHK-4.1.1")
@pytest.mark.parametrize("way", CASES)
async def test_a_lunch_goes_from_the_form_to_the_receipt_and_nobody_owes_a_franc(
    till: Till, providers: Providers, didier: Actor, solange: Actor, browser: Open, way: str
) -> None:
    pay, ready, more, expected = CASES[way]
    await ready(till, solange)
    order = await till.place(pay, **more)
    assert {one.method: one.amount_minor for one in await till.payments(order.id)} == expected
    await _paid(till, order, browser(solange))
    order = await till.order(order.id)
    assert order.status is Status.CONFIRMED
    assert order.total_minor == sum(expected.values())
    assert (await bring_to(didier, order, Status.DELIVERED)).status is Status.DELIVERED
    assert {one.state for one in await till.payments(order.id)} <= {State.PAID, State.CHARGED}
    receipt = text_of(await till.browser.get(f"/orders/{order.id}/receipt"))
    assert f"R-{order.code}" in receipt
    assert f"FRW {order.total_minor:,}" in receipt.replace("\u00a0", " ")
    assert "Nothing is left to pay" in (await till.browser.get(f"/orders/{order.id}/pay")).text
    assert await till.due(order.id) == 0
    assert await fetch_value(_OWING, till.actor.hospital) == 0
    assert await money.books_balance(till.actor)
