"""Who pays which part of a meal: exact to the franc, by rules that are data, and what insurers owe."""

from datetime import date, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from asyncpg import CheckViolationError
from hypothesis import given
from hypothesis import strategies as st

from dusangire import wiring
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.queries import payers as queries
from dusangire.payments.rules import Method, Payer, Purpose
from dusangire.payments.rules.bank import BankRow
from dusangire.payments.rules.funds import CameBy, Limits
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.payers import PAYERS, PayerRule, rule_for, split
from dusangire.payments.rules.receipts import pay_kind
from dusangire.payments.service import bank, funds_desk, payers
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.payers import NewRule
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.rules import PayerClass
from tests.make import Make
from tests.payments import crowd

SATURDAY = date(2026, 11, 21)
P, S, H, N = PAYERS


def percents(patient: int, sponsor: int, hospital: int, insurer: int) -> dict[Payer, int]:
    return dict(zip(PAYERS, (patient, sponsor, hospital, insurer), strict=True))


# Francs, the percents of patient, sponsor, hospital, insurer, and what each pays.
GOLDEN = [
    (2000, (100, 0, 0, 0), (2000, 0, 0, 0)),
    (2000, (0, 0, 100, 0), (0, 0, 2000, 0)),
    (2000, (15, 0, 0, 85), (300, 0, 0, 1700)),
    (2350, (15, 0, 0, 85), (353, 0, 0, 1997)),
    (2350, (10, 20, 30, 40), (235, 470, 705, 940)),
    (1, (25, 25, 25, 25), (1, 0, 0, 0)),
    (2, (25, 25, 25, 25), (1, 1, 0, 0)),
    (3, (25, 25, 25, 25), (1, 1, 1, 0)),
    (100, (33, 33, 34, 0), (33, 33, 34, 0)),
    (101, (33, 33, 34, 0), (33, 33, 35, 0)),
    (99, (33, 33, 34, 0), (33, 33, 33, 0)),
    (7, (50, 0, 50, 0), (4, 0, 3, 0)),
    (0, (10, 20, 30, 40), (0, 0, 0, 0)),
    (1, (1, 0, 0, 99), (0, 0, 0, 1)),
]


@pytest.mark.req("J9")
@pytest.mark.parametrize(("whole", "shares", "paid"), GOLDEN)
def test_a_meal_is_divided_to_the_franc(whole: int, shares: tuple[int, ...], paid: tuple[int, ...]):
    assert [money.minor for money in split(Money(whole), percents(*shares)).values()] == list(paid)


_CUTS = st.lists(st.integers(0, 100), min_size=3, max_size=3).map(sorted)


@pytest.mark.req("J9")
@given(st.integers(0, 10**7), _CUTS)
def test_the_shares_always_make_the_whole_and_none_is_a_franc_off(whole: int, cuts: list[int]):
    shares = percents(cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], 100 - cuts[2])
    parts = split(Money(whole), shares)
    assert sum(part.minor for part in parts.values()) == whole
    assert all(abs(part.minor * 100 - whole * shares[payer]) < 100 for payer, part in parts.items())
    assert all(part.minor == 0 for payer, part in parts.items() if shares[payer] == 0)


@pytest.mark.req("J9")
@pytest.mark.parametrize("shares", [(50, 0, 0, 49), (101, 0, 0, 0), (101, -1, 0, 0)])
def test_percents_that_make_no_hundred_are_a_mistake(shares: tuple[int, ...]):
    with pytest.raises(ValueError, match="cannot be divided"):
        split(Money(100), percents(*shares))


def a_rule(payer_class: str = "state", **facts: object) -> PayerRule:
    whole = {
        "id": uuid4(), "payer_class": payer_class, "periods": (), "weekdays": (), "patient_percent": 0,
        "hospital_percent": 100, "insurer_percent": 0, "sponsor_percent": 0, "fund": None, "begins_on": SATURDAY,
    }  # fmt: skip
    return PayerRule(**(whole | facts))


