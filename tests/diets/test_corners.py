"""More corners of the safety core, a part of a condition each: without it a small wrong change would go unseen."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import UUID

import msgspec
import pytest

from dusangire.diets.rules import GROUPS, Allergy, DishFacts, PatientFacts, Reason, TrayLine
from dusangire.diets.rules.allergy import avoided, family, reactions, to_separate
from dusangire.diets.rules.conflicts import Conflict
from dusangire.diets.rules.facts import (
    Bound,
    DietOrderFacts,
    FeedFacts,
    HoldFacts,
    Kind,
    Meal,
    OtherTray,
    OwnLimit,
    Slot,
    verdict_of,
)
from dusangire.diets.rules.holds import Fast, fasts, is_suspended
from dusangire.diets.rules.limits import Limit, has_floor_at
from dusangire.diets.rules.manual import Diet, DietKind, DietRule, RuleKind
from dusangire.diets.rules.overrides import Override, relieved
from dusangire.diets.rules.sums import Sum, counted
from dusangire.kernel.phrase import Named
from tests.diets.conftest import TODAY

MEMBERS = {
    "gluten": "wheat|barley|rye|oats|oat|spelt|kamut|durum|semolina|couscous|bulgur|malt|triticale|seitan|bread|pasta",
    "crustaceans": "shrimp|prawn|crab|lobster|crayfish|krill|langoustine",
    "eggs": "egg|egg white|egg yolk|albumin|ovalbumin|lysozyme|mayonnaise",
    "fish": "tilapia|sambaza|indagara|nile perch|catfish|sardine|anchovy|cod|salmon|tuna|mackerel|haddock|trout|dagaa|omena",
    "peanuts": "peanut|groundnut|ubunyobwa|arachide|peanut butter|peanut oil",
    "soya": "soy|soybean|soya flour|tofu|edamame|soya lecithin|tempeh|miso",
    "milk": "whey|casein|caseinate|lactose|lactalbumin|lactoglobulin|butter|ghee|cream|cheese|yoghurt|yogurt|ikivuguto|"
    "whole milk|skim milk powder|milk protein|cow milk|goat milk",
    "nuts": "almond|hazelnut|walnut|cashew|pecan|brazil nut|pistachio|macadamia|tree nut",
    "celery": "celeriac|celery leaf|celery seed|celery salt",
    "mustard": "mustard seed|mustard oil|mustard leaf",
    "sesame": "sesame seed|sesame oil|tahini|simsim",
    "sulphites": "sulphite|sulfite|sulphur dioxide|sulfur dioxide|metabisulphite",
    "lupin": "lupin flour|lupin seed|lupine",
    "molluscs": "mussel|oyster|squid|octopus|snail|clam|scallop|cuttlefish",
}
"""Every word a nurse may record an allergy by, as the nutritionists are to sign it."""


@pytest.mark.req("A7")
@pytest.mark.hazard(1, 11)
@pytest.mark.parametrize("group", MEMBERS)
def test_an_allergy_recorded_by_any_word_of_a_group_stops_what_declares_the_group(ward: Any, group: str) -> None:
    declared = DishFacts("X", allergens=frozenset({group}))
    for word in MEMBERS[group].split("|"):
        found, unsure = avoided([Allergy(word, "severe")], ward.manual.groups, ())
        assert unsure == (), word
        stopped = reactions(declared, found)
        assert [one.key() for one in stopped] == [["ALLERGY", "contains", word, "item"]]


def test_no_word_of_a_group_is_missing_from_the_list_that_is_signed() -> None:
    assert {group: set(words.split("|")) for group, words in MEMBERS.items()} == {
        group: set(words) for group, words in GROUPS.items()
    }


@pytest.mark.parametrize("by", ["patient", "caregiver", "carer", "relative", "visitor"])
def test_nobody_but_staff_orders_the_food_of_a_starving_child(ward: Any, by: str) -> None:
    prepared = ward.prepared(ward.patient("SAM-F75", ordered_by=by))
    assert ["SAM-F75", "ordered_by", by, "order"] in [one.key() for one in prepared.about_patient]
    nurse = ward.prepared(ward.patient("SAM-F75", ordered_by="nurse"))
    assert "ordered_by" not in {one.rule for one in nurse.about_patient}


def stops(prepared: Any) -> list[list[str]]:
    return [one.key() for one in prepared.about_patient if one.kind is not Kind.ADVICE]


def test_the_plainest_facts_have_nothing_against_them_but_the_missing_order(ward: Any) -> None:
    bare = PatientFacts("active", (1,), "none_known")
    assert stops(ward.prepared(bare)) == [["DIET", "no_active_order", "", "order"]]
    assert bare.clock_skew_s == 0
    assert Reason(Kind.BLOCK, "A", "limit", "sodium_mg", "day").hard


def test_somebody_who_went_home_is_told_so_and_not_that_an_order_is_missing(ward: Any) -> None:
    gone = ward.prepared(ward.patient(admission="discharged"))
    assert stops(gone) == [["PATIENT", "no_active_admission", "", "order"]]


def test_a_tray_counts_in_the_day_unless_it_is_said_to_be_the_carers(ward: Any) -> None:
    tray = OtherTray(Meal.LUNCH, ward.serving().day, "delivered", ())
    assert counted([tray], ward.serving()) == (tray,)


def test_a_snacks_minimum_counts_in_every_slot_unless_the_rule_is_of_the_evening() -> None:
    snack = Limit("A", "carb_g", "carb_g", "snack", Decimal(1), None, Decimal(1), None, True)
    assert [has_floor_at(snack, Meal.SNACK, slot) for slot in Slot] == [True, True, True]


def test_sums_leave_out_what_is_not_served(ward: Any) -> None:
    prepared = ward.prepared(ward.patient("CCHO60"))
    rice = prepared.sums(ward.tray(("RICE", "1")))
    assert rice["carb_g"] == Sum(ward.dishes["RICE"].nutrients.of("carb_g"), False)
    assert prepared.sums(ward.tray(("RICE", "1"), ("NO-SUCH", "1"), ("RICE", "3"))) == rice


def test_only_a_diet_with_a_note_is_shown_as_not_checked(ward: Any) -> None:
    notes = {diet.code for diet in ward.manual.diets.values() if diet.note}
    for code in ("CCHO60", "CCHO75"):
        shown = [one for one in ward.prepared(ward.patient(code)).about_patient if one.subject == "note"]
        assert [one.source for one in shown] == ([code] if code in notes else [])
    assert {"CCHO60", "CCHO75"} - notes == {"CCHO75"}


def two_diets(ward: Any, *rules: tuple[str, str, str]) -> Any:
    """The verdict's facts under two diets of these rules alone: (diet, kind, subject)."""
    diets = {
        code: Diet(
            code, code, DietKind.PREFERENCE,
            tuple(DietRule(code, RuleKind(kind), subject, "item", None, None, True, "") for of, kind, subject in rules if of == code),
        )
        for code in ("A", "B")
    }  # fmt: skip
    kept, ward.manual = ward.manual, msgspec.structs.replace(ward.manual, diets=diets)
    try:
        return ward.prepared(ward.patient("A", "B"))
    finally:
        ward.manual = kept


