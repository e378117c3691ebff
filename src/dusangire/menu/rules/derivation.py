"""What a dish is: its nutrients, allergens and textures, worked out from its recipe."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

ZERO = Decimal(0)
HUNDRED = Decimal(100)

EU_ALLERGENS = (
    "gluten",
    "crustaceans",
    "eggs",
    "fish",
    "peanuts",
    "soya",
    "milk",
    "nuts",
    "celery",
    "mustard",
    "sesame",
    "sulphites",
    "lupin",
    "molluscs",
)
"""Source: Regulation (EU) 1169/2011, Annex II."""

TAGS = (
    "vegetarian",
    "vegan",
    "halal",
    "pork",
    "clear_liquid",
    "full_liquid",
    "low_residue",
    "raw_produce",
    "high_vitamin_k",
    "lactose",
    "prescription",
)


class Declaration(StrEnum):
    """Whether the allergens of a dish are declared; only CURRENT may be served."""

    CURRENT = "current"
    MISSING = "missing"
    STALE = "stale"


class Nutrients(Struct, frozen=True):
    """Amounts in one whole serving, or in 100 g of an ingredient. None: not known, which is never zero."""

    carb_g: Decimal | None = None
    sugar_g: Decimal | None = None
    added_sugar_g: Decimal | None = None
    protein_g: Decimal | None = None
    fat_g: Decimal | None = None
    satfat_g: Decimal | None = None
    sodium_mg: Decimal | None = None
    potassium_mg: Decimal | None = None
    phosphorus_mg: Decimal | None = None
    fibre_g: Decimal | None = None
    kcal: Decimal | None = None
    fluid_ml: Decimal | None = None

    def of(self, nutrient: str) -> Decimal | None:
        """Return the amount of one nutrient. Raises AttributeError for a nutrient that no dish carries."""
        amount: Decimal | None = getattr(self, nutrient)
        return amount


NUTRIENTS: tuple[str, ...] = Nutrients.__struct_fields__
RECIPE_NUTRIENTS = tuple(name for name in NUTRIENTS if name not in {"added_sugar_g", "kcal", "fluid_ml"})
_SUGAR = "sugar"


class Ingredient(Struct, frozen=True):
    """One thing the kitchen buys. `declared_on` dates its allergen declaration; an empty list with a date is one."""

    name: str
    per_100g: Nutrients
    allergens: frozenset[str] = frozenset()
    may_contain: frozenset[str] = frozenset()
    declared_on: date | None = None


class RecipeLine(Struct, frozen=True):
    """Raw grams of one ingredient in one serving."""

    ingredient: str
    grams: Decimal


class Derived(Struct, frozen=True):
    """What a recipe says about its dish. `gaps` names every ingredient that is unknown, undeclared or incomplete."""

    nutrients: Nutrients
    allergens: frozenset[str]
    may_contain: frozenset[str]
    declaration: Declaration
    ingredients: tuple[str, ...]
    gaps: tuple[str, ...] = ()


class DishFacts(Struct, frozen=True):
    """Everything the verdict needs to know of one dish, per whole serving.

    `ingredients` is None for a dish without a recipe (we have its label). `native` is D0 to D4 for what is drunk,
    F3 to F7 (F7E: easy to chew) for what is eaten; `achievable` are the IDDSI levels the kitchen can serve it at.
    `cross_contact` and `cross_ingredients` are what the other dishes of its kitchen line leave behind, where the line
    carries over; `has_cross_label` when one of them came with a label that lists no ingredients.
    """

    code: str
    name: str = ""
    category: str = ""
    nutrients: Nutrients = Nutrients()
    allergens: frozenset[str] = frozenset()
    may_contain: frozenset[str] = frozenset()
    declaration: Declaration = Declaration.MISSING
    ingredients: tuple[str, ...] | None = None
    tags: frozenset[str] = frozenset()
    unknown_tags: frozenset[str] = frozenset()
    native: str = ""
    achievable: frozenset[int] = frozenset()
    periods: frozenset[str] = frozenset()
    data_quality: str = ""
    cross_contact: frozenset[str] = frozenset()
    cross_ingredients: frozenset[str] = frozenset()
    has_cross_label: bool = False


def derive(
    lines: Iterable[RecipeLine],
    ingredients: Mapping[str, Ingredient],
    *,
    fluid_ml: Decimal | None,
    revised_on: date | None = None,
) -> Derived:
    """Return the exact nutrients, allergens and declaration of one serving, never rounded.

    `fluid_ml` is measured as served, with the cooking water that stays, so it comes with the dish.
    `revised_on` is the day the recipe last changed: an older declaration is STALE.
    Edge: an unknown ingredient leaves every nutrient None and the declaration MISSING; so does an empty recipe.
    """
    recipe = tuple(lines)
    known = [(ingredients[line.ingredient], line.grams) for line in recipe if line.ingredient in ingredients]
    complete = bool(recipe) and len(known) == len(recipe)
    return Derived(
        nutrients=_nutrients(known, fluid_ml) if complete else Nutrients(fluid_ml=fluid_ml),
        allergens=frozenset().union(*(item.allergens for item, _ in known)),
        may_contain=frozenset().union(*(item.may_contain for item, _ in known)),
        declaration=_declaration([item for item, _ in known], revised_on) if complete else Declaration.MISSING,
        ingredients=tuple(line.ingredient for line in recipe),
        gaps=_gaps(recipe, ingredients, revised_on),
    )


def label_declaration(declared_on: date | None, revised_on: date | None) -> Declaration:
    """Return whether the label of a dish without a recipe is declared, and no older than the product."""
    if declared_on is None:
        return Declaration.MISSING
    return Declaration.STALE if revised_on is not None and declared_on < revised_on else Declaration.CURRENT


def energy_kcal(nutrients: Nutrients) -> Decimal | None:
    """Return the energy in kcal; None when a part is not known.

    Source: 4 per g protein and available carbohydrate, 2 per g fibre, 9 per g fat (Reg. (EU) 1169/2011, Annex XIV).
    """
    protein, carb, fibre, fat = nutrients.protein_g, nutrients.carb_g, nutrients.fibre_g, nutrients.fat_g
    if protein is None or carb is None or fibre is None or fat is None:
        return None
    return 4 * protein + 4 * (carb - fibre) + 2 * fibre + 9 * fat


def ingredients_from_rows(rows: Iterable[Mapping[str, str]]) -> dict[str, Ingredient]:
    """Return the ingredients by name from the rows of ingredients.csv."""
    return {row["ingredient"]: _ingredient(row) for row in rows}


def dishes_from_rows(
    menu_rows: Iterable[Mapping[str, str]],
    ingredient_rows: Iterable[Mapping[str, str]],
    recipe_rows: Iterable[Mapping[str, str]],
) -> dict[str, DishFacts]:
    """Return the dishes by code: computed from the recipe, or taken from the label where there is no recipe."""
    ingredients = ingredients_from_rows(ingredient_rows)
    recipes: dict[str, list[RecipeLine]] = {}
    for row in recipe_rows:
        line = RecipeLine(row["ingredient"], Decimal(row["grams_per_serving"]))
        recipes.setdefault(row["menu_code"], []).append(line)
    return {row["code"]: _dish(row, recipes.get(row["code"]), ingredients) for row in menu_rows}


def _nutrients(parts: list[tuple[Ingredient, Decimal]], fluid_ml: Decimal | None) -> Nutrients:
    amounts = {name: _total(parts, name) for name in RECIPE_NUTRIENTS}
    added = sum((grams for item, grams in parts if item.name == _SUGAR), ZERO)
    without_energy = Nutrients(**amounts, added_sugar_g=added, fluid_ml=fluid_ml)
    return Nutrients(**amounts, added_sugar_g=added, fluid_ml=fluid_ml, kcal=energy_kcal(without_energy))


def _total(parts: list[tuple[Ingredient, Decimal]], nutrient: str) -> Decimal | None:
    total = ZERO
    for item, grams in parts:
        amount = item.per_100g.of(nutrient)
        if amount is None:
            return None
        total += amount * grams / HUNDRED
    return total


def _declaration(items: list[Ingredient], revised_on: date | None) -> Declaration:
    dates = [item.declared_on for item in items]
    if any(day is None for day in dates):
        return Declaration.MISSING
    if revised_on is not None and any(day is not None and day < revised_on for day in dates):
        return Declaration.STALE
    return Declaration.CURRENT


def _gaps(recipe: tuple[RecipeLine, ...], known: Mapping[str, Ingredient], revised_on: date | None) -> tuple[str, ...]:
    return tuple(line.ingredient for line in recipe if _has_gap(known.get(line.ingredient), revised_on))


def _has_gap(item: Ingredient | None, revised_on: date | None) -> bool:
    if item is None or item.declared_on is None:
        return True
    if revised_on is not None and item.declared_on < revised_on:
        return True
    return any(item.per_100g.of(name) is None for name in RECIPE_NUTRIENTS)


def _ingredient(row: Mapping[str, str]) -> Ingredient:
    declared = row.get("declared_on", "")
    return Ingredient(
        name=row["ingredient"],
        per_100g=Nutrients(**{name: _amount(row[f"{name}_100g"]) for name in RECIPE_NUTRIENTS}),
        allergens=_codes(row["allergens_eu14"]),
        may_contain=_codes(row["may_contain_eu14"]),
        declared_on=date.fromisoformat(declared) if declared else None,
    )


def _dish(row: Mapping[str, str], recipe: list[RecipeLine] | None, ingredients: Mapping[str, Ingredient]) -> DishFacts:
    found = _label(row) if recipe is None else derive(recipe, ingredients, fluid_ml=_amount(row["fluid_ml"]))
    return DishFacts(
        code=row["code"],
        name=row["name_en"],
        category=row["category"],
        nutrients=found.nutrients,
        allergens=found.allergens,
        may_contain=found.may_contain,
        declaration=found.declaration,
        ingredients=found.ingredients if recipe is not None else None,
        tags=frozenset(tag for tag in TAGS if row.get(tag) == "1"),
        unknown_tags=frozenset(tag for tag in TAGS if tag in row and row[tag] == ""),
        native=row["iddsi_native"],
        achievable=frozenset(int(level) for level in row["iddsi_achievable"].split(",") if level),
        periods=_codes(row["meal_periods"]),
        data_quality=row.get("data_quality", ""),
    )


def _label(row: Mapping[str, str]) -> Derived:
    return Derived(
        nutrients=Nutrients(**{name: _amount(row[name]) for name in NUTRIENTS}),
        allergens=_codes(row["allergens_eu14"]),
        may_contain=frozenset(),
        declaration=Declaration.CURRENT,
        ingredients=(),
    )


def _codes(text: str) -> frozenset[str]:
    return frozenset(code for code in text.split("|") if code)


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None
