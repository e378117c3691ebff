"""The only place that credits a payment: what the provider itself answered, compared with what it was asked."""

from datetime import datetime
from typing import Any
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries
from dusangire.payments.queries import Payment
from dusangire.payments.rules import ASKED, DEAD, PAYMENT, PayVerb, State
from dusangire.payments.rules.asking import GIVEN_UP, Asked, Mismatch, is_overdue, mismatch, next_poll, on_money
from dusangire.payments.rules.ledger import Account, EntryKind, move, where
from dusangire.payments.rules.providers import (
    Failed,
    FetchAnswer,
    NotFound,
    Paid,
    Reason,
    Rejected,
    StartAnswer,
    Started,
    Waiting,
)
from dusangire.payments.rules.refunds import RefundKind
from dusangire.payments.service.intents import capture, move_payment, take_late
from dusangire.payments.service.ledger import post, reverse_key
from dusangire.payments.service.refunds import give_back
from dusangire.payments.tables import Payment as PaymentRow

_SAID = 300


async def started(actor: Actor, payment_id: UUID, answer: StartAnswer, now: datetime) -> State:
    """Write what a provider answered to a request; return where the payment stands."""
    async with transaction():
        one = await queries.locked(actor, payment_id)
        if isinstance(answer, Rejected) and answer.reason is Reason.PROVIDER_DOWN:
            await _send_again_later(actor, one, answer, now)
        elif isinstance(answer, Rejected):
            await _fail(actor, one, Failed(answer.reason, answer.said))
        else:
            verb = PayVerb.SEND if isinstance(answer, Started) else PayVerb.LOSE
            await _wait(actor, one, verb, "" if isinstance(answer, Started) else answer.said, now)
        return (await queries.payment(actor, payment_id)).state


async def confirm(actor: Actor, payment_id: UUID, answer: FetchAnswer, now: datetime) -> State:
    """Write what a provider says became of a payment; return where it stands.

    Only the provider's own answer to our question comes here, never what somebody sent us. Any number of answers, at
    once or again, have one effect.
    """
    async with transaction():
        one = await queries.locked(actor, payment_id)
        match answer:
            case Paid():
                await _take(actor, one, answer, now)
            case Failed():
                await _fail(actor, one, answer)
            case Waiting():
                await _wait(actor, one, _lost(one, now) or PayVerb.SEND, "", now)
            case NotFound():
                await _not_there(actor, one, now)
            case _:
                await _wait(actor, one, _lost(one, now), answer.said, now)
        return (await queries.payment(actor, payment_id)).state


async def accept_quarantined(actor: Actor, payment_id: UUID, *, why: str) -> None:
    """Take money whose amount is right although something else about it was not, as the payment it was for.

    Raises Refusal where the amount is another, where it is no longer wanted, and without a reason.
    """
    async with transaction():
        one = await _quarantined(actor, payment_id, why)
        if one.unwanted_at or await queries.has_rival(actor, one) or _answered(one) != one.amount:
            raise Refusal("payments.not_this_amount")
        await reverse_key(actor, f"quarantine:{one.id}", reason=why)
        await capture(actor, one, provider_ref=one.answered_ref)


async def return_quarantined(actor: Actor, payment_id: UUID, *, why: str) -> UUID:
    """Give money that was not as it was asked back to where it came from; return the refund. Raises Refusal."""
    async with transaction():
        one = await _quarantined(actor, payment_id, why)
        answered = _answered(one)
        if answered is None or answered.currency != one.currency or answered.minor > one.amount_minor:
            raise Refusal("payments.not_this_amount")
        await reverse_key(actor, f"quarantine:{one.id}", reason=why)
        await move_payment(actor, one, PayVerb.COME_LATE, {PaymentRow.provider_ref: one.answered_ref})
        return await give_back(actor, one.id, answered, why=why, kind=RefundKind.LATE)


async def keep_quarantined(actor: Actor, payment_id: UUID, *, why: str) -> bool:
    """Put such money into the books as held for nobody known, until finance finds whose it is. Raises Refusal."""
    async with transaction():
        one = await _quarantined(actor, payment_id, why)
        answered = _answered(one)
        if answered is None or answered.currency != one.currency:
            raise Refusal("payments.not_this_amount")
        to = where(one.method, source=one.source, subject=one.subject, collector=None)
        lines = move(to, (Account.QUARANTINE, one.id), answered.minor)
        return await post(actor, EntryKind.QUARANTINE, one.about, lines, key=f"quarantine:{one.id}", reason=why)


async def _take(actor: Actor, one: Payment, answer: Paid, now: datetime) -> None:
    wrong = mismatch(Asked(one.reference, one.amount, one.phone), answer)
    if wrong is None and await queries.is_used(actor, one, answer.provider_ref):
        wrong = Mismatch.USED
    if wrong is not None:
        await _quarantine(actor, one, answer, wrong, now)
        return
    await reverse_key(actor, f"quarantine:{one.id}", reason="settled")
    verb = on_money(one.state, is_wanted=one.unwanted_at is None, has_rival=await queries.has_rival(actor, one))
    if verb is PayVerb.SETTLE:
        await capture(actor, one, provider_ref=answer.provider_ref)
    elif verb is PayVerb.COME_LATE:
        await take_late(actor, one, provider_ref=answer.provider_ref)
    else:
        await _write(actor, one, {PaymentRow.next_poll_at: None})


