"""Pages of the wards: each form right, wrong, and without JavaScript."""

import re

import pytest

from dusangire.kernel.db import acting_as
from dusangire.wards import queries
from tests.make import element

NEW = {
    "mrn": "K-77", "given_name": "Odette", "family_name": "Mukeshimana", "birth_date": "1975-06-02", "sex": "female",
    "phone": "", "language": "fr",
}  # fmt: skip


@pytest.fixture
async def ward(make):
    return await make.ward("A", 5)


@pytest.mark.req("CHK-3.1.4")
async def test_a_nurse_registers_and_admits_and_reads_the_pin_once(make, ward, bosco, browser):
    page = browser(bosco)
    assert "Register and admit" in (await page.get("/wards/bed/A-002/admit")).text
    answer = await page.post("/wards/bed/A-002/register", NEW)
    assert answer.status_code == 200
    pin = re.search(r'id="pin-digits">(\d{4})<', answer.text)
    assert pin
    found = (await queries.find_people(make.actor, "odette"))[0]
    assert (found.bed_code, found.has_pin, found.name) == ("A-002", True, "Odette Mukeshimana")
    assert pin.group(1) not in (await page.get("/wards/bed/A-002")).text.replace(found.mrn, "")


async def test_every_mistake_of_a_registration_shows_at_once_and_nothing_typed_is_lost(ward, bosco, browser):
    answer = await browser(bosco).post(
        "/wards/bed/A-002/register", {**NEW, "birth_date": "32/13/1975", "mrn": "", "sex": ""}
    )
    assert answer.status_code == 422
    for field in ("birth_date", "mrn", "sex"):
        assert f'href="#{field}"' in element(answer.text, "main")
    assert 'value="Mukeshimana"' in answer.text


async def test_a_look_alike_name_is_admitted_only_when_the_nurse_has_compared(make, ward, bosco, browser):
    await make.patient("Odetta", "Mukeshimana")
    page = browser(bosco)
    answer = await page.post("/wards/bed/A-003/register", NEW)
    assert answer.status_code == 422
    assert "Odetta Mukeshimana" in answer.text
    assert (await queries.bed_of_code(make.actor, "A-003")).patient is None
    answer = await page.post("/wards/bed/A-003/register", {**NEW, "checked": "1"})
    assert answer.status_code == 200
    assert (await queries.bed_of_code(make.actor, "A-003")).patient is not None


@pytest.mark.parametrize(("field", "typed"), [("phone", "call me"), ("birth_date", "2999-01-01")])
async def test_what_a_rule_refuses_stands_at_its_field(ward, bosco, browser, field, typed):
    answer = await browser(bosco).post("/wards/bed/A-002/register", {**NEW, field: typed})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


async def test_a_hospital_number_that_is_taken_leads_to_who_was_here_before(make, ward, bosco, browser):
    page = browser(bosco)
    await page.post("/wards/bed/A-002/register", NEW)
    other = {**NEW, "given_name": "Pascal", "family_name": "Ndayisaba"}
    answer = await page.post("/wards/bed/A-003/register", other)
    assert answer.status_code == 422
    assert "K-77" in answer.text


async def test_somebody_who_was_here_before_is_found_and_admitted(make, ward, bosco, browser, amina):
    page = browser(bosco)
    person = await queries.person(make.actor, amina.patient)
    await page.post(f"/wards/patients/{amina.patient}/discharge", {"reason": "discharged"})
    found = await page.get("/wards/bed/A-004/admit?q=amina")
    assert person.mrn in found.text
    answer = await page.post("/wards/bed/A-004/admit", {"patient": str(amina.patient)})
    assert answer.status_code == 200
    assert (await queries.person(make.actor, amina.patient)).bed_code == "A-004"


@pytest.mark.req("CHK-3.1.8")
async def test_a_bed_that_was_just_taken_is_a_sentence(make, ward, bosco, browser, amina):
    person = await queries.person(make.actor, amina.patient)
    answer = await browser(bosco).post(f"/wards/bed/{person.bed_code}/register", NEW)
    assert answer.status_code == 422
    assert f"Bed {person.bed_code} was just taken" in answer.text
    assert NEW["given_name"] in answer.text


