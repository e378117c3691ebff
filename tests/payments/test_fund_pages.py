"""The desk of funds, coupons and payers, and help at the bed: forms, rights, three taps, and a report without people."""

import re
from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusangire import wiring
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, transaction
from dusangire.kernel.money import Money
from dusangire.payments import service as payments
from dusangire.payments.queries import coupons as coupon_queries
from dusangire.payments.queries import funds as queries
from dusangire.payments.queries import payers as payer_queries
from dusangire.payments.rules import Purpose
from dusangire.payments.rules.funds import LEAST_GROUP, CameBy, Given, Limits, Span, Why, grouped, spans_to_offer
from dusangire.payments.service import funds, funds_desk, funds_grants, payers
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.funds_grants import NewGrant
from dusangire.payments.service.payers import NewRule
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service
from dusangire.wards.rules import PayerClass
from tests.make import Browser, Make
from tests.payments import crowd

Open = Callable[[Actor | None], Browser]


@pytest.fixture
async def solange(make: Make) -> Actor:
    wiring.install()
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def _fund(actor: Actor, amount: int = 50000, **facts: object) -> UUID:
    today = clock.local_day(clock.now(), actor.zone)
    with acting_as(actor):
        made = await funds_desk.make(actor, Limits(**({"name": "Kigali friends", "serves_from": today} | facts)))
        await funds_desk.receive(actor, made, NewGift(uuid4().hex, Money(amount), CameBy.CASH, today))
    return made


def _rows(*groups: tuple[str, int, int]) -> list[Given]:
    """So many people on each ward, each with so many meals of 1,000 francs."""
    first, rows = 0, []
    for ward, people, meals in groups:
        rows += [Given(first + who, ward, "lunch", 1000) for who in range(people) for _ in range(meals)]
        first += people
    return rows


@pytest.mark.req("J10", "O2")
@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ([("A", 5, 2)], [("A", 10)]),
        ([("A", 4, 2)], []),
        ([], []),
        ([("A", 9, 1), ("B", 6, 1)], [("A", 9), ("B", 6)]),
        ([("A", 9, 1), ("B", 3, 1), ("C", 2, 1)], [("A", 9), ("", 5)]),
        ([("A", 9, 1), ("B", 3, 1), ("C", 6, 1)], [("A", 9), ("", 9)]),
        ([("A", 9, 1), ("B", 3, 4)], [("", 21)]),
        ([("A", 2, 1), ("B", 2, 1)], []),
    ],
)
def test_a_report_tells_of_no_group_in_which_somebody_could_be_found(groups, told):
    assert [(one.name, one.meals) for one in grouped(_rows(*groups), "ward")] == told


@pytest.mark.req("J10", "O2")
@given(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.integers(1, 12)), max_size=40))
def test_whatever_was_given_no_group_is_small_and_none_is_found_by_subtracting(rows):
    given_ = [Given(who, ward, "lunch", 700) for ward, who in rows]
    told = grouped(given_, "ward")
    named = {one.name for one in told if one.name}
    rest = {row.who for row in given_ if row.ward not in named}
    assert all(len({row.who for row in given_ if row.ward == name}) >= LEAST_GROUP for name in named)
    if told:
        assert not rest or len(rest) >= LEAST_GROUP
        assert sum(one.meals for one in told) == len(given_)


async def _fed(make: Make, actor: Actor, fund: UUID, people: list[Actor]) -> list[UUID]:
    with acting_as(actor):
        orders = []
        for one in people:
            await funds_grants.grant(actor, one.patient, NewGrant(Span.STAY, Why.CANNOT_PAY, fund))
            order = (await crowd.trays(actor, one.patient, 1))[0]
            async with transaction():
                share = await funds.cover(
                    actor, one.patient, order, Money(2000), day=crowd.tomorrow(actor), period="lunch"
                )
                await payments.open_payment(actor, Purpose.ORDER, order, share)
            orders.append(order)
    return orders


