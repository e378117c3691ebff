"""Every way to pay takes a tray from the checkout form to the receipt, and the books are even after it."""

from uuid import UUID

import pytest

from dusangire.diets.queries import open_tasks
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.kernel.money import Money
from dusangire.orders import queries
from dusangire.orders.rules import Status
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.funds import CameBy, Limits, Span, Why
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import funds_desk, funds_grants
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.funds_grants import NewGrant
from tests.orders.test_moving import bring_to
from tests.payments.buy.conftest import AIRTEL_NUMBER, MTN_NUMBER, Till, text_of
from tests.payments.simulated import Providers


@pytest.mark.req("J1", "J2", "J4", "J14", "C17", "CHK-4.1.2")
@pytest.mark.parametrize(
    ("pay", "phone", "name", "account"),
    [
        ("mtn", MTN_NUMBER, "MTN MoMo", Account.MTN_CLEARING),
        ("airtel", AIRTEL_NUMBER, "Airtel Money", Account.AIRTEL_CLEARING),
    ],
)
async def test_mobile_money_pays_from_the_form_to_the_receipt_without_javascript(
    till: Till, providers: Providers, didier: Actor, pay: str, phone: str, name: str, account: Account
) -> None:
    order = await till.place(pay, "CHK-STW", "POT-BLD", phone=phone)
    assert order.status is Status.AWAITING_PAYMENT
    page = await till.browser.get(f"/orders/{order.id}/pay", params={"placed": "1"})
    assert "Check your phone" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert f"We ask {name} for FRW 2,500" in text_of(page)
    assert phone not in page.text
    assert not [one for one in await _kitchen(didier) if one == order.id]
    await till.work()
    await till.answers(order.id)
    assert (await till.order(order.id)).status is Status.CONFIRMED
    settled = await till.browser.get(f"/orders/{order.id}/pay")
    assert "Nothing is left to pay" in settled.text
    assert await till.due(order.id) == 0
    assert await till.balance(account) == 2500
    assert [(one["state"], int(one["amount"])) for one in providers.money(pay)["payments"]] == [("successful", 2500)]
    await bring_to(didier, await till.order(order.id), Status.DELIVERED)
    receipt = text_of(await till.browser.get(f"/orders/{order.id}/receipt"))
    assert f"R-{order.code}" in receipt
    assert name in receipt
    assert "FRW 2,500" in receipt


@pytest.mark.req("J1", "J5", "J7", "J14", "C17")
@pytest.mark.parametrize(
    ("pay", "before", "after", "account"),
    [
        ("cash", State.PENDING, State.PAID, Account.CASH_FLOAT),
        ("hospital_account", State.CHARGED, State.CHARGED, Account.ADMISSION_RECEIVABLE),
    ],
)
async def test_cash_and_the_account_of_the_stay_never_keep_a_tray_waiting(
    till: Till, didier: Actor, pay: str, before: State, after: State, account: Account
) -> None:
    order = await till.place(pay)
    assert order.status is Status.CONFIRMED
    assert [one.state for one in await till.payments(order.id)] == [before]
    assert await till.due(order.id) == (2000 if pay == "cash" else 0)
    await bring_to(didier, order, Status.DELIVERED)
    assert [one.state for one in await till.payments(order.id)] == [after]
    assert await till.due(order.id) == 0
    assert await till.balance(account) == 2000
    receipt = text_of(await till.browser.get(f"/orders/{order.id}/receipt"))
    assert f"R-{order.code}" in receipt
    assert "Fiscal receipt pending" in receipt


