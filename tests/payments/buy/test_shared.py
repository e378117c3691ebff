"""A tray that several pay: the payer's class divides it at checkout, the patient pays the rest, the receipt says so."""

from collections.abc import Callable
from uuid import UUID

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.orders import service
from dusangire.orders.rules import Status
from dusangire.payments import queries as money
from dusangire.payments.queries import own
from dusangire.payments.queries import payers as payer_queries
from dusangire.payments.rules import Method, Payer, State
from dusangire.payments.rules.coupons import CouponKind
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import coupons, payers
from dusangire.payments.service.coupons import NewCoupon
from dusangire.payments.service.payers import NewRule
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.rules import PayerClass
from tests.make import Browser, Make
from tests.orders.test_moving import bring_to
from tests.payments.buy.conftest import AIRTEL_NUMBER, MTN_NUMBER, Till, text_of
from tests.payments.buy.test_trouble import NO_FUNDS
from tests.payments.simulated import Providers


@pytest.fixture
async def solange(make: Make) -> Actor:
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def insured(till: Till, finance: Actor, *, patient: int, hospital: int, insurer: int) -> UUID:
    """Let an insurer and the hospital pay their percents of the patient's meals from today on."""
    today = clock.local_day(clock.now(), finance.zone)
    admission = (await ward_queries.person(finance, till.bedside.id)).admission
    assert admission
    await wards.set_payer(
        finance, admission, PayerClass.PRIVATE, insurer="Radiant", insurance_no="R-77", why="showed a card"
    )
    await payers.add_rule(finance, NewRule(PayerClass.PRIVATE, patient, hospital, insurer, 0, today))
    return admission


async def shares(till: Till, order: UUID) -> dict[Payer, tuple[Method, int, State]]:
    return {one.payer: (one.method, one.amount_minor, one.state) for one in await till.payments(order)}


@pytest.mark.req("J9", "J5", "J14")
async def test_insurer_and_hospital_pay_their_percents_and_the_carrier_takes_the_rest_in_cash(
    till: Till, solange: Actor, didier: Actor
) -> None:
    await insured(till, solange, patient=15, hospital=25, insurer=60)
    order = await till.place("cash", "CHK-STW", "POT-BLD")
    assert order.status is Status.CONFIRMED
    assert await shares(till, order.id) == {
        Payer.HOSPITAL: (Method.HOSPITAL, 625, State.CHARGED),
        Payer.INSURER: (Method.INSURER, 1500, State.CHARGED),
        Payer.PATIENT: (Method.CASH, 375, State.PENDING),
    }
    assert await till.due(order.id) == 375
    await bring_to(didier, order, Status.DELIVERED)
    assert await till.due(order.id) == 0
    assert await till.balance(Account.INSURER_RECEIVABLE) == 1500
    assert await till.balance(Account.HOSPITAL_MEALS) == 625
    assert await till.balance(Account.CASH_FLOAT) == 375
    receipt = text_of(await till.browser.get(f"/orders/{order.id}/receipt"))
    assert all(sum_ in receipt for sum_ in ("FRW 2,500", "FRW 2,125", "FRW 375", "Covered for you"))
    assert "Radiant" not in receipt
    assert await money.books_balance(till.actor)


@pytest.mark.req("J9", "J2", "J8", "J14")
async def test_the_patients_part_fails_by_one_network_and_is_paid_once_by_the_other(
    till: Till, solange: Actor, providers: Providers
) -> None:
    await insured(till, solange, patient=15, hospital=0, insurer=85)
    order = await till.place("mtn", phone=NO_FUNDS)
    await till.work()
    await till.answers(order.id)
    assert order.status is Status.AWAITING_PAYMENT
    page = text_of(await till.browser.get(f"/orders/{order.id}/pay"))
    assert "There is not enough money" in page
    failed = next(one for one in await till.payments(order.id) if one.state is State.FAILED)
    way = {"attempt": str(failed.id), "method": "airtel", "phone": AIRTEL_NUMBER}
    assert (await till.browser.post(f"/orders/{order.id}/pay/other", way)).status_code == 303
    await till.work()
    await till.answers(order.id)
    assert (await till.order(order.id)).status is Status.CONFIRMED
    assert [int(one["amount"]) for one in providers.money("airtel")["payments"]] == [300]
    assert not [one for one in providers.money("mtn")["payments"] if one["state"] == "successful"]
    assert await till.due(order.id) == 0
    await service.cancel(till.bedside.patient, order.id)
    back = await money.refunds_of(till.actor, order.id)
    assert [(one.method, one.amount_minor) for one in back] == [(Method.AIRTEL, 300)]
    assert await till.balance(Account.INSURER_RECEIVABLE) == 0
    assert await money.books_balance(till.actor)


