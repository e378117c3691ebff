"""The order of a walk, what a code says, and whether this is the right person."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dusangire.delivery import rules
from dusangire.delivery.rules import Method, Stop, code_of, is_same_person, walk
from dusangire.orders.rules import Status

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
BED = uuid4()


def stop(bed_code: str, **facts: object) -> Stop:
    known: dict[str, object] = {
        "id": uuid4(), "code": "L-2222", "status": Status.OUT_FOR_DELIVERY, "period": "lunch", "name": "Aline Uwase",
        "short_name": "Aline U.", "birth_year": 1988, "patient": uuid4(), "bed": BED, "bed_code": bed_code, "room": "",
        "ward": None, "ward_name": f"Ward {bed_code[0]}", "ward_phone": "", "walk_order": 2, "is_isolation": False,
        "is_emergency": False, "allergies": (), "food_level": None, "drink_level": None, "lines": (), "is_hot": True,
    }  # fmt: skip
    return Stop(**{**known, **facts})  # type: ignore[arg-type]


@pytest.mark.req("F1", "CHK-3.1.10")
def test_a_run_begins_in_emergency_goes_hot_first_ward_by_ward_and_ends_in_isolation() -> None:
    stops = [
        stop("I-001", walk_order=9, is_isolation=True),
        stop("B-002", walk_order=3),
        stop("A-001", is_hot=False),
        stop("A-010"),
        stop("A-002"),
        stop("ICU-001", walk_order=7, is_emergency=True),
    ]
    assert [one.bed_code for one in walk(stops)] == ["ICU-001", "A-002", "A-010", "A-001", "B-002", "I-001"]


@pytest.mark.parametrize(
    ("scanned", "code"),
    [
        ("https://meals.example/bed/abc-DEF_1", "abc-DEF_1"),
        (" http://localhost:8000/tray/xyz/ ", "xyz"),
        ("https://meals.example/bed/abc?next=1", "abc"),
        ("A-012", "A-012"),
        ("", ""),
        ("https://meals.example", ""),
    ],
)
def test_a_code_is_found_in_whatever_the_camera_reads(scanned: str, code: str) -> None:
    assert code_of(scanned) == code


@pytest.mark.req("F3")
@pytest.mark.parametrize(
    ("name", "year", "is_same"),
    [
        ("Aline Uwase", 1988, True),
        ("uwase ALINE", 1988, True),
        ("Aliné  Uwase", 1988, True),
        ("Aline Uwase", 1989, False),
        ("Aline Uwase", None, False),
        ("Aline", 1988, False),
        ("Aline Uwera", 1988, False),
        ("", 1988, False),
        ("!!", 1988, False),
    ],
)
def test_a_person_is_known_by_two_names_and_the_year_of_birth(name: str, year: int | None, is_same: bool) -> None:
    assert is_same_person(name, year, "Aline Uwase", 1988) is is_same


def test_somebody_with_one_name_is_known_by_it() -> None:
    assert is_same_person("Immaculée", 1970, "Immaculee", 1970)


@pytest.mark.req("F3")
def test_a_check_at_the_bed_holds_ten_minutes_and_only_while_the_patient_lies_there() -> None:
    checked = stop("A-001", bed_checked_at=NOW, bed_method=Method.SCAN, checked_bed=BED)
    assert checked.bed_holds(NOW + timedelta(minutes=9))
    assert not checked.bed_holds(NOW + timedelta(minutes=11))
    assert not stop("A-001", bed_checked_at=NOW, bed_method=Method.SCAN, checked_bed=uuid4()).bed_holds(NOW)
    assert not stop("A-001").bed_holds(NOW)


def test_the_step_at_the_bed_follows_what_was_checked() -> None:
    assert stop("A-001").step(NOW) == "tray"
    assert stop("A-001", tray_scanned_at=NOW).step(NOW) == "bed"
    done = stop("A-001", tray_scanned_at=NOW, bed_checked_at=NOW, bed_method=Method.SCAN, checked_bed=BED)
    assert done.step(NOW) == "give"


@pytest.mark.req("F14", "N6")
def test_a_nurse_is_told_where_insulin_goes_with_the_meal() -> None:
    assert rules.tells_nurse(("CCHO60", "NAS"))
    assert not rules.tells_nurse(("REG",))


def test_fruit_and_drink_alone_are_not_hot() -> None:
    assert not rules.is_hot(frozenset({"fruit", "drink"}))
    assert rules.is_hot(frozenset({"fruit", "starch"}))
