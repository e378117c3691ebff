"""Renewals: one charge a period, whatever the clock's work goes through; told before and after; tried again."""

import asyncio
import random
from datetime import timedelta

import pytest

from dusangire.kernel import journal
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import Event
from dusangire.kernel.money import Money
from dusangire.notify import queries as notify
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Purpose, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import Share
from dusangire.subscriptions import jobs, queries, service
from dusangire.subscriptions.rules import SubState, TermState
from dusangire.subscriptions.service import renewing
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason

DAYS, SEED = 400, 20261121


async def _charges(plans, held) -> list[int]:
    """How often each period was charged, by number."""
    found = []
    for term in reversed(await queries.terms(plans.make.actor, held.id)):
        paid = [
            one for one in await payment_queries.payments_of(plans.make.actor, term.id) if one.state is State.CHARGED
        ]
        found.append(len(paid))
    return found


@pytest.mark.req("K2", "CHK-4.3.1", "CHK-4.3.2", "CHK-4.3.3", "CHK-3.3.4", "CHK-4.1.5")
async def test_three_runs_on_the_day_charge_once_and_the_next_period_begins(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina, total=4_285)
    for _ in range(3):
        await plans.days_pass(7)
    held = await plans.again(amina, held)
    assert (held.state, held.running.number, held.running.used) == (SubState.RUNNING, 2, 0)
    assert held.running.window == (plans.today + timedelta(days=7), plans.today + timedelta(days=14))
    assert await _charges(plans, held) == [1, 1]
    # The first week is earned, what was not eaten of it too; the second is owed.
    assert await plans.books() == {"admission_receivable": 60_000, "meals": -30_000, "deferred_plans": -30_000}


