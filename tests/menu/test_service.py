"""Changes of the menu: sold out and back, prices, recipes, labels, photos."""

import io
from datetime import timedelta
from decimal import Decimal as D

import pytest
from PIL import Image, TiffImagePlugin

from dusangire.kernel import clock, journal
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.menu import queries, service
from dusangire.menu.rules import RECIPE_NUTRIENTS, SMALL_BYTES, Declaration
from dusangire.menu.service import DishChange, IngredientChange


@pytest.fixture
async def chef(make, chantal):
    await make.menu()
    return chantal


async def bells_of_last(actor, about):
    event = (await journal.history(actor, about))[-1]
    return event, await fetch_value("SELECT bells FROM event WHERE id = $1", event.id)


async def test_a_dish_that_runs_out_raises_the_revision_and_rings_open_menus(chef):
    card, before = await queries.card(chef, "PAP"), await queries.revision(chef)
    await service.set_available(chef, card.id, available=False)
    assert not (await queries.card(chef, "PAP")).is_available
    assert await queries.revision(chef) == before + 1
    event, bells = await bells_of_last(chef, f"dish:{card.id}")
    assert event.kind == "dish:sold_out"
    assert f"{chef.hospital}:menu" in bells
    await service.set_available(chef, card.id, available=True)
    assert (await bells_of_last(chef, f"dish:{card.id}"))[0].kind == "dish:back"


async def test_saying_twice_that_a_dish_is_out_is_saying_it_once(chef):
    card = await queries.card(chef, "PAP")
    for _ in range(2):
        await service.set_available(chef, card.id, available=False)
    assert len(await journal.history(chef, f"dish:{card.id}")) == 1


async def test_names_price_and_meals_change_and_keep_both_prices_in_the_journal(chef):
    card = await queries.card(chef, "PAP")
    await service.change_dish(
        chef, card.id, DishChange("Papaya", "Papaye", "Ipapayi", 777, frozenset({"lunch", "snack"}))
    )
    found = await queries.card(chef, "PAP")
    assert (found.name("rw"), found.price, found.meals) == ("Ipapayi", Money(777), {"lunch", "snack"})
    event, _ = await bells_of_last(chef, f"dish:{card.id}")
    assert event.facts["price_before"] == card.price.minor
    assert event.facts["price_after"] == 777


@pytest.mark.parametrize("meals", [frozenset(), frozenset({"supper"})])
async def test_a_dish_is_served_at_some_meal_we_know(chef, meals):
    card = await queries.card(chef, "PAP")
    with pytest.raises(Refusal, match="no_meal"):
        await service.change_dish(chef, card.id, DishChange("a", "b", "c", 1, meals))


@pytest.mark.req("B1")
async def test_editing_grams_recalculates_the_dish_and_holds_its_trays_in_the_same_commit(chef, monkeypatch):
    told = []

    async def hold(actor, about):
        told.append((about, (await queries.card(actor, "IGK-URO")).nutrients.carb_g))

    monkeypatch.setitem(journal.AT_ONCE, "menu:recipe_changed", (hold,))
    card = await queries.card(chef, "IGK-URO")
    lines = {line.name: line for line in await queries.recipe(chef, card.id)}
    grams = {line.ingredient: line.grams for line in lines.values()} | {lines["sugar"].ingredient: D(30)}
    await service.change_recipe(chef, card.id, grams, is_declared=True)
    after = await queries.card(chef, "IGK-URO")
    assert after.nutrients.carb_g == card.nutrients.carb_g + 15
    assert after.nutrients.added_sugar_g == 30
    assert after.kcal == card.kcal + 60
    assert (after.recipe_rev, after.declaration) == (card.recipe_rev + 1, Declaration.CURRENT)
    assert told == [(f"dish:{card.id}", after.nutrients.carb_g)]


@pytest.mark.req("B2")
async def test_a_recipe_newer_than_its_declarations_is_stale_until_the_labels_are_read(chef):
    card = await queries.card(chef, "IGK-URO")
    grams = {line.ingredient: line.grams for line in await queries.recipe(chef, card.id)}
    await service.change_recipe(chef, card.id, grams, is_declared=False)
    stale = await queries.card(chef, "IGK-URO")
    assert stale.declaration is Declaration.STALE
    assert set(stale.gaps) == {"finger millet flour", "sugar", "water"}
    assert (await queries.dishes(chef))["IGK-URO"].declaration is Declaration.STALE
    await service.change_recipe(chef, card.id, grams, is_declared=True)
    assert (await queries.card(chef, "IGK-URO")).declaration is Declaration.CURRENT


