"""Hours without food, by ward and day, against numbers the test knows."""

from datetime import timedelta

import pytest

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.db import acting_as, execute
from dusangire.reports import queries
from tests.make import element


async def _fast(make, nurse, patient, *, admitted_h: float, lasted_h: float, ended_h: float) -> None:
    """A fast that ended some hours ago; nothing was eaten since the admission that many hours before its end."""
    with acting_as(make.actor):
        hold = await diets.hold(nurse, patient, "surgery", clock.now())
        await diets.release(nurse, patient, hold)
    await execute(
        "UPDATE npo_hold SET start_at = now() - make_interval(secs => $2), set_at = now() - make_interval(secs => $2),"
        " cancelled_at = now() - make_interval(secs => $3) WHERE id = $1",
        hold,
        (ended_h + lasted_h) * 3600,
        ended_h * 3600,
    )
    for table in ("admission", "stay"):
        await execute(
            f"UPDATE {table} SET started_at = now() - make_interval(secs => $2) WHERE patient = $1",
            patient,
            (ended_h + admitted_h) * 3600,
        )


@pytest.mark.req("A6")
async def test_median_and_ninth_decile_are_those_of_the_fasts_of_the_ward(make, bosco, grace, browser):
    for hours in (2, 4, 6, 8, 20):
        patient = await make.patient(f"P{hours}")
        await _fast(make, bosco, patient.patient, admitted_h=hours, lasted_h=1, ended_h=0.05)
    day = clock.local_day(clock.now() - timedelta(hours=0.05), make.actor.zone)
    found = await queries.fasting_hours(grace, day, day)
    assert [(one.ward_code, one.fasts) for one in found] == [("A", 5)]
    assert found[0].median_h == pytest.approx(6, abs=0.02)
    assert found[0].p90_h == pytest.approx(8 + 0.6 * 12, abs=0.02)
    assert await queries.fasting_hours(grace, day - timedelta(days=9), day - timedelta(days=8)) == []
    page = element((await browser(grace).get("/analytics/")).text, "fasting")
    assert "6 h" in page
    sheet = (await browser(grace).get("/analytics/fasting.csv")).text
    assert f"{day},A,5,6.0,15.2" in sheet.replace("\r", "")
    assert (await browser(bosco).get("/analytics/fasting.csv")).status_code == 403


@pytest.mark.req("A6")
async def test_two_holds_without_food_between_are_one_fast_and_other_hospitals_have_their_own(make, bosco, grace):
    patient = await make.patient("Aline")
    await _fast(make, bosco, patient.patient, admitted_h=9, lasted_h=2, ended_h=4)
    with acting_as(make.actor):
        hold = await diets.hold(bosco, patient.patient, "test", clock.now())
        await diets.release(bosco, patient.patient, hold)
    await execute(
        "UPDATE npo_hold SET start_at = now() - interval '1 h', set_at = now() - interval '1 h',"
        " cancelled_at = now() - interval '1 min' WHERE id = $1",
        hold,
    )
    day = clock.local_day(clock.now(), make.actor.zone)
    found = await queries.fasting_hours(grace, day - timedelta(days=1), day)
    assert [one.fasts for one in found] == [1]
    assert found[0].median_h == pytest.approx(13, abs=0.1)
    other = await make.other()
    with acting_as(other.actor):
        assert await queries.fasting_hours(other.actor, day - timedelta(days=1), day) == []


async def test_without_a_fast_the_report_says_so(grace, browser):
    assert "No fast ended in these days." in element((await browser(grace).get("/analytics/")).text, "fasting")
