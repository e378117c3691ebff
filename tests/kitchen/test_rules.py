"""The pace of a ticket, what is still to make, and the layout of the tray ticket."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from dusangire.diets.rules import Allergy
from dusangire.kitchen import rules
from dusangire.kitchen.rules import Action, Card, Item, Label, Pace, Step, step_of
from dusangire.orders.rules import Status, Verb

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def card(status: Status = Status.CONFIRMED, *items: Item, due: datetime = NOW + timedelta(hours=1)) -> Card:
    return Card(
        id=uuid4(), key=1, code="L-2222", bed="A-001", who="Aline U.", status=status, action=rules.action_of(status),
        due_at=due, timer=rules.timer(NOW, due), allergies=(Allergy("peanuts", "severe"),), food_level=None,
        drink_level=None, diets=("REG",), items=items,
    )  # fmt: skip


@pytest.mark.req("E1")
@pytest.mark.parametrize(
    ("minutes", "pace", "said"),
    [
        (60, Pace.EARLY, 60),
        (16, Pace.EARLY, 16),
        (15, Pace.SOON, 15),
        (0, Pace.SOON, 0),
        (-1, Pace.LATE, 1),
        (-23, Pace.LATE, 23),
    ],
)
def test_a_ticket_says_how_it_stands_against_the_clock(minutes: int, pace: Pace, said: int) -> None:
    timer = rules.timer(NOW, NOW + timedelta(minutes=minutes))
    assert (timer.pace, timer.minutes) == (pace, said)


def test_a_tray_is_due_at_the_pass_in_time_to_be_carried_and_never_before_serving_begins() -> None:
    assert rules.due_at(NOW, NOW + timedelta(minutes=30)) == NOW + timedelta(minutes=10)
    assert rules.due_at(NOW, NOW + timedelta(minutes=10)) == NOW


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        (Status.CONFIRMED, Action.START, "new"),
        (Status.PREPARING, Action.READY, ""),
        (Status.PROBLEM, Action.REMAKE, ""),
        (Status.HELD, Action.SEEN, "off"),
        (Status.CANCELLED, Action.SEEN, "off"),
    ],
)
def test_each_ticket_has_one_action_and_one_look(status: Status, action: Action, kind: str) -> None:
    assert (card(status).action, card(status).kind) == (action, kind)


@pytest.mark.req("E1")
def test_what_is_still_to_make_counts_no_stopped_tray() -> None:
    stew, rice = Item(1, "Chicken stew"), Item(2, "Rice")
    counts = rules.still_to_make(
        [card(Status.CONFIRMED, stew, rice), card(Status.PREPARING, stew), card(Status.HELD, rice)]
    )
    assert [(count.dish, count.quantity) for count in counts] == [("Chicken stew", 2), ("Rice", 2)]


@pytest.mark.parametrize(("size", "said"), [("0.5", "½"), ("1", ""), ("1.5", "1½"), ("1.0", "")])
def test_a_portion_is_written_as_cooks_write_it(size: str, said: str) -> None:
    assert rules.portion(Decimal(size)) == said


def test_a_second_tap_is_known_for_what_it_is() -> None:
    assert rules.is_reached(Status.PREPARING, Verb.START)
    assert not rules.is_reached(Status.READY, Verb.START)
    assert rules.is_reached(Status.ARRIVED, Verb.COLLECT)


@pytest.mark.req("E16")
@pytest.mark.parametrize(
    ("status", "cooks", "carries", "step"),
    [
        (Status.READY, True, False, Step.LEFT),
        (Status.READY, False, True, Step.COLLECT),
        (Status.OUT_FOR_DELIVERY, False, True, Step.HAND_OVER),
        (Status.OUT_FOR_DELIVERY, True, False, Step.LOOK),
        (Status.READY, False, False, Step.READ),
    ],
)
def test_a_scanned_tray_leads_each_person_to_their_own_work(
    status: Status, cooks: bool, carries: bool, step: Step
) -> None:
    assert step_of(status, cooks=cooks, carries=carries) is step


def label(*, stops: int = 1, items: int = 3) -> Label:
    return Label(
        code="L-2222", who="Aline Uwase", born="1988", number="20418", bed="A-012", ward="Ward A",
        stops=tuple(f"NO THING {number} · SEVERE" for number in range(stops)), diet=("Lunch · Regular diet",),
        items=tuple(f"1  Dish number {number}" for number in range(items)), notes=("Wish: without onion",),
        foot="L-2222", checked="rev 1", address="http://localhost:8000/tray/abc",
    )  # fmt: skip


@pytest.mark.req("E5")
def test_an_ordinary_tray_needs_one_ticket() -> None:
    (page,) = rules.pages(label())
    assert (page.page, page.pages) == (1, 1)
    assert page.stops == ("NO THING 0 · SEVERE",)


@pytest.mark.req("E5")
@pytest.mark.parametrize(("stops", "items"), [(0, 0), (1, 12), (2, 3), (5, 1), (14, 20)])
def test_nothing_is_cut_off_however_much_stands_on_a_tray(stops: int, items: int) -> None:
    wanted = label(stops=stops, items=items)
    pages = rules.pages(wanted)
    shown = [line.text for page in pages for line in page.body]
    assert [line for line in shown if line.startswith("1  ")] == list(wanted.items)
    assert {stop for page in pages for stop in page.stops} == set(wanted.stops)
    assert "Wish: without onion" in shown
    assert all(page.stops for page in pages) or not stops
    assert [(page.page, page.pages) for page in pages] == [(n, len(pages)) for n in range(1, len(pages) + 1)]
