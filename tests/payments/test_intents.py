"""Intents at work: opened and posted at once, asked by a job, settled, switched and called off; each franc once."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock, journal
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, Payer, Purpose, RefundState, State
from dusangire.payments.rules.codes import read_code, with_check
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import (
    Charge,
    Failed,
    FetchAnswer,
    NotFound,
    Paid,
    Provider,
    Reason,
    RefundAnswer,
    RefundWish,
    Rejected,
    StartAnswer,
    Started,
    Unknown,
    Waiting,
)
from tests.make import Make

PHONE = "0788123456"


class Scripted:
    """A provider that answers what the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.starts: list[Charge] = []
        self.fetches: list[UUID] = []
        self.refunds: list[RefundWish] = []
        self.start_answer: StartAnswer = Started()
        self.fetch_answer: FetchAnswer = Waiting()
        self.refund_answer: RefundAnswer = Started()
        self.refund_fetch_answer: FetchAnswer = Waiting()
        self.is_alive = True

    async def start(self, charge: Charge) -> StartAnswer:
        self.starts.append(charge)
        return self.start_answer

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        self.fetches.append(reference)
        return self.fetch_answer

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        self.refunds.append(wish)
        return self.refund_answer

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        return self.refund_fetch_answer

    async def alive(self, base_url: str) -> bool:
        return self.is_alive


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted()
    monkeypatch.setattr(jobs, "gateway", lambda _: made)
    return made


async def _open(actor: Actor, method: Method, amount: int = 1200, **facts: object) -> Payment:
    share = service.Share(method, Money(amount), phone=PHONE, **facts)  # type: ignore[arg-type]
    return await queries.payment(actor, await service.open_payment(actor, Purpose.PLAN, uuid4(), share))


async def _now(actor: Actor, one: Payment) -> Payment:
    return await queries.payment(actor, one.id)


async def _asked(actor: Actor, far: Scripted) -> Payment:
    one = await _open(actor, Method.MTN)
    await jobs.send(actor, one.id)
    return await _now(actor, one)


async def _due(actor: Actor, one: Payment) -> Money:
    return await queries.balance(actor, Account.PLAN_DUE, one.subject)


def _paid(one: Payment, number: str = "900") -> Paid:
    return Paid(number, one.amount, str(one.reference), one.phone)


@pytest.mark.req("J9")
async def test_shares_of_several_payers_add_up_and_pay_at_once_where_nobody_is_asked(make: Make) -> None:
    plan, fund, subject = uuid4(), uuid4(), uuid4()
    shares = [
        service.Share(Method.SUBSCRIPTION, Money(700), source=plan),
        service.Share(Method.FUND, Money(500), Payer.SPONSOR, source=fund),
        service.Share(Method.CASH, Money(0)),
        service.Share(Method.CASH, Money(300)),
    ]
    opened = await service.open_shares(make.actor, Purpose.PLAN, subject, shares)
    found = await queries.payments_of(make.actor, subject)
    assert [one.id for one in found] == opened
    assert [(one.share, one.method, one.state) for one in found] == [
        (1, Method.SUBSCRIPTION, State.PAID),
        (2, Method.FUND, State.PAID),
        (3, Method.CASH, State.PENDING),
    ]
    assert (await queries.balance(make.actor, Account.DEFERRED_PLANS, plan)).minor == 700
    assert (await queries.balance(make.actor, Account.SPONSOR_FUND, fund)).minor == 500
    assert (await queries.balance(make.actor, Account.PLAN_DUE, subject)).minor == -1200
    assert await service.is_covered(make.actor, subject)


@pytest.mark.req("J5")
async def test_cash_goes_into_the_float_of_who_took_it_once(make: Make, esther: Actor) -> None:
    one = await _open(make.actor, Method.CASH)
    assert await service.settle_cash(esther, one.subject, collector=esther.user)
    assert not await service.settle_cash(esther, one.subject, collector=esther.user)
    assert (await queries.balance(esther, Account.CASH_FLOAT, esther.user)).minor == 1200
    assert (await _now(esther, one)).settled_by == esther.user


