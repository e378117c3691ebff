"""The ends of limits, sums and item rules: on the bound, a step beyond it, and where there is none."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dusangire.diets.rules import DishFacts, Gate, Nutrients, OwnLimit, TrayLine
from dusangire.diets.rules.facts import DietOrderFacts, Kind, Meal, OtherTray, Serving
from dusangire.diets.rules.items import ItemRules, item_rules, judge_dish, judge_portion
from dusangire.diets.rules.limits import Limit, has_floor_at, limits_of, unreadable, usable_weight_kg
from dusangire.diets.rules.manual import Diet, DietKind, DietRule, RuleKind
from dusangire.diets.rules.orders import diets_of, overdue
from dusangire.diets.rules.sums import Check, Sum, add_up, check, judge_sum
from dusangire.diets.rules.texture import FoodTexture, Texture, drink_levels, misfits, texture
from tests.diets.conftest import KIGALI, TODAY

SODIUM = "sodium_mg"
AFTERNOON = datetime.combine(TODAY, time(15, 30), KIGALI)


def limit(scope: str = "meal", least: int | None = None, most: int | None = None, **more: Any) -> Limit:
    low, high = (None if bound is None else Decimal(bound) for bound in (least, most))
    facts = {"diet": "A", "nutrient": SODIUM, "base": SODIUM, "hard": True}
    return Limit(**(facts | {"scope": scope, "least": low, "most": high, "floor": low, "ceiling": high} | more))


def held(
    *rules: DietRule, limits: tuple[Limit, ...] = (), drink: int | None = None, counted: bool = False
) -> ItemRules:
    families = {rule.subject: frozenset({rule.subject}) for rule in rules}
    return ItemRules((), Texture((), drink), rules, limits, frozenset(), frozenset(), counted, families)


def rule(kind: str, subject: str, **more: Any) -> DietRule:
    facts = {"diet": "A", "scope": "item", "least": None, "most": None, "hard": True, "source": ""}
    return DietRule(kind=RuleKind(kind), subject=subject, **(facts | more))


def told(dish: DishFacts, rules: ItemRules) -> list[tuple[str, str]]:
    """What a dish breaks, but for its declaration."""
    return [(one.kind, one.rule) for one in judge_dish(dish, rules) if one.rule != "declaration"]


def salty(mg: int) -> DishFacts:
    return DishFacts("X", nutrients=Nutrients(sodium_mg=Decimal(mg)))


@pytest.mark.parametrize(
    ("bounds", "mg", "end"),
    [
        ((None, 10), 10, None),
        ((None, 10), 11, "max"),
        ((5, None), 5, None),
        ((5, None), 4, "min"),
        ((5, 10), 7, None),
        ((None, None), 7, None),
    ],
)
def test_one_portion_is_held_to_both_ends_of_a_limit_and_they_are_inside(
    bounds: tuple[int | None, int | None], mg: int, end: str | None
) -> None:
    found = judge_portion(salty(mg), Decimal(1), held(limits=(limit("item", *bounds),)))
    assert [(one.kind, one.bound, one.value) for one in found] == ([] if end is None else [(Kind.BLOCK, end, mg)])


def test_a_tag_nobody_knows_is_unknown_and_one_that_is_there_counts_even_if_in_doubt() -> None:
    assert told(DishFacts("X"), held(rule("require", "no_such_tag"))) == [("unknown", "tag_unknown")]
    in_doubt = DishFacts("X", tags=frozenset({"pork"}), unknown_tags=frozenset({"pork"}))
    assert told(in_doubt, held(rule("forbid", "pork"))) == [("block", "forbid")]
    assert told(in_doubt, held(rule("require", "pork"))) == []
    assert told(in_doubt, held(rule("limit", SODIUM), rule("iddsi", "4"))) == []


def test_only_a_list_of_dishes_orders_a_dish_and_only_an_allergen_has_a_family(ward: Any) -> None:
    rules = (rule("forbid", "F75"), rule("only", "F100|RICE"), rule("noallergen", "milk"))
    made = item_rules(
        ward.manual, rules, (limit("item", 1), limit("day", 1)), (), Texture(), fed=frozenset({"ONS-200"})
    )
    assert made.ordered_foods == {"F100", "RICE", "ONS-200"}
    assert set(made.families) == {"milk"}
    assert [one.scope for one in made.limits] == ["item"]
    assert not made.is_carb_counted


@pytest.mark.parametrize(
    ("dish", "drink", "asks"),
    [
        ({"category": "drink", "native": "D0", "achievable": frozenset({2})}, 2, True),
        ({"category": "soup", "native": "D1", "achievable": frozenset({2})}, 2, True),
        ({"category": "drink", "native": "D1-2", "achievable": frozenset({3})}, 3, True),
        ({"category": "drink", "native": "D0", "achievable": frozenset({2}), "ingredients": ("water",)}, 2, True),
        ({"category": "drink", "native": "D0", "achievable": frozenset({2}), "ingredients": ("xanthan thickener",)}, 2, False),
        ({"category": "soup", "native": "F1", "achievable": frozenset({2})}, 2, False),
        ({"category": "drink", "native": "D", "achievable": frozenset({2})}, 2, False),
        ({"category": "drink", "native": "D2", "achievable": frozenset({2})}, 2, False),
        ({"category": "drink", "native": "D0", "achievable": frozenset({3})}, 2, False),
        ({"category": "starch", "native": "F7", "achievable": frozenset({2})}, 2, False),
        ({"category": "drink", "native": "D0", "achievable": frozenset({2})}, None, False),
    ],
)  # fmt: skip
def test_the_carbohydrate_of_a_thickener_is_asked_about_where_one_is_stirred_in(
    dish: dict[str, Any], drink: int | None, asks: bool
) -> None:
    made = DishFacts("X", **dish)
    found = [one for one in judge_dish(made, held(drink=drink, counted=True)) if one.rule == "thickener"]
    assert [(one.kind, one.hard) for one in found] == ([(Kind.ASK, False)] if asks else [])
    assert all(one.rule != "thickener" for one in judge_dish(made, held(drink=drink, counted=False)))


def test_the_same_level_ordered_twice_is_one_level(ward: Any) -> None:
    level4 = ward.manual.diets["IDDSI4"]
    assert texture([level4], 4, None).food == (FoodTexture("IDDSI4", "4", 4),)
    assert texture([level4], 5, None).food == (FoodTexture("IDDSI4", "4", 4), FoodTexture("IDDSI", "5", 5))
    twice = texture([level4, Diet("B", "B", DietKind.TEXTURE, (rule("iddsi", "4", diet="B"),))], None, None)
    assert [one.source for one in twice.food] == ["IDDSI4", "B"]
    assert twice.contradictions == ()


def test_each_pair_of_levels_is_one_contradiction(ward: Any) -> None:
    diets = [ward.manual.diets[code] for code in ("IDDSI4", "IDDSI5", "IDDSI6")]
    assert [one.rule for one in texture(diets[:2], None, None).contradictions] == ["IDDSI4+IDDSI5"]
    assert [one.rule for one in texture(diets, None, None).contradictions] == [
        "IDDSI4+IDDSI5", "IDDSI4+IDDSI6", "IDDSI5+IDDSI6",
    ]  # fmt: skip


def test_what_is_eaten_is_no_drink_at_its_own_level() -> None:
    assert drink_levels(DishFacts("X", native="F3", achievable=frozenset({1}))) == {1}
    assert misfits(DishFacts("X", category="starch", native="F7", achievable=frozenset({7})), Texture()) == []


def test_a_paediatric_order_takes_the_place_of_the_base_diet(ward: Any) -> None:
    assert [diet.code for diet in diets_of(["REG", "SAM-F75"], ward.manual)] == ["SAM-F75"]
    assert [diet.code for diet in diets_of(["REG", "IDDSI4"], ward.manual)] == ["REG", "IDDSI4"]


def test_how_long_an_order_may_last_is_counted_in_hours_and_only_by_a_limit_with_an_end(ward: Any) -> None:
    def asked(*rules: DietRule) -> list[Decimal | None]:
        manual = type(ward.manual)(diets={"A": Diet("A", "A", DietKind.LIQUID, rules)})
        order = DietOrderFacts("A", "active", ward.now(), ward.now() - timedelta(hours=49))
        return [one.value for one in overdue([order], manual, {}, ward.now())]

    assert asked(rule("limit", "duration_h", scope="order", most=Decimal(48))) == [49]
    assert asked(rule("limit", "duration_h", scope="order", most=Decimal(49))) == []
    assert asked(rule("limit", "duration_h", scope="order")) == []
    assert asked(rule("require", "clear_liquid", scope="order", most=Decimal(1))) == []


def about(
    scope: str = "meal", *, room: int | None = None, need: int | None = None, gap: bool = False, **more: Any
) -> Check:
    low, high = (None if bound is None else Decimal(bound) for bound in (need, room))
    zero = Decimal(0)
    bounds = {"least": need, "most": room}
    return Check(limit(scope, **bounds, **more), need is not None, zero, gap, zero, scope == "day", high, low)


@pytest.mark.parametrize(
    ("item", "added", "met"),
    [
        (about(room=10, need=5), 10, True),
        (about(room=10, need=5), 5, True),
        (about(room=10, need=5), 11, False),
        (about(room=10, need=5), 4, False),
        (about(room=10, need=5, gap=True), 7, False),
        (about(room=10), 0, True),
        (about(need=5), 99, True),
        (about(), 99, True),
    ],
)
def test_a_sum_is_met_between_its_ends_and_on_them_and_never_with_a_gap(item: Check, added: int, met: bool) -> None:
    assert item.is_met(Decimal(added)) is met


@pytest.mark.parametrize(
    ("item", "gate", "gap", "kinds"),
    [
        (about(room=10), Gate.CART, True, [("unknown", "nutrient_unknown")]),
        (about(room=10, hard=False), Gate.CART, True, [("ask", "nutrient_unknown")]),
        (about(need=5), Gate.CART, True, []),
        (about(need=5), Gate.CHECKOUT, True, [("unknown", "nutrient_unknown")]),
        (about(need=0), Gate.CHECKOUT, True, []),
        (about(), Gate.CHECKOUT, True, []),
        (about(need=5), Gate.CHECKOUT, False, [("block", "limit")]),
        (about(need=5), Gate.CART, False, []),
        (about("day", need=5), Gate.CART, True, [("ask", "nutrient_unknown")]),
        (about("day", need=5), Gate.CART, False, [("advice", "limit")]),
        (about("day", need=0), Gate.CHECKOUT, False, []),
        (about("day", need=5, room=9), Gate.CHECKOUT, True, [("unknown", "nutrient_unknown")]),
        (about("day", room=9), Gate.CHECKOUT, False, []),
    ],
)  # fmt: skip
def test_what_is_short_or_not_known_stops_asks_or_is_told(
    item: Check, gate: Gate, gap: bool, kinds: list[tuple[str, str]]
) -> None:
    assert [(one.kind, one.rule) for one in judge_sum(item, Decimal(0), has_gap=gap, gate=gate)] == kinds


def test_a_portion_we_do_not_serve_leaves_a_gap(ward: Any) -> None:
    whole = ward.dishes["RICE"].nutrients.of("carb_g")
    assert add_up([TrayLine("RICE")], "carb_g", ward.dishes) == Sum(whole, False)
    assert add_up([TrayLine("RICE"), TrayLine("RICE", Decimal(2))], "carb_g", ward.dishes) == Sum(whole, True)


def test_a_snack_of_unknown_hour_takes_of_the_most_and_brings_nothing_of_the_least() -> None:
    day, dishes = TODAY, {"X": salty(10)}
    dated = OtherTray(Meal.SNACK, day, "delivered", (TrayLine("X"),), AFTERNOON)
    undated = OtherTray(Meal.SNACK, day, "delivered", (TrayLine("X", quantity=2),))
    serving = Serving(Meal.SNACK, day, AFTERNOON)
    both = [dated, undated]
    snack = check(limit("snack", 50, 90), both, serving, dishes)
    assert (snack.known, snack.sure, snack.room, snack.need) == (30, 10, 60, 40)
    whole_day = check(limit("day", 50, 90), both, serving, dishes)
    assert (whole_day.known, whole_day.sure, whole_day.room, whole_day.need) == (30, 30, 60, 20)
    open_ended = check(limit("snack"), both, serving, dishes)
    assert (open_ended.room, open_ended.need) == (None, None)


@pytest.mark.parametrize("scope", ["item", "breakfast", "meal", "snack", "day"])
@pytest.mark.parametrize("nutrient", ["carb_g", "protein_g_per_kg", "feeds"])
def test_an_own_limit_may_be_of_every_scope_and_measure(scope: str, nutrient: str) -> None:
    assert unreadable({f"REG.{nutrient}.{scope}": OwnLimit()}, ["REG"]) == []


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("REG.duration_h.order", True), ("REG.duration_h.day", False), ("REG.carb_g.order", False), ("REG.carb_g", False),
        ("REG.carbs.day", False), ("KETO.carb_g.day", False), ("REG.carb_g.day.x", False),
    ],
)  # fmt: skip
def test_an_own_limit_that_names_nothing_we_know_is_unknown(name: str, readable: bool) -> None:
    assert [one.subject for one in unreadable({name: OwnLimit()}, ["REG"])] == ([] if readable else [name])


def test_the_length_of_an_order_is_no_limit_of_a_tray_and_an_own_limit_stands_once(ward: Any) -> None:
    diets = [diet for diet in ward.manual.diets.values() if any(one.subject == "duration_h" for one in diet.rules)]
    assert diets
    for diet in diets:
        own = {f"{diet.code}.duration_h.order": OwnLimit(most=Decimal(9))}
        assert "duration_h" not in {one.nutrient for one in limits_of(diet, own, None)}
    plain = limits_of(ward.manual.diets["CCHO60"], {"CCHO60.duration_h.order": OwnLimit(most=Decimal(9))}, None)
    assert {one.scope for one in plain} <= {"item", "breakfast", "meal", "snack", "day"}
    tight = limits_of(ward.manual.diets["CCHO60"], {"CCHO60.carb_g.meal": OwnLimit(most=Decimal(50))}, None)
    assert [one.most for one in tight if (one.nutrient, one.scope) == ("carb_g", "meal")] == [50]


def test_only_a_limit_per_kg_without_any_bound_left_waits_for_a_weight() -> None:
    per_kg = {"nutrient": "protein_g_per_kg", "base": "protein_g"}
    assert limit(**per_kg).is_weightless
    assert not limit(least=1, **per_kg).is_weightless
    assert not limit(most=1, **per_kg).is_weightless
    assert not limit().is_weightless


def test_a_date_without_a_weight_is_no_weight(ward: Any) -> None:
    facts = ward.patient(weight_kg=None, weight_on=TODAY)
    assert usable_weight_kg(facts, ward.manual.diets["RENAL-HD"], TODAY) is None


def test_a_limit_without_a_minimum_has_none_at_any_meal() -> None:
    assert not any(has_floor_at(limit(scope, most=9), meal, None) for scope in ("meal", "day") for meal in Meal)


def test_the_evening_snack_is_only_of_the_hepatic_diet(ward: Any) -> None:
    of_snack = [one for one in limits_of(ward.manual.diets["CCHO60"], {}, None) if one.scope == "snack"]
    assert of_snack
    assert not any(one.evening_only for one in of_snack)
