"""All pairs of the 34 diets: orders intersect, and what cannot be intersected is named."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import msgspec
import pytest

from dusangire.diets.rules import (
    DietOrderFacts,
    Gate,
    Kind,
    Limit,
    OwnLimit,
    RuleKind,
    Ruling,
    TrayLine,
    budget,
    conflicts,
    limits_of,
)
from dusangire.diets.rules.prescribing import Prescription, signing

WEIGHT = Decimal(60)
REPLACING = {"therapeutic", "liquid", "paediatric"}


def pairs(ward: Any) -> Iterator[tuple[str, str]]:
    return combinations(sorted(ward.manual.diets), 2)


def orders(ward: Any, *codes: str) -> list[DietOrderFacts]:
    start = ward.now() - timedelta(days=1)
    return [DietOrderFacts(code, "active", start, start) for code in codes]


def served(ward: Any, *codes: str) -> set[str]:
    """The dishes that no item rule of these orders refuses."""
    prepared = ward.prepared(ward.patient(*codes, iddsi_drink=0))
    return {
        dish
        for dish in ward.dishes
        if not any(reason.kind is Kind.BLOCK and reason.hard for reason in prepared.item(dish, Decimal(1)))
    }


@pytest.mark.req("A3")
def test_a_dish_is_served_on_two_orders_only_when_on_each_of_them(ward: Any) -> None:
    assert len(ward.manual.diets) == 34
    alone = {code: served(ward, code) for code in ward.manual.diets}
    therapeutic = {"F75", "F100", "RUTF"}
    for one, other in pairs(ward):
        found = conflicts(orders(ward, one, other), ward.manual, WEIGHT)
        if any(conflict.scope == "item" for conflict in found):
            continue
        both = served(ward, one, other)
        assert both - therapeutic == (alone[one] & alone[other]) - therapeutic, (one, other)
        unprescribed = {code for code in (one, other) if ward.manual.diets[code].only is None}
        if len(unprescribed) == 2:
            assert not both & therapeutic


def kept(ward: Any, *codes: str) -> list[Limit]:
    diets = [ward.manual.diets[code] for code in codes]
    if any(diet.kind in REPLACING for diet in diets):
        diets = [diet for diet in diets if diet.code != "REG"]
    return [limit for diet in diets for limit in limits_of(diet, {}, WEIGHT)]


@pytest.mark.req("A3")
def test_limits_of_two_orders_are_the_largest_min_and_the_smallest_max(ward: Any) -> None:
    for one, other in pairs(ward):
        if conflicts(orders(ward, one, other), ward.manual, WEIGHT):
            continue
        prepared = ward.prepared(ward.patient(one, other))
        for meter in budget(prepared, ()):
            scopes = {"day"} if meter.scope == "day" else {"meal"}
            here = [limit for limit in kept(ward, one, other) if limit.base == meter.nutrient and limit.scope in scopes]
            floors = [limit.floor for limit in here if limit.floor]
            ceilings = [limit.ceiling for limit in here if limit.ceiling is not None]
            assert (meter.least, meter.most) == (max(floors, default=None), min(ceilings, default=None)), (one, other)


def places(limits: list[Limit], place: str) -> list[Limit]:
    """The limits of one diet at breakfast, lunch or a snack, written out once more."""
    own = [limit for limit in limits if limit.scope == place and place != "lunch"]
    return own + [limit for limit in limits if limit.scope == "meal" and limit.base not in {item.base for item in own}]


def expected(ward: Any, one: str, other: str) -> set[tuple[str, str]]:
    """The empty intervals of a pair within one scope: nutrient summed and scope."""
    found: set[tuple[str, str]] = set()
    mine = {code: [limit for limit in kept(ward, one, other) if limit.diet == code] for code in (one, other)}
    for scope in ("breakfast", "lunch", "snack", "day", "item"):
        here = {
            code: [limit for limit in own if limit.scope == scope] if scope in {"day", "item"} else places(own, scope)
            for code, own in mine.items()
        }
        for low, high in ((one, other), (other, one)):
            for a in here[low]:
                for b in here[high]:
                    counts = not (scope == "snack" and a.scope == "meal")
                    clash = a.floor is not None and b.ceiling is not None and a.floor > b.ceiling
                    if a.base == b.base and counts and clash:
                        found.add((a.base, scope))
    return found


@pytest.mark.req("A3")
def test_exactly_the_empty_intervals_are_contradictions_and_both_rules_are_named(ward: Any) -> None:
    base = {"protein_g_per_kg": "protein_g", "kcal_per_kg": "kcal", "ml_per_kg": "fluid_ml"}
    seen = 0
    for one, other in pairs(ward):
        found = [
            conflict
            for conflict in conflicts(orders(ward, one, other), ward.manual, WEIGHT)
            if not conflict.across and conflict.unit
        ]
        assert {(base.get(c.nutrient, c.nutrient), c.scope) for c in found} == expected(ward, one, other), (one, other)
        for conflict in found:
            seen += 1
            assert {conflict.low, conflict.high} == {one, other}
            assert conflict.least is not None
            assert conflict.most is not None
            assert conflict.least > conflict.most
            assert conflict.low_source
            assert conflict.high_source
    assert seen > 20


@pytest.mark.req("A3")
def test_no_conflict_of_a_pair_lets_a_tray_pass(ward: Any) -> None:
    for one, other in pairs(ward):
        found = conflicts(orders(ward, one, other), ward.manual, WEIGHT)
        answer = ward.prepared(ward.patient(one, other)).judge((TrayLine("RICE"),), Gate.CART)
        told = {tuple(r.key()[1:]) for r in answer.reasons if r.source == "CONTRADICTION"}
        assert told == {(c.diets, c.nutrient, c.scope) for c in found}
        assert not (found and answer.is_allowed)


@pytest.mark.parametrize(
    ("codes", "hard"),
    [
        (("CCHO45", "CCHO75"), {("carb_g", "breakfast"): True, ("carb_g", "lunch"): True, ("kcal", "day"): False}),
        (("RENAL-ND", "RENAL-HD"), {("protein_g_per_kg", "day"): True}),
        (("CCHO60", "HEPATIC"), {("carb_g", "snack"): False}),
        (("SAM-F75", "SAM-F100"), {("only", "item"): True}),
        (("LACT", "RENAL-ND"), {("protein_g", "day"): False}),
    ],
)
def test_only_a_conflict_between_hard_rules_refuses_the_signature(
    ward: Any, codes: tuple[str, ...], hard: dict[tuple[str, str], bool]
) -> None:
    found = conflicts(orders(ward, *codes), ward.manual, WEIGHT)
    assert {(conflict.nutrient, conflict.scope): conflict.hard for conflict in found} == hard


def test_a_conflict_names_both_rules_with_their_numbers(ward: Any) -> None:
    found = conflicts(orders(ward, "LACT", "RENAL-ND"), ward.manual, WEIGHT)[0]
    assert (found.low, found.least, found.high, found.most, found.unit) == (
        "LACT", Decimal(71), "RENAL-ND", Decimal(48), "g",
    )  # fmt: skip


def test_a_conflict_may_come_from_a_patients_own_limit(ward: Any) -> None:
    own = {"CCHO60.carb_g.meal": OwnLimit(most=Decimal(40))}
    found = conflicts(orders(ward, "CCHO60"), ward.manual, WEIGHT, own)
    assert [(c.nutrient, c.scope, c.hard) for c in found] == [("carb_g", "breakfast", True), ("carb_g", "lunch", True)]


@pytest.mark.parametrize(
    ("prevails", "over", "passes"), [("CCHO60", "HEPATIC", {"BAN"}), ("HEPATIC", "CCHO60", {"BAN", "IGK-URO-NS"})]
)
def test_the_signers_ruling_settles_a_soft_conflict(ward: Any, prevails: str, over: str, passes: set[str]) -> None:
    ruling = Ruling("carb_g", "snack", prevails, over)
    patient = ward.patient("CCHO60", "HEPATIC", rulings=(ruling,))
    prepared = ward.prepared(patient, meal="snack", serve_at="20:00")
    for dish in ("BAN", "IGK-URO-NS"):
        answer = prepared.judge((TrayLine(dish),), Gate.CHECKOUT)
        assert answer.is_allowed is (dish in passes)
        short = ["HEPATIC", "limit", "carb_g", "snack"] in [reason.key() for reason in answer.asks]
        assert short is (over != "HEPATIC")


@pytest.mark.parametrize(
    "ruling",
    [
        Ruling("carb_g", "lunch", "CCHO45", "CCHO75"),
        Ruling("carb_g", "day", "CCHO45", "CCHO75"),
        Ruling("carb_g", "lunch", "CCHO45", "GDM"),
    ],
)
def test_a_ruling_never_settles_a_hard_conflict_or_another_one(ward: Any, ruling: Ruling) -> None:
    prepared = ward.prepared(ward.patient("CCHO45", "CCHO75", rulings=(ruling,)))
    reasons = [reason.key() for reason in prepared.judge((TrayLine("RICE"),), Gate.CART).reasons]
    assert ["CONTRADICTION", "CCHO45+CCHO75", "carb_g", "lunch"] in reasons


def test_every_rule_of_the_manual_has_a_source_and_every_item_rule_is_judged(ward: Any) -> None:
    rules = [rule for diet in ward.manual.diets.values() for rule in diet.rules]
    assert len(rules) == 86
    assert all(rule.source for rule in rules)
    for rule in rules:
        if rule.kind in (RuleKind.REQUIRE, RuleKind.FORBID, RuleKind.ONLY, RuleKind.NO_ALLERGEN, RuleKind.IDDSI):
            assert served(ward, rule.diet) < set(ward.dishes), rule


# Triples, sampled


TRIPLES = 1200


def triples(ward: Any) -> Iterator[tuple[str, str, str]]:
    """Threes of the 34 diets, drawn with a fixed seed."""
    chance = random.Random("triples")
    codes = sorted(ward.manual.diets)
    for _ in range(TRIPLES):
        one, two, three = sorted(chance.sample(codes, 3))
        yield one, two, three


@pytest.mark.req("A3")
def test_three_orders_serve_what_each_of_them_serves_alone(ward: Any) -> None:
    alone = {code: served(ward, code) for code in ward.manual.diets}
    therapeutic = {"F75", "F100", "RUTF"}
    compared = 0
    for codes in triples(ward):
        if any(one.scope == "item" for one in conflicts(orders(ward, *codes), ward.manual, WEIGHT)):
            continue
        compared += 1
        together = set.intersection(*(alone[code] for code in codes))
        assert served(ward, *codes) - therapeutic == together - therapeutic, codes
    assert compared > TRIPLES / 2


@pytest.mark.req("A3")
def test_the_limits_of_three_orders_are_the_largest_min_and_the_smallest_max(ward: Any) -> None:
    compared = 0
    for codes in triples(ward):
        if conflicts(orders(ward, *codes), ward.manual, WEIGHT):
            continue
        prepared = ward.prepared(ward.patient(*codes))
        for meter in budget(prepared, ()):
            compared += 1
            scope = "day" if meter.scope == "day" else "meal"
            here = [limit for limit in kept(ward, *codes) if (limit.base, limit.scope) == (meter.nutrient, scope)]
            floors = [limit.floor for limit in here if limit.floor]
            ceilings = [limit.ceiling for limit in here if limit.ceiling is not None]
            assert (meter.least, meter.most) == (max(floors, default=None), min(ceilings, default=None)), codes
    assert compared > 200


@pytest.mark.req("A3")
def test_three_orders_clash_exactly_where_two_of_them_do_and_no_tray_passes(ward: Any) -> None:
    """Sums of meals against a day may need all three; every other clash is between two, named with its numbers."""
    for codes in triples(ward):
        found = [one for one in conflicts(orders(ward, *codes), ward.manual, WEIGHT) if not one.across]
        pairwise = {
            one
            for pair in combinations(codes, 2)
            for one in conflicts(orders(ward, *pair), ward.manual, WEIGHT)
            if not one.across
        }
        replaced = {"REG"} if any(ward.manual.diets[code].kind in REPLACING for code in codes) else set()
        assert set(found) == {one for one in pairwise if not replaced & {one.low, one.high}}, codes
        if any(one.hard for one in found):
            patient = ward.patient(*codes)
            assert not ward.prepared(patient).judge((TrayLine("RICE"),), Gate.CART).is_allowed


@pytest.mark.req("A3")
def test_the_order_in_which_diets_are_written_changes_nothing(ward: Any) -> None:
    for codes in list(triples(ward))[:200]:
        seen = set()
        for turned in (codes, codes[::-1], (codes[1], codes[2], codes[0])):
            prepared = ward.prepared(ward.patient(*turned))
            seen.add(tuple(prepared.judge((TrayLine(dish),), Gate.CHECKOUT).answer for dish in ward.dishes))
        assert len(seen) == 1, codes


@pytest.mark.req("A3")
@pytest.mark.parametrize("codes", [("CCHO45", "CCHO75"), ("RENAL-ND", "RENAL-HD"), ("SAM-F75", "SAM-F100")])
def test_an_empty_interval_between_hard_rules_blocks_the_signature_and_names_both(
    ward: Any, codes: tuple[str, str]
) -> None:
    asked = Prescription(codes=codes, start_at=ward.now())
    found = signing(asked, (), ward.manual, WEIGHT, by_doctor=True)
    assert not found.is_clear
    assert found.hard
    assert {code for one in found.hard for code in (one.low, one.high)} == set(codes)
    ruled = [Ruling(one.nutrient, one.scope, one.low, one.high) for one in found.hard]
    again = signing(msgspec.structs.replace(asked, rulings=tuple(ruled)), (), ward.manual, WEIGHT, by_doctor=True)
    assert again.hard == found.hard