async def test_zero_grams_take_a_line_out_and_a_new_ingredient_brings_its_allergen(chef):
    card = await queries.card(chef, "IGK-URO")
    milk = next(row for row in await queries.ingredients(chef) if row.name == "whole milk")
    lines = {line.name: line for line in await queries.recipe(chef, card.id)}
    grams = {line.ingredient: line.grams for line in lines.values()}
    await service.change_recipe(
        chef, card.id, {**grams, lines["sugar"].ingredient: D(0), milk.id: D(100)}, is_declared=True
    )
    after = await queries.card(chef, "IGK-URO")
    assert "milk" in after.allergens
    assert after.nutrients.added_sugar_g == 0
    assert "milk" not in card.allergens


async def test_a_recipe_of_nothing_or_of_strange_ingredients_is_refused(chef):
    card = await queries.card(chef, "IGK-URO")
    for grams in ({}, {uuid7(): D(5)}):
        with pytest.raises(Refusal, match="recipe_empty"):
            await service.change_recipe(chef, card.id, grams, is_declared=True)


async def test_a_labelled_product_has_no_recipe(chef):
    card = await queries.card(chef, "RUTF")
    milk = (await queries.ingredients(chef))[0]
    with pytest.raises(Refusal, match="has_label"):
        await service.change_recipe(chef, card.id, {milk.id: D(5)}, is_declared=True)


def label(row, **facts) -> IngredientChange:
    said = {name: getattr(row, name) for name in RECIPE_NUTRIENTS}
    said |= {"allergens": frozenset(row.allergens or ()), "may_contain": frozenset(), "declared_on": row.declared_on}
    return IngredientChange(**{**said, **facts})


@pytest.mark.req("B2")
async def test_an_ingredient_whose_label_nobody_has_read_makes_every_dish_with_it_undeclared(chef, monkeypatch):
    told = []

    async def hold(_, about):
        told.append(about)

    monkeypatch.setitem(journal.AT_ONCE, "menu:recipe_changed", (hold,))
    sugar = next(row for row in await queries.ingredients(chef) if row.name == "sugar")
    await service.change_ingredient(chef, sugar.id, label(sugar, declared_on=None))
    touched = await queries.dishes_with(chef, sugar.id)
    cards = [card for card in (await queries.cards(chef)).values() if card.id in touched]
    assert cards
    assert {card.declaration for card in cards} == {Declaration.MISSING}
    assert sorted(told) == sorted(f"dish:{dish}" for dish in touched)


async def test_an_empty_list_with_a_date_is_a_declaration(chef):
    sugar = next(row for row in await queries.ingredients(chef) if row.name == "sugar")
    await service.change_ingredient(chef, sugar.id, label(sugar, allergens=frozenset()))
    assert (await queries.card(chef, "IGK-URO")).declaration is Declaration.CURRENT


async def test_a_label_was_not_read_tomorrow_and_names_no_allergen_we_do_not_know(chef):
    sugar = next(row for row in await queries.ingredients(chef) if row.name == "sugar")
    tomorrow = clock.local_day(clock.now(), chef.zone) + timedelta(days=1)
    with pytest.raises(Refusal, match="declared_later"):
        await service.change_ingredient(chef, sugar.id, label(sugar, declared_on=tomorrow))
    with pytest.raises(Refusal, match="unknown_allergen"):
        await service.change_ingredient(chef, sugar.id, label(sugar, allergens=frozenset({"moonlight"})))


@pytest.mark.req("B9")
async def test_figures_are_approximate_until_signed_and_again_after_a_change(chef):
    card = await queries.card(chef, "IGK-URO")
    await service.sign_values(chef, card.id)
    signed = await queries.card(chef, "IGK-URO")
    assert (signed.is_approximate, signed.validated_by, signed.data_quality) == (False, chef.name, "validated")
    grams = {line.ingredient: line.grams for line in await queries.recipe(chef, card.id)}
    await service.change_recipe(chef, card.id, grams, is_declared=True)
    assert (await queries.card(chef, "IGK-URO")).is_approximate


