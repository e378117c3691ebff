"""Coupons: what they take off, who may use them, and the last use that two hundred buyers want."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusangire import wiring
from dusangire.diets import service as diets
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.queries import coupons as queries
from dusangire.payments.rules.coupons import Audience, Coupon, CouponKind, discount, objection, plain_code
from dusangire.payments.service import coupons
from dusangire.payments.service.coupons import NewCoupon
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.make import Make
from tests.payments import crowd
from tests.unguarded import rewrite

TODAY = date(2026, 11, 21)
BUYERS = 200
ROUNDS = 3


def a_coupon(kind: str = "percent", value: int = 10, **facts: object) -> Coupon:
    whole = {
        "id": uuid4(), "code": "LUNCH10", "kind": CouponKind(kind), "value": value, "least_minor": 0, "most_minor": None,
        "uses_left": 5, "per_person": None, "audience": Audience.EVERYONE, "valid_from": TODAY, "valid_to": None,
        "is_stopped": False,
    }  # fmt: skip
    return Coupon(**(whole | facts))


# What finance checked by hand: kind, value, the most it takes off, the total, what comes off.
GOLDEN = [
    ("percent", 10, None, 2000, 200),
    ("percent", 10, None, 2005, 201),
    ("percent", 10, None, 2004, 200),
    ("percent", 15, None, 1, 0),
    ("percent", 50, None, 1, 1),
    ("percent", 50, None, 3, 2),
    ("percent", 33, None, 100, 33),
    ("percent", 33, None, 2350, 776),
    ("percent", 7, None, 2350, 165),
    ("percent", 100, None, 2350, 2350),
    ("percent", 100, None, 0, 0),
    ("percent", 25, 500, 1800, 450),
    ("percent", 25, 500, 2000, 500),
    ("percent", 25, 500, 9000, 500),
    ("amount", 500, None, 2000, 500),
    ("amount", 500, None, 500, 500),
    ("amount", 500, None, 300, 300),
    ("amount", 500, None, 0, 0),
    ("amount", 500, 200, 2000, 200),
    ("percent", 1, None, 49, 0),
    ("percent", 1, None, 50, 1),
]


@pytest.mark.req("J13", "CHK-1.4.6")
@pytest.mark.parametrize(("kind", "value", "most", "total", "off"), GOLDEN)
def test_a_discount_is_whole_francs_rounded_half_up(kind: str, value: int, most: int | None, total: int, off: int):
    assert discount(a_coupon(kind, value, most_minor=most), Money(total)) == Money(off)


@pytest.mark.req("J13")
@given(
    st.sampled_from(["percent", "amount"]), st.integers(1, 100), st.none() | st.integers(1, 9999), st.integers(0, 10**6)
)
def test_a_discount_is_never_above_the_total_and_never_below_nothing(
    kind: str, value: int, most: int | None, total: int
):
    off = discount(a_coupon(kind, value, most_minor=most), Money(total)).minor
    assert 0 <= off <= total
    assert most is None or off <= most


@pytest.mark.req("J13")
@pytest.mark.parametrize(
    ("facts", "total", "before", "is_patient", "why"),
    [
        ({}, 2000, 0, True, ""),
        ({"is_stopped": True}, 2000, 0, True, "coupon.stopped"),
        ({"valid_from": TODAY + timedelta(1)}, 2000, 0, True, "coupon.not_yet"),
        ({"valid_to": TODAY}, 2000, 0, True, ""),
        ({"valid_to": TODAY - timedelta(1)}, 2000, 0, True, "coupon.over"),
        ({"audience": Audience.STAFF}, 2000, 0, True, "coupon.not_for_you"),
        ({"audience": Audience.STAFF}, 2000, 0, False, ""),
        ({"audience": Audience.PATIENTS}, 2000, 0, False, "coupon.not_for_you"),
        ({"uses_left": 0}, 2000, 0, True, "coupon.used_up"),
        ({"per_person": 2}, 2000, 1, True, ""),
        ({"per_person": 2}, 2000, 2, True, "coupon.used_by_you"),
        ({"least_minor": 2000}, 2000, 0, True, ""),
        ({"least_minor": 2000}, 1999, 0, True, "coupon.least"),
        ({}, 4, 0, True, "coupon.nothing_off"),
    ],
)
def test_a_coupon_says_why_it_may_not_be_used(facts: dict, total: int, before: int, is_patient: bool, why: str):
    assert objection(a_coupon(**facts), Money(total), TODAY, used_by_them=before, is_patient=is_patient) == why


def test_a_code_is_the_same_however_it_is_typed():
    assert plain_code(" lunch-10 ") == "LUNCH10"
    assert plain_code("ubuzima 5") == "UBUZIMA5"


@pytest.fixture
async def solange(make: Make) -> Actor:
    wiring.install()
    return await make.user("Solange Iradukunda", Role.FINANCE)


async def _coupon(actor: Actor, uses: int = 1, **facts: object) -> UUID:
    code = f"C{uuid4().hex[:8]}"
    start = clock.local_day(clock.now(), actor.zone)
    return await coupons.make(actor, NewCoupon(code, CouponKind.PERCENT, 10, uses, start, **facts))


async def _use(actor: Actor, coupon: UUID, order: UUID, patient: UUID | None) -> Money:
    code = (await queries.coupon(actor, coupon)).code
    async with transaction():
        return await coupons.use(actor, code, order, patient, Money(2000))


@pytest.mark.req("J13", "CHK-1.4.6")
async def test_a_coupon_is_used_with_an_order_and_given_back_with_it_once(solange: Actor, amina: Actor):
    with acting_as(solange):
        made = await _coupon(solange, 2)
        first, second, third = await crowd.trays(solange, amina.patient, 3)
        assert await _use(solange, made, first, amina.patient) == Money(200)
        await _use(solange, made, second, amina.patient)
        with pytest.raises(Refusal, match=r"coupon\.used_up"):
            await _use(solange, made, third, amina.patient)
        for _ in range(2):
            async with transaction():
                await record(solange, "order:cancelled", f"order:{first}")
        found = await queries.coupon(solange, made)
        assert (found.uses_left, found.used, found.given) == (1, 1, Money(200))
        assert [use.given_back_at is None for use in await queries.coupon_uses(solange, made)].count(False) == 1


@pytest.mark.req("J13")
async def test_one_person_uses_a_coupon_no_oftener_than_it_says(make: Make, solange: Actor, amina: Actor):
    other = await make.patient("Second", "Patient")
    with acting_as(solange):
        made = await _coupon(solange, 9, per_person=1)
        mine = await crowd.trays(solange, amina.patient, 2)
        theirs = await crowd.trays(solange, other.patient, 1)
        await _use(solange, made, mine[0], amina.patient)
        with pytest.raises(Refusal, match=r"coupon\.used_by_you"):
            await _use(solange, made, mine[1], amina.patient)
        assert await _use(solange, made, theirs[0], other.patient)


@pytest.mark.req("J13", "I7")
@pytest.mark.parametrize("follows", [True, False])
async def test_what_a_merged_record_used_counts_for_the_kept_one(
    make: Make, solange: Actor, amina: Actor, bosco: Actor, monkeypatch: pytest.MonkeyPatch, follows: bool
):
    """Without the reaction, the negative control, one person uses the coupon a second time."""
    if not follows:
        found = tuple(one for one in journal.AT_ONCE["patient:merged"] if one is not coupons.follow_merged)
        monkeypatch.setitem(journal.AT_ONCE, "patient:merged", found)
    twin = await make.patient("Amina", "Uwaze")
    with acting_as(solange):
        made = await _coupon(solange, 9, per_person=1)
        eaten = (await crowd.trays(solange, twin.patient, 1))[0]
        await _use(solange, made, eaten, twin.patient)
    await rewrite("UPDATE meal_order SET status = 'delivered' WHERE id = $1", eaten)
    await wards.discharge(bosco, twin.patient, EndReason.DISCHARGED)
    await diets.merge(bosco, amina.patient, twin.patient)
    with acting_as(solange):
        order = (await crowd.trays(solange, amina.patient, 1))[0]
        if follows:
            with pytest.raises(Refusal, match=r"coupon\.used_by_you"):
                await _use(solange, made, order, amina.patient)
        else:
            assert await _use(solange, made, order, amina.patient)


@pytest.mark.req("J13")
async def test_a_refused_coupon_leaves_nothing_behind_and_a_lost_order_gives_its_use_back(solange: Actor, amina: Actor):
    with acting_as(solange):
        made = await _coupon(solange)
        order = (await crowd.trays(solange, amina.patient, 1))[0]
        with pytest.raises(ValueError, match="lost"):
            async with transaction():
                await coupons.use(
                    solange, (await queries.coupon(solange, made)).code, order, amina.patient, Money(2000)
                )
                raise ValueError("lost")
        assert (await queries.coupon(solange, made)).uses_left == 1
        with pytest.raises(Refusal, match=r"coupon\.unknown"):
            await coupons.use(solange, "NOSUCH", order, amina.patient, Money(2000))


@pytest.mark.req("J13", "N7")
async def test_a_coupon_of_another_hospital_is_unknown_here(solange: Actor, ines: Actor, amina: Actor):
    with acting_as(solange):
        made = await _coupon(solange)
        code = (await queries.coupon(solange, made)).code
    with acting_as(ines):
        assert await queries.coupon_of_code(ines, code) is None
        with pytest.raises(NotHere):
            await coupons.stop(ines, made)
        with pytest.raises(NotHere):
            await queries.coupon(ines, made)


async def _race(actor: Actor, patient: UUID, uses: int, rounds: int) -> list[tuple[int, int]]:
    """Let 200 buyers want a coupon at once, round after round; return who said they got it, and who did."""
    orders = await crowd.trays(actor, patient, BUYERS)
    found = []
    for _ in range(rounds):
        made = await _coupon(actor, uses)

        def buying(order: UUID, coupon: UUID = made) -> Callable[[], object]:
            return lambda: _use(actor, coupon, order, patient)

        got = await crowd.rush(actor, [buying(order) for order in orders])
        found.append((sum(one is not None for one in got), await crowd.used(actor, made)))
        assert await fetch_value("SELECT uses_left FROM coupon WHERE id = $1", made) >= 0
        await execute(
            "UPDATE coupon_use SET given_back_at = now() WHERE hospital = $1 AND coupon = $2", actor.hospital, made
        )
    return found


@pytest.mark.req("J13")
@pytest.mark.parametrize("uses", [1, 7])
async def test_two_hundred_buyers_want_the_last_uses_and_exactly_those_are_sold(
    solange: Actor, amina: Actor, uses: int
):
    with acting_as(solange):
        assert await _race(solange, amina.patient, uses, ROUNDS) == [(uses, uses)] * ROUNDS


@pytest.mark.long
@pytest.mark.req("J13")
async def test_a_hundred_last_uses_go_to_a_hundred_buyers(solange: Actor, amina: Actor):
    with acting_as(solange):
        assert await _race(solange, amina.patient, 1, int(os.environ.get("DUSANGIRE_ROUNDS", "100"))) == [(1, 1)] * 100


@pytest.mark.req("J13")
async def test_without_the_condition_the_last_use_is_sold_more_than_once(
    solange: Actor, amina: Actor, monkeypatch: pytest.MonkeyPatch
):
    """Negative control: read how many are left, then write one less."""
    unguarded = coupons.TAKE.replace("uses_left - 1", "0").replace("AND uses_left > 0", "")
    assert unguarded != coupons.TAKE
    monkeypatch.setattr(coupons, "TAKE", unguarded)
    with acting_as(solange):
        assert max(sold for _, sold in await _race(solange, amina.patient, 1, ROUNDS)) > 1