async def _quarantine(actor: Actor, one: Payment, answer: Paid, wrong: Mismatch, now: datetime) -> None:
    may_come = wrong.is_elsewhere and one.state in ASKED | DEAD
    again = next_poll(one.polls, one.sent_at or now, now) if may_come else None
    if one.state not in PAYMENT.sources(PayVerb.QUARANTINE):
        await _write(actor, one, {PaymentRow.next_poll_at: again})
        return
    amount = answer.amount or one.amount
    values: dict[Any, Any] = {
        PaymentRow.next_poll_at: again,
        PaymentRow.reason: wrong.value,
        PaymentRow.said: f"{answer.provider_ref} {answer.reference} {amount.minor} {amount.currency}"[:_SAID],
        PaymentRow.answered_minor: amount.minor,
        PaymentRow.answered_currency: amount.currency,
        PaymentRow.answered_ref: answer.provider_ref,
    }
    await move_payment(actor, one, PayVerb.QUARANTINE, values)


async def _fail(actor: Actor, one: Payment, answer: Failed) -> None:
    said: dict[Any, Any] = {PaymentRow.reason: answer.reason.value, PaymentRow.said: answer.said[:_SAID]}
    is_elsewhere = one.state is State.QUARANTINED and Mismatch(one.reason or Mismatch.AMOUNT).is_elsewhere
    if one.state in ASKED or is_elsewhere:
        verb = PayVerb.EXPIRE if answer.reason is Reason.EXPIRED and one.state in ASKED else PayVerb.FAIL
        await move_payment(actor, one, verb, {**said, PaymentRow.next_poll_at: None})
    elif one.state in DEAD:
        await _write(actor, one, {PaymentRow.next_poll_at: None})


async def _send_again_later(actor: Actor, one: Payment, answer: Rejected, now: datetime) -> None:
    """Nothing was begun: the same request is sent again by itself, for as long as a person may wait for it."""
    if one.state in (State.PENDING, State.UNKNOWN):
        await _wait(actor, one, None, answer.said, now)
        return
    if one.state is not State.CREATED or is_overdue(one.created_at, now):
        await _fail(actor, one, Failed(answer.reason, answer.said))
        return
    await _write(
        actor,
        one,
        {
            PaymentRow.sent_at: None,
            PaymentRow.reason: answer.reason.value,
            PaymentRow.said: answer.said[:_SAID],
            PaymentRow.next_poll_at: next_poll(one.polls, one.created_at, now),
        },
    )


async def _not_there(actor: Actor, one: Payment, now: datetime) -> None:
    """The provider never had it. While it was sent only just now, it may still arrive."""
    if not is_overdue(one.sent_at or now, now):
        await _wait(actor, one, None, "", now)
    elif one.state in ASKED:
        await _fail(actor, one, Failed(Reason.EXPIRED, "never arrived"))
    else:
        await _write(actor, one, {PaymentRow.next_poll_at: None})


async def _wait(actor: Actor, one: Payment, verb: PayVerb | None, said: str, now: datetime) -> None:
    """Ask again later, or give up and leave it to finance after a day. What is over is asked about without a word."""
    again = next_poll(one.polls, one.sent_at or one.created_at, now)
    values: dict[Any, Any] = {PaymentRow.next_poll_at: again, PaymentRow.said: said[:_SAID]}
    if one.state not in ASKED:
        await _write(actor, one, {PaymentRow.next_poll_at: again if one.state in DEAD else None})
    elif again is None or (one.expires_at is not None and one.expires_at <= now):
        given_up = {PaymentRow.reason: GIVEN_UP} if again is None else {}
        await move_payment(actor, one, PayVerb.EXPIRE, values | given_up)
    elif verb is not None and one.state in PAYMENT.sources(verb):
        await move_payment(actor, one, verb, values | {PaymentRow.reason: None})
    else:
        await _write(actor, one, values)


def _lost(one: Payment, now: datetime) -> PayVerb | None:
    return PayVerb.LOSE if is_overdue(one.sent_at or now, now) else None


async def _write(actor: Actor, one: Payment, values: dict[Any, Any]) -> None:
    await PaymentRow.update(values).where(mine(PaymentRow, actor), PaymentRow.id == one.id)


async def _quarantined(actor: Actor, payment_id: UUID, why: str) -> Payment:
    if not why.strip():
        raise Refusal("payments.refund_needs_reason", status=422)
    one = await queries.locked(actor, payment_id)
    if one.state is not State.QUARANTINED:
        raise Refusal("payments.moved_on")
    return one


def _answered(one: Payment) -> Money | None:
    if one.answered_minor is None or one.answered_currency is None:
        return None
    return Money(one.answered_minor, one.answered_currency)
