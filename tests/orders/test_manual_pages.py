"""The manual and the flags on screens: drafted, looked at, signed, compared, gone back to; notes where food is chosen."""

import re

import pytest

from dusangire.diets import queries as diets
from dusangire.diets import service
from dusangire.kernel.access import Role
from tests.make import PASSWORD, element


@pytest.fixture
async def other(make):
    return await make.user("Solange Uwimana", Role.NUTRITIONIST)


def seen(html):
    """The draft and revision a page was drawn from."""
    draft = re.search(r'name="draft" value="([0-9a-f-]+)"', html)
    revision = re.search(r'name="revision" value="(\d+)"', html)
    assert draft
    assert revision
    return {"draft": draft.group(1), "revision": revision.group(1)}


RULE = {"rule_kind": "limit", "subject": "sodium_mg", "scope": "item", "max": "50", "severity": "hard"}


async def drafted(page):
    """A draft with one rule more, as a nutritionist writes it; returns what the preview is signed with."""
    assert (await page.post("/manual/draft")).status_code == 303
    at = "/manual/draft/diets/REG"
    made = await page.post(f"{at}/rules", RULE | {"rule_source": "Ward round"} | seen((await page.get(at)).text))
    assert made.status_code == 303
    return seen((await page.get("/manual/draft/preview")).text)


