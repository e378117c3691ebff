"""The machines of payments and refunds: every state, every verb, every role; the table is the whole truth."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries
from dusangire.payments.rules import (
    ASKED,
    DEAD,
    PAYMENT,
    REFUND,
    Method,
    PayVerb,
    RefundState,
    RefundVerb,
    State,
    opening,
)
from dusangire.payments.rules.asking import Asked, Mismatch, mismatch, next_poll, on_money
from dusangire.payments.rules.providers import Paid
from dusangire.payments.service.intents import move_payment
from dusangire.payments.service.refunds import move_refund
from dusangire.payments.tables import Payment, Refund
from tests.make import Make
from tests.payments.machines import wrong_moves


async def _payment(actor: Actor, state: State, method: Method = Method.MTN) -> UUID:
    made = uuid7()
    await Payment.insert(
        Payment(
            id=made,
            hospital=actor.hospital,
            purpose="plan",
            subject=uuid4(),
            method=method.value,
            amount_minor=1200,
            state=state.value,
            reference=uuid4(),
            created_at=clock.now(),
        )
    )
    return made


async def _refund(actor: Actor, state: RefundState) -> UUID:
    made = uuid7()
    await Refund.insert(
        Refund(
            id=made,
            hospital=actor.hospital,
            payment=await _payment(actor, State.PAID),
            amount_minor=1200,
            kind="asked",
            method="mtn",
            state=state.value,
            why="soup was cold",
            reference=uuid4(),
            asked_by=actor.user,
            asked_at=clock.now(),
        )
    )
    return made


@pytest.mark.req("J14")
async def test_a_payment_makes_the_moves_of_its_table_and_no_other_whoever_acts(make: Make) -> None:
    async def move(who: Actor, made: UUID, verb: PayVerb) -> bool:
        return await move_payment(who, await queries.payment(who, made), verb)

    async def read(made: UUID) -> str:
        return (await queries.payment(make.actor, made)).state

    wrong = await wrong_moves(
        PAYMENT, PayVerb, State, make.actor, put=lambda state: _payment(make.actor, state), move=move, read=read
    )
    assert wrong == []


@pytest.mark.req("J8")
async def test_a_refund_makes_the_moves_of_its_table_and_no_other_whoever_acts(make: Make) -> None:
    async def move(who: Actor, made: UUID, verb: RefundVerb) -> bool:
        return await move_refund(who, await queries.refund(who, made), verb)

    async def read(made: UUID) -> str:
        return (await queries.refund(make.actor, made)).state

    wrong = await wrong_moves(
        REFUND, RefundVerb, RefundState, make.actor, put=lambda state: _refund(make.actor, state), move=move, read=read
    )
    assert wrong == []


async def test_a_mover_that_does_not_ask_the_table_is_found_out(make: Make) -> None:
    """The negative control: the same product over a write that looks at no state."""

    async def move(who: Actor, made: UUID, verb: RefundVerb) -> None:
        target = next(to for said, _, to in REFUND.rows if said is verb)
        await Refund.update({Refund.state: target.value}).where(Refund.id == made)

    async def read(made: UUID) -> str:
        return (await queries.refund(make.actor, made)).state

    wrong = await wrong_moves(
        REFUND, RefundVerb, RefundState, make.actor, put=lambda state: _refund(make.actor, state), move=move, read=read
    )
    assert {(state, verb) for _, state, verb, _ in wrong} >= {
        (RefundState.PAID, RefundVerb.FAIL),
        (RefundState.FAILED, RefundVerb.SETTLE),
    }


async def test_who_read_a_payment_before_it_moved_moves_nothing(make: Make) -> None:
    made = await _payment(make.actor, State.PENDING)
    stale = await queries.payment(make.actor, made)
    async with transaction():
        assert await move_payment(make.actor, stale, PayVerb.SETTLE)
        assert not await move_payment(make.actor, stale, PayVerb.FAIL)
    assert (await queries.payment(make.actor, made)).state is State.PAID


def test_every_state_of_a_payment_can_be_reached_and_these_are_the_ends() -> None:
    assert PAYMENT.reachable() == frozenset(State)
    assert PAYMENT.ends() == {State.LATE}
    assert REFUND.reachable() == frozenset(RefundState)
    assert REFUND.ends() == {RefundState.PAID, RefundState.FAILED}
    assert not ASKED & DEAD


@pytest.mark.parametrize("method", list(Method))
def test_each_way_of_paying_opens_in_a_state_of_the_machine(method: Method) -> None:
    state = opening(method)
    assert state in PAYMENT.reachable()
    assert (state is State.CREATED) == method.is_mobile


@pytest.mark.parametrize(
    ("state", "is_wanted", "has_rival", "verb"),
    [
        (State.CREATED, True, False, PayVerb.SETTLE),
        (State.PENDING, True, False, PayVerb.SETTLE),
        (State.UNKNOWN, True, False, PayVerb.SETTLE),
        (State.FAILED, True, False, PayVerb.SETTLE),
        (State.FAILED, True, True, PayVerb.COME_LATE),
        (State.FAILED, False, False, PayVerb.COME_LATE),
        (State.EXPIRED, False, False, PayVerb.COME_LATE),
        (State.QUARANTINED, True, False, PayVerb.SETTLE),
        (State.QUARANTINED, False, False, PayVerb.COME_LATE),
        (State.CANCELLED, True, False, PayVerb.COME_LATE),
        (State.PAID, True, False, None),
        (State.LATE, False, False, None),
        (State.CHARGED, True, False, None),
    ],
)
def test_what_follows_when_money_comes(state: State, is_wanted: bool, has_rival: bool, verb: PayVerb | None) -> None:
    assert on_money(state, is_wanted=is_wanted, has_rival=has_rival) is verb
    assert verb is None or (state, verb) in PAYMENT.moves


def _paid(ours: UUID, **changes: Any) -> Paid:
    facts: dict[str, Any] = {
        "provider_ref": "1",
        "amount": Money(1200),
        "reference": str(ours),
        "phone": "+250788000001",
    }
    return Paid(**(facts | changes))


def test_an_answer_is_ours_only_to_the_franc() -> None:
    ours = uuid4()
    asked = Asked(ours, Money(1200), "+250788000001")
    cases: list[tuple[dict[str, Any], Mismatch | None]] = [
        ({}, None),
        ({"amount": None, "phone": None}, None),
        ({"reference": ours.hex}, None),
        ({"amount": Money(1199)}, Mismatch.AMOUNT),
        ({"amount": Money(1201)}, Mismatch.AMOUNT),
        ({"amount": Money(1200, "EUR")}, Mismatch.CURRENCY),
        ({"reference": str(uuid4())}, Mismatch.REFERENCE),
        ({"reference": ""}, Mismatch.REFERENCE),
        ({"phone": "+250788000002"}, Mismatch.PARTY),
    ]
    assert [mismatch(asked, _paid(ours, **changes)) for changes, _ in cases] == [wanted for _, wanted in cases]


def test_a_provider_is_asked_after_5_10_20_40_60_seconds_then_seldom_and_after_a_day_no_more() -> None:
    start = clock.now()
    gaps = [next_poll(n, start, start) for n in range(6)]
    assert [(at - start).total_seconds() for at in gaps if at] == [5, 10, 20, 40, 60, 60]
    late = start + timedelta(minutes=10)
    assert next_poll(20, start, late) == late + timedelta(minutes=3)
    assert next_poll(500, start, start + timedelta(hours=24)) is None
