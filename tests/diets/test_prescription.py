"""Prescribing in a minute: favourites that come of use, one tap to renew, the ways out of a clash, the sheet on paper."""

import re
from datetime import datetime, timedelta

import pytest

from dusangire.diets import queries, service
from dusangire.diets.rules.favourites import STARTERS, Favourite, Used, favourite, favourites
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.db import acting_as
from tests.make import PASSWORD, element


def order(*codes, hours: float = 0, **changes) -> Prescription:
    return Prescription(codes=codes, start_at=clock.now() + timedelta(hours=hours), **changes)


def filled(html: str, name: str) -> str:
    """What a field of the form says."""
    if (field := element(html, name)).startswith("<select"):
        chosen = re.search(r'<option value="([^"]*)" selected>', field)
        return chosen.group(1) if chosen else ""
    found = re.search(rf'<input [^>]*name="{name}"[^>]*value="([^"]*)"', html)
    return found.group(1) if found else ""


def form_of(html: str, **changes: str) -> dict[str, str]:
    """Everything the form would send, as it stands."""
    names = ("diet", "diet2", "diet3", "diet4", "food", "drink", "fluid", "potassium", "start", "end", "reason",
             "replaces", "seen", "draft", "revision")  # fmt: skip
    return {name: filled(html, name) for name in names} | {"allergies": "1", "password": PASSWORD} | changes


# Favourites


@pytest.mark.req("A1")
@pytest.mark.parametrize("one", [*STARTERS, Favourite(("RENAL-ND", "HALAL"), 6, 0), Favourite((), 4, 2, 24)])
def test_an_address_names_a_favourite_and_finds_it_again(one):
    assert favourite(one.key) == one


@pytest.mark.req("A1")
@pytest.mark.parametrize(
    "key", ["", "no_such", "REG", "REG~9~0~", "REG~6~5~", "<b>~~~", "~~~", "~~2~", "REG~6~0~12345", "A" * 500]
)
def test_an_address_that_names_none_fills_nothing(key):
    assert favourite(key) is None


@pytest.mark.req("A1")
def test_what_is_written_twice_by_oneself_or_three_times_on_the_ward_is_a_favourite():
    used = [
        Used(("CARDIAC",), None, None, None, own=5, here=5),
        Used(("GF", "IDDSI5"), 5, 2, None, own=2, here=0),
        Used(("VEGAN",), None, None, None, own=0, here=3),
        Used(("LOWRES",), None, None, 48, own=1, here=2),
    ]
    found = favourites(used)
    assert found.own == (Favourite(("CARDIAC",)), Favourite(("GF",), 5, 2))
    assert found.ward[0] == Favourite(("VEGAN",))
    assert "heart" not in {one.name for one in found.ward}
    assert {"regular", "kidney_soft", "diabetes", "clear_24h"} <= {one.name for one in found.ward}
    assert Favourite(("LOWRES",), hours=48) not in found.ward


@pytest.mark.req("A1")
async def test_favourites_are_a_persons_own_and_a_wards(make, diane, bosco, browser):
    await make.menu()
    there = [await make.patient(f"Odette{n}") for n in range(3)]
    other = await make.user("Solange Iradukunda", diane.role)
    for one, doctor in zip(there, (diane, diane, other), strict=True):
        await service.sign(doctor, one.patient, order("GF", food_level=5, drink_level=2))
    here = f"/health-profiles/{there[0].patient}/diet-order"
    own = element((await browser(diane).get(here)).text, "favourites")
    key = "GF~5~2~"
    assert own.index("You write often") < own.index(key) < own.index("Often here")
    theirs = element((await browser(other).get(here)).text, "favourites")
    assert "You write often" not in theirs
    assert theirs.index("Often here") < theirs.index(key)
    page = (await browser(other).get(f"{here}?use={key}")).text
    assert (filled(page, "diet"), filled(page, "food"), filled(page, "drink")) == ("GF", "IDDSI5", "2")


@pytest.mark.req("N7")
async def test_another_hospitals_habits_are_no_favourites(make, diane, ines):
    other = await make.other()
    await other.menu()
    stranger = await other.user("Foreign Doctor", diane.role)
    patients = [await other.patient(f"P{n}") for n in range(3)]
    with acting_as(stranger):
        for one in patients:
            await service.sign(stranger, one.patient, order("VEGAN"))
    found = await queries.favourites_of(diane, None)
    assert found.own == ()
    assert all(one.name for one in found.ward)


# Renewing


@pytest.mark.req("A1")
@pytest.mark.parametrize("was", ["running", "expired", "stopped", "suspended"])
async def test_an_order_is_renewed_in_one_tap_whatever_became_of_it(make, diane, bosco, amina, browser, was):
    await make.menu()
    now = clock.now()
    signed = await service.sign(
        diane, amina.patient, order("CLEAR", hours=-5 if was == "expired" else 0, end_at=now + timedelta(hours=19))
    )
    if was == "stopped":
        await service.revoke(diane, amina.patient, signed, "vomiting")
    if was == "suspended":
        held = await service.hold(diane, amina.patient, "operation", now - timedelta(minutes=2))
        await service.release(diane, amina.patient, held)
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}"
    chart = (await doctor.get(here)).text
    assert f"{here}/diet-order?renew={signed}" in chart
    page = (await doctor.get(f"{here}/diet-order?renew={signed}")).text
    assert filled(page, "diet") == "CLEAR"
    lasts = _wall(filled(page, "end")) - _wall(filled(page, "start"))
    assert abs(lasts - timedelta(hours=24 if was == "expired" else 19)) <= timedelta(minutes=2)
    answer = await doctor.post(f"{here}/diet-order/sign", form_of(page))
    assert answer.status_code == 303, answer.text[:2000]


