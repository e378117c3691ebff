"""The numbers of the dashboard against what the test itself put there, and the walls around them."""

import csv
import io
from datetime import timedelta

import pytest

from dusangire.accounts import service as accounts
from dusangire.accounts.rules import RightVerb
from dusangire.delivery.tables import NearMiss
from dusangire.kernel import clock
from dusangire.kernel.access import Can, Role
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.ids import uuid7
from dusangire.reports import queries, rules
from tests.make import element
from tests.reports.trays import blocked, payment, tray


@pytest.fixture
async def lunch(make, amina, esther):
    """Seven trays whose every number is known: 2 in time, 1 late, 1 missing, 1 to come, 1 held, 1 cancelled."""
    now = clock.now()
    over = now - timedelta(minutes=30)
    in_time = [
        await tray(make, amina, status="delivered", serve_to=over, handed_over=over - timedelta(minutes=10))
        for _ in range(2)
    ]
    late = await tray(make, amina, status="completed", serve_to=over, handed_over=over + timedelta(seconds=1))
    missing = await tray(make, amina, status="ready", serve_to=over)
    to_come = await tray(make, amina, status="confirmed", period="dinner")
    held = await tray(make, amina, status="held", period="dinner")
    gone = await tray(make, amina, status="cancelled", serve_to=over)
    await payment(make, in_time[0], amount=2800)
    await payment(make, in_time[1], method="hospital_account", state="charged", amount=1500)
    await payment(make, late, state="pending", amount=900)
    await payment(make, gone, state="cancelled", amount=7000)
    await blocked(make, amina, "ALLERGY.contains.peanuts.item")
    await blocked(make, amina, "ALLERGY.contains.milk.item")
    await blocked(make, amina, "NA2G.max.sodium_mg.meal")
    with acting_as(make.actor):
        await NearMiss.insert(
            NearMiss(
                id=uuid7(),
                hospital=make.actor.hospital,
                meal_order=missing,
                kind="wrong_bed",
                seen_by=esther.user,
                seen_at=now,
            )
        )
    return {"in_time": in_time, "late": late, "missing": missing, "to_come": to_come, "held": held, "gone": gone}


@pytest.mark.req("M1")
async def test_the_figures_equal_a_ground_truth_computed_another_way(make, lunch, grace):
    now, day = clock.now(), clock.local_day(clock.now(), make.actor.zone)
    trays = (await queries.trays(grace, day, day, now))[day]
    truth = "SELECT count(*) FROM meal_order WHERE hospital = $1 AND day = $2 AND "

    async def number(condition):
        return await fetch_value(truth + condition, make.actor.hospital, day)

    share = rules.share(trays)
    assert share.on_time == await number("delivered_at IS NOT NULL AND NOT delivered_at > serve_to") == 2
    gone = "('cancelled', 'refused', 'expired')"
    assert share.due == await number(f"(delivered_at IS NOT NULL OR (serve_to < now() AND status NOT IN {gone}))") == 4
    assert rules.ordered(trays) == await number(f"NOT status IN {gone}") == 6
    assert rules.by_status(trays) == {
        "delivered": 2,
        "cancelled": 1,
        "completed": 1,
        "confirmed": 1,
        "held": 1,
        "ready": 1,
    }
    assert {stop.why: stop.times for stop in await queries.stops(grace, day, day)} == {"allergy": 2, "limit": 1}
    waiting = await queries.now_waiting(grace, day, now)
    assert (waiting.in_bed, waiting.ordering, waiting.near_misses, waiting.held) == (1, 1, 1, 1)
    paid = await queries.payments(grace, day)
    money = await fetch_value(
        "SELECT sum(amount_minor) FROM payment WHERE hospital = $1 AND state IN ('paid', 'charged')",
        make.actor.hospital,
    )
    assert rules.settled(paid).minor == money == 4300
    assert rules.still_pending(paid).minor == 900
    assert sum(one.unpaid for one in paid) == 1


