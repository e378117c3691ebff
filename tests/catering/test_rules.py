from datetime import UTC, date, datetime, timedelta

import pytest

from dusangire.catering.rules import (
    EVENT,
    FARTHEST,
    MOST_DISHES,
    NOTICE,
    STAFF_TRAY,
    EventStatus,
    EventVerb,
    Offer,
    TrayStatus,
    TrayVerb,
    clashes,
    is_valid,
    refuse_ask,
    refuse_choice,
    total_of,
)
from dusangire.kernel.machine import NotAllowed
from dusangire.kernel.money import Money

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.req("K8")
def test_every_state_of_an_event_is_reached_and_only_the_meant_ones_are_ends() -> None:
    assert EVENT.reachable() == frozenset(EventStatus)
    assert EVENT.ends() == {EventStatus.SETTLED, EventStatus.DECLINED, EventStatus.CANCELLED}


@pytest.mark.req("K4")
def test_every_state_of_a_staff_tray_is_reached_and_only_the_meant_ones_are_ends() -> None:
    assert STAFF_TRAY.reachable() == frozenset(TrayStatus)
    assert STAFF_TRAY.ends() == {TrayStatus.DELIVERED, TrayStatus.CANCELLED}


@pytest.mark.parametrize("status", list(EventStatus))
def test_what_is_cooked_is_neither_called_off_nor_quoted_anew(status: EventStatus) -> None:
    if status in (EventStatus.PREPARING, EventStatus.DELIVERED, EventStatus.SETTLED):
        for verb in (EventVerb.CANCEL, EventVerb.QUOTE, EventVerb.DECLINE):
            with pytest.raises(NotAllowed):
                EVENT.after(status, verb)


def test_a_staff_tray_under_way_is_not_called_off() -> None:
    for status in (TrayStatus.PREPARING, TrayStatus.READY, TrayStatus.DELIVERED):
        with pytest.raises(NotAllowed):
            STAFF_TRAY.after(status, TrayVerb.CANCEL)


# dishes × price + service, added up by hand
GOLDEN = [
    ([(30, 1500), (30, 500)], 10_000, 70_000),
    ([(1, 0)], 0, 0),
    ([(120, 2450), (120, 300), (12, 1200)], 25_000, 369_400),
]


@pytest.mark.req("K8")
@pytest.mark.parametrize(("offers", "service", "total"), GOLDEN)
def test_a_quote_is_its_dishes_and_its_service(offers: list[tuple[int, int]], service: int, total: int) -> None:
    made = [Offer(f"D{n}", quantity, Money(price)) for n, (quantity, price) in enumerate(offers)]
    assert total_of(made, Money(service)) == Money(total)


def test_a_quote_stands_to_the_end_of_its_last_day() -> None:
    assert is_valid(None, date(2030, 1, 1))
    assert is_valid(date(2026, 11, 21), date(2026, 11, 21))
    assert not is_valid(date(2026, 11, 21), date(2026, 11, 22))


def test_an_event_is_asked_for_a_day_before_and_within_a_year() -> None:
    assert refuse_ask(NOW + NOTICE, NOW) is None
    assert refuse_ask(NOW + NOTICE - timedelta(seconds=1), NOW) == "catering.too_soon"
    assert refuse_ask(NOW + FARTHEST, NOW) is None
    assert refuse_ask(NOW + FARTHEST + timedelta(seconds=1), NOW) == "catering.too_far"


def test_what_may_be_in_a_dish_counts_as_in_it() -> None:
    assert clashes({"milk", "fish"}, {"eggs"}, {"milk"}) == {"milk"}
    assert clashes({"fish"}, {"eggs"}, {"milk"}) == frozenset()
    assert clashes((), {"eggs"}, {"milk"}) == frozenset()


def test_between_one_dish_and_five_are_chosen() -> None:
    assert refuse_choice(0) == "catering.choose_dish"
    assert refuse_choice(1) is None
    assert refuse_choice(MOST_DISHES) is None
    assert refuse_choice(MOST_DISHES + 1) == "catering.too_many_dishes"