@pytest.mark.req("J9", "J13")
async def test_the_coupon_comes_off_before_others_pay_and_all_parts_make_the_total(
    till: Till, solange: Actor, providers: Providers
) -> None:
    await insured(till, solange, patient=33, hospital=33, insurer=34)
    today = clock.local_day(clock.now(), solange.zone)
    await coupons.make(solange, NewCoupon("TEN", CouponKind.PERCENT, 10, 5, today))
    order = await till.place("mtn", phone=MTN_NUMBER, coupon="TEN")
    assert (order.items_minor, order.discount_minor, order.total_minor) == (2000, 200, 1800)
    paid = {payer: amount for payer, (_, amount, _) in (await shares(till, order.id)).items()}
    assert paid == {Payer.PATIENT: 594, Payer.HOSPITAL: 594, Payer.INSURER: 612}


@pytest.mark.req("J9")
async def test_where_others_pay_all_of_it_nothing_is_asked_of_the_patient(till: Till, solange: Actor) -> None:
    admission = await insured(till, solange, patient=0, hospital=100, insurer=0)
    order = await till.place("mtn", phone=MTN_NUMBER)
    assert order.status is Status.CONFIRMED
    assert await shares(till, order.id) == {Payer.HOSPITAL: (Method.HOSPITAL, 2000, State.CHARGED)}
    assert "Nothing is left to pay" in (await till.browser.get(f"/orders/{order.id}/pay")).text
    assert (await payer_queries.insured(solange, admission)).payer_class == "private"


@pytest.mark.req("J16", "N7", "CHK-4.1.8")
@pytest.mark.parametrize("is_walled", [True, False])
async def test_patient_and_relative_each_see_what_was_paid_for_the_tray_and_nobody_else_does(
    till: Till,
    make: Make,
    browser: Callable[[Actor | None], Browser],
    ines: Actor,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_walled: bool,
) -> None:
    relative, other = await make.caregiver(till.bedside.patient), await make.patient("Other", "Patient")
    stranger = await make.caregiver(other)
    mine = await till.place("cash")
    theirs = await Till(till.bedside, browser(relative)).place("cash", period="dinner")
    if not is_walled:  # the control taken away: every payment of the hospital is everybody's
        everybodys = "SELECT y.id FROM payment y WHERE y.hospital = $1 AND ($3::uuid IS NULL OR true)"
        monkeypatch.setattr(own, "_OWN", own._OWN.replace(own._WHOSE, everybodys))
    seen = {who: text_of(await browser(who).get("/payments/")) for who in (till.bedside.patient, relative)}
    assert all(order.code in seen[till.bedside.patient] for order in (mine, theirs))
    assert theirs.code in seen[relative]
    one = (await till.payments(theirs.id))[0]
    for who in (other, stranger, ines):
        page = browser(who)
        listed = text_of(await page.get("/payments/"))
        shows = any(order.code in listed for order in (mine, theirs))
        opens = (await page.get(f"/payments/{one.id}/receipt")).status_code != 404
        if is_walled or who is ines:
            assert (shows, opens) == (False, False)
        else:
            assert (shows, opens) == (True, True)
    if is_walled:
        assert mine.code not in seen[relative], "what the patient paid themselves is theirs alone"
