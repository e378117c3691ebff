"""Points: one for each hundred francs, a bonus meal for many, gone after their months, and never fewer than none."""

from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import pytest

from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import LoyaltyRule
from dusangire.subscriptions.service import loyalty
from tests.subscriptions.test_using import _rush
from tests.together import Together

ROUNDS = 3


@pytest.mark.req("K7")
async def test_points_for_a_paid_meal_are_given_once_and_owed_in_the_ledger(plans, bosco):
    tray = await plans.pay_tray(bosco, Method.CASH, 2_850)
    assert await service.earn_for_tray(plans.make.actor, bosco.user, tray) == 28
    assert await service.earn_for_tray(plans.make.actor, bosco.user, tray) == 0
    assert (await queries.card(bosco, bosco.user)).balance == 28
    assert await plans.balance(Account.LOYALTY_POINTS, bosco.user) == -280
    assert await plans.balance(Account.LOYALTY_COST) == 280


@pytest.mark.req("K7")
async def test_what_the_person_did_not_pay_earns_nothing(plans, bosco):
    for method in (Method.FUND, Method.HOSPITAL, Method.BANK):
        tray = await plans.pay_tray(bosco, method, 5_000)
        assert await service.earn_for_tray(plans.make.actor, bosco.user, tray) == 0


@pytest.mark.req("K7")
async def test_a_meal_of_a_plan_earns_points_for_what_it_was_bought_for(plans, bosco):
    await plans.running(bosco, "STAFF-WEEK-10")
    tray = await plans.eat(bosco, total=9_000)
    assert await service.earn_for_tray(plans.make.actor, None, tray) == 28


@pytest.mark.req("K7", "CHK-3.3.9")
async def test_a_bonus_meal_pays_a_whole_tray_and_costs_its_points(plans, bosco):
    await _points(bosco, 520)
    await plans.bonus(bosco, 3_000)
    card = await queries.card(bosco, bosco.user)
    assert (card.balance, card.bonus_meals, card.missing) == (20, 0, 480)
    assert await plans.balance(Account.ORDER_DUE) == 0
    assert await plans.balance(Account.LOYALTY_POINTS, bosco.user) == -200
    assert await plans.balance(Account.LOYALTY_COST) == 200 + 3_000
    assert [(one.kind, one.points) for one in await queries.moves(bosco, bosco.user)] == [
        ("spent", -500),
        ("earned", 520),
    ]


@pytest.mark.req("K7")
@pytest.mark.parametrize(
    ("points", "total", "why"), [(499, 3_000, "too_few"), (500, 5_001, "too_dear"), (0, 1, "too_few")]
)
async def test_a_bonus_meal_is_refused_in_plain_words(plans, bosco, points, total, why):
    if points:
        await _points(bosco, points)
    with pytest.raises(Refusal, match=rf"plans\.points\.{why}"):
        await plans.bonus(bosco, total)
    assert (await queries.card(bosco, bosco.user)).balance == points


@pytest.mark.req("K7")
async def test_a_bonus_tray_called_off_gives_its_points_back_once(plans, bosco):
    await _points(bosco, 500)
    before = await plans.books()
    tray = await plans.bonus(bosco)
    for _ in range(3):
        await plans.call_off(tray)
    assert (await queries.card(bosco, bosco.user)).balance == 500
    assert await plans.books() == before
    await plans.bonus(bosco)


@pytest.mark.req("K7")
async def test_points_expire_after_a_year_and_what_was_owed_for_them_too(plans, bosco):
    await _points(bosco, 300, on=date(2024, 2, 29))
    await _points(bosco, 250, on=plans.today)
    assert await service.expire_points(plans.make.actor, date(2025, 2, 27)) == 0
    assert await service.expire_points(plans.make.actor, date(2025, 2, 28)) == 1
    assert await service.expire_points(plans.make.actor, date(2025, 3, 1)) == 0
    assert (await queries.card(bosco, bosco.user)).balance == 250
    assert await plans.balance(Account.LOYALTY_POINTS, bosco.user) == -2_500
    assert (await queries.moves(bosco, bosco.user))[0].kind == "expired"