@pytest.mark.req("CHK-3.1.6")
async def test_a_nurse_moves_a_patient(make, ward, bosco, browser, amina):
    await make.ward("B", 2)
    free = await queries.bed_of_code(make.actor, "B-002")
    answer = await browser(bosco).post(f"/wards/patients/{amina.patient}/transfer", {"bed": str(free.id)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/wards/bed/B-002?said=moved")
    moved = await queries.person(make.actor, amina.patient)
    assert (moved.bed_code, moved.ward_code) == ("B-002", "B")
    assert amina.name in (await browser(bosco).get("/wards/bed/B-002")).text
    answer = await browser(bosco).post(f"/wards/patients/{amina.patient}/transfer", {"bed": ""})
    assert answer.status_code == 422


@pytest.mark.req("I4", "CHK-3.1.7")
async def test_a_stay_ends_with_a_reason(make, ward, bosco, browser, amina):
    page = browser(bosco)
    bed = f"bed-{(await queries.person(make.actor, amina.patient)).bed_code}"
    assert "bed--free" not in element((await page.get("/wards/A")).text, bed)
    assert (await page.post(f"/wards/patients/{amina.patient}/discharge", {"reason": "tired"})).status_code == 422
    answer = await page.post(f"/wards/patients/{amina.patient}/discharge", {"reason": "discharged"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/wards/A")
    assert (await queries.person(make.actor, amina.patient)).bed is None
    assert "bed--free" in element((await page.get("/wards/A")).text, bed)


async def test_a_new_pin_is_shown_once_and_the_old_one_dies(make, ward, bosco, browser, amina):
    page = browser(bosco)
    pins = [
        re.search(r'id="pin-digits">(\d{4})<', (await page.post(f"/wards/patients/{amina.patient}/pin")).text).group(1)
        for _ in range(2)
    ]
    assert all(len(pin) == 4 for pin in pins)


@pytest.mark.parametrize(
    ("typed", "status"), [("61.5", 303), ("61,5", 303), ("abc", 422), ("-1", 422), ("399", 422), ("", 422)]
)
async def test_a_weight_is_written_down(bosco, browser, amina, typed, status):
    answer = await browser(bosco).post(
        f"/wards/patients/{amina.patient}/measure", {"kind": "weight_kg", "value": typed}
    )
    assert answer.status_code == status
    assert bool(await queries.measurements(bosco, amina.patient)) == (status == 303)


async def test_a_doctor_sees_wards_and_admits_nobody(ward, diane, browser, amina):
    page = browser(diane)
    assert (await page.get("/wards/A")).status_code == 200
    assert (await page.get("/wards/bed/A-002/admit")).status_code == 403
    assert (await page.post(f"/wards/patients/{amina.patient}/discharge", {"reason": "died"})).status_code == 403


async def test_the_other_hospitals_patient_is_not_here(make, ward, bosco, browser, ines):
    page = browser(bosco)
    assert (await page.post(f"/wards/patients/{ines.patient}/discharge", {"reason": "died"})).status_code == 404
    assert (await page.post("/wards/bed/A-002/admit", {"patient": str(ines.patient)})).status_code == 404
    other = (await make.other()).actor
    with acting_as(other):
        assert (await queries.person(other, ines.patient)).bed is not None


@pytest.mark.req("I1", "I8", "CHK-3.1.1", "CHK-3.1.2")
async def test_the_administrator_opens_a_ward_adds_fifty_beds_removes_one_and_closes_it(make, grace, browser):
    page = browser(grace)
    facts = {"name_en": "Ward C", "name_fr": "Service C", "name_rw": "Serivisi C", "kind": "general", "walk_order": "7"}
    answer = await page.post("/wards/manage", {**facts, "code": "c", "is_emergency": "1", "phone": "+250788000109"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/wards/manage/C")
    assert (await page.post("/wards/manage/C/beds", {"first": "1", "last": "50"})).status_code == 303
    ward = await queries.ward_of_code(make.actor, "C")
    assert (ward.capacity, ward.is_emergency, ward.walk_order) == (50, True, 7)
    bed = await queries.bed_of_code(make.actor, "C-050")
    assert (await page.post(f"/wards/manage/C/beds/{bed.id}/remove")).status_code == 303
    assert "C-049" in (await page.get("/wards/manage/C")).text
    assert (await page.post("/wards/manage/C", {**facts, "name_en": "Ward Six"})).status_code == 303
    assert "Ward Six" in (await page.get("/wards/manage")).text
    assert (await page.post("/wards/manage/C/close")).status_code == 303
    assert (await page.get("/wards/manage/C")).status_code == 404


async def test_wrong_wards_and_beds_are_refused_at_their_fields(make, grace, browser):
    await make.ward("C", 1)
    page = browser(grace)
    answer = await page.post("/wards/manage", {"code": "C-1", "name_en": "", "name_fr": "x", "name_rw": "x"})
    assert answer.status_code == 422
    assert 'id="name_en-error"' in answer.text
    answer = await page.post("/wards/manage", {"code": "C", "name_en": "x", "name_fr": "x", "name_rw": "x"})
    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text
    for first, last in (("5", "1"), ("0", "4"), ("1", "1000"), ("a", "2")):
        assert (await page.post("/wards/manage/C/beds", {"first": first, "last": last})).status_code == 422


@pytest.mark.req("CHK-3.1.3")
async def test_an_occupied_bed_is_not_offered_for_removal_and_refused_all_the_same(make, grace, browser, amina):
    person = await queries.person(make.actor, amina.patient)
    page = browser(grace)
    assert f"beds/{person.bed}/remove" not in (await page.get("/wards/manage/A")).text
    answer = await page.post(f"/wards/manage/A/beds/{person.bed}/remove")
    assert answer.status_code == 409
    assert f"Somebody lies in bed {person.bed_code}" in answer.text
    assert (await page.post("/wards/manage/A/close")).status_code == 409


async def test_a_nurse_keeps_no_wards(make, bosco, browser):
    assert (await browser(bosco).get("/wards/manage")).status_code == 403
