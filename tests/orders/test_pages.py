"""The pages of ordering: menu, tray, checkout, tracking; by htmx and by plain forms; clear answers to bad input."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, system
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.orders import queries, service
from dusangire.orders.rules import Status
from tests.make import Browser, Make, element
from tests.orders.conftest import Bedside
from tests.orders.test_moving import bring_to

Open = Callable[[Actor | None], Browser]


async def at(bedside: Bedside, other: bool = False) -> str:
    chosen = await bedside.sitting()
    return f"{chosen.day}.lunch.{bedside.id if other else ''}"


async def menu_page(browser: Browser, bedside: Bedside, **more: str) -> str:
    chosen = await bedside.sitting()
    page = await browser.get("/patient/", params={"day": str(chosen.day), "period": "lunch", **more})
    assert page.status_code == 200, page.text[:500]
    return page.text


@pytest.mark.req("C2", "C14", "C15", "CHK-1.2.1", "CHK-1.2.2", "CHK-1.2.3", "CHK-1.2.8", "CHK-1.2.9")
async def test_the_menu_shows_what_suits_first_and_the_rest_with_reason_and_swap(
    bedside: Bedside, bosco: Actor, browser: Open
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "severe")
    await bedside.diet("CCHO60")
    html = await menu_page(browser(bedside.patient), bedside)
    assert "Allergy: Peanuts." in html
    assert "Diabetes diet" in element(html, "plan")
    assert html.index('id="suits"') < html.index('id="off"')
    assert 'aria-label="Add Chicken stew"' in element(html, "dish-CHK-STW")
    blocked = element(html, "dish-ISB")
    assert "dish--off" in blocked
    assert "Contains: Peanuts" in blocked
    assert "Try this instead" in blocked
    assert 'name="dish" value="ISB"' not in blocked
    assert "45 g least" in element(html, "meter")


@pytest.mark.req("A4", "C2")
async def test_a_fast_that_begins_later_is_told_as_such_and_not_as_a_fast_now(
    bedside: Bedside, diane: Actor, browser: Open
) -> None:
    lunch = await bedside.sitting()
    await diets.hold(diane, bedside.id, "Before your operation", lunch.serve_from - timedelta(hours=1))
    told = element(await menu_page(browser(bedside.patient), bedside), "stopped")
    assert "Planned from" in told
    assert "You can still order the meals before it" in told
    assert "not even water" not in told
    first = lunch.serve_from - timedelta(hours=3)
    await diets.hold(diane, bedside.id, "Before an X-ray", first)
    told = element(await menu_page(browser(bedside.patient), bedside), "stopped")
    assert f"Planned from {clock.local(first, diane.zone):%H:%M}" in told, "of two, the one that begins first"
    await diets.hold(diane, bedside.id, "Before your operation", clock.now())
    assert "not even water" in await menu_page(browser(bedside.patient), bedside)


@pytest.mark.req("A9", "C2")
async def test_a_plan_with_a_texture_does_not_say_that_all_ordinary_meals_may_be_eaten(
    bedside: Bedside, browser: Open
) -> None:
    ordinary = "all the ordinary meals"
    assert ordinary in element(await menu_page(browser(bedside.patient), bedside), "plan")
    await bedside.diet("IDDSI5", drink_level=1)
    plan = element(await menu_page(browser(bedside.patient), bedside), "plan")
    assert ordinary not in plan
    assert "cut very small" in plan
    assert "slightly thickened" in plan


@pytest.mark.req("C2", "A15")
async def test_what_the_menu_offers_is_exactly_what_the_verdict_allows_and_each_swap_passes(
    bedside: Bedside, bosco: Actor
) -> None:
    from dusangire.diets.rules import Gate, TrayLine

    await diets.add_allergy(bosco, bedside.id, "milk", "moderate")
    for codes in (("CCHO60", "NA2G"), ("RENAL-ND",), ("GF",), ("VEGAN",)):
        await bedside.diet(*codes)
        chosen = await bedside.sitting()
        found = await queries.portal(bedside.patient, bedside.id, chosen.day, "lunch")
        assert found.prepared
        for offer in found.shelf.all():
            allowed = found.prepared.judge((TrayLine(offer.card.code),), Gate.CART).is_allowed
            assert offer.is_offered is allowed, offer.card.code
            if offer.swap:
                assert found.prepared.judge((TrayLine(offer.swap.code),), Gate.CART).is_allowed


@pytest.mark.req("C3", "CHK-1.2.4", "CHK-1.2.5")
async def test_search_and_kind_narrow_the_menu_without_accents_as_one_types_and_by_a_plain_form(
    bedside: Bedside, browser: Open
) -> None:
    opened = browser(bedside.patient)
    chosen = await bedside.sitting()
    said = {"day": str(chosen.day), "period": "lunch"}
    part = await opened.get("/patient/dishes", params=said | {"q": "poulet"}, htmx=True)
    assert 'id="dish-CHK-STW"' in part.text
    assert 'id="dish-RICE"' not in part.text
    plain = await menu_page(opened, bedside, q="PÔMME", category="starch")
    assert 'id="dish-POT-BLD"' in plain
    assert 'id="dish-CHK-STW"' not in plain
    odd = await opened.get("/patient/dishes", params=said | {"q": "ح🥜\x00" * 30}, htmx=True)
    assert odd.status_code == 200


@pytest.mark.req("A2", "CHK-1.2.1")
async def test_without_a_diet_order_the_page_waits_and_offers_nothing(make: Make, amina: Actor, browser: Open) -> None:
    await make.menu()
    page = await browser(amina).get("/patient/")
    assert "We are waiting for the doctor to write your diet" in page.text
    assert 'aria-label="Add ' not in page.text


@pytest.mark.req("A4")
async def test_nothing_by_mouth_is_the_whole_answer(bedside: Bedside, diane: Actor, browser: Open) -> None:
    order = await bedside.order("CHK-STW")
    await diets.hold(diane, bedside.id, "Before your operation", clock.now())
    page = await browser(bedside.patient).get("/patient/")
    assert "Please do not eat or drink anything, not even water." in element(page.text, "npo")
    assert order.code in element(page.text, "npo")
    assert 'aria-label="Add ' not in page.text


@pytest.mark.req("C16", "A11", "CHK-1.3.1", "CHK-1.3.2", "CHK-1.3.5")
async def test_a_tap_redraws_meter_bar_and_the_lines_it_changed_within_six_kilobytes(
    bedside: Bedside, browser: Open
) -> None:
    import gzip

    await bedside.diet("CCHO60")
    opened = browser(bedside.patient)
    answer = await opened.post("/cart/add", {"at": await at(bedside), "dish": "POT-BLD"}, htmx=True)
    assert answer.status_code == 200
    assert "43.8 g" in element(answer.text, "meter")
    assert "1 dish" in element(answer.text, "tray-bar")
    assert 'hx-swap-oob="true"' in element(answer.text, "dish-POT-BLD")
    assert "dish--off" in element(answer.text, "dish-RICE")
    assert len(gzip.compress(answer.content, 4)) <= 6 * 1024


@pytest.mark.req("C16", "C4", "CHK-1.3.9")
async def test_the_tray_works_by_plain_forms_and_survives_another_device(bedside: Bedside, browser: Open) -> None:
    phone, tablet = browser(bedside.patient), browser(bedside.patient)
    said = {"at": await at(bedside), "dish": "POT-BLD", "back": "cart"}
    first = await phone.post("/cart/add", said)
    assert first.status_code == 303
    await phone.post("/cart/more", said | {"portion": "1"})
    await phone.post("/cart/portion", said | {"portion": "1", "new_portion": "0.5"})
    page = await tablet.get(first.headers["location"])
    assert "Boiled Irish potatoes" in page.text
    assert "FRW\u00a0500" in element(page.text, "sum-rows")
    await tablet.post("/cart/less", said | {"portion": "0.5"})
    await tablet.post("/cart/remove", said | {"portion": "0.5"})
    again = await phone.get(first.headers["location"])
    assert "You have chosen nothing yet." in again.text


@pytest.mark.req("A12", "CHK-1.3.3", "CHK-1.3.4")
async def test_a_crafted_post_for_a_forbidden_dish_is_answered_with_the_rule_in_plain_words(
    bedside: Bedside, bosco: Actor, browser: Open
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "severe")
    for htmx in (True, False):
        answer = await browser(bedside.patient).post("/cart/add", {"at": await at(bedside), "dish": "ISB"}, htmx=htmx)
        assert answer.status_code == 409
        assert "You are allergic to it" in answer.text


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "abc", "2147483648", "21"])
async def test_quantities_that_are_none_are_answered(bedside: Bedside, browser: Open, quantity: str) -> None:
    answer = await browser(bedside.patient).post(
        "/cart/add", {"at": await at(bedside), "dish": "POT-BLD", "quantity": quantity}
    )
    assert answer.status_code == 422
    assert not (await queries.cart(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")).lines


@pytest.mark.parametrize(("field", "value", "status"), [
    ("dish", "NO-SUCH", 404), ("dish", "🥜", 404), ("dish", "\x00", 404), ("dish", "مرحبا", 404), ("dish", "X" * 40, 422), ("dish", "EGG-OML' --", 404),
    ("portion", "0.7", 422), ("portion", "2", 422), ("portion", "x", 422), ("portion", "NaN", 422), ("at", "", 422), ("at", "tomorrow.lunch.", 422),
    ("at", "2020-01-01.lunch.", 409), ("at", "9999-12-01.lunch.", 422), ("at", "9999-12-31.lunch.", 422), ("at", "0001-01-01.lunch.", 422), ("at", "2020-01-01.lunch.018f0000-0000-7000-8000-000000000001", 404),
])  # fmt: skip
async def test_bad_taps_are_answered_clearly(
    bedside: Bedside, browser: Open, field: str, value: str, status: int
) -> None:
    answer = await browser(bedside.patient).post(
        "/cart/add", {"at": await at(bedside), "dish": "POT-BLD", field: value}
    )
    assert answer.status_code == status, answer.text[:400]
    assert not (await queries.cart(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")).lines


@pytest.mark.req("C17", "CHK-1.4.3", "CHK-1.4.4", "CHK-1.4.8")
async def test_checkout_by_a_plain_form_leads_to_the_order_with_its_number_and_a_second_tap_to_the_same(
    bedside: Bedside, browser: Open
) -> None:
    opened = browser(bedside.patient)
    await bedside.choose("CHK-STW", "POT-BLD")
    chosen = await bedside.sitting()
    page = await opened.get("/checkout/", params={"day": str(chosen.day), "period": "lunch"})
    assert "Place order" in page.text
    assert "To my bed (A-001)" in page.text
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    assert key
    form = {"key": key.group(1), "at": await at(bedside), "pay": "cash", "place": "bed", "request": "umuceri بلا 🙏"}
    first, second = await asyncio.gather(opened.post("/checkout/", form), opened.post("/checkout/", form))
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    order = await opened.get(first.headers["location"])
    assert re.search(r"Your order number is L-[A-Z0-9]{5}", order.text)
    assert "umuceri بلا 🙏" in order.text


@pytest.mark.req("C17")
async def test_checkout_keeps_what_was_typed_and_says_what_is_missing(bedside: Bedside, browser: Open) -> None:
    opened = browser(bedside.patient)
    await bedside.choose("CHK-STW")
    form = {"key": "k" * 20, "at": await at(bedside), "pay": "gold", "place": "staff_area", "request": "no onions"}
    wrong = await opened.post("/checkout/", form)
    assert wrong.status_code == 422
    assert "no onions" in wrong.text
    assert "Choose one" in wrong.text
    where = await opened.post("/checkout/", form | {"pay": "cash"})
    assert where.status_code == 422
    assert "Type the name of the staff area." in where.text


@pytest.mark.req("A10", "P4")
async def test_a_tray_that_does_not_meet_the_diet_is_refused_on_the_page_with_a_new_key(
    bedside: Bedside, browser: Open
) -> None:
    await bedside.diet("CCHO60")
    await bedside.choose("CHK-STW")
    form = {"key": "k" * 20, "at": await at(bedside), "pay": "cash"}
    refused = await browser(bedside.patient).post("/checkout/", form)
    assert refused.status_code == 409
    assert "You need at least 45 g." in refused.text
    assert 'value="kkkkkkkkkkkkkkkkkkkk"' not in refused.text


@pytest.mark.req("C18", "CHK-1.7.3")
async def test_the_order_page_shows_each_step_the_carrier_and_the_receipt(
    bedside: Bedside, didier: Actor, esther: Actor, browser: Open
) -> None:
    opened = browser(bedside.patient)
    order = await bedside.order("CHK-STW")
    assert "Order confirmed" in (await opened.get(f"/orders/{order.id}")).text
    order = await bring_to(didier, order, Status.READY)
    from dusangire.orders.rules import Verb

    for verb in (Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER):
        await service.advance(esther, order.id, verb)
    page = (await opened.get(f"/orders/{order.id}")).text
    assert "Esther brings it" in page
    assert "Ingabire" not in page
    assert "I got it" in page
    done = await opened.post(f"/orders/{order.id}/complete")
    assert done.status_code == 303
    bad = await opened.post(f"/orders/{order.id}/rate", {"stars": "9"})
    assert bad.status_code == 422
    assert (await opened.post(f"/orders/{order.id}/rate", {"stars": "5", "reason": "good"})).status_code == 303
    assert (await opened.post(f"/orders/{order.id}/problem", {"words": ""})).status_code == 422
    assert (await opened.post(f"/orders/{order.id}/problem", {"words": "No spoon"})).status_code == 303
    receipt = (await opened.get(f"/orders/{order.id}/receipt")).text
    assert order.code in receipt
    assert "paid" in receipt


@pytest.mark.req("CHK-1.6.10")
async def test_staff_see_the_whole_history_with_names_and_patients_do_not(
    bedside: Bedside, didier: Actor, bosco: Actor, browser: Open
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.READY)
    staff = (await browser(bosco).get(f"/orders/{order.id}")).text
    assert "Didier Nkusi" in element(staff, f"history-{order.id}")
    patient = (await browser(bedside.patient).get(f"/orders/{order.id}")).text
    assert "Didier Nkusi" not in patient
    assert element(patient, f"history-{order.id}") == ""


@pytest.mark.req("N15")
async def test_what_the_program_did_by_itself_is_told_as_its_own_and_as_nobodys_office(
    bedside: Bedside, bosco: Actor, browser: Open
) -> None:
    order = await bedside.order("CHK-STW")
    async with transaction():
        await record(system(bosco.hospital), "order:late", f"order:{order.id}")
    history = element((await browser(bosco).get(f"/orders/{order.id}")).text, f"history-{order.id}")
    assert "Dusangire" in history
    assert "Platform administrator" not in history


@pytest.mark.req("N7")
async def test_somebody_elses_order_menu_and_tray_are_not_here(
    bedside: Bedside, make: Make, ines: Actor, browser: Open
) -> None:
    order = await bedside.order("CHK-STW")
    stranger = await make.patient("Other", "Patient")
    for actor in (stranger, ines):
        opened = browser(actor)
        for path in (
            f"/orders/{order.id}",
            f"/orders/{order.id}/receipt",
            f"/patient/?for={bedside.id}",
            f"/cart/?for={bedside.id}",
            f"/orders/?for={bedside.id}",
        ):
            assert (await opened.get(path)).status_code == 404, path
        assert (await opened.post(f"/orders/{order.id}/cancel")).status_code == 404
        assert (await opened.post(f"/cart/again/{order.id}")).status_code == 404
        assert (
            await opened.post("/cart/add", {"at": await at(bedside, other=True), "dish": "POT-BLD"})
        ).status_code == 404


async def test_a_cook_may_not_open_the_patients_menu_or_call_off_an_order(
    bedside: Bedside, didier: Actor, browser: Open
) -> None:
    order = await bedside.order("CHK-STW")
    assert (await browser(didier).get("/patient/")).status_code == 403
    assert (await browser(didier).post(f"/orders/{order.id}/cancel")).status_code == 403


@pytest.mark.req("C6")
async def test_a_nurse_orders_for_a_patient_and_the_page_says_for_whom(
    bedside: Bedside, bosco: Actor, browser: Open
) -> None:
    opened = browser(bosco)
    chosen = await bedside.sitting()
    page = await opened.get("/patient/", params={"for": str(bedside.id), "day": str(chosen.day), "period": "lunch"})
    assert "Ordering for Amina Uwase, A-001" in element(page.text, "for-whom")
    assert f"for={bedside.id}" in element(page.text, "meals")
    await opened.post("/cart/add", {"at": await at(bedside, other=True), "dish": "CHK-STW"})
    placed = await opened.post(
        "/checkout/", {"key": "n" * 20, "at": await at(bedside, other=True), "pay": "hospital_account"}
    )
    assert placed.status_code == 303
    order = (await queries.orders_of(bosco, bedside.id))[0]
    assert (order.placed_by, order.patient) == (bosco.user, bedside.id)


@pytest.mark.req("C9")
async def test_the_nutritionist_answers_special_requests_on_their_page(
    bedside: Bedside, chantal: Actor, browser: Open
) -> None:
    order = await bedside.order("CHK-STW", request="No onions")
    opened = browser(chantal)
    assert "No onions" in (await opened.get("/orders/requests/")).text
    assert (await opened.post(f"/orders/requests/{order.id}/decline")).status_code == 303
    assert (await queries.order(chantal, order.id)).request_state == "declined"
    assert (await opened.post(f"/orders/requests/{order.id}/approve")).status_code == 409


@pytest.mark.req("A13")
async def test_the_nurse_releases_or_calls_off_a_held_tray_on_its_page(
    bedside: Bedside, bosco: Actor, browser: Open
) -> None:
    order = await bedside.order("TIL")
    allergy = await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    opened = browser(bosco)
    assert "contains Fish" in (await opened.get(f"/orders/{order.id}")).text
    refused = await opened.post(f"/orders/{order.id}/release")
    assert refused.status_code == 409
    assert "The patient is allergic to it" in refused.text
    assert allergy
    await diets.end_allergy(bosco, bedside.id, allergy, "test")
    await diets.no_known_allergies(bosco, bedside.id)
    assert (await opened.post(f"/orders/{order.id}/release")).status_code == 303
    assert (await queries.order(bosco, order.id)).status is Status.CONFIRMED


@pytest.mark.req("C15", "CHK-1.2.6")
async def test_a_dish_tells_its_portions_by_the_limit_its_nutrients_allergens_and_recipe(
    bedside: Bedside, browser: Open
) -> None:
    await bedside.diet("CCHO60")
    chosen = await bedside.sitting()
    page = (
        await browser(bedside.patient).get("/patient/dish/POT-BLD", params={"day": str(chosen.day), "period": "lunch"})
    ).text
    assert "66 g" in page
    assert re.search(r'value="1.5" disabled', page)
    assert "Irish potato" in page
    assert "Contains none of the 14 allergens." in page
    assert "approximate" in page
    assert (await browser(bedside.patient).get("/patient/dish/NOPE")).status_code == 404


@pytest.mark.req("C19")
async def test_history_lists_ones_own_orders_and_orders_again(bedside: Bedside, browser: Open) -> None:
    opened = browser(bedside.patient)
    assert "Your first meal will be here" in (await opened.get("/orders/")).text
    order = await bedside.order("CHK-STW")
    assert order.code in (await opened.get("/orders/")).text
    again = await opened.post(f"/cart/again/{order.id}")
    assert again.status_code == 303
    assert "Chicken stew" in (await opened.get(again.headers["location"])).text


@pytest.mark.req("B10", "C14")
async def test_a_sold_out_dish_and_a_new_diet_are_seen_on_the_next_drawing(
    bedside: Bedside, chantal: Actor, browser: Open
) -> None:
    opened = browser(bedside.patient)
    card = await menu.card(chantal, "CHK-STW")
    await menu_service.set_available(chantal, card.id, available=False)
    assert "Sold out" in element(await menu_page(opened, bedside), "dish-CHK-STW")
    await menu_service.set_available(chantal, card.id, available=True)
    await bedside.diet("VEGAN")
    assert "dish--off" in element(await menu_page(opened, bedside), "dish-CHK-STW")


@pytest.mark.parametrize("lang", ["rw", "fr", "en"])
@pytest.mark.req("P1")
async def test_every_page_speaks_three_languages(bedside: Bedside, browser: Open, lang: str) -> None:
    await bedside.diet("CCHO60", "NA2G")
    opened = browser(bedside.patient)
    order = await bedside.order("CHK-STW", "POT-BLD")
    await bedside.choose("CHK-STW", period="dinner")
    chosen = await bedside.sitting("dinner")
    for path in (
        "/patient/",
        "/patient/dish/RICE",
        f"/cart/?day={chosen.day}&period=dinner",
        f"/checkout/?day={chosen.day}&period=dinner",
        f"/orders/{order.id}",
        "/orders/",
    ):
        page = await opened.get(path + ("&" if "?" in path else "?") + f"lang={lang}")
        assert page.status_code == 200, path
        assert f'<html lang="{lang}"' in page.text
