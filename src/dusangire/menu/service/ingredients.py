"""Changes of ingredients: their nutrients and their dated allergen declaration."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from piccolo.columns import Column

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.menu import queries
from dusangire.menu.rules import EU_ALLERGENS, RECIPE_NUTRIENTS
from dusangire.menu.service.revision import menu_bell, raise_revision
from dusangire.menu.tables import Dish, Ingredient


class IngredientChange(Struct, frozen=True):
    """What the label of an ingredient says, per 100 g. None: not known. Without a date nothing is declared."""

    carb_g: Decimal | None
    sugar_g: Decimal | None
    protein_g: Decimal | None
    fat_g: Decimal | None
    satfat_g: Decimal | None
    sodium_mg: Decimal | None
    potassium_mg: Decimal | None
    phosphorus_mg: Decimal | None
    fibre_g: Decimal | None
    allergens: frozenset[str]
    may_contain: frozenset[str]
    declared_on: date | None


async def change_ingredient(actor: Actor, ingredient_id: UUID, change: IngredientChange) -> None:
    """Write what the label says now; every dish that holds it is derived anew and its open trays are judged again.

    Values of those dishes lose their signature. Raises Refusal for a date to come or an unknown allergen, NotHere.
    """
    now = clock.now()
    if change.declared_on is not None and change.declared_on > clock.local_day(now, actor.zone):
        raise Refusal("menu.declared_later", status=422)
    if not change.allergens | change.may_contain <= set(EU_ALLERGENS):
        raise Refusal("menu.unknown_allergen", status=422)
    async with transaction():
        before = await queries.ingredient(actor, ingredient_id)
        await Ingredient.update({
            **_columns(change), Ingredient.data_quality: "edited", Ingredient.changed_at: now,
        }).where(mine(Ingredient, actor), Ingredient.id == ingredient_id)  # fmt: skip
        await record(actor, "ingredient:changed", f"ingredient:{ingredient_id}", name=before.name)
        await _touch_dishes(actor, ingredient_id)


def _columns(change: IngredientChange) -> dict[Column | str, Any]:
    columns: dict[Column | str, Any] = {name: getattr(change, name) for name in RECIPE_NUTRIENTS}
    is_declared = change.declared_on is not None
    columns["declared_on"] = change.declared_on
    columns["allergens"] = sorted(change.allergens) if is_declared else None
    columns["may_contain"] = sorted(change.may_contain) if is_declared else None
    return columns


async def _touch_dishes(actor: Actor, ingredient_id: UUID) -> None:
    """Let each dish with the ingredient follow, in the order of their ids, as every lock of dishes is taken."""
    touched = await queries.dishes_with(actor, ingredient_id)
    for dish_id in touched:
        await Dish.update({
            Dish.recipe_rev: Dish.recipe_rev + 1, Dish.data_quality: "approximate", Dish.validated_by: None,
        }).where(mine(Dish, actor), Dish.id == dish_id)  # fmt: skip
    await raise_revision(actor)
    for dish_id in touched:
        about = f"dish:{dish_id}"
        await record(actor, "menu:recipe_changed", about, also=[menu_bell(actor)], ingredient=str(ingredient_id))
