"""Reads of the menu: dishes as the verdict needs them, cards as people see them, periods, ingredients."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value, in_transaction
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import asset, assets
from dusangire.kernel.money import Money
from dusangire.menu.rules import (
    NUTRIENTS,
    RECIPE_NUTRIENTS,
    Card,
    Derived,
    DishFacts,
    Ingredient,
    Nutrients,
    Period,
    RecipeLine,
    completeness,
    derive,
    label_declaration,
    meal_names,
    picture,
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


class _DishLine(Struct, frozen=True):
    dish: UUID
    ingredient: UUID
    grams: Decimal


class _Menu(Struct, frozen=True):
    """Everything derived from one revision of one hospital's menu."""

    rev: int
    dishes: Mapping[str, DishFacts]
    cards: Mapping[str, Card]


_menus: dict[int, _Menu] = {}


async def revision(actor: Actor) -> int:
    """Return the menu's revision, which every change of a dish raises; 0 before there is a menu."""
    rev = await fetch_value("SELECT rev FROM menu_revision WHERE hospital = $1", actor.hospital)
    return int(rev or 0)


async def dishes(actor: Actor) -> Mapping[str, DishFacts]:
    """Return every dish by code, derived from ingredients × recipe. Kept until the menu changes."""
    return (await _menu(actor)).dishes


async def cards(actor: Actor) -> Mapping[str, Card]:
    """Return the menu by code, in its own order. Kept until the menu changes."""
    return (await _menu(actor)).cards


async def card(actor: Actor, code: str) -> Card:
    """Return one dish as the menu shows it. Raises NotHere."""
    found = (await cards(actor)).get(code)
    if found is None:
        raise NotHere
    return found


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
        f"SELECT {_INGREDIENT} FROM ingredient WHERE hospital = $1 ORDER BY name",  # noqa: S608  columns of ours
        actor.hospital,
    )


async def ingredient(actor: Actor, ingredient_id: UUID) -> IngredientRow:
    """Return one ingredient. Raises NotHere."""
    found = await fetch_one(
        IngredientRow,
        f"SELECT {_INGREDIENT} FROM ingredient WHERE hospital = $1 AND id = $2",  # noqa: S608  columns of ours
        actor.hospital,
        ingredient_id,
    )
    if found is None:
        raise NotHere
    return found


async def dishes_with(actor: Actor, ingredient_id: UUID) -> list[UUID]:
    """Return the dishes that hold the ingredient."""
    rows = await fetch(
        _DishLine,
        "SELECT dish, ingredient, grams FROM recipe_line WHERE hospital = $1 AND ingredient = $2 ORDER BY dish",
        actor.hospital,
        ingredient_id,
    )
    return [row.dish for row in rows]


async def locked_dish(actor: Actor, dish_id: UUID) -> DishRow:
    """Return the dish and keep others from changing it until the transaction ends. Raises NotHere."""
    found = await fetch_one(
        DishRow,
        f"SELECT {_DISH} FROM dish WHERE hospital = $1 AND id = $2 AND retired_at IS NULL FOR NO KEY UPDATE",  # noqa: S608  columns of ours
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


async def _menu(actor: Actor) -> _Menu:
    """Return the menu of the present revision. One statement when nothing changed, four when something did.

    What a transaction under way reads may be its own and never be committed, so it is not kept.
    """
    rev = await revision(actor)
    kept = _menus.get(actor.hospital)
    if kept is not None and kept.rev == rev:
        return kept
    made = await _derived_menu(actor, rev)
    if not in_transaction():
        _menus[actor.hospital] = made
    return made


async def _derived_menu(actor: Actor, rev: int) -> _Menu:
    rows = await fetch(
        DishRow,
        f"SELECT {_DISH} FROM dish WHERE hospital = $1 AND retired_at IS NULL ORDER BY position, code",  # noqa: S608  columns of ours
        actor.hospital,
    )
    known = {row.id: row.facts for row in await ingredients(actor)}
    recipes: dict[UUID, list[RecipeLine]] = defaultdict(list)
    for line in await fetch(
        _DishLine,
        "SELECT dish, ingredient, grams FROM recipe_line WHERE hospital = $1 ORDER BY grams DESC, id",
        actor.hospital,
    ):
        recipes[line.dish].append(RecipeLine(known[line.ingredient].name, line.grams))
    by_name = {item.name: item for item in known.values()}
    derived = {row.code: _derived(row, recipes.get(row.id, []), by_name, actor.zone) for row in rows}
    return _Menu(
        rev=rev,
        dishes=MappingProxyType({row.code: _facts(row, derived[row.code]) for row in rows}),
        cards=MappingProxyType({row.code: _card(row, derived[row.code]) for row in rows}),
    )


def _derived(row: DishRow, lines: list[RecipeLine], known: Mapping[str, Ingredient], zone: str) -> Derived:
    revised_on = clock.local_day(row.recipe_changed_at, zone)
    if row.label is None:
        return derive(lines, known, fluid_ml=row.fluid_ml, revised_on=revised_on)
    return Derived(
        nutrients=Nutrients(**{name: _amount(row.label.get(name)) for name in NUTRIENTS}),
        allergens=frozenset(row.label_allergens or ()),
        may_contain=frozenset(row.label_may_contain or ()),
        declaration=label_declaration(row.label_declared_on if row.label_allergens is not None else None, revised_on),
        ingredients=(),
    )


def _facts(row: DishRow, found: Derived) -> DishFacts:
    return DishFacts(
        code=row.code,
        name=row.name_en,
        category=row.category,
        nutrients=found.nutrients,
        allergens=found.allergens,
        may_contain=found.may_contain,
        declaration=found.declaration,
        ingredients=found.ingredients if row.label is None else None,
        tags=_tags(row),
        native=row.iddsi_native,
        achievable=frozenset(row.iddsi_achievable),
        periods=frozenset(row.meals),
        data_quality=row.data_quality,
    )


def _card(row: DishRow, found: Derived) -> Card:
    return Card(
        id=row.id,
        code=row.code,
        name_en=row.name_en,
        name_fr=row.name_fr,
        name_rw=row.name_rw,
        category=row.category,
        meals=meal_names(row.meals),
        price=Money(row.price_minor),
        serving_g=row.serving_g,
        allergens=found.allergens,
        may_contain=found.may_contain,
        tags=_tags(row),
        kcal=found.nutrients.kcal,
        nutrients=found.nutrients,
        declaration=found.declaration,
        completeness=completeness(found.nutrients, found.declaration),
        gaps=found.gaps,
        data_quality=row.data_quality,
        validated_by=row.validated_by,
        is_available=row.is_available,
        recipe_rev=row.recipe_rev,
        picture=f"/menu/photo/{row.photo}-320.webp" if row.photo else asset(picture(row.code, row.category, assets())),
        photo=row.photo,
    )


def _tags(row: DishRow) -> frozenset[str]:
    said = {
        "vegetarian": row.is_vegetarian,
        "vegan": row.is_vegan,
        "halal": row.is_halal,
        "pork": row.has_pork,
        "clear_liquid": row.is_clear_liquid,
        "full_liquid": row.is_full_liquid,
        "low_residue": row.is_low_residue,
        "raw_produce": row.has_raw_produce,
        "high_vitamin_k": row.is_high_vitamin_k,
        "lactose": row.has_lactose,
    }
    return frozenset(tag for tag, holds in said.items() if holds)


def _amount(said: Any) -> Decimal | None:
    return None if said is None else Decimal(str(said))


_DISH = ", ".join(DishRow.__struct_fields__)
_INGREDIENT = ", ".join(IngredientRow.__struct_fields__)