def _wall(text):
    return datetime.fromisoformat(text)


# The ways out of a clash


@pytest.mark.req("A3")
async def test_one_button_takes_a_clashing_diet_off_the_form_and_keeps_the_rest(make, diane, amina, browser):
    await make.menu()
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    typed = {"diet": "CCHO45", "diet2": "CCHO75", "reason": "pregnancy", "allergies": "1", "start": "", "end": ""}
    page = (await doctor.post(f"{here}/preview", typed)).text
    clash = element(page, "clash")
    assert "ADA/AND" in clash
    assert re.search(r'<button class="chip"[^>]* name="drop" value="CCHO75">', clash)
    after = (await doctor.post(f"{here}/preview", typed | {"drop": "CCHO75"})).text
    assert element(after, "clash") == ""
    assert (filled(after, "diet"), filled(after, "diet2"), filled(after, "reason")) == ("CCHO45", "", "pregnancy")
    assert "Nothing stands against signing." in element(after, "before")


@pytest.mark.req("A3")
async def test_one_button_writes_it_instead_of_the_order_in_force(make, diane, amina, browser):
    await make.menu()
    standing = await service.sign(diane, amina.patient, order("CCHO75"))
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    typed = {"diet": "CCHO45", "allergies": "1"}
    page = (await doctor.post(f"{here}/preview", typed)).text
    assert re.search(rf'name="instead" value="{standing}"', element(page, "clash"))
    after = (await doctor.post(f"{here}/preview", typed | {"instead": str(standing)})).text
    assert filled(after, "replaces") == str(standing)
    assert element(after, "clash") == ""
    assert (await doctor.post(f"{here}/sign", form_of(after))).status_code == 303
    assert [row.codes for row in await queries.diet_now(diane, amina.patient)] == [("CCHO45",)]


@pytest.mark.req("A3")
async def test_while_a_hard_clash_stands_no_button_signs_it(make, diane, amina, browser):
    await make.menu()
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    answer = await doctor.post(
        f"{here}/sign", {"diet": "CCHO45", "diet2": "CCHO75", "allergies": "1", "password": PASSWORD}
    )
    assert answer.status_code == 409
    assert await queries.orders_of(diane, amina.patient) == []


@pytest.mark.req("A1", "A3")
async def test_the_preview_says_what_the_patient_may_and_may_not_eat(make, diane, bosco, amina, browser):
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "milk", "severe")
    page = (
        await browser(diane).post(
            f"/health-profiles/{amina.patient}/diet-order/preview", {"diet": "VEGAN", "allergies": "1"}, htmx=True
        )
    ).text
    left = element(page, "left")
    may, may_not = left.split("may not eat")
    assert "Amina may eat" in may
    assert not re.search("[Bb]eef|[Cc]hicken|milk", may.partition("may eat")[2])
    assert re.search("[Ee]gg|[Mm]ilk|omelette", may_not)


# The draft's way to the signature


@pytest.mark.req("A1")
async def test_a_nurses_draft_is_one_tap_from_the_filled_form_on_every_list(
    make, diane, chantal, bosco, amina, browser
):
    await make.menu()
    drafted = await service.draft(bosco, amina.patient, order("CARDIAC"))
    link = f"/health-profiles/{amina.patient}/diet-order?draft={drafted}"
    assert link in (await browser(diane).get("/health-profiles/?show=drafts")).text
    assert link in (await browser(diane).get(f"/health-profiles/{amina.patient}")).text
    assert link in (await browser(chantal).get("/nutritionist/")).text
    doctor = browser(diane)
    page = (await doctor.get(link)).text
    assert filled(page, "diet") == "CARDIAC"
    assert (await doctor.post(f"/health-profiles/{amina.patient}/diet-order/sign", form_of(page))).status_code == 303
    assert [row.id for row in await queries.diet_now(diane, amina.patient)] == [drafted]
    assert not [task for task in await queries.open_tasks(diane, amina.patient) if task.kind == "draft_waits"]


# On paper


@pytest.mark.req("A1", "A9")
async def test_the_sheet_says_who_what_and_what_kills(make, diane, bosco, amina, browser):
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "peanuts", "anaphylaxis")
    signed = await service.sign(diane, amina.patient, order("CARDIAC", food_level=5, drink_level=2, reason="stroke"))
    page = await browser(bosco).get(f"/health-profiles/{amina.patient}/diet-orders/{signed}/print")
    assert page.status_code == 200
    for said in ("Amina Uwase", "K-", "Peanuts", "Heart diet", "Minced, moist", "mildly thick", "stroke", diane.name):
        assert said in page.text, said


@pytest.mark.req("N7")
async def test_nobody_prints_another_hospitals_order(make, diane, ines, browser):
    other = await make.other()
    await other.menu()
    stranger = await other.user("Foreign Doctor", diane.role)
    with acting_as(stranger):
        signed = await service.sign(stranger, ines.patient, order("REG"))
    page = await browser(diane).get(f"/health-profiles/{ines.patient}/diet-orders/{signed}/print")
    assert page.status_code == 404


@pytest.mark.parametrize("lang", ["fr", "rw"])
async def test_the_prescription_speaks_the_other_languages(make, diane, amina, browser, lang):
    await make.menu()
    await service.sign(diane, amina.patient, order("CCHO75"))
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    page = await doctor.post(f"{here}/preview?lang={lang}", {"diet": "CCHO45", "allergies": "1"})
    assert page.status_code == 200
    assert "No meal can meet both" not in page.text
    assert "Write it instead" not in page.text