@pytest.mark.req("M1")
@pytest.mark.parametrize("show", rules.SHOWS)
async def test_each_number_opens_exactly_its_rows(make, lunch, grace, browser, show):
    expected = {
        "ordered": {*lunch["in_time"], lunch["late"], lunch["missing"], lunch["to_come"], lunch["held"]},
        "called_off": {lunch["gone"]},
        "on_time": {*lunch["in_time"]},
        "late": {lunch["late"], lunch["missing"]},
        "to_come": {lunch["to_come"], lunch["held"]},
    }[show]
    asked = rules.order_filter({"show": show}, clock.local_day(clock.now(), make.actor.zone))
    rows = await queries.orders(grace, asked, clock.now())
    assert {row.id for row in rows} == expected
    assert await queries.orders_count(grace, asked, clock.now()) == len(expected)
    page = await browser(grace).get(f"/admin/orders?show={show}")
    assert page.status_code == 200
    assert all(f'href="/orders/{order}"' in page.text for order in expected)
    assert page.text.count('href="/orders/') == len(expected)


@pytest.mark.req("M1")
async def test_the_dashboard_says_the_answer_and_links_every_number(lunch, grace, browser):
    page = await browser(grace).get("/admin/")
    assert page.status_code == 200
    today = element(page.text, "today")
    assert "Dinner" in today or "Lunch" in today
    for link in (
        "show=ordered",
        "show=late",
        "kind=order:blocked",
        "/admin/near-misses",
        "/admin/finance/payments",
        "status=held",
        "why=allergy",
        "method=cash",
        "/admin/system",
    ):
        assert link in today, link
    assert "50 %" in today
    assert "2 of 4 trays due" in today
    assert "On time = handed over no later than the end of the sitting" in today
    assert '<svg class="bars"' in today
    assert "<table" in today


async def test_the_fragment_that_is_streamed_is_the_one_on_the_page(grace, browser):
    part = await browser(grace).get("/admin/", htmx=True)
    assert part.text.lstrip().startswith('<div id="today"')


@pytest.mark.req("M1")
async def test_a_day_of_the_address_shows_that_day(make, amina, grace, browser):
    yesterday = clock.local_day(clock.now(), make.actor.zone) - timedelta(days=1)
    order = await tray(
        make,
        amina,
        day=yesterday,
        status="delivered",
        serve_to=clock.now() - timedelta(days=1),
        handed_over=clock.now() - timedelta(days=1, hours=1),
    )
    page = await browser(grace).get(f"/admin/orders?day={yesterday}")
    assert f"/orders/{order}" in page.text
    assert f"/orders/{order}" not in (await browser(grace).get("/admin/orders")).text


@pytest.mark.req("M1", "N7")
async def test_another_hospitals_rows_never_appear(make, lunch, amina):
    other = await make.other()
    stranger = await other.user("Olive Other", Role.ADMIN)
    day = clock.local_day(clock.now(), make.actor.zone)
    seen = rules.order_filter({}, day)
    with acting_as(stranger):
        assert await queries.trays(stranger, day, day, clock.now()) == {}
        assert await queries.orders(stranger, seen, clock.now()) == []
        assert await queries.stopped(stranger, rules.event_filter({}, day)) == []
        assert await queries.near_misses(stranger, clock.now() - timedelta(days=1), clock.now()) == []
        assert await queries.entries(stranger, rules.audit_filter({"kind": "order:"}, day), None, None) == []
        assert await queries.patients_like(stranger, "Uwase") == []
    # Negative control: with the wall down and the first condition naming the other hospital, the rows are there.
    assert len(await queries.orders(make.actor, seen, clock.now())) == 7
    assert len(await queries.patients_like(make.actor, "Uwase")) == 1


@pytest.mark.req("N7")
async def test_the_wall_alone_hides_the_rows_even_from_a_query_that_names_the_wrong_hospital(make, lunch):
    other = await make.other()
    day = clock.local_day(clock.now(), make.actor.zone)
    with acting_as(other.actor):
        assert await queries.orders(make.actor, rules.order_filter({}, day), clock.now()) == []


async def test_the_finance_office_opens_the_payments_of_the_days_trays_and_sees_no_dashboard(make, lunch, browser):
    solange = await make.user("Solange Iradukunda", Role.FINANCE)
    page = await browser(solange).get("/admin/finance/payments?of=trays")
    assert page.status_code == 200
    assert "FRW\u00a02,800 taken" in page.text
    assert "FRW\u00a01,500 put on bills" in page.text
    assert page.text.count('href="/admin/finance/payments/') == 4
    only = await browser(solange).get("/admin/finance/payments?of=trays&state=pending")
    assert only.text.count('href="/admin/finance/payments/') == 1
    assert (await browser(solange).get("/admin/")).status_code == 403