@pytest.mark.req("A22")
async def test_a_rule_is_drafted_looked_at_and_signed_on_screens(bedside, chantal, other, browser):
    tray = await bedside.order("BEF-STW", "RICE")
    await drafted(browser(chantal))
    page = browser(other)
    preview = (await page.get("/manual/draft/preview")).text
    trial = element(preview, "trial")
    assert "Would be stopped: 1" in trial
    assert "Beef stew" in trial
    assert "≤ 50" in preview
    bad = await page.post("/manual/draft/sign", {**seen(preview), "password": "guess"})
    assert bad.status_code == 422
    assert 'id="password-error"' in bad.text
    done = await page.post("/manual/draft/sign", {**seen(preview), "password": PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/manual/versions/2")
    version = (await page.get("/manual/versions/2")).text
    assert f"signed by {other.name}" in version
    assert "In force" in version
    order = element((await page.get(f"/orders/{tray.id}")).text, "checks")
    assert "Diet manual version 1" in order
    assert "/manual/versions/1" in order


@pytest.mark.req("A22")
async def test_who_wrote_it_is_told_that_another_has_to_sign(bedside, chantal, other, browser):
    page = browser(chantal)
    found = await drafted(page)
    answer = await page.post("/manual/draft/sign", {**found, "password": PASSWORD})
    assert answer.status_code == 403
    assert "Another nutritionist has to sign it" in answer.text


@pytest.mark.req("A22")
async def test_a_stale_page_is_refused_with_who_was_first(bedside, chantal, other, browser):
    found = await drafted(browser(chantal))
    page = browser(other)
    at = "/manual/draft/diets/REG"
    more = RULE | {"scope": "meal", "max": "3000", "rule_source": "Ward round"}
    assert (await page.post(f"{at}/rules", more | found)).status_code == 303
    late = await page.post("/manual/draft/sign", {**found, "password": PASSWORD})
    assert late.status_code == 409
    assert other.name in late.text


@pytest.mark.req("A22")
@pytest.mark.parametrize(
    ("path", "typed", "kept"),
    [
        (
            "/manual/draft/diets/REG",
            {
                "name_en": "Regular",
                "name_fr": "Normal",
                "name_rw": "Isanzwe",
                "kind": "base",
                "note": "Typed at length",
            },
            ">Typed at length</textarea>",
        ),
        ("/manual/draft/note", {"said": "Typed at length"}, 'value="Typed at length"'),
    ],
)
async def test_what_was_typed_on_a_stale_page_of_the_draft_is_kept(bedside, chantal, other, browser, path, typed, kept):
    found = await drafted(browser(chantal))
    more = RULE | {"scope": "meal", "max": "3000", "rule_source": "Ward round"}
    assert (await browser(other).post("/manual/draft/diets/REG/rules", more | found)).status_code == 303
    late = await browser(chantal).post(path, typed | found)
    assert late.status_code == 409
    assert kept in late.text
    assert other.name in late.text


@pytest.mark.req("A22")
@pytest.mark.parametrize(
    ("path", "form", "field"),
    [
        ("/manual/draft/diets/REG/rules", {**RULE, "rule_source": "", "max": "many"}, "rule_source-error"),
        ("/manual/draft/diets/REG", {"name_en": "", "kind": "base"}, "name_en-error"),
        ("/manual/draft/diets", {"code": "X", "kind": "base"}, "name_en-error"),
        ("/manual/draft/notes", {"flag": "warfarin", "subject_kind": "food", "text_key": "x"}, "subject-error"),
    ],
)
async def test_a_wrong_form_comes_back_with_its_errors(bedside, chantal, browser, path, form, field):
    page = browser(chantal)
    await page.post("/manual/draft")
    answer = await page.post(path, form | seen((await page.get("/manual/draft")).text))
    assert answer.status_code == 422
    assert f'id="{field}"' in answer.text


@pytest.mark.req("A22")
async def test_a_draft_that_contradicts_itself_cannot_be_signed_on_the_page(bedside, chantal, other, browser):
    page = browser(chantal)
    await page.post("/manual/draft")
    at = "/manual/draft/diets/REG"
    wrong = RULE | {"min": "90", "rule_source": "Ward round"} | seen((await page.get(at)).text)
    await page.post(f"{at}/rules", wrong)
    preview = (await browser(other).get("/manual/draft/preview")).text
    assert "leave nothing" in preview
    assert "Sign this version" not in preview


@pytest.mark.req("A22")
async def test_rules_and_notes_are_changed_and_removed_and_a_draft_dropped(bedside, chantal, browser):
    page = browser(chantal)
    await page.post("/manual/draft")
    at = "/manual/draft/diets/REG"
    first = (await diets.open_draft(chantal)).book.diet("REG").rules[0]
    place = "|".join(first.place)
    form = element((await page.get(f"{at}?rule={place}")).text, "rule-form")
    assert "Change a rule" in form
    changed = {
        "rule_kind": first.rule_kind, "subject": first.subject, "scope": first.scope, "min": "1700", "max": "2500",
        "severity": first.severity, "rule_source": first.source, "old": place,
    }  # fmt: skip
    await page.post(f"{at}/rules", changed | seen((await page.get(at)).text))
    assert (await diets.open_draft(chantal)).book.diet("REG").rules[0].max == 2500
    await page.post(f"{at}/rules/remove", {"place": place} | seen((await page.get(at)).text))
    assert first.place not in [rule.place for rule in (await diets.open_draft(chantal)).book.diet("REG").rules]
    note = {
        "flag": "warfarin", "subject_kind": "food", "subject": "avocado", "note_kind": "ask",
        "text_key": "medicine.note.keep_constant", "note_source": "Pharmacist",
    }  # fmt: skip
    answer = await page.post("/manual/draft/notes", note | seen((await page.get("/manual/draft")).text))
    assert answer.status_code == 303
    gone = {"place": "warfarin|tag|high_vitamin_k"} | seen((await page.get("/manual/draft")).text)
    await page.post("/manual/draft/notes/remove", gone)
    notes = [one.place for one in (await diets.open_draft(chantal)).book.notes]
    assert ("warfarin", "food", "avocado") in notes
    assert ("warfarin", "tag", "high_vitamin_k") not in notes
    assert len((await diets.manual(chantal)).notes) == len(notes)
    await page.post("/manual/draft/drop", seen((await page.get("/manual/draft")).text))
    assert await diets.open_draft(chantal) is None
    assert (await page.get("/manual/draft")).status_code == 200


@pytest.mark.req("A22")
async def test_any_version_is_compared_with_another_and_gone_back_to(bedside, chantal, other, browser):
    found = await drafted(browser(chantal))
    page = browser(other)
    await page.post("/manual/draft/sign", {**found, "password": PASSWORD})
    compared = (await page.get("/manual/versions/2/compare?with=1")).text
    assert "Version 1 beside version 2" in compared
    assert "≤ 50" in compared
    assert (await page.get("/manual/versions/2/compare?with=nonsense")).status_code == 200
    assert (await page.get("/manual/versions/9")).status_code == 404
    assert (await page.post("/manual/versions/1/draft")).status_code == 303
    assert "Begun from version 1" in (await page.get("/manual/draft")).text


@pytest.mark.req("A22")
async def test_a_nurse_reads_versions_and_writes_nothing(bedside, bosco, browser):
    page = browser(bosco)
    assert (await page.get("/manual/versions")).status_code == 200
    assert (await page.post("/manual/draft")).status_code == 403
    assert (await page.get("/manual/draft")).status_code == 403


# Good to know


@pytest.mark.req("A19")
async def test_a_flag_is_set_on_the_chart_and_ended_there(bedside, diane, browser):
    page, at = browser(diane), f"/health-profiles/{bedside.id}"
    assert "Good to know" in (await page.get(at)).text
    bad = await page.post(f"{at}/flags", {"flag_kind": ""})
    assert bad.status_code == 422
    assert 'id="flag_kind-error"' in bad.text
    assert (await page.post(f"{at}/flags", {"flag_kind": "warfarin", "flag_note": "INR weekly"})).status_code == 303
    section = element((await page.get(at)).text, "good-to-know")
    assert "INR weekly" in section
    assert "keep constant" in section
    assert "dodo" in section.lower()
    again = await page.post(f"{at}/flags", {"flag_kind": "warfarin"})
    assert again.status_code == 409
    flag = (await diets.flag_rows(diane, bedside.id))[0]
    assert (await page.post(f"{at}/flags/{flag.id}/end")).status_code == 303
    assert "keep constant" not in (await page.get(at)).text


@pytest.mark.req("A19")
async def test_a_nurse_is_not_offered_medicines(bedside, bosco, browser):
    page, at = browser(bosco), f"/health-profiles/{bedside.id}"
    form = element((await page.get(f"{at}/flags")).text, "good-to-know")
    assert "Insulin with meals" in form
    assert 'value="warfarin"' not in form
    assert (await page.post(f"{at}/flags", {"flag_kind": "warfarin"})).status_code == 403


@pytest.mark.req("A19")
async def test_the_note_stands_on_the_dish_the_order_and_the_worklist_and_stops_nothing(
    bedside, diane, chantal, browser
):
    menu = browser(bedside.patient)
    before = element((await menu.get("/patient/?period=lunch")).text, "dish-DOD")
    assert "keep constant" not in before
    await service.set_flag(diane, bedside.id, "warfarin")
    tomorrow = (await bedside.sitting()).day
    card = element((await menu.get(f"/patient/?day={tomorrow}&period=lunch")).text, "dish-DOD")
    assert "keep constant" in card
    assert "Warfarin" in card
    tray = await bedside.order("RICE", "DOD")
    page = browser(chantal)
    shown = element((await page.get(f"/orders/{tray.id}")).text, "medicines")
    assert "keep constant" in shown
    assert "dodo" in shown.lower()
    assert "A medicine that meets food" in (await page.get("/nutritionist/")).text


@pytest.mark.req("A19")
async def test_a_patient_does_not_read_the_notes_for_staff(bedside, diane, browser):
    await service.set_flag(diane, bedside.id, "warfarin")
    tray = await bedside.order("RICE", "DOD")
    answer = await browser(bedside.patient).get(f"/orders/{tray.id}")
    assert element(answer.text, "medicines") == ""
    assert element(answer.text, "checks") == ""


@pytest.mark.req("A19")
async def test_the_page_of_one_dish_says_what_a_medicine_has_to_do_with_it(bedside, diane, bosco, browser):
    day = (await bedside.sitting()).day
    at = f"/patient/dish/DOD?for={bedside.id}&day={day}&period=lunch"
    assert "keep constant" not in (await browser(bosco).get(at)).text
    await service.set_flag(diane, bedside.id, "warfarin")
    for who, path in ((bosco, at), (bedside.patient, f"/patient/dish/DOD?day={day}&period=lunch")):
        shown = (await browser(who).get(path)).text
        assert "Warfarin: keep constant" in shown
    other_dish = await browser(bosco).get(at.replace("DOD", "RICE"))
    assert other_dish.status_code == 200
    assert "keep constant" not in other_dish.text
