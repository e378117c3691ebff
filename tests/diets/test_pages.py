"""Pages about diets: who sees what, each form sent right, wrong and without JavaScript."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from dusangire import wiring
from dusangire.diets import queries, service
from dusangire.diets.rules import RuleKind, Severity
from dusangire.diets.rules.favourites import STARTERS
from dusangire.diets.rules.manual import DietKind
from dusangire.diets.rules.prescribing import OrderStatus, Prescription
from dusangire.diets.rules.worklist import Need
from dusangire.kernel import clock, text
from tests.make import PASSWORD, element

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


def order(*codes: str, **changes) -> Prescription:
    return Prescription(codes=codes, start_at=clock.now(), **changes)


def local(hours: float = 0) -> str:
    return clock.local(clock.now() + timedelta(hours=hours), "Africa/Kigali").strftime("%Y-%m-%dT%H:%M")


def written(**changes: str) -> dict[str, str]:
    return {"diet": "CARDIAC", "start": local(), "allergies": "1", "password": PASSWORD} | changes


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found
    return found.group(1)


# Words


def test_every_word_the_pages_say_is_in_the_catalogue():
    sources = [*(ROOT / "templates/diets").glob("*.html"), *(ROOT / "src/dusangire/diets").rglob("*.py")]
    said = {
        key
        for path in sources
        for key in re.findall(r't\("([a-z0-9_]+\.[A-Za-z0-9_.-]+)"(?! ~)', path.read_text())
        + re.findall(r'"((?:diets|doctor|account)\.[a-z0-9_.]*[a-z0-9])"', path.read_text())
    }
    said |= {f"diets.need.{need}" for need in Need} | {f"diets.rule_kind.{kind}" for kind in RuleKind}
    said |= {f"diets.kind.{kind}" for kind in DietKind} | {
        f"diets.order.{status}" for status in OrderStatus if status != "active"
    }
    said |= {f"diets.severity.{one}" for one in Severity} | {f"diets.favourite.{one.key}" for one in STARTERS}
    said |= {f"diets.status.{one}" for one in ("ok", "no_order", "not_asked", "uncoded", "fasting")}
    said |= {f"diets.allergen.{code}" for code in queries.starter_manual().groups}
    said |= {f"diet.{code}.{part}" for code in queries.starter_manual().diets for part in ("name", "what")}
    assert {key for key in said if not text.has(key)} == set()


def test_every_rule_of_the_manual_has_a_name():
    rules = [rule for diet in queries.starter_manual().diets.values() for rule in diet.rules]
    named = {rule.subject for rule in rules if rule.kind not in (RuleKind.ONLY, RuleKind.IDDSI, RuleKind.NOTHING)}
    assert {subject for subject in named if not text.has(f"diets.rule.{subject}")} == set()


# Lists


async def test_a_doctor_finds_patients_and_sees_who_has_no_diet_order(make, diane, bosco, amina, browser):
    await make.menu()
    fed = await make.patient("Aline", "Mukiza")
    await service.add_allergy(bosco, fed.patient, "peanuts", "anaphylaxis")
    await service.sign(diane, fed.patient, order("CCHO60"))
    doctor = browser(diane)
    everybody = (await doctor.get("/health-profiles/")).text
    row = element(everybody, f"profile-{fed.patient}")
    assert "Peanuts, life-threatening" in row
    assert "Diabetes diet, 60 g" in row
    assert "No diet order" in element(everybody, f"profile-{amina.patient}")
    waiting = (await doctor.get("/health-profiles/?show=no_order")).text
    assert element(waiting, f"profile-{fed.patient}") == ""
    assert element(waiting, f"profile-{amina.patient}")
    found = (await doctor.get("/health-profiles/?q=mukiza")).text
    assert element(found, f"profile-{fed.patient}")
    assert element(found, f"profile-{amina.patient}") == ""
    assert "Nobody is found" in (await doctor.get("/health-profiles/?q=zzzz")).text


async def test_drafts_waiting_for_a_signature_have_a_list_of_their_own(make, diane, bosco, amina, browser):
    await make.menu()
    await service.draft(bosco, amina.patient, order("CARDIAC"))
    page = (await browser(diane).get("/health-profiles/?show=drafts")).text
    assert "Draft to sign" in element(page, f"profile-{amina.patient}")


@pytest.mark.req("N7")
@pytest.mark.parametrize("path", ["", "/diet-order", "/live"])
async def test_another_hospitals_patient_is_404(make, diane, ines, browser, path):
    assert (await browser(diane).get(f"/health-profiles/{ines.patient}{path}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/allergies", {"code": "milk", "severity": "severe"}),
        ("/allergies/none", {}),
        ("/npo", {"npo_reason": "test", "npo_from": local(), "npo_until": local(2)}),
        ("/measurements", {"weight_kg": "60"}),
        ("/diet-order/sign", written()),
        ("/diet-order/draft", written()),
        ("/diet-order/preview", written()),
    ],
)
async def test_nothing_is_written_about_another_hospitals_patient(diane, ines, browser, path, data):
    assert (await browser(diane).post(f"/health-profiles/{ines.patient}{path}", data)).status_code == 404


async def test_patients_and_cooks_see_no_charts(make, amina, didier, browser):
    for who in (amina, didier):
        assert (await browser(who).get(f"/health-profiles/{amina.patient}")).status_code == 403
        assert (await browser(who).get("/nutritionist/")).status_code == 403


# One patient


@pytest.mark.req("A7")
async def test_a_nurse_adds_an_allergy(make, bosco, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    page = (await nurse.get(f"/health-profiles/{amina.patient}")).text
    assert "Allergies not asked yet" in element(page, "strip")
    assert ">Add allergy</button>" in page
    assert ">No known allergies</button>" in page
    answer = await nurse.post(f"/health-profiles/{amina.patient}/allergies", {"code": "fish", "severity": "severe"})
    assert answer.status_code == 303
    page = (await nurse.get(answer.headers["location"])).text
    assert "Fish, severe" in element(page, "strip")
    assert bosco.name in element(page, "history")


@pytest.mark.req("A7")
async def test_words_nobody_can_code_are_kept_and_said(make, bosco, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    answer = await nurse.post(
        f"/health-profiles/{amina.patient}/allergies", {"code": "hill berries <b>", "severity": "moderate"}
    )
    assert answer.headers["location"].endswith("said=uncoded")
    page = (await nurse.get(answer.headers["location"])).text
    assert "hill berries &lt;b&gt;" in element(page, "strip")
    assert "An allergy is not coded. No meal can be sent." in element(page, "now")


async def test_a_wrong_allergy_form_keeps_what_was_typed(make, bosco, amina, browser):
    await make.menu()
    answer = await browser(bosco).post(f"/health-profiles/{amina.patient}/allergies", {"code": "milk", "severity": "x"})
    assert answer.status_code == 422
    assert 'value="milk"' in element(answer.text, "allergies")
    assert "Choose one" in element(answer.text, "allergies")


async def test_none_known_and_an_end_with_a_reason(make, bosco, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    here = f"/health-profiles/{amina.patient}"
    assert (await nurse.post(f"{here}/allergies/none")).status_code == 303
    assert "No known allergy" in element((await nurse.get(here)).text, "strip")
    made = await service.add_allergy(bosco, amina.patient, "milk", "severe")
    assert (await nurse.post(f"{here}/allergies/none")).status_code == 409
    wrong = await nurse.post(f"{here}/allergies/{made}/end", {"end_reason": ""})
    assert wrong.status_code == 422
    assert "Please fill this in" in element(wrong.text, f"allergy-{made}")
    await nurse.post(f"{here}/allergies/{made}/end", {"end_reason": "it was lactose"})
    page = (await nurse.get(here)).text
    assert "it was lactose" in element(page, "allergies")
    assert (await nurse.post(f"{here}/allergies/{made}/end", {"end_reason": "again"})).status_code == 404


@pytest.mark.req("A4")
async def test_nothing_by_mouth_is_set_and_released(make, bosco, diane, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    here = f"/health-profiles/{amina.patient}"
    assert ">Nothing by mouth</button>" in (await nurse.get(here)).text
    wrong = await nurse.post(f"{here}/npo", {"npo_reason": "Before your test", "npo_from": local()})
    assert wrong.status_code == 422
    assert "Write when it is expected to end, or tick that the end is not known." in element(wrong.text, "npo")
    assert 'value="Before your test"' in element(wrong.text, "npo")
    backwards = {"npo_reason": "Before your test", "npo_from": local(4), "npo_until": local(2)}
    assert "The end must be after the start" in (await nurse.post(f"{here}/npo", backwards)).text
    beside = await nurse.post(f"{here}/npo", {"npo_reason": "Kept", "npo_from": local()}, htmx=True)
    assert beside.status_code == 422
    assert "<html" not in beside.text
    assert 'value="Kept"' in element(beside.text, "npo")
    await nurse.post(f"{here}/npo", {"npo_reason": "Before your test", "npo_from": local(), "npo_open": "1"})
    page = (await nurse.get(here)).text
    assert "FASTING: give no food or drink" in element(page, "now")
    hold = (await queries.holds(bosco, amina.patient))[0]
    await nurse.post(f"{here}/npo/{hold.id}/release")
    page = (await nurse.get(here)).text
    assert "until released" not in element(page, "now")
    assert "Nothing by mouth released" in element(page, "history")


async def test_weight_and_height_are_written_down(make, bosco, amina, browser):
    nurse = browser(bosco)
    here = f"/health-profiles/{amina.patient}"
    await nurse.post(f"{here}/measurements", {"weight_kg": "61,5", "height_cm": "168"})
    assert "61.5" in element((await nurse.get(here)).text, "strip")
    for bad in ({"weight_kg": "abc"}, {"weight_kg": "9000"}, {}):
        assert (await nurse.post(f"{here}/measurements", bad)).status_code == 422


# The prescription


@pytest.mark.req("A1")
async def test_a_doctor_signs_with_the_password_and_the_patient_page_says_so(make, diane, amina, browser):
    await make.menu()
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}"
    page = (await doctor.get(f"{here}/diet-order")).text
    assert ">Sign diet order</button>" in page
    assert ">Keep as draft</button>" in page
    assert ">Type your password to sign</label>" in page
    answer = await doctor.post(f"{here}/diet-order/sign", written(seen=hidden(page, "seen")))
    assert answer.status_code == 303
    page = (await doctor.get(answer.headers["location"])).text
    assert "Heart diet" in element(page, "now")
    assert "Little salt, little fat" in element(page, "plain")
    assert f"Diet order signed</b>: Heart diet</td><td>{diane.name}, Doctor" in element(page, "history")


@pytest.mark.req("A1")
async def test_a_nurse_who_posts_to_sign_is_forbidden_and_may_keep_a_draft(make, bosco, diane, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    here = f"/health-profiles/{amina.patient}"
    assert "Sign diet order" not in (await nurse.get(f"{here}/diet-order")).text
    assert (await nurse.post(f"{here}/diet-order/sign", written())).status_code == 403
    assert (await nurse.post(f"{here}/diet-order/draft", written(food="IDDSI5", drink="2"))).status_code == 303
    row = (await queries.orders_of(diane, amina.patient))[0]
    assert (row.status, row.codes, row.food_level, row.drink_level) == ("draft", ("CARDIAC", "IDDSI5"), 5, 2)
    page = (await browser(diane).get(f"{here}/diet-order?draft={row.id}")).text
    assert '<option value="CARDIAC" selected>' in page
    assert '<option value="IDDSI5" selected>' in page
    assert hidden(page, "draft") == str(row.id)


async def test_a_wrong_password_loses_nothing_that_was_typed(make, diane, amina, browser):
    await make.menu()
    answer = await browser(diane).post(
        f"/health-profiles/{amina.patient}/diet-order/sign",
        written(password="not it", fluid="1500", reason="heart failure", food="IDDSI6", drink="0"),
    )
    assert answer.status_code == 422
    for kept in (
        'value="1500"',
        'value="heart failure"',
        '<option value="IDDSI6" selected>',
        '<option value="0" selected>',
    ):
        assert kept in answer.text
    assert "not it" not in answer.text
    assert await queries.orders_of(diane, amina.patient) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"password": ""}, {"allergies": ""}, {"diet": ""}, {"diet": "NO-SUCH"}, {"end": local(-3)},
        {"start": "yesterday"}, {"fluid": "-1"}, {"fluid": "lots"}, {"drink": "9"}, {"potassium": str(2**31)},
    ],
)  # fmt: skip
async def test_bad_input_is_422_with_words(make, diane, amina, browser, changes):
    await make.menu()
    answer = await browser(diane).post(f"/health-profiles/{amina.patient}/diet-order/sign", written(**changes))
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert await queries.orders_of(diane, amina.patient) == []


@pytest.mark.req("A3")
async def test_a_hard_clash_is_shown_with_both_rules_before_and_at_signing(make, diane, amina, browser):
    await make.menu()
    await service.sign(diane, amina.patient, order("CCHO75"))
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    aside = (await doctor.post(f"{here}/preview", written(diet="CCHO45", password=""), htmx=True)).text
    assert aside.startswith("<aside") or element(aside, "before")
    assert "No meal can meet both" in aside
    assert "Diabetes diet, 75 g: at least 60 g" in aside
    assert "Diabetes diet, 45 g: at most 50 g" in aside
    answer = await doctor.post(f"{here}/sign", written(diet="CCHO45"))
    assert answer.status_code == 409
    assert "two rules cannot be met together" in answer.text
    assert "No meal can meet both" in element(answer.text, "before")


@pytest.mark.req("A3")
async def test_a_soft_clash_is_decided_on_the_form(make, diane, browser):
    await make.menu()
    patient = (await make.patient(weight_kg="60")).patient
    await service.sign(diane, patient, order("RENAL-ND"))
    doctor = browser(diane)
    here = f"/health-profiles/{patient}/diet-order"
    answer = await doctor.post(f"{here}/sign", written(diet="HPHE"))
    assert answer.status_code == 409
    offered = re.findall(r'name="(ruling\d)" value="([^"]*\|RENAL-ND)"', answer.text)
    assert offered
    assert (await doctor.post(f"{here}/sign", written(diet="HPHE", **dict(offered)))).status_code == 303
    assert {row.codes[0] for row in await queries.diet_now(diane, patient)} == {"RENAL-ND", "HPHE"}


@pytest.mark.req("A1")
async def test_the_second_doctor_sees_the_newer_order_with_name_and_time(make, diane, amina, browser):
    await make.menu()
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}/diet-order"
    seen = hidden((await doctor.get(here)).text, "seen")
    await doctor.post(f"{here}/sign", written(seen=seen))
    answer = await doctor.post(f"{here}/sign", written(diet="GF", seen=seen, reason="coeliac"))
    assert answer.status_code == 409
    assert f"{diane.name} changed this diet at" in answer.text
    assert 'value="coeliac"' in answer.text
    assert "Heart diet" in element(answer.text, "strip")
    assert hidden(answer.text, "seen") != seen


async def test_check_works_without_javascript(make, diane, amina, browser):
    await make.menu()
    answer = await browser(diane).post(
        f"/health-profiles/{amina.patient}/diet-order/preview", written(diet="VEGAN", password="", reason="wish")
    )
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert 'value="wish"' in answer.text
    assert "Nothing stands against signing." in element(answer.text, "before")
    assert "No meat, fish, eggs or milk" in element(answer.text, "plain")
    assert re.search(r"\d+ of \d+ dishes suit", answer.text)


async def test_a_favourite_fills_the_form(make, diane, amina, browser):
    await make.menu()
    page = (await browser(diane).get(f"/health-profiles/{amina.patient}/diet-order?use=kidney_soft")).text
    for filled in (
        '<option value="RENAL-ND" selected>',
        '<option value="IDDSI6" selected>',
        '<option value="0" selected>',
    ):
        assert filled in page


async def test_an_order_is_renewed_and_stopped_from_the_patients_page(make, diane, amina, browser):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    doctor = browser(diane)
    here = f"/health-profiles/{amina.patient}"
    page = (await doctor.get(f"{here}/diet-order?renew={signed}")).text
    assert f'<option value="{signed}" selected>' in page
    wrong = await doctor.post(f"{here}/diet-orders/{signed}/revoke", {"end_reason": ""})
    assert wrong.status_code == 422
    await doctor.post(f"{here}/diet-orders/{signed}/revoke", {"end_reason": "well again"})
    page = (await doctor.get(here)).text
    assert "No diet written: no meal can be sent" in element(page, "now")
    assert "Diet order stopped</b>: Heart diet, well again" in element(page, "history")


# The nutritionist


@pytest.mark.req("A2")
async def test_the_worklist_says_how_many_and_why(make, chantal, amina, browser):
    await make.menu()
    await service.find_patients_without_order(make.actor)
    page = (await browser(chantal).get("/nutritionist/")).text
    assert "1 person needs you today" in page
    assert "No diet order" in element(page, f"work-{amina.patient}")
    task = (await queries.open_tasks(chantal))[0]
    assert f"/health-profiles/{amina.patient}" in element(page, f"task-{task.id}")


async def test_a_task_is_done_with_and_without_javascript(make, chantal, amina, browser):
    await make.menu()
    desk = browser(chantal)
    first = await service.open_task(make.actor, "special_request", patient=amina.patient, about="order:1")
    answer = await desk.post(f"/nutritionist/tasks/{first}/done")
    assert (answer.status_code, answer.headers["location"]) == (303, "/nutritionist/")
    second = await service.open_task(make.actor, "some_new_kind", patient=amina.patient, about="order:2")
    assert "Something waits" in (await desk.get("/nutritionist/")).text
    answer = await desk.post(f"/nutritionist/tasks/{second}/done", htmx=True)
    assert element(answer.text, "worklist")
    assert element(answer.text, f"task-{second}") == ""
    assert (await desk.post(f"/nutritionist/tasks/{second}/done")).status_code == 404


async def test_with_nobody_waiting_the_desk_says_so(make, chantal, browser):
    page = (await browser(chantal).get("/nutritionist/")).text
    assert "Nobody needs you now" in page


async def test_the_manual_shows_every_diet_with_its_source_and_that_it_waits(make, diane, chantal, browser):
    await make.menu()
    for who in (diane, chantal):
        page = (await browser(who).get("/nutritionist/manual")).text
        assert page.count('<section class="panel" id="diet-') == 34
        assert "34 diets wait for the nutritionist's sign-off".replace("'", "&#39;") in page
        assert "Carbohydrate, g" in element(page, "diet-CCHO60")
        assert "Waits for sign-off" in element(page, "diet-CCHO60")


@pytest.fixture
async def busy(make, bosco, diane, amina):
    """A patient with something in every part of the page."""
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "milk", "severe")
    await service.sign(diane, amina.patient, order("CCHO60", food_level=5, drink_level=2))
    await service.hold(bosco, amina.patient, "test", clock.now())
    return amina.patient


@pytest.mark.parametrize("lang", ["rw", "fr"])
async def test_every_page_speaks_the_other_languages(busy, chantal, diane, browser, lang):
    desk, doctor = browser(chantal), browser(diane)
    here = f"/health-profiles/{busy}"
    for page in (
        desk.get(f"/nutritionist/?lang={lang}"), desk.get(f"/nutritionist/manual?lang={lang}"),
        doctor.get(f"/health-profiles/?lang={lang}"), doctor.get(f"{here}?lang={lang}"),
        doctor.get(f"{here}/diet-order?use=heart&lang={lang}"),
    ):  # fmt: skip
        answer = await page
        assert answer.status_code == 200
        assert f'<html lang="{lang}"' in answer.text
