"""The help desk finds orders, sees trouble, and closes what it has answered."""

import pytest

from dusangire.diets import service as diets
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, fetch_value, transaction
from dusangire.support import queries
from tests.make import element
from tests.reports.trays import tray


async def _report(make, order, patient, words="The tea is cold"):
    with acting_as(make.actor):
        async with transaction():
            return await diets.open_task(
                make.actor, "order_problem", patient=patient.patient, about=f"order:{order}", words=words
            )


async def test_an_order_is_found_by_code_bed_record_number_and_name(make, amina, faustin, browser):
    order = await tray(make, amina)
    code = await fetch_value("SELECT code FROM meal_order WHERE id = $1", order)
    mrn = await fetch_value("SELECT mrn FROM patient WHERE id = $1", amina.patient)
    for said in (code, code.lower(), "A-001", mrn, "uwase", "Amina Uw"):
        page = await browser(faustin).get("/support/", params={"q": said})
        assert f'href="/orders/{order}"' in element(page.text, "found"), said
    assert "No order fits" in (await browser(faustin).get("/support/", params={"q": "%"})).text


async def test_without_words_nothing_is_searched_and_the_page_says_who_waits(make, amina, faustin, browser):
    held = await tray(make, amina, status="held")
    fine = await tray(make, amina, status="ready")
    page = await browser(faustin).get("/support/")
    assert page.status_code == 200
    assert f"/orders/{held}" in element(page.text, "trouble")
    assert f"/orders/{fine}" not in page.text


async def test_a_report_is_read_and_marked_as_done_with_and_without_javascript(make, amina, faustin, browser):
    order = await tray(make, amina, status="delivered")
    first = await _report(make, order, amina)
    desk = browser(faustin)
    assert "The tea is cold" in (await desk.get("/support/")).text
    answer = await desk.post(f"/support/tasks/{first}/done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/support/")
    assert "The tea is cold" not in (await desk.get("/support/")).text
    second = await _report(make, order, amina, "Still cold")
    part = await desk.post(f"/support/tasks/{second}/done", htmx=True)
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<div id="trouble"')
    assert (await desk.post(f"/support/tasks/{second}/done")).status_code == 404


async def test_the_help_desk_closes_no_other_peoples_tasks(make, amina, faustin, browser):
    with acting_as(make.actor):
        async with transaction():
            task = await diets.open_task(make.actor, "no_diet_order", patient=amina.patient)
    assert (await browser(faustin).post(f"/support/tasks/{task}/done")).status_code == 404


@pytest.mark.req("N7")
async def test_the_help_desk_of_another_hospital_finds_nothing(make, amina, browser):
    order = await tray(make, amina, status="held")
    task = await _report(make, order, amina)
    code = await fetch_value("SELECT code FROM meal_order WHERE id = $1", order)
    other = await (await make.other()).user("Olive Other", Role.SUPPORT)
    page = await browser(other).get("/support/", params={"q": code})
    assert str(order) not in page.text
    assert (await browser(other).post(f"/support/tasks/{task}/done")).status_code == 404
    # Negative control: the hospital's own desk finds the same order.
    assert len(await queries.find_orders(make.actor, code)) == 1