@pytest.mark.req("J9")
def test_the_closest_rule_of_the_class_decides_and_none_means_the_patient_pays():
    every = a_rule()
    newer = a_rule(begins_on=SATURDAY + timedelta(1))
    lunch = a_rule(periods=("lunch",), begins_on=SATURDAY - timedelta(9))
    weekend = a_rule(periods=("lunch",), weekdays=(6, 7))
    rules = [every, newer, lunch, weekend, a_rule("cbhi")]
    monday = SATURDAY + timedelta(2)
    assert rule_for(rules, "state", SATURDAY, "dinner") == every
    assert rule_for(rules, "state", monday, "dinner") == newer
    assert rule_for(rules, "state", monday, "lunch") == lunch
    assert rule_for(rules, "state", SATURDAY, "lunch") == weekend
    assert rule_for(rules, "rssb", SATURDAY, "lunch") is None
    assert rule_for(rules, "state", SATURDAY - timedelta(1), "dinner") is None


@pytest.fixture
async def solange(make: Make) -> Actor:
    wiring.install()
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def _insure(actor: Actor, patient: Actor, payer_class: PayerClass, **facts: str) -> UUID:
    admission = (await ward_queries.person(actor, patient.patient)).admission
    await wards.set_payer(actor, admission, payer_class, why="showed a card", **facts)
    return admission


async def _rule(actor: Actor, payer_class: PayerClass, shares: tuple[int, ...], **facts: object) -> UUID:
    patient, sponsor, hospital, insurer = shares
    today = clock.local_day(clock.now(), actor.zone)
    return await payers.add_rule(actor, NewRule(payer_class, patient, hospital, insurer, sponsor, today, **facts))


async def _order(actor: Actor, patient: Actor, admission: UUID) -> tuple[UUID, dict[Payer, int]]:
    """What checkout does with what others pay, the patient's part in cash."""
    order = (await crowd.trays(actor, patient.patient, 1))[0]
    async with transaction():
        day = crowd.tomorrow(actor)
        shares = await payers.divide(actor, admission, Money(2350), order=order, day=day, period="lunch")
        await payments.open_shares(actor, Purpose.ORDER, order, shares)
    return order, {share.payer: share.amount.minor for share in shares}


@pytest.mark.req("J9")
@pytest.mark.parametrize("payer_class", list(PayerClass))
async def test_without_a_rule_every_class_pays_its_own_meals(solange: Actor, amina: Actor, payer_class: PayerClass):
    with acting_as(solange):
        admission = await _insure(solange, amina, payer_class, insurer="Radiant", insurance_no="R-77")
        assert (await _order(solange, amina, admission))[1] == {}


@pytest.mark.req("J9")
async def test_an_insurer_owes_its_share_until_the_tray_is_called_off(solange: Actor, amina: Actor):
    month = crowd.tomorrow(solange).replace(day=1)
    after = (month + timedelta(40)).replace(day=1)
    with acting_as(solange):
        admission = await _insure(solange, amina, PayerClass.PRIVATE, insurer="Radiant", insurance_no="R-77")
        await _rule(solange, PayerClass.PRIVATE, (15, 0, 0, 85))
        order, paid = await _order(solange, amina, admission)
        assert paid == {Payer.INSURER: 1997}
        assert (await money.balance(solange, Account.INSURER_RECEIVABLE, order)).minor == 1997
        await _insure(solange, amina, PayerClass.SELF)
        due = await queries.insurers_due(solange, month, after)
        assert [(one.payer_class, one.insurer, one.trays, one.amount) for one in due] == [
            ("private", "Radiant", 1, Money(1997))
        ]
        lines = await queries.insured_trays(solange, month, after, "private", "Radiant")
        assert [(line.insurance_no, line.amount, line.total) for line in lines] == [("R-77", Money(1997), Money(2000))]
        await payments.cancel(solange, order)
        assert await queries.insurers_due(solange, month, after) == []
        assert (await money.balance(solange, Account.INSURER_RECEIVABLE)).minor == 0


