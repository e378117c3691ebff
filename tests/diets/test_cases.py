"""The judge from outside: one case per line, the expected answer beside it, and lines nobody should write."""

import json
from pathlib import Path
from typing import Any

import pytest

from dusangire.diets.rules import judge_line

CASES = [
    json.loads(line) for line in Path(__file__).with_name("verdict-cases.jsonl").read_text("utf-8").splitlines() if line
]


@pytest.mark.req("A3", "A7", "A9", "A10")
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_every_open_case_gets_the_expected_answer(ward: Any, case: dict[str, Any]) -> None:
    answer = json.loads(judge_line(json.dumps(case), ward.manual, ward.dishes))
    assert (answer["verdict"], answer["reasons"]) == (case["expected"]["verdict"], case["expected"]["reasons"])
    assert set(answer) == {"id", "verdict", "reasons", "asks", "advice"}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_verdict_is_the_same_twice(ward: Any, case: dict[str, Any]) -> None:
    line = json.dumps(case)
    assert judge_line(line, ward.manual, ward.dishes) == judge_line(line, ward.manual, ward.dishes)


def _changed(case: dict[str, Any], path: str, value: Any) -> str:
    copy = json.loads(json.dumps(case))
    *way, last = path.split(".")
    spot = copy
    for step in way:
        spot = spot[int(step)] if isinstance(spot, list) else spot[step]
    spot[int(last) if isinstance(spot, list) else last] = value
    return json.dumps(copy)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("colour", "red", "unknown key 'colour'"),
        ("patient.alergies", [], "unknown key 'alergies'"),
        ("patient.diets.0.until", None, "unknown key 'until'"),
        ("patient.allergies", [{"code": "milk", "severity": "severe", "since": 1}], "unknown key 'since'"),
        ("patient.npo", [{"start": "2025-03-10T10:00:00+02:00", "ends": None}], "unknown key 'ends'"),
        ("patient.params", {"REG.kcal.day": {"top": "3"}}, "unknown key 'top'"),
        ("tray.bed", 4, "unknown key 'bed'"),
        ("tray.lines.0.quantity", 4, "unknown key 'quantity'"),
        ("dish_facts", {"RICE": {"salt": "3"}}, "unknown key 'salt'"),
        ("tray.gate", "door", "unknown gate 'door'"),
        ("tray.meal", "brunch", "unknown meal 'brunch'"),
        ("tray.lines.0.portion", "NaN", "tray.lines[0].portion"),
        ("tray.lines.0.qty", True, "tray.lines[0].qty"),
        ("tray.lines.0.qty", "1e99999999", "tray.lines[0].qty"),
        ("tray.lines.0.dish", None, "tray.lines[0].dish"),
        ("tray.lines", {}, "a list is expected"),
        ("tray", None, "an object is expected"),
        ("tray.serve_at", "2025-03-10T12:30:00", "with its offset"),
        ("tray.serve_at", "noon", "ISO 8601"),
        ("tray.date", "10/3/2025", "ISO 8601"),
        ("now", 7, "now: a time in ISO 8601"),
        ("patient.weight_kg", "sixty", "patient.weight_kg"),
        ("patient.allergies", None, "a list is expected"),
        ("patient.iddsi_food", "5.5", "a whole number"),
        ("dish_facts", {"RICE": {"halal": "yes"}}, "1, 0 or null"),
    ],
)
def test_a_wrong_line_is_refused_by_name_and_keeps_its_id(ward: Any, path: str, value: Any, told: str) -> None:
    answer = json.loads(judge_line(_changed(CASES[0], path, value), ward.manual, ward.dishes))
    assert set(answer) == {"id", "error"}
    assert answer["id"] == CASES[0]["id"]
    assert told in answer["error"]


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "null", "7", '"x"', '{"id": "V1"}', '{"id": 7}', "[" * 100_000, '{"a": 1, "a": 2}', "NaN"]
)
def test_a_line_that_is_no_case_is_answered_not_crashed_on(ward: Any, line: str) -> None:
    assert "error" in json.loads(judge_line(line, ward.manual, ward.dishes))


@pytest.mark.parametrize("key", sorted(CASES[0]["patient"].keys() - {"clock_skew_s", "npo", "params", "weight_kg"}))
def test_no_fact_of_the_patient_is_made_up(ward: Any, key: str) -> None:
    case = json.loads(json.dumps(CASES[0]))
    del case["patient"][key]
    answer = json.loads(judge_line(json.dumps(case), ward.manual, ward.dishes))
    may_be_absent = {"iddsi_food", "iddsi_drink", "uncoded_free_text"}
    assert ("error" in answer) is (key not in may_be_absent)
