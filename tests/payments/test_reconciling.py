"""Reconciliation: each franc of the provider's list has its own here, or a name; one franc is found."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, Purpose, State
from dusangire.payments.rules.reconciling import Difference, Ours, compare
from dusangire.payments.rules.statement import Kind, StatementLine
from tests.make import Make
from tests.payments.test_refunds import _paid

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def _ours(reference: str, amount: int = 1000, *, is_captured: bool = True, number: str = "") -> Ours:
    return Ours(reference, number, Money(amount), Kind.PAYMENT, None, is_captured, True)


def _theirs(reference: str, amount: int = 1000, number: str = "", kind: Kind = Kind.PAYMENT) -> StatementLine:
    return StatementLine(number or f"n{reference}", reference, Money(amount), AT, kind)


@pytest.mark.req("J12")
@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ([_ours("a")], [_theirs("a")], ["matched"]),
        ([_ours("a", 1000)], [_theirs("a", 999)], ["amount"]),
        ([_ours("a", 1000)], [_theirs("a", 1001)], ["amount"]),
        ([], [_theirs("a")], ["missing_here"]),
        ([_ours("a")], [], ["missing_there"]),
        ([_ours("a")], [_theirs("a"), _theirs("a", number="x")], ["matched", "duplicate"]),
        ([_ours("a", is_captured=False)], [_theirs("a")], ["state"]),
        ([_ours("a", is_captured=False)], [], []),
        ([_ours("a", number="m7")], [_theirs("", number="m7")], ["matched"]),
        ([_ours("a")], [_theirs("a", kind=Kind.REFUND)], ["missing_here", "missing_there"]),
        ([_ours(str(UUID(int=7)))], [_theirs(UUID(int=7).hex)], ["matched"]),
    ],
)
def test_every_kind_of_difference_is_named(
    ours: Sequence[Ours], theirs: Sequence[StatementLine], found: Sequence[str]
) -> None:
    assert [row.difference for row in compare(ours, theirs)] == list(found)


def _line(one: Payment, more: int = 0) -> StatementLine:
    assert one.provider_ref
    return StatementLine(one.provider_ref, one.reference.hex, Money(one.amount_minor + more), AT, Kind.PAYMENT)


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)


@pytest.mark.req("J12", "CHK-4.2.8")
async def test_one_franc_is_found_named_and_resolved_with_a_reason_and_the_run_can_be_made_again(make: Make) -> None:
    day, paid = _today(make.actor), [await _paid(make.actor) for _ in range(6)]
    stranger = StatementLine("x1", str(uuid4()), Money(700), AT, Kind.PAYMENT)
    lines = [*map(_line, paid[:4]), _line(paid[4], 1), stranger, _line(paid[0])]
    run = await service.reconcile(make.actor, day, Method.MTN, lines)
    open_ones = {line.kind: line for line in await queries.recon_lines(make.actor, run, only_open=True)}
    assert set(open_ones) == {
        Difference.AMOUNT, Difference.MISSING_HERE, Difference.DUPLICATE, Difference.MISSING_THERE,
    }  # fmt: skip
    assert (open_ones[Difference.AMOUNT].ours, open_ones[Difference.AMOUNT].theirs) == (Money(2000), Money(2001))
    assert open_ones[Difference.AMOUNT].payment == paid[4].id
    assert open_ones[Difference.MISSING_THERE].payment == paid[5].id
    assert await service.reconcile(make.actor, day, Method.MTN, lines) == run
    again = await queries.recon_lines(make.actor, run, only_open=True)
    assert {line.id for line in again} == {line.id for line in open_ones.values()}
    with pytest.raises(Refusal):
        await service.resolve(make.actor, open_ones[Difference.AMOUNT].id, why=" ")
    await service.resolve(make.actor, open_ones[Difference.AMOUNT].id, why="fee of the network")
    with pytest.raises(Refusal, match="moved_on"):
        await service.resolve(make.actor, open_ones[Difference.AMOUNT].id, why="again")
    await service.reconcile(make.actor, day, Method.MTN, lines)
    told = await queries.recon_run(make.actor, day, Method.MTN)
    assert told
    assert (told.runs, told.matched, told.left) == (3, 4, 3)


@pytest.mark.req("J12")
async def test_the_list_of_the_next_day_explains_what_the_list_of_the_first_lacked(make: Make) -> None:
    day, one = _today(make.actor), await _paid(make.actor)
    await service.reconcile(make.actor, day, Method.MTN, [])
    assert len(await queries.recon_lines(make.actor, only_open=True)) == 1
    await service.reconcile(make.actor, day + timedelta(days=1), Method.MTN, [_line(one)])
    assert await queries.recon_lines(make.actor, only_open=True) == []
    await service.reconcile(make.actor, day, Method.MTN, [])
    assert await queries.recon_lines(make.actor, only_open=True) == []


@pytest.mark.req("J12", "J3")
async def test_money_the_provider_has_and_we_do_not_count_is_asked_about_at_once(make: Make) -> None:
    share = service.Share(Method.MTN, Money(900), phone="0788123456")
    made = await service.open_payment(make.actor, Purpose.PLAN, uuid4(), share)
    await service.mark_sent(make.actor, made, "http://here", clock.now())
    one = await queries.payment(make.actor, made)
    line = StatementLine("77", str(one.reference), Money(900), AT, Kind.PAYMENT)
    run = await service.reconcile(make.actor, _today(make.actor), Method.MTN, [line])
    assert [row.kind for row in await queries.recon_lines(make.actor, run)] == [Difference.STATE]
    after = await queries.payment(make.actor, made)
    assert after.state is State.CREATED
    assert after.next_poll_at
    assert after.next_poll_at <= clock.now()


@pytest.mark.req("J12")
async def test_a_refund_is_compared_too(make: Make) -> None:
    one = await _paid(make.actor)
    back = await queries.refund(make.actor, await service.give_back(make.actor, one.id, Money(300), why="cold"))
    await service.pay_out(make.actor, back.id, provider_ref="R9")
    lines = [_line(one), StatementLine("R9", str(back.reference), Money(300), AT, Kind.REFUND)]
    await service.reconcile(make.actor, _today(make.actor), Method.MTN, lines)
    told = await queries.recon_run(make.actor, _today(make.actor), Method.MTN)
    assert told
    assert (told.matched, told.left, told.ours_minor, told.difference) == (2, 0, 1700, Money(0))


@pytest.mark.req("J12", "J5")
async def test_cash_is_compared_by_float(make: Make, esther: Actor) -> None:
    share = service.Share(Method.CASH, Money(2000))
    one = await queries.payment(make.actor, await service.open_payment(make.actor, Purpose.PLAN, uuid4(), share))
    await service.settle_cash(esther, one.subject, collector=esther.user)
    counted = StatementLine("", str(esther.user), Money(1999), AT, Kind.PAYMENT)
    run = await service.reconcile(make.actor, _today(make.actor), Method.CASH, [counted])
    assert [(row.kind, row.ours, row.theirs) for row in await queries.recon_lines(make.actor, run)] == [
        (Difference.AMOUNT, Money(2000), Money(1999))
    ]


@pytest.mark.req("J12", "J6")
async def test_a_bank_statement_is_compared_by_code(make: Make, ines: Actor) -> None:
    one = await _paid(make.actor, Method.BANK)
    assert one.code
    line = StatementLine("B1", one.code.lower(), one.amount, AT, Kind.PAYMENT)
    run = await service.reconcile(make.actor, _today(make.actor), Method.BANK, [line])
    assert await queries.recon_lines(make.actor, run) == []
    with acting_as(ines):
        assert await queries.recon_runs(ines) == []
