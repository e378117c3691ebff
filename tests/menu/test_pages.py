"""Pages of the menu: found, opened, changed, refused in words."""

import io
from decimal import Decimal as D

import pytest
from PIL import Image

from dusangire.menu import queries
from tests.make import element

FACTS = {"name_en": "Papaya bowl", "name_fr": "Bol de papaye", "name_rw": "Ipapayi", "price": "650", "meals": "lunch"}


@pytest.fixture
async def page(make, chantal, browser):
    await make.menu()
    return browser(chantal)


@pytest.mark.req("C3")
@pytest.mark.parametrize("typed", ["papaya", "PAPAYE", "ipapayi"])
async def test_a_dish_is_found_in_each_language(page, typed):
    text = element((await page.get(f"/menu/?q={typed}")).text, "dishes")
    assert 'id="dish-PAP"' in text
    assert 'id="dish-RICE"' not in text


@pytest.mark.req("C3")
async def test_category_and_words_narrow_together_and_htmx_gets_the_list_alone(page):
    answer = await page.get("/menu/?category=fruit", htmx=True)
    assert "<html" not in answer.text
    assert 'id="dish-PAP"' in answer.text
    assert 'id="dish-RICE"' not in answer.text
    assert "No dish is called that" in (await page.get("/menu/?q=zzzz")).text


@pytest.mark.req("B1", "B9")
async def test_the_page_of_a_dish_shows_what_was_derived_and_that_it_is_approximate(page):
    text = (await page.get("/menu/IGK-MLK")).text
    assert "They wait for the nutritionist" in text
    assert "43 g" in element(text, "nutrients")
    assert "Milk" in element(text, "allergen-list")
    assert "whole milk" in element(text, "recipe")


async def test_a_dish_is_changed_and_each_mistake_is_shown(make, page):
    assert (await page.post("/menu/PAP", FACTS)).status_code == 303
    assert (await queries.card(make.actor, "PAP")).price.minor == 650
    for wrong in (
        {"price": "-1"},
        {"price": "1.5"},
        {"price": "abc"},
        {"price": "2147483648"},
        {"name_en": ""},
        {"meals": "supper"},
    ):
        answer = await page.post("/menu/PAP", {**FACTS, **wrong})
        assert answer.status_code == 422, wrong
        assert "There is a problem" in answer.text


async def test_sold_out_and_back_with_and_without_javascript(make, page):
    answer = await page.post("/menu/PAP/available", {"available": "0"}, htmx=True)
    card = await queries.card(make.actor, "PAP")
    assert not card.is_available
    assert element(answer.text, f"stock-{card.id}")
    assert "<html" not in answer.text
    answer = await page.post("/menu/PAP/available", {"available": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/menu/PAP")
    assert (await queries.card(make.actor, "PAP")).is_available


@pytest.mark.req("B1")
async def test_a_recipe_is_edited_line_by_line(make, page):
    card = await queries.card(make.actor, "IGK-URO")
    lines = await queries.recipe(make.actor, card.id)
    form = {"ingredient": [str(line.ingredient) for line in lines] + [""], "declared": "1"}
    answer = await page.post(
        "/menu/IGK-URO/recipe",
        {**form, "grams": ["300" if line.name == "water" else str(line.grams) for line in lines] + [""]},
    )
    assert answer.status_code == 303
    assert {line.name: line.grams for line in await queries.recipe(make.actor, card.id)}["water"] == D(300)
    for grams in (["1"], ["abc", "1", "1"], ["-1", "1", "1"], ["0", "0", "0"], ["9999", "1", "1"]):
        assert (await page.post("/menu/IGK-URO/recipe", {**form, "grams": grams})).status_code == 422


async def test_the_label_of_an_ingredient_is_written_and_each_mistake_is_shown(make, page):
    row = next(one for one in await queries.ingredients(make.actor) if one.name == "sugar")
    path = f"/menu/ingredients/{row.id}"
    assert "sugar" in (await page.get("/menu/ingredients")).text
    assert 'value="100"' in (await page.get(path)).text
    form = {"carb_g": "99.5", "sodium_mg": "", "allergens": ["milk", "soya"], "declared_on": "2026-11-20"}
    assert (await page.post(path, form)).status_code == 303
    found = await queries.ingredient(make.actor, row.id)
    assert (found.carb_g, found.sodium_mg, found.allergens) == (D("99.500"), None, ["milk", "soya"])
    for wrong in ({"carb_g": "101"}, {"carb_g": "x"}, {"declared_on": "2999-01-01"}, {"allergens": ["moonlight"]}):
        answer = await page.post(path, {**form, **wrong})
        assert answer.status_code == 422, wrong


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "orange").save(out, "JPEG")
    return out.getvalue()


@pytest.mark.req("B10")
async def test_a_photo_is_sent_and_everybody_signed_in_sees_it_for_ever(make, page, browser, amina):
    answer = await page.post("/menu/PAP/photo", files={"photo": ("papaya.jpg", jpeg(), "image/jpeg")})
    assert answer.status_code == 303
    picture = (await queries.card(make.actor, "PAP")).picture
    answer = await browser(amina).get(picture)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in answer.headers["cache-control"]
    assert (await browser(None).get(picture)).status_code == 303
    assert (await page.post("/menu/PAP/photo/remove")).status_code == 303
    assert (await queries.card(make.actor, "PAP")).photo is None


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"hello", 422), (b"", 422), (b"\xff\xd8" + b"\0" * 5_300_000, 422), (b"\0" * 10_000_000, 413)],
)
async def test_bad_uploads_are_refused_in_words_and_never_break(page, content, status):
    answer = await page.post("/menu/PAP/photo", files={"photo": ("x.jpg", content, "image/jpeg")})
    assert answer.status_code == status
    assert "<html" in answer.text


async def test_no_file_at_all_is_a_sentence(page):
    answer = await page.post("/menu/PAP/photo")
    assert answer.status_code == 422
    assert "not a picture" in answer.text


async def test_a_patient_keeps_no_menu_and_strange_dishes_are_404(page, browser, amina):
    assert (await browser(amina).get("/menu/")).status_code == 403
    assert (await page.get("/menu/NOTHING")).status_code == 404
    assert (await page.get("/menu/photo/pap-0000000000000000-320.webp")).status_code == 404


async def test_only_a_nutritionist_signs_figures(make, page, browser, grace):
    assert (await browser(grace).post("/menu/PAP/sign")).status_code == 403
    assert (await page.post("/menu/PAP/sign")).status_code == 303
    assert "Figures signed by Chantal Uwera" in (await page.get("/menu/PAP")).text
