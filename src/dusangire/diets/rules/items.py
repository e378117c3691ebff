"""Item rules: what one portion of one dish may be, whatever else is on the tray."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from dusangire.menu.rules import TAGS, DishFacts

from .allergy import Avoided, declaration, family, reactions
from .facts import Bound, Kind, Reason
from .limits import Limit
from .manual import DietRule, Manual, RuleKind
from .texture import Texture, drink_levels, misfits

_THICKENER = "thickener"


class ItemRules(Struct, frozen=True):
    """Everything a single dish is held against for one patient. `ordered_foods`: therapeutic foods an order names."""

    avoids: tuple[Avoided, ...]
    texture: Texture
    rules: tuple[DietRule, ...]
    limits: tuple[Limit, ...]
    therapeutic_foods: frozenset[str]
    ordered_foods: frozenset[str]
    is_carb_counted: bool
    families: Mapping[str, frozenset[str]]


def item_rules(
    manual: Manual,
    rules: tuple[DietRule, ...],
    limits: tuple[Limit, ...],
    avoids: tuple[Avoided, ...],
    ordered: Texture,
    *,
    fed: frozenset[str] = frozenset(),
) -> ItemRules:
    """Return the item rules of the orders in force; `limits` are all their limits, of every scope.

    `fed` are the dishes that a feed order by mouth names.
    """
    only = [rule.subject.split("|") for rule in rules if rule.kind is RuleKind.ONLY]
    return ItemRules(
        avoids=avoids,
        texture=ordered,
        rules=rules,
        limits=tuple(limit for limit in limits if limit.scope == "item"),
        therapeutic_foods=manual.therapeutic_foods,
        ordered_foods=fed.union(*only),
        is_carb_counted=any(limit.base == "carb_g" for limit in limits),
        families={
            rule.subject: family(rule.subject, manual.groups) for rule in rules if rule.kind is RuleKind.NO_ALLERGEN
        },
    )


def judge_dish(dish: DishFacts, held: ItemRules) -> tuple[Reason, ...]:
    """Return everything a dish breaks, lacks or asks, however much of it is served."""
    found = declaration(dish) + reactions(dish, held.avoids) + misfits(dish, held.texture)
    for rule in held.rules:
        found += _broken(dish, rule, held)
    return tuple(found + _prescription(dish, held) + _thickener(dish, held))


def judge_portion(dish: DishFacts, portion: Decimal, held: ItemRules) -> tuple[Reason, ...]:
    """Return the limits per item that one portion of a dish passes."""
    return tuple(reason for limit in held.limits for reason in _amount(dish, portion, limit))


def _broken(dish: DishFacts, rule: DietRule, held: ItemRules) -> list[Reason]:
    match rule.kind:
        case RuleKind.NOTHING:
            return [_reason(dish, rule, Kind.BLOCK)]
        case RuleKind.ONLY:
            return [] if dish.code in rule.subject.split("|") else [_reason(dish, rule, Kind.BLOCK)]
        case RuleKind.NO_ALLERGEN:
            declared = dish.allergens | dish.may_contain | dish.cross_contact
            return [_reason(dish, rule, Kind.BLOCK)] if held.families[rule.subject] & declared else []
        case RuleKind.REQUIRE | RuleKind.FORBID:
            return _tagged(dish, rule)
    return []


def _tagged(dish: DishFacts, rule: DietRule) -> list[Reason]:
    is_unknown = rule.subject in dish.unknown_tags or rule.subject not in TAGS
    has_tag = rule.subject in dish.tags
    if is_unknown and not has_tag:
        return [_reason(dish, rule, Kind.UNKNOWN, "tag_unknown")]
    if has_tag is (rule.kind is RuleKind.REQUIRE):
        return []
    return [_reason(dish, rule, Kind.BLOCK)]


def _amount(dish: DishFacts, portion: Decimal, limit: Limit) -> list[Reason]:
    whole = dish.nutrients.of(limit.base)
    if whole is None:
        return [_limited(dish, limit, "nutrient_unknown", Kind.UNKNOWN)]
    amount = whole * portion
    if limit.ceiling is not None and amount > limit.ceiling:
        return [_limited(dish, limit, "limit", Kind.BLOCK, value=amount, bound=limit.ceiling, end=Bound.MAX)]
    if limit.floor is not None and amount < limit.floor:
        return [_limited(dish, limit, "limit", Kind.BLOCK, value=amount, bound=limit.floor, end=Bound.MIN)]
    return []


def _prescription(dish: DishFacts, held: ItemRules) -> list[Reason]:
    needs_order = dish.code in held.therapeutic_foods or "prescription" in dish.tags
    if not needs_order or dish.code in held.ordered_foods:
        return []
    return [Reason(Kind.BLOCK, "DISH", "prescription", dish.code, "item", dish=dish.code)]


def _thickener(dish: DishFacts, held: ItemRules) -> list[Reason]:
    drink = held.texture.drink
    if drink is None or not held.is_carb_counted:
        return []
    is_thin = dish.native.startswith("D") and dish.native[1:2].isdigit() and int(dish.native[1]) < drink
    is_in_recipe = any(_THICKENER in name for name in dish.ingredients or ())
    if not is_thin or is_in_recipe or drink not in drink_levels(dish):
        return []
    return [Reason(Kind.ASK, "DISH", _THICKENER, dish.code, "item", dish=dish.code, hard=False)]


def _reason(dish: DishFacts, rule: DietRule, kind: Kind, name: str = "") -> Reason:
    told = kind if rule.hard else Kind.ASK
    return Reason(told, rule.diet, name or rule.kind, rule.subject, rule.scope, dish=dish.code, hard=rule.hard)


def _limited(
    dish: DishFacts,
    limit: Limit,
    rule: str,
    kind: Kind,
    *,
    value: Decimal | None = None,
    bound: Decimal | None = None,
    end: Bound | None = None,
) -> Reason:
    told = kind if limit.hard else Kind.ASK
    return Reason(
        told, limit.diet, rule, limit.nutrient, limit.scope, value, bound, limit.unit, end, dish.code, limit.hard
    )
