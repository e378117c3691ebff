"""Reads of the menu as it is stored: dishes, ingredients, recipes, periods."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.menu.rules import (
    RECIPE_NUTRIENTS,
    Ingredient,
    Nutrients,
    Period,
)


class DishRow(Struct, frozen=True):
    """A dish as it is stored."""

    id: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    category: str
    meals: list[str]
    price_minor: int
    serving_g: Decimal
    fluid_ml: Decimal
    is_vegetarian: bool
    is_vegan: bool
    is_halal: bool
    has_pork: bool
    is_clear_liquid: bool
    is_full_liquid: bool
    is_low_residue: bool
    has_raw_produce: bool
    is_high_vitamin_k: bool
    has_lactose: bool
    iddsi_native: str
    iddsi_achievable: list[int]
    label: dict[str, Any] | None
    label_allergens: list[str] | None
    label_may_contain: list[str] | None
    label_declared_on: date | None
    recipe_rev: int
    recipe_changed_at: datetime
    data_quality: str
    validated_by: str | None
    is_available: bool
    photo: str | None
    kitchen_line: UUID | None


class IngredientRow(Struct, frozen=True):
    """An ingredient as it is stored, amounts per 100 g."""

    id: UUID
    name: str
    carb_g: Decimal | None
    sugar_g: Decimal | None
    protein_g: Decimal | None
    fat_g: Decimal | None
    satfat_g: Decimal | None
    sodium_mg: Decimal | None
    potassium_mg: Decimal | None
    phosphorus_mg: Decimal | None
    fibre_g: Decimal | None
    allergens: list[str] | None
    may_contain: list[str] | None
    declared_on: date | None
    animal_origin: str
    data_quality: str

    @property
    def facts(self) -> Ingredient:
        """What derivation needs; without a list of allergens nothing was declared, whatever the date says."""
        return Ingredient(
            name=self.name,
            per_100g=Nutrients(**{name: getattr(self, name) for name in RECIPE_NUTRIENTS}),
            allergens=frozenset(self.allergens or ()),
            may_contain=frozenset(self.may_contain or ()),
            declared_on=self.declared_on if self.allergens is not None else None,
        )


class Line(Struct, frozen=True):
    """One line of a recipe: raw grams in one serving."""

    ingredient: UUID
    name: str
    grams: Decimal


class DishLine(Struct, frozen=True):
    """One line of some dish's recipe."""

    dish: UUID
    ingredient: UUID
    grams: Decimal


DISH = ", ".join(DishRow.__struct_fields__)
INGREDIENT = ", ".join(IngredientRow.__struct_fields__)


async def periods(actor: Actor) -> list[Period]:
    """Return the hospital's meal periods in the order of the day."""
    return await fetch(
        Period,
        "SELECT code, cutoff, serve_from, serve_to FROM meal_period WHERE hospital = $1 ORDER BY serve_from",
        actor.hospital,
    )


async def recipe(actor: Actor, dish: UUID) -> list[Line]:
    """Return the recipe, heaviest first; empty for a dish that comes with a label."""
    return await fetch(
        Line,
        """
        SELECT i.id AS ingredient, i.name, l.grams FROM recipe_line l
        JOIN ingredient i ON i.hospital = l.hospital AND i.id = l.ingredient
        WHERE l.hospital = $1 AND l.dish = $2 ORDER BY l.grams DESC, i.name
        """,
        actor.hospital,
        dish,
    )


async def ingredients(actor: Actor) -> list[IngredientRow]:
    """Return every ingredient by name."""
    return await fetch(
        IngredientRow,
        f"SELECT {INGREDIENT} FROM ingredient WHERE hospital = $1 ORDER BY name",  # noqa: S608  columns of ours
        actor.hospital,
    )


async def ingredient(actor: Actor, ingredient_id: UUID) -> IngredientRow:
    """Return one ingredient. Raises NotHere."""
    found = await fetch_one(
        IngredientRow,
        f"SELECT {INGREDIENT} FROM ingredient WHERE hospital = $1 AND id = $2",  # noqa: S608  columns of ours
        actor.hospital,
        ingredient_id,
    )
    if found is None:
        raise NotHere
    return found


async def dishes_with(actor: Actor, ingredient_id: UUID) -> list[UUID]:
    """Return the dishes that hold the ingredient."""
    rows = await fetch(
        DishLine,
        "SELECT dish, ingredient, grams FROM recipe_line WHERE hospital = $1 AND ingredient = $2 ORDER BY dish",
        actor.hospital,
        ingredient_id,
    )
    return [row.dish for row in rows]


async def locked_dish(actor: Actor, dish_id: UUID) -> DishRow:
    """Return the dish and keep others from changing it until the transaction ends. Raises NotHere."""
    found = await fetch_one(
        DishRow,
        f"SELECT {DISH} FROM dish WHERE hospital = $1 AND id = $2 AND retired_at IS NULL FOR NO KEY UPDATE",  # noqa: S608  columns of ours
        actor.hospital,
        dish_id,
    )
    if found is None:
        raise NotHere
    return found


async def has_photo(actor: Actor, photo: str) -> bool:
    """True when a dish of the hospital shows, or once showed, this photo: names are never used twice."""
    return bool(
        await fetch_value("SELECT true FROM dish WHERE hospital = $1 AND photo = $2 LIMIT 1", actor.hospital, photo)
    )
