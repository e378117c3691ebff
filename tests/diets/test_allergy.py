"""Allergies: every allergen against every dish, members and groups, ingredients, traces and what is not known."""

import csv
from importlib import resources
from typing import Any

import msgspec
import pytest

from dusangire.diets.rules import GROUPS, Allergy, Answer, Gate, TrayLine

EU_14 = [
    "gluten", "crustaceans", "eggs", "fish", "peanuts", "soya", "milk", "nuts", "celery", "mustard", "sesame",
    "sulphites", "lupin", "molluscs",
]  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(resources.files("dusangire").joinpath("seed", name).read_text("utf-8").splitlines()))


def truth() -> dict[str, set[str]]:
    """What each dish contains, worked out from the files alone and not by the program."""
    contains = {row["ingredient"]: set(row["allergens_eu14"].split("|")) - {""} for row in rows("ingredients.csv")}
    found: dict[str, set[str]] = {row["code"]: set() for row in rows("menu.csv")}
    for line in rows("recipe_lines.csv"):
        found[line["menu_code"]] |= contains[line["ingredient"]]
    with_recipe = {line["menu_code"] for line in rows("recipe_lines.csv")}
    for row in rows("menu.csv"):
        if row["code"] not in with_recipe:
            found[row["code"]] = set(row["allergens_eu14"].split("|")) - {""}
    return found


TRUTH = truth()


@pytest.mark.req("A7")
@pytest.mark.parametrize("allergen", EU_14)
@pytest.mark.parametrize("severity", ["anaphylaxis", "severe", "moderate", "intolerance"])
def test_every_dish_is_stopped_exactly_when_it_contains_the_allergen(ward: Any, allergen: str, severity: str) -> None:
    prepared = ward.prepared(ward.patient("REG", allergies=(Allergy(allergen, severity),)))
    assert len(TRUTH) == 68
    for code, contains in TRUTH.items():
        reasons = prepared.judge((TrayLine(code),), Gate.CART).reasons
        is_stopped = any(r.key() == ["ALLERGY", "contains", allergen, "item"] for r in reasons)
        assert is_stopped is (allergen in contains), code


def blocked(ward: Any, code: str, groups: dict[str, frozenset[str]]) -> set[str]:
    manual = msgspec.structs.replace(ward.manual, groups=groups)
    patient = ward.patient("REG", allergies=(Allergy(code, "severe"),))
    kept, ward.manual = ward.manual, manual
    try:
        prepared = ward.prepared(patient)
    finally:
        ward.manual = kept
    return {dish for dish in ward.dishes if prepared.judge((TrayLine(dish),), Gate.CART).answer is Answer.BLOCK}


MEMBERS = [
    ("whey", "milk"),
    ("casein", "milk"),
    ("lactose", "milk"),
    ("butter", "milk"),
    ("wheat", "gluten"),
    ("barley", "gluten"),
    ("rye", "gluten"),
    ("oats", "gluten"),
    ("groundnut", "peanuts"),
    ("groundnuts", "peanuts"),
    ("soybean", "soya"),
    ("indagara", "fish"),
    ("egg white", "eggs"),
    ("Whey", "milk"),
]


@pytest.mark.req("A7")
@pytest.mark.parametrize(("member", "group"), MEMBERS)
def test_a_member_blocks_by_its_group(ward: Any, member: str, group: str) -> None:
    prescribed = {"F75", "F100", "RUTF"}
    holding = {dish for dish, contains in TRUTH.items() if group in contains} | prescribed
    assert blocked(ward, member, dict(GROUPS)) == holding


ONLY_BY_THE_TABLE = [pair for pair in MEMBERS if pair[1] != "peanuts"]
"""Groundnuts are also an ingredient by name, and stopped as such without any table."""


@pytest.mark.parametrize(("member", "group"), ONLY_BY_THE_TABLE)
def test_without_the_table_of_members_the_same_check_fails(ward: Any, member: str, group: str) -> None:
    holding = {dish for dish, contains in TRUTH.items() if group in contains} | {"F75", "F100", "RUTF"}
    without = blocked(ward, member, {name: frozenset() for name in GROUPS})
    with pytest.raises(AssertionError):
        assert without == holding


def test_every_group_of_the_table_is_one_of_the_fourteen() -> None:
    assert sorted(GROUPS) == sorted(EU_14)


