"""Twenty patients press the button at once, and one coupon is left."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.money import Money
from dusangire.orders import queries
from dusangire.payments.rules.coupons import CouponKind
from dusangire.payments.service import coupons
from dusangire.payments.service.coupons import NewCoupon
from tests.make import Browser, Make
from tests.orders.conftest import Bedside
from tests.payments.buy.conftest import Till, lying, placed, text_of

PATIENTS, UNGUARDED = 20, 6


async def ward(make: Make, bedside: Bedside, many: int, open_as: Callable[[Actor | None], Browser]) -> list[Till]:
    """Fill the ward with people who have each chosen the same lunch."""
    await make.ward("C", beds=many)
    tills = [await lying(make, bedside, number, open_as) for number in range(many)]
    for till in tills:
        await till.bedside.choose("CHK-STW")
    return tills


async def press(till: Till) -> httpx.Response:
    form = {"key": uuid4().hex, "at": await till.at(), "pay": "cash", "coupon": "LAST", "request": "no onions"}
    return await till.browser.post("/checkout/", form)


async def last_use(actor: Actor) -> None:
    await coupons.make(actor, NewCoupon("LAST", CouponKind.PERCENT, 10, 1, clock.local_day(clock.now(), actor.zone)))


@pytest.mark.req("J13")
async def test_of_twenty_the_last_coupon_is_used_by_one_and_the_others_are_told_and_keep_their_tray(
    bedside: Bedside, make: Make, browser: Callable[[Actor | None], Browser], grace: Actor
) -> None:
    await last_use(grace)
    tills = await ward(make, bedside, PATIENTS, browser)
    answers = await asyncio.gather(*(press(till) for till in tills))
    won, *others = [answer for answer in answers if answer.status_code == 303]
    assert not others
    order = await queries.order(make.actor, placed(won))
    assert (order.discount_minor, order.total_minor) == (200, 1800)
    assert await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", make.actor.hospital) == 1
    assert await fetch_value("SELECT uses_left FROM coupon WHERE hospital = $1", make.actor.hospital) == 0
    for till, answer in zip(tills, answers, strict=True):
        if answer is not won:
            assert answer.status_code in (409, 422), "taken in this moment, or a moment before"
            assert "This code has been used up." in text_of(answer)
            assert "no onions" in answer.text
            with acting_as(till.bedside.patient):
                day = (await till.bedside.sitting()).day
                cart = await queries.cart(till.bedside.patient, till.bedside.id, day, "lunch")
            assert [line.quantity for line in cart.lines] == [1]
    again = await tills[answers.index(won) - 1].browser.post(
        "/checkout/", {"key": uuid4().hex, "at": await tills[0].at(), "pay": "cash"}
    )
    assert again.status_code == 303, "without the code the same tray is ordered at its full price"


@pytest.mark.req("J13")
async def test_who_only_looks_whether_a_use_is_left_gives_it_to_all_of_them(
    bedside: Bedside,
    make: Make,
    browser: Callable[[Actor | None], Browser],
    grace: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: the use is looked at, not taken in one conditional statement."""

    async def look(actor: Actor, code: str, _order: object, patient: object, total: Money) -> Money:
        return await coupons.worth(actor, code, patient, total)  # type: ignore[arg-type]

    await last_use(grace)
    monkeypatch.setattr(coupons, "use", look)
    tills = await ward(make, bedside, UNGUARDED, browser)
    answers = await asyncio.gather(*(press(till) for till in tills))
    assert [answer.status_code for answer in answers] == [303] * UNGUARDED
