"""The menu as it is derived: each dish from ingredients × recipe, kept until the menu changes."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value, in_transaction
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import asset, assets
from dusangire.kernel.money import Money
from dusangire.menu.queries.lines import kitchen_lines
from dusangire.menu.queries.stored import DISH, DishLine, DishRow, ingredients
from dusangire.menu.rules import (
    NUTRIENTS,
    Card,
    Derived,
    DishFacts,
    Ingredient,
    Nutrients,
    RecipeLine,
    completeness,
    derive,
    label_declaration,
    meal_names,
    picture,
    with_cross_contact,
)


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


async def dishes(actor: Actor, rev: int | None = None) -> Mapping[str, DishFacts]:
    """Return every dish by code, derived from ingredients × recipe. Kept until the menu changes.

    `rev`: the revision of this moment, where the caller has read it already.
    """
    return (await _menu(actor, rev)).dishes


async def cards(actor: Actor, rev: int | None = None) -> Mapping[str, Card]:
    """Return the menu by code, in its own order. Kept until the menu changes; `rev` as for `dishes`."""
    return (await _menu(actor, rev)).cards


async def card(actor: Actor, code: str) -> Card:
    """Return one dish as the menu shows it. Raises NotHere."""
    found = (await cards(actor)).get(code)
    if found is None:
        raise NotHere
    return found


async def _menu(actor: Actor, rev: int | None = None) -> _Menu:
    """Return the menu of the present revision. One statement when nothing changed, five when something did.

    What a transaction under way reads may be its own and never be committed, so it is not kept.
    """
    if rev is None:
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
        f"SELECT {DISH} FROM dish WHERE hospital = $1 AND retired_at IS NULL ORDER BY position, code",  # noqa: S608  columns of ours
        actor.hospital,
    )
    known = {row.id: row.facts for row in await ingredients(actor)}
    recipes: dict[UUID, list[RecipeLine]] = defaultdict(list)
    for line in await fetch(
        DishLine,
        "SELECT dish, ingredient, grams FROM recipe_line WHERE hospital = $1 ORDER BY grams DESC, id",
        actor.hospital,
    ):
        recipes[line.dish].append(RecipeLine(known[line.ingredient].name, line.grams))
    by_name = {item.name: item for item in known.values()}
    derived = {row.code: _derived(row, recipes.get(row.id, []), by_name, actor.zone) for row in rows}
    facts = with_cross_contact({row.code: _facts(row, derived[row.code]) for row in rows}, await _carrying(actor, rows))
    cards = {row.code: _card(row, derived[row.code], facts[row.code].cross_contact) for row in rows}
    return _Menu(rev=rev, dishes=MappingProxyType(facts), cards=MappingProxyType(cards))


async def _carrying(actor: Actor, rows: list[DishRow]) -> dict[str, UUID]:
    """Return the line of each dish that is made on one that carries over, by dish code."""
    carrying = {line.id for line in await kitchen_lines(actor) if line.carries_over}
    return {row.code: row.kitchen_line for row in rows if row.kitchen_line in carrying and row.kitchen_line}


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


def _card(row: DishRow, found: Derived, cross_contact: frozenset[str]) -> Card:
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
        kitchen_line=row.kitchen_line,
        cross_contact=cross_contact,
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
