"""A dish is what its recipe says: nutrients, allergens and declaration, worked out twice and compared."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib import resources

import pytest

from dusangire.menu.rules import (
    Declaration,
    Ingredient,
    Nutrients,
    RecipeLine,
    derive,
    dishes_from_rows,
    energy_kcal,
    ingredients_from_rows,
)


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(resources.files("dusangire").joinpath("seed", name).read_text("utf-8").splitlines()))


MENU, INGREDIENTS, LINES = rows("menu.csv"), rows("ingredients.csv"), rows("recipe_lines.csv")
DISHES = dishes_from_rows(MENU, INGREDIENTS, LINES)
WITH_RECIPE = sorted({line["menu_code"] for line in LINES})
NAMES = ["carb_g", "sugar_g", "protein_g", "fat_g", "satfat_g", "sodium_mg", "potassium_mg", "phosphorus_mg", "fibre_g"]


@pytest.mark.req("B1")
@pytest.mark.parametrize("code", WITH_RECIPE)
def test_nutrients_follow_from_the_recipe_exactly_and_meet_the_printed_menu(code: str) -> None:
    per_100g = {row["ingredient"]: row for row in INGREDIENTS}
    parts = [
        (per_100g[line["ingredient"]], Fraction(line["grams_per_serving"]))
        for line in LINES
        if line["menu_code"] == code
    ]
    exact = {name: sum(Fraction(row[f"{name}_100g"]) * grams / 100 for row, grams in parts) for name in NAMES}
    exact["kcal"] = (
        4 * exact["protein_g"] + 4 * (exact["carb_g"] - exact["fibre_g"]) + 2 * exact["fibre_g"] + 9 * exact["fat_g"]
    )
    exact["added_sugar_g"] = sum((grams for row, grams in parts if row["ingredient"] == "sugar"), Fraction(0))
    printed = next(row for row in MENU if row["code"] == code)
    for name, amount in exact.items():
        assert Fraction(DISHES[code].nutrients.of(name)) == amount
        step = Fraction(1) if name in {"kcal", "sodium_mg", "potassium_mg", "phosphorus_mg"} else Fraction(1, 10)
        assert abs(Fraction(printed[name]) - amount) <= step / 2


@pytest.mark.req("B9")
def test_all_68_dishes_load_declared_and_complete() -> None:
    assert len(DISHES) == 68
    assert len(WITH_RECIPE) == 64
    for row in MENU:
        dish = DISHES[row["code"]]
        assert dish.declaration is Declaration.CURRENT
        assert dish.allergens == {code for code in row["allergens_eu14"].split("|") if code}
        assert None not in [dish.nutrients.of(name) for name in Nutrients.__struct_fields__]
        assert dish.nutrients.fluid_ml == Decimal(row["fluid_ml"])
        assert dish.data_quality == "approximate"


def test_a_dish_without_a_recipe_takes_its_label() -> None:
    for code in ("ONS-200", "RUTF", "F75", "F100"):
        printed = next(row for row in MENU if row["code"] == code)
        assert DISHES[code].ingredients is None
        assert DISHES[code].nutrients.kcal == Decimal(printed["kcal"])


def test_no_nutrient_is_a_binary_float() -> None:
    amounts = [dish.nutrients.of(name) for dish in DISHES.values() for name in Nutrients.__struct_fields__]
    assert all(isinstance(amount, Decimal) for amount in amounts)


ONE = Decimal(1)
FULL = Nutrients(**dict.fromkeys(NAMES, ONE))
SALT = Ingredient("salt", FULL, declared_on=date(2026, 11, 1))


@pytest.mark.parametrize(
    ("ingredient", "revised_on", "declaration", "gaps"),
    [
        (SALT, None, Declaration.CURRENT, ()),
        (SALT, date(2026, 11, 1), Declaration.CURRENT, ()),
        (SALT, date(2026, 11, 2), Declaration.STALE, ("salt",)),
        (Ingredient("salt", FULL), None, Declaration.MISSING, ("salt",)),
        (Ingredient("pepper", FULL, declared_on=date(2026, 11, 1)), None, Declaration.MISSING, ("salt",)),
    ],
)
def test_a_declaration_is_dated_and_not_older_than_the_recipe(
    ingredient: Ingredient, revised_on: date | None, declaration: Declaration, gaps: tuple[str, ...]
) -> None:
    found = derive([RecipeLine("salt", ONE)], {ingredient.name: ingredient}, fluid_ml=None, revised_on=revised_on)
    assert (found.declaration, found.gaps) == (declaration, gaps)


@pytest.mark.req("B2")
def test_what_one_ingredient_does_not_say_the_dish_does_not_say() -> None:
    silent = Ingredient("herb", Nutrients(carb_g=ONE, protein_g=ONE, fat_g=ONE), declared_on=date(2026, 11, 1))
    lines = [RecipeLine("salt", ONE), RecipeLine("herb", ONE)]
    found = derive(lines, {"salt": SALT, "herb": silent}, fluid_ml=Decimal(5))
    assert found.nutrients.carb_g == Decimal("0.02")
    assert (found.nutrients.potassium_mg, found.nutrients.kcal) == (None, None)
    assert found.gaps == ("herb",)


@pytest.mark.parametrize(
    "lines", [[], [RecipeLine("dragon", ONE)], [RecipeLine("salt", ONE), RecipeLine("dragon", ONE)]]
)
def test_an_unknown_ingredient_or_an_empty_recipe_leaves_the_dish_undeclared(lines: list[RecipeLine]) -> None:
    found = derive(lines, {"salt": SALT}, fluid_ml=None)
    assert found.declaration is Declaration.MISSING
    assert {found.nutrients.of(name) for name in NAMES} == {None}


def test_allergens_and_traces_come_from_every_ingredient() -> None:
    milk = Ingredient("milk", FULL, frozenset({"milk"}), frozenset({"soya"}), date(2026, 11, 1))
    found = derive([RecipeLine("salt", ONE), RecipeLine("milk", ONE)], {"salt": SALT, "milk": milk}, fluid_ml=None)
    assert (found.allergens, found.may_contain) == ({"milk"}, {"soya"})


def test_energy_counts_fibre_at_half() -> None:
    amounts = Nutrients(protein_g=ONE, carb_g=Decimal(10), fibre_g=Decimal(2), fat_g=ONE)
    assert energy_kcal(amounts) == 4 + 4 * 8 + 2 * 2 + 9


def test_ingredients_load_by_name() -> None:
    found = ingredients_from_rows(INGREDIENTS)
    assert len(found) == 64
    assert found["wholemeal bread"].allergens == {"gluten", "soya"}
