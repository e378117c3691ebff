"""Medicines that meet food: what is noted, what is asked, and that neither is a stop nor silence."""

from decimal import Decimal

import msgspec
import pytest

from dusangire.diets.rules import Answer, Gate, Kind, keys
from dusangire.diets.rules.food_drug import FoodDrugNote, Subject, notes_from_rows
from dusangire.diets.rules.medicines import about_dish, medicines
from dusangire.menu.rules import DishFacts
from tests.diets.conftest import rows

NOTES = notes_from_rows(rows("food_drug_notes.csv"))


def judged(ward, *dishes, flags=(), notes=NOTES):
    made = _with(ward, msgspec.structs.replace(ward.manual, notes=notes))
    patient = ward.patient("REG", flags=frozenset(flags))
    return made.prepared(patient).judge(ward.tray(*((dish, "1") for dish in dishes)), Gate.CHECKOUT)


def _with(ward, manual):
    other = object.__new__(type(ward))
    other.manual, other.dishes = manual, ward.dishes
    return other


@pytest.mark.req("A19")
@pytest.mark.parametrize("dish", ["ISB", "ISB-NP", "DOD", "CAB"])
def test_warfarin_marks_green_leaves_to_be_kept_constant_and_lets_them_through(ward, dish):
    found = judged(ward, "RICE", dish, flags=["warfarin"])
    assert found.answer is Answer.ALLOW
    assert [(r.source, r.rule, r.subject, r.dish) for r in found.advice if r.source == "MEDICINE"] == [
        ("MEDICINE", "warfarin", "high_vitamin_k", dish)
    ]


@pytest.mark.req("A19")
def test_without_the_flag_or_without_the_note_nothing_is_said(ward):
    without_flag = judged(ward, "RICE", "DOD")
    without_note = judged(ward, "RICE", "DOD", flags=["warfarin"], notes=())
    assert not [r for r in without_flag.advice + without_note.advice if r.source == "MEDICINE"]


@pytest.mark.req("A19")
def test_the_verdict_says_what_is_checked_and_what_is_not(ward):
    def said(*flags, notes=NOTES):
        found = judged(ward, "RICE", flags=flags, notes=notes)
        return [key for key in keys(found.advice) if key[0] == "PATIENT"]

    assert said() == [["PATIENT", "not_checked", "drug_interactions", "order"]]
    assert said("isolation") == [["PATIENT", "not_checked", "drug_interactions", "order"]]
    assert said("warfarin") == [["PATIENT", "checked", "warfarin", "order"]]
    assert said("warfarin", notes=()) == [["PATIENT", "not_checked", "warfarin", "order"]]


@pytest.mark.req("A19")
def test_an_maoi_asks_about_what_is_fermented_dried_or_cheese(ward):
    asked = {code: judged(ward, code, flags=["maoi"]).asks for code in ("IKV", "SAM", "RICE")}
    assert [bool([r for r in found if r.source == "MEDICINE"]) for found in asked.values()] == [True, True, False]
    cheese = DishFacts("X", ingredients=("aged cheese (gouda)",))
    assert about_dish(cheese, medicines(frozenset({"maoi"}), NOTES))[0].kind is Kind.ASK


@pytest.mark.req("A19")
@pytest.mark.parametrize("flag", ["ace_inhibitor", "potassium_sparing"])
def test_much_potassium_in_one_meal_is_asked_about_not_stopped(ward, flag):
    much = judged(ward, "MAT", "BNS", flags=[flag])
    little = judged(ward, "RICE", "CAB", flags=[flag])
    assert much.answer is Answer.ALLOW
    assert [(r.rule, r.subject, r.limit) for r in much.asks if r.source == "MEDICINE"] == [
        (flag, "potassium_mg", Decimal(1170))
    ]
    assert not [r for r in little.asks if r.source == "MEDICINE"]


def test_exactly_the_threshold_is_not_asked_about_and_an_unknown_amount_is(ward):
    note = FoodDrugNote("ace_inhibitor", Subject.NUTRIENT, "potassium_mg", Decimal(900), Kind.ASK, "k", "s")
    at = msgspec.structs.replace(note, threshold=ward.dishes["MAT"].nutrients.potassium_mg)
    assert not [r for r in judged(ward, "MAT", flags=["ace_inhibitor"], notes=(at,)).asks if r.source == "MEDICINE"]
    gap = msgspec.structs.replace(ward.dishes["RICE"], nutrients=ward.dishes["RICE"].nutrients.__class__())
    other = _with(ward, msgspec.structs.replace(ward.manual, notes=(note,)))
    other.dishes = {**ward.dishes, "RICE": gap}
    patient = ward.patient("REG", flags=frozenset({"ace_inhibitor"}))
    found = other.prepared(patient).judge(ward.tray(("RICE", "1")), Gate.CART)
    assert [r.subject for r in found.asks if r.source == "MEDICINE"] == ["potassium_mg"]
