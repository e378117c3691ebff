"""The form of checkout: nothing typed is lost, what is shown is what is paid, and one intention is one order."""

import asyncio
import os
import random
import re
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.menu.service import DishChange
from dusangire.orders import service
from dusangire.orders.rules import Status
from dusangire.orders.service import Checkout, paying, placing
from dusangire.orders.service.ordering import Decided, write
from dusangire.payments.rules import Method
from dusangire.payments.rules.coupons import CouponKind
from dusangire.payments.service import coupons
from dusangire.payments.service.coupons import NewCoupon
from dusangire.subscriptions import queries as plans
from dusangire.subscriptions import service as plan_service
from dusangire.subscriptions.service import Buying
from tests.make import Browser, Make
from tests.payments.buy.conftest import AIRTEL_NUMBER, MTN_NUMBER, Till, lying, placed, text_of
from tests.payments.simulated import Providers

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))


async def coupon(actor: Actor, percent: int = 10, uses: int = 5) -> UUID:
    today = clock.local_day(clock.now(), actor.zone)
    return await coupons.make(actor, NewCoupon("LUNCH10", CouponKind.PERCENT, percent, uses, today))


async def uses_left(actor: Actor) -> int:
    return int(await fetch_value("SELECT uses_left FROM coupon WHERE hospital = $1", actor.hospital))


@pytest.mark.req("J13", "J1", "C17")
async def test_a_coupon_is_applied_in_sight_without_javascript_and_nothing_typed_is_lost(
    till: Till, grace: Actor
) -> None:
    await coupon(grace)
    await till.bedside.choose("CHK-STW", "POT-BLD")
    typed = await till.form("cash", coupon="lunch 10", request="no onions", place="staff_area", place_name="Lounge")
    shown = await till.browser.post("/checkout/coupon", typed)
    assert shown.status_code == 200
    assert "Coupon accepted: FRW 250 less." in text_of(shown)
    assert "FRW 2,250" in text_of(shown)
    assert all(word in shown.text for word in ("no onions", "Lounge", 'value="lunch 10"'))
    assert await uses_left(grace) == 5
    answer = await till.browser.post("/checkout/", typed)
    order = await till.order(placed(answer))
    assert (order.items_minor, order.discount_minor, order.total_minor) == (2500, 250, 2250)
    assert sum(one.amount_minor for one in await till.payments(order.id)) == 2250
    assert await uses_left(grace) == 4
    await service.cancel(till.bedside.patient, order.id)
    assert await uses_left(grace) == 5


@pytest.mark.req("J13")
async def test_a_coupon_that_does_not_work_says_so_at_its_field_and_orders_nothing(till: Till) -> None:
    await till.bedside.choose("CHK-STW")
    typed = await till.form("cash", coupon="NOSUCH", request="soft rice")
    for path in ("/checkout/coupon", "/checkout/"):
        answer = await till.browser.post(path, typed)
        assert answer.status_code == 422
        assert "soft rice" in answer.text
        assert 'value="NOSUCH"' in answer.text


@pytest.mark.req("J13", "J7")
@pytest.mark.parametrize("undoes", [True, False])
async def test_a_refusal_after_the_coupon_was_used_leaves_the_coupon_unused(
    till: Till, grace: Actor, monkeypatch: pytest.MonkeyPatch, *, undoes: bool
) -> None:
    await coupon(grace)
    await execute("UPDATE admission SET account_ceiling_minor = 100 WHERE hospital = $1", grace.hospital)
    await till.bedside.choose("CHK-STW")
    if not undoes:  # the control taken away

        @asynccontextmanager
        async def nothing():
            yield

        monkeypatch.setattr(paying, "savepoint", nothing)
    answer = await till.browser.post("/checkout/", await till.form("hospital_account", coupon="LUNCH10"))
    if undoes:
        assert answer.status_code == 409
        assert "has reached its limit" in answer.text
        assert await uses_left(grace) == 5
    else:
        assert answer.status_code == 500, "the use of an order that never was is found at the commit"


@pytest.mark.req("J1", "C17")
async def test_elsewhere_on_the_campus_costs_what_the_zone_says_and_outside_is_not_offered(
    till: Till, grace: Actor
) -> None:
    await till.bedside.choose("CHK-STW")
    sitting = await till.bedside.sitting()
    page = text_of(await till.browser.get("/checkout/", params={"day": str(sitting.day), "period": "lunch"}))
    assert "Elsewhere on the hospital campus" in page
    assert "FRW 500 more" in page
    assert "own centre" not in page
    typed = await till.form("cash", place="campus", place_name="Garden", expects="2000")
    told = await till.browser.post("/checkout/", typed)
    assert told.status_code == 409
    assert "The new total is FRW 2,500" in text_of(told)
    summed = await till.browser.post("/checkout/sum", typed, htmx=True)
    assert 'name="expects" value="2500"' in summed.text
    order = await till.order(
        placed(await till.browser.post("/checkout/", typed | {"key": "k" * 20, "expects": "2500"}))
    )
    assert (order.delivery_minor, order.total_minor, order.place_name) == (500, 2500, "Garden")