@pytest.mark.req("J2")
async def test_the_mark_of_sending_is_committed_before_and_nobody_sends_twice(make: Make, far: Scripted) -> None:
    one = await _open(make.actor, Method.MTN)
    await asyncio.gather(*(jobs.send(make.actor, one.id) for _ in range(5)))
    assert [charge.reference for charge in far.starts] == [one.reference]
    assert far.starts[0].phone == "+250788123456"
    sent = await _now(make.actor, one)
    assert (sent.state, sent.base_url) == (State.PENDING, far.starts[0].base_url)
    assert sent.base_url
    assert sent.sent_at


@pytest.mark.req("J2", "J3")
async def test_a_worker_that_died_while_sending_is_followed_by_a_question_and_the_same_reference(
    make: Make, far: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await _open(make.actor, Method.MTN)
    assert await service.mark_sent(make.actor, one.id, "http://here", clock.now())
    later = clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    far.fetch_answer = NotFound()
    await jobs.poll_payments(make.actor)
    assert far.fetches == [one.reference]
    assert [charge.reference for charge in far.starts] == [one.reference]
    assert (await _now(make.actor, one)).state is State.PENDING


@pytest.mark.req("J2", "CHK-4.1.10")
async def test_the_same_answer_fifty_times_at_once_is_one_effect(make: Make, far: Scripted) -> None:
    one = await _asked(make.actor, far)

    async def confirm() -> None:
        with acting_as(make.actor):
            await service.confirm(make.actor, one.id, _paid(one), clock.now())

    await asyncio.gather(*(confirm() for _ in range(50)))
    assert (await _now(make.actor, one)).state is State.PAID
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 1200
    assert len([e for e in await journal.history(make.actor, one.about) if e.kind == "payment:paid"]) == 1


@pytest.mark.req("J14")
async def test_a_payment_nobody_can_speak_for_is_unknown_and_after_a_day_finances(
    make: Make, far: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await _asked(make.actor, far)
    for minutes, state in ((1, State.PENDING), (11, State.UNKNOWN), (25 * 60, State.EXPIRED)):
        await service.confirm(make.actor, one.id, Waiting(), clock.now() + timedelta(minutes=minutes))
        assert (await _now(make.actor, one)).state is state
    assert (await _now(make.actor, one)).reason == "given_up"
    assert (await _now(make.actor, one)).next_poll_at is None


@pytest.mark.req("J14")
async def test_money_that_comes_after_a_tray_was_called_off_goes_back_in_the_same_commit(
    make: Make, far: Scripted
) -> None:
    one = await _asked(make.actor, far)
    assert await service.cancel(make.actor, one.subject)
    assert (await _now(make.actor, one)).next_poll_at is not None
    far.fetch_answer = _paid(one)
    await jobs.ask(make.actor, await _now(make.actor, one))
    late = await _now(make.actor, one)
    assert (late.state, late.refunded_minor) == (State.LATE, 1200)
    back = (await queries.refunds_of(make.actor, one.subject))[0]
    assert (back.kind, back.state, back.amount_minor) == ("late", RefundState.CREATED, 1200)
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE, back.id)).minor == -1200
    await jobs.send_refund(make.actor, back.id)
    far.refund_fetch_answer = Paid("R1", one.amount, str(back.reference), None)
    await jobs.ask_back(make.actor, await queries.refund(make.actor, back.id))
    assert (await queries.refund(make.actor, back.id)).state is RefundState.PAID
    assert [row.amount_minor for row in await queries.balances(make.actor) if row.amount_minor] == []


@pytest.mark.req("J14")
async def test_another_way_is_chosen_only_when_the_first_cannot_be_captured_too(make: Make, far: Scripted) -> None:
    one = await _asked(make.actor, far)
    with pytest.raises(Refusal, match="still_asking"):
        await service.switch(make.actor, one.id, Method.CASH)
    second = await service.switch(make.actor, one.id, Method.CASH, insists=True)
    await service.confirm(make.actor, one.id, _paid(one), clock.now())
    assert (await _now(make.actor, one)).state is State.LATE
    assert await service.settle_cash(make.actor, one.subject, collector=None)
    assert (await queries.payment(make.actor, second)).state is State.PAID
    assert (await _due(make.actor, one)).minor == -1200
    with pytest.raises(Refusal, match="paid_already"):
        await service.switch(make.actor, second, Method.BANK)