def test_a_tag_that_one_diet_wants_and_another_forbids_is_a_contradiction_and_no_fault_of_the_dish(ward: Any) -> None:
    torn = two_diets(ward, ("A", "require", "vegetarian"), ("B", "forbid", "vegetarian"), ("B", "forbid", "pork"))
    assert stops(torn) == [["CONTRADICTION", "A+B", "vegetarian", "item"]]
    assert torn.item("RICE", Decimal(1)) == ()
    assert torn.item("BEF-STW", Decimal(1)) == ()
    assert [rule.subject for rule in torn.held.rules] == ["pork"]


def test_two_lists_that_share_no_dish_are_a_contradiction_and_no_fault_of_the_dish(ward: Any) -> None:
    torn = two_diets(ward, ("A", "only", "RICE"), ("B", "only", "TIL"))
    assert stops(torn) == [["CONTRADICTION", "A+B", "only", "item"]]
    assert torn.held.rules == ()


def limit(diet: str, scope: str = "meal", nutrient: str = "carb_g", base: str = "carb_g") -> Limit:
    return Limit(diet, nutrient, base, scope, None, Decimal(5), None, Decimal(5), True)


def test_a_limit_is_torn_by_an_open_conflict_of_its_own_diet_nutrient_and_place_only() -> None:
    torn = import_module("dusangire.diets.rules.verdict")._is_torn
    conflict = Conflict("A", "B", "carb_g", "lunch", hard=True)
    assert torn(limit("A"), "lunch", conflict)
    assert torn(limit("B"), "lunch", conflict)
    assert torn(limit("A", nutrient="protein_g_per_kg", base="carb_g"), "lunch", conflict)
    assert torn(limit("A", nutrient="carb_g", base="kcal"), "lunch", conflict)
    assert not torn(limit("C"), "lunch", conflict)
    assert not torn(limit("A"), "breakfast", conflict)
    assert not torn(limit("A", nutrient="kcal", base="kcal"), "lunch", conflict)
    assert not torn(limit("A"), "lunch", msgspec.structs.replace(conflict, across=True))