@pytest.mark.req("J10", "O2")
async def test_a_donor_report_names_no_patient_no_bed_and_no_order(make: Make, browser: Open, solange: Actor):
    people = [await make.patient(f"Unseen{n}", f"Person{n}") for n in range(6)]
    fund = await _fund(solange)
    orders = await _fed(make, solange, fund, people)
    month = crowd.tomorrow(solange).strftime("%Y-%m")
    page = await browser(solange).get(f"/admin/funds/{fund}/report?month={month}")
    sheet = await browser(solange).get(f"/admin/funds/{fund}/report.csv?month={month}")
    assert page.status_code == sheet.status_code == 200
    assert "Ward A" in page.text
    assert f"{month},By ward,Ward A,6,12000" in sheet.text
    with acting_as(solange):
        found = await wards.people(solange, [one.patient for one in people])
    secrets = [str(one) for one in (*orders, *found)] + [f"R-{order}" for order in orders]
    for person in found.values():
        secrets += [person.given_name, person.family_name, person.mrn, person.bed_code]
    for text in (page.text, sheet.text):
        assert [secret for secret in secrets if secret in text] == []
    grants = await browser(solange).get("/admin/funds/grants")
    assert all(person.given_name in grants.text for person in found.values())  # the search does find names


@pytest.mark.req("J10", "O2")
async def test_a_month_in_which_few_were_helped_tells_no_figure(
    make: Make, browser: Open, solange: Actor, amina: Actor
):
    fund = await _fund(solange)
    await _fed(make, solange, fund, [amina])
    month = crowd.tomorrow(solange).strftime("%Y-%m")
    page = await browser(solange).get(f"/admin/funds/{fund}/report?month={month}")
    assert "Fewer than 5 people" in page.text
    assert "Ward A" not in page.text
    assert "By ward" not in (await browser(solange).get(f"/admin/funds/{fund}/report.csv?month={month}")).text


@pytest.mark.req("J10")
async def test_help_takes_three_taps_at_the_bed(browser: Open, bosco: Actor, amina: Actor, solange: Actor):
    await _fund(solange)
    with acting_as(bosco):
        bed = (await wards.person(bosco, amina.patient)).bed_code
    nurse = browser(bosco)
    assert f'href="/help/{amina.patient}"' in (await nurse.get(f"/wards/bed/{bed}/")).text  # the first tap
    asked = await nurse.get(f"/help/{amina.patient}")
    assert asked.text.count('name="span"') == 2  # the second tap
    given_ = await nurse.post(f"/help/{amina.patient}", {"span": "stay"})
    assert given_.status_code == 303
    page = await nurse.get(given_.headers["location"])
    assert "Done: the meal fund pays." in page.text
    assert "<textarea" not in page.text  # nobody writes about somebody's poverty
    with acting_as(bosco):
        today = clock.local_day(clock.now(), bosco.zone)
        assert [one.last_day for one in await queries.grants_for(bosco, amina.patient, today)] == [None]


@pytest.mark.req("J10")
@pytest.mark.parametrize(
    ("last_days", "offered"),
    [((), (Span.TODAY, Span.STAY)), ((date(2026, 11, 21),), (Span.STAY,)), ((date(2026, 11, 21), None), ())],
)
def test_more_help_is_offered_only_where_it_lasts_longer(last_days: tuple[date | None, ...], offered: tuple[Span, ...]):
    assert spans_to_offer(last_days) == offered


@pytest.mark.req("J10")
async def test_help_that_was_given_is_shown_in_place_of_the_offer(
    browser: Open, bosco: Actor, amina: Actor, solange: Actor
):
    await _fund(solange)
    with acting_as(bosco):
        bed = (await wards.person(bosco, amina.patient)).bed_code
    nurse = browser(bosco)
    before = (await nurse.get(f"/wards/bed/{bed}/")).text
    assert "Help with the cost" in before
    assert "The fund pays" not in before
    await nurse.post(f"/help/{amina.patient}", {"span": "today"})
    assert (await nurse.get(f"/help/{amina.patient}")).text.count('name="span"') == 1  # the rest of the stay
    await nurse.post(f"/help/{amina.patient}", {"span": "stay"})
    after = (await nurse.get(f"/wards/bed/{bed}/")).text
    assert "Help with the cost" not in after
    assert "The fund pays until they go home" in after
    page = (await nurse.get(f"/help/{amina.patient}")).text
    assert 'name="span"' not in page
    assert "Nothing more is needed" in page


