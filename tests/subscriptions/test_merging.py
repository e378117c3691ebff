"""Two records of one patient become one: plans, points, numbers and what funds gave are the kept one's, to the franc."""

from datetime import timedelta

import pytest

from dusangire import wiring
from dusangire.diets import service as diets
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Actor
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import funds
from dusangire.payments.rules import Method
from dusangire.payments.rules.funds import CameBy, Limits, Span, Why
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import funds_desk, funds_grants, phones
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.funds_grants import NewGrant
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import SubState
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service
from dusangire.wards.rules import EndReason
from tests.make import Make
from tests.subscriptions.conftest import Plans, raise_ceiling


@pytest.fixture
async def twin(make: Make, plans: Plans) -> Actor:
    """Amina under another number, in another bed until `_leave`."""
    found = await make.patient("Amina", "Uwaze")
    await raise_ceiling(make.actor, found.patient)
    return found


async def _leave(plans: Plans, twin: Actor) -> None:
    await ward_service.discharge(plans.bosco, twin.patient, EndReason.DISCHARGED)


async def _merge(plans: Plans, twin: Actor) -> None:
    await diets.merge(plans.bosco, plans.amina.patient, twin.patient)


@pytest.mark.req("K3", "K7")
async def test_plans_and_points_follow_the_kept_record_and_the_books_stay_as_they_were(
    plans: Plans, amina: Actor, twin: Actor
) -> None:
    held = await plans.buy(twin, "PAT-WEEK-7")
    await service.earn(plans.make.actor, twin.patient, uuid7(), Money(30_000))
    await service.earn(plans.make.actor, amina.patient, uuid7(), Money(10_000))
    points = [(await queries.card(plans.make.actor, who.patient)).balance for who in (amina, twin)]
    owed = [await plans.balance(Account.LOYALTY_POINTS, who.patient) for who in (amina, twin)]
    assert min(points) > 0
    await _leave(plans, twin)
    books = await plans.books()
    await _merge(plans, twin)
    assert await plans.books() == books
    mine = await queries.own(amina, held.id)
    assert (mine.state, mine.subscription.payer_user) == (SubState.RUNNING, amina.user)
    assert [one.id for one in await queries.mine(twin)] == []
    assert (await queries.card(plans.make.actor, amina.patient)).balance == sum(points)
    assert (await queries.card(plans.make.actor, twin.patient)).balance == 0
    assert await plans.balance(Account.LOYALTY_POINTS, amina.patient) == sum(owed)
    assert await plans.balance(Account.LOYALTY_POINTS, twin.patient) == 0
    assert sum(one.left for one in await queries.lots(plans.make.actor, amina.patient)) == sum(points)
    await plans.eat(amina, total=4_285)
    assert (await queries.own(amina, held.id)).running.used == 1


@pytest.mark.req("K7")
async def test_points_that_expire_after_a_merge_leave_nothing_owed(plans: Plans, amina: Actor, twin: Actor) -> None:
    await service.earn(plans.make.actor, twin.patient, uuid7(), Money(30_000))
    await _leave(plans, twin)
    await _merge(plans, twin)
    await service.expire_points(plans.make.actor, plans.today + timedelta(days=4000))
    assert (await queries.card(plans.make.actor, amina.patient)).balance == 0
    for who in (amina, twin):
        assert await plans.balance(Account.LOYALTY_POINTS, who.patient) == 0


@pytest.mark.req("K3")
async def test_two_records_with_the_same_plan_are_not_joined_until_one_of_them_ends(
    plans: Plans, amina: Actor, twin: Actor, browser
) -> None:
    await plans.buy(amina, "PAT-WEEK-7")
    held = await plans.buy(twin, "PAT-WEEK-7")
    await _leave(plans, twin)
    books, page = await plans.books(), browser(plans.bosco)
    form = {"other": str(twin.patient), "checked": "1"}
    answer = await page.post(f"/health-profiles/{amina.patient}/merge/", form)
    assert answer.status_code == 409
    assert "End it on one of them first" in answer.text
    assert not await wards.is_merged(plans.make.actor, twin.patient)
    assert await plans.books() == books
    await service.cancel_now(twin, held.id)
    await _merge(plans, twin)
    assert await wards.is_merged(plans.make.actor, twin.patient)


@pytest.mark.req("J16")
async def test_saved_numbers_follow_and_one_that_both_kept_stays_once(plans: Plans, amina: Actor, twin: Actor) -> None:
    for who, numbers in ((amina, ("0788111111",)), (twin, ("0788111111", "0733222222"))):
        for number in numbers:
            await phones.keep_phone(who, number, Method.MTN if number[2] == "8" else Method.AIRTEL)
    await _leave(plans, twin)
    await _merge(plans, twin)
    assert {one.phone for one in await payments.saved_phones(amina)} == {"+250788111111", "+250733222222"}
    assert await payments.saved_phones(twin) == []


@pytest.mark.req("J10")
async def test_what_a_fund_gave_to_either_record_counts_for_one_person_and_no_old_grant_begins_anew(
    plans: Plans, amina: Actor, twin: Actor, grace: Actor
) -> None:
    today = clock.local_day(clock.now(), grace.zone)
    fund = await funds_desk.make(grace, Limits(name="Meals for all", serves_from=today))
    await funds_desk.receive(grace, fund, NewGift("gift-of-twins", Money(50_000), CameBy.CASH, received_on=today))
    made = await funds_grants.grant(plans.bosco, twin.patient, NewGrant(Span.STAY, Why.CANNOT_PAY))
    assert made
    await _leave(plans, twin)
    books = await plans.books()
    await _merge(plans, twin)
    assert [one.id for one in await funds.grants_of(grace, amina.patient, today)] == [made]
    assert await funds.grants_for(grace, amina.patient, today) == []
    assert await plans.books() == books


@pytest.mark.req("K3")
async def test_without_the_reaction_a_plan_stays_with_a_record_nobody_signs_in_for(
    plans: Plans, amina: Actor, twin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setitem(journal.AT_ONCE, "patient:merged", wiring.AT_ONCE["patient:merged"][:1])
    held = await plans.buy(twin, "PAT-WEEK-7")
    await _leave(plans, twin)
    await _merge(plans, twin)
    assert [one.id for one in await queries.mine(amina)] == []
    assert [one.id for one in await queries.mine(twin)] == [held.id]