@pytest.mark.req("B2")
async def test_figures_with_a_gap_cannot_be_signed(chef):
    milk = next(row for row in await queries.ingredients(chef) if row.name == "whole milk")
    await service.change_ingredient(chef, milk.id, label(milk, potassium_mg=None))
    with pytest.raises(Refusal, match="sign_incomplete"):
        await service.sign_values(chef, (await queries.card(chef, "IGK-MLK")).id)


def picture(width=1600, height=1200, kind="JPEG", **saved) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(out, kind, **saved)
    return out.getvalue()


@pytest.mark.req("B10")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_becomes_two_small_pictures_even_when_it_is_all_noise(chef, kind):
    card = await queries.card(chef, "PAP")
    name = await service.set_photo(chef, card.id, picture(800, 600, kind))
    assert (await queries.card(chef, "PAP")).picture == f"/menu/photo/{name}-320.webp"
    for width in (320, 640):
        content = await service.photo_file(chef, f"{name}-{width}.webp")
        with Image.open(io.BytesIO(content)) as kept:
            assert (kept.format, kept.size) == ("WEBP", (width, width * 3 // 4))
        assert width == 640 or len(content) <= SMALL_BYTES


@pytest.mark.req("B10")
async def test_a_photo_is_turned_upright_and_keeps_nothing_of_where_it_was_taken(chef):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of Ines"
    exif.get_ifd(0x8825)[2] = tuple(TiffImagePlugin.IFDRational(n) for n in (1, 56, 40))
    half = Image.new("RGB", (600, 800), "red")
    half.paste("blue", (0, 0, 600, 400))
    out = io.BytesIO()
    half.save(out, "JPEG", exif=exif)
    name = await service.set_photo(chef, (await queries.card(chef, "PAP")).id, out.getvalue())
    content = await service.photo_file(chef, f"{name}-320.webp")
    assert b"Ines" not in content
    with Image.open(io.BytesIO(content)) as kept:
        assert not kept.getexif()
        left, right = kept.convert("RGB").getpixel((20, 120)), kept.convert("RGB").getpixel((300, 120))
    assert left[0] > left[2]
    assert right[2] > right[0]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "menu.photo_bad"),
        (b"not a picture", "menu.photo_bad"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "menu.photo_bad"),
        (b"GIF89a" + b"\0" * 200, "menu.photo_bad"),
        (picture(200, 200)[:900], "menu.photo_bad"),
        (b"\xff\xd8" + b"\0" * (5 * 2**20), "menu.photo_big"),
    ],
)
async def test_what_is_not_a_usable_picture_is_refused_in_words(chef, content, key):
    card = await queries.card(chef, "PAP")
    with pytest.raises(Refusal) as refused:
        await service.set_photo(chef, card.id, content)
    assert refused.value.key == key
    assert (await queries.card(chef, "PAP")).photo is None


async def test_a_small_file_of_very_many_points_is_refused_before_it_is_unpacked(chef):
    out = io.BytesIO()
    Image.new("1", (6000, 6000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    with pytest.raises(Refusal, match="photo_pixels"):
        await service.set_photo(chef, (await queries.card(chef, "PAP")).id, out.getvalue())


async def test_the_drawing_comes_back(chef):
    card = await queries.card(chef, "PAP")
    await service.set_photo(chef, card.id, picture(400, 300))
    await service.remove_photo(chef, card.id)
    assert (await queries.card(chef, "PAP")).picture == card.picture


async def test_a_photo_is_seen_by_its_hospital_only_and_names_do_not_lead_out_of_the_folder(make, chef):
    name = await service.set_photo(chef, (await queries.card(chef, "PAP")).id, picture(400, 300))
    other = await make.other()
    with acting_as(other.actor), pytest.raises(NotHere):
        await service.photo_file(other.actor, f"{name}-320.webp")
    for bad in (
        "../secret",
        f"../{name}-320.webp",
        f"{name}-999.webp",
        f"{name}-320.webp\0",
        "pap-0000000000000000-320.webp",
    ):
        with pytest.raises(NotHere):
            await service.photo_file(chef, bad)