@pytest.mark.hazard(9)
@pytest.mark.parametrize(
    ("own", "beside", "apart"),
    [
        (("maize",), ("tomato",), ("tomato",)),
        (None, ("tomato",), ("tomato",)),
        (("tomato",), ("tomato",), ()),
        (("tomato",), (), ()),
        (("maize",), ("rice",), ()),
    ],
)
def test_a_dish_is_made_apart_for_what_the_line_carries_over_and_it_does_not_hold(
    own: tuple[str, ...] | None, beside: tuple[str, ...], apart: tuple[str, ...]
) -> None:
    dish = DishFacts("X", ingredients=own, cross_ingredients=frozenset(beside))
    assert to_separate(dish, [Allergy("tomato", "severe")], GROUPS) == apart
    assert to_separate(dish, [Allergy("tomato", "intolerance")], GROUPS) == ()


def test_a_hold_is_read_to_the_minute() -> None:
    at = datetime.fromisoformat("2025-03-10T06:00:30+02:00")
    begins, ends = (
        datetime.fromisoformat("2025-03-10T06:00:00+02:00"),
        datetime.fromisoformat("2025-03-10T07:01:00+02:00"),
    )
    found, unsure = fasts([HoldFacts(at, at + timedelta(hours=1))], at)
    assert (found, unsure) == ((Fast(begins, ends, at),), ())
    released = HoldFacts(at, at + timedelta(hours=1), at + timedelta(minutes=9))
    assert fasts([released], at + timedelta(hours=2))[0][0].end == begins + timedelta(minutes=10)
    cancelled = HoldFacts(at, None, begins)
    assert fasts([cancelled], at)[0] == (Fast(begins, begins, at),)
    assert fasts([HoldFacts(at, None, begins - timedelta(seconds=1))], at)[0] == ()


def reason(kind: Kind = Kind.BLOCK, **changes: Any) -> Reason:
    facts = {"source": "ALLERGY", "rule": "contains", "subject": "fish", "scope": "item"}
    return Reason(kind, **(facts | changes))


def test_no_reason_hides_one_of_another_dish_or_of_the_other_end_of_a_limit() -> None:
    found = [
        reason(),
        reason(dish="X"),
        reason(dish="Y"),
        reason(dish="X", bound=Bound.MIN),
        reason(dish="X", bound=Bound.MAX),
    ]
    whole = verdict_of([*found, *found])
    assert [(one.dish, one.bound) for one in whole.reasons] == [
        (None, None), ("X", None), ("X", "max"), ("X", "min"), ("Y", None),
    ]  # fmt: skip
    mixed = verdict_of([reason(), reason(Kind.UNKNOWN, dish="X")])
    assert (mixed.blocks, mixed.unknowns) == ((reason(),), (reason(Kind.UNKNOWN, dish="X"),))


def override(ward: Any, **changes: Any) -> Override:
    now = ward.now()
    facts: dict[str, Any] = {
        "id": UUID(int=1), "patient": UUID(int=2), "day": TODAY, "period": "lunch", "dish": "X", "dish_id": UUID(int=3),
        "name_en": "x", "name_fr": "x", "name_rw": "x", "source": "ALLERGY", "rule": "contains", "subject": "fish",
        "scope": "item", "reason": "a reason", "given_by": UUID(int=4), "given_name": "x", "given_at": now,
        "seconded_by": UUID(int=5), "safety_rev": 1, "rev_now": 1, "expires_at": now + timedelta(hours=1),
    }  # fmt: skip
    return Override(**(facts | changes))


