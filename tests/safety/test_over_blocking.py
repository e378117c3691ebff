"""Over-blocking: of meals that are safe, hardly any is refused. Who is refused too often works around the program.

Whether a meal is safe is worked out here from the files the menu is made of, apart from the program: allergens of each
ingredient, levels the kitchen achieves, tags, and amounts by plain arithmetic.
"""

import csv
import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib import resources
from typing import Any

import pytest
from msgspec import Struct

from dusangire.diets.queries import starter_dishes, starter_manual
from dusangire.diets.rules import (
    Allergy,
    DietOrderFacts,
    Gate,
    Meal,
    PatientFacts,
    Serving,
    TrayLine,
    allergy,
    prepare,
)

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
PAIRS = 50_000
MOST_REFUSED = 0.005
NOW = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
_GROUPS = (
    "gluten", "crustaceans", "eggs", "fish", "peanuts", "soya", "milk", "nuts", "celery", "mustard", "sesame",
    "sulphites", "lupin", "molluscs",
)  # fmt: skip
# What each of these diets asks of one dish on its own: a column that must be 1 or 0, or the most of a nutrient.
_DIETS: dict[str, dict[str, Any]] = {
    "REG": {}, "VEG": {"is": "vegetarian"}, "VEGAN": {"is": "vegan"}, "HALAL": {"is": "halal"}, "SDA": {"not": "pork"},
    "LACFREE": {"not": "lactose"}, "FOODSAFE": {"not": "raw_produce"}, "LOWRES": {"is": "low_residue"},
    "GF": {"without": "gluten"}, "NA2G": {"most": ("sodium_mg", 650)}, "NAS": {"most": ("sodium_mg", 4000)},
    "LOWFAT": {"most": ("fat_g", 17)},
}  # fmt: skip


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("dusangire").joinpath("seed", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


class Food(Struct, frozen=True):
    """One dish as its files describe it."""

    allergens: frozenset[str]
    traces: frozenset[str]
    levels: frozenset[str]
    native: str
    category: str
    row: dict[str, str]
    amounts: dict[str, Fraction]


def _foods() -> dict[str, Food]:
    ingredients = {row["ingredient"]: row for row in _rows("ingredients.csv")}
    recipes: dict[str, list[tuple[dict[str, str], Fraction]]] = defaultdict(list)
    for row in _rows("recipe_lines.csv"):
        recipes[row["menu_code"]].append((ingredients[row["ingredient"]], Fraction(row["grams_per_serving"])))
    return {row["code"]: _food(row, recipes.get(row["code"], [])) for row in _rows("menu.csv")}


def _food(row: dict[str, str], recipe: list[tuple[dict[str, str], Fraction]]) -> Food:
    def named(column: str) -> frozenset[str]:
        return frozenset(code for item, _ in recipe for code in item[column].split("|") if code)

    amounts = {
        nutrient: sum((Fraction(item[f"{nutrient}_100g"]) * grams / 100 for item, grams in recipe), Fraction(0))
        if recipe
        else Fraction(row[nutrient])
        for nutrient in ("sodium_mg", "fat_g")
    }
    own = frozenset(code for code in row["allergens_eu14"].split("|") if code)
    return Food(
        allergens=named("allergens_eu14") if recipe else own,
        traces=named("may_contain_eu14"),
        levels=frozenset(row["iddsi_achievable"].split(",")),
        native=row["iddsi_native"],
        category=row["category"],
        row=row,
        amounts=amounts,
    )


class Person(Struct, frozen=True):
    allergies: dict[str, str]
    diet: str
    texture: str | None


def _person(dice: random.Random) -> Person:
    some = dice.sample(_GROUPS, dice.choice((0, 0, 1, 1, 2, 3)))
    severities = ("anaphylaxis", "severe", "moderate", "intolerance")
    texture = dice.choice((None, None, None, "4", "5", "6"))
    return Person({group: dice.choice(severities) for group in some}, dice.choice(list(_DIETS)), texture)


def is_safe(food: Food, person: Person) -> bool:
    """Return whether somebody with the files in hand would serve this dish to this person."""
    for group, severity in person.allergies.items():
        if group in food.allergens or (group in food.traces and severity != "intolerance"):
            return False
    asked = _DIETS[person.diet]
    if asked.get("is") and food.row[asked["is"]] != "1":
        return False
    if asked.get("not") and food.row[asked["not"]] != "0":
        return False
    if asked.get("without") in food.allergens | food.traces:
        return False
    if "most" in asked and food.amounts[asked["most"][0]] > asked["most"][1]:
        return False
    return person.texture is None or _can_be_swallowed(food, person.texture)


def _can_be_swallowed(food: Food, texture: str) -> bool:
    """Food at exactly its level; what is drunk at level 1, which is ordered with every texture here."""
    is_liquid_food = food.category in ("porridge", "soup")
    is_drink = food.native.startswith("D") and not is_liquid_food
    drinkable = "1" in food.levels or food.native.startswith("D1")
    if is_drink:
        return drinkable
    return texture in food.levels and (not is_liquid_food or drinkable)


def _facts(person: Person) -> PatientFacts:
    yesterday = NOW - timedelta(days=1)
    codes = (person.diet, *((f"IDDSI{person.texture}",) if person.texture else ()))
    count = len(codes) + len(person.allergies)
    return PatientFacts(
        admission="active",
        hospitals=(1,),
        allergy_status="recorded" if person.allergies else "none_known",
        allergies=tuple(Allergy(code, severity) for code, severity in person.allergies.items()),
        diets=tuple(DietOrderFacts(code, "active", yesterday, yesterday) for code in codes),
        iddsi_drink=1 if person.texture else None,
        active_constraint_count=count,
        rows_read=count,
    )


def judged() -> Counter[str]:
    """Judge every dish for many people; count what should and what does pass."""
    dice, foods, told = random.Random(SEED), _foods(), Counter[str]()
    manual, dishes = starter_manual(), starter_dishes()
    by_prescription = manual.therapeutic_foods
    serving = Serving(Meal.LUNCH, NOW.date(), NOW + timedelta(hours=6))
    while told["pairs"] < PAIRS:
        person = _person(dice)
        prepared = prepare(_facts(person), serving, (), manual, dishes, NOW)
        for code, food in foods.items():
            if code in by_prescription or food.row.get("prescription") == "1" or food.category == "supplement":
                continue
            verdict = prepared.judge((TrayLine(code),), Gate.CART)
            safe = is_safe(food, person)
            told["pairs"] += 1
            told["safe" if safe else "unsafe"] += 1
            if safe and not verdict.is_allowed:
                told["safe, refused"] += 1
                told[f"because of {'.'.join(verdict.reasons[0].key())}"] += 1
            told["unsafe, allowed"] += not safe and verdict.is_allowed
    return told


@pytest.mark.req("A13")
def test_safe_meals_are_hardly_ever_refused() -> None:
    told = judged()
    print(f"seed {SEED}: {dict(told)}")
    assert told["safe"] > 10_000
    assert told["unsafe"] > 10_000
    assert told["safe, refused"] <= told["safe"] * MOST_REFUSED
    assert told["unsafe, allowed"] == 0


def test_a_verdict_that_blocks_too_much_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: celery and milk that also mean fish and eggs are too much."""
    monkeypatch.setattr(
        allergy, "family", lambda code, _: frozenset({code, *({"celery", "milk"} & {code} and {"fish", "eggs"})})
    )
    told = judged()
    assert told["safe, refused"] > told["safe"] * MOST_REFUSED


def test_a_verdict_that_lets_an_allergen_pass_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control, the other way round."""
    monkeypatch.setattr(allergy, "_contains", lambda dish, one: one.code != "milk" and bool(one.names & dish.allergens))
    assert judged()["unsafe, allowed"] > 0
