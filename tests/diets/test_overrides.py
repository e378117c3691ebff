"""What an override may set aside and what it never may, as tables. Pure: no row, no clock."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from dusangire.diets.rules import Allergy, Answer, Bound, Kind, Reason, TrayLine
from dusangire.diets.rules import overrides as rules
from dusangire.diets.rules.facts import verdict_of
from dusangire.diets.rules.overrides import Override, State, expiry, refusal, relieved

NOW = datetime(2026, 11, 21, 11, 0, tzinfo=timezone(timedelta(hours=2)))
DAY = date(2026, 11, 21)
DIANE, CHANTAL = UUID(int=1), UUID(int=2)
FISH = Reason(Kind.BLOCK, "ALLERGY", "contains", "fish", "item", dish="TIL")
SODIUM = Reason(
    Kind.BLOCK, "NA2G", "limit", "sodium_mg", "meal", Decimal(700), Decimal(650), "mg", Bound.MAX
)  # fmt: skip
HALAL = Reason(Kind.BLOCK, "HALAL", "require", "halal", "item", dish="PRK")
TRAY = (TrayLine("TIL"), TrayLine("RIC"), TrayLine("PRK"))
BEARABLE = (Allergy("fish", "severe"),)


def override(of: Reason, **changes: Any) -> Override:
    facts: dict[str, Any] = {
        "id": uuid4(), "patient": uuid4(), "day": DAY, "period": "lunch", "dish": of.dish or "RIC",
        "dish_id": uuid4(), "name_en": "x", "name_fr": "x", "name_rw": "x", "source": of.source, "rule": of.rule,
        "subject": of.subject, "scope": of.scope, "bound": str(of.bound or ""), "value": of.value, "most": of.limit,
        "unit": of.unit, "reason": "the patient asked", "given_by": DIANE, "given_name": "Diane",
        "given_at": NOW, "seconded_by": CHANTAL if of.source == "ALLERGY" else None, "safety_rev": 7, "rev_now": 7,
        "expires_at": NOW + timedelta(hours=2),
    }  # fmt: skip
    return Override(**(facts | changes))


def judged(*found: Reason, given: tuple[Override, ...], tray=TRAY, allergies=BEARABLE, now=NOW):
    return relieved(verdict_of(found), given, tray, allergies, now)


def block(source: str, rule: str, subject: str = "", scope: str = "item", dish: str | None = "TIL") -> Reason:
    return Reason(Kind.BLOCK, source, rule, subject, scope, dish=dish)


# Each kind of reason × severity: may anybody override it at all?


@pytest.mark.req("A16")
@pytest.mark.parametrize("rule", ["contains", "may_contain", "cross_contact"])
@pytest.mark.parametrize(
    ("severity", "no"),
    [
        ("intolerance", None),
        ("moderate", None),
        ("severe", None),
        ("anaphylaxis", "override.no.anaphylaxis"),
        ("terrible", "override.no.anaphylaxis"),
        (None, "override.no.anaphylaxis"),
    ],
)
def test_an_allergy_may_be_overridden_only_below_anaphylaxis(rule, severity, no):
    recorded = (Allergy("milk", "intolerance"), *((Allergy("fish", severity),) if severity else ()))
    reason = block("ALLERGY", rule, "fish")
    assert refusal(reason, recorded) == no
    assert judged(reason, given=(override(reason),), allergies=recorded).is_allowed is (no is None)


@pytest.mark.req("A16")
def test_one_allergy_recorded_twice_is_held_as_its_worst():
    assert refusal(FISH, (Allergy("fish", "moderate"), Allergy("fish", "anaphylaxis"))) is not None


@pytest.mark.req("A16", "A4")
@pytest.mark.parametrize(
    ("reason", "no"),
    [
        (block("NPO", "hold", scope="order", dish=None), "override.no.npo"),
        (block("NPO", "none"), "override.no.npo"),
        (block("CLEAR", "none"), "override.no.npo"),
        (block("PATIENT", "anything"), "override.no.patient"),
        (block("DIET", "no_active_order"), "override.no.patient"),
        (block("SAM-F75", "ordered_by", "patient", "order", None), "override.no.patient"),
        (block("CONTRADICTION", "A+B", "sodium_mg"), "override.no.contradiction"),
        (block("DISH", "prescription", "F75"), "override.no.dish"),
        (HALAL, None),
        (SODIUM, None),
        (block("IDDSI", "iddsi", "4"), None),
        (block("GF", "noallergen", "gluten"), None),
    ],
)
def test_what_nobody_may_override(reason, no):
    assert refusal(reason, ()) == no
    assert judged(reason, given=(override(reason),), allergies=()).is_allowed is (no is None)


@pytest.mark.req("A16")
@pytest.mark.parametrize("source", ["ALLERGY", "DISH", "DIET", "PATIENT", "IDDSI", "NA2G", "CONTRADICTION"])
def test_what_is_not_known_is_never_relieved_and_an_override_beside_it_changes_nothing_of_it(source):
    unknown = Reason(Kind.UNKNOWN, source, "unknown", "x", "item", dish="TIL")
    given = (override(unknown), override(HALAL))
    assert refusal(unknown, BEARABLE) == "override.no.unknown"
    answer = judged(unknown, HALAL, given=given)
    assert answer.answer is Answer.UNKNOWN
    assert answer.reasons == (unknown,)


# What it relieves, exactly


@pytest.mark.req("A16")
def test_exactly_the_overridden_block_becomes_an_ask_that_names_its_override():
    given = override(HALAL)
    answer = judged(HALAL, given=(given,))
    assert answer.is_allowed
    assert [(one.kind, one.key(), one.override) for one in answer.asks] == [(Kind.ASK, HALAL.key(), given.id)]
    both = judged(HALAL, FISH, given=(given,))
    assert (both.answer, both.reasons) == (Answer.BLOCK, (FISH,))


@pytest.mark.req("A16")
@pytest.mark.parametrize(
    "changes",
    [{"source": "VEG"}, {"rule": "forbid"}, {"subject": "pork"}, {"scope": "meal"}, {"dish": "RIC"}, {"bound": "max"}],
)
def test_another_rule_dish_or_scope_is_not_relieved(changes):
    assert not judged(HALAL, given=(override(HALAL, **changes),)).is_allowed


@pytest.mark.req("A16", "A10")
def test_a_sums_override_counts_only_while_its_dish_is_on_the_tray():
    given = (override(SODIUM),)
    assert judged(SODIUM, given=given).is_allowed
    assert not judged(SODIUM, given=given, tray=(TrayLine("TIL"),)).is_allowed


@pytest.mark.req("A16", "A10")
@pytest.mark.parametrize(
    ("bound", "value", "passes"),
    [("max", "700", True), ("max", "699", True), ("max", "700.1", False), ("min", "700", True), ("min", "699", False)],
)
def test_a_limits_override_holds_up_to_what_its_giver_saw_and_for_that_end_of_it(bound, value, passes):
    seen = Reason(Kind.BLOCK, "NA2G", "limit", "sodium_mg", "meal", Decimal(700), Decimal(1), "mg", Bound(bound))
    now = Reason(Kind.BLOCK, "NA2G", "limit", "sodium_mg", "meal", Decimal(value), Decimal(1), "mg", Bound(bound))
    other = Reason(Kind.BLOCK, "NA2G", "limit", "sodium_mg", "meal", Decimal(700), Decimal(1), "mg", Bound("max"))
    assert judged(now, given=(override(seen),)).is_allowed is passes
    assert judged(other, given=(override(seen),)).is_allowed is (bound == "max")


# When it counts


@pytest.mark.req("A16")
@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.COUNTS),
        ({"rev_now": 8}, State.VOIDED),
        ({"rev_now": 6}, State.VOIDED),
        ({"withdrawn_at": NOW}, State.WITHDRAWN),
        ({"seconded_by": None}, State.WAITS),
        ({"seconded_by": DIANE}, State.WAITS),
        ({"expires_at": NOW}, State.EXPIRED),
        ({"expires_at": NOW + timedelta(seconds=1)}, State.COUNTS),
    ],
)
def test_an_override_counts_seconded_unchanged_unwithdrawn_and_in_time(changes, state):
    given = override(FISH, **changes)
    assert given.state(NOW) is state
    assert judged(FISH, given=(given,)).is_allowed is (state is State.COUNTS)


@pytest.mark.req("A16")
def test_the_second_person_test_fails_when_nobody_asks_for_one(monkeypatch):
    """The negative control: with the seconding check removed, one person alone lets an allergen through."""
    given = override(FISH, seconded_by=None)
    assert not judged(FISH, given=(given,)).is_allowed
    monkeypatch.setattr(rules.Override, "needs_second", property(lambda _self: False))
    assert judged(FISH, given=(given,)).is_allowed


@pytest.mark.req("A16")
def test_the_anaphylaxis_test_fails_when_every_severity_is_bearable(monkeypatch):
    """The negative control."""
    deadly = (Allergy("fish", "anaphylaxis"),)
    assert not judged(FISH, given=(override(FISH),), allergies=deadly).is_allowed
    monkeypatch.setattr(rules, "_BEARABLE", frozenset({"anaphylaxis"}))
    assert judged(FISH, given=(override(FISH),), allergies=deadly).is_allowed


@pytest.mark.req("A16")
@pytest.mark.parametrize(("serve_to_h", "hours"), [(5, 2), (2, 2), (1, 1)])
def test_it_ends_after_two_hours_or_with_the_meal(serve_to_h, hours):
    assert expiry(NOW, NOW + timedelta(hours=serve_to_h)) == NOW + timedelta(hours=hours)


def test_an_override_is_for_its_meal_alone():
    given = (override(HALAL), override(HALAL, period="dinner"), override(HALAL, day=DAY + timedelta(days=1)))
    assert rules.for_meal(given, DAY, "lunch") == given[:1]


def test_it_says_again_which_rule_it_sets_aside():
    assert override(FISH).broken() == FISH
    assert override(SODIUM).broken().key() == SODIUM.key()
    assert override(SODIUM).broken().dish is None