@pytest.mark.req("J9", "J10")
async def test_what_the_sponsor_no_longer_has_the_hospital_pays_and_never_the_patient(solange: Actor, amina: Actor):
    today = clock.local_day(clock.now(), solange.zone)
    with acting_as(solange):
        fund = await funds_desk.make(solange, Limits("Donor", serves_from=today))
        await funds_desk.receive(solange, fund, NewGift(uuid4().hex, Money(3000), CameBy.CASH, today))
        admission = await _insure(solange, amina, PayerClass.INDIGENT)
        await _rule(solange, PayerClass.INDIGENT, (0, 80, 20, 0), fund=fund)
        assert (await _order(solange, amina, admission))[1] == {Payer.SPONSOR: 1880, Payer.HOSPITAL: 470}
        assert (await _order(solange, amina, admission))[1] == {Payer.SPONSOR: 1120, Payer.HOSPITAL: 1230}
        assert (await _order(solange, amina, admission))[1] == {Payer.HOSPITAL: 2350}
        assert (await money.balance(solange, Account.HOSPITAL_MEALS)).minor == 470 + 1230 + 2350
        assert (await money.balance(solange, Account.SPONSOR_FUND, fund)).minor == 0
        assert await money.books_balance(solange)


@pytest.mark.req("J9")
async def test_a_new_rule_ends_the_one_it_replaces_and_a_bad_one_is_refused(solange: Actor):
    with acting_as(solange):
        await _rule(solange, PayerClass.STATE, (0, 0, 100, 0))
        lunch = await _rule(solange, PayerClass.STATE, (50, 0, 50, 0), periods=("lunch",))
        whole = await _rule(solange, PayerClass.STATE, (20, 0, 80, 0))
        assert {rule.id for rule in await queries.payer_rules(solange)} == {lunch, whole}
        with pytest.raises(Refusal, match=r"payer\.not_a_hundred"):
            await _rule(solange, PayerClass.STATE, (20, 0, 79, 0))
        with pytest.raises(Refusal, match=r"payer\.which_fund"):
            await _rule(solange, PayerClass.STATE, (0, 100, 0, 0))
        with pytest.raises(NotHere):
            await _rule(solange, PayerClass.STATE, (0, 100, 0, 0), fund=uuid4())
        await payers.end_rule(solange, whole)
        with pytest.raises(NotHere):
            await payers.end_rule(solange, whole)


@pytest.mark.req("J9")
async def test_the_database_refuses_shares_that_make_no_hundred(solange: Actor):
    with acting_as(solange):
        rule = await _rule(solange, PayerClass.STATE, (0, 0, 100, 0))
        with pytest.raises(CheckViolationError, match="shares_make_a_whole"):
            await execute("UPDATE payer_rule SET hospital_percent = 99 WHERE id = $1", rule)


@pytest.mark.req("J9")
async def test_a_corrected_class_says_why_and_the_journal_keeps_what_it_was(solange: Actor, amina: Actor, ines: Actor):
    with acting_as(solange):
        admission = await _insure(solange, amina, PayerClass.CBHI)
        await _insure(solange, amina, PayerClass.RSSB)
        told = await journal.history(solange, f"admission:{admission}")
        assert [(one.facts["was"], one.facts["becomes"]) for one in told] == [("self", "cbhi"), ("cbhi", "rssb")]
        with pytest.raises(Refusal, match=r"payer\.why_missing"):
            await wards.set_payer(solange, admission, PayerClass.SELF, why=" ")
        with pytest.raises(Refusal, match=r"payer\.insurer_missing"):
            await wards.set_payer(solange, admission, PayerClass.PRIVATE, why="card")
    with acting_as(ines):
        with pytest.raises(NotHere):
            await wards.set_payer(ines, admission, PayerClass.SELF, why="not mine")
        with pytest.raises(NotHere):
            await queries.insured(ines, admission)