@pytest.mark.req("J14")
async def test_a_failed_payment_that_succeeds_after_all_counts_unless_another_took_its_place(
    make: Make, far: Scripted
) -> None:
    first, second = await _asked(make.actor, far), await _asked(make.actor, far)
    for one in (first, second):
        await service.confirm(make.actor, one.id, Failed(Reason.NO_FUNDS, "LOW"), clock.now())
        assert not await service.is_covered(make.actor, one.subject)
    await service.switch(make.actor, second.id, Method.CASH)
    for one, number in ((first, "1"), (second, "2")):
        await service.confirm(make.actor, one.id, _paid(one, number), clock.now())
    assert [(await _now(make.actor, one)).state for one in (first, second)] == [State.PAID, State.LATE]


@pytest.mark.req("J2")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": Money(1199)}, "amount"),
        ({"amount": Money(1200, "EUR")}, "currency"),
        ({"phone": "+250788000000"}, "party"),
        ({"reference": str(uuid4())}, "reference"),
    ],
)
async def test_an_answer_that_is_not_ours_is_kept_apart_and_credits_nothing(
    make: Make, far: Scripted, changes: dict[str, object], reason: str
) -> None:
    one = await _asked(make.actor, far)
    facts: dict[str, object] = {
        "provider_ref": "1", "amount": one.amount, "reference": str(one.reference), "phone": one.phone,
    }  # fmt: skip
    await service.confirm(make.actor, one.id, Paid(**(facts | changes)), clock.now())  # type: ignore[arg-type]
    found = await _now(make.actor, one)
    assert (found.state, found.reason) == (State.QUARANTINED, reason)
    assert [row.amount_minor for row in await queries.balances(make.actor) if row.amount_minor] == []
    assert not await service.is_covered(make.actor, one.subject)


@pytest.mark.req("J2")
async def test_the_providers_number_of_one_payment_never_pays_a_second(make: Make, far: Scripted) -> None:
    first, second = await _asked(make.actor, far), await _asked(make.actor, far)
    await service.confirm(make.actor, first.id, _paid(first, "77"), clock.now())
    await service.confirm(make.actor, second.id, _paid(second, "77"), clock.now())
    assert (await _now(make.actor, second)).reason == "used"
    await service.confirm(make.actor, second.id, _paid(second, "78"), clock.now())
    assert (await _now(make.actor, second)).state is State.PAID


@pytest.mark.req("J15")
async def test_finance_decides_about_money_that_was_not_as_it_was_asked(make: Make, far: Scripted) -> None:
    less, party = await _asked(make.actor, far), await _asked(make.actor, far)
    await service.confirm(make.actor, less.id, Paid("1", Money(1000), str(less.reference), less.phone), clock.now())
    await service.confirm(make.actor, party.id, Paid("2", party.amount, str(party.reference), "+2"), clock.now())
    assert await service.keep_quarantined(make.actor, less.id, why="whose is it?")
    assert (await queries.balance(make.actor, Account.QUARANTINE)).minor == -1000
    with pytest.raises(Refusal, match="not_this_amount"):
        await service.accept_quarantined(make.actor, less.id, why="near enough")
    back = await queries.refund(make.actor, await service.return_quarantined(make.actor, less.id, why="not theirs"))
    assert back.amount_minor == 1000
    await service.accept_quarantined(make.actor, party.id, why="her sister paid")
    assert (await _now(make.actor, party)).state is State.PAID
    assert (await queries.balance(make.actor, Account.QUARANTINE)).minor == 0
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 2200


