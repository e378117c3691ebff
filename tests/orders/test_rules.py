"""What the rules of ordering decide, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from dusangire.diets.rules import Allergy, Gate, Kind, Meter, Reason, TrayLine
from dusangire.kernel.access import ROLES, Actor, Role
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named, Phrase
from dusangire.kernel.text import LANGUAGES, catalogue, say
from dusangire.orders.rules import (
    Cancelling,
    Status,
    bar,
    cancelling,
    note_phrase,
    pace,
    steps,
    stored,
    why,
    window,
)
from dusangire.payments.queries import StayAccount
from tests.diets.conftest import Ward

NOON = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DISH = Named("Grilled tilapia", "Tilapia grillé", "Tilapiya yokeje")


def actor(role: Role) -> Actor:
    return Actor(UUID(int=1), 1, role, ROLES[role], patient=UUID(int=2))


@pytest.fixture(scope="module")
def hall() -> Ward:
    return Ward()


@pytest.mark.req("A15", "P4", "P1")
def test_every_reason_the_verdict_can_give_has_words_in_three_languages(hall: Ward) -> None:
    found: set[Reason] = set()
    allergies = (Allergy("peanuts", "severe"), Allergy("milk", "intolerance"), Allergy("xyz", "severe"))
    for code in hall.manual.diets:
        for meal in ("breakfast", "lunch", "snack"):
            patient = hall.patient(code, allergies=allergies, iddsi_drink=2)
            prepared = hall.prepared(patient, meal)
            for dish in hall.dishes:
                for portion, number in ((Decimal("0.5"), 1), (Decimal("1.5"), 4)):
                    answer = prepared.judge((TrayLine(dish, portion, number),), Gate.CHECKOUT)
                    found |= {*answer.reasons, *answer.asks}
    found |= {
        *hall.prepared(hall.patient(weight_kg=None)).about_patient,
        *hall.prepared(hall.patient("REG", admission="none")).about_patient,
    }
    kinds = {
        (reason.source if reason.source in ("ALLERGY", "DISH", "IDDSI", "DIET", "PATIENT") else "diet", reason.rule)
        for reason in found
    }
    assert len(kinds) > 15
    for reason in found:
        told = why(reason, DISH if reason.dish else None)
        for language in LANGUAGES:
            for phrase in (told.what, told.why, told.then, told.whole):
                said = say(language, phrase.key, **phrase.facts)
                assert said
                assert "{" not in said
                assert "Phrase(" not in said


@pytest.mark.parametrize(
    "source", ["ALLERGY", "CONTRADICTION", "DIET", "DISH", "IDDSI", "NPO", "PATIENT", "HOUSE-DIET"]
)
def test_a_reason_of_a_kind_nobody_thought_of_still_has_words(source: str) -> None:
    for kind in (Kind.BLOCK, Kind.UNKNOWN):
        told = why(Reason(kind, source, "something_new", "a+b", "order"), DISH)
        assert say("rw", told.whole.key, **told.whole.facts)


def test_words_of_ordering_stand_in_three_languages_with_the_same_facts() -> None:
    from dusangire.kernel.text import placeholders

    for key, words in catalogue().items():
        if key.startswith(("order.", "payment.")):
            assert all(words[language] for language in LANGUAGES) or key == "unit.none", key
            assert {frozenset(placeholders(words[language])) for language in LANGUAGES} == {
                frozenset(placeholders(words["en"]))
            }, key


def test_a_stored_reason_is_told_in_each_readers_language() -> None:
    kept = stored(Phrase("verdict.allergen", {"dish": DISH, "allergen": Phrase("allergen.fish")}))
    phrase = note_phrase(kept)
    assert phrase is not None
    assert say("fr", phrase.key, **phrase.facts).startswith("Tilapia grillé")
    free = note_phrase("fell on the floor")
    assert free is not None
    assert say("en", free.key, **free.facts) == "fell on the floor"
    assert note_phrase("") is None


@pytest.mark.req("C10")
@pytest.mark.parametrize(("role", "status", "minutes", "expected"), [
    (Role.PATIENT, Status.CONFIRMED, -1, Cancelling.FREE),
    (Role.PATIENT, Status.CONFIRMED, 0, Cancelling.NO),
    (Role.PATIENT, Status.PREPARING, -1, Cancelling.NO),
    (Role.NURSE, Status.CONFIRMED, -1, Cancelling.FREE),
    (Role.NURSE, Status.READY, 5, Cancelling.WASTED),
    (Role.NURSE, Status.DELIVERED, 5, Cancelling.NO),
])  # fmt: skip
def test_who_may_call_an_order_off_and_when(role: Role, status: Status, minutes: int, expected: Cancelling) -> None:
    assert cancelling(actor(role), status, NOON, NOON + timedelta(minutes=minutes)) is expected


def test_the_account_takes_an_order_up_to_its_ceiling_and_no_franc_more() -> None:
    assert StayAccount(UUID(int=1), None, 57_000, 60_000).has_room(Money(3_000))
    assert not StayAccount(UUID(int=1), None, 57_001, 60_000).has_room(Money(3_000))


def test_a_late_tray_comes_from_now_on() -> None:
    assert window(NOON, NOON + timedelta(minutes=30), NOON - timedelta(hours=1)) == (NOON, NOON + timedelta(minutes=30))
    late = NOON + timedelta(minutes=20)
    assert window(NOON, NOON + timedelta(minutes=30), late) == (late, late + timedelta(minutes=45))


@pytest.mark.req("C18")
def test_the_five_steps_end_with_the_patient() -> None:
    assert [
        pace(status) for status in (Status.CONFIRMED, Status.PREPARING, Status.READY, Status.ARRIVED, Status.DELIVERED)
    ] == [1, 2, 3, 4, 5]
    assert pace(Status.CANCELLED) == 0
    there = steps(Status.DELIVERED, (NOON,) * 5)
    assert all(step.is_done for step in there)


@pytest.mark.req("A11")
@pytest.mark.parametrize(("chosen", "key"), [("20", "low"), ("50", "right"), ("65", "full"), ("70", "over")])
def test_the_meter_says_it_before_it_shows_it(chosen: str, key: str) -> None:
    most = Decimal(65)
    meter = Meter(
        "carb_g",
        "meal",
        "g",
        Decimal(chosen),
        Decimal(45),
        most,
        most,
        max(Decimal(0), most - Decimal(chosen)),
        False,
        ("CCHO60",),
    )
    drawn = bar(meter)
    assert drawn.state.key == f"order.meter.{key}"
    assert 0 <= int(drawn.fill) <= 320
    assert [say("en", tick.label.key, **tick.label.facts) for tick in drawn.ticks] == ["45 g least", "65 g most"]
