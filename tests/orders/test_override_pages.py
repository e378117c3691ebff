"""Pages of overrides and of the switch that holds all trays: right, wrong, without JavaScript, by role and hospital."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries, service
from dusangire.orders.rules import FOR_STAFF, Status, for_staff
from dusangire.orders.service import Signature
from tests.make import PASSWORD, Browser, Make, element
from tests.orders.conftest import Bedside
from tests.orders.test_moving import bring_to
from tests.orders.test_overrides import FISH, SIGNED, held_for_fish, overridden

Open = Callable[[Actor | None], Browser]
WHICH = "ALLERGY|contains|fish|item||TIL"


def form(**changes: str) -> dict[str, str]:
    return {"which": WHICH, "words": "the patient ate it yesterday", "password": PASSWORD} | changes


@pytest.mark.req("A16")
async def test_a_doctor_overrides_on_the_held_orders_page_and_a_nutritionist_agrees(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    doctor, nutritionist = browser(diane), browser(chantal)
    page = (await doctor.get(f"/orders/{order.id}")).text
    assert f'href="/orders/{order.id}/override"' in page
    ask = (await doctor.get(f"/orders/{order.id}/override")).text
    for said in (
        "Amina Uwase",
        "ilapia",
        "Severe allergy. Recorded by Bosco Habimana",
        "The patient is allergic to it",
        "a second person must agree",
        "Counts until",
    ):
        assert said.split(".")[0] in ask, said
    assert f'value="{WHICH}" checked' in ask
    answer = await doctor.post(f"/orders/{order.id}/override", form())
    assert answer.status_code == 303
    at = answer.headers["location"].partition("?")[0]
    own = (await doctor.get(at)).text
    assert "Waits for a second person" in own
    assert 'id="second"' not in own
    assert at in (await nutritionist.get("/nutritionist/")).text
    assert 'id="second"' in (await nutritionist.get(at)).text
    assert (await nutritionist.post(f"{at}/second", {"password": PASSWORD})).status_code == 303
    assert "Counts" in element((await doctor.get(f"/orders/{order.id}")).text, "overrides")
    assert (await browser(bosco).post(f"/orders/{order.id}/release")).status_code == 303
    assert (await queries.order(bosco, order.id)).status is Status.CONFIRMED


@pytest.mark.req("A16")
async def test_the_doctors_desk_shows_what_waits_for_a_second_person_but_not_to_the_first(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(chantal, order.id, FISH, SIGNED)
    desk = element((await browser(diane).get("/health-profiles/?show=all")).text, "seconds")
    assert f'href="/overrides/{made}"' in desk
    assert "Chantal Uwera: the patient ate it yesterday" in desk
    assert element((await browser(chantal).get("/health-profiles/?show=all")).text, "seconds") == ""


@pytest.mark.req("A16")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"words": ""}, "words-error"),
        ({"password": ""}, "password-error"),
        ({"password": "wrong"}, "password-error"),
        ({"which": ""}, 'href="#which"'),
        ({"which": "nonsense"}, 'href="#which"'),
        ({"which": "VEG|require|vegetarian|item||TIL"}, 'href="#which"'),
    ],
)
async def test_a_wrong_form_comes_back_with_what_was_typed(
    bedside: Bedside, bosco: Actor, diane: Actor, browser: Open, changes: dict[str, str], says: str
) -> None:
    order = await held_for_fish(bedside, bosco)
    answer = await browser(diane).post(f"/orders/{order.id}/override", form(**changes))
    assert answer.status_code == 422
    assert says in answer.text
    if "words" not in changes:
        assert "the patient ate it yesterday" in answer.text
    assert await diet_queries.open_overrides(diane) == ()


@pytest.mark.req("A16")
async def test_a_wrong_password_of_the_second_person_comes_back_and_their_own_override_is_refused(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    wrong = await browser(chantal).post(f"/overrides/{made}/second", {"password": "wrong"})
    assert (wrong.status_code, "password-error" in wrong.text) == (422, True)
    assert (await browser(chantal).post(f"/overrides/{made}/second", {})).status_code == 422
    own = await browser(diane).post(f"/overrides/{made}/second", {"password": PASSWORD})
    assert (own.status_code, "somebody else must agree" in own.text) == (403, True)


@pytest.mark.req("A16", "A4")
async def test_what_nobody_may_override_is_said_and_offers_no_form(
    bedside: Bedside, bosco: Actor, diane: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco, "anaphylaxis")
    page = (await browser(diane).get(f"/orders/{order.id}/override")).text
    assert "This allergy can kill" in page
    assert 'id="give"' not in page
    answer = await browser(diane).post(f"/orders/{order.id}/override", form())
    assert answer.status_code == 422
    assert await diet_queries.open_overrides(diane) == ()


@pytest.mark.req("A16", "N7")
async def test_others_have_no_such_page_and_another_hospital_finds_nothing(
    bedside: Bedside, bosco: Actor, diane: Actor, didier: Actor, make: Make, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    stranger = browser(await (await make.other()).user("Strange Doctor", Role.DOCTOR))
    for path in (f"/orders/{order.id}/override", f"/overrides/{made}"):
        assert (await stranger.get(path)).status_code == 404
        for who in (bosco, didier, bedside.patient):
            assert (await browser(who).get(path)).status_code == 403
    assert (await stranger.post(f"/orders/{order.id}/override", form())).status_code == 404
    assert (await stranger.post(f"/overrides/{made}/withdraw")).status_code == 404
    assert str(made) not in (await stranger.get("/overrides/")).text


@pytest.mark.req("A16")
async def test_a_nutritionist_overrides_a_dish_and_adds_it_to_the_tray(
    bedside: Bedside, chantal: Actor, bosco: Actor, browser: Open
) -> None:
    await bedside.diet("VEG")
    at = await bedside.sitting()
    query = {"for": str(bedside.id), "day": str(at.day), "period": "lunch"}
    opened = browser(chantal)
    dish = (await opened.get("/patient/dish/TIL", params=query)).text
    assert "/patient/dish/TIL/override" in dish
    assert "/override" not in (await browser(bosco).get("/patient/dish/TIL", params=query)).text
    page = await opened.get("/patient/dish/TIL/override", params=query)
    assert page.status_code == 200, page.text[:300]
    said = {"which": "VEG|require|vegetarian|item||TIL", "at": f"{at.day}.lunch.{bedside.id}"}
    answer = await opened.post("/patient/dish/TIL/override", form(**said))
    assert answer.status_code == 303, answer.text[:2000]
    one = (await opened.get(answer.headers["location"])).text
    assert 'aria-label="Add ' in one
    added = await opened.post("/cart/add", {"at": said["at"], "dish": "TIL", "portion": "1", "back": "dish"})
    assert added.status_code == 303
    assert 'aria-label="Add' in (await opened.get("/patient/dish/TIL", params=query)).text
    cart = await queries.cart(chantal, bedside.id, at.day, "lunch")
    assert [line.dish_code for line in cart.lines] == ["TIL"]


@pytest.mark.req("A16")
async def test_ticket_wall_and_label_print_the_override(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, didier: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    await overridden(order, diane, chantal)
    await service.release(bosco, order.id)
    cook = browser(didier)
    wall = element((await cook.get("/kitchen/")).text, f"ticket-{order.id}")
    assert "OVERRIDE: Contains: Fish" in wall
    label = (await cook.get(f"/kitchen/tickets/{order.id}")).text
    assert "OVERRIDE" in label
    assert "yesterday" in label
    pdf = await cook.get(f"/kitchen/tickets/{order.id}.pdf")
    assert pdf.content.startswith(b"%PDF")


@pytest.mark.req("A16")
async def test_the_carrier_reads_the_override_at_the_bed(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, didier: Actor, esther: Actor, browser: Open
) -> None:
    from dusangire.delivery import service as delivery

    order = await held_for_fish(bedside, bosco)
    await overridden(order, diane, chantal)
    order = await bring_to(didier, await service.release(bosco, order.id), Status.READY)
    await delivery.collect(esther, order.id)
    page = (await browser(esther).get(f"/delivery/{order.id}/hand-over")).text
    assert "OVERRIDE: Contains: Fish" in page
    assert "by Diane + Chantal" in page


@pytest.mark.req("A16")
async def test_the_months_report_says_who_why_and_whether_it_was_used(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, grace: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await overridden(order, diane, chantal)
    before = element((await browser(grace).get("/analytics/overrides")).text, f"override-{made}")
    assert "Not used" in before
    await service.release(bosco, order.id)
    month = clock.local_day(clock.now(), grace.zone).strftime("%Y-%m")
    row = element((await browser(grace).get(f"/analytics/overrides?month={month}")).text, f"override-{made}")
    for said in ("Diane Mukamana", "Chantal Uwera", SIGNED.words, "Gates passed: 1", "Amina Uwase"):
        assert said in row, said
    assert "No override was given" in (await browser(chantal).get("/analytics/overrides?month=2001-01")).text
    assert (await browser(grace).get("/analytics/overrides?month=x")).status_code == 200
    assert (await browser(bosco).get("/analytics/overrides")).status_code == 403


# All trays held


@pytest.mark.req("A13")
async def test_every_screen_says_that_all_trays_are_held(
    bedside: Bedside,
    diane: Actor,
    didier: Actor,
    esther: Actor,
    bosco: Actor,
    chantal: Actor,
    grace: Actor,
    browser: Open,
) -> None:
    for who, page in ((grace, "/admin/"), (chantal, "/nutritionist/"), (diane, "/health-profiles/")):
        assert 'href="/meals/stop"' in (await browser(who).get(page)).text
    cook, ward = browser(didier), browser(bosco)
    assert element((await cook.get("/kitchen/")).text, "all-held") == ""
    done = await browser(grace).post("/meals/stop", {"reason": "a wrong delivery of flour", "password": PASSWORD})
    assert done.status_code == 303
    for who, page in ((cook, "/kitchen/"), (browser(esther), "/delivery/"), (ward, "/wards/"), (ward, "/wards/A")):
        banner = element((await who.get(page)).text, "all-held")
        assert "All trays are held" in banner, page
        assert "a wrong delivery of flour" in banner, page
    patient = element((await browser(bedside.patient).get("/patient/")).text, "all-held")
    assert "Nobody is forgotten" in patient
    assert "flour" not in patient
    assert (await browser(diane).post("/meals/stop/lift", {"password": PASSWORD})).status_code == 303
    assert element((await cook.get("/kitchen/")).text, "all-held") == ""
    assert element((await browser(bedside.patient).get("/patient/")).text, "all-held") == ""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"reason": "", "password": PASSWORD}, 422),
        ({"reason": "a reason"}, 422),
        ({"reason": "a reason", "password": "wrong"}, 422),
    ],
)
async def test_a_wrong_stop_comes_back_and_stops_nothing(
    bedside: Bedside, diane: Actor, browser: Open, data: dict[str, str], status: int
) -> None:
    answer = await browser(diane).post("/meals/stop", data)
    assert answer.status_code == status
    assert "problem" in answer.text
    assert await diet_queries.meal_stop(diane) is None
    assert (await browser(diane).post("/meals/stop/lift", {"password": "wrong"})).status_code == 422


async def test_a_cook_who_starts_a_tray_while_all_are_held_is_told_why(
    bedside: Bedside, didier: Actor, diane: Actor, browser: Open
) -> None:
    order = await bedside.order("CHK-STW")
    await diets.hold_all_trays(diane, "a wrong delivery", PASSWORD)
    for htmx in (False, True):
        answer = await browser(didier).post(f"/kitchen/orders/{order.id}/start", htmx=htmx)
        assert answer.status_code == 409
        assert "All trays have been held since" in answer.text


# Special requests in free words


@pytest.mark.req("A7", "A12")
async def test_a_request_that_names_an_allergen_is_asked_about_before_anything_is_cooked(
    bedside: Bedside, chantal: Actor, bosco: Actor, browser: Open
) -> None:
    other = await bedside.order("CHK-STW", period="dinner")
    await bedside.choose("CHK-STW")
    with pytest.raises(Refusal) as refused:
        await service.place(bedside.patient, await bedside.checkout(request="No nuts please; thank you"))
    assert refused.value.key == "uncoded.refused"
    known = await diet_queries.safety(chantal, bedside.id)
    assert known.uncoded_text == "No nuts please, thank you"
    assert [task.kind for task in await diet_queries.open_tasks(chantal, bedside.id)] == ["uncoded_allergy"]
    assert await queries.last_placed(bosco, bedside.id, (await bedside.sitting()).day, "lunch") is None
    assert (await queries.order(bosco, other.id)).status is Status.HELD
    await diets.not_an_allergy(chantal, bedside.id, "No nuts please, thank you")
    made = await service.place(bedside.patient, await bedside.checkout(request="No nuts please; thank you"))
    assert (await queries.order(bosco, made)).status is Status.CONFIRMED


@pytest.mark.req("A7")
@pytest.mark.parametrize("words", ["Soft rice, please", "no milk please", "", "less salt"])
async def test_a_wish_that_names_nothing_new_is_ordered_as_ever(bedside: Bedside, bosco: Actor, words: str) -> None:
    await diets.add_allergy(bosco, bedside.id, "milk", "moderate")
    order = await bedside.order("CHK-STW", request=words)
    assert order.status is Status.CONFIRMED


@pytest.mark.req("A7")
async def test_the_request_test_fails_when_words_are_not_read(
    bedside: Bedside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    async def nothing(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr("dusangire.diets.service.ask_about_words", nothing)
    order = await bedside.order("CHK-STW", request="no nuts please")
    assert order.status is Status.CONFIRMED


@pytest.mark.req("A7", "A12")
async def test_the_checkout_page_says_in_plain_words_that_a_person_is_asked(bedside: Bedside, browser: Open) -> None:
    await bedside.choose("CHK-STW")
    at = await bedside.sitting()
    said = {"key": "k" * 20, "at": f"{at.day}.lunch.", "pay": "cash", "place": "bed", "request": "sans arachides"}
    answer = await browser(bedside.patient).post("/checkout/", said)
    assert answer.status_code == 409
    assert "The nutritionist is asked now" in answer.text
    again = await browser(bedside.patient).post("/checkout/", said)
    assert again.status_code == 409


# Why a tray is held, by reader


@pytest.mark.req("A12")
async def test_the_patient_is_spoken_to_and_staff_read_of_the_patient(
    bedside: Bedside, bosco: Actor, didier: Actor, browser: Open
) -> None:
    order = await held_for_fish(bedside, bosco)
    own = (await browser(bedside.patient).get(f"/orders/{order.id}")).text
    assert "You are allergic to it" in own
    assert "Do not serve" not in own
    for who, page, part in (
        (bosco, f"/orders/{order.id}", f"order-{order.id}"),
        (didier, "/kitchen/", f"ticket-{order.id}"),
    ):
        staff = element((await browser(who).get(page)).text, part)
        assert "Do not serve: " in staff, page
        assert "The patient is allergic to it" in staff, page
        assert "You are allergic" not in staff, page


@pytest.mark.req("A12", "P1")
@pytest.mark.parametrize("key", sorted(FOR_STAFF))
@pytest.mark.parametrize("language", ["en", "fr", "rw"])
def test_each_reason_has_words_for_staff_that_address_nobody(key: str, language: str) -> None:
    said = text.say(language, f"hold.{key}").lower()
    assert text.placeholders(said) <= text.placeholders(text.say(language, key))
    addressed = {"en": (" you ", " your ", " you'"), "fr": (" vous ", " votre ", " vos "), "rw": ("ntimurye", " mwe")}
    assert not any(word in f" {said} " for word in addressed[language]), said


@pytest.mark.req("A12")
def test_every_reason_the_verdict_can_give_has_its_words_for_staff() -> None:
    import re
    from pathlib import Path

    source = (Path(__file__).resolve().parents[2] / "src/dusangire/orders/rules/why.py").read_text()
    said = set(re.findall(r'Phrase\(f?"((?:order\.why|verdict|npo|portal\.waiting)[a-z_.]*)"', source))
    spoken = {key for key in said if " you" in f" {text.say('en', key).lower()}" and key in FOR_STAFF}
    missing = {
        key
        for key in said
        if text.has(key) and re.search(r"\byou(r)?\b", text.say("en", key).lower()) and key not in FOR_STAFF
    }
    assert spoken
    assert missing <= {"order.why.portion", "order.why.empty", "order.why.no_dish"}


async def test_a_persons_own_words_stay_as_they_are(bedside: Bedside, bosco: Actor) -> None:
    from dusangire.orders.rules import Verb

    order = await bedside.order("CHK-STW")
    held = await service.advance(bosco, order.id, Verb.HOLD)
    assert held.why_held
    assert for_staff(held.why_held) == held.why_held


@pytest.mark.req("A16")
async def test_an_override_of_a_meal_that_is_over_is_refused(
    bedside: Bedside, bosco: Actor, diane: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await held_for_fish(bedside, bosco)
    now = clock.now()
    monkeypatch.setattr("dusangire.diets.service.overrides.clock.now", lambda: now + timedelta(days=3))
    with pytest.raises(Refusal):
        await service.override_tray(diane, order.id, FISH, Signature("too late", PASSWORD))
