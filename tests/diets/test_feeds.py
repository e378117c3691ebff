"""Feeds by bottle and tube: hours that sum to the order, holds that stop them, and what of them counts in the day."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from dusangire.diets.rules import Answer, Gate, HoldFacts, OwnLimit, keys
from dusangire.diets.rules.budget import budget, unmet
from dusangire.diets.rules.facts import FeedFacts
from dusangire.diets.rules.feeds import (
    counted,
    cycle,
    do_agree,
    hourly,
    ordered_dishes,
    planned,
    slots,
    waits_for_resumption,
)
from dusangire.diets.rules.holds import fasts
from tests.diets.conftest import KIGALI, TODAY


def at(text, day=TODAY):
    return datetime.combine(day, time.fromisoformat(text), KIGALI)


def tube(**changes):
    facts = {
        "start": at("00:00"),
        "end": None,
        "confirmed_at": at("00:00") - timedelta(days=1),
        "is_tube": True,
        "unit_ml": Decimal(100),
        "unit_kcal": Decimal(100),
        "unit_protein_g": Decimal(4),
        "hours": 24,
        "total_ml": Decimal(1500),
        "rate_ml_h": Decimal(62),
    }
    return FeedFacts(**(facts | changes))


def bottle(**changes):
    facts = {
        "is_tube": False,
        "unit_ml": Decimal(200),
        "unit_kcal": Decimal(300),
        "unit_protein_g": Decimal(12),
        "hours": None,
        "total_ml": None,
        "rate_ml_h": None,
        "amount": Decimal(1),
        "times": (time(10), time(15)),
        "dish": "ONS-200",
    }
    return tube(**(facts | changes))


def held(start, end=None, now="00:00"):
    return fasts([HoldFacts(at(start), None if end is None else at(end))], at(now))[0]


@pytest.mark.req("A20")
def test_1500_ml_in_24_hours_at_62_sums_to_the_order_and_the_last_hour_takes_the_rest():
    hours = hourly(Decimal(1500), 24, Decimal(62))
    assert (len(hours), sum(hours), hours[0], hours[-1]) == (24, Decimal(1500), Decimal(62), Decimal(74))
    assert sum(slot.amount for slot in cycle(tube(), KIGALI)) == Decimal(1500)


@pytest.mark.req("A20")
@pytest.mark.parametrize("begins", ["00:00", "06:20", "14:00", "23:30"])
def test_every_whole_day_of_a_pump_that_began_at_any_hour_sums_to_the_order(begins):
    feed = tube(start=at(begins))
    found = [planned(feed, TODAY + timedelta(days=day), KIGALI, ()).ml for day in (1, 2, 9)]
    assert found == [Decimal(1500)] * 3
    first = slots(feed, TODAY, KIGALI, ())
    assert first[0].start == at(begins)


@pytest.mark.req("A20")
def test_a_volume_and_a_rate_that_do_not_agree_are_not_one_feed():
    assert do_agree(Decimal(1500), 24, Decimal(62))
    assert not do_agree(Decimal(1500), 24, Decimal(40))
    assert not do_agree(Decimal(1500), 24, Decimal(70))


@pytest.mark.req("A20")
def test_energy_and_protein_follow_the_volume_of_a_tube_and_the_bottles_of_a_mouth():
    fed = planned(tube(), TODAY, KIGALI, ())
    assert (fed.ml, fed.kcal, fed.protein_g) == (1500, 1500, 60)
    drunk = planned(bottle(), TODAY, KIGALI, ())
    assert (drunk.ml, drunk.kcal, drunk.protein_g) == (400, 600, 24)


@pytest.mark.req("A20")
def test_nothing_by_mouth_suspends_a_tube_feed_unless_the_doctor_lets_it_run():
    hold = held("08:00", "12:00")
    due = planned(tube(confirmed_at=at("09:00")), TODAY, KIGALI, hold)
    assert due.ml == 1500 - 4 * 62
    assert planned(tube(continues_in_npo=True), TODAY, KIGALI, hold).ml == 1500
    assert planned(bottle(continues_in_npo=True), TODAY, KIGALI, held("08:00", "12:00")).ml == 0


@pytest.mark.req("A20")
def test_after_a_hold_a_feed_waits_until_somebody_resumes_it():
    hold = held("08:00", "12:00", now="13:00")
    feed = tube()
    assert planned(feed, TODAY, KIGALI, hold).ml == 8 * 62
    assert waits_for_resumption(feed, at("13:00"), hold)
    resumed = tube(confirmed_at=at("12:30"))
    assert not waits_for_resumption(resumed, at("13:00"), hold)
    assert planned(resumed, TODAY, KIGALI, hold).ml == 1500 - 4 * 62


@pytest.mark.req("A20")
def test_a_bolus_at_the_minute_a_hold_begins_is_suspended_and_at_its_end_is_not():
    feed = bottle(times=(time(8), time(12)), confirmed_at=at("08:30"))
    assert [slot.is_suspended for slot in slots(feed, TODAY, KIGALI, held("08:00", "12:00"))] == [True, False]


def test_a_stopped_feed_and_one_that_has_not_begun_give_nothing():
    assert slots(tube(end=at("03:00")), TODAY, KIGALI, ())[-1].start == at("02:00")
    assert not slots(tube(start=at("00:00", TODAY + timedelta(days=1))), TODAY, KIGALI, ())


def test_what_was_given_counts_where_it_is_more_than_what_was_due():
    more = tube(given={TODAY: Decimal(1700)})
    less = tube(given={TODAY: Decimal(100)})
    assert counted([more], TODAY, KIGALI, ()).ml == 1700
    assert counted([less], TODAY, KIGALI, ()).ml == 1500


def judged(ward, *lines, feeds=(), limits=None, diet="REG"):
    own = {name: OwnLimit(most=Decimal(most), by_doctor=True) for name, most in (limits or {}).items()}
    patient = ward.patient(diet, feeds=tuple(feeds), own_limits=own)
    return ward.prepared(patient).judge(ward.tray(*lines), Gate.CHECKOUT)


@pytest.mark.req("A20")
def test_a_tube_feed_counts_towards_the_fluid_of_the_day(ward):
    limit = {"REG.fluid_ml.day": "1600"}
    drink = ("TEA-BLK", "1")
    assert judged(ward, ("RICE", "1"), drink, limits=limit).answer is Answer.ALLOW
    found = judged(ward, ("RICE", "1"), drink, limits=limit, feeds=[tube()])
    assert found.answer is Answer.BLOCK
    assert ["REG", "limit", "fluid_ml", "day"] in keys(found.reasons)


@pytest.mark.req("A20")
def test_protein_of_a_feed_is_counted_and_stops_nothing_even_beyond_a_hard_limit(ward):
    found = judged(ward, ("RICE", "1"), feeds=[tube()], diet="RENAL-ND")
    assert not [reason for reason in found.reasons if reason.subject == "protein_g_per_kg"]
    assert ["RENAL-ND", "feeds", "protein_g_per_kg", "day"] in keys(found.advice)
    assert not [key for key in keys(judged(ward, ("RICE", "1"), diet="RENAL-ND").advice) if key[1] == "feeds"]


@pytest.mark.req("A20")
def test_the_meter_of_the_day_shows_what_is_fed(ward):
    prepared = ward.prepared(ward.patient("REG", feeds=(tube(),)))
    meter = next(meter for meter in budget(prepared, ()) if (meter.nutrient, meter.scope) == ("kcal", "day"))
    assert meter.chosen == 1500


@pytest.mark.req("A20")
def test_protein_of_a_feed_counts_towards_what_the_day_needs(ward):
    def missing(*feeds):
        return {reason.subject for reason in unmet(ward.prepared(ward.patient("RENAL-HD", feeds=feeds)))}

    assert "protein_g_per_kg" in missing()
    assert "protein_g_per_kg" not in missing(tube())


@pytest.mark.req("A20")
def test_a_supplement_on_prescription_is_stopped_until_an_order_names_it(ward):
    assert ["DISH", "prescription", "RUTF", "item"] in keys(judged(ward, ("RUTF", "1")).reasons)
    sachet = bottle(dish="RUTF", unit_ml=Decimal(0))
    assert ["DISH", "prescription", "RUTF", "item"] not in keys(judged(ward, ("RUTF", "1"), feeds=[sachet]).reasons)
    another = bottle(dish="F75")
    assert ["DISH", "prescription", "RUTF", "item"] in keys(judged(ward, ("RUTF", "1"), feeds=[another]).reasons)
    over = bottle(dish="RUTF", end=at("06:00"))
    assert ["DISH", "prescription", "RUTF", "item"] in keys(judged(ward, ("RUTF", "1"), feeds=[over]).reasons)
    by_tube = tube(dish="RUTF")
    assert ["DISH", "prescription", "RUTF", "item"] in keys(judged(ward, ("RUTF", "1"), feeds=[by_tube]).reasons)


@pytest.mark.req("A20")
def test_an_allergy_suspends_from_its_hour_on_and_a_feed_through_holds_too():
    feed = tube(continues_in_npo=True, suspended_at=at("10:30"))
    due = slots(feed, TODAY, KIGALI, ())
    assert [slot.start.hour for slot in due if not slot.is_suspended] == list(range(10))
    assert waits_for_resumption(feed, at("11:00"), ())
    assert planned(feed, TODAY, KIGALI, ()).ml == 620


@pytest.mark.req("A20")
def test_resumed_after_an_allergy_only_the_hours_between_are_lost():
    feed = tube(confirmed_at=at("13:00"), suspended_at=at("10:30"))
    due = slots(feed, TODAY, KIGALI, ())
    assert [slot.start.hour for slot in due if slot.is_suspended] == [10, 11, 12]
    assert not waits_for_resumption(feed, at("14:00"), ())


@pytest.mark.req("A20")
def test_a_bottle_that_an_allergy_suspended_is_no_longer_served_by_name():
    before = bottle()
    assert ordered_dishes([before], at("11:00")) == {"ONS-200"}
    assert ordered_dishes([bottle(suspended_at=at("10:30"))], at("11:00")) == frozenset()
    assert [slot.is_suspended for slot in slots(bottle(suspended_at=at("10:30")), TODAY, KIGALI, ())] == [False, True]
