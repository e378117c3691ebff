import pytest

from dusangire.kernel.db import acting_as
from dusangire.wards import queries, service
from dusangire.wards.rules import EndReason


async def _card(make, patient):
    with acting_as(make.actor):
        person = await queries.person(make.actor, patient.patient)
        return (await queries.bed(make.actor, person.bed)).card_token


@pytest.mark.req("C1")
async def test_the_code_on_the_bed_and_the_pin_open_the_portal_of_who_lies_there(make, browser, amina, bosco):
    with acting_as(bosco):
        pin = await service.set_pin(bosco, amina.patient)
    page, card = browser(None), await _card(make, amina)
    asked = await page.get(f"/bed/{card}")
    assert "Amina" not in asked.text
    answer = await page.post(f"/bed/{card}", {"pin": pin})
    assert (answer.status_code, answer.headers["location"]) == (303, "/patient/")
    assert "Amina" in (await page.http.get("/account/")).text


@pytest.mark.req("C1")
async def test_going_home_ends_what_the_bed_had_opened(make, browser, amina, bosco):
    with acting_as(bosco):
        pin = await service.set_pin(bosco, amina.patient)
    page, card = browser(None), await _card(make, amina)
    await page.post(f"/bed/{card}", {"pin": pin})
    with acting_as(bosco):
        await service.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    assert (await page.http.get("/account/")).status_code == 303
    again = await page.post(f"/bed/{card}", {"pin": pin})
    assert again.status_code == 422


@pytest.mark.req("C1")
async def test_five_wrong_pins_lock_the_bed_for_a_while_also_for_the_right_one(make, browser, amina, bosco):
    with acting_as(bosco):
        pin = await service.set_pin(bosco, amina.patient)
    page, card = browser(None), await _card(make, amina)
    wrong = "0001" if pin != "0001" else "0002"
    statuses = [(await page.post(f"/bed/{card}", {"pin": wrong})).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await page.post(f"/bed/{card}", {"pin": pin})).status_code == 429


async def test_a_code_that_is_none_is_not_found(browser):
    assert (await browser(None).get("/bed/made-up")).status_code == 404


async def test_where_the_bed_is_taken_nobody_is_registered(make, browser, amina, bosco):
    with acting_as(make.actor):
        taken = (await queries.person(make.actor, amina.patient)).bed_code
    facts = {
        "mrn": "K-99999", "given_name": "Ange", "family_name": "Mutesi", "birth_date": "1990-01-01", "sex": "female",
        "language": "rw", "checked": "on",
    }  # fmt: skip
    answer = await browser(bosco).post(f"/wards/bed/{taken}/register", facts)
    assert answer.status_code == 422
    with acting_as(make.actor):
        assert await queries.patient_of_mrn(make.actor, "K-99999") is None