@pytest.mark.req("J6", "J14", "CHK-4.1.4")
async def test_a_transfer_shows_its_reference_and_pays_when_finance_finds_it(till: Till, grace: Actor) -> None:
    order = await till.place("bank")
    assert order.status is Status.CONFIRMED
    one = (await till.payments(order.id))[0]
    shown = await till.browser.get(f"/orders/{order.id}/pay")
    page = text_of(shown)
    assert one.code is not None
    assert one.code in page
    assert "Pay by bank transfer" in page
    assert f'href="/invoices/{one.id}"' in shown.text
    assert one.code in (await till.browser.get(f"/invoices/{one.id}")).text
    assert await payments.settle_bank(grace, one.id)
    assert await till.due(order.id) == 0
    assert "Nothing is left to pay" in (await till.browser.get(f"/orders/{order.id}/pay")).text


@pytest.mark.req("J9", "J10")
async def test_a_fund_pays_its_part_and_the_patient_the_rest_and_no_page_of_theirs_names_it(
    till: Till, grace: Actor, bosco: Actor
) -> None:
    await _fund(grace, most_meal=700)
    await funds_grants.grant(bosco, till.bedside.id, NewGrant(Span.STAY, Why.CANNOT_PAY))
    order = await till.place("cash")
    shares = {one.method: one.amount.minor for one in await till.payments(order.id)}
    assert shares == {Method.FUND: 700, Method.CASH: 1300}
    assert sum(shares.values()) == order.total_minor
    for path in (f"/orders/{order.id}", f"/orders/{order.id}/receipt", "/payments/", f"/orders/{order.id}/pay"):
        shown = text_of(await till.browser.get(path)).lower()
        assert not [word for word in ("fund", "sponsor", "meals for all") if word in shown.replace("refund", "")]
    assert "Covered for you" in text_of(await till.browser.get(f"/orders/{order.id}/receipt"))


@pytest.mark.req("J10")
async def test_who_cannot_pay_now_eats_and_the_ward_is_asked(till: Till, bosco: Actor) -> None:
    order = await till.place("fund")
    assert order.status is Status.CONFIRMED
    assert [(one.method, one.amount.minor) for one in await till.payments(order.id)] == [
        (Method.HOSPITAL_ACCOUNT, 2000)
    ]
    assert await _tasks(bosco, till.bedside.id) == ["help_with_cost"]


@pytest.mark.req("J10")
async def test_a_fund_that_helps_at_once_pays_for_who_cannot(till: Till, grace: Actor, bosco: Actor) -> None:
    await _fund(grace, at_once=True)
    order = await till.place("fund")
    assert [(one.method, one.amount.minor) for one in await till.payments(order.id)] == [(Method.FUND, 2000)]
    assert await _tasks(bosco, till.bedside.id) == []
    assert await till.due(order.id) == 0


@pytest.mark.req("J10", "J7")
async def test_where_not_even_the_account_takes_it_the_ward_is_asked_and_nothing_is_half_written(
    till: Till, bosco: Actor
) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = 100 WHERE hospital = $1", bosco.hospital)
    await till.bedside.choose("CHK-STW")
    answer = await till.browser.post("/checkout/", await till.form("fund"))
    assert answer.status_code == 409
    assert await _tasks(bosco, till.bedside.id) == ["help_with_cost"]
    assert await money.in_state(bosco, [State.CHARGED, State.PAID, State.PENDING]) == []


async def _kitchen(cook: Actor) -> list[UUID]:
    return [one.id for one in await queries.tickets(cook, {Status.CONFIRMED, Status.PREPARING})]


async def _tasks(actor: Actor, patient: UUID) -> list[str]:
    return [task.kind for task in await open_tasks(actor, patient) if task.kind == "help_with_cost"]


async def _fund(actor: Actor, *, most_meal: int | None = None, at_once: bool = False) -> UUID:
    today = clock.local_day(clock.now(), actor.zone)
    limits = Limits(name="Meals for all", serves_from=today, most_meal_minor=most_meal, helps_at_once=at_once)
    made = await funds_desk.make(actor, limits)
    gift = NewGift(key="gift-of-the-test", amount=Money(100_000), came_by=CameBy.CASH, received_on=today)
    await funds_desk.receive(actor, made, gift)
    return made
