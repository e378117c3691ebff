"""What the board says of a bed."""

from datetime import UTC, date, datetime

import pytest

from dusangire.board.rules import Show, State, coming_meal, counts, is_shown, pages, state_of, textures
from dusangire.menu.rules import STARTER_PERIODS, sittings
from dusangire.orders.rules import Status


@pytest.mark.parametrize(
    ("chart", "trays", "state"),
    [
        ("fasting", [Status.CONFIRMED], State.FASTING),
        ("fasting", [Status.HELD], State.FASTING),
        ("no_order", [Status.HELD], State.HELD),
        ("no_order", [], State.NO_DIET),
        ("not_asked", [], State.NOT_ASKED),
        ("uncoded", [Status.CONFIRMED], State.UNCODED),
        ("ok", [], State.NOT_YET),
        ("ok", [Status.CONFIRMED], State.ORDERED),
        ("ok", [Status.DELIVERED], State.SERVED),
        ("ok", [Status.DELIVERED, Status.READY], State.ORDERED),
        ("ok", [Status.PROBLEM], State.HELD),
        ("ok", [Status.UNDELIVERED], State.HELD),
    ],
)
def test_the_strip_says_the_most_urgent_thing(chart, trays, state):
    assert state_of(chart, trays) is state


def test_every_state_has_its_loudness_its_icon_and_a_chip_that_finds_it():
    for state in State:
        assert state.kind in ("stop", "look", "ok", "free")
        assert state.icon
        assert any(is_shown(state, show) for show in Show if show is not Show.ALL)


def test_a_texture_is_said_by_its_chip_and_not_named_again():
    assert textures(["REG", "IDDSI5"], 5, 1) == (("REG",), 5, 1)
    assert textures(["NAS", "IDDSI6", "IDDSI4"], None, 0) == (("NAS",), 4, None)
    assert textures(["REG"], 7, 0) == (("REG",), None, None)


def test_chips_that_would_show_nothing_are_left_out():
    said = counts([State.FREE, State.ORDERED, State.SERVED])
    assert said == {Show.PEOPLE: 2, Show.ORDERED: 2, Show.NOT_YET: 0, Show.FREE: 1}


def test_fifty_beds_are_three_parts_and_twenty_are_one():
    assert [(page.first, page.last, page.is_here) for page in pages(list(range(1, 51)), 20)] == [
        (1, 20, False), (21, 40, True), (41, 50, False),
    ]  # fmt: skip
    assert pages(list(range(1, 21)), 0) == []


@pytest.mark.parametrize(
    ("hour", "meal", "day"),
    [(4, "breakfast", 21), (6, "lunch", 21), (10, "lunch", 21), (11, "dinner", 21), (17, "breakfast", 22)],
)
def test_the_coming_meal_is_the_first_that_is_not_over(hour, meal, day):
    now = datetime(2026, 11, 21, hour, 20, tzinfo=UTC)
    found = coming_meal(sittings(STARTER_PERIODS, now, "Africa/Kigali"), now)
    assert (found.meal, found.day) == (meal, date(2026, 11, day))
