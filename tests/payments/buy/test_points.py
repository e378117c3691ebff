"""Points at checkout: a bonus meal pays a whole tray once, and comes back when the tray is called off."""

import asyncio
from uuid import uuid4

import pytest

from dusangire.kernel.db import fetch_value
from dusangire.kernel.money import Money
from dusangire.orders import queries, service
from dusangire.orders.rules import Status
from dusangire.payments import queries as money
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries as plans
from dusangire.subscriptions import service as plan_service
from dusangire.subscriptions.service import loyalty
from tests.payments.buy.conftest import Till, placed, text_of


async def give(till: Till, points: int) -> None:
    await plan_service.load_starter(till.actor)
    await plan_service.earn(till.actor, till.bedside.id, uuid4(), Money(points * 100))


async def left(till: Till) -> int:
    return (await plans.card(till.bedside.patient, till.bedside.id)).balance


@pytest.mark.req("K7", "J14")
async def test_points_show_before_and_after_pay_the_whole_tray_and_come_back(till: Till) -> None:
    await give(till, 520)
    await till.bedside.choose("CHK-STW")
    sitting = await till.bedside.sitting()
    page = text_of(await till.browser.get("/checkout/", params={"day": str(sitting.day), "period": "lunch"}))
    assert "520" in page
    assert "20" in page.partition("520")[2][:80]
    answer = await till.browser.post("/checkout/", await till.form("points"))
    order = await till.order(placed(answer))
    assert order.status is Status.CONFIRMED
    assert [(one.method, one.amount_minor) for one in await till.payments(order.id)] == [(Method.POINTS, 2000)]
    assert await left(till) == 20
    assert await till.due(order.id) == 0
    assert await money.books_balance(till.actor)
    await service.cancel(till.bedside.patient, order.id)
    assert await left(till) == 520
    assert await till.balance(Account.MEALS) == 0
    assert await money.books_balance(till.actor)


@pytest.mark.req("K7", "J14")
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_two_tabs_with_two_meals_spend_one_bonus_meal_once(
    till: Till, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    await give(till, 500)
    await till.bedside.choose("CHK-STW")
    await till.bedside.choose("CHK-STW", period="dinner")
    if not is_guarded:  # the control taken away: whoever asks has the points, and the card is not written
        monkeypatch.setattr(loyalty, "spend", _always)
        monkeypatch.setattr(loyalty, "_take", _nothing)
    tabs = [await till.form("points"), await till.form("points", "dinner")]
    answers = await asyncio.gather(*(till.browser.post("/checkout/", form) for form in tabs))
    made = await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", till.actor.hospital)
    if not is_guarded:
        assert made == 2
        return
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert made == 1
    assert await left(till) == 0
    refused = next(one for one in range(2) if answers[one].status_code == 409)
    assert "You have 0 points; a bonus meal takes 500." in text_of(answers[refused])
    meal = ("lunch", "dinner")[refused]
    kept = await queries.cart(till.bedside.patient, till.bedside.id, (await till.bedside.sitting(meal)).day, meal)
    assert [line.quantity for line in kept.lines] == [1]


async def _always(*_: object) -> bool:
    return True


async def _nothing(*_: object) -> None:
    return None


@pytest.mark.req("K7", "C17")
async def test_the_same_tray_in_two_tabs_is_one_tray_and_one_bonus_meal(till: Till) -> None:
    await give(till, 1000)
    await till.bedside.choose("CHK-STW")
    tabs = [await till.form("points") for _ in range(2)]
    answers = await asyncio.gather(*(till.browser.post("/checkout/", form) for form in tabs))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert await left(till) == 500


@pytest.mark.req("K7")
async def test_too_few_points_are_told_and_nothing_is_spent(till: Till) -> None:
    await give(till, 499)
    await till.bedside.choose("CHK-STW")
    answer = await till.browser.post("/checkout/", await till.form("points", request="no onions"))
    assert answer.status_code == 409
    assert "You have 499 points; a bonus meal takes 500." in text_of(answer)
    assert "no onions" in answer.text
    assert await left(till) == 499
