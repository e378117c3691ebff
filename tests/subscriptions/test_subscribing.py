"""Buying a plan, paying for it, and what an owner does about it. Every franc is looked for in the ledger."""

from datetime import timedelta

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import ForRole, Span, SubState, Terms
from dusangire.subscriptions.service import Buying, Edit


@pytest.mark.req("K5")
async def test_the_starter_plans_are_loaded_once(plans, make):
    before = await queries.current(make.actor)
    await service.load_starter(make.actor)
    assert [one.id for one in await queries.current(make.actor)] == [one.id for one in before]
    assert len(before) == 7
    week = await plans.plan("STAFF-WEEK-10")
    assert (week.price, week.regular, week.saving, week.each_meal) == (Money(28_500), Money(30_000), Money(1_500), 5)


@pytest.mark.req("K1", "K5", "CHK-3.3.2", "CHK-3.3.3")
async def test_a_plan_on_the_hospitals_account_runs_at_once_and_its_price_is_deferred(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    assert held.state is SubState.RUNNING
    assert held.running
    assert held.running.window == (plans.today, plans.today + timedelta(days=7))
    assert await plans.books() == {"admission_receivable": 30_000, "deferred_plans": -30_000}


@pytest.mark.req("K1")
async def test_a_plan_for_cash_runs_when_the_counter_has_taken_it(plans, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    assert held.state is SubState.AWAITING
    assert await plans.books() == {}
    assert await service.take_cash(plans.make.actor, held.due.id)
    assert not await service.take_cash(plans.make.actor, held.due.id)
    assert (await plans.again(bosco, held)).state is SubState.RUNNING
    assert await plans.books() == {"cash_safe": 28_500, "deferred_plans": -28_500}


@pytest.mark.req("K1")
async def test_a_plan_paid_by_telephone_runs_with_the_news_that_it_is_paid_however_often_it_comes(plans, bosco):
    held = await plans.buy(bosco, "STAFF-MONTH-U", Method.MTN, "0788123456")
    payment = (await payment_queries.payments_of(bosco, held.due.id))[0]
    assert (payment.state, payment.phone) == (State.CREATED, "+250788123456")
    await plans.captured(payment.id)
    for _ in range(3):
        await service.payment_changed(plans.make.actor, payment.id)
    held = await plans.again(bosco, held)
    assert (held.state, held.due) == (SubState.RUNNING, None)
    assert await plans.books() == {"mtn_clearing": 108_000, "deferred_plans": -108_000}


async def test_two_taps_buy_one_plan(plans, bosco):
    first = await plans.buy(bosco, "STAFF-WEEK-10")
    assert (await plans.buy(bosco, "STAFF-WEEK-10")).id == first.id
    assert len(await payment_queries.payments_of(bosco, first.due.id)) == 1


@pytest.mark.req("K3", "CHK-4.3.9")
async def test_one_person_may_have_several_plans_but_none_twice(plans, amina):
    await plans.buy(amina, "PAT-WEEK-7")
    await plans.buy(amina, "PAT-DAY-L")
    assert {one.plan.code for one in await queries.mine(amina)} == {"PAT-WEEK-7", "PAT-DAY-L"}
    with pytest.raises(Refusal, match=r"plans\.has_one"):
        await plans.buy(amina, "PAT-WEEK-7")


@pytest.mark.req("K1")
async def test_a_relative_buys_for_the_patient(plans, amina, relative):
    held = await plans.buy(relative, "PAT-WEEK-7")
    assert held.subscription.owner == amina.patient
    assert held.subscription.payer_user == relative.user
    assert (await queries.own(amina, held.id)).id == held.id


@pytest.mark.req("K1")
@pytest.mark.parametrize("code", ["STAFF-WEEK-10", "STAFF-MONTH-U"])
async def test_patients_are_not_sold_staff_plans_nor_staff_patients_plans(plans, amina, bosco, code):
    with pytest.raises(NotHere):
        await plans.buy(amina, code)
    with pytest.raises(NotHere):
        await plans.buy(bosco, "PAT-WEEK-7")


async def test_staff_have_no_hospital_account_to_pay_from(plans, bosco):
    with pytest.raises(Refusal, match=r"plans\.not_this_way"):
        await plans.buy(bosco, "STAFF-WEEK-10", Method.HOSPITAL_ACCOUNT)
    assert await queries.mine(bosco) == []


async def test_an_account_without_room_refuses_and_leaves_nothing_behind(plans, make):
    poor = await make.patient("Poor", "One")
    with pytest.raises(Refusal, match=r"pay\.ceiling"):
        await plans.buy(poor, "PAT-DAY-L")
    assert await queries.mine(poor) == []
    assert await plans.books() == {}


@pytest.mark.req("K1")
async def test_a_plan_for_the_diabetes_diet_is_sold_on_that_diet_only(plans, make, amina, diane, bosco):
    await make.menu()
    with pytest.raises(Refusal, match=r"plans\.why\.diet"):
        await plans.buy(amina, "PAT-DIAB-W")
    await diets.no_known_allergies(bosco, amina.patient)
    asked = Prescription(codes=("CCHO45",), start_at=clock.now() - timedelta(seconds=1))
    await diets.sign(diane, amina.patient, asked)
    held = await plans.buy(amina, "PAT-DIAB-W")
    await plans.eat(amina)
    order = (await diet_queries.diet_now(amina, amina.patient))[0]
    await diets.revoke(diane, amina.patient, order.id, reason="cured")
    with pytest.raises(Refusal, match=r"plans\.why\.diet"):
        await plans.eat(amina, "dinner")
    assert (await plans.term(held)).used == 1


@pytest.mark.req("K5")
async def test_a_new_price_is_for_those_who_buy_later(plans, make, bosco, amina):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    terms = Terms(ForRole.STAFF, Span.WEEK, 10, ("L", "D"), 5, 2, 40_000, 10)
    await service.change_plan(make.actor, Edit("STAFF-WEEK-10", "Week", "Semaine", "Icyumweru", terms))
    assert [one.rev for one in await queries.versions(make.actor, "STAFF-WEEK-10")] == [2, 1]
    kept = await plans.again(bosco, held)
    assert (kept.plan.price, kept.running.price) == (Money(28_500), Money(28_500))
    await plans.days_pass(7)
    assert (await plans.again(bosco, held)).due.price == Money(28_500)
    newcomer = await make.user("New Comer", Role.NURSE)
    assert (await plans.running(newcomer, "STAFF-WEEK-10")).running.price == Money(36_000)


async def test_a_withdrawn_plan_is_not_sold_and_goes_on_for_who_has_it(plans, make, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    await service.offer(make.actor, "STAFF-WEEK-10", is_offered=False)
    assert [one.code for one in await queries.offered(bosco, ForRole.STAFF)] == ["STAFF-MONTH-U"]
    with pytest.raises(Refusal, match=r"plans\.not_sold"):
        await plans.buy(await make.user("New Comer", Role.NURSE), "STAFF-WEEK-10")
    await plans.eat(bosco)
    assert (await plans.term(held)).used == 1


@pytest.mark.req("K3", "CHK-3.3.5")
async def test_a_pause_stops_meals_and_moves_the_renewal(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await service.pause(amina, held.id)
    with pytest.raises(Refusal, match=r"plans\.why\.none"):
        await plans.eat(amina)
    await plans.days_pass(9)
    assert (await plans.again(amina, held)).state is SubState.PAUSED
    await service.resume(amina, held.id, today=plans.today + timedelta(days=10))
    held = await plans.again(amina, held)
    assert held.running.window[1] == plans.today + timedelta(days=17)
    assert held.state is SubState.RUNNING


@pytest.mark.req("K3")
async def test_a_pause_does_not_give_back_a_day_whose_meals_were_had(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina)
    await service.pause(amina, held.id)
    await service.resume(amina, held.id, today=plans.today + timedelta(days=3))
    assert (await plans.term(held)).window[1] == plans.today + timedelta(days=9)


@pytest.mark.req("K3", "CHK-4.3.5")
async def test_a_cancelled_plan_is_eaten_to_its_end_and_can_be_kept_after_all(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await service.cancel(amina, held.id)
    await plans.eat(amina)
    await service.keep(amina, held.id)
    await service.cancel(amina, held.id)
    await plans.days_pass(7)
    held = await plans.again(amina, held)
    assert (held.state, held.due, held.running) == (SubState.ENDED, None, None)
    assert await plans.balance(Account.DEFERRED_PLANS) == 0


@pytest.mark.req("K3", "CHK-4.3.6")
async def test_cancelling_at_once_pays_back_what_is_left_to_the_franc(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina, total=4_000)
    back = await service.cancel_now(amina, held.id)
    assert back == Money(25_714)
    assert (await plans.again(amina, held)).state is SubState.ENDED
    assert await plans.books() == {"admission_receivable": 4_286, "discounts": -285, "meals": -4_001}


@pytest.mark.req("K3")
async def test_a_refund_of_cash_waits_for_the_counter_and_is_owed_until_then(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    assert await service.cancel_now(bosco, held.id) == Money(28_500)
    books = await plans.books()
    assert books == {"cash_safe": 28_500, "refunds_payable": -28_500}
    payment = (await payment_queries.payments_of(bosco, held.running.id))[0]
    assert payment.refunded == Money(28_500)
    with pytest.raises(Refusal, match=r"plans\.moved_on"):
        await service.cancel_now(bosco, held.id)
    assert await plans.books() == books


@pytest.mark.req("K3")
async def test_a_dearer_plan_costs_the_difference_and_begins_when_it_is_paid(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    await plans.eat(bosco)
    month = await plans.plan("STAFF-MONTH-U")
    await service.change(bosco, held.id, month.id, Method.CASH, None)
    changing = await plans.again(bosco, held)
    # Nine of ten meals, six of seven days: the smaller of 25,650 and 24,429.
    assert (changing.state, changing.due.credit, changing.due.to_pay) == (
        SubState.CHANGING, Money(24_429), Money(83_571),
    )  # fmt: skip
    with pytest.raises(Refusal, match=r"plans\.why\.none"):
        await plans.eat(bosco, "dinner")
    await service.take_cash(plans.make.actor, changing.due.id)
    changed = await plans.again(bosco, held)
    assert (changed.state, changed.plan.code) == (SubState.RUNNING, "STAFF-MONTH-U")
    assert await plans.balance(Account.DEFERRED_PLANS) == -108_000
    assert await plans.balance(Account.CASH_SAFE) == 28_500 + 83_571
    assert await plans.balance(Account.PLAN_DUE) == 0


@pytest.mark.req("K3")
async def test_a_change_called_off_leaves_the_plan_as_it_was(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    before = await plans.books()
    await service.change(bosco, held.id, (await plans.plan("STAFF-MONTH-U")).id, Method.CASH, None)
    await service.keep(bosco, held.id)
    kept = await plans.again(bosco, held)
    assert (kept.state, kept.plan.code, kept.due) == (SubState.RUNNING, "STAFF-WEEK-10", None)
    assert await plans.books() == before
    await plans.eat(bosco)


@pytest.mark.req("K3")
async def test_a_change_whose_payment_fails_is_off(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    await service.change(bosco, held.id, (await plans.plan("STAFF-MONTH-U")).id, Method.MTN, "0788123456")
    due = (await plans.again(bosco, held)).due
    payment = (await payment_queries.payments_of(bosco, due.id))[0]
    await plans.failed(payment.id)
    await service.payment_changed(plans.make.actor, payment.id)
    assert (await plans.again(bosco, held)).state is SubState.RUNNING


@pytest.mark.req("K3")
async def test_a_cheaper_plan_begins_at_once_and_the_rest_goes_back(plans, amina):
    held = await plans.buy(amina, "PAT-DAY-L")
    await service.change(amina, held.id, (await plans.plan("PAT-WEEK-7")).id, Method.HOSPITAL_ACCOUNT, None)
    changed = await plans.again(amina, held)
    assert (changed.state, changed.plan.code, changed.running.to_pay) == (SubState.RUNNING, "PAT-WEEK-7", Money(0))
    assert await plans.books() == {"admission_receivable": 30_000, "deferred_plans": -30_000}


@pytest.mark.req("K3")
async def test_a_changed_plan_that_stops_pays_back_more_than_its_own_payment_from_the_one_before(plans, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    await service.change(bosco, held.id, (await plans.plan("STAFF-MONTH-U")).id, Method.CASH, None)
    await service.take_cash(plans.make.actor, (await plans.again(bosco, held)).due.id)
    assert await service.cancel_now(bosco, held.id) == Money(108_000)
    assert await plans.books() == {"cash_safe": 108_000, "refunds_payable": -108_000}


@pytest.mark.req("K3", "CHK-4.3.8")
async def test_an_ended_plan_is_bought_again_at_todays_price(plans, make, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await service.cancel_now(amina, held.id)
    terms = Terms(ForRole.PATIENT, Span.WEEK, 7, ("B", "L", "D"), None, 2, 40_000, 0)
    await service.change_plan(make.actor, Edit("PAT-WEEK-7", "Week", "Semaine", "Icyumweru", terms))
    await service.reactivate(amina, held.id, Method.HOSPITAL_ACCOUNT, None)
    held = await plans.again(amina, held)
    assert (held.state, held.running.number, held.running.price) == (SubState.RUNNING, 2, Money(40_000))


@pytest.mark.req("K3", "CHK-4.3.10")
async def test_everything_that_was_done_can_be_read(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await plans.eat(amina)
    await service.pause(amina, held.id)
    await service.resume(amina, held.id)
    await service.cancel(amina, held.id)
    told = [event.kind for event in await journal.history(amina, held.subscription.about)]
    assert told == ["plan:subscribed", "plan:started", "plan:used", "plan:paused", "plan:resumed", "plan:ending"]


@pytest.mark.req("K1", "N7")
async def test_a_subscription_is_nobody_elses(plans, make, amina, bosco, ines):
    held = await plans.buy(amina, "PAT-WEEK-7")
    neighbour = await make.patient("Other", "Patient")
    for stranger in (neighbour, bosco):
        for act in (service.pause, service.cancel, service.cancel_now, service.resume, service.keep):
            with pytest.raises(NotHere):
                await act(stranger, held.id)
        with pytest.raises(NotHere):
            await service.pay(stranger, held.id, Method.CASH, None)
    with acting_as(ines), pytest.raises(NotHere):
        await queries.own(ines, held.id)
    # The control: the row is there, and its owner sees it.
    assert (await plans.again(amina, held)).state is SubState.RUNNING


@pytest.mark.req("N7")
async def test_another_hospital_sees_neither_plans_nor_periods(plans, amina, ines):
    await plans.buy(amina, "PAT-WEEK-7")
    for table in ("plan", "subscription", "plan_term", "loyalty_rule"):
        here = await fetch_value(f"SELECT count(*) FROM {table}")
        with acting_as(ines):
            there = await fetch_value(f"SELECT count(*) FROM {table}")
        assert (here > 0, there) == (True, 0), table


async def test_paying_another_way_asks_once(plans, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10", Method.MTN, "0788123456")
    first = (await payment_queries.payments_of(bosco, held.due.id))[0]
    await plans.failed(first.id)
    await service.pay(bosco, held.id, Method.CASH, None)
    await service.pay(bosco, held.id, Method.CASH, None)
    found = await payment_queries.payments_of(bosco, held.due.id)
    assert [(one.method, one.state) for one in found] == [(Method.MTN, State.FAILED), (Method.CASH, State.PENDING)]
    await service.take_cash(plans.make.actor, held.due.id)
    with pytest.raises(Refusal, match=r"plans\.nothing_due"):
        await service.pay(bosco, held.id, Method.CASH, None)
    assert await payments.is_covered(bosco, held.due.id)


async def test_a_plan_that_was_never_paid_is_forgotten(plans, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    await plans.days_pass(13)
    assert (await plans.again(bosco, held)).state is SubState.AWAITING
    await plans.days_pass(14)
    assert (await plans.again(bosco, held)).state is SubState.LAPSED
    assert not await service.take_cash(plans.make.actor, held.due.id)
    assert (await service.subscribe(bosco, Buying((await plans.plan("STAFF-WEEK-10")).id, Method.CASH))) != held.id