@pytest.mark.req("J14")
async def test_a_provider_that_is_down_is_said_to_be_down_and_tried_again_by_itself(
    make: Make, far: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.start_answer = Rejected(Reason.PROVIDER_DOWN, "no connection")
    waiting = [await _asked(make.actor, far) for _ in range(4)]
    assert {(one.state, one.sent_at, one.reason) for one in waiting} == {(State.CREATED, None, "provider_down")}
    down = {one.provider: one.is_up for one in await queries.providers(make.actor)}
    assert not down[Provider.MTN]
    outages = await journal.history(make.actor, "provider:mtn")
    assert [event.kind for event in outages] == ["provider:down"]
    far.start_answer = Started()
    later = clock.now() + timedelta(seconds=65)
    monkeypatch.setattr(clock, "now", lambda: later)
    await jobs.poll_payments(make.actor)
    assert {(await _now(make.actor, one)).state for one in waiting} == {State.PENDING}
    assert {one.provider: one.is_up for one in await queries.providers(make.actor)}[Provider.MTN]


@pytest.mark.req("J14")
async def test_a_provider_that_answers_again_is_seen_even_when_nobody_pays(make: Make, far: Scripted) -> None:
    for _ in range(3):
        await service.note_provider(make.actor, Provider.AIRTEL, clock.now(), is_well=False, said="timeout")
    far.is_alive = False
    await jobs.watch_providers(make.actor)
    assert [one.is_up for one in await queries.providers(make.actor) if one.provider is Provider.AIRTEL] == [False]
    far.is_alive = True
    await jobs.watch_providers(make.actor)
    assert [one.is_up for one in await queries.providers(make.actor) if one.provider is Provider.AIRTEL] == [True]


@pytest.mark.req("J14")
async def test_what_nobody_waits_for_any_more_is_not_sent(make: Make, far: Scripted) -> None:
    share = service.Share(Method.MTN, Money(500), phone=PHONE)
    made = await service.open_payment(make.actor, Purpose.PLAN, uuid4(), share, expires_at=clock.now())
    await jobs.send(make.actor, made)
    assert (await queries.payment(make.actor, made)).state is State.EXPIRED
    assert far.starts == []


async def test_a_number_that_no_network_has_is_refused_before_anything_is_written(make: Make) -> None:
    with pytest.raises(Refusal, match="no_such_phone"):
        await service.open_payment(
            make.actor, Purpose.PLAN, uuid4(), service.Share(Method.MTN, Money(500), phone="12345")
        )


@pytest.mark.req("J6")
async def test_a_transfer_has_a_code_that_is_never_mistaken_and_is_settled_once(make: Make) -> None:
    one = await _open(make.actor, Method.BANK)
    assert one.code
    assert read_code(one.code.lower().replace("-", " ")) == one.code
    assert (await queries.payment_of_code(make.actor, one.code)) == one
    assert await service.settle_bank(make.actor, one.id)
    assert not await service.settle_bank(make.actor, one.id)
    assert (await queries.balance(make.actor, Account.BANK)).minor == 1200


def test_one_wrong_letter_or_two_swapped_never_give_another_code() -> None:
    code = with_check("K4M72XQ")
    plain = code.replace("-", "")
    others = {plain[:i] + letter + plain[i + 1 :] for i in range(8) for letter in "23456789ABCDEFGHJKMNPQRSTWXYZ"}
    others |= {plain[:i] + plain[i + 1] + plain[i] + plain[i + 2 :] for i in range(7)}
    assert {other for other in others if read_code(other)} == {plain}


async def test_nobody_sees_or_moves_another_hospitals_payment(make: Make, ines: Actor) -> None:
    one = await _open(make.actor, Method.CASH)
    with acting_as(ines):
        with pytest.raises(NotHere):
            await queries.payment(ines, one.id)
        assert not await service.settle_cash(ines, one.subject, collector=ines.user)
        assert await queries.payments_of(ines, one.subject) == []
    assert (await _now(make.actor, one)).state is State.PENDING


async def test_unknown_after_sending_is_said_at_once(make: Make, far: Scripted) -> None:
    far.start_answer = Unknown("timeout")
    assert (await _asked(make.actor, far)).state is State.UNKNOWN