@pytest.mark.req("K7")
async def test_points_that_are_over_buy_nothing_even_before_the_clock_took_them(plans, bosco):
    await _points(bosco, 600, on=plans.today - timedelta(days=400))
    with pytest.raises(Refusal, match=r"plans\.points\.too_few"):
        await plans.bonus(bosco)


@pytest.mark.req("K7")
async def test_a_new_rule_leaves_the_worth_of_points_already_given(plans, make, bosco):
    await _points(bosco, 500)
    await service.keep_rule(make.actor, LoyaltyRule(francs_per_point=50, bonus_points=100, bonus_minor=4_000, months=6))
    await plans.bonus(bosco, 4_000)
    assert (await queries.card(bosco, bosco.user)).balance == 400
    assert await plans.balance(Account.LOYALTY_POINTS, bosco.user) == -4_000
    await service.keep_rule(make.actor, LoyaltyRule(is_on=False))
    with pytest.raises(Refusal):
        await plans.bonus(bosco)


@pytest.mark.req("K7")
async def test_the_database_keeps_a_balance_from_falling_below_nothing(plans, bosco):
    await _points(bosco, 10)
    with pytest.raises(asyncpg.CheckViolationError):
        await execute("UPDATE loyalty_card SET balance = balance - 11 WHERE owner = $1", bosco.user)


@pytest.mark.req("K7", "N7")
async def test_points_are_nobody_elses(plans, make, bosco, ines):
    await _points(bosco, 500)
    colleague = await make.user("Another", Role.NURSE)
    with pytest.raises(Refusal, match=r"plans\.points\.too_few"):
        await plans.bonus(colleague)
    with acting_as(ines):
        assert (await queries.card(ines, bosco.user)).balance == 0
    assert (await queries.card(bosco, bosco.user)).balance == 500


@pytest.mark.req("K7")
async def test_nobody_spends_somebody_elses_points(plans, make, bosco):
    await _points(bosco, 500)
    thief = await make.user("Thief", Role.KITCHEN)
    with pytest.raises(NotHere):
        await service.use_bonus(thief, bosco.user, uuid4(), Money(100))


async def _race(plans, make, rounds):
    sold = []
    for nth in range(rounds):
        eater = await make.user(f"Eater {nth}", Role.NURSE)
        await _points(eater, 600)
        sold.append(await _rush(200, lambda eater=eater: plans.bonus(eater)))
        assert (await queries.card(eater, eater.user)).balance == 100
        assert await fetch_value("SELECT sum(left_points) FROM point_lot WHERE owner = $1", eater.user) == 100
    return sold


@pytest.mark.req("K7", "J13")
async def test_one_of_two_hundred_gets_the_last_bonus_meal(plans, make):
    assert await _race(plans, make, ROUNDS) == [1] * ROUNDS


@pytest.mark.long
@pytest.mark.req("K7", "J13")
async def test_one_of_two_hundred_gets_the_last_bonus_meal_a_hundred_times(plans, make):
    assert await _race(plans, make, 100) == [1] * 100


@pytest.mark.req("K7")
async def test_the_control_without_the_condition_spends_the_same_points_more_than_once(plans, bosco, monkeypatch):
    both = Together()

    async def look_then_write(actor, owner, points):
        card = await queries.card(actor, owner)
        await both.come()
        await execute("UPDATE loyalty_card SET balance = $2 WHERE owner = $1", owner, card.balance - points)
        return card.balance >= points

    async def no_lock(actor, owner):
        return None

    async def no_lots(actor, takes):
        return None

    monkeypatch.setattr(loyalty, "spend", look_then_write)
    monkeypatch.setattr(loyalty.queries, "lock_card", no_lock)
    monkeypatch.setattr(loyalty, "_take", no_lots)
    await _points(bosco, 500)
    with_nothing_left = await _rush_all(12, lambda: plans.bonus(bosco))
    assert with_nothing_left > 1


async def _rush_all(people, act) -> int:
    """As `_rush`, with what the database itself refuses counted as refused."""

    async def guarded():
        try:
            await act()
        except asyncpg.CheckViolationError:
            raise Refusal("refused") from None

    return await _rush(people, guarded)


async def _points(who, points: int, on: date | None = None) -> None:
    await service.earn(who, who.user, uuid4(), Money(points * 100), today=on)
