"""Funds: never overspent, given back once, within every limit, and their books are the ledger's."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusangire import wiring
from dusangire.diets import queries as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules import Method, Purpose
from dusangire.payments.rules.funds import CameBy, Fund, Limits, Meal, Span, Spent, Why, may_give, serves
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import funds, funds_desk, funds_grants
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.funds_grants import NewGrant
from dusangire.payments.service.intents import Share
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.make import Make
from tests.payments import crowd

DAY = date(2026, 11, 21)
WARD, OTHER = uuid4(), uuid4()


def a_fund(**facts: object) -> Fund:
    whole = {
        "id": uuid4(), "name": "Meal fund", "donor": "", "purpose": "", "most_meal_minor": None, "most_day_minor": None,
        "most_patient_minor": None, "periods": (), "wards": (), "serves_from": DAY, "serves_to": None,
        "helps_at_once": False, "left_minor": 10000, "is_stopped": False,
    }  # fmt: skip
    return Fund(**(whole | facts))


def a_meal(**facts: object) -> Meal:
    return Meal(**({"order": uuid4(), "patient": uuid4(), "ward": WARD, "day": DAY, "period": "lunch"} | facts))


@pytest.mark.req("J10")
@pytest.mark.parametrize(
    ("facts", "is_served"),
    [
        ({}, True),
        ({"is_stopped": True}, False),
        ({"serves_from": DAY + timedelta(1)}, False),
        ({"serves_to": DAY}, True),
        ({"serves_to": DAY - timedelta(1)}, False),
        ({"periods": ("breakfast",)}, False),
        ({"periods": ("breakfast", "lunch")}, True),
        ({"wards": (OTHER,)}, False),
        ({"wards": (OTHER, WARD)}, True),
    ],
)
def test_a_fund_helps_with_the_meals_it_is_for(facts: dict, is_served: bool):
    assert serves(a_fund(**facts), a_meal()) is is_served


@pytest.mark.req("J10")
@pytest.mark.parametrize(
    ("facts", "spent", "granted", "gives"),
    [
        ({}, Spent(), None, 2000),
        ({"left_minor": 1500}, Spent(), None, 1500),
        ({"left_minor": 0}, Spent(), None, 0),
        ({"most_meal_minor": 1200}, Spent(), None, 1200),
        ({"most_day_minor": 5000}, Spent(4500, 0), None, 500),
        ({"most_day_minor": 5000}, Spent(6000, 0), None, 0),
        ({"most_patient_minor": 3000}, Spent(0, 2500), None, 500),
        ({"most_meal_minor": 1200}, Spent(), 700, 700),
        ({"is_stopped": True}, Spent(), None, 0),
    ],
)
def test_a_fund_gives_within_the_least_of_its_limits(facts: dict, spent: Spent, granted: int | None, gives: int):
    assert may_give(a_fund(**facts), a_meal(), spent, Money(2000), granted) == Money(gives)


_LIMIT = st.none() | st.integers(1, 5000)


@pytest.mark.req("J10")
@given(st.integers(0, 9999), _LIMIT, _LIMIT, _LIMIT, st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 5000))
def test_no_limit_is_ever_passed(left: int, meal, day, patient, of_day: int, of_patient: int, rest: int):
    fund = a_fund(left_minor=left, most_meal_minor=meal, most_day_minor=day, most_patient_minor=patient)
    gives = may_give(fund, a_meal(), Spent(of_day, of_patient), Money(rest)).minor
    assert 0 <= gives <= min(left, rest, meal or rest)
    assert gives == 0 or day is None or gives + of_day <= day
    assert gives == 0 or patient is None or gives + of_patient <= patient


@pytest.fixture
async def solange(make: Make) -> Actor:
    wiring.install()
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def _fund(actor: Actor, amount: int = 0, **facts: object) -> UUID:
    today = clock.local_day(clock.now(), actor.zone)
    made = await funds_desk.make(actor, Limits(**({"name": f"Fund {uuid4().hex[:6]}", "serves_from": today} | facts)))
    if amount:
        await _gift(actor, made, amount)
    return made


async def _gift(actor: Actor, fund: UUID, amount: int, **facts: object) -> UUID:
    today = clock.local_day(clock.now(), actor.zone)
    whole = {"key": uuid4().hex, "amount": Money(amount), "came_by": CameBy.CASH, "received_on": today} | facts
    return await funds_desk.receive(actor, fund, NewGift(**whole))


async def _grant(actor: Actor, patient: UUID, span: Span = Span.STAY, **facts: object) -> UUID | None:
    return await funds_grants.grant(actor, patient, NewGrant(span, Why.CANNOT_PAY, **facts))


async def _cover(actor: Actor, patient: UUID, order: UUID, rest: int = 2000, period: str = "lunch") -> Share | None:
    """What checkout does: the share, and the payment that it opens."""
    async with transaction():
        day = crowd.tomorrow(actor)
        share = await funds.cover(actor, patient, order, Money(rest), day=day, period=period)
        if share is not None:
            await payments.open_payment(actor, Purpose.ORDER, order, share)
        return share


async def _agrees(actor: Actor, fund: UUID) -> int:
    """The fund's own figure is the ledger's; return it."""
    left = (await queries.fund(actor, fund)).left_minor
    assert -(await money.balance(actor, Account.SPONSOR_FUND, fund)).minor == left
    assert await money.books_balance(actor)
    return left


@pytest.mark.req("J10")
async def test_a_gift_is_in_the_fund_and_in_the_ledger_once(solange: Actor):
    with acting_as(solange):
        fund = await _fund(solange)
        for _ in range(2):
            await _gift(solange, fund, 50000, key="one page of the browser")
        bank = await _gift(solange, fund, 25000, came_by=CameBy.BANK, reference="BK-1")
        with pytest.raises(Refusal, match=r"fund\.gift_known"):
            await _gift(solange, fund, 25000, came_by=CameBy.BANK, reference="BK-1")
        with pytest.raises(Refusal, match=r"fund\.gift_needs_reference"):
            await _gift(solange, fund, 25000, came_by=CameBy.MTN)
        assert await _agrees(solange, fund) == 75000
        assert (await money.balance(solange, Account.CASH_SAFE)).minor == 50000
        await funds_desk.undo(solange, bank, "typed twice")
        assert await _agrees(solange, fund) == 50000
        with pytest.raises(Refusal, match=r"fund\.gift_undone"):
            await funds_desk.undo(solange, bank, "typed twice")
        assert await _agrees(solange, fund) == 50000


@pytest.mark.req("J10")
async def test_a_gift_that_was_eaten_cannot_be_taken_back(solange: Actor, bosco: Actor, amina: Actor):
    with acting_as(solange):
        fund = await _fund(solange)
        gift = await _gift(solange, fund, 3000)
        await _grant(bosco, amina.patient)
        await _cover(amina, amina.patient, (await crowd.trays(solange, amina.patient, 1))[0])
        with pytest.raises(Refusal, match=r"fund\.gift_spent"):
            await funds_desk.undo(solange, gift, "a mistake")
        assert await _agrees(solange, fund) == 1000


@pytest.mark.req("J10")
async def test_a_granted_meal_is_paid_by_the_fund_and_returned_once_when_it_is_called_off(
    solange: Actor, bosco: Actor, amina: Actor
):
    with acting_as(solange):
        fund = await _fund(solange, 5000)
        await _grant(bosco, amina.patient, meals=1)
        first, second = await crowd.trays(solange, amina.patient, 2)
        share = await _cover(amina, amina.patient, first)
        assert share is not None
        assert (share.method, share.amount, share.source) == (Method.FUND, Money(2000), fund)
        assert await _cover(amina, amina.patient, second) is None
        assert await _agrees(solange, fund) == 3000
        for _ in range(2):
            await payments.cancel(solange, first)
        assert await _agrees(solange, fund) == 5000
        assert await crowd.claimed(solange, fund) == (0, 0)
        assert await _cover(amina, amina.patient, second) is not None
        assert await _agrees(solange, fund) == 3000


@pytest.mark.req("J10", "J6")
async def test_a_part_that_finance_gives_back_comes_back_to_the_fund(solange: Actor, bosco: Actor, amina: Actor):
    with acting_as(solange):
        fund = await _fund(solange, 5000)
        await _grant(bosco, amina.patient, meals=1)
        order = (await crowd.trays(solange, amina.patient, 1))[0]
        await _cover(amina, amina.patient, order)
        paid = (await money.payments_of(solange, order))[0]
        await payments.give_back(solange, paid.id, Money(500), why="one dish was missing")
        assert await _agrees(solange, fund) == 3500
        await payments.cancel(solange, order)
        assert await _agrees(solange, fund) == 5000


@pytest.mark.req("J10")
async def test_a_grant_ends_with_its_day_its_francs_the_stay_or_by_hand(solange: Actor, bosco: Actor, make: Make):
    one, two, three, four = [await make.patient("P", str(n)) for n in range(4)]
    with acting_as(solange):
        await _fund(solange, 50000)
        trays = {who: (await crowd.trays(solange, who.patient, 2)) for who in (one, two, three, four)}
        await _grant(bosco, one.patient, Span.TODAY)
        assert await _cover(one, one.patient, trays[one][0]) is None  # the tray is for tomorrow
        await _grant(bosco, two.patient, amount=Money(2500))
        assert [(await _cover(two, two.patient, tray)).amount.minor for tray in trays[two]] == [2000, 500]
        grant = await _grant(bosco, three.patient)
        await funds_grants.end(bosco, grant)
        assert await _cover(three, three.patient, trays[three][0]) is None
        with pytest.raises(NotHere):
            await funds_grants.end(bosco, grant)
        await _grant(bosco, four.patient)
        await wards.discharge(bosco, four.patient, EndReason.DISCHARGED)
        assert await _cover(four, four.patient, trays[four][0]) is None
        with pytest.raises(Refusal, match=r"ward\.not_admitted"):
            await _grant(bosco, four.patient)


@pytest.mark.req("J10")
async def test_a_grant_without_a_name_uses_the_fund_that_can_pay(solange: Actor, bosco: Actor, amina: Actor):
    with acting_as(solange):
        small = await _fund(solange, 500)
        breakfasts = await _fund(solange, 9000, periods=("breakfast",))
        await _grant(bosco, amina.patient)
        large = await _fund(solange, 9000)
        tray = (await crowd.trays(solange, amina.patient, 1))[0]
        share = await _cover(amina, amina.patient, tray)
        assert share is not None
        assert share.source == large
        assert (await _agrees(solange, small), await _agrees(solange, breakfasts)) == (500, 9000)


@pytest.mark.req("J10")
async def test_the_same_help_is_not_granted_twice_and_a_named_limit_is_its_own(
    solange: Actor, bosco: Actor, amina: Actor
):
    with acting_as(solange):
        await _fund(solange, 50000)
        today = await _grant(bosco, amina.patient, Span.TODAY)
        assert await _grant(bosco, amina.patient, Span.TODAY) == today
        stay = await _grant(bosco, amina.patient)
        assert stay != today
        assert await _grant(bosco, amina.patient) == stay
        assert await _grant(bosco, amina.patient, meals=3) not in (today, stay)


@pytest.mark.req("J10")
async def test_where_no_fund_can_help_finance_is_told_and_nothing_is_promised(
    solange: Actor, bosco: Actor, amina: Actor
):
    with acting_as(solange):
        await _fund(solange, 0)
        assert await _grant(bosco, amina.patient) is None
        assert [task.kind for task in await diets.open_tasks(solange)] == ["fund_empty"]


@pytest.mark.req("J10")
async def test_a_patient_who_cannot_pay_is_helped_at_once_where_a_fund_may(solange: Actor, bosco: Actor, amina: Actor):
    day = crowd.tomorrow(solange)
    with acting_as(solange):
        await _fund(solange, 50000)
        async with transaction():
            assert not await funds_grants.ask(amina, amina.patient, day=day, period="lunch")
        fund = await _fund(solange, 3000, helps_at_once=True)
        for _ in range(2):
            async with transaction():
                assert await funds_grants.ask(amina, amina.patient, day=day, period="lunch")
        tray = await crowd.trays(solange, amina.patient, 2)
        share = await _cover(amina, amina.patient, tray[0])
        assert share is not None
        assert share.source == fund
        assert await _cover(amina, amina.patient, tray[1]) is None


@pytest.mark.req("J10", "N7")
async def test_a_fund_of_another_hospital_does_not_exist_here(solange: Actor, ines: Actor, make: Make):
    other = await (await make.other()).user("Other Finance", Role.FINANCE)
    with acting_as(solange):
        fund = await _fund(solange, 9000)
        gift = (await queries.gifts(solange, fund))[0].id
    with acting_as(other):
        assert await queries.funds(other) == []
        for attempt in (
            queries.fund(other, fund), queries.gift(other, gift), funds_desk.stop(other, fund), _gift(other, fund, 5),
            funds_desk.undo(other, gift, "no"), funds_desk.change(other, fund, Limits("x", serves_from=DAY)),
            _fund(other, wards=(await _ward(make),)),
        ):  # fmt: skip
            with pytest.raises(NotHere):
                await attempt
        assert await _grant(other, ines.patient) is None


async def _ward(make: Make) -> UUID:
    return await make.ward("Z", 1)


async def _race(make: Make, actor: Actor, *, trays: int, meals: int) -> tuple[int, int, int]:
    """200 trays claim a fund that pays for a few; return how many said they got it, how many did, and the francs."""
    people = [await make.patient("Racer", str(n)) for n in range(10)]
    with acting_as(actor):
        fund = await _fund(actor, meals * 2000, name=f"Race {uuid4().hex[:6]}")
        for one in people:
            await _grant(actor, one.patient, fund=fund)

        def claiming(patient: UUID, order: UUID) -> Callable[[], object]:
            return lambda: _cover(actor, patient, order)

        tries = [
            claiming(one.patient, order)
            for one in people
            for order in await crowd.trays(actor, one.patient, trays // len(people))
        ]
        got = await crowd.rush(actor, tries)
        return sum(one is not None for one in got), *(await crowd.claimed(actor, fund))


@pytest.mark.req("J10")
async def test_two_hundred_concurrent_claims_never_overspend_a_fund(make: Make, solange: Actor):
    await make.ward("R", 40)
    for meals in (1, 17):
        assert await _race(make, solange, trays=200, meals=meals) == (meals, meals, meals * 2000)
    with acting_as(solange):
        assert [await _agrees(solange, fund.id) for fund in await queries.funds(solange)] == [0, 0]


@pytest.mark.long
@pytest.mark.req("J10")
async def test_a_fund_is_never_overspent_in_many_rounds(make: Make, solange: Actor):
    await make.ward("R", 999)
    for meals in range(1, int(os.environ.get("DUSANGIRE_ROUNDS", "20")) + 1):
        assert await _race(make, solange, trays=200, meals=meals) == (meals, meals, meals * 2000)


@pytest.mark.req("J10")
async def test_without_lock_and_condition_a_fund_is_overspent(
    make: Make, solange: Actor, monkeypatch: pytest.MonkeyPatch
):
    """Negative control: read what is left without a lock, then write what the program reckoned."""
    naive = funds.CLAIM.replace("fund SET left_minor = left_minor - $9", "fund SET left_minor = 0 * $9")
    naive = naive.replace("AND left_minor >= $9\n          AND ($3", "AND ($3")
    assert naive.count("left_minor >= $9") == 1

    async def unlocked(actor: Actor, fund: UUID | None) -> list[Fund]:
        return [one for one in await queries.open_funds(actor) if fund in (None, one.id)]

    monkeypatch.setattr(funds, "CLAIM", naive)
    monkeypatch.setattr(queries, "locked_funds", unlocked)
    await make.ward("R", 40)
    _, sold, francs = await _race(make, solange, trays=200, meals=1)
    assert sold > 1
    assert francs > 2000


@pytest.mark.req("J10")
async def test_the_database_itself_refuses_a_fund_below_nothing(solange: Actor):
    with acting_as(solange):
        fund = await _fund(solange, 100)
        with pytest.raises(Exception, match="fund_left_minor_check"):
            await fetch_value("UPDATE fund SET left_minor = left_minor - 101 WHERE id = $1 RETURNING 1", fund)