@pytest.mark.req("J1")
async def test_a_price_that_changed_under_the_page_is_told_before_anybody_pays(till: Till, chantal: Actor) -> None:
    await till.bedside.choose("CHK-STW")
    card = await menu.card(chantal, "CHK-STW")
    change = DishChange(card.name_en, card.name_fr, card.name_rw, 2100, frozenset(card.meals))
    await menu_service.change_dish(chantal, card.id, change)
    answer = await till.browser.post("/checkout/", await till.form("cash", expects="2000"))
    assert answer.status_code == 409
    assert "The new total is FRW 2,100" in text_of(answer)


@pytest.mark.req("J4", "J14")
async def test_the_network_is_guessed_from_the_number_and_can_be_switched(till: Till, providers: Providers) -> None:
    await till.bedside.choose("CHK-STW")
    typed = await till.form("mtn", phone=AIRTEL_NUMBER)
    asked = await till.browser.post("/checkout/", typed)
    assert asked.status_code == 422
    assert "This looks like a number of Airtel Money" in text_of(asked)
    sure = f"mtn:{AIRTEL_NUMBER}"
    assert f'name="sure" value="{sure}"' in asked.text
    order = await till.order(placed(await till.browser.post("/checkout/", typed | {"key": "s" * 20, "sure": sure})))
    assert [one.method for one in await till.payments(order.id)] == [Method.MTN]
    wrong = await till.browser.post("/checkout/", typed | {"phone": "12", "key": "t" * 20})
    assert wrong.status_code == 422
    assert "not a mobile number" in wrong.text


@pytest.mark.req("N7", "J14")
@pytest.mark.parametrize("pay", ["insurer", "hospital", "gold", ""])
async def test_nobody_lets_others_pay_by_typing_their_name(till: Till, pay: str) -> None:
    await till.bedside.choose("CHK-STW")
    answer = await till.browser.post("/checkout/", await till.form(pay))
    assert answer.status_code == 422
    assert await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", till.actor.hospital) == 0


def begins_with(page: str) -> str:
    """Return the way to pay that is chosen when the page opens."""
    return re.findall(r'name="pay" value="(\w+)" checked', page)[0]


@pytest.mark.req("K6", "J14")
async def test_a_plan_shows_its_allowance_before_and_after_and_pays_the_whole_tray(till: Till) -> None:
    await plan_service.load_starter(till.actor)
    await execute("UPDATE admission SET account_ceiling_minor = 1000000 WHERE hospital = $1", till.actor.hospital)
    week = next(one for one in await plans.current(till.actor) if one.code == "PAT-WEEK-7")
    await plan_service.subscribe(till.bedside.patient, Buying(week.id, Method.HOSPITAL_ACCOUNT))
    await till.bedside.choose("CHK-STW")
    sitting = await till.bedside.sitting()
    shown = await till.browser.get("/checkout/", params={"day": str(sitting.day), "period": "lunch"})
    page = text_of(shown)
    assert "7 of 7 meals left → 6 after this one" in page
    assert begins_with(shown.text) == "subscription"
    order = await till.order(placed(await till.browser.post("/checkout/", await till.form("subscription"))))
    assert order.status is Status.CONFIRMED
    assert [(one.method, one.amount_minor) for one in await till.payments(order.id)] == [(Method.SUBSCRIPTION, 2000)]
    assert await till.due(order.id) == 0
    receipt = text_of(await till.browser.get(f"/orders/{order.id}/receipt"))
    assert "Fiscal receipt pending" not in receipt, "the plan was reported when it was bought"
    left = await plans.allowance(till.bedside.patient, till.bedside.id, day=sitting.day, period="lunch")
    assert left is not None
    assert left.left == 6
    await service.cancel(till.bedside.patient, order.id)
    back = await plans.allowance(till.bedside.patient, till.bedside.id, day=sitting.day, period="lunch")
    assert back is not None
    assert back.left == 7


@pytest.mark.req("J16", "N7")
async def test_a_number_is_kept_masked_offered_again_and_gone_when_its_owner_deletes_it(
    till: Till, providers: Providers, browser: object, make: object
) -> None:
    await till.place("mtn", phone=MTN_NUMBER, keep="1")
    own = text_of(await till.browser.get("/payments/phones/"))
    assert "078• ••• 412" in own
    assert MTN_NUMBER[3:7] not in own
    await till.bedside.choose("CHK-STW", period="dinner")
    sitting = await till.bedside.sitting("dinner")
    page = await till.browser.get("/checkout/", params={"day": str(sitting.day), "period": "dinner"})
    assert 'value="+250788123412"' in page.text
    stranger = browser(await make.patient("Other", "Patient"))  # type: ignore[operator, attr-defined]
    assert "412" not in text_of(await stranger.get("/payments/phones/"))
    kept = await fetch_value("SELECT id FROM saved_phone WHERE hospital = $1", till.actor.hospital)
    assert (await stranger.post(f"/payments/phones/{kept}/delete")).status_code == 404
    assert (await till.browser.post(f"/payments/phones/{kept}/delete")).status_code == 303
    assert "412" not in text_of(await till.browser.get("/payments/phones/"))


