"""What a patient may still choose: the menu at once, swaps, additions and the budget; and 1,000 random carts."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dusangire.diets.rules import (
    PORTIONS,
    Allergy,
    Answer,
    Gate,
    Kind,
    Meal,
    OtherTray,
    OwnLimit,
    TrayLine,
    alternative,
    budget,
    can_still_add,
    menu,
    prepare,
    unmet,
)

PATIENTS = [
    (("CCHO60",), (), "lunch"),
    (("CCHO60", "RENAL-HD", "HALAL"), (Allergy("peanuts", "severe"),), "lunch"),
    (("FLUID1200", "LOWRES"), (Allergy("milk", "intolerance"),), "breakfast"),
    (("SAM-F75",), (), "snack"),
    (("GDM", "NA2G"), (Allergy("eggs", "moderate"),), "dinner"),
]


@pytest.mark.parametrize(("codes", "allergies", "meal"), PATIENTS)
@pytest.mark.parametrize("lines", [(), (("RICE", "0.5"),), (("JUI-APP", "1"), ("BAN", "1"))])
def test_the_menu_says_what_judging_each_dish_alone_says(
    ward: Any, codes: tuple[str, ...], allergies: tuple[Allergy, ...], meal: str, lines: Any
) -> None:
    prepared = ward.prepared(
        ward.patient(*codes, allergies=allergies, weight_kg=Decimal(8 if "SAM" in codes[0] else 60)), meal
    )
    tray = ward.tray(*lines)
    own = {reason for line in tray for reason in prepared.item(line.dish, line.portion)}
    for code, found in menu(prepared, ward.dishes, tray).items():
        for portion in PORTIONS:
            judged = prepared.judge((*tray, TrayLine(code, portion)), Gate.CART)
            stops = [reason for reason in judged.reasons if reason not in own or reason in prepared.item(code, portion)]
            assert (portion in found.portions) is (not stops), (code, portion)
            if portion == 1:
                assert list(found.verdict.reasons) == stops
                assert set(found.verdict.asks) | own >= set(judged.asks)
                assert found.verdict.advice == judged.advice


@pytest.mark.req("A10")
@pytest.mark.parametrize("meal", ["breakfast", "lunch", "dinner"])
def test_no_cart_of_a_diabetic_passes_checkout_outside_45_to_65_g(ward: Any, meal: str) -> None:
    chance = random.Random(f"carts {meal}")
    prepared = ward.prepared(ward.patient("CCHO60"), meal)
    offered = [
        code
        for code, dish in ward.dishes.items()
        if {"breakfast": "B", "lunch": "L", "dinner": "D"}[meal] in dish.periods
    ]
    passed = 0
    for _ in range(1000):
        cart = tuple(
            TrayLine(chance.choice(offered), chance.choice(PORTIONS), chance.choice((1, 1, 1, 2)))
            for _ in range(chance.randint(1, 5))
        )
        carbs = sum(ward.dishes[line.dish].nutrients.carb_g * line.portion * line.quantity for line in cart)
        is_allowed = prepared.judge(cart, Gate.CHECKOUT).is_allowed
        assert not is_allowed or 45 <= carbs <= 65
        passed += is_allowed
    assert passed > 30


def test_without_the_meals_limit_the_same_carts_would_pass(ward: Any) -> None:
    chance = random.Random("carts lunch")
    prepared = ward.prepared(ward.patient("CCHO60"))
    blind = msgspec.structs.replace(prepared, checks=())
    offered = [code for code, dish in ward.dishes.items() if "L" in dish.periods and dish.category != "supplement"]
    outside = 0
    for _ in range(1000):
        cart = tuple(TrayLine(chance.choice(offered), chance.choice(PORTIONS)) for _ in range(3))
        carbs = sum(ward.dishes[line.dish].nutrients.carb_g * line.portion for line in cart)
        outside += blind.judge(cart, Gate.CHECKOUT).is_allowed and not 45 <= carbs <= 65
    assert outside > 100


@pytest.mark.parametrize(("codes", "allergies", "meal"), PATIENTS)
def test_an_alternative_itself_passes_with_what_is_on_the_tray(
    ward: Any, codes: tuple[str, ...], allergies: tuple[Allergy, ...], meal: str
) -> None:
    prepared = ward.prepared(
        ward.patient(*codes, allergies=allergies, weight_kg=Decimal(8 if "SAM" in codes[0] else 60)), meal
    )
    for lines in ((), ward.tray(("CHK-NAS", "0.5")), ward.tray(("APS", "0.5"), ("TEA-BLK", "0.5"))):
        for code in ward.dishes:
            found = alternative(prepared, code, lines)
            rest = tuple(line for line in lines if line.dish != code)
            half = prepared.judge((*rest, TrayLine(code, Decimal("0.5"))), Gate.CART).is_allowed
            if found is None:
                assert not half
            else:
                assert found.half_passes is half
                assert found.swap != code
                assert found.swap is None or prepared.judge((*rest, TrayLine(found.swap)), Gate.CART).is_allowed


@pytest.mark.parametrize(
    ("dish", "diets", "allergies", "swap", "half"),
    [
        ("BEF-STW", ("VEGAN",), (), "TOF", False),
        ("PST", ("GF",), (), "UBG-MAZ", False),
        ("TEA-MLK", ("REG",), (Allergy("milk", "severe"),), "JUI-MAR", False),
        ("AGT-BEF", ("CCHO60",), (), "MIN-BEF", True),
    ],
)
def test_the_nearest_of_the_same_category_is_offered_and_half_a_portion_where_it_helps(
    ward: Any, *, dish: str, diets: tuple[str, ...], allergies: tuple[Allergy, ...], swap: str, half: bool
) -> None:
    found = alternative(ward.prepared(ward.patient(*diets, allergies=allergies)), dish, ward.tray((dish, "1")))
    assert found is not None
    assert (found.swap, found.half_passes) == (swap, half)


def test_there_may_be_no_alternative(ward: Any) -> None:
    assert alternative(ward.prepared(ward.patient("NPO")), "RICE", ()) is None


@pytest.mark.req("A11")
def test_the_patient_is_told_which_fruit_still_fits(ward: Any) -> None:
    prepared = ward.prepared(ward.patient("CCHO60"))
    found = {item.dish: item.portions for item in can_still_add(prepared, ward.tray(("RICE", "1")), "fruit")}
    assert found == {
        "PAP": (Decimal("0.5"),),
        "PIN": (Decimal("0.5"),),
        "APS": (Decimal("0.5"),),
    }
    assert can_still_add(prepared, ward.tray(("CAS", "1")), "fruit") == ()


@pytest.mark.req("A11")
def test_the_meter_counts_the_meal_and_the_day(ward: Any) -> None:
    others = (OtherTray(Meal.BREAKFAST, date(2025, 3, 10), "delivered", ward.tray(("EGG-BLD", "1"))),)
    prepared = ward.prepared(ward.patient("CCHO60", "NA2G"), others=others)
    found = {(meter.scope, meter.nutrient): meter for meter in budget(prepared, ward.tray(("RICE", "1")))}
    carbs, sodium = found["meal", "carb_g"], found["day", "sodium_mg"]
    assert (carbs.chosen, carbs.least, carbs.most, carbs.room_left, carbs.unit) == (56, 45, 65, 9, "g")
    assert (carbs.is_over, carbs.missing, carbs.stops_at) == (False, 0, 65)
    assert sodium.chosen == Decimal("55") * 142 / 100 + Decimal("3.5") + Decimal("116.274")
    assert (sodium.most, sodium.unit, sodium.room_left) == (2000, "mg", 2000 - sodium.chosen)
    assert [meter.scope for meter in budget(prepared, ())] == sorted(
        (meter.scope for meter in budget(prepared, ())), key=lambda scope: scope == "day"
    )


def test_the_meter_of_a_rule_per_kg_is_in_plain_units_and_an_unmet_day_is_a_task(ward: Any) -> None:
    prepared = ward.prepared(ward.patient("RENAL-ND", weight_kg=Decimal(50)))
    protein = next(meter for meter in budget(prepared, ()) if meter.nutrient == "protein_g")
    assert (protein.least, protein.most, protein.unit) == (Decimal("27.5"), Decimal(40), "g")
    assert [reason.key() for reason in unmet(prepared)] == [["RENAL-ND", "limit", "protein_g_per_kg", "day"]]
    assert unmet(ward.prepared(ward.patient("HIFIB"))) == []


@pytest.mark.parametrize(
    ("codes", "days_ago", "allowed"),
    [
        (("RENAL-ND",), 0, True),
        (("RENAL-ND",), 14, True),
        (("RENAL-ND",), 15, False),
        (("RENAL-ND",), -1, False),
        (("SAM-F100",), 2, True),
        (("SAM-F100",), 3, False),
        (("HPHE",), 15, False),
    ],
)
def test_a_weight_is_good_for_14_days_and_2_for_sam(
    ward: Any, codes: tuple[str, ...], days_ago: int, allowed: bool
) -> None:
    weighed = date(2025, 3, 10) - timedelta(days=days_ago)
    patient = ward.patient(*codes, weight_kg=Decimal(10 if "SAM" in codes[0] else 60), weight_on=weighed)
    dish = "RUTF" if "SAM" in codes[0] else "CHK-NAS"
    answer = ward.prepared(patient).judge(ward.tray((dish, "0.5")), Gate.CHECKOUT)
    assert answer.is_allowed is allowed
    undated = ward.prepared(msgspec.structs.replace(patient, weight_on=None))
    assert undated.judge(ward.tray((dish, "0.5")), Gate.CHECKOUT).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("most", "by_doctor", "allowed"), [("300", True, True), ("300", False, False), ("200", False, False)]
)
def test_loosening_a_limit_needs_a_doctor_and_tightening_does_not(
    ward: Any, most: str, by_doctor: bool, allowed: bool
) -> None:
    own = {"FLUID1200.fluid_ml.meal": OwnLimit(most=Decimal(most), by_doctor=by_doctor)}
    prepared = ward.prepared(ward.patient("FLUID1200", own_limits=own))
    assert prepared.judge(ward.tray(("TEA-BLK", "1")), Gate.CART).is_allowed is allowed
    half = prepared.judge(ward.tray(("SUP-VEG", "1")), Gate.CART)
    assert half.is_allowed is (Decimal(most) >= 220)


def test_a_carers_own_meal_is_not_counted_and_a_visitors_tray_to_the_bed_is(ward: Any) -> None:
    for for_carer in (True, False):
        other = OtherTray(Meal.LUNCH, date(2025, 3, 10), "confirmed", ward.tray(("RICE", "1")), for_carer=for_carer)
        prepared = ward.prepared(ward.patient("CCHO60"), others=(other,))
        assert prepared.judge(ward.tray(("RICE", "1")), Gate.CHECKOUT).is_allowed is for_carer


def test_a_reason_carries_value_limit_unit_and_dish(ward: Any) -> None:
    prepared = ward.prepared(ward.patient("FLUID1200", "HALAL"))
    reasons = prepared.judge(ward.tray(("TEA-BLK", "1"), ("PRK", "1")), Gate.CART).reasons
    fluid = next(reason for reason in reasons if reason.source == "FLUID1200")
    pork = next(reason for reason in reasons if reason.source == "HALAL")
    assert (fluid.kind, fluid.value, fluid.limit, fluid.unit, fluid.bound) == (Kind.BLOCK, 250, 240, "ml", "max")
    assert (pork.dish, pork.key()) == ("PRK", ["HALAL", "require", "halal", "item"])


def test_judging_changes_none_of_its_facts(ward: Any) -> None:
    patient, serving = ward.patient("CCHO60"), ward.serving()
    first = prepare(patient, serving, (), ward.manual, ward.dishes, ward.now())
    before = first.judge(ward.tray(("RICE", "1")), Gate.CHECKOUT)
    menu(first, ward.dishes, ())
    assert first.judge(ward.tray(("RICE", "1")), Gate.CHECKOUT) == before
