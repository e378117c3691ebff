"""Refunds: never above what was taken, to where it came from, with a reason; failed ones wait for finance."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, Purpose, RefundState, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import NotFound, Paid, Reason, Rejected, Started, Unknown
from dusangire.payments.service import refunds
from tests.make import Make
from tests.payments.test_intents import Scripted, far  # noqa: F401  a fixture
from tests.together import Together
from tests.unguarded import unguarded


async def _paid(actor: Actor, method: Method = Method.MTN, amount: int = 2000, source: UUID | None = None) -> Payment:
    share = service.Share(method, Money(amount), phone="0788123456", source=source)
    made = await service.open_payment(actor, Purpose.PLAN, uuid4(), share)
    if method.is_mobile:
        await service.mark_sent(actor, made, "http://here", clock.now())
        one = await queries.payment(actor, made)
        answer = Paid(uuid4().hex, one.amount, str(one.reference), one.phone)
        await service.confirm(actor, made, answer, clock.now())
    elif method is Method.CASH:
        one = await queries.payment(actor, made)
        await service.settle_cash(actor, one.subject, collector=None)
    elif method is Method.BANK:
        await service.settle_bank(actor, made)
    return await queries.payment(actor, made)


@pytest.mark.req("J8")
async def test_refunds_in_part_and_whole_never_exceed_what_was_taken(make: Make) -> None:
    one = await _paid(make.actor)
    await service.give_back(make.actor, one.id, Money(500), why="soup was cold")
    await service.give_back(make.actor, one.id, Money(1500), why="and so was the rest")
    with pytest.raises(Refusal, match="refund_too_much") as refused:
        await service.give_back(make.actor, one.id, Money(1), why="one more")
    assert refused.value.facts["left"] == Money(0)
    assert (await queries.payment(make.actor, one.id)).refunded_minor == 2000


async def _refund_at_once(actor: Actor, one: Payment, count: int) -> int:
    async def back() -> bool:
        with acting_as(actor):
            try:
                await service.give_back(actor, one.id, Money(300), why="race")
            except Refusal:
                return False
        return True

    return sum(await asyncio.gather(*(back() for _ in range(count))))


@pytest.mark.req("J8")
async def test_twenty_refunds_at_once_give_back_no_more_than_there_is(make: Make) -> None:
    one = await _paid(make.actor)
    assert await _refund_at_once(make.actor, one, 20) == 6
    assert (await queries.payment(make.actor, one.id)).refunded_minor == 1800


@pytest.mark.req("J8")
async def test_looking_first_and_writing_after_gives_back_too_much(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: what is left is read in one statement and reserved in another, nowhere."""

    all_seven = Together(7)

    async def look(actor: Actor, payment_id: UUID, amount: Money) -> Payment:
        of = await queries.payment(actor, payment_id)
        taken = sum(back.amount_minor for back in await queries.refunds_of(actor, of.subject))
        await all_seven.come()
        if taken + amount.minor > of.amount_minor:
            raise Refusal("payments.refund_too_much")
        return of

    monkeypatch.setattr(refunds, "_take_from", look)
    one = await _paid(make.actor)
    assert await _refund_at_once(make.actor, one, 9) > 6


@pytest.mark.req("J8")
@pytest.mark.parametrize(
    ("method", "state", "account"),
    [
        (Method.MTN, RefundState.CREATED, Account.MTN_CLEARING),
        (Method.AIRTEL, RefundState.CREATED, Account.AIRTEL_CLEARING),
        (Method.CASH, RefundState.PENDING, Account.CASH_SAFE),
        (Method.BANK, RefundState.PENDING, Account.BANK),
        (Method.HOSPITAL_ACCOUNT, RefundState.PAID, Account.ADMISSION_RECEIVABLE),
        (Method.SUBSCRIPTION, RefundState.PAID, Account.DEFERRED_PLANS),
        (Method.FUND, RefundState.PAID, Account.SPONSOR_FUND),
    ],
)
async def test_money_goes_back_to_where_it_came_from(
    make: Make, method: Method, state: RefundState, account: Account
) -> None:
    one = await _paid(make.actor, method, source=uuid4())
    before = await queries.balance(make.actor, account)
    back = await queries.refund(make.actor, await service.give_back(make.actor, one.id, Money(800), why="cold"))
    assert back.state is state
    if state is not RefundState.PAID:
        assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE, back.id)).minor == -800
        assert await service.pay_out(make.actor, back.id)
        assert not await service.pay_out(make.actor, back.id)
    assert before.minor - (await queries.balance(make.actor, account)).minor == 800
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE)).minor == 0
    assert await queries.books_balance(make.actor)


@pytest.mark.req("J8")
async def test_a_refund_is_sent_once_asked_about_and_sent_again_only_when_it_never_arrived(
    make: Make,
    far: Scripted,  # noqa: F811
) -> None:
    one = await _paid(make.actor)
    made = await service.give_back(make.actor, one.id, Money(800), why="cold")
    far.refund_answer = Unknown("timeout")
    await asyncio.gather(*(jobs.send_refund(make.actor, made) for _ in range(4)))
    assert [(wish.amount.minor, wish.captured.minor) for wish in far.refunds] == [(800, 2000)]
    assert (await queries.refund(make.actor, made)).state is RefundState.UNKNOWN
    far.refund_fetch_answer, far.refund_answer = NotFound(), Started()
    await jobs.ask_back(make.actor, await queries.refund(make.actor, made))
    assert len({wish.reference for wish in far.refunds}) == 1
    assert (await queries.refund(make.actor, made)).state is RefundState.PENDING
    back = await queries.refund(make.actor, made)
    far.refund_fetch_answer = Paid("R1", Money(800), str(back.reference), None)
    await jobs.ask_back(make.actor, back)
    await jobs.ask_back(make.actor, back)
    assert (await queries.refund(make.actor, made)).state is RefundState.PAID
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 1200


