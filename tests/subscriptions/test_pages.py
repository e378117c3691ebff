"""The pages of plans: each form as it should be, wrong, and without JavaScript; and what others may not open."""

from uuid import uuid4

import pytest

from dusangire.kernel.access import Role
from dusangire.payments import queries as payment_queries
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import SubState
from tests.make import element

PLAN = {
    "code": "STAFF-WEEK-5", "name_en": "Five lunches", "name_fr": "Cinq déjeuners", "name_rw": "Amafunguro atanu",
    "for_role": "staff", "span": "week", "daily_cap": "1", "regular_minor": "15000", "discount_percent": "5",
    "letters": "L", "meals": "5",
}  # fmt: skip


@pytest.mark.req("K1", "K5", "CHK-3.3.1", "CHK-3.3.3")
async def test_patients_and_staff_see_their_own_plans_with_price_and_saving(plans, browser, amina, bosco):
    page = (await browser(amina).get("/plans/")).text
    assert "Weekly meal plan" in page
    assert "Staff week" not in page
    desk = (await browser(bosco).get("/plans/")).text
    assert "FRW\u00a028,500" in desk
    assert "5 % off, you save FRW\u00a01,500" in desk
    assert "Weekly meal plan" not in desk


@pytest.mark.req("K1")
async def test_the_way_to_the_plans_stands_in_the_portal_and_in_the_menu_of_staff(plans, browser, amina, bosco):
    assert 'href="/plans/"' in (await browser(amina).get("/plans/points")).text
    assert 'href="/plans/"' in (await browser(bosco).get("/account/")).text


@pytest.mark.req("K1", "K6")
@pytest.mark.parametrize("htmx", [False, True])
async def test_a_patient_buys_a_plan_on_the_hospital_bill(plans, browser, amina, htmx):
    page, plan = browser(amina), await plans.plan("PAT-WEEK-7")
    assert "Buy for FRW\u00a030,000" in (await page.get(f"/plans/buy/{plan.id}")).text
    answer = await page.post(f"/plans/buy/{plan.id}", {"method": "hospital_account", "phone": ""}, htmx=htmx)
    held = (await queries.mine(amina))[0]
    to = answer.headers["HX-Redirect" if htmx else "location"]
    assert (answer.status_code, to) == (200 if htmx else 303, f"/plans/{held.id}/pay")
    assert "Your plan is paid" in (await page.get(to)).text
    mine = (await page.get(f"/plans/{held.id}")).text
    assert "7 of 7 meals left" in mine
    assert "Next renewal" in mine


@pytest.mark.req("K1")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"method": "mtn", "phone": "12"}, "phone"),
        ({"method": "airtel", "phone": ""}, "phone"),
        ({"method": "magic"}, "method"),
        ({}, "method"),
        ({"method": "points"}, "method"),
        ({"method": "subscription"}, "method"),
    ],
)
async def test_a_wrong_way_to_pay_is_said_in_place_and_nothing_is_bought(plans, browser, amina, typed, field):
    plan = await plans.plan("PAT-WEEK-7")
    answer = await browser(amina).post(f"/plans/buy/{plan.id}", typed)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "<title>Error:" in answer.text
    assert await queries.mine(amina) == []


async def test_the_telephone_page_says_what_to_do_and_offers_another_way(plans, browser, bosco):
    page, plan = browser(bosco), await plans.plan("STAFF-WEEK-10")
    answer = await page.post(f"/plans/buy/{plan.id}", {"method": "mtn", "phone": "0788 123 456"})
    pay = await page.get(answer.headers["location"])
    assert "Check your phone" in pay.text
    assert "+250788123456" not in pay.text
    assert '<noscript><meta http-equiv="refresh" content="5">' in pay.text
    held = (await queries.mine(bosco))[0]
    payment = (await payment_queries.payments_of(bosco, held.due.id))[0]
    await plans.failed(payment.id)
    failed = (await page.get(answer.headers["location"])).text
    assert "No money was taken" in failed
    answer = await page.post(f"/plans/{held.id}/pay", {"method": "cash"})
    assert answer.status_code == 303
    assert "Pay at the counter" in (await page.get(answer.headers["location"])).text
    found = await payment_queries.payments_of(bosco, held.due.id)
    assert [one.state for one in found] == [State.FAILED, State.PENDING]


