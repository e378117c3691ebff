"""The ward board: who lies where, what they may eat, and the coming meal."""

import re

import pytest

from dusangire.board import queries
from dusangire.board.rules import State
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as
from dusangire.wards import queries as wards
from dusangire.wards import service
from tests.make import element


@pytest.fixture
async def ward(make, bosco, diane):
    """Ward A: Aline with a diet and an allergy, Jean without a chart, eighteen free beds."""
    await make.menu()
    await make.ward("A", 20)
    aline, jean = await make.patient("Aline", "Uwase"), await make.patient("Jean", "Habimana")
    await diets.add_allergy(bosco, aline.patient, code="peanuts", severity="anaphylaxis")
    await diets.sign(diane, aline.patient, Prescription(("NA2G",), clock.now()))
    return aline, jean


@pytest.mark.req("I1", "CHK-3.1.3")
async def test_the_board_says_each_beds_state(make, ward, bosco, browser):
    answer = await browser(bosco).get("/wards/A")
    assert answer.status_code == 200
    first, second, third = (element(answer.text, f"bed-A-00{number}") for number in (1, 2, 3))
    assert "bed--look" in first
    assert "Aline U." in first
    assert "Peanut" in first
    assert "Not yet" in first
    assert "No diet order" in second
    assert "Free" in third
    assert "bed--free" in third


async def test_names_are_short_and_no_number_of_a_person_stands_on_the_board(make, ward, bosco, browser):
    text = (await browser(bosco).get("/wards/A")).text
    person = await wards.person(make.actor, ward[0].patient)
    assert person.mrn not in text
    assert "Uwase" not in element(text, "bed-A-001")


async def test_each_bed_has_its_one_thing_to_do(ward, bosco, browser):
    text = (await browser(bosco).get("/wards/A")).text
    assert f'href="/patient/?for={ward[0].patient}"' in element(text, "bed-A-001")
    assert f'href="/health-profiles/{ward[1].patient}"' in element(text, "bed-A-002")
    assert 'href="/wards/bed/A-003/admit"' in element(text, "bed-A-003")


async def test_chips_narrow_the_board_as_links(ward, bosco, browser):
    page = browser(bosco)
    text = (await page.get("/wards/A?show=no_diet")).text
    assert element(text, "bed-A-002")
    assert not element(text, "bed-A-001")
    text = (await page.get("/wards/A?show=free")).text
    assert len(re.findall(r'id="bed-A-\d{3}"', text)) == 18
    for nonsense in ("?show=zzz", "?from=abc", "?from=-1", "?from=999", "?from=²"):
        assert element((await page.get("/wards/A" + nonsense)).text, "bed-A-001")


async def test_a_long_ward_is_shown_twenty_beds_at_a_time(make, bosco, browser):
    await make.ward("B", 50)
    page = browser(bosco)
    text = (await page.get("/wards/B?from=40")).text
    assert re.findall(r'id="bed-(B-\d{3})"', text) == [f"B-{number:03d}" for number in range(41, 51)]


async def test_htmx_gets_the_fragment_alone(ward, bosco, browser):
    text = (await browser(bosco).get("/wards/A", htmx=True)).text
    assert "<html" not in text
    assert element(text, "bed-A-001")


async def test_without_javascript_the_board_reads_itself_anew(ward, bosco, browser):
    assert (
        '<noscript><meta http-equiv="refresh" content="30"></noscript>' in (await browser(bosco).get("/wards/A")).text
    )


async def test_a_patient_who_fasts_is_unmissable(make, ward, diane, bosco, browser):
    await diets.hold(diane, ward[0].patient, "surgery", clock.now())
    text = element((await browser(bosco).get("/wards/A")).text, "bed-A-001")
    assert "bed--stop" in text
    assert "Nothing by mouth" in text
    assert "/patient/?for=" not in text


@pytest.mark.req("CHK-3.1.9", "CHK-3.1.10")
async def test_all_wards_stand_on_one_page_emergency_first(make, ward, bosco, browser):
    await make.ward("E", 2, is_emergency=True)
    text = (await browser(bosco).get("/wards/")).text
    assert text.index('id="ward-E"') < text.index('id="ward-A"')
    assert "2 of 20 beds taken" in element(text, "ward-A")
    assert 'href="/wards/A?show=no_diet"' in element(text, "ward-A")


async def test_the_hand_over_list_names_everybody_in_full_with_what_they_must_not_eat(make, ward, bosco, browser):
    text = element((await browser(bosco).get("/wards/A/hand-over-list")).text, "hand-over")
    assert "Aline Uwase" in text
    assert "life-threatening" in text
    assert "A-003" not in text


async def test_the_page_of_a_bed_shows_the_person_and_the_moves(make, ward, bosco, browser):
    text = (await browser(bosco).get("/wards/bed/A-001")).text
    for words in (
        "Aline Uwase",
        "Order for this patient",
        "Add allergy",
        "Nothing by mouth",
        "New PIN",
        "End of the stay",
        "Print bed card",
    ):
        assert words in text
    assert f"/wards/patients/{ward[0].patient}/transfer" in text
    text = (await browser(bosco).get("/wards/bed/a-003")).text
    assert "Admit here" in text


async def test_a_doctor_sees_the_bed_and_no_moves(ward, diane, browser):
    text = (await browser(diane).get("/wards/bed/A-001")).text
    assert "Aline Uwase" in text
    assert "End of the stay" not in text


async def test_a_card_leaks_neither_name_nor_number(make, ward, bosco, browser):
    person = await wards.person(make.actor, ward[0].patient)
    bed = await wards.bed(make.actor, person.bed)
    text = (await browser(bosco).get("/wards/bed/A-001/card")).text
    assert "<svg" in element(text, "main")
    for secret in (person.mrn, "Aline", "Uwase", str(person.id)):
        assert secret not in text
    assert f"/bed/{bed.card_token}" in text
    assert "A-001" in text


async def test_look_alike_names_on_the_ward_are_pointed_out_at_the_bed(make, ward, bosco, browser):
    await make.patient("Alina", "Uwase")
    assert "Name easily mistaken for:" in (await browser(bosco).get("/wards/bed/A-001")).text


@pytest.mark.parametrize(
    "path", ["/wards/ZZZ", "/wards/bed/Z-001", "/wards/bed/Z-001/card", "/wards/ZZZ/hand-over-list"]
)
async def test_what_is_not_here_is_404(ward, bosco, browser, path):
    assert (await browser(bosco).get(path)).status_code == 404


async def test_the_other_hospitals_ward_is_404_and_a_patient_sees_no_board(make, ward, ines, amina, browser):
    other = await make.other()
    await other.ward("OTHER", 1)
    nurse = await make.user("Bosco Two", Role.NURSE)
    assert (await browser(nurse).get("/wards/OTHER")).status_code == 404
    assert (await browser(amina).get("/wards/A")).status_code == 403
    assert (await browser(None).get("/wards/A")).status_code == 303


async def test_a_board_of_any_size_costs_the_same_few_statements(make, bosco):
    """Twenty people or two: no query per bed."""
    await make.menu()
    await make.ward("A", 20)
    for number in range(6):
        await make.patient(f"Given{number}", f"Family{number}")
    with acting_as(bosco):
        board = await queries.ward_board(bosco, "A")
    assert [spot.state for spot in board.spots].count(State.NO_DIET) == 6
    assert await service.lock(bosco, board.spots[0].side.person.id)