@pytest.mark.req("J10")
async def test_a_limited_grant_leaves_room_for_more(browser: Open, bosco: Actor, amina: Actor, solange: Actor):
    await _fund(solange)
    await browser(bosco).post(f"/help/{amina.patient}", {"span": "stay", "meals": "3"})
    page = (await browser(bosco).get(f"/help/{amina.patient}")).text
    assert page.count('name="span"') == 2
    assert "Meals left: 3" in page


@pytest.mark.req("J10")
@pytest.mark.parametrize(
    "typed", [{}, {"span": "for ever"}, {"span": "today", "why": "he is poor"}, {"span": "today", "meals": "0"}]
)
async def test_help_that_makes_no_sense_is_asked_again(browser: Open, bosco: Actor, amina: Actor, typed: dict):
    answer = await browser(bosco).post(f"/help/{amina.patient}", typed)
    assert answer.status_code == 422
    assert "Help with the cost" in answer.text


@pytest.mark.req("J10")
async def test_where_no_fund_can_pay_the_nurse_is_told_what_to_do(browser: Open, bosco: Actor, amina: Actor):
    wiring.install()
    answer = await browser(bosco).post(f"/help/{amina.patient}", {"span": "today"})
    page = await browser(bosco).get(answer.headers["location"])
    assert "nobody goes without food" in page.text


@pytest.mark.req("J10")
async def test_a_grant_is_ended_by_the_ward_and_only_for_its_own_patient(
    make: Make, browser: Open, bosco: Actor, amina: Actor, solange: Actor
):
    await _fund(solange)
    other = await make.patient("Other", "One")
    nurse = browser(bosco)
    await nurse.post(f"/help/{amina.patient}", {"span": "stay", "meals": "3"})
    with acting_as(bosco):
        grant = (await queries.grants_of(bosco, amina.patient, date.today()))[0]
    assert (await nurse.post(f"/help/{other.patient}/grants/{grant.id}/end")).status_code == 404
    assert (await nurse.post(f"/help/{amina.patient}/grants/{grant.id}/end")).status_code == 303
    assert (await nurse.post(f"/help/{amina.patient}/grants/{grant.id}/end")).status_code == 404


@pytest.mark.req("J10")
async def test_a_nurse_cannot_choose_whose_money_it_is(browser: Open, bosco: Actor, amina: Actor, solange: Actor):
    fund = await _fund(solange)
    await browser(bosco).post(f"/help/{amina.patient}", {"span": "stay", "fund": str(fund)})
    with acting_as(bosco):
        assert [one.fund for one in await queries.grants_of(bosco, amina.patient, date.today())] == [None]


_PATHS = (
    "/admin/coupons/", "/admin/funds/", "/admin/funds/grants", "/admin/payers/", "/admin/payers/invoices", "/help/{patient}",
    "/admin/funds/{fund}", "/admin/funds/{fund}/report", "/admin/funds/{fund}/report.csv", "/admin/payers/stays/{patient}",
)  # fmt: skip
_MAY = {
    Role.FINANCE: set(_PATHS),
    Role.ADMIN: set(_PATHS) - {"/help/{patient}"},
    Role.NURSE: {"/help/{patient}"},
    Role.SUPPORT: {"/help/{patient}"},
    Role.NUTRITIONIST: {"/help/{patient}"},
    Role.DOCTOR: set(),
    Role.KITCHEN: set(),
    Role.DELIVERY: set(),
}


@pytest.mark.req("J10", "N1")
@pytest.mark.parametrize("role", list(_MAY))
async def test_each_page_opens_for_those_whose_work_it_is(
    make: Make, browser: Open, solange: Actor, amina: Actor, role: Role
):
    fund = await _fund(solange)
    person = browser(await make.user("Somebody", role))
    for path in _PATHS:
        answer = await person.get(path.format(fund=fund, patient=amina.patient))
        assert answer.status_code == (200 if path in _MAY[role] else 403), path


