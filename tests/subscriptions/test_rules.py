"""Money and days of plans, by hand: what a calendar and a sheet of paper say, franc by franc."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from dusangire.kernel.access import system
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named
from dusangire.payments.rules import Method
from dusangire.subscriptions.rules import (
    SUBSCRIPTION,
    TERM,
    ForRole,
    Lot,
    LoyaltyRule,
    No,
    Running,
    Span,
    SubState,
    SubVerb,
    Terms,
    TermState,
    buttons,
    choose,
    days,
    loyalty,
    plans,
    priority,
    worth,
)
from dusangire.subscriptions.service.plans import starter

KIGALI = "Africa/Kigali"


@pytest.mark.req("K5")
@pytest.mark.parametrize(
    ("regular", "percent", "price"),
    [
        (30_000, 5, 28_500),
        (120_000, 10, 108_000),
        (150_000, 10, 135_000),
        (360_000, 15, 306_000),
        (34_091, 12, 30_000),
        (450_000, 20, 360_000),
        (38_889, 10, 35_000),
        (10, 5, 10),
        (11, 5, 10),
        (30_000, 0, 30_000),
    ],
)
def test_a_discount_is_taken_off_in_whole_francs(regular, percent, price):
    assert worth.discounted(Money(regular), percent) == Money(price)


@pytest.mark.req("K5")
def test_the_seeded_prices_are_the_discounted_ones_and_their_savings_are_known():
    sold = {edit.code: (edit.terms.price.minor, edit.terms.regular_minor) for edit in starter()}
    assert sold == {
        "PAT-DAY-L": (135_000, 150_000),
        "PAT-DAY-3": (306_000, 360_000),
        "PAT-WEEK-7": (30_000, 34_091),
        "PAT-MONTH-U": (360_000, 450_000),
        "PAT-DIAB-W": (35_000, 38_889),
        "STAFF-WEEK-10": (28_500, 30_000),
        "STAFF-MONTH-U": (108_000, 120_000),
    }
    assert all(plans.problem(edit.terms) is None for edit in starter())


@pytest.mark.req("K5")
@pytest.mark.parametrize(
    ("price", "meals"), [(28_500, 10), (30_000, 7), (35_000, 7), (135_000, 30), (306_000, 90), (1, 3)]
)
def test_the_meals_of_a_plan_are_worth_its_price_to_the_franc(price, meals):
    given = []
    for nth in range(1, meals + 1):
        given.append(worth.meal_worth(price, meals, nth, sum(given)))
    assert sum(given) == price
    assert set(given[:-1]) == {price // meals}
    assert given[-1] - price // meals in range(meals)


@pytest.mark.req("K5")
def test_the_last_of_seven_meals_carries_the_remainder():
    assert [worth.meal_worth(30_000, 7, nth, 4285 * (nth - 1)) for nth in (1, 6, 7)] == [4285, 4285, 4290]


@pytest.mark.req("K5")
@pytest.mark.parametrize(
    ("price", "length", "elapsed", "earned"),
    [
        (108_000, 30, 0, 0),
        (108_000, 30, 1, 3_600),
        (108_000, 30, 29, 104_400),
        (108_000, 30, 30, 108_000),
        (108_000, 30, 31, 108_000),
        (100, 30, 1, 3),
        (100, 30, 10, 33),
        (100, 30, 30, 100),
        (100, 30, -1, 0),
    ],
)
def test_the_days_of_an_unlimited_plan_earn_its_price_to_the_franc(price, length, elapsed, earned):
    assert worth.worth_by_day(price, length, elapsed) == earned


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    ("why", "facts", "back"),
    [
        ("nothing had on the first day", (30_000, 7, 7, 7, 0, 0), 30_000),
        ("one meal of seven, six days", (30_000, 7, 6, 7, 1, 4_285), 25_714),
        ("few days left though no meal was had", (30_000, 7, 3, 7, 0, 0), 12_858),
        ("all meals had, days left", (30_000, 7, 4, 7, 7, 30_000), 0),
        ("six meals had on the second day", (30_000, 7, 5, 7, 6, 25_710), 4_285),
        ("the last day is had", (30_000, 7, 0, 7, 2, 8_570), 0),
        ("staff week, four of ten on the third day", (28_500, 7, 4, 10, 4, 11_400), 16_286),
        ("staff month, half of it", (108_000, 30, 15, None, 12, 54_000), 54_000),
        ("unlimited month, one day had", (360_000, 30, 29, None, 4, 12_000), 348_000),
        ("a month that does not divide", (100, 30, 20, None, 1, 33), 67),
        ("never more than is not earned", (100, 30, 29, None, 1, 50), 50),
        ("a pause that moved the end leaves no more than all days", (30_000, 7, 9, 7, 0, 0), 30_000),
    ],
)
def test_a_plan_that_stops_gives_back_the_days_and_the_meals_not_had(why, facts, back):
    price, length, days_left, meals, used, earned = facts
    days_left = min(days_left, length)
    given = worth.left(price=price, days=length, days_left=days_left, meals=meals, used=used, recognised=earned)
    assert given == back, why


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    ("captured", "amount", "parts"),
    [
        ([(28_500, 0)], 10_000, [10_000]),
        ([(80_000, 0), (28_500, 0)], 100_000, [80_000, 20_000]),
        ([(80_000, 75_000), (28_500, 0)], 10_000, [5_000, 5_000]),
        ([(80_000, 80_000), (28_500, 0)], 28_500, [0, 28_500]),
        ([], 0, []),
    ],
)
def test_a_refund_goes_back_to_the_latest_payment_first(captured, amount, parts):
    assert worth.refund_from(captured, amount) == parts


@pytest.mark.req("K3")
def test_a_refund_never_exceeds_what_was_paid():
    with pytest.raises(ValueError, match="1 francs more"):
        worth.refund_from([(28_500, 0)], 28_501)


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    ("starts", "length", "ends"),
    [
        ("2026-11-21", 7, "2026-11-28"),
        ("2026-11-28", 7, "2026-12-05"),
        ("2026-12-28", 7, "2027-01-04"),
        ("2027-01-31", 30, "2027-03-02"),
        ("2028-01-31", 30, "2028-03-01"),
        ("2028-02-29", 30, "2028-03-30"),
        ("2027-02-01", 30, "2027-03-03"),
        ("2026-12-31", 30, "2027-01-30"),
    ],
)
def test_a_period_ends_after_its_days_whatever_the_month(starts, length, ends):
    assert days.ends_on(date.fromisoformat(starts), length) == date.fromisoformat(ends)


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    ("paused", "resumed", "eaten", "by"),
    [
        ("2026-11-21", "2026-11-21", None, 0),
        ("2026-11-21", "2026-11-24", None, 3),
        ("2026-11-21", "2026-11-24", "2026-11-20", 3),
        ("2026-11-21", "2026-11-24", "2026-11-21", 2),
        ("2026-11-21", "2026-11-22", "2026-11-21", 0),
        ("2026-11-21", "2026-11-24", "2026-11-23", 0),
        ("2026-11-21", "2026-11-24", "2026-11-30", 0),
        ("2028-02-28", "2028-03-01", None, 2),
        ("2027-02-28", "2027-03-01", None, 1),
        ("2026-12-30", "2027-01-02", None, 3),
    ],
)
def test_a_pause_moves_the_renewal_by_the_days_it_took_out(paused, resumed, eaten, by):
    last = date.fromisoformat(eaten) if eaten else None
    assert days.days_paused(date.fromisoformat(paused), date.fromisoformat(resumed), last) == by


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    ("ends", "first", "left"),
    [
        ("2026-11-28", "2026-11-21", 7),
        ("2026-11-28", "2026-11-27", 1),
        ("2026-11-28", "2026-11-28", 0),
        ("2026-11-28", "2026-12-02", 0),
        ("2026-12-05", "2026-11-21", 7),
        ("2028-03-01", "2028-02-28", 2),
        ("2027-03-01", "2027-02-28", 1),
    ],
)
def test_the_days_left_count_to_the_renewal(ends, first, left):
    assert days.days_left(date.fromisoformat(ends), 7, date.fromisoformat(first)) == left


@pytest.mark.req("K2")
@pytest.mark.parametrize(
    ("method", "hour", "asked"), [(Method.MTN, 0, False), (Method.MTN, 7, True), (Method.HOSPITAL_ACCOUNT, 0, True)]
)
def test_nobody_is_asked_on_the_telephone_in_the_night(method, hour, asked):
    at_kigali = datetime(2026, 11, 21, hour, 5, tzinfo=UTC) - timedelta(hours=2)
    assert days.may_ask(method, at_kigali, KIGALI) is asked


@pytest.mark.req("K2")
@pytest.mark.parametrize(
    ("method", "after", "lapsed"),
    [(Method.MTN, 2, False), (Method.MTN, 3, True), (Method.BANK, 13, False), (Method.BANK, 14, True)],
)
def test_an_unpaid_renewal_lapses_after_some_days(method, after, lapsed):
    due = date(2027, 2, 27)
    assert days.has_lapsed(method, due, due + timedelta(days=after)) is lapsed


@pytest.mark.req("K7")
@pytest.mark.parametrize(
    ("earned", "months", "gone"),
    [
        ("2026-11-21", 12, "2027-11-21"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2027-02-28", 12, "2028-02-28"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-12-31", 1, "2027-01-31"),
    ],
)
def test_points_are_gone_after_the_months_of_the_rule(earned, months, gone):
    assert loyalty.expires_on(date.fromisoformat(earned), months) == date.fromisoformat(gone)


@pytest.mark.req("K7")
@pytest.mark.parametrize(("paid", "points"), [(0, 0), (99, 0), (100, 1), (2_850, 28), (-5, 0)])
def test_a_point_is_given_for_each_hundred_francs(paid, points):
    assert loyalty.points_for(LoyaltyRule(), paid) == points
    assert loyalty.points_for(LoyaltyRule(is_on=False), paid) == 0


@pytest.mark.req("K7")
def test_points_that_expire_first_are_spent_first():
    first, second = Lot(uuid7(), 300, 10, date(2027, 1, 1)), Lot(uuid7(), 400, 12, date(2027, 2, 1))
    taken = loyalty.take([second, first], 500)
    assert [(one.lot, one.points, one.minor) for one in taken] == [(first.id, 300, 3000), (second.id, 200, 2400)]
    with pytest.raises(ValueError, match="1 points too few"):
        loyalty.take([first, second], 701)


@pytest.mark.req("K7")
def test_a_rule_whose_points_are_not_worth_whole_francs_is_refused():
    assert loyalty.problem(LoyaltyRule(bonus_points=300, bonus_minor=5000)) == ("bonus_minor", "plans.loyalty.uneven")
    assert loyalty.problem(LoyaltyRule()) is None


def _plan(**changes) -> Running:
    facts = {
        "term": UUID(int=1), "subscription": UUID(int=2), "code": "X", "name": Named("X", "X", "X"), "letters": ("L", "D"),
        "starts_on": date(2026, 11, 21), "ends_on": date(2026, 11, 28), "price_minor": 28_500, "meals": 10, "used": 0,
        "recognised_minor": 0, "each_meal": 5, "used_kind": 0, "daily_cap": 2, "used_day": 0, "needs_diet": (),
    }  # fmt: skip
    return Running(**(facts | changes))


@pytest.mark.req("K1", "K5")
@pytest.mark.parametrize(
    ("changes", "period", "day", "why"),
    [
        ({}, "lunch", 21, None),
        ({}, "breakfast", 21, "plans.why.meal"),
        ({}, "evening_snack", 21, "plans.why.meal"),
        ({}, "elevenses", 21, "plans.why.meal"),
        ({}, "lunch", 20, "plans.why.day"),
        ({}, "lunch", 27, None),
        ({}, "lunch", 28, "plans.why.day"),
        ({"used": 10}, "lunch", 21, "plans.why.used_up"),
        ({"used": 9}, "lunch", 21, None),
        ({"used_kind": 5}, "lunch", 21, "plans.why.used_kind"),
        ({"used_kind": 4}, "lunch", 21, None),
        ({"used_day": 2}, "lunch", 21, "plans.why.cap"),
        ({"meals": None, "each_meal": None, "used": 400, "used_day": 1}, "dinner", 21, None),
        ({"meals": None, "each_meal": None, "used_day": 2}, "dinner", 21, "plans.why.cap"),
        ({"needs_diet": ("CCHO45", "GDM")}, "lunch", 21, "plans.why.diet"),
    ],
)
def test_a_plan_says_in_one_word_why_it_does_not_pay(changes, period, day, why):
    found = choose([_plan(**changes)], period, date(2026, 11, day), frozenset({"NA2G"}))
    assert (found.key if isinstance(found, No) else None) == why


@pytest.mark.req("K1")
def test_a_plan_for_a_diet_pays_for_who_is_on_it():
    assert isinstance(choose([_plan(needs_diet=("GDM",))], "lunch", date(2026, 11, 21), frozenset({"GDM"})), Running)


@pytest.mark.req("K3")
def test_of_several_plans_the_one_pays_that_ends_first():
    early, late = _plan(term=UUID(int=9)), _plan(ends_on=date(2026, 12, 21))
    used_up = _plan(term=UUID(int=8), ends_on=date(2026, 11, 25), used=10)
    found = choose([late, early, used_up], "lunch", date(2026, 11, 22), frozenset())
    assert found == early
    assert choose([], "lunch", date(2026, 11, 22), frozenset()) == No("plans.why.none")


def test_every_state_is_reached_and_no_subscription_is_stuck():
    assert SUBSCRIPTION.reachable() == frozenset(SubState)
    assert SUBSCRIPTION.ends() == frozenset()
    assert TERM.reachable() == frozenset(TermState)
    assert TERM.ends() == {TermState.OVER, TermState.DROPPED}


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (SubState.AWAITING, (SubVerb.CANCEL_NOW,)),
        (SubState.RUNNING, (SubVerb.PAUSE, SubVerb.CHANGE, SubVerb.CANCEL, SubVerb.CANCEL_NOW)),
        (SubState.PAUSED, (SubVerb.RESUME, SubVerb.CANCEL_NOW)),
        (SubState.CHANGING, (SubVerb.KEEP,)),
        (SubState.ENDING, (SubVerb.KEEP, SubVerb.CANCEL_NOW)),
        (SubState.OVERDUE, (SubVerb.CANCEL_NOW,)),
        (SubState.LAPSED, (SubVerb.REACTIVATE,)),
        (SubState.ENDED, (SubVerb.REACTIVATE,)),
    ],
)
def test_an_owner_is_offered_what_the_machine_allows_by_hand(state, offered):
    assert buttons(state) == offered


NOON = datetime(2026, 11, 21, 10, 10, tzinfo=UTC)


@pytest.mark.req("K4")
def test_a_staff_tray_never_comes_before_an_allergy_or_insulin_tray():
    for minutes in range(-180, 181, 5):
        for staff_minutes in range(-180, 181, 5):
            now = NOON + timedelta(minutes=minutes)
            staff = priority.sort_key(
                is_staff=True, is_critical=False, due_at=NOON + timedelta(minutes=staff_minutes), now=now
            )
            patient = priority.sort_key(is_staff=False, is_critical=True, due_at=NOON, now=now)
            assert patient < staff


@pytest.mark.req("K4")
def test_a_staff_tray_is_never_critical_itself():
    staff = priority.sort_key(is_staff=True, is_critical=True, due_at=NOON, now=NOON)
    assert staff > priority.sort_key(is_staff=False, is_critical=True, due_at=NOON + timedelta(days=1), now=NOON)


@pytest.mark.req("K4")
@pytest.mark.parametrize(("minutes_before", "goes_first"), [(31, False), (30, True), (0, True), (-20, True)])
def test_a_staff_tray_has_a_head_start_on_ordinary_trays_only_near_its_break(minutes_before, goes_first):
    now = NOON - timedelta(minutes=minutes_before)
    staff = priority.sort_key(is_staff=True, is_critical=False, due_at=NOON, now=now)
    patient = priority.sort_key(is_staff=False, is_critical=False, due_at=NOON - timedelta(minutes=5), now=now)
    earlier = priority.sort_key(is_staff=False, is_critical=False, due_at=NOON - timedelta(minutes=15), now=now)
    assert (staff < patient) is goes_first
    assert earlier < staff


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"letters": ()}, "letters"),
        ({"letters": ("X",)}, "letters"),
        ({"meals": 15}, "meals"),
        ({"meals": None}, "each_meal"),
        ({"each_meal": 4}, "each_meal"),
        ({"regular_minor": 1, "discount_percent": 90}, "discount_percent"),
    ],
)
def test_terms_that_make_no_sense_are_refused(changes, field):
    facts = {
        "for_role": ForRole.STAFF, "span": Span.WEEK, "meals": 10, "letters": ("L", "D"), "each_meal": 5, "daily_cap": 2,
        "regular_minor": 30_000, "discount_percent": 5,
    }  # fmt: skip
    assert plans.problem(Terms(**facts)) is None
    assert plans.problem(Terms(**(facts | changes)))[0] == field


@pytest.mark.req("K5")
def test_who_works_here_is_sold_staff_plans_and_nobody_elses():
    assert plans.role_of(system(1)) is ForRole.STAFF
    assert Method.HOSPITAL_ACCOUNT not in plans.methods(ForRole.STAFF)