async def test_a_wrong_number_on_the_payment_page_is_said_in_place(plans, browser, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    answer = await browser(bosco).post(f"/plans/{held.id}/pay", {"method": "mtn", "phone": "999"})
    assert answer.status_code == 422
    assert 'value="999"' in answer.text


async def test_a_transfer_shows_its_reference(plans, browser, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10", Method.BANK)
    (one,) = await payment_queries.payments_of(bosco, held.due.id)
    page = (await browser(bosco).get(f"/plans/{held.id}/pay")).text
    assert one.code in page
    assert f'href="/invoices/{one.id}"' in page, "the account to send it to stands on the invoice"
    assert (await browser(bosco).get(f"/invoices/{one.id}")).status_code == 200


async def test_a_plan_that_turned_to_paid_asks_for_no_other_way_to_pay(plans, browser, amina):
    held = await plans.buy(amina, "PAT-WEEK-7", Method.HOSPITAL_ACCOUNT)
    page = (await browser(amina).get(f"/plans/{held.id}/pay")).text
    assert 'data-stands="settled"' in page
    assert '.live:has([data-stands="settled"]) + .fold{display: none}' in page


@pytest.mark.req("K3", "CHK-3.3.5")
async def test_an_owner_pauses_resumes_cancels_and_keeps_by_buttons(plans, browser, amina):
    held, page = await plans.buy(amina, "PAT-WEEK-7"), browser(amina)
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "ending"), ("keep", "running")):
        shown = (await page.get(f"/plans/{held.id}")).text
        assert f'action="/plans/{held.id}/{verb}"' in shown
        answer = await page.post(f"/plans/{held.id}/{verb}", htmx=verb == "keep")
        assert answer.status_code in (200, 303)
        assert (await plans.again(amina, held)).state is SubState(state)
    assert (await page.post(f"/plans/{held.id}/resume")).status_code == 409


@pytest.mark.req("K3")
async def test_ending_a_plan_says_first_what_comes_back(plans, browser, amina):
    held, page = await plans.buy(amina, "PAT-WEEK-7"), browser(amina)
    assert "FRW\u00a030,000 goes back" in (await page.get(f"/plans/{held.id}/cancel_now")).text
    answer = await page.post(f"/plans/{held.id}/cancel_now")
    assert "FRW\u00a030,000 goes back to you" in (await page.get(answer.headers["location"])).text
    assert (await page.get(f"/plans/{held.id}/reactivate")).status_code == 200
    wrong = await page.post(f"/plans/{held.id}/reactivate", {"method": "mtn", "phone": "1"})
    assert wrong.status_code == 422
    assert (await page.post(f"/plans/{held.id}/reactivate", {"method": "hospital_account"})).status_code == 303
    assert (await plans.again(amina, held)).state is SubState.RUNNING


@pytest.mark.req("K3")
async def test_changing_a_plan_shows_what_is_left_and_wants_a_plan(plans, browser, amina):
    held, page = await plans.buy(amina, "PAT-WEEK-7"), browser(amina)
    assert "FRW\u00a030,000 of your plan is left" in (await page.get(f"/plans/{held.id}/change")).text
    wrong = await page.post(f"/plans/{held.id}/change", {"method": "cash"})
    assert wrong.status_code == 422
    assert 'href="#plan"' in wrong.text
    wanted = (await plans.plan("PAT-DAY-L")).id
    assert (
        await page.post(f"/plans/{held.id}/change", {"method": "hospital_account", "plan": wanted})
    ).status_code == 303
    assert (await plans.again(amina, held)).plan.code == "PAT-DAY-L"


