"""What nurses must see of a bed at a glance: fasting and its clock, late trays, insulin, isolation, the next step."""

from datetime import timedelta
from uuid import uuid4

import pytest

from dusangire import wiring
from dusangire.board import queries
from dusangire.board.rules import State, TrayNow, state_of
from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.flags import Flag
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.rules.protocols import Step
from dusangire.kernel import clock, db
from dusangire.kernel.db import acting_as, execute
from dusangire.orders.rules import Status
from dusangire.wards import queries as wards
from tests.make import PASSWORD, element
from tests.unguarded import rewrite

HOUR = timedelta(hours=1)


@pytest.fixture
async def aline(make, bosco, diane):
    """Aline in A-001 with a regular diet."""
    wiring.install()
    await make.menu()
    await make.ward("A", 3)
    patient = await make.patient("Aline", "Uwase")
    with acting_as(make.actor):
        await diets.no_known_allergies(bosco, patient.patient)
        await diets.sign(diane, patient.patient, Prescription(("REG",), clock.now()))
    return patient.patient


async def _bed(browser, who, code="A-001") -> str:
    return element((await browser(who).get("/wards/A")).text, f"bed-{code}")


def test_a_late_tray_is_said_before_a_missing_chart_and_after_a_stop():
    assert state_of("ok", [Status.CONFIRMED], is_late=True) is State.LATE
    assert state_of("ok", [], is_late=True) is State.LATE
    assert state_of("fasting", [], is_late=True) is State.FASTING
    assert state_of("ok", [Status.HELD], is_late=True) is State.HELD


@pytest.mark.req("A4", "A6")
async def test_a_fasting_bed_shows_how_long_by_icon_number_and_words(aline, bosco, browser):
    now = clock.now()
    await diets.hold(bosco, aline, "surgery", now, now + 5 * HOUR, procedure_at=now + 3 * HOUR)
    text = await _bed(browser, bosco)
    assert "Fasting 0+ h" in text
    assert "Operation" in text
    assert f'href="/health-profiles/{aline}/may-eat"' in text
    assert "May eat?" in text
    await execute("UPDATE admission SET started_at = started_at - interval '13 h' WHERE patient = $1", aline)
    text = await _bed(browser, bosco)
    assert "Fasting 13+ h" in text
    assert "#alert" in text
    bed = (await browser(bosco).get("/wards/bed/A-001")).text
    for words in (
        "No food for at least 13 h",
        "Release – may eat",
        "Clear drinks until",
        "Alert at 12 h",
        "Print door sign",
    ):
        assert words in bed


@pytest.mark.req("A6")
async def test_release_is_one_tap_on_the_page_of_the_bed(aline, bosco, diane, didier, browser):
    await diets.hold(bosco, aline, "surgery", clock.now())
    page = browser(bosco)
    form = f'action="/health-profiles/{aline}/may-eat"'
    assert form in (await page.get("/wards/bed/A-001")).text
    assert (await page.post(f"/health-profiles/{aline}/may-eat")).status_code == 303
    await rewrite(
        "UPDATE npo_hold SET start_at = start_at - interval '1 h', set_at = set_at - interval '1 h',"
        " cancelled_at = cancelled_at - interval '1 min' WHERE patient = $1",
        aline,
    )
    text = (await page.get("/wards/bed/A-001")).text
    assert form not in text
    assert (await browser(didier).post(f"/health-profiles/{aline}/may-eat")).status_code == 403


@pytest.mark.req("A4")
async def test_the_door_sign_says_the_bed_and_nobodys_name(make, aline, bosco, amina, browser):
    page = browser(bosco)
    assert (await page.get("/wards/bed/A-001/door")).status_code == 404
    await diets.hold(bosco, aline, "surgery", clock.now(), clock.now() + 5 * HOUR)
    text = element((await page.get("/wards/bed/A-001/door")).text, "door")
    person = await wards.person(make.actor, aline)
    for words in ("A-001", "FASTING: give no food or drink", "NTAHABWE IBYO KURYA", "À JEUN"):
        assert words in text
    for secret in (person.mrn, "Aline", "Uwase", "surgery"):
        assert secret not in text
    assert (await browser(amina).get("/wards/bed/A-001/door")).status_code == 403