@pytest.mark.req("N7")
async def test_nobody_sees_or_moves_the_money_of_a_stranger(
    till: Till, providers: Providers, browser: object, make: object, ines: Actor
) -> None:
    order = await till.place("mtn", phone=MTN_NUMBER)
    one = (await till.payments(order.id))[0]
    for stranger in (browser(await make.patient("Other", "Patient")), browser(ines)):  # type: ignore[operator, attr-defined]
        for path in (f"/orders/{order.id}/pay", f"/orders/{order.id}/pay/other", f"/payments/{one.id}/receipt"):
            assert (await stranger.get(path)).status_code == 404
        way = {"attempt": str(one.id), "method": "cash", "insists": "1"}
        assert (await stranger.post(f"/orders/{order.id}/pay/other", way)).status_code == 404
        assert order.code not in (await stranger.get("/payments/")).text


async def _tries(till: Till, browsers: list[Browser], monkeypatch: pytest.MonkeyPatch, dice: random.Random) -> None:
    """One intention sent two to five times from two devices, at once and up to two minutes later: one order of it."""
    await till.bedside.choose("CHK-STW")
    form = await till.form(dice.choice(["cash", "hospital_account", "bank"]))
    together = dice.randint(1, 3)
    answers = list(await asyncio.gather(*(dice.choice(browsers).post("/checkout/", form) for _ in range(together))))
    real = clock.now
    for _ in range(dice.randint(max(0, 2 - together), 2)):
        later = timedelta(milliseconds=dice.randint(0, 120_000))
        with monkeypatch.context() as patched:
            patched.setattr(clock, "now", lambda later=later: real() + later)
            answers.append(await dice.choice(browsers).post("/checkout/", form))
    assert {(one.status_code, one.headers["location"], one.text) for one in answers} == {
        (303, answers[0].headers["location"], "")
    }
    other = await dice.choice(browsers).post("/checkout/", form | {"request": "something else"})
    assert other.status_code == 422
    order = placed(answers[0])
    assert await fetch_value("SELECT count(*) FROM payment WHERE subject = $1", order) == 1
    await service.cancel(till.bedside.patient, order)


@pytest.mark.req("C17", "J14", "CHK-4.1.10")
async def test_one_intention_is_one_order_however_often_and_from_wherever_it_is_sent(
    till: Till, browser: Callable[[Actor | None], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many([till], browser, monkeypatch, int(os.environ.get("DUSANGIRE_ROUNDS", "100")))


@pytest.mark.long
@pytest.mark.req("C17", "J2")
async def test_ten_thousand_intentions_are_ten_thousand_orders(
    till: Till, make: Make, browser: Callable[[Actor | None], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    await make.ward("C", beds=100)
    tills = [await lying(make, till.bedside, number, browser) for number in range(100)]
    await _many(tills, browser, monkeypatch, 10_000)


async def _many(
    tills: list[Till], browser: Callable[[Actor | None], Browser], monkeypatch: pytest.MonkeyPatch, orders: int
) -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    for till in tills:
        browsers = [till.browser, browser(till.bedside.patient)]
        for _ in range(orders // len(tills)):
            await _tries(till, browsers, monkeypatch, dice)
    made = await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", tills[0].actor.hospital)
    assert made == orders


@pytest.mark.req("C17", "J2")
@pytest.mark.parametrize("has_claim", [True, False])
async def test_without_its_key_one_tap_is_many_intentions_and_without_the_carts_claim_many_trays(
    till: Till, monkeypatch: pytest.MonkeyPatch, *, has_claim: bool
) -> None:
    """The controls taken away, first the key alone: the cart is ordered once and the other taps are told so."""
    await till.bedside.choose("CHK-STW")
    if not has_claim:
        monkeypatch.setattr(placing.queries, "locked_cart", _unlocked_cart)
        monkeypatch.setattr(placing, "write", _written_without_its_cart)
    forms = [await till.form("cash") | {"key": uuid4().hex} for _ in range(5)]
    answers = await asyncio.gather(*(till.browser.post("/checkout/", form) for form in forms))
    made = await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", till.actor.hospital)
    told = [answer for answer in answers if answer.status_code == 409 and "ordered a moment ago" in text_of(answer)]
    if has_claim:
        assert (made, len(told)) == (1, 4)
    else:
        assert made > 1


async def _unlocked_cart(actor: Actor, patient: UUID, day: date, period: str) -> UUID | None:
    """The cart, held against nobody."""
    return await fetch_value(
        "SELECT id FROM cart WHERE hospital = $1 AND patient = $2 AND day = $3 AND period = $4",
        actor.hospital, patient, day, period,
    )  # fmt: skip


async def _written_without_its_cart(actor: Actor, wanted: Checkout, decided: Decided) -> None:
    """The order, which says of no cart that it is used up."""
    await write(actor, wanted, msgspec.structs.replace(decided, cart=None))