@pytest.mark.req("M1")
async def test_the_sheet_of_orders_opens_in_a_spreadsheet_and_runs_nothing(make, grace, browser):
    evil = await make.patient("=HYPERLINK(1)", "Évariste")
    await tray(make, evil)
    answer = await browser(grace).get("/admin/orders.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Code", "Bed", "Patient"]
    assert rows[1][2] == "'=HYPERLINK(1) É."


async def test_admins_read_no_entries_but_stopped_attempts(lunch, grace, browser):
    page = await browser(grace).get("/admin/events?kind=order:blocked&why=allergy")
    assert page.text.count("ALLERGY.contains") == 2
    assert "NA2G.max" not in page.text
    assert (await browser(grace).get("/admin/events?kind=session:opened")).status_code == 404
    assert (await browser(grace).get("/analytics/audit")).status_code == 403


async def test_every_page_of_the_desk_answers_on_an_empty_hospital(grace, habib, browser):
    for path in (
        "/admin/",
        "/admin/orders",
        "/admin/events",
        "/admin/near-misses",
        "/admin/finance/payments",
        "/admin/tasks",
        "/admin/system",
        "/analytics/",
        "/analytics/sheet.csv",
        "/admin/finance/payments.csv",
    ):
        assert (await browser(grace).get(path)).status_code == 200, path
    assert (await browser(habib).get("/admin/platform")).status_code == 200


async def test_reports_count_two_weeks(make, lunch, grace, browser):
    page = await browser(grace).get("/analytics/")
    assert "Trays in two weeks: 6" in page.text
    assert "2 of 4 trays due" in page.text


@pytest.mark.req("N7")
async def test_the_platform_page_counts_all_hospitals_and_names_no_patient(make, lunch, habib, grace, browser):
    page = await browser(habib).get("/admin/platform")
    assert page.status_code == 200
    assert "Uwase" not in page.text
    assert "Amina" not in page.text
    assert 3 in [row.stopped for row in await queries.all_hospitals()]
    assert (await browser(grace).get("/admin/platform")).status_code == 403


@pytest.mark.req("N15")
async def test_an_auditor_finds_entries_by_person_patient_kind_and_pages_through_them(
    make, lunch, amina, habib, browser
):
    day = clock.local_day(clock.now(), make.actor.zone)
    amina_id = (await queries.people_like(make.actor, "Amina"))[0].id
    assert amina_id == amina.user
    by_amina = await queries.entries(make.actor, rules.audit_filter({}, day), [amina_id], None)
    assert {row.kind for row in by_amina} >= {"order:blocked"}
    assert {row.actor for row in by_amina} == {amina.user}
    patient = [one.id for one in await queries.patients_like(make.actor, "Uwase")]
    assert patient == [amina.patient]
    about = await queries.entries(make.actor, rules.audit_filter({"kind": "order:"}, day), None, patient)
    assert len(about) == 3
    first = await queries.entries(make.actor, rules.audit_filter({"kind": "order:blocked"}, day), None, None, 2)
    rest = await queries.entries(
        make.actor, rules.audit_filter({"kind": "order:blocked", "before": str(first[-1].id)}, day), None, None, 2
    )
    assert [len(first), len(rest)] == [2, 1]
    assert not {row.id for row in first} & {row.id for row in rest}
    assert await queries.entries(make.actor, rules.audit_filter({"person": "x"}, day), [], None) == []


@pytest.mark.req("N15")
async def test_an_auditor_reads_the_history_and_nothing_else(make, lunch, browser):
    theogene = await make.user("Théogène Sibomana", Role.AUDITOR)
    page = await browser(theogene).get("/analytics/audit?kind=order:blocked&patient=Uwase")
    assert page.status_code == 200
    assert "ALLERGY.contains.peanuts.item" in page.text
    sheet = await browser(theogene).get("/analytics/audit/sheet.csv?kind=order:blocked")
    assert sheet.text.count("order:blocked") == 3
    for path in ("/admin/", "/admin/orders", "/admin/users", "/analytics/", "/support/", "/admin/finance/"):
        assert (await browser(theogene).get(path)).status_code == 403, path


async def test_a_dashboard_without_the_right_to_payments_holds_no_money(make, lunch, grace, habib, browser):
    membership = await fetch_value("SELECT id FROM membership WHERE app_user = $1", grace.user)
    await accounts.change_right(habib, grace.user, membership, Can.PAYMENTS_SEE, RightVerb.REVOKE)
    page = await browser(grace).get("/admin/")
    assert "/admin/finance" not in element(page.text, "today")
