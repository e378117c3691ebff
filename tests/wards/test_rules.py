"""Bed codes, PINs, names on a board."""

from datetime import date

import pytest

from dusangire.kernel.ids import uuid7
from dusangire.wards.rules import Person, bed_codes, is_weak_pin, next_number


@pytest.mark.req("I1")
def test_fifty_beds_run_from_001_to_050():
    codes = bed_codes("A", 1, 50)
    assert (len(codes), codes[0], codes[-1]) == (50, "A-001", "A-050")


@pytest.mark.req("I1")
@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (990, 1000), (-1, 3)])
def test_numbers_that_cannot_stand_on_a_bed_make_none(first, last):
    assert bed_codes("A", first, last) == []


def test_the_next_bed_follows_the_highest():
    assert next_number(["A-001", "A-007", "A-003"]) == 8
    assert next_number([]) == 1


@pytest.mark.parametrize("pin", ["0000", "1234", "4321", "9999", "3456"])
def test_pins_that_everybody_tries_first_are_weak(pin):
    assert is_weak_pin(pin)


@pytest.mark.parametrize("pin", ["1357", "2024", "8071", "1212"])
def test_other_pins_are_not(pin):
    assert not is_weak_pin(pin)


def test_a_board_in_a_corridor_shows_one_letter_of_the_family_name():
    person = Person(uuid7(), "K-1", "Aline", "Uwase", date(1988, 4, 12), "female", None, None)
    assert (person.name, person.short_name) == ("Aline Uwase", "Aline U.")
    assert (person.age(date(2026, 4, 11)), person.age(date(2026, 4, 12))) == (37, 38)
