"""Money that goes back: whole and in part, never more than came, and never twice for one lost answer."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Airtel
from dusangire.payments.gateways.airtel import AirtelGateway
from dusangire.payments.gateways.mtn import MtnGateway
from dusangire.payments.rules.providers import (
    Failed,
    FetchAnswer,
    NotFound,
    Paid,
    Provider,
    Reason,
    RefundAnswer,
    RefundWish,
    Rejected,
    Started,
    Unknown,
    Waiting,
)
from dusangire.payments.rules.statement import Kind, parse_statement
from tests.payments.contract.conftest import Side

KIGALI = timedelta(hours=2)


async def _give_back(side: Side, wish: RefundWish) -> RefundAnswer | FetchAnswer:
    answer = await side.gateway.refund(wish)
    async with asyncio.timeout(5):
        while answer in (Started(), Waiting()):
            answer = await side.gateway.fetch_refund(wish)
    return answer


@pytest.mark.req("J4")
async def test_a_whole_payment_goes_back(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    back = await _give_back(side, side.wish(charge, paid, 3000))
    assert isinstance(back, Paid)
    assert back.amount == Money(3000)
    assert side.payments()[0]["refunded"] == 3000


@pytest.mark.req("J4")
async def test_parts_go_back_one_after_another_and_never_more_than_came(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    assert isinstance(await _give_back(side, side.wish(charge, paid, 1000)), Paid)
    assert isinstance(await _give_back(side, side.wish(charge, paid, 1500)), Paid)
    assert isinstance(await _give_back(side, side.wish(charge, paid, 501)), Failed | Rejected)
    assert side.payments()[0]["refunded"] == 2500


async def test_a_part_that_was_sent_twice_goes_back_once(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    wish = side.wish(charge, paid, 1000)
    await side.gateway.refund(wish)
    await side.gateway.refund(wish)
    assert isinstance(await side.gateway.fetch_refund(wish), Paid)
    assert side.payments()[0]["refunded"] == 1000


async def test_a_whole_refund_that_was_sent_twice_goes_back_once(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    for _ in range(2):
        await side.gateway.refund(side.wish(charge, paid, 3000))
    assert side.payments()[0]["refunded"] == 3000


async def test_a_refund_whose_answer_is_lost_is_asked_about(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    wish = side.wish(charge, paid, 1000)
    if not side.is_mtn:
        await side.gateway.refund(side.wish(charge, paid, 1))
    side.knobs(faults=[{"on": "refund", "is_done": True, "wait_s": 2}])
    assert isinstance(await side.gateway.refund(wish), Unknown)
    back = await side.gateway.fetch_refund(wish)
    assert isinstance(back, Paid)
    assert back.amount == Money(1000)


async def test_a_whole_airtel_refund_whose_answer_is_lost_stays_unknown_until_the_statement(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    wish = side.wish(charge, paid, 3000)
    side.knobs(faults=[{"on": "refund", "is_done": True, "status": 503}])
    assert isinstance(await side.gateway.refund(wish), Unknown)
    assert isinstance(await side.gateway.fetch_refund(wish), Paid if side.is_mtn else Unknown)
    refunds = [line for line in _statement(side) if line.kind is Kind.REFUND]
    assert [line.amount.minor for line in refunds] == [3000]


async def test_a_refund_that_never_arrived_is_not_found(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    assert await side.gateway.fetch_refund(side.wish(charge, paid, 1000)) == NotFound()


async def test_a_refund_of_nothing_that_was_paid_is_refused(side: Side) -> None:
    charge = side.charge(digits="452")
    await side.gateway.start(charge)
    await side.end(charge)
    wish = side.wish(charge, Paid("nothing", charge.amount, "", None), charge.amount.minor)
    assert isinstance(await side.gateway.refund(wish), Rejected)


async def test_a_part_cannot_go_back_where_no_payout_was_agreed(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    if isinstance(side.config, Airtel):
        poor: AirtelGateway | MtnGateway = AirtelGateway(msgspec.structs.replace(side.config, pin=None), side.wire)
    else:
        poor = MtnGateway(msgspec.structs.replace(side.config, refunds=None), side.wire)
    answer = await poor.refund(side.wish(charge, paid, 1000))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.MISCONFIGURED
    assert side.payments()[0]["refunded"] == 0


async def test_an_ip_that_mtn_does_not_know_gives_nothing_back(side: Side) -> None:
    charge, paid = await side.paid(francs=3000)
    side.knobs(is_ip_refused=True, outcome="DP00800001010")
    answer = await side.gateway.refund(side.wish(charge, paid, 3000))
    assert isinstance(answer, Rejected)
    assert side.payments()[0]["refunded"] == 0


@pytest.mark.req("J12")
async def test_the_statement_lists_what_moved_and_nothing_else(side: Side) -> None:
    first, first_paid = await side.paid(francs=1200)
    second, second_paid = await side.paid(francs=3400)
    failed = side.charge(digits="452")
    await side.gateway.start(failed)
    await side.end(failed)
    wish = side.wish(second, second_paid, 400)
    await _give_back(side, wish)
    lines = _statement(side)
    assert [(line.kind, line.reference, line.amount.minor) for line in lines] == [
        (Kind.PAYMENT, str(first.reference), 1200),
        (Kind.PAYMENT, str(second.reference), 3400),
        (Kind.REFUND, str(wish.reference), 400),
    ]
    assert [line.provider_ref for line in lines[:2]] == [first_paid.provider_ref, second_paid.provider_ref]
    assert all(abs(line.at - datetime.now(UTC)) < timedelta(minutes=1) for line in lines)


@pytest.mark.req("J12")
async def test_the_statement_can_be_one_franc_off(side: Side) -> None:
    await side.paid(francs=1200)
    side.knobs(statement_shift=-1)
    assert [line.amount.minor for line in _statement(side)] == [1199]


def _statement(side: Side) -> list:
    today = (datetime.now(UTC) + KIGALI).date()
    return parse_statement(Provider(side.provider), side.providers.statement(side.provider, today.isoformat()))