@pytest.mark.req("A18", "A21")
async def test_insulin_isolation_and_medicines_are_flags_on_the_bed(aline, bosco, diane, browser):
    for flag in (Flag.MEALTIME_INSULIN, Flag.ISOLATION, Flag.WARFARIN):
        await diets.set_flag(diane, aline, flag, "")
    text = await _bed(browser, bosco)
    for words in ("Insulin with meals", "Warfarin", "Isolation"):
        assert words in text


async def test_a_tray_that_should_have_come_makes_the_bed_late(make, aline, bosco, browser):
    from dusangire.menu import queries as menu
    from dusangire.menu.rules import sitting
    from dusangire.orders import service as orders
    from dusangire.orders.service import Choice
    from tests.orders.conftest import Bedside

    there = Bedside(make, make.actor, make.actor, bosco)
    there.patient = type("Patient", (), {"patient": aline})()
    tomorrow = clock.local_day(clock.now(), make.actor.zone) + timedelta(days=1)
    lunch = sitting(await menu.periods(make.actor), tomorrow, "lunch", make.actor.zone)
    await orders.add(bosco, Choice(aline, lunch, "POT-BLD"))
    made = await orders.place(bosco, await there.checkout())
    today = clock.local_day(clock.now(), make.actor.zone)
    await rewrite("UPDATE meal_order SET day = $2, serve_to = now() - interval '1 min' WHERE id = $1", made, today)
    text = await _bed(browser, bosco)
    assert "Late" in text
    assert element((await browser(bosco).get("/wards/A?show=late")).text, "bed-A-001")


@pytest.mark.req("A17")
async def test_the_next_step_of_a_protocol_is_offered_when_it_is_due(make, aline, bosco, diane, browser):
    await diets.sign_protocol(
        diane, aline, (Step(1, "CLEAR", 6), Step(2, "FULL", 0), Step(3, "REG", 0)), "", PASSWORD
    )  # fmt: skip
    text = await _bed(browser, bosco)
    assert "Next diet step" not in text
    assert "Advance to Liquid food only" in (await browser(bosco).get("/wards/bed/A-001")).text
    await rewrite(
        "UPDATE advancement_move SET moved_at = moved_at - interval '6 h' WHERE hospital = $1", bosco.hospital
    )
    text = await _bed(browser, bosco)
    assert "Next diet step" in text
    assert f'href="/health-profiles/{aline}/steps"' in text
    await diets.hold(bosco, aline, "test", clock.now())
    assert "Next diet step" not in await _bed(browser, bosco)


@pytest.mark.req("A6", "A17")
async def test_open_tasks_stand_on_the_bed_and_lead_to_their_work(make, aline, bosco, browser):
    await diets.alert(make.actor, aline, diets.LONG_FAST, "one", {"hours": 12})
    assert "Tasks: 1" in await _bed(browser, bosco)
    assert "Too long without food" in (await browser(bosco).get("/wards/bed/A-001")).text


async def test_fifty_beds_cost_as_few_statements_as_two(make, bosco):
    await make.menu()
    await make.ward("B", 50)
    counts = []
    for number in range(12):
        await make.patient(f"P{number}")
        if number in (1, 11):
            with db.counting():
                await queries.ward_board(bosco, "B")
                counts.append(db.statements())
    assert counts == [6, 6]


@pytest.mark.req("A6")
@pytest.mark.parametrize("language", ["rw", "fr"])
async def test_the_pages_of_a_fast_speak_the_other_languages(make, aline, bosco, diane, browser, language):
    now = clock.now()
    await diets.hold(bosco, aline, "surgery", now, now + 5 * HOUR, procedure_at=now + 3 * HOUR)
    hold = (await diet_queries.holds(bosco, aline))[0].id
    here = f"/health-profiles/{aline}"
    for path in ("/wards/A", "/wards/bed/A-001", here, f"{here}/may-eat", f"{here}/steps", f"{here}/npo/{hold}/extend"):
        for who in (bosco, diane):
            assert (await browser(who).get(f"{path}?lang={language}")).status_code == 200, path


def test_a_stopped_tray_of_any_meal_counts_until_its_time_is_over():
    now = clock.now()
    for status, minutes, is_stopped in (
        (Status.HELD, 10, True), (Status.PROBLEM, 10, True), (Status.HELD, -10, False), (Status.CONFIRMED, 10, False),
    ):  # fmt: skip
        tray = TrayNow(uuid4(), status, now.date(), "evening_snack", now + timedelta(minutes=minutes))
        assert tray.is_stopped(now) is is_stopped