@pytest.mark.parametrize(
    ("code", "facts", "verdict", "reason"),
    [
        ("nuts", {"allergens": ["cashew"]}, "BLOCK", ["contains", "nuts"]),
        ("cashew", {"allergens": ["nuts"]}, "BLOCK", ["contains", "cashew"]),
        ("cashew", {"allergens": ["cashew"]}, "BLOCK", ["contains", "cashew"]),
        ("cashew", {"allergens": ["almond"]}, "ALLOW", None),
        ("cashew", {"may_contain": ["nuts"]}, "BLOCK", ["may_contain", "cashew"]),
        ("shrimp", {"allergens": ["crustaceans"]}, "BLOCK", ["contains", "shrimp"]),
        ("nuts", {"allergens": ["peanuts"]}, "ALLOW", None),
        ("mustard", {"allergens": ["mustard"]}, "BLOCK", ["contains", "mustard"]),
        ("pineapple", {"ingredients": ["pineapple"]}, "BLOCK", ["contains", "pineapple"]),
        ("apple", {"ingredients": ["pineapple"]}, "ALLOW", None),
        ("apple", {"ingredients": ["clear apple juice"]}, "BLOCK", ["contains", "apple"]),
        ("tomatoes", {"ingredients": ["tomato"]}, "BLOCK", ["contains", "tomatoes"]),
        ("tomato", {"ingredients": ["onion"]}, "ALLOW", None),
        ("tomato", {"ingredients": None}, "UNKNOWN", ["no_recipe", "X"]),
        ("tomato", {"ingredients": None, "may_contain": ["tomato"]}, "BLOCK", ["may_contain", "tomato"]),
    ],
)
def test_groups_members_and_ingredients(ward: Any, code: str, facts: Any, verdict: str, reason: Any) -> None:
    answer = ward.ask(("X", "1"), allergies=[{"code": code, "severity": "severe"}], dish_facts={"X": facts})
    assert answer.verdict == verdict
    assert (["ALLERGY", *reason, "item"] in answer.reasons) if reason else answer.reasons == []


@pytest.mark.req("A7")
@pytest.mark.parametrize("word", ["tomato", "pork", "chicken", "banana", "maize", "sugar"])
def test_any_ingredient_can_be_an_allergy(ward: Any, word: str) -> None:
    holding = {line["menu_code"] for line in rows("recipe_lines.csv") if word in line["ingredient"].split()}
    if word == "banana":
        holding = {line["menu_code"] for line in rows("recipe_lines.csv") if "banana" in line["ingredient"]}
    if word in {"pork", "chicken"}:
        holding = {line["menu_code"] for line in rows("recipe_lines.csv") if line["ingredient"].startswith(word)}
    prepared = ward.prepared(ward.patient("REG", allergies=(Allergy(word, "moderate"),)))
    for code in ward.dishes:
        reasons = prepared.judge((TrayLine(code),), Gate.CART).reasons
        assert any(r.rule == "contains" for r in reasons) is (
            code in holding or (word == "chicken" and code == "BRO-CLR")
        )


@pytest.mark.req("A8")
@pytest.mark.parametrize(
    ("severity", "verdict"),
    [("anaphylaxis", "BLOCK"), ("severe", "BLOCK"), ("moderate", "BLOCK"), ("intolerance", "ALLOW")],
)
def test_may_contain_blocks_by_severity(ward: Any, severity: str, verdict: str) -> None:
    answer = ward.ask(
        ("RICE", "1"),
        allergies=[{"code": "peanuts", "severity": severity}],
        dish_facts={"RICE": {"may_contain": ["peanuts"]}},
    )
    told = [["ALLERGY", "may_contain", "peanuts", "item"]]
    assert (answer.verdict, answer.reasons, answer.asks) == (
        verdict,
        told if verdict == "BLOCK" else [],
        [] if verdict == "BLOCK" else told,
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"allergy_status": "not_asked"}, ["not_asked", ""]),
        ({"allergy_status": "none_known", "allergies": [{"code": "milk", "severity": "severe"}]},
         ["none_known_with_rows", ""]),
        ({"allergy_status": "recorded"}, ["recorded_without_rows", ""]),
        ({"allergy_status": "perhaps"}, ["unknown_status", "perhaps"]),
        ({"allergies": [{"code": "stardust", "severity": "severe"}]}, ["uncoded", "stardust"]),
        ({"allergies": [{"code": "", "severity": "severe"}]}, ["uncoded", ""]),
        ({"allergies": [{"code": "milk", "severity": "awful"}]}, ["unknown_severity", "awful"]),
        ({"uncoded_free_text": "no nuts please"}, ["uncoded", "free_text"]),
    ],
)  # fmt: skip
def test_allergies_that_are_not_known_are_unknown(ward: Any, facts: dict[str, Any], reason: list[str]) -> None:
    answer = ward.ask(("RICE", "1"), **facts)
    assert (answer.verdict, answer.reasons) == ("UNKNOWN", [["ALLERGY", *reason, "order"]])


def test_an_unknown_severity_is_held_as_the_worst(ward: Any) -> None:
    answer = ward.ask(
        ("RICE", "1"),
        allergies=[{"code": "peanuts", "severity": "awful"}],
        dish_facts={"RICE": {"may_contain": ["peanuts"]}},
    )
    assert answer.verdict == "BLOCK"


@pytest.mark.parametrize("state", ["stale", "missing", None, "yes"])
def test_a_dish_without_a_declaration_is_unknown_for_everybody(ward: Any, state: Any) -> None:
    answer = ward.ask(("RICE", "1"), dish_facts={"RICE": {"declaration": state}})
    assert (answer.verdict, answer.reasons) == ("UNKNOWN", [["DISH", "declaration", "RICE", "item"]])


def test_an_empty_list_is_a_declaration(ward: Any) -> None:
    answer = ward.ask(
        ("X", "1"), allergies=[{"code": "milk", "severity": "severe"}], dish_facts={"X": {"allergens": []}}
    )
    assert answer.verdict == "ALLOW"
