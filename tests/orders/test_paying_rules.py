"""What a tray costs, until when it waits to be paid, and how its payment stands: decided without a database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.orders.rules import Place
from dusangire.orders.rules.paying import (
    CHOSEN,
    Bill,
    Standing,
    charge,
    covers,
    latest,
    missing,
    offered,
    standing,
    vat_of,
    waits_until,
    warns_at,
)
from dusangire.payments.rules import CAPTURED, DEAD, Method, State
from dusangire.payments.rules.fiscal import TaxClass

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Tried(Struct, frozen=True):
    method: Method
    state: State
    share: int = 1
    minute: int = 0

    @property
    def id(self) -> UUID:
        return UUID(int=self.minute * 100 + self.share)

    @property
    def created_at(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)


@pytest.mark.req("J1")
@given(st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 20)), min_size=1, max_size=30), st.integers(0, 5_000),
       st.integers(0, 100))  # fmt: skip
def test_a_bill_is_its_lines_and_its_delivery_less_its_discount_to_the_franc(
    lines: list[tuple[int, int]], delivery: int, percent: int
) -> None:
    items = sum(price * count for price, count in lines)
    discount = Money((items + delivery) * percent // 100)
    bill = Bill(Money(items), Money(delivery), discount)
    assert bill.total.minor + discount.minor == items + delivery
    assert type(bill.total.minor) is int
    assert bill.total.minor >= 0


@pytest.mark.req("J1")
def test_a_bill_refuses_a_float() -> None:
    with pytest.raises(TypeError):
        Bill(Money(1000), Money(0.5))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "place", "costs"),
    [
        (0, Place.BED, 0),
        (200, Place.BED, 200),
        (500, Place.CAMPUS, 500),
        (None, Place.BED, 0),
        (None, Place.CAMPUS, None),
        (None, Place.STAFF_AREA, None),
    ],
)
def test_a_zone_says_what_bringing_costs_and_the_bed_is_always_reached(
    zone: int | None, place: Place, costs: int | None
) -> None:
    assert charge(zone, place) == (None if costs is None else Money(costs))


@pytest.mark.req("J1", "J11")
@pytest.mark.parametrize(
    ("total", "tax", "vat"), [(1180, "B", 180), (2000, "B", 305), (3, "B", 0), (2000, "A", 0), (2000, "D", 0)]
)
def test_the_tax_inside_a_total_is_in_whole_francs(total: int, tax: str, vat: int) -> None:
    assert vat_of(Money(total), TaxClass(tax)) == Money(vat)


def test_the_way_used_last_is_offered_first_and_none_is_lost() -> None:
    for last in CHOSEN:
        assert offered(last)[0] is last
        assert sorted(offered(last)) == sorted(CHOSEN)
    assert offered(None) == offered(Method.INSURER) == CHOSEN


@pytest.mark.parametrize(
    ("minutes_before", "waits", "warns"),
    [(120, 0, -10), (16, 0, -10), (12, 0, -7), (8, 2, -3), (0, 10, 5), (-30, 40, 35)],
)
def test_a_tray_waits_to_the_cut_off_and_never_less_than_two_prompts(
    minutes_before: int, waits: int, warns: int
) -> None:
    placed = NOON - timedelta(minutes=minutes_before)
    assert waits_until(NOON, placed) == NOON + timedelta(minutes=waits)
    assert warns_at(NOON, placed) == NOON + timedelta(minutes=warns)


MTN, CASH, BANK, ACCOUNT = Method.MTN, Method.CASH, Method.BANK, Method.HOSPITAL_ACCOUNT
S = State


@pytest.mark.req("J14")
@pytest.mark.parametrize(
    ("tried", "stands"),
    [
        ([], Standing.SETTLED),
        ([Tried(MTN, S.CREATED)], Standing.WAITING),
        ([Tried(MTN, S.PENDING)], Standing.WAITING),
        ([Tried(MTN, S.UNKNOWN)], Standing.ASKING),
        ([Tried(MTN, S.QUARANTINED)], Standing.ASKING),
        ([Tried(MTN, S.FAILED)], Standing.FAILED),
        ([Tried(MTN, S.EXPIRED)], Standing.EXPIRED),
        ([Tried(MTN, S.CANCELLED)], Standing.STOPPED),
        ([Tried(MTN, S.LATE)], Standing.STOPPED),
        ([Tried(MTN, S.PAID)], Standing.SETTLED),
        ([Tried(CASH, S.PENDING)], Standing.AT_BED),
        ([Tried(BANK, S.PENDING)], Standing.TRANSFER),
        ([Tried(ACCOUNT, S.CHARGED)], Standing.SETTLED),
        ([Tried(MTN, S.FAILED), Tried(MTN, S.PENDING, minute=1)], Standing.WAITING),
        ([Tried(MTN, S.FAILED), Tried(CASH, S.PENDING, minute=1)], Standing.AT_BED),
        ([Tried(MTN, S.FAILED, minute=1), Tried(MTN, S.PENDING)], Standing.WAITING),
        ([Tried(MTN, S.FAILED), Tried(MTN, S.PAID, minute=1)], Standing.SETTLED),
        ([Tried(Method.FUND, S.PAID), Tried(MTN, S.PENDING, share=2)], Standing.WAITING),
        ([Tried(Method.FUND, S.PAID), Tried(CASH, S.PENDING, share=2)], Standing.AT_BED),
        ([Tried(MTN, S.FAILED), Tried(Method.INSURER, S.CHARGED, share=2)], Standing.FAILED),
    ],
)
def test_a_payment_is_told_as_it_stands(tried: list[Tried], stands: Standing) -> None:
    assert standing(tried) is stands
    assert (missing(tried) is None) == (stands in (Standing.SETTLED, Standing.AT_BED, Standing.TRANSFER))


@pytest.mark.req("J14")
@given(st.lists(st.builds(Tried, st.sampled_from(Method), st.sampled_from(State), st.integers(1, 3),
                          st.integers(0, 5)), max_size=8))  # fmt: skip
def test_a_tray_is_covered_only_where_each_share_has_a_payment_that_holds(tried: list[Tried]) -> None:
    """The rule said a second time, the other way round: no share without money, a debt, or cash that is awaited."""
    held = {one.share for one in tried if covers(one)}
    alive = {one.share for one in tried if one.state not in DEAD}
    counted = {one.share: one for one in latest(tried)}
    assert set(counted) == {one.share for one in tried}
    assert all(counted[share].state not in DEAD for share in alive)
    if missing(tried) is None:
        assert held == set(counted)
    taken = [one for one in tried if one.state in CAPTURED and one.state is not State.LATE]
    assert all(covers(one) for one in taken)
