"""The starter menu: what the seed files hold, loaded once. What a hospital has changed since is left alone."""

import csv
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.menu import queries
from dusangire.menu.rules import NUTRIENTS, RECIPE_NUTRIENTS, STARTER_LINES, STARTER_PERIODS, StarterLine, starter_line
from dusangire.menu.service.revision import menu_bell, raise_revision
from dusangire.menu.tables import Dish, Ingredient, KitchenLine, MealPeriod, MenuRevision, RecipeLine

_SEED = Path(__file__).resolve().parents[2] / "seed"
Row = Mapping[str, str]


async def load_starter(actor: Actor) -> None:
    """Load ingredients, dishes, recipes and meal periods, unless the hospital has a menu. Twice is once."""
    async with transaction():
        made = (
            await MenuRevision.insert(MenuRevision(hospital=actor.hospital, rev=1))
            .on_conflict(action="DO NOTHING", target=MenuRevision.hospital)
            .returning(MenuRevision.hospital)
        )
        if not made or await queries.revision(actor) != 1:
            return
        ingredients = [_ingredient(actor, row) for row in _rows("ingredients")]
        revised_on = min(row["declared_on"] for row in _rows("ingredients"))
        with_recipe = {row["menu_code"] for row in _rows("recipe_lines")}
        lines = {one.code: _kitchen_line(actor, one) for one in STARTER_LINES}
        dishes = [
            _dish(actor, row, position, date.fromisoformat(revised_on), has_recipe=row["code"] in with_recipe)
            for position, row in enumerate(_rows("menu"), 1)
        ]
        for dish in dishes:
            dish.kitchen_line = lines[starter_line(str(dish.code), str(dish.category))].id
        await Ingredient.insert(*ingredients)
        await KitchenLine.insert(*lines.values())
        await Dish.insert(*dishes)
        await RecipeLine.insert(*_lines(actor, ingredients, dishes))
        await MealPeriod.insert(*_periods(actor))
        await record(actor, "menu:loaded", f"menu:{actor.hospital}", also=[menu_bell(actor)], dishes=len(dishes))


async def complete_starter(actor: Actor) -> int:
    """Give a menu from before kitchen lines the lines a hospital begins with; return how many dishes were placed.

    A menu that has lines of its own, whatever they are, is left alone. Twice is once.
    """
    if not await queries.revision(actor) or await queries.kitchen_lines(actor):
        return 0
    async with transaction():
        await raise_revision(actor)
        if await queries.kitchen_lines(actor):
            return 0
        lines = {one.code: _kitchen_line(actor, one) for one in STARTER_LINES}
        await KitchenLine.insert(*lines.values())
        homeless = await Dish.select(Dish.id, Dish.code, Dish.category).where(
            mine(Dish, actor), Dish.kitchen_line.is_null()
        )
        for code, line in lines.items():
            here = [row["id"] for row in homeless if starter_line(row["code"], row["category"]) == code]
            if here:
                await Dish.update({Dish.kitchen_line: line.id}).where(mine(Dish, actor), Dish.id.is_in(here))
        about, bells = f"menu:{actor.hospital}", [menu_bell(actor)]
        await record(actor, "menu:completed", about, also=bells, dishes=len(homeless))
    return len(homeless)


@cache
def _rows(name: str) -> tuple[Row, ...]:
    with (_SEED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _ingredient(actor: Actor, row: Row) -> Ingredient:
    amounts: dict[str, Any] = {name: _amount(row[f"{name}_100g"]) for name in RECIPE_NUTRIENTS}
    return Ingredient(
        id=uuid7(),
        hospital=actor.hospital,
        name=row["ingredient"],
        allergens=_codes(row["allergens_eu14"]),
        may_contain=_codes(row["may_contain_eu14"]),
        declared_on=date.fromisoformat(row["declared_on"]),
        animal_origin=row["animal_origin"],
        data_quality=row["data_quality"],
        changed_at=clock.now(),
        **amounts,
    )


def _dish(actor: Actor, row: Row, position: int, revised_on: date, *, has_recipe: bool) -> Dish:
    """A dish with a recipe carries no nutrients of its own: they are derived, so that the two can never differ."""
    return Dish(
        id=uuid7(),
        hospital=actor.hospital,
        code=row["code"],
        name_en=row["name_en"],
        name_fr=row["name_fr"],
        name_rw=row["name_rw"],
        category=row["category"],
        meals=_codes(row["meal_periods"]),
        price_minor=int(row["price_rwf"]),
        serving_g=Decimal(row["serving_g"]),
        fluid_ml=Decimal(row["fluid_ml"]),
        is_vegetarian=row["vegetarian"] == "1",
        is_vegan=row["vegan"] == "1",
        is_halal=row["halal"] == "1",
        has_pork=row["pork"] == "1",
        is_clear_liquid=row["clear_liquid"] == "1",
        is_full_liquid=row["full_liquid"] == "1",
        is_low_residue=row["low_residue"] == "1",
        has_raw_produce=row["raw_produce"] == "1",
        is_high_vitamin_k=row["high_vitamin_k"] == "1",
        has_lactose=row["lactose"] == "1",
        iddsi_native=row["iddsi_native"],
        iddsi_achievable=[int(level) for level in row["iddsi_achievable"].split(",")],
        label=None if has_recipe else {name: row[name] or None for name in NUTRIENTS},
        label_allergens=None if has_recipe else _codes(row["allergens_eu14"]),
        label_may_contain=None if has_recipe else [],
        label_declared_on=None if has_recipe else revised_on,
        recipe_changed_at=clock.at(revised_on, time.min, actor.zone),
        data_quality=row["data_quality"],
        position=position,
    )


def _kitchen_line(actor: Actor, one: StarterLine) -> KitchenLine:
    """None of them carries over until the hospital says so: that is the kitchen's own knowledge."""
    return KitchenLine(
        id=uuid7(), hospital=actor.hospital, code=one.code, name_en=one.name_en, name_fr=one.name_fr,
        name_rw=one.name_rw, carries_over=False,
    )  # fmt: skip


def _lines(actor: Actor, ingredients: list[Ingredient], dishes: list[Dish]) -> list[RecipeLine]:
    ids: dict[str, UUID] = {str(one.name): one.id for one in ingredients} | {str(one.code): one.id for one in dishes}
    return [
        RecipeLine(
            id=uuid7(),
            hospital=actor.hospital,
            dish=ids[row["menu_code"]],
            ingredient=ids[row["ingredient"]],
            grams=Decimal(row["grams_per_serving"]),
        )
        for row in _rows("recipe_lines")
    ]


def _periods(actor: Actor) -> list[MealPeriod]:
    return [
        MealPeriod(
            id=uuid7(), hospital=actor.hospital, code=one.code.value,
            cutoff=one.cutoff, serve_from=one.serve_from, serve_to=one.serve_to,
        )
        for one in STARTER_PERIODS
    ]  # fmt: skip


def _codes(text: str) -> list[str]:
    return [code for code in text.split("|") if code]


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None
