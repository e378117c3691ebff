"""Texture: two axes, every dish at every level, and what is not set."""

import csv
from importlib import resources
from typing import Any

import pytest

from dusangire.diets.rules import Gate, Question, TrayLine, questions

MENU = list(csv.DictReader(resources.files("dusangire").joinpath("seed", "menu.csv").read_text("utf-8").splitlines()))
PRESCRIBED = {"F75", "F100", "RUTF"}


def expected(row: dict[str, str], food: int, drink: int) -> bool:
    """Whether a dish may be served, worked out from the file alone."""
    levels = {int(level) for level in row["iddsi_achievable"].split(",")}
    is_both = row["category"] in {"porridge", "soup"}
    is_drink = row["iddsi_native"].startswith("D")
    asked = 6 if food == 7 else food
    may_eat = (is_drink and not is_both) or asked in levels
    drinkable = levels | ({int(row["iddsi_native"][1])} if is_drink else set())
    return may_eat and (not (is_drink or is_both) or drink in drinkable)


@pytest.mark.req("A9")
@pytest.mark.parametrize("drink", range(5))
@pytest.mark.parametrize("food", range(3, 8))
def test_every_dish_is_served_only_at_exactly_the_ordered_levels(ward: Any, food: int, drink: int) -> None:
    code = "IDDSI7EC" if food == 7 else f"IDDSI{food}"
    prepared = ward.prepared(ward.patient(code, iddsi_drink=drink))
    for row in MENU:
        if row["code"] not in PRESCRIBED:
            answer = prepared.judge((TrayLine(row["code"]),), Gate.CART)
            assert answer.is_allowed is expected(row, food, drink), row["code"]


@pytest.mark.parametrize(
    ("diet", "drink", "dish", "reasons"),
    [
        ("IDDSI5", 2, "TEA-BLK", []),
        ("IDDSI5", None, "TEA-BLK", [["IDDSI", "drink_level_unset", "drink", "item"]]),
        ("IDDSI4", None, "IGK-URO", [["IDDSI", "drink_level_unset", "drink", "item"]]),
        ("IDDSI4", None, "PUM-NAS", []),
        ("REG", None, "TEA-BLK", []),
        ("REG", 4, "TEA-BLK", [["IDDSI", "drink", "4", "item"]]),
        ("REG", 2, "IGK-URO", [["IDDSI", "drink", "2", "item"]]),
        ("IDDSI5", 1, "IKV", [["IDDSI", "drink", "1", "item"]]),
        ("IDDSI7EC", 0, "GOT-BRO", [["IDDSI7EC", "iddsi", "7", "item"]]),
        ("IDDSI7EC", 0, "UBG-MAZ", []),
        ("IDDSI6", 5, "RICE", [["IDDSI", "unknown_drink_level", "5", "order"]]),
    ],
)
def test_two_axes(ward: Any, diet: str, drink: int | None, dish: str, reasons: list[list[str]]) -> None:
    assert ward.ask((dish, "1"), diets=(diet,), iddsi_drink=drink, gate="cart").reasons == reasons


def test_a_food_level_stored_with_the_patient_counts_like_an_order(ward: Any) -> None:
    assert ward.ask(("GOT-BRO", "1"), iddsi_food=5, iddsi_drink=0).reasons == [["IDDSI", "iddsi", "5", "item"]]
    assert ward.ask(("RICE", "1"), iddsi_food=2, iddsi_drink=0).reasons == [
        ["IDDSI", "unknown_food_level", "2", "order"]
    ]


def test_two_different_food_levels_are_a_contradiction(ward: Any) -> None:
    answer = ward.ask(("GOT-BRO", "1"), diets=("IDDSI5",), iddsi_food=6, iddsi_drink=0)
    assert (answer.verdict, answer.reasons) == ("UNKNOWN", [["CONTRADICTION", "IDDSI+IDDSI5", "iddsi", "item"]])
    assert ward.ask(("RICE", "1"), diets=("IDDSI5",), iddsi_food=5, iddsi_drink=0).verdict == "ALLOW"


@pytest.mark.parametrize(
    ("codes", "food", "drink", "asked"),
    [
        (("REG",), None, None, []),
        (("IDDSI4",), None, None, [Question.DRINK_LEVEL]),
        (("IDDSI4",), None, 2, []),
        (("REG",), None, 2, [Question.FOOD_LEVEL]),
        (("SAM-F75",), None, None, [Question.SEVERE_OEDEMA]),
    ],
)
def test_signing_a_texture_demands_both_axes(
    ward: Any, codes: tuple[str, ...], food: int | None, drink: int | None, asked: list[Question]
) -> None:
    assert questions(codes, ward.manual, food, drink) == asked