@pytest.mark.req("J9")
async def test_a_class_chosen_at_admission_is_the_admissions(make: Make, bosco: Actor, amina: Actor):
    await make.ward("Q", 1)
    with acting_as(bosco):
        bed = (await ward_queries.bed_of_code(bosco, "Q-001")).id
        patient = await wards.register_and_admit(
            bosco, bed, mrn="K-99999", given_name="New", family_name="One", birth_date=SATURDAY, sex="male", phone=None,
            language="rw", payer_class=PayerClass.RSSB,
        )  # fmt: skip
        found = await queries.insured_now(bosco, [patient, amina.patient])
        assert {one.payer_class for one in found.values()} == {"rssb", "self"}


def test_the_methods_of_other_payers_ask_nobody_for_money():
    assert not any(method.is_mobile for method in (Method.FUND, Method.HOSPITAL, Method.INSURER))


@pytest.fixture
def next_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """The month of these tests' trays is over, for who issues its invoices."""
    from dusangire.payments.pages import payers as pages

    later = SimpleNamespace(now=lambda: clock.now() + timedelta(days=40), local_day=clock.local_day)
    monkeypatch.setattr(payers, "clock", later)
    monkeypatch.setattr(pages, "clock", later)


@pytest.mark.req("J6", "J9")
async def test_an_insurers_month_is_issued_once_and_paid_by_the_banks_line_to_the_franc(
    solange: Actor, amina: Actor, browser, next_month: None
):
    with acting_as(solange):
        admission = await _insure(solange, amina, PayerClass.PRIVATE, insurer="Radiant & Sons")
        await _rule(solange, PayerClass.PRIVATE, (20, 0, 0, 80))
        for _ in range(3):
            await _order(solange, amina, admission)
    office, month = browser(solange), crowd.tomorrow(solange).replace(day=1)
    asked = f"month={month:%Y-%m}&insurer=Radiant+%26+Sons"
    page = f"/admin/payers/invoices/private?{asked}"
    assert "Issue the invoice" in (await office.get(page)).text
    issue = f"/admin/payers/invoices/private/issue?{asked}"
    made = await office.post(issue)
    assert made.status_code == 303
    assert (await office.post(issue)).status_code == 409
    bill = (await office.get(made.headers["location"])).text
    assert "Radiant &amp; Sons" in bill
    assert "5,640" in bill
    with acting_as(solange):
        (issued,) = await queries.insurer_invoices(solange, month)
        assert (issued.amount, issued.trays, issued.state) == (Money(5640), 3, "pending")
        row = BankRow("FT-R1", month, Money(5640), "Radiant", f"Meals {issued.code}")
        await bank.import_lines(solange, [row], source="nov.csv")
        assert (await queries.insurer_invoices(solange, month))[0].state == "paid"
        assert (await money.balance(solange, Account.INSURER_RECEIVABLE)).minor == 0
        assert (await money.balance(solange, Account.BANK)).minor == 5640
        assert await money.books_balance(solange)
    assert pay_kind(Method.BANK, Purpose.INSURER) is None, (
        "the revenue authority heard of the trays when they were sold"
    )
    drawn = (await office.get(page)).text
    assert issued.code in drawn
    assert "Issue the invoice" not in drawn


@pytest.mark.req("J9")
async def test_a_month_that_is_not_over_or_owes_nothing_has_no_invoice(
    solange: Actor, amina: Actor, bosco: Actor, browser
):
    with acting_as(solange):
        admission = await _insure(solange, amina, PayerClass.RSSB)
        await _rule(solange, PayerClass.RSSB, (15, 0, 0, 85))
        await _order(solange, amina, admission)
        month = crowd.tomorrow(solange)
        with pytest.raises(Refusal, match=r"payer\.month_not_over"):
            await payers.issue_invoice(solange, month, "rssb", "")
        with pytest.raises(Refusal, match=r"payer\.nothing_owed"):
            await payers.issue_invoice(solange, month - timedelta(days=70), "rssb", "")
    path = f"/admin/payers/invoices/rssb/issue?month={month:%Y-%m}"
    assert (await browser(solange).post(path)).status_code == 409
    assert (await browser(bosco).post(path)).status_code == 403
    assert "The month is not over" in (await browser(solange).get(path.replace("/issue", ""))).text