@pytest.mark.req("J10", "N7")
async def test_another_hospitals_fund_and_patient_are_not_found(make: Make, browser: Open, solange: Actor, ines: Actor):
    fund = await _fund(solange)
    stranger = browser(await (await make.other()).user("Stranger", Role.FINANCE))
    for path in _PATHS:
        if "{fund}" in path:
            assert (await stranger.get(path.format(fund=fund))).status_code == 404, path
    mine = browser(solange)
    assert (await mine.get(f"/help/{ines.patient}")).status_code == 404
    assert (await mine.post(f"/help/{ines.patient}", {"span": "stay"})).status_code == 404
    assert (await mine.get(f"/admin/payers/stays/{ines.patient}")).status_code == 404


@pytest.mark.req("J10")
async def test_a_fund_is_made_changed_given_to_and_stopped_without_javascript(
    make: Make, browser: Open, solange: Actor
):
    ward = await make.ward("M", 1)
    desk = browser(solange)
    wanted = {
        "name": "Rotary lunches",
        "serves_from": "2026-11-01",
        "most_meal": "1500",
        "periods": "lunch",
        "wards": str(ward),
    }
    assert (await desk.post("/admin/funds/", {**wanted, "serves_to": "2026-10-01"})).status_code == 422
    assert (await desk.post("/admin/funds/", {**wanted, "most_meal": "a lot"})).status_code == 422
    made = await desk.post("/admin/funds/", wanted)
    assert made.status_code == 303
    path = made.headers["location"]
    assert (await desk.post("/admin/funds/", wanted)).status_code == 422  # the name is taken
    key = re.search(r'name="key" value="([^"]+)"', (await desk.get(path)).text).group(1)
    gift = {"key": key, "amount": "70000", "came_by": "bank", "received_on": "2026-11-20", "reference": "BK-900"}
    assert (await desk.post(f"{path}/gifts", {**gift, "amount": "0"})).status_code == 422
    assert (await desk.post(f"{path}/gifts", {**gift, "reference": ""})).status_code == 422
    for _ in range(2):
        assert (await desk.post(f"{path}/gifts", gift)).status_code == 303
    page = (await desk.get(path)).text
    assert "70,000" in page
    receipt = re.search(rf"{path}/gifts/[0-9a-f-]+", page).group(0)
    assert "BK-900" in (await desk.get(receipt)).text
    assert (await desk.post(f"{receipt}/undo", {"why": ""})).status_code == 422
    assert (await desk.post(f"{receipt}/undo", {"why": "another hospital's"})).status_code == 303
    assert "Taken back" in (await desk.get(receipt)).text
    assert (await desk.post(path, {**wanted, "most_meal": "1800", "helps_at_once": "1"})).status_code == 303
    assert 'value="1800"' in (await desk.get(path)).text
    assert (await desk.post(f"{path}/stop")).status_code == 303
    assert (await desk.post(f"{path}/stop")).status_code == 404


@pytest.mark.req("J13", "CHK-1.4.6")
async def test_a_coupon_is_made_and_stopped_without_javascript(browser: Open, solange: Actor):
    desk = browser(solange)
    wanted = {"code": "Noheli 10", "kind": "percent", "value": "10", "uses": "50", "valid_from": "2026-11-21"}
    for wrong in ({"value": "101"}, {"value": ""}, {"code": "é-è"}, {"valid_to": "2026-11-01"}, {"kind": "gift"}):
        assert (await desk.post("/admin/coupons/", wanted | wrong)).status_code == 422, wrong
    made = await desk.post("/admin/coupons/", wanted)
    assert made.status_code == 303
    assert (await desk.post("/admin/coupons/", wanted)).status_code == 422
    page = await desk.get(made.headers["location"])
    assert "NOHELI10" in page.text
    assert (await desk.post(made.headers["location"] + "/stop")).status_code == 303
    with acting_as(solange):
        assert [one.is_stopped for one in await coupon_queries.coupons(solange)] == [True]


