"""What the figures mean, as tables of cases."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.sheets import cell, sheet
from dusangire.orders.rules import GONE
from dusangire.reports import rules
from dusangire.reports.rules import Now, Paid, Share, TrayCount

NOON = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
QUIET = Now(
    in_bed=9,
    ordering=4,
    near_misses=0,
    held=0,
    problem=0,
    undelivered=0,
    tasks=0,
    oldest_task=None,
    lagging=0,
    oldest_news=None,
)


def count(period="lunch", status="delivered", trays=1, *, on_time=0, late=0, overdue=0, after_h=0):
    return TrayCount(period, NOON + timedelta(hours=after_h), status, trays, on_time, late, overdue)


@pytest.mark.parametrize(
    ("on_time", "due", "percent", "is_good"),
    [
        (0, 0, None, True),
        (1, 1, 100, True),
        (999, 1000, 99, True),
        (95, 100, 95, True),
        (94, 100, 94, False),
        (0, 3, 0, False),
    ],
)
def test_the_share_on_time_is_never_rounded_up(on_time, due, percent, is_good):
    share = Share(on_time, due)
    assert (share.percent, share.is_good) == (percent, is_good)


def test_a_tray_still_missing_after_its_time_counts_as_not_on_time():
    share = rules.share(
        [
            count(trays=3, on_time=2, late=1),
            count(status="ready", trays=1, overdue=1),
            count(status="confirmed", trays=5),
        ]
    )
    assert (share.on_time, share.due, share.late) == (2, 4, 2)


@pytest.mark.parametrize(
    ("trays", "key", "meal"),
    [
        ([], "reports.head.nothing", None),
        ([count("dinner", "confirmed", 4, after_h=6)], "reports.head.to_come", "dinner"),
        ([count("lunch", trays=20, on_time=20)], "reports.head.on_time", "lunch"),
        ([count("lunch", trays=20, on_time=10, late=10)], "reports.head.late", "lunch"),
        (
            [count("breakfast", trays=4, late=4, after_h=-4), count("lunch", trays=9, on_time=9)],
            "reports.head.on_time",
            "lunch",
        ),
        ([count("lunch", "cancelled", 4)], "reports.head.nothing", None),
    ],
)
def test_the_headline_speaks_of_the_meal_the_day_has_reached(trays, key, meal):
    assert rules.headline(trays, NOON + timedelta(minutes=5))[:2] == (key, meal)


def test_what_was_called_off_is_not_ordered():
    trays = [count(status=status, trays=2) for status in sorted(GONE)] + [count(trays=5)]
    assert (rules.ordered(trays), rules.called_off(trays)) == (5, 6)


def test_nothing_at_nought_needs_anybody_and_money_only_those_who_may_see_it():
    unpaid = [Paid("cash", "pending", 3, 900, 2)]
    assert rules.needs(QUIET, [], "2026-11-21", may_see_payments=True) == []
    assert [one.count for one in rules.needs(QUIET, unpaid, "2026-11-21", may_see_payments=True)] == [2]
    assert rules.needs(QUIET, unpaid, "2026-11-21", may_see_payments=False) == []


def test_cancelled_payments_are_nobodys_money():
    paid = [
        Paid("cash", "paid", 2, 500, 0),
        Paid("cash", "cancelled", 1, 9999, 0),
        Paid("hospital_account", "charged", 1, 700, 0),
        Paid("cash", "pending", 1, 40, 0),
    ]
    assert rules.money_by_method(paid) == {"hospital_account": Money(700), "cash": Money(540)}
    assert (rules.settled(paid), rules.still_pending(paid)) == (Money(1200), Money(40))


def test_bars_stack_to_the_ground_and_the_tallest_fills_the_height():
    tall, small, none = rules.bars([("12:00", 40, 10, 60), ("13:00", 1, 0, 0), ("14:00", 0, 0, 0)])
    assert sum(mark.height for mark in tall.marks) == pytest.approx(110, abs=2)
    assert [mark.tone for mark in tall.marks] == ["", " mark--look", " mark--none"]
    assert small.marks[0].height == 2
    assert none.marks == ()


def test_hours_are_those_of_the_hospital_clock():
    bars = rules.by_hour([count(trays=2, on_time=2), count(status="cancelled", trays=7)], "Africa/Kigali")
    assert [(bar.name, bar.whole) for bar in bars] == [("12:00", 2)]


@pytest.mark.req("M1", "N1")
@pytest.mark.parametrize(
    "evil", ["=1+1", "+250788", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0"]
)
def test_a_cell_is_never_a_formula(evil):
    assert str(cell(evil)).startswith("'")
    line = sheet(["a"], [[evil]]).removeprefix("\ufeff").splitlines()[1]
    assert line.lstrip('"').startswith("'")


def test_a_sheet_keeps_numbers_words_and_accents_and_starts_with_the_utf8_mark():
    text = sheet(["Nom", "n"], [["Théogène", -5], [None, "a,b"]])
    assert text.startswith("\ufeff")
    assert text.removeprefix("\ufeff").split("\r\n") == ["Nom,n", "Théogène,-5", ',"a,b"', ""]


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01", "9999-99-99", "0001-01-01", "' OR 1=1 --"])
def test_a_day_that_is_none_is_today(said):
    today = date(2026, 11, 21)
    assert rules.order_filter({"day": said}, today).day == today


def test_a_filter_ignores_what_it_does_not_know():
    asked = rules.order_filter(
        {"status": "eaten", "show": "all; DROP", "period": "lunch' --", "before": "7"}, date(2026, 11, 21)
    )
    assert (asked.status, asked.show, asked.period, asked.before) == ("", "", "", None)
    assert rules.audit_filter({"before": "-1", "kind": "x y"}, date(2026, 11, 21)).before is None
