"""What one dish leaves behind for the others of its kitchen line, by severity, and when nobody looks at the line."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from dusangire.diets.rules import GROUPS, Allergy, Answer, Gate, TrayLine
from dusangire.diets.rules.allergy import to_separate
from dusangire.menu.rules import DishFacts, with_cross_contact
from tests.diets.test_allergy import EU_14, TRUTH

LINE = uuid4()
SHARED = ("MAN-DAZ", "SWP", "TIL", "GNT", "F75")
"""Dough with gluten, milk and egg, plain sweet potato, fish, groundnuts and a packed milk with no list, on one line."""
BLOCKS, ASKS = {"anaphylaxis", "severe"}, {"moderate"}


def shared(ward: Any, *codes: str) -> dict[str, DishFacts]:
    return with_cross_contact(ward.dishes, dict.fromkeys(codes or SHARED, LINE))


def judged(ward: Any, dishes: dict[str, DishFacts], dish: str, *allergies: Allergy, diet: str = "REG") -> Any:
    kept, ward.dishes = ward.dishes, dishes
    try:
        prepared = ward.prepared(ward.patient(diet, allergies=allergies))
    finally:
        ward.dishes = kept
    return prepared.judge((TrayLine(dish),), Gate.CART)


def keys(reasons: Any) -> list[list[str]]:
    return [reason.key() for reason in reasons]


@pytest.mark.req("A8")
@pytest.mark.parametrize("severity", ["anaphylaxis", "severe", "moderate", "intolerance", "awful"])
def test_cross_contact_blocks_asks_or_is_told_by_severity(ward: Any, severity: str) -> None:
    answer = judged(ward, shared(ward), "SWP", Allergy("milk", severity))
    told = ["ALLERGY", "cross_contact", "milk", "item"]
    assert (told in keys(answer.blocks)) is (severity in BLOCKS | {"awful"})
    assert (told in keys(answer.asks)) is (severity in ASKS)
    assert (told in keys(answer.advice)) is (severity == "intolerance")
    assert answer.is_allowed is (severity in ("moderate", "intolerance"))


@pytest.mark.req("A8")
def test_without_the_line_the_same_dish_would_be_served(ward: Any) -> None:
    """The negative control: a line that is not looked at, or that keeps its dishes apart, blocks nothing."""
    assert judged(ward, shared(ward), "SWP", Allergy("milk", "severe")).answer is Answer.BLOCK
    assert judged(ward, dict(ward.dishes), "SWP", Allergy("milk", "severe")).is_allowed


@pytest.mark.req("A7", "A8")
@pytest.mark.parametrize("allergen", EU_14)
@pytest.mark.parametrize("severity", ["anaphylaxis", "moderate"])
def test_every_dish_of_a_shared_line_is_judged_by_what_the_others_hold(ward: Any, allergen: str, severity: str) -> None:
    dishes = shared(ward)
    for code in TRUTH:
        found = judged(ward, dishes, code, Allergy(allergen, severity))
        others = set().union(*(TRUTH[other] for other in SHARED if other != code)) if code in SHARED else set()
        expected = allergen in others - TRUTH[code]
        said = keys(found.blocks if severity == "anaphylaxis" else found.asks)
        assert (["ALLERGY", "cross_contact", allergen, "item"] in said) is expected, code
        assert (["ALLERGY", "contains", allergen, "item"] in keys(found.blocks)) is (allergen in TRUTH[code]), code


@pytest.mark.req("A7", "A8")
@pytest.mark.parametrize(
    ("member", "group"), [("whey", "milk"), ("casein", "milk"), ("wheat", "gluten"), ("cod", "fish")]
)
def test_the_closure_holds_across_the_line_too(ward: Any, member: str, group: str) -> None:
    dishes = shared(ward)
    assert group in dishes["SWP"].cross_contact
    assert judged(ward, dishes, "SWP", Allergy(member, "severe")).answer is Answer.BLOCK


@pytest.mark.req("A7", "A8")
def test_an_ingredient_that_is_no_allergen_group_carries_over_by_its_name(ward: Any) -> None:
    dishes = shared(ward, "TIL", "BAN", "SWP")
    assert any("banana" in name for name in dishes["SWP"].cross_ingredients)
    assert judged(ward, dishes, "SWP", Allergy("banana", "severe")).answer is Answer.BLOCK
    assert judged(ward, dishes, "SWP", Allergy("banana", "moderate")).is_allowed
    assert judged(ward, dict(ward.dishes), "SWP", Allergy("banana", "severe")).is_allowed


def test_a_packed_neighbour_without_a_list_is_asked_about_and_not_passed_over(ward: Any) -> None:
    answer = judged(ward, shared(ward, "SWP", "F75"), "SWP", Allergy("banana", "severe"))
    assert ["ALLERGY", "cross_contact_unlisted", "banana", "item"] in keys(answer.asks)


@pytest.mark.req("A8")
def test_a_gluten_free_diet_refuses_what_gluten_carries_over_to(ward: Any) -> None:
    assert judged(ward, shared(ward), "SWP", diet="GF").answer is Answer.BLOCK
    assert judged(ward, dict(ward.dishes), "SWP", diet="GF").is_allowed


def test_a_dish_gets_nothing_from_itself_and_nothing_it_holds_anyway(ward: Any) -> None:
    dishes = shared(ward)
    assert "eggs" not in dishes["MAN-DAZ"].cross_contact
    assert dishes["MAN-DAZ"].cross_contact == {"fish", "peanuts"}
    assert dishes["RICE"].cross_contact == frozenset()


@pytest.mark.req("A8")
@pytest.mark.parametrize(
    ("severity", "apart"), [("anaphylaxis", True), ("severe", True), ("moderate", True), ("intolerance", False)]
)
def test_who_needs_separate_preparation(ward: Any, severity: str, apart: bool) -> None:
    dish = shared(ward)["SWP"]
    assert to_separate(dish, [Allergy("whey", severity)], GROUPS) == (("whey",) if apart else ())
    assert (
        to_separate(msgspec.structs.replace(dish, cross_contact=frozenset()), [Allergy("whey", severity)], GROUPS) == ()
    )
