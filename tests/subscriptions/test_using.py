"""Meals on a plan: counted exactly, paid by nobody else's plan, given back once; and the same under a race."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from dusangire.kernel.access import Role
from dusangire.kernel.db import DB, execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Payer
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import SubState
from dusangire.subscriptions.service import using
from tests.together import Together

ROUNDS = 3


@pytest.mark.req("K1", "K6", "CHK-1.4.7")
async def test_five_lunches_and_five_dinners_decrement_exactly(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    for day in range(5):
        for period in ("lunch", "dinner"):
            before = await queries.allowance(bosco, bosco.user, day=plans.today + timedelta(days=day), period=period)
            await plans.eat(bosco, period, days=day)
            after = await queries.allowance(bosco, bosco.user)
            assert (before.left, before.after) == (after.left + 1, after.left)
    with pytest.raises(Refusal, match=r"plans\.why\.used_up"):
        await plans.eat(bosco, "lunch", days=5)
    assert (await plans.term(held)).used == 10
    assert await plans.balance(Account.DEFERRED_PLANS) == 0
    assert await plans.balance(Account.ORDER_DUE) == 0
    assert await plans.balance(Account.MEALS) == -30_000
    assert await plans.balance(Account.DISCOUNTS) == 1_500


@pytest.mark.req("K1")
async def test_the_sixth_lunch_is_refused_while_dinners_are_left(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    for day in range(5):
        await plans.eat(bosco, "lunch", days=day)
    with pytest.raises(Refusal, match=r"plans\.why\.used_kind"):
        await plans.eat(bosco, "lunch", days=5)
    await plans.eat(bosco, "dinner", days=5)
    assert (await plans.term(held)).used == 6


@pytest.mark.req("K5")
async def test_an_unlimited_plan_has_a_fair_daily_cap_on_the_days_of_the_hospital(plans, bosco):
    await plans.running(bosco, "STAFF-MONTH-U")
    await plans.eat(bosco, "lunch")
    await plans.eat(bosco, "dinner")
    with pytest.raises(Refusal, match=r"plans\.why\.cap"):
        await plans.eat(bosco, "dinner")
    await plans.eat(bosco, "lunch", days=1)


@pytest.mark.req("K5")
async def test_a_daily_lunch_is_one_lunch_and_no_dinner(plans, amina):
    await plans.buy(amina, "PAT-DAY-L")
    await plans.eat(amina)
    with pytest.raises(Refusal, match=r"plans\.why\.cap"):
        await plans.eat(amina)
    with pytest.raises(Refusal, match=r"plans\.why\.meal"):
        await plans.eat(amina, "dinner")


@pytest.mark.req("K1")
async def test_a_plan_does_not_pay_after_its_last_day(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina, days=6)
    with pytest.raises(Refusal, match=r"plans\.why\.day"):
        await plans.eat(amina, days=7)
    assert (await plans.term(held)).used == 1


@pytest.mark.req("K1")
async def test_nobody_eats_on_somebody_elses_plan(plans, make, amina, bosco, relative):
    await plans.buy(amina, "PAT-WEEK-7")
    await plans.running(bosco, "STAFF-WEEK-10")
    neighbour = await make.patient("Other", "Patient")
    for thief in (neighbour, await make.user("Cook", Role.KITCHEN)):
        with pytest.raises(NotHere):
            await plans.eat(thief, who=amina.patient)
        with pytest.raises(NotHere):
            await plans.eat(thief, who=bosco.user)
    with pytest.raises(Refusal, match=r"plans\.why\.none"):
        await plans.eat(neighbour)
    # The control: the patient, the relative and the nurse who orders for the patient may.
    await plans.eat(amina)
    await plans.eat(relative, "dinner")
    await plans.eat(bosco, days=1, who=amina.patient)


@pytest.mark.req("K1")
async def test_a_nurse_does_not_eat_on_a_colleagues_plan(plans, make, bosco):
    await plans.running(bosco, "STAFF-WEEK-10")
    colleague = await make.user("Another Nurse", Role.NURSE)
    with pytest.raises(NotHere):
        await plans.eat(colleague, who=bosco.user)


@pytest.mark.req("K6")
async def test_the_share_names_the_plan_and_pays_the_whole_tray(plans, amina, bosco):
    await plans.buy(amina, "PAT-WEEK-7")
    await plans.running(bosco, "STAFF-WEEK-10")
    async with transaction():
        mine = await service.use_meal(amina, amina.patient, "lunch", plans.today, uuid4(), Money(2_800))
        theirs = await service.use_meal(bosco, bosco.user, "lunch", plans.today, uuid4(), Money(2_800))
    assert (mine.method, mine.amount, mine.payer) == (Method.SUBSCRIPTION, Money(2_800), Payer.PATIENT)
    assert theirs.payer is Payer.STAFF
    assert mine.source == (await queries.usable(amina, amina.patient, "lunch", plans.today))[0].term


@pytest.mark.req("K6")
@pytest.mark.parametrize("total", [4_285, 2_000, 9_000])
async def test_a_meal_earns_its_part_of_the_price_whatever_the_tray_costs(plans, amina, total):
    await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina, total=total)
    assert await plans.balance(Account.DEFERRED_PLANS) == -(30_000 - 4_285)
    assert await plans.balance(Account.MEALS) == -total
    assert await plans.balance(Account.DISCOUNTS) == total - 4_285
    assert await plans.balance(Account.ORDER_DUE) == 0


@pytest.mark.req("K6")
async def test_a_tray_called_off_gives_its_meal_back_once(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    before = await plans.books()
    tray = await plans.eat(bosco)
    for _ in range(3):
        await plans.call_off(tray)
    assert (await plans.term(held)).used == 0
    assert await plans.books() == before
    assert (await queries.allowance(bosco, bosco.user)).left_today == 2


@pytest.mark.req("K6")
async def test_meals_given_back_in_any_order_still_add_up_to_the_price(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    trays = [await plans.eat(amina, period, days=day) for day in range(3) for period in ("lunch", "dinner")]
    trays.append(await plans.eat(amina, days=3))
    assert await plans.balance(Account.DEFERRED_PLANS) == 0
    await plans.call_off(trays[6])
    await plans.call_off(trays[1])
    assert await plans.balance(Account.DEFERRED_PLANS) == -(4_290 + 4_285)
    await plans.eat(amina, "dinner", days=3)
    await plans.eat(amina, "dinner", days=4)
    assert (await plans.term(held)).used == 7
    assert await plans.balance(Account.DEFERRED_PLANS) == 0


@pytest.mark.req("K6")
async def test_a_meal_given_back_after_the_period_is_earned_with_the_rest(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    tray = await plans.eat(amina, total=4_285)
    await service.cancel(amina, held.id)
    await plans.days_pass(7)
    assert await plans.books() == {"admission_receivable": 30_000, "meals": -30_000}
    await plans.call_off(tray)
    assert await plans.books() == {"admission_receivable": 30_000, "meals": -30_000}
    assert (await queries.terms(amina, held.id))[0].used == 0


@pytest.mark.req("K3", "CHK-4.3.9")
async def test_the_plan_that_ends_first_pays_first(plans, amina):
    week, month = await plans.buy(amina, "PAT-WEEK-7"), await plans.buy(amina, "PAT-DAY-L")
    await plans.eat(amina)
    await plans.eat(amina, "dinner")
    await plans.eat(amina)
    assert ((await plans.term(week)).used, (await plans.term(month)).used) == (2, 1)


async def test_no_plan_no_allowance(plans, amina):
    assert await queries.allowance(amina, amina.patient) is None
    with pytest.raises(Refusal, match=r"plans\.why\.none"):
        await plans.eat(amina)


@pytest.mark.req("K6")
async def test_an_allowance_says_why_it_would_not_pay(plans, amina):
    await plans.buy(amina, "PAT-DAY-L")
    found = await queries.allowance(amina, amina.patient, day=plans.today, period="dinner")
    assert (found.pays, found.why.key, found.left, found.after) == (False, "plans.why.meal", 30, 30)


async def _rush(people: int, act) -> int:
    """Let so many act at once, as many at a time as the pool has connections; return how many succeeded."""
    gate = asyncio.Semaphore(max(2, DB.pool.get_max_size() - 1))

    async def one() -> bool:
        async with gate:
            try:
                await act()
            except Refusal:
                return False
            return True

    return sum(await asyncio.gather(*(one() for _ in range(people))))


async def _last_meal(plans, bosco):
    """A plan of which one meal is left."""
    held = await plans.running(bosco, "STAFF-WEEK-10")
    await execute("UPDATE plan_term SET used = 9, recognised_minor = 25650 WHERE subscription = $1", held.id)
    return held


async def _race_for_meals(plans, make, people, rounds):
    sold = []
    for nth in range(rounds):
        eater = await make.user(f"Eater {nth}", Role.NURSE)
        held = await _last_meal(plans, eater)
        sold.append(await _rush(people, lambda eater=eater: plans.eat(eater)))
        assert (await plans.term(held)).used == 10
        assert await fetch_value("SELECT count(*) FROM plan_use WHERE term = $1", held.running.id) == 1
    return sold


@pytest.mark.req("K6")
async def test_one_of_two_hundred_gets_the_last_meal(plans, make):
    assert await _race_for_meals(plans, make, 200, ROUNDS) == [1] * ROUNDS


@pytest.mark.long
@pytest.mark.req("K6")
async def test_one_of_two_hundred_gets_the_last_meal_a_hundred_times(plans, make):
    assert await _race_for_meals(plans, make, 200, 100) == [1] * 100


@pytest.mark.req("K6")
async def test_the_control_without_lock_and_condition_sells_the_last_meal_more_than_once(plans, bosco, monkeypatch):
    both = Together()

    async def look_then_write(actor, term, value):
        found = await queries.term(actor, term)
        await both.come()
        await execute("UPDATE plan_term SET used = $2 WHERE id = $1", term, found.used + 1)
        return found.used < found.meals

    async def no_lock(actor, owner):
        return None

    monkeypatch.setattr(using, "take_one", look_then_write)
    monkeypatch.setattr(using.queries, "lock_wallet", no_lock)
    held = await _last_meal(plans, bosco)
    assert await _rush(12, lambda: plans.eat(bosco)) > 1
    assert (await plans.term(held)).used == 10


@pytest.mark.req("K6")
async def test_a_meal_called_off_twice_at_once_comes_back_once(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    tray = await plans.eat(bosco)
    await _rush(20, lambda: plans.call_off(tray))
    assert (await plans.term(held)).used == 0
    assert await plans.balance(Account.DEFERRED_PLANS) == -28_500


@pytest.mark.req("K3")
async def test_a_pause_and_a_meal_at_once_are_one_after_the_other(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    results = await asyncio.gather(
        plans.eat(bosco), service.pause(bosco, held.id), plans.eat(bosco, "dinner"), return_exceptions=True
    )
    assert all(not isinstance(one, Exception) or isinstance(one, Refusal) for one in results)
    assert (await plans.again(bosco, held)).state is SubState.PAUSED
    assert (await plans.term(held)).used == sum(not isinstance(one, Refusal) for one in (results[0], results[2]))
