"""The menu as read from the database, derived from ingredients × recipe."""

import csv
from decimal import Decimal as D
from pathlib import Path

import pytest

from dusangire.kernel.db import acting_as, fetch_value, transaction
from dusangire.kernel.errors import NotHere
from dusangire.menu import queries, service
from dusangire.menu.rules import STARTER_PERIODS, Declaration, dishes_from_rows, energy_kcal
from dusangire.menu.service.revision import raise_revision
from dusangire.menu.tables import Ingredient

SEED = Path(service.__file__).resolve().parents[2] / "seed"


def rows(name: str) -> list[dict[str, str]]:
    with (SEED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.req("B1", "B9")
async def test_what_the_database_derives_is_what_the_seed_files_say(make):
    await make.menu()
    said = dishes_from_rows(rows("menu"), rows("ingredients"), rows("recipe_lines"))
    found = await queries.dishes(make.actor)
    assert found.keys() == said.keys()
    for code, dish in said.items():
        got = found[code]
        assert got.nutrients == dish.nutrients, code
        assert set(got.ingredients or ()) == set(dish.ingredients or ()), code
        assert (got.allergens, got.may_contain, got.declaration) == (dish.allergens, dish.may_contain, dish.declaration)
        assert (got.tags, got.native, got.achievable, got.periods) == (
            dish.tags,
            dish.native,
            dish.achievable,
            dish.periods,
        )


@pytest.mark.req("B1")
async def test_energy_follows_from_the_parts_within_two_percent_of_the_printed_figure(make):
    await make.menu()
    printed = {row["code"]: D(row["kcal"]) for row in rows("menu")}
    for code, dish in (await queries.dishes(make.actor)).items():
        if dish.ingredients is not None:
            assert dish.nutrients.kcal == energy_kcal(dish.nutrients)
            assert abs(dish.nutrients.kcal - printed[code]) <= max(printed[code] * D("0.02"), D(1)), code


@pytest.mark.req("B9")
async def test_68_dishes_load_in_three_languages_each_approximate_and_declared(make):
    await make.menu()
    cards = list((await queries.cards(make.actor)).values())
    assert len(cards) == 68
    assert all(card.name_en and card.name_fr and card.name_rw for card in cards)
    assert all(card.is_approximate and card.data_quality == "approximate" for card in cards)
    assert all(card.declaration is Declaration.CURRENT and card.completeness == 100 for card in cards)


@pytest.mark.req("B10")
async def test_every_dish_shows_an_illustration_from_the_first_day(make):
    await make.menu()
    pictures = {card.picture for card in (await queries.cards(make.actor)).values()}
    assert all(picture.startswith("/static/dishes/") for picture in pictures)
    assert len(pictures) > 60


async def test_loading_the_starter_twice_is_loading_it_once(make):
    await service.load_starter(make.actor)
    before = await queries.revision(make.actor)
    await service.load_starter(make.actor)
    assert await queries.revision(make.actor) == before == 1
    assert await fetch_value("SELECT count(*) FROM dish WHERE hospital = $1", make.actor.hospital) == 68
    assert await fetch_value("SELECT count(*) FROM ingredient WHERE hospital = $1", make.actor.hospital) == 64


async def test_the_hospital_has_its_six_periods(make):
    await make.menu()
    assert tuple(await queries.periods(make.actor)) == STARTER_PERIODS


@pytest.mark.req("B2")
async def test_an_ingredient_without_potassium_leaves_the_dishs_potassium_unknown(make):
    await make.menu()
    milk = next(row for row in await queries.ingredients(make.actor) if row.name == "whole milk")
    with acting_as(make.actor):
        await Ingredient.update({Ingredient.potassium_mg: None}).where(Ingredient.id == milk.id)
        async with transaction():
            await raise_revision(make.actor)
    dish = (await queries.dishes(make.actor))["IGK-MLK"]
    card = await queries.card(make.actor, "IGK-MLK")
    assert dish.nutrients.potassium_mg is None
    assert dish.nutrients.protein_g is not None
    assert card.completeness < 100
    assert card.gaps == ("whole milk",)


async def test_a_transaction_that_fails_leaves_nothing_in_the_kept_menu(make):
    await make.menu()
    card = await queries.card(make.actor, "PAP")
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await service.set_available(make.actor, card.id, available=False)
            assert not (await queries.card(make.actor, "PAP")).is_available
            raise ZeroDivisionError
    other = await queries.card(make.actor, "AVO")
    await service.set_available(make.actor, other.id, available=False)
    assert (await queries.card(make.actor, "PAP")).is_available
    assert not (await queries.card(make.actor, "AVO")).is_available


async def test_the_other_hospital_has_no_menu_of_ours(make):
    await make.menu()
    ours = await queries.card(make.actor, "PAP")
    other = await make.other()
    with acting_as(other.actor):
        assert await queries.cards(other.actor) == {}
        with pytest.raises(NotHere):
            await service.set_available(other.actor, ours.id, available=False)