@pytest.mark.req("J9")
async def test_rules_and_classes_are_set_without_javascript_and_an_invoice_lists_the_trays(
    browser: Open, solange: Actor, amina: Actor
):
    desk = browser(solange)
    rule = {"payer_class": "private", "patient": "15", "insurer": "85", "begins_on": "2026-11-01"}
    assert "They must make 100" in (await desk.post("/admin/payers/", rule | {"patient": "14"})).text
    assert (await desk.post("/admin/payers/", rule | {"insurer": "185"})).status_code == 422
    assert (await desk.post("/admin/payers/", rule)).status_code == 303
    stay = f"/admin/payers/stays/{amina.patient}"
    said = {"payer_class": "private", "why": "showed a card", "insurer": "Radiant", "insurance_no": "R-5"}
    assert (await desk.post(stay, said | {"why": ""})).status_code == 422
    assert (await desk.post(stay, said | {"insurer": ""})).status_code == 422
    assert (await desk.post(stay, said)).status_code == 303
    assert "showed a card" in (await desk.get(stay)).text
    with acting_as(solange):
        admission = (await wards.person(solange, amina.patient)).admission
        order = (await crowd.trays(solange, amina.patient, 1))[0]
        day = crowd.tomorrow(solange)
        async with transaction():
            shares = await payers.divide(solange, admission, Money(2000), order=order, day=day, period="lunch")
            await payments.open_shares(solange, Purpose.ORDER, order, shares)
    month = day.strftime("%Y-%m")
    listed = await desk.get(f"/admin/payers/invoices?month={month}")
    link = re.search(r'href="(/admin/payers/invoices/private[^"]+)"', listed.text).group(1).replace("&amp;", "&")
    invoice = await desk.get(link)
    assert "Amina Uwase" in invoice.text
    assert "1,700" in invoice.text
    sheet = await desk.get(link.replace("private?", "private/sheet.csv?"))
    assert "R-5,2000,1700" in sheet.text
    with acting_as(solange):
        ended = (await payer_queries.payer_rules(solange))[0].id
    assert (await desk.post(f"/admin/payers/rules/{ended}/end")).status_code == 303
    assert (await desk.get("/admin/payers/?q=Amina")).text.count("Amina Uwase") == 1


@pytest.mark.req("J9")
async def test_the_class_is_asked_at_admission(make: Make, browser: Open, bosco: Actor):
    await make.ward("Q", 1)
    typed = {
        "mrn": "K-77", "given_name": "Jean", "family_name": "Bosco", "birth_date": "1980-01-01", "sex": "male",
        "language": "rw", "payer_class": "rssb",
    }  # fmt: skip
    nurse = browser(bosco)
    assert (await nurse.post("/wards/bed/Q-001/register", typed | {"payer_class": "rich"})).status_code == 422
    assert (await nurse.post("/wards/bed/Q-001/register", typed)).status_code == 200
    with acting_as(bosco):
        patient = await wards.patient_of_mrn(bosco, "K-77")
        assert (await payer_queries.insured_now(bosco, [patient]))[patient].payer_class == "rssb"


@pytest.mark.parametrize("lang", ["rw", "en", "fr"])
async def test_every_page_speaks_three_languages(browser: Open, solange: Actor, amina: Actor, lang: str):
    fund = await _fund(solange)
    with acting_as(solange):
        await payers.add_rule(solange, NewRule(PayerClass.STATE, 0, 100, 0, 0, date(2026, 11, 1), weekdays=(1,)))
        await ward_service.set_payer(
            solange, (await wards.person(solange, amina.patient)).admission, PayerClass.STATE, why="letter"
        )
        await execute("UPDATE fund SET most_meal_minor = 900 WHERE id = $1", fund)
    for path in _PATHS:
        answer = await browser(solange).get(path.format(fund=fund, patient=amina.patient), params={"lang": lang})
        assert answer.status_code == 200, path