@pytest.mark.req("K1", "N7")
async def test_nobody_opens_or_moves_somebody_elses_plan(plans, make, browser, amina, bosco, ines):
    held = await plans.buy(amina, "PAT-WEEK-7")
    for stranger in (await make.patient("Other", "One"), bosco, ines):
        page = browser(stranger)
        for path in ("", "/pay", "/change", "/cancel_now", "/reactivate"):
            assert (await page.get(f"/plans/{held.id}{path}")).status_code == 404, path
        for verb in ("pause", "resume", "cancel", "keep", "cancel_now"):
            assert (await page.post(f"/plans/{held.id}/{verb}")).status_code == 404, verb
        for verb in ("pay", "change", "reactivate"):
            said = {"method": "cash", "plan": str(uuid4())}
            assert (await page.post(f"/plans/{held.id}/{verb}", said)).status_code == 404, verb
    assert (await browser(amina).get(f"/plans/{held.id}")).status_code == 200
    assert (await plans.again(amina, held)).state is SubState.RUNNING


async def test_a_staff_plan_is_not_there_for_a_patient(plans, browser, amina):
    plan = await plans.plan("STAFF-WEEK-10")
    assert (await browser(amina).get(f"/plans/buy/{plan.id}")).status_code == 404
    assert (await browser(amina).post(f"/plans/buy/{plan.id}", {"method": "cash"})).status_code == 404


@pytest.mark.req("K7")
async def test_the_card_of_points_shows_balance_history_and_expiry(plans, browser, bosco):
    tray = await plans.pay_tray(bosco, Method.CASH, 2_800)
    await service.earn_for_tray(plans.make.actor, bosco.user, tray)
    page = (await browser(bosco).get("/plans/points")).text
    assert "28 points" in page
    assert "+28" in page
    assert "472 more points" in page
    assert "28 points are gone on" in page


@pytest.mark.req("K5")
async def test_admin_and_finance_change_a_price_and_what_runs_keeps_its_own(plans, make, browser, solange, bosco):
    held = await plans.running(bosco, "STAFF-WEEK-10")
    page = browser(solange)
    form = (await page.get("/admin/plans/STAFF-WEEK-10/edit")).text
    assert 'value="30000"' in form
    assert 'value="L" checked' in form
    said = {**PLAN, "code": "STAFF-WEEK-10", "regular_minor": "40000", "discount_percent": "10"}
    answer = await page.post("/admin/plans/STAFF-WEEK-10/edit", said)
    assert answer.status_code == 303
    assert (await plans.plan("STAFF-WEEK-10")).price.minor == 36_000
    assert (await plans.again(bosco, held)).plan.price.minor == 28_500


