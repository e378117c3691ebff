"""Texture: the IDDSI levels food and drink must have.

Source: International Dysphagia Diet Standardisation Initiative, framework 2.0 (2019).
"""

from collections.abc import Iterable

from msgspec import Struct

from dusangire.menu.rules import DishFacts

from .facts import Kind, Reason
from .manual import Diet, RuleKind

FOOD_LEVELS = range(3, 8)
DRINK_LEVELS = range(0, 5)
_EASY_TO_CHEW = 7
_SERVED_AS_EASY = 6
"""Easy to chew shares number 7 with regular food; only what can be made soft (level 6) is surely easy to chew."""
_LIQUID_FOODS = frozenset({"porridge", "soup"})
_PATIENT = "IDDSI"


class FoodTexture(Struct, frozen=True):
    """One ordered food level, who ordered it, and the level a dish must be servable at."""

    source: str
    ordered: str
    level: int


class Texture(Struct, frozen=True):
    """Both axes as ordered. `food` is empty when no texture is ordered; more than one level is a contradiction."""

    food: tuple[FoodTexture, ...] = ()
    drink: int | None = None
    contradictions: tuple[Reason, ...] = ()
    unsure: tuple[Reason, ...] = ()


class Served(Struct, frozen=True):
    """The food level and the drink level of one component; porridge and soup have both."""

    food: int | None = None
    drink: int | None = None


def texture(diets: Iterable[Diet], food: int | None, drink: int | None) -> Texture:
    """Return both axes from the texture diets in force and the levels stored with the patient."""
    ordered = [_of(diet.code, rule.subject) for diet in diets for rule in diet.rules if rule.kind is RuleKind.IDDSI]
    unsure = []
    if food is not None and food not in FOOD_LEVELS:
        unsure.append(Reason(Kind.UNKNOWN, _PATIENT, "unknown_food_level", str(food), "order"))
    elif food is not None and str(food) not in {item.ordered for item in ordered}:
        ordered.append(FoodTexture(_PATIENT, str(food), food))
    if drink is not None and drink not in DRINK_LEVELS:
        unsure.append(Reason(Kind.UNKNOWN, _PATIENT, "unknown_drink_level", str(drink), "order"))
    contradictions = _contradictions(ordered)
    return Texture(food=tuple(ordered), drink=drink, contradictions=tuple(contradictions), unsure=tuple(unsure))


def misfits(dish: DishFacts, ordered: Texture) -> list[Reason]:
    """Return why one dish cannot be eaten or drunk at the ordered levels."""
    found: list[Reason] = []
    if ordered.food and not ordered.contradictions and not is_drink(dish):
        found += [_food(dish, item) for item in ordered.food if item.level not in dish.achievable]
    if is_drink(dish) or is_liquid_food(dish):
        found += _drink(dish, ordered)
    return found


def served(dish: DishFacts, ordered: Texture) -> Served:
    """Return the levels at which one component of the tray is made for this patient; nothing where none is ordered."""
    levels = {item.level for item in ordered.food}
    is_food = bool(levels) and not ordered.contradictions and not is_drink(dish)
    is_drunk = is_drink(dish) or is_liquid_food(dish)
    return Served(min(levels) if is_food else None, ordered.drink if is_drunk else None)


def is_liquid_food(dish: DishFacts) -> bool:
    """Whether a dish is eaten and drunk at once (porridge, soup), so that both axes judge it."""
    return dish.category in _LIQUID_FOODS


def is_drink(dish: DishFacts) -> bool:
    """Whether only the drink axis judges a dish."""
    return dish.native.startswith("D") and not is_liquid_food(dish)


def drink_levels(dish: DishFacts) -> frozenset[int]:
    """Return the levels a drink can be served at: what the kitchen achieves, and as it is."""
    native = dish.native[1:2]
    if dish.native.startswith("D") and native.isdigit():
        return dish.achievable | {int(native)}
    return dish.achievable


def _of(code: str, level: str) -> FoodTexture:
    number = int(level)
    return FoodTexture(code, level, _SERVED_AS_EASY if number == _EASY_TO_CHEW else number)


def _contradictions(ordered: list[FoodTexture]) -> list[Reason]:
    pairs = [(a, b) for index, a in enumerate(ordered) for b in ordered[index + 1 :] if a.ordered != b.ordered]
    names = ["+".join(sorted((a.source, b.source))) for a, b in pairs]
    return [Reason(Kind.UNKNOWN, "CONTRADICTION", name, "iddsi", "item") for name in names]


def _food(dish: DishFacts, item: FoodTexture) -> Reason:
    return Reason(Kind.BLOCK, item.source, "iddsi", item.ordered, "item", dish=dish.code)


def _drink(dish: DishFacts, ordered: Texture) -> list[Reason]:
    if ordered.drink is None:
        if not ordered.food:
            return []
        return [Reason(Kind.UNKNOWN, _PATIENT, "drink_level_unset", "drink", "item", dish=dish.code)]
    if ordered.drink in drink_levels(dish):
        return []
    return [Reason(Kind.BLOCK, _PATIENT, "drink", str(ordered.drink), "item", dish=dish.code)]
