"""Meal periods: cut-offs in the hospital's zone, whatever clock the reader has."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dusangire.menu.rules import (
    STARTER_PERIODS,
    PeriodCode,
    is_orderable,
    meal_names,
    minutes_left,
    next_sitting,
    sitting,
    sittings,
)

KIGALI = "Africa/Kigali"
DAY = date(2026, 11, 21)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    """A moment of the day, in UTC."""
    return datetime(2026, 11, 21, hour, minute, second, tzinfo=UTC)


@pytest.mark.req("C5")
def test_lunch_closes_at_half_past_ten_in_kigali_which_is_half_past_eight_in_greenwich():
    lunch = sitting(STARTER_PERIODS, DAY, "lunch", KIGALI)
    assert lunch is not None
    assert lunch.cutoff_at == at(8, 30)
    assert (lunch.serve_from, lunch.serve_to) == (at(10, 10), at(10, 40))


@pytest.mark.req("C5")
@pytest.mark.parametrize(
    ("now", "can_order"), [(at(8, 29, 59), True), (at(8, 30), False), (at(8, 30, 1), False), (at(6, 0), True)]
)
def test_the_cut_off_is_exact_to_the_second(now, can_order):
    lunch = sitting(STARTER_PERIODS, DAY, "lunch", KIGALI)
    assert is_orderable(lunch, now) is can_order


@pytest.mark.req("C5")
def test_another_zone_moves_the_cut_off():
    """Negative control: without the zone, Paris and Kigali would close together."""
    lunch = sitting(STARTER_PERIODS, DAY, "lunch", "Europe/Paris")
    assert lunch.cutoff_at == at(9, 30)


def test_two_days_hold_twelve_sittings_in_the_order_they_are_served():
    found = sittings(STARTER_PERIODS, at(5, 0), KIGALI)
    assert [one.period for one in found] == list(PeriodCode) * 2
    assert [one.day for one in found] == [DAY] * 6 + [DAY + timedelta(days=1)] * 6


def test_late_in_the_evening_of_utc_it_is_already_tomorrow_in_kigali():
    found = sittings(STARTER_PERIODS, at(22, 30), KIGALI, days=1)
    assert found[0].day == DAY + timedelta(days=1)


def test_each_snack_knows_its_meal_and_its_slot():
    said = {one.period: (one.meal, one.slot) for one in sittings(STARTER_PERIODS, at(5, 0), KIGALI, days=1)}
    assert said[PeriodCode.MORNING_SNACK] == ("snack", "morning")
    assert said[PeriodCode.EVENING_SNACK] == ("snack", "evening")
    assert said[PeriodCode.DINNER] == ("dinner", None)


def test_after_the_last_cut_off_tomorrows_breakfast_is_next():
    found = next_sitting(sittings(STARTER_PERIODS, at(18, 0), KIGALI), at(18, 0))
    assert (found.day, found.period) == (DAY + timedelta(days=1), PeriodCode.BREAKFAST)


def test_minutes_left_are_rounded_down_and_never_negative():
    lunch = sitting(STARTER_PERIODS, DAY, "lunch", KIGALI)
    assert minutes_left(lunch, at(8, 0, 1)) == 29
    assert minutes_left(lunch, at(9, 0)) == 0


def test_a_period_the_hospital_does_not_have_is_none():
    assert sitting(STARTER_PERIODS, DAY, "supper", KIGALI) is None


def test_letters_of_the_menu_data_become_meals():
    assert meal_names("BS") == {"breakfast", "snack"}