@pytest.mark.req("K5")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "A B"}, "code"),
        ({"code": "STAFF-WEEK-10"}, "code"),
        ({"letters": ""}, "letters"),
        ({"letters": "Q"}, "letters"),
        ({"meals": "900"}, "meals"),
        ({"meals": "8"}, "meals"),
        ({"each_meal": "4"}, "each_meal"),
        ({"discount_percent": "95"}, "discount_percent"),
        ({"regular_minor": "0"}, "regular_minor"),
        ({"name_rw": ""}, "name_rw"),
        ({"for_role": "robot"}, "for_role"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused_in_place(plans, browser, solange, changes, field):
    answer = await browser(solange).post("/admin/plans/new", PLAN | changes)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "Five lunches" in answer.text


@pytest.mark.req("K5")
async def test_a_new_plan_is_sold_and_can_be_withdrawn(plans, browser, solange, bosco):
    page = browser(solange)
    assert (await page.get("/admin/plans/new")).status_code == 200
    assert (await page.post("/admin/plans/new", PLAN)).status_code == 303
    assert "Five lunches" in (await browser(bosco).get("/plans/")).text
    assert (await page.post("/admin/plans/STAFF-WEEK-5/withdraw")).status_code == 303
    assert "Five lunches" not in (await browser(bosco).get("/plans/")).text
    assert (await page.post("/admin/plans/STAFF-WEEK-5/offer")).status_code == 303
    assert (await page.post("/admin/plans/NO-SUCH/offer")).status_code == 404


@pytest.mark.req("K7")
@pytest.mark.parametrize(
    ("changes", "status"),
    [({}, 303), ({"bonus_minor": "5001"}, 422), ({"months": "0"}, 422), ({"bonus_points": ""}, 422)],
)
async def test_the_rule_of_points_is_data(plans, make, browser, solange, changes, status):
    said = {"francs_per_point": "50", "bonus_points": "100", "bonus_minor": "4000", "months": "6", "is_on": "1"}
    page = browser(solange)
    assert 'value="500"' in (await page.get("/admin/plans/loyalty")).text
    assert (await page.post("/admin/plans/loyalty", said | changes)).status_code == status
    rule = await queries.loyalty_rule(make.actor)
    assert rule.bonus_points == (100 if status == 303 else 500)


@pytest.mark.req("K2")
async def test_finance_sees_failed_renewals_first_and_takes_cash_at_the_counter(plans, browser, solange, amina, bosco):
    await plans.buy(amina, "PAT-WEEK-7")
    waiting = await plans.buy(bosco, "STAFF-WEEK-10")
    page = browser(solange)
    shown = (await page.get("/admin/plans/subscriptions/")).text
    assert shown.index("Bosco Habimana") < shown.index("Amina Uwase")
    assert "Bosco" not in (await page.get("/admin/plans/subscriptions/?state=running")).text
    answer = await page.post(f"/admin/plans/subscriptions/{waiting.due.id}/cash")
    assert answer.status_code == 303
    assert (await plans.again(bosco, waiting)).state is SubState.RUNNING
    assert await plans.balance(Account.CASH_FLOAT, solange.user) == 28_500


@pytest.mark.req("K5", "N1")
@pytest.mark.parametrize("role", [Role.NURSE, Role.KITCHEN, Role.DOCTOR, Role.DELIVERY])
async def test_other_staff_change_no_prices_and_take_no_cash(plans, make, browser, bosco, role):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    page = browser(await make.user("Somebody", role))
    for path in ("", "new", "STAFF-WEEK-10/edit", "loyalty", "subscriptions/"):
        assert (await page.get(f"/admin/plans/{path}")).status_code == 403
    assert (await page.post("/admin/plans/new", PLAN)).status_code == 403
    assert (await page.post(f"/admin/plans/subscriptions/{held.due.id}/cash")).status_code == 403


@pytest.mark.req("N7")
async def test_the_office_sees_its_own_hospital_only(plans, make, browser, amina):
    await plans.buy(amina, "PAT-WEEK-7")
    other = await make.other()
    page = browser(await other.user("Other Finance", Role.FINANCE))
    assert "Amina" not in (await page.get("/admin/plans/subscriptions/")).text
    assert "PAT-WEEK-7" not in (await page.get("/admin/plans/")).text
    assert (await page.get("/admin/plans/PAT-WEEK-7/edit")).status_code == 404


@pytest.mark.req("K1")
@pytest.mark.parametrize("lang", ["en", "fr", "rw"])
async def test_every_page_speaks_the_three_languages(plans, browser, solange, bosco, amina, lang):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    stay = await plans.buy(amina, "PAT-MONTH-U")
    await plans.eat(amina)
    await service.cancel_now(amina, stay.id)
    mine = [f"/plans/{held.id}", f"/plans/{held.id}/pay", "/plans/", "/plans/points"]
    for person, paths in (
        (bosco, mine),
        (amina, [f"/plans/{stay.id}", "/plans/", f"/plans/{stay.id}/reactivate"]),
        (solange, ["/admin/plans/", "/admin/plans/new", "/admin/plans/loyalty", "/admin/plans/subscriptions/"]),
    ):
        for path in paths:
            answer = await browser(person).get(f"{path}?lang={lang}")
            assert answer.status_code == 200, path
            assert f'lang="{lang}"' in answer.text


async def test_the_fragment_of_a_payment_has_one_root_of_its_own(plans, browser, bosco):
    held = await plans.buy(bosco, "STAFF-WEEK-10")
    page = (await browser(bosco).get(f"/plans/{held.id}/pay")).text
    assert "Bring FRW\u00a028,500 to the counter" in element(page, f"payment-{held.id}")