@pytest.mark.req("J8")
async def test_a_refund_that_failed_stays_owed_until_finance_pays_it_another_way(
    make: Make,
    far: Scripted,  # noqa: F811
) -> None:
    one = await _paid(make.actor)
    made = await service.give_back(make.actor, one.id, Money(800), why="cold")
    far.refund_answer = Rejected(Reason.PAYER_BLOCKED, "account closed")
    await jobs.send_refund(make.actor, made)
    assert [row.id for row in await queries.refunds_in(make.actor, [RefundState.FAILED])] == [made]
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE)).minor == -800
    with pytest.raises(Refusal, match="to_source"):
        await service.pay_otherwise(make.actor, made, Method.AIRTEL, why="try there")
    other = await service.pay_otherwise(make.actor, made, Method.CASH, why="came to the counter")
    with pytest.raises(Refusal, match="moved_on"):
        await service.pay_otherwise(make.actor, made, Method.CASH, why="twice")
    assert await service.pay_out(make.actor, other)
    assert await queries.refunds_in(make.actor, [RefundState.FAILED]) == []
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE)).minor == 0
    assert (await queries.balance(make.actor, Account.CASH_SAFE)).minor == -800


@pytest.mark.req("J15")
async def test_a_meal_made_free_is_the_hospitals_compensation(make: Make) -> None:
    one = await _paid(make.actor, Method.CASH)
    await service.sell(make.actor, one.subject, items=2000, vat=0, delivery=0, discount=0, total=2000)
    await service.give_back(make.actor, one.id, Money(500), why="late")
    back = await queries.refund(make.actor, await service.compensate(make.actor, one.id, why="a hair in it"))
    assert (back.amount_minor, back.kind) == (1500, "compensation")
    assert await queries.books_balance(make.actor)


@pytest.mark.req("J15")
async def test_an_invalid_transaction_is_reversed_once_with_a_reason(make: Make, ines: Actor) -> None:
    one = await _paid(make.actor, Method.CASH)
    entry = await queries.entry_of_key(make.actor, f"paid:{one.id}")
    assert entry
    with pytest.raises(Refusal):
        await service.invalidate(make.actor, entry, why=" ")
    mirror = await service.invalidate(make.actor, entry, why="typed twice")
    for invalid in (entry, mirror):
        with pytest.raises(Refusal, match="moved_on"):
            await service.invalidate(make.actor, invalid, why="again")
    with acting_as(ines), pytest.raises(NotHere):
        await service.invalidate(ines, entry, why="not mine")
    assert (await queries.balance(make.actor, Account.CASH_SAFE)).minor == 0


@pytest.mark.req("J8")
async def test_without_a_reason_or_an_amount_nothing_goes_back(make: Make) -> None:
    one = await _paid(make.actor)
    for amount, why in ((Money(100), "  "), (Money(0), "why"), (Money(-5), "why")):
        with pytest.raises(Refusal, match="needs_reason"):
            await service.give_back(make.actor, one.id, amount, why=why)


@pytest.mark.req("J8")
async def test_calling_off_gives_everything_back_and_the_books_come_to_nothing(make: Make) -> None:
    stay = uuid4()
    for method in (Method.CASH, Method.HOSPITAL_ACCOUNT, Method.FUND, Method.SUBSCRIPTION):
        one = await _paid(make.actor, method, source=stay)
        await service.sell(make.actor, one.subject, items=2000, vat=305, delivery=0, discount=0, total=2000)
        assert await service.cancel(make.actor, one.subject, why="discharged")
        assert not await service.cancel(make.actor, one.subject)
        for back in await queries.refunds_of(make.actor, one.subject):
            await service.pay_out(make.actor, back.id)
    assert {row.account: row.amount_minor for row in await queries.balances(make.actor) if row.amount_minor} == {}
    assert await queries.books_balance(make.actor)


async def test_a_paid_one_cannot_be_paid_again_by_its_late_twin(make: Make) -> None:
    one = await _paid(make.actor)
    answer = Paid("another", one.amount, str(one.reference), one.phone)
    assert await service.confirm(make.actor, one.id, answer, clock.now()) is State.PAID
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 2000


FROZEN = (
    ("UPDATE payment SET amount_minor = 1 WHERE hospital = $1", "dus_payment_frozen"),
    ("UPDATE payment SET reference = gen_random_uuid() WHERE hospital = $1", "dus_payment_frozen"),
    ("UPDATE refund SET amount_minor = 1 WHERE hospital = $1", "dus_refund_frozen"),
    ("UPDATE refund SET reference = gen_random_uuid() WHERE hospital = $1", "dus_refund_frozen"),
)


@pytest.mark.req("J8")
@pytest.mark.parametrize(("sql", "trigger"), FROZEN)
async def test_what_a_payment_or_refund_was_made_for_never_changes(make: Make, sql: str, trigger: str) -> None:
    one = await _paid(make.actor)
    await service.give_back(make.actor, one.id, Money(500), why="cold")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await execute(sql, make.actor.hospital)
    assert refused.value.sqlstate == "DUS08"
    async with unguarded(trigger):
        assert await execute(sql.replace("= 1 WHERE", "= 600 WHERE"), make.actor.hospital) == 1