@pytest.mark.req("K2")
async def test_ten_workers_at_once_charge_once(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await asyncio.gather(*(service.turn(plans.make.actor, held.id, plans.noon(7)) for _ in range(10)))
    assert await _charges(plans, held) == [1, 1]


@pytest.mark.req("K2")
async def test_a_crash_in_the_middle_leaves_nothing_and_the_next_run_resumes(plans, amina, monkeypatch):
    held = await plans.buy(amina, "PAT-WEEK-7")
    real, before = renewing.ask, await plans.books()

    async def charge_then_die(*args):
        await real(*args)
        raise RuntimeError("the worker was killed")

    monkeypatch.setattr(renewing, "ask", charge_then_die)
    with pytest.raises(RuntimeError):
        await plans.days_pass(7)
    assert await plans.books() == before
    monkeypatch.setattr(renewing, "ask", real)
    await plans.days_pass(7)
    assert await _charges(plans, held) == [1, 1]


@pytest.mark.req("K2")
async def test_missed_nights_are_caught_up_and_not_charged_for(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.days_pass(10)
    held = await plans.again(amina, held)
    assert held.running.window == (plans.today + timedelta(days=10), plans.today + timedelta(days=17))
    assert await _charges(plans, held) == [1, 1]


@pytest.mark.req("K2", "CHK-4.3.7")
async def test_a_charge_that_is_refused_is_tried_again_the_next_day(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await _ceiling(amina, 30_000)
    for _ in range(3):
        await plans.days_pass(7)
    assert (await plans.again(amina, held)).state is SubState.OVERDUE
    assert await _told(plans, held, "plan:failed") == 1
    await plans.days_pass(8)
    assert await _told(plans, held, "plan:failed") == 2
    await _ceiling(amina, 60_000)
    await plans.days_pass(8)
    assert (await plans.again(amina, held)).state is SubState.OVERDUE
    await plans.days_pass(9)
    held = await plans.again(amina, held)
    assert (held.state, held.running.window[0]) == (SubState.RUNNING, plans.today + timedelta(days=9))
    assert await _charges(plans, held) == [1, 1]


@pytest.mark.req("K2", "CHK-4.3.8")
async def test_a_renewal_never_paid_lapses_and_can_be_bought_again(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await _ceiling(amina, 30_000)
    for day in (7, 8, 9):
        await plans.days_pass(day)
    assert (await plans.again(amina, held)).state is SubState.OVERDUE
    await plans.days_pass(10)
    held = await plans.again(amina, held)
    assert (held.state, held.due) == (SubState.LAPSED, None)
    await _ceiling(amina, 90_000)
    await service.reactivate(amina, held.id, Method.CASH, None)
    assert (await plans.again(amina, held)).due.number == 3


@pytest.mark.req("K2")
async def test_a_telephone_is_asked_in_the_morning_once_a_day_and_again_after_a_failure(plans, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10", Method.MTN, "0788123456")
    await plans.captured((await payment_queries.payments_of(bosco, held.due.id))[0].id)
    await service.payment_changed(plans.make.actor, (await payment_queries.payments_of(bosco, held.due.id))[0].id)
    night = plans.noon(7) - timedelta(hours=11)
    await service.keep_plans(plans.make.actor, night)
    due = (await plans.again(bosco, held)).due
    assert await payment_queries.payments_of(bosco, due.id) == []
    for _ in range(3):
        await plans.days_pass(7)
    first = await payment_queries.payments_of(bosco, due.id)
    assert len(first) == 1
    await plans.failed(first[0].id)
    await service.payment_changed(plans.make.actor, first[0].id)
    await plans.days_pass(7)
    assert len(await payment_queries.payments_of(bosco, due.id)) == 1
    await plans.days_pass(8)
    again = await payment_queries.payments_of(bosco, due.id)
    assert [one.state for one in again] == [State.FAILED, State.CREATED]
    await plans.captured(again[1].id)
    await service.payment_changed(plans.make.actor, again[1].id, today=plans.today + timedelta(days=8))
    held = await plans.again(bosco, held)
    assert held.running.window[0] == plans.today + timedelta(days=8)


@pytest.mark.req("K2")
async def test_cash_for_a_renewal_is_awaited_at_the_counter(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    for day in (7, 7, 8):
        await plans.days_pass(day)
    due = (await plans.again(bosco, held)).due
    assert len(await payment_queries.payments_of(bosco, due.id)) == 1
    await service.take_cash(plans.make.actor, due.id, today=plans.today + timedelta(days=8))
    assert (await plans.again(bosco, held)).state is SubState.RUNNING


@pytest.mark.req("K2", "CHK-4.3.4")
async def test_the_person_is_told_the_day_before_and_after(plans, make, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.days_pass(5)
    assert await _told(plans, held, "plan:ends_soon") == 0
    for _ in range(3):
        await plans.days_pass(6)
    await plans.days_pass(7)
    assert await _told(plans, held, "plan:ends_soon") == 1
    await _tell(plans, held)
    await _tell(plans, held)
    told = [one.kind for one in await notify.inbox(amina)]
    assert sorted(told) == ["plan:due", "plan:ends_soon", "plan:started", "plan:started"]
    bodies = " ".join(one.body for one in await notify.inbox(amina))
    assert "renewed for FRW\u00a030,000" in bodies


@pytest.mark.req("K2")
async def test_a_message_does_not_name_the_illness_a_plan_is_for(plans, make, amina):
    diab = await plans.plan("PAT-DIAB-W")
    held = await plans.buy(amina, "PAT-WEEK-7")
    await execute("UPDATE subscription SET plan = $2 WHERE id = $1", held.id, diab.id)
    await _tell(plans, held)
    words = " ".join(one.subject + one.body for one in await notify.inbox(amina))
    assert "iabet" not in words
    assert "Your meal plan" in words


@pytest.mark.req("K2")
async def test_nobody_is_charged_after_they_left_the_hospital(plans, amina, bosco):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await wards.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    await plans.days_pass(7)
    assert (await plans.again(amina, held)).state is SubState.ENDED
    assert await _charges(plans, held) == [1]


@pytest.mark.req("K3")
async def test_a_change_not_paid_by_midnight_is_off_and_the_old_plan_renews(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await service.change(amina, held.id, (await plans.plan("PAT-DAY-L")).id, Method.CASH, None)
    assert (await plans.again(amina, held)).state is SubState.CHANGING
    await service.keep(amina, held.id)
    await service.change(amina, held.id, (await plans.plan("PAT-DAY-L")).id, Method.CASH, None)
    await plans.days_pass(7)
    held = await plans.again(amina, held)
    assert (held.plan.code, held.state) == ("PAT-WEEK-7", SubState.OVERDUE)
    assert await plans.balance(Account.DEFERRED_PLANS) == 0


@pytest.mark.req("K5")
async def test_an_unlimited_plan_is_earned_day_by_day_and_whole_at_its_end(plans, amina):
    held = await plans.buy(amina, "PAT-MONTH-U")
    await plans.eat(amina, total=5_000)
    for day, earned in ((1, 12_000), (1, 12_000), (4, 48_000), (29, 348_000)):
        await plans.days_pass(day)
        assert await plans.balance(Account.DEFERRED_PLANS) == -(360_000 - earned)
    await service.cancel(amina, held.id)
    await plans.days_pass(30)
    assert await plans.balance(Account.DEFERRED_PLANS) == 0
    assert await plans.balance(Account.MEALS) + await plans.balance(Account.DISCOUNTS) == -360_000


@pytest.mark.req("K5")
async def test_a_pause_earns_nothing(plans, amina):
    held = await plans.buy(amina, "PAT-MONTH-U")
    await plans.days_pass(3)
    await service.pause(amina, held.id, today=plans.today + timedelta(days=3))
    await plans.days_pass(9)
    assert await plans.balance(Account.DEFERRED_PLANS) == -(360_000 - 36_000)
    await service.resume(amina, held.id, today=plans.today + timedelta(days=10))
    await plans.days_pass(11)
    assert await plans.balance(Account.DEFERRED_PLANS) == -(360_000 - 48_000)


def _expected(length: int, runs: list[int]) -> list[int]:
    """The days on which a period begins, by a calendar of its own: bought on day 0, renewed by the first run after."""
    begins = [0]
    for day in runs:
        if day >= begins[-1] + length:
            begins.append(day)
    return begins


@pytest.mark.req("K2")
async def test_four_hundred_days_charge_each_period_exactly_once(plans, make, amina, monkeypatch):
    dice = random.Random(SEED)
    held = {7: await plans.buy(amina, "PAT-WEEK-7"), 30: await plans.buy(amina, "PAT-MONTH-U")}
    real = renewing.ask

    async def may_die(*args):
        await real(*args)
        if dice.random() < 0.2:
            raise RuntimeError("the worker was killed")

    monkeypatch.setattr(renewing, "ask", may_die)
    runs = []
    for day in range(1, DAYS + 1):
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            while not await _run(plans, day):
                pass
            runs.append(day)
    for length, one in held.items():
        assert set(await _charges(plans, one)) == {1}
        terms = list(reversed(await queries.terms(make.actor, one.id)))
        assert [term.number for term in terms] == list(range(1, len(terms) + 1))
        begun = [(term.window[0] - plans.today).days for term in terms]
        assert begun == _expected(length, runs), f"seed {SEED}"
        assert [term.state for term in terms] == [TermState.OVER] * (len(terms) - 1) + [TermState.RUNNING]
    charged = sum([len(await queries.terms(make.actor, one.id)) * one.plan.price.minor for one in held.values()])
    assert await plans.balance(Account.ADMISSION_RECEIVABLE) == charged
    assert await plans.balance(Account.PLAN_DUE) == 0
    assert await payment_queries.books_balance(make.actor)


@pytest.mark.req("K2")
async def test_every_day_on_time_charges_as_often_as_the_calendar_says(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    for day in range(1, 91):
        await plans.days_pass(day)
    assert await _charges(plans, held) == [1] * 13


@pytest.mark.req("K2")
async def test_the_control_that_keeps_no_row_of_the_period_charges_twice(plans, make, amina):
    """The same days, with a job that remembers the end of a period only after it has charged the next."""
    dice, ends = random.Random(SEED), {"plan": 7}
    period, charges = [0], []

    async def naive(day: int) -> None:
        if ends["plan"] > day:
            return
        async with transaction():
            account = await payment_queries.stay_account(make.actor, amina.patient)
            share = Share(Method.HOSPITAL_ACCOUNT, Money(30_000), source=account.admission)
            await payments.open_payment(make.actor, Purpose.PLAN, uuid7(), share)
        charges.append(period[0])
        if dice.random() < 0.2:
            raise RuntimeError("the worker was killed")
        ends["plan"], period[0] = day + 7, period[0] + 1

    for day in range(1, 200):
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            try:
                await naive(day)
            except RuntimeError:
                continue
    assert max(charges.count(one) for one in set(charges)) > 1


async def _run(plans, day: int) -> bool:
    try:
        await plans.days_pass(day)
    except RuntimeError:
        return False
    return True


async def _ceiling(amina, minor: int) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = $2 WHERE patient = $1", amina.patient, minor)


async def _events(plans, held) -> list[Event]:
    return await journal.history(plans.make.actor, held.subscription.about)


async def _told(plans, held, kind: str) -> int:
    return await fetch_value("SELECT count(*) FROM event WHERE about = $1 AND kind = $2", held.subscription.about, kind)


async def _tell(plans, held) -> None:
    """Run the job for every event that it reacts to."""
    for event in await _events(plans, held):
        if event.kind in ("plan:started", "plan:due", "plan:ends_soon", "plan:failed", "plan:lapsed"):
            await jobs.tell_of_plan(plans.make.actor, event)