def test_an_override_takes_nothing_else_away(ward: Any) -> None:
    asks, advice = reason(Kind.ASK, rule="may_contain"), reason(Kind.ADVICE, rule="not_checked")
    whole = verdict_of([reason(dish="X"), asks, advice])
    allergies = (Allergy("fish", "severe"),)
    left = relieved(whole, [override(ward)], (TrayLine("X"),), allergies, ward.now())
    assert (left.reasons, left.advice) == ((), (advice,))
    assert [(one.rule, one.override) for one in left.asks] == [("contains", UUID(int=1)), ("may_contain", None)]
    late = ward.now() + timedelta(hours=1)
    assert relieved(whole, [override(ward)], (TrayLine("X"),), allergies, late) == whole


@pytest.mark.parametrize(
    ("value", "scope", "dish"), [(None, "item", "X"), (None, "day", "X"), (5, "item", "X"), (5, "day", None)]
)
def test_an_override_of_a_sum_names_no_dish(ward: Any, value: int | None, scope: str, dish: str | None) -> None:
    given = override(ward, value=None if value is None else Decimal(value), scope=scope)
    assert given.broken().dish == dish
    assert given.named == Named("x", "x", "x")


def test_the_day_of_a_feed_is_the_hospitals_own(ward: Any) -> None:
    """Half past midnight in Kigali is the day before in Greenwich."""
    feed = FeedFacts(
        start=ward.now("00:00"), end=ward.now("01:00"), confirmed_at=ward.now("00:00"), is_tube=False, dish="ONS-200",
        unit_ml=Decimal(200), unit_kcal=Decimal(300), unit_protein_g=Decimal(12), amount=Decimal(1), times=(time(0, 30),),
    )  # fmt: skip
    own = {"REG.fluid_ml.day": OwnLimit(most=Decimal(900))}
    prepared = ward.prepared(ward.patient("REG", own_limits=own, feeds=(feed,)))
    assert [item.known for item in prepared.checks if item.limit.base == "fluid_ml"] == [200]


def test_a_word_is_sought_in_recipes_only_where_it_is_an_ingredient_and_no_group() -> None:
    def sought(code: str, *ingredients: str) -> frozenset[str]:
        return avoided([Allergy(code, "severe")], GROUPS, ingredients)[0][0].words

    assert sought("fish", "fish sauce") == frozenset()
    assert sought("cod", "cod liver oil") == {"cod"}
    assert sought("cod", "rice") == frozenset()


def test_what_a_recipe_holds_need_not_be_kept_apart_from_the_line() -> None:
    stew = DishFacts("X", ingredients=("groundnut paste",), cross_contact=frozenset({"peanuts"}))
    assert to_separate(stew, [Allergy("groundnut", "severe")], GROUPS) == ()
    assert to_separate(stew, [Allergy("peanuts", "severe")], GROUPS) == ("peanuts",)


@pytest.mark.parametrize(("code", "label", "told"), [("tomato", True, ["cross_contact_unlisted"]), ("tomato", False, []), ("milk", True, [])])  # fmt: skip
def test_a_label_beside_a_dish_is_asked_about_where_only_a_recipe_could_tell(
    code: str, label: bool, told: list[str]
) -> None:
    found, _ = avoided([Allergy(code, "severe")], GROUPS, ["tomato"])
    assert [one.rule for one in reactions(DishFacts("X", ingredients=(), has_cross_label=label), found)] == told


def test_a_code_is_known_by_its_plain_name_and_as_it_was_written() -> None:
    assert family("Ingredient:Wild_Garlic", GROUPS) == {"Ingredient:Wild_Garlic", "wild garlic"}
    assert family("Cashews", GROUPS) == {"Cashews", "cashews", "cashew", "nuts"}


def test_a_draft_is_suspended_by_any_hold_that_is_over(ward: Any) -> None:
    now = ward.now()
    over = Fast(now - timedelta(hours=2), now - timedelta(hours=1), now - timedelta(hours=2))
    draft = DietOrderFacts("REG", "active", None, now - timedelta(hours=3))
    assert is_suspended(draft, [over], now)
    assert not is_suspended(msgspec.structs.replace(draft, signed_at=now), [over], now)
