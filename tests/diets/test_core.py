"""Corners of the safety core that small changes to it would move: each test is there because one of them went unseen."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from dusangire.diets.rules import Allergy, DishFacts, Nutrients, Reason, Ruling, TrayLine
from dusangire.diets.rules.conflicts import Conflict, limit_conflicts, settled
from dusangire.diets.rules.facts import Bound, Gate, HoldFacts, Kind, OwnLimit, verdict_of
from dusangire.diets.rules.holds import fasts
from dusangire.diets.rules.limits import Limit, bounds, limits_of, without
from dusangire.diets.rules.manual import DietRule, RuleKind
from dusangire.diets.rules.overrides import Override, relieved
from dusangire.diets.rules.sums import Check, judge_sum
from dusangire.diets.rules.texture import FoodTexture, Texture, drink_levels, served, texture


def limit(
    diet: str = "A", scope: str = "meal", least: str | None = None, most: str | None = None, **more: Any
) -> Limit:
    low, high = (None if bound is None else Decimal(bound) for bound in (least, most))
    return Limit(diet, "sodium_mg", "sodium_mg", scope, low, high, low, high, **({"hard": True} | more))


def test_a_hold_cancelled_this_moment_is_cancelled(ward: Any) -> None:
    now = ward.now()
    start = now - timedelta(hours=2)
    assert fasts([HoldFacts(start, None, now)], now)[0][0].end == now
    assert fasts([HoldFacts(start, None, now + timedelta(microseconds=1))], now)[0][0].end is None


def test_a_limit_loses_exactly_the_bound_that_gives_way() -> None:
    whole = limit(least="10", most="20", hard=False, evening_only=True, source="book")
    low, high = without(whole, Bound.MAX), without(whole, Bound.MIN)
    assert (low.least, low.floor, low.most, low.ceiling) == (10, 10, None, None)
    assert (high.least, high.floor, high.most, high.ceiling) == (None, None, 20, 20)
    assert (low.hard, low.evening_only, low.source) == (False, True, "book")


@pytest.mark.parametrize(
    ("own", "found"),
    [
        (None, (10, 20)),
        (OwnLimit(), (10, 20)),
        (OwnLimit(Decimal(12), Decimal(18)), (12, 18)),
        (OwnLimit(Decimal(5), Decimal(30)), (10, 20)),
        (OwnLimit(Decimal(5), Decimal(30), by_doctor=True), (5, 30)),
        (OwnLimit(most=Decimal(30), by_doctor=True), (10, 30)),
        (OwnLimit(least=Decimal(12)), (12, 20)),
    ],
)
def test_own_limits_tighten_and_only_a_doctors_loosen(own: OwnLimit | None, found: tuple[int, int]) -> None:
    rule = DietRule("A", RuleKind.LIMIT, "sodium_mg", "meal", Decimal(10), Decimal(20), hard=True, source="")
    assert bounds(rule, own) == found


def test_an_own_limit_stands_where_the_manual_has_none() -> None:
    rule = DietRule("A", RuleKind.LIMIT, "sodium_mg", "meal", None, None, hard=True, source="")
    assert bounds(rule, OwnLimit(Decimal(5), Decimal(30))) == (5, 30)
    assert bounds(rule, OwnLimit()) == (None, None)


@pytest.mark.parametrize(("first", "second", "hard"), [(True, True, True), (True, False, False), (False, False, False)])
def test_a_conflict_is_hard_where_both_rules_are(first: bool, second: bool, hard: bool) -> None:
    found = limit_conflicts([(limit("A", least="10", hard=first),), (limit("B", most="5", hard=second),)])
    assert found
    assert {conflict.hard for conflict in found} == {hard}


def test_no_ruling_settles_a_hard_conflict_and_a_soft_one_only_of_its_own_pair() -> None:
    ruling = Ruling("sodium_mg", "meal", "A", "B")
    soft = Conflict("A", "B", "sodium_mg", "meal", hard=False)
    assert settled([soft], [ruling]) == {soft: "B"}
    assert settled([Conflict("A", "B", "sodium_mg", "meal", hard=True)], [ruling]) == {}
    assert settled([Conflict("A", "C", "sodium_mg", "meal", hard=False)], [ruling]) == {}
    assert settled([Conflict("A", "B", "sodium_mg", "day", hard=False)], [ruling]) == {}


def test_the_diet_that_gives_way_loses_its_bound_and_the_other_keeps_its_own() -> None:
    yielded = import_module("dusangire.diets.rules.verdict")._yielded
    low, high = limit("A", least="10", most="90"), limit("B", least="1", most="5")
    conflict = Conflict("A", "B", "sodium_mg", "lunch", hard=False)
    assert yielded(high, "lunch", {conflict: "B"}) == without(high, Bound.MAX)
    assert yielded(low, "lunch", {conflict: "A"}) == without(low, Bound.MIN)
    for kept in (
        yielded(low, "lunch", {conflict: "B"}),
        yielded(low, "breakfast", {conflict: "A"}),
        yielded(low, "lunch", {msgspec.structs.replace(conflict, nutrient="fat_g"): "A"}),
    ):
        assert kept == low


@pytest.mark.parametrize(
    ("native", "achievable", "found"),
    [("D1", {2}, {1, 2}), ("D10", {2}, {1, 2}), ("D", {2}, {2}), ("F4", {4}, {4}), ("Dx", set(), set())],
)
def test_a_drink_is_served_as_it_is_or_as_it_can_be_made(native: str, achievable: set[int], found: set[int]) -> None:
    assert drink_levels(DishFacts("X", native=native, achievable=frozenset(achievable))) == found


def test_what_is_served_says_the_axis_that_applies() -> None:
    ordered = Texture((FoodTexture("IDDSI4", "4", 4),), 2)
    soup, tea, rice = (
        DishFacts("X", category=c, native=n) for c, n in (("soup", "D3"), ("drink", "D0"), ("starch", "F7"))
    )
    assert [(one.food, one.drink) for one in (served(dish, ordered) for dish in (soup, tea, rice))] == [
        (4, 2), (None, 2), (4, None),
    ]  # fmt: skip
    only_drink = Texture((), 2)
    assert [served(dish, only_drink).drink for dish in (soup, tea, rice)] == [2, 2, None]
    assert served(tea, Texture((FoodTexture("IDDSI4", "4", 4),), None)).drink is None
    torn = msgspec.structs.replace(ordered, contradictions=(_block(),))
    assert served(rice, torn).food is None


def _block(**changes: Any) -> Reason:
    facts: dict[str, Any] = {
        "kind": Kind.BLOCK,
        "source": "A",
        "rule": "limit",
        "subject": "sodium_mg",
        "scope": "item",
    }
    return Reason(**(facts | changes))


@pytest.mark.parametrize(("seen", "now"), [(None, Decimal(5)), (Decimal(5), None)])
def test_an_override_without_a_value_is_none_of_a_limit(ward: Any, seen: Decimal | None, now: Decimal | None) -> None:
    at = ward.now()
    given = Override(
        id=uuid4(), patient=uuid4(), day=at.date(), period="lunch", dish="RICE", dish_id=uuid4(), name_en="", name_fr="",
        name_rw="", source="A", rule="limit", subject="sodium_mg", scope="item", bound="max", value=seen, reason="why",
        given_by=uuid4(), given_name="", given_at=at, safety_rev=1, rev_now=1, expires_at=at + timedelta(hours=1),
    )  # fmt: skip
    reason = _block(value=now, bound=Bound.MAX, dish="RICE")
    assert not relieved(verdict_of([reason]), [given], (TrayLine("RICE"),), (), at).is_allowed


def test_the_value_of_a_sum_is_what_is_there_and_what_is_added() -> None:
    def check(scope: str) -> Check:
        return Check(
            limit(scope=scope, least="100"), True, Decimal(30), False, Decimal(20), scope == "day", None, Decimal(80)
        )

    day = judge_sum(check("day"), Decimal(7), has_gap=False, gate=Gate.CHECKOUT)
    meal = judge_sum(check("meal"), Decimal(7), has_gap=False, gate=Gate.CHECKOUT)
    assert [(one.kind, one.value) for one in (*day, *meal)] == [(Kind.ADVICE, 37), (Kind.BLOCK, 27)]


def test_an_amount_nobody_knows_under_an_own_limit_of_a_dish_is_unknown(ward: Any) -> None:
    own = {"REG.sodium_mg.item": OwnLimit(most=Decimal(900))}
    rice = msgspec.structs.replace(ward.dishes["RICE"], nutrients=Nutrients())
    prepared = ward.prepared(ward.patient("REG", own_limits=own), dishes={**ward.dishes, "RICE": rice})
    found = prepared.judge(ward.tray(("RICE", "1")), Gate.CHECKOUT)
    assert [one.key() for one in found.unknowns] == [["REG", "nutrient_unknown", "sodium_mg", "item"]]
    assert found.blocks == ()


@pytest.mark.parametrize(
    ("dish", "word"), [("BERRIES", "berry"), ("TOMATOES", "tomato"), ("PLUMS", "plum"), ("GLASS", "glass")]
)
def test_one_of_a_thing_is_the_same_as_many(ward: Any, dish: str, word: str) -> None:
    made = msgspec.structs.replace(ward.dishes["RICE"], code=dish, ingredients=(dish.lower(),))
    dishes = {**ward.dishes, dish: made}
    prepared = ward.prepared(ward.patient("REG", allergies=(Allergy(word, "severe"),)), dishes=dishes)
    assert ["ALLERGY", "contains", word, "item"] in [
        one.key() for one in prepared.judge((TrayLine(dish),), Gate.CART).blocks
    ]


@pytest.mark.parametrize(("food", "drink", "rule"), [(2, None, "unknown_food_level"), (8, None, "unknown_food_level"), (None, -1, "unknown_drink_level"), (None, 5, "unknown_drink_level")])  # fmt: skip
def test_a_level_that_is_none_is_unknown(food: int | None, drink: int | None, rule: str) -> None:
    assert [(one.kind, one.rule) for one in texture((), food, drink).unsure] == [(Kind.UNKNOWN, rule)]


def test_the_ends_of_both_scales_are_levels() -> None:
    for food, drink in ((3, 0), (7, 4)):
        assert texture((), food, drink).unsure == ()


def test_only_the_snack_of_the_hepatic_diet_is_for_the_evening(ward: Any) -> None:
    found = {
        (one.scope, one.nutrient)
        for diet in ward.manual.diets.values()
        for one in limits_of(diet, {}, Decimal(60))
        if one.evening_only
    }
    assert found == {("snack", "carb_g")}
    own = {"HEPATIC.carb_g.meal": OwnLimit(least=Decimal(1))}
    meal = [
        one
        for one in limits_of(ward.manual.diets["HEPATIC"], own, Decimal(60))
        if one.scope == "meal" and one.base == "carb_g"
    ]
    assert [one.evening_only for one in meal] == [False]


def test_a_torn_limit_is_left_out_at_dinner_as_at_lunch(ward: Any) -> None:
    for meal in ("lunch", "dinner"):
        prepared = ward.prepared(ward.patient("CCHO45", "CCHO75"), meal)
        assert [one for one in prepared.checks if one.limit.base == "carb_g" and one.limit.scope == "meal"] == []


def test_exactly_the_room_that_is_left_is_not_too_much() -> None:
    check = Check(limit(most="100"), False, Decimal(30), False, Decimal(30), False, Decimal(70), None)
    assert judge_sum(check, Decimal(70), has_gap=False, gate=Gate.CHECKOUT) == []
    assert [one.kind for one in judge_sum(check, Decimal("70.1"), has_gap=False, gate=Gate.CHECKOUT)] == [Kind.BLOCK]
    needs = Check(limit(least="100"), True, Decimal(30), False, Decimal(30), False, None, Decimal(70))
    assert judge_sum(needs, Decimal(70), has_gap=False, gate=Gate.CHECKOUT) == []
    assert [one.kind for one in judge_sum(needs, Decimal(69), has_gap=False, gate=Gate.CHECKOUT)] == [Kind.BLOCK]


@pytest.mark.parametrize(("diet", "is_counted"), [("CCHO60", True), ("NA2G", False), ("REG", False)])
def test_only_diets_that_count_carbohydrate_ask_about_a_thickener(ward: Any, diet: str, is_counted: bool) -> None:
    assert ward.prepared(ward.patient(diet)).held.is_carb_counted is is_counted
