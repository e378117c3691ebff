"""Changes of dishes: names and price, whether the kitchen still has it, the recipe, the signature on its values."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.menu import queries
from dusangire.menu.rules import LETTERS
from dusangire.menu.service.revision import menu_bell, raise_revision
from dusangire.menu.tables import Dish, Ingredient, RecipeLine


class DishChange(Struct, frozen=True):
    """What an editor may change of a dish besides its recipe. `meals` are names of meals."""

    name_en: str
    name_fr: str
    name_rw: str
    price_minor: int
    meals: frozenset[str]


async def set_available(actor: Actor, dish_id: UUID, *, available: bool) -> None:
    """Say that the kitchen has run out of a dish, or has it again; open menus show it within a second."""
    async with transaction():
        await queries.locked_dish(actor, dish_id)
        moved = (
            await Dish.update({Dish.is_available: available})
            .where(mine(Dish, actor), Dish.id == dish_id, Dish.is_available != available)
            .returning(Dish.code)
        )
        if moved:
            await raise_revision(actor)
            kind = "dish:back" if available else "dish:sold_out"
            await record(actor, kind, f"dish:{dish_id}", also=[menu_bell(actor)], code=moved[0]["code"])


async def change_dish(actor: Actor, dish_id: UUID, change: DishChange) -> None:
    """Give a dish new names, another price, other meals; trays already ordered keep their price."""
    if not change.meals or not change.meals <= LETTERS.keys():
        raise Refusal("menu.no_meal", status=422)
    async with transaction():
        before = await queries.locked_dish(actor, dish_id)
        await Dish.update({
            Dish.name_en: change.name_en,
            Dish.name_fr: change.name_fr,
            Dish.name_rw: change.name_rw,
            Dish.price_minor: change.price_minor,
            Dish.meals: [letter for meal, letter in LETTERS.items() if meal in change.meals],
        }).where(mine(Dish, actor), Dish.id == dish_id)  # fmt: skip
        await raise_revision(actor)
        await record(
            actor, "dish:changed", f"dish:{dish_id}", also=[menu_bell(actor)],
            code=before.code, price_before=before.price_minor, price_after=change.price_minor,
        )  # fmt: skip


async def change_recipe(actor: Actor, dish_id: UUID, grams: Mapping[UUID, Decimal], *, is_declared: bool) -> None:
    """Set the raw grams of each ingredient in one serving; zero grams take a line out.

    Declarations older than the recipe no longer count (UNKNOWN for everybody) unless `is_declared` says that the
    editor has looked at the label of every ingredient today. Values lose their signature. Raises Refusal, NotHere.
    """
    kept = {ingredient: amount for ingredient, amount in grams.items() if amount > 0}
    async with transaction():
        before = await queries.locked_dish(actor, dish_id)
        _refuse_recipe(before, kept, known={row.id for row in await queries.ingredients(actor)})
        await _replace_lines(actor, dish_id, kept)
        now = clock.now()
        if is_declared:
            await Ingredient.update({Ingredient.declared_on: clock.local_day(now, actor.zone)}).where(
                mine(Ingredient, actor), Ingredient.id.is_in(list(kept)), Ingredient.allergens.is_not_null()
            )
        await Dish.update({
            Dish.recipe_rev: Dish.recipe_rev + 1,
            Dish.recipe_changed_at: now,
            Dish.data_quality: "approximate",
            Dish.validated_by: None,
        }).where(mine(Dish, actor), Dish.id == dish_id)  # fmt: skip
        await raise_revision(actor)
        await record(
            actor, "menu:recipe_changed", f"dish:{dish_id}", also=[menu_bell(actor), f"{actor.hospital}:dishs"],
            code=before.code, recipe_rev=before.recipe_rev + 1,
        )  # fmt: skip


async def sign_values(actor: Actor, dish_id: UUID) -> None:
    """Let a nutritionist put their name under a dish's values; only complete data can be signed."""
    async with transaction():
        row = await queries.locked_dish(actor, dish_id)
        if (await queries.card(actor, row.code)).completeness < 100:
            raise Refusal("menu.sign_incomplete")
        await Dish.update({Dish.data_quality: "validated", Dish.validated_by: actor.name}).where(
            mine(Dish, actor), Dish.id == dish_id
        )
        await raise_revision(actor)
        await record(actor, "dish:signed", f"dish:{dish_id}", also=[menu_bell(actor)], code=row.code)


def _refuse_recipe(row: queries.DishRow, kept: Mapping[UUID, Decimal], *, known: set[UUID]) -> None:
    if row.label is not None:
        raise Refusal("menu.has_label")
    if not kept or not kept.keys() <= known:
        raise Refusal("menu.recipe_empty", status=422)


async def _replace_lines(actor: Actor, dish_id: UUID, grams: Mapping[UUID, Decimal]) -> None:
    await RecipeLine.delete().where(mine(RecipeLine, actor), RecipeLine.dish == dish_id)
    await RecipeLine.insert(
        *(
            RecipeLine(id=uuid7(), hospital=actor.hospital, dish=dish_id, ingredient=ingredient, grams=amount)
            for ingredient, amount in grams.items()
        )
    )
