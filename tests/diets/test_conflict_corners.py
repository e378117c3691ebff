"""Where two orders just meet and where they just do not, with the numbers and the weight of what clashes."""

from decimal import Decimal
from typing import Any

import pytest

from dusangire.diets.rules.conflicts import Conflict, dish_conflicts, limit_conflicts, settled
from dusangire.diets.rules.facts import Ruling
from dusangire.diets.rules.limits import Limit
from dusangire.diets.rules.manual import Diet, DietKind, DietRule, RuleKind


def limit(diet: str, scope: str, least: int | None = None, most: int | None = None, **more: Any) -> Limit:
    low, high = (None if bound is None else Decimal(bound) for bound in (least, most))
    facts = {"diet": diet, "scope": scope, "nutrient": "kcal", "base": "kcal", "hard": True}
    return Limit(**(facts | {"least": low, "most": high, "floor": low, "ceiling": high} | more))


def clashes(*limits: tuple[Limit, ...]) -> list[tuple[str, str, Decimal | None, Decimal | None]]:
    return [(one.low, one.high, one.least, one.most) for one in limit_conflicts(limits) if one.across]


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_clash_about_dishes_is_hard_where_both_rules_are(first: bool, second: bool) -> None:
    rules = [
        DietRule(code, RuleKind(kind), "pork", "item", None, None, hard, "")
        for code, kind, hard in (("A", "require", first), ("B", "forbid", second))
    ]
    diets = [Diet(one.diet, one.diet, DietKind.PREFERENCE, (one,)) for one in rules]
    assert dish_conflicts(diets) == [Conflict("A", "B", "pork", "item", first and second)]


def test_a_meals_minimum_is_no_snacks() -> None:
    found = limit_conflicts([(limit("A", "meal", least=50),), (limit("B", "snack", most=20),)])
    assert found == []
    own = limit_conflicts([(limit("A", "snack", least=50),), (limit("B", "snack", most=20),)])
    assert [(one.scope, one.least, one.most) for one in own] == [("snack", 50, 20)]


def test_three_meals_may_just_fill_a_day_and_no_more() -> None:
    assert clashes((limit("A", "day", most=18),), (limit("B", "meal", least=6),)) == []
    assert clashes((limit("A", "day", most=17),), (limit("B", "meal", least=6),)) == [("B", "A", 18, 17)]


def test_only_what_is_summed_alike_and_by_meals_counts_towards_a_day() -> None:
    day = limit("A", "day", most=17)
    theirs = (
        limit("B", "meal", least=100, hard=False, nutrient="carb_g", base="carb_g"),
        limit("B", "day", least=1, hard=False),
        limit("B", "meal", least=6),
    )
    found = [one for one in limit_conflicts([(day,), theirs]) if one.across]
    assert [(one.low, one.high, one.nutrient, one.least, one.hard) for one in found] == [("B", "A", "kcal", 18, True)]


def test_a_day_that_the_meals_of_another_just_reach_is_no_contradiction() -> None:
    day = limit("A", "day", least=20)
    assert clashes((day,), (limit("B", "meal", most=5),)) == []
    assert clashes((day,), (limit("B", "meal", most=4),)) == [("A", "B", 20, 16)]


def test_three_snacks_a_day_are_counted() -> None:
    theirs = (limit("B", "meal", most=4), limit("B", "snack", most=2))
    assert clashes((limit("A", "day", least=18),), theirs) == []
    assert clashes((limit("A", "day", least=19),), theirs) == [("A", "B", 19, 18)]


def test_a_day_that_the_diets_own_meals_cannot_reach_is_not_the_others_fault() -> None:
    theirs = (limit("B", "meal", most=5),)
    assert clashes((limit("A", "day", least=41), limit("A", "meal", most=10)), theirs) == []
    assert clashes((limit("A", "day", least=40), limit("A", "meal", most=10)), theirs) == [("A", "B", 40, 20)]


@pytest.mark.parametrize(("day", "first", "second"), [(True, True, True), (False, True, True), (True, False, True), (False, False, False)])  # fmt: skip
def test_a_day_against_meals_is_hard_where_all_its_rules_are(day: bool, first: bool, second: bool) -> None:
    theirs = (limit("B", "meal", least=6, hard=first), limit("B", "breakfast", least=7, hard=second))
    found = [one for one in limit_conflicts([(limit("A", "day", most=1, hard=day),), theirs]) if one.across]
    assert [(one.hard, one.least) for one in found] == [(day and first and second, 19)]


@pytest.mark.parametrize(
    ("kinds", "subjects", "clash"),
    [
        (("only", "only"), ("F75|F100", "F100|RICE"), False),
        (("only", "only"), ("F75", "F100|RICE"), True),
        (("iddsi", "iddsi"), ("4", "4"), False),
        (("iddsi", "iddsi"), ("4", "5"), True),
        (("require", "require"), ("pork", "pork"), False),
        (("forbid", "forbid"), ("pork", "pork"), False),
        (("forbid", "require"), ("pork", "pork"), True),
        (("forbid", "require"), ("pork", "vegan"), False),
        (("only", "forbid"), ("pork", "pork"), False),
    ],
)
def test_rules_about_dishes_clash_where_no_dish_can_meet_both(
    kinds: tuple[str, str], subjects: tuple[str, str], clash: bool
) -> None:
    diets = [
        Diet(code, code, DietKind.PREFERENCE, (DietRule(code, RuleKind(kind), subject, "item", None, None, True, ""),))
        for code, kind, subject in zip(("A", "B"), kinds, subjects, strict=True)
    ]
    assert bool(dish_conflicts(diets)) is clash


def test_no_ruling_settles_what_one_order_says_against_itself() -> None:
    torn = Conflict("A", "A", "kcal", "day", hard=False)
    assert settled([torn], [Ruling("kcal", "day", "A", "A")]) == {}
