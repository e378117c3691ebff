"""Payments as intents: opened in the transaction of what they pay for, moved by compare-and-set, each effect once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import add, mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import short_code, uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries
from dusangire.payments.queries import Payment
from dusangire.payments.rules import ASKED, CAPTURED, PAYMENT, Method, Payer, PayVerb, Purpose, State, opening
from dusangire.payments.rules.asking import SOON
from dusangire.payments.rules.codes import with_check
from dusangire.payments.rules.ledger import EntryKind, due, move, where
from dusangire.payments.rules.providers import e164
from dusangire.payments.rules.refunds import RefundKind
from dusangire.payments.service.cash import begin_shift
from dusangire.payments.service.ledger import post, reverse_key
from dusangire.payments.service.news import tell_payment
from dusangire.payments.service.refunds import give_back
from dusangire.payments.tables import Payment as PaymentRow


class Share(Struct, frozen=True):
    """Who pays how much, and how. source: the fund, plan, account of points or stay that it is taken from."""

    method: Method
    amount: Money
    payer: Payer = Payer.PATIENT
    phone: str | None = None
    source: UUID | None = None


async def open_payment(
    actor: Actor,
    purpose: Purpose,
    subject: UUID,
    share: Share,
    *,
    number: int = 1,
    payer_user: UUID | None = None,
    expires_at: datetime | None = None,
) -> UUID:
    """Write how a share is paid, in the transaction of what it pays for; return the payment's id.

    An account, a plan, points or a fund pay at once. Mobile money is asked by a job once this is committed.
    Raises Refusal for a telephone number that no network of ours has.
    """
    made = uuid7()
    async with transaction():
        row = await _row(
            actor, made, purpose, subject, share, number=number, payer_user=payer_user, expires_at=expires_at
        )
        await add(row)
        opened = await queries.payment(actor, made)
        if opened.state in CAPTURED:
            await _post_paid(actor, opened, collector=None)
        await tell_payment(actor, opened, opened.state)
    return made


async def open_shares(
    actor: Actor,
    purpose: Purpose,
    subject: UUID,
    shares: Sequence[Share],
    *,
    payer_user: UUID | None = None,
    expires_at: datetime | None = None,
) -> list[UUID]:
    """Open one payment for each share that is not nothing, numbered from 1 in their order."""
    async with transaction():
        return [
            await open_payment(
                actor, purpose, subject, share, number=number, payer_user=payer_user, expires_at=expires_at
            )
            for number, share in enumerate([one for one in shares if one.amount], 1)
        ]


async def settle_cash(actor: Actor, subject: UUID, *, collector: UUID | None) -> bool:
    """Mark the cash of something as taken, into the collector's float, or at the counter where there is none.

    False where no cash was due, also when it was taken before.
    """
    async with transaction():
        waiting = [
            one
            for one in await queries.locked_of(actor, subject)
            if one.method is Method.CASH and one.state is State.PENDING
        ]
        return any([await capture(actor, one, collector=collector) for one in waiting])


async def settle_bank(actor: Actor, payment_id: UUID) -> bool:
    """Mark a transfer as arrived: finance matched it with the bank's list. False where it was settled before.

    The money of a transfer that is no longer wanted goes back by itself. Raises NotHere.
    """
    async with transaction():
        one = await queries.locked(actor, payment_id)
        if one.method is not Method.BANK:
            raise Refusal("payments.not_a_transfer", status=422)
        if one.state in ASKED:
            return await capture(actor, one)
        return one.state in (State.CANCELLED, State.EXPIRED) and await take_late(actor, one)


async def settle(actor: Actor, order_id: UUID) -> bool:
    """Take the cash of a tray that is handed over, into the float of who hands it over."""
    return await settle_cash(actor, order_id, collector=actor.user)


async def cancel(actor: Actor, subject: UUID, *, why: str = "") -> bool:
    """Call off everything that pays for a thing: what is asked is cancelled, what was taken goes back to its source.

    The sale is reversed. Money that still comes is given back by itself. False where there was nothing to do.
    """
    async with transaction():
        attempts = await queries.locked_of(actor, subject)
        await PaymentRow.update({PaymentRow.unwanted_at: clock.now()}).where(
            mine(PaymentRow, actor), PaymentRow.subject == subject, PaymentRow.unwanted_at.is_null()
        )
        await reverse_key(actor, f"sale:{subject}", reason=why or "cancelled")
        return any([await _call_off(actor, one, why or "cancelled") for one in attempts])


async def switch(
    actor: Actor,
    payment_id: UUID,
    method: Method,
    phone: str | None = None,
    *,
    source: UUID | None = None,
    insists: bool = False,
) -> UUID:
    """Pay a share another way; return the new attempt.

    A mobile payment that may still succeed is asked again first: Refusal("payments.still_asking"). Where the person
    insists it is cancelled, and its money goes back by itself should it come all the same.
    """
    async with transaction():
        old = await queries.locked(actor, payment_id)
        if old.state in (State.PAID, State.LATE) or old.unwanted_at or await queries.has_rival(actor, old):
            raise Refusal("payments.paid_already" if old.state is State.PAID else "payments.moved_on")
        is_open = old.method.is_mobile and old.sent_at is not None and old.state in ASKED
        if is_open and not insists:
            raise Refusal("payments.still_asking")
        if old.state in ASKED | {State.CHARGED}:
            await _call_off(actor, old, "switched")
        payer = Payer.SPONSOR if method is Method.FUND else old.payer
        share = Share(method, old.amount, payer, phone, source)
        return await open_payment(
            actor,
            old.purpose,
            old.subject,
            share,
            number=old.share,
            payer_user=old.payer_user,
            expires_at=old.expires_at,
        )


async def capture(
    actor: Actor, one: Payment, *, collector: UUID | None = None, provider_ref: str | None = None
) -> bool:
    """Take the money of a payment: paid, posted and told, once. False where it moved on meanwhile."""
    values: dict[Any, Any] = {PaymentRow.settled_at: clock.now(), PaymentRow.settled_by: actor.user}
    if provider_ref:
        values[PaymentRow.provider_ref] = provider_ref
    if not await move_payment(actor, one, PayVerb.SETTLE, values):
        return False
    if one.method is Method.CASH and collector is not None:
        await begin_shift(actor, collector)
    await _post_paid(actor, one, collector=collector)
    return True


async def take_late(actor: Actor, one: Payment, *, provider_ref: str | None = None) -> bool:
    """Take money that nobody waits for any more, and give it back in the same transaction."""
    values: dict[Any, Any] = {PaymentRow.settled_at: clock.now(), PaymentRow.settled_by: actor.user}
    if provider_ref:
        values[PaymentRow.provider_ref] = provider_ref
    if not await move_payment(actor, one, PayVerb.COME_LATE, values):
        return False
    await give_back(actor, one.id, one.amount, why="late", kind=RefundKind.LATE)
    return True


async def move_payment(actor: Actor, one: Payment, verb: PayVerb, values: dict[Any, Any] | None = None) -> bool:
    """Move a payment by one verb, by compare-and-set, with its event. False where it is no longer as it was read.

    Raises NotAllowed where the verb does not lead out of its state.
    """
    target = PAYMENT.after(one.state, verb)
    ends: dict[Any, Any] = {} if target in ASKED or _may_still_come(one, target) else {PaymentRow.next_poll_at: None}
    moved = (
        await PaymentRow.update({PaymentRow.state: target.value, **ends, **(values or {})})
        .where(mine(PaymentRow, actor), PaymentRow.id == one.id, PaymentRow.state == one.state.value)
        .returning(PaymentRow.id)
    )
    if moved and target is not one.state:
        await tell_payment(actor, one, target)
    return bool(moved)


def _may_still_come(one: Payment, target: State) -> bool:
    """A cancelled or expired request that was sent is asked about until the provider has ended it."""
    return one.method.is_mobile and one.sent_at is not None and target in (State.CANCELLED, State.EXPIRED)


async def _call_off(actor: Actor, one: Payment, why: str) -> bool:
    if one.state in ASKED:
        return await move_payment(actor, one, PayVerb.CANCEL)
    if one.state is State.CHARGED:
        await reverse_key(actor, f"paid:{one.id}", reason=why)
        return await move_payment(actor, one, PayVerb.CANCEL)
    if one.state is State.PAID and one.refunded_minor < one.amount_minor:
        await give_back(actor, one.id, one.amount - one.refunded, why=why, kind=RefundKind.CANCELLED)
        return True
    return False


async def _post_paid(actor: Actor, one: Payment, *, collector: UUID | None) -> None:
    to = where(one.method, source=one.source, subject=one.subject, collector=collector)
    lines = move(to, due(one.purpose, one.subject), one.amount_minor)
    await post(actor, EntryKind.PAID, one.about, lines, key=f"paid:{one.id}")


async def _row(
    actor: Actor,
    made: UUID,
    purpose: Purpose,
    subject: UUID,
    share: Share,
    *,
    number: int,
    payer_user: UUID | None,
    expires_at: datetime | None,
) -> PaymentRow:
    now, state = clock.now(), opening(share.method)
    is_settled = state in CAPTURED
    return PaymentRow(
        id=made,
        hospital=actor.hospital,
        purpose=purpose.value,
        subject=subject,
        meal_order=subject if purpose is Purpose.ORDER else None,
        share=number,
        payer=share.payer.value,
        payer_user=payer_user,
        method=share.method.value,
        amount_minor=share.amount.minor,
        currency=share.amount.currency,
        state=state.value,
        reference=uuid4(),
        code=with_check(short_code(7)) if share.method is Method.BANK else None,
        phone=_phone(share),
        source=await _source(actor, purpose, subject, share),
        created_at=now,
        next_poll_at=now + SOON if share.method.is_mobile else None,
        expires_at=expires_at,
        settled_at=now if is_settled else None,
        settled_by=actor.user if is_settled else None,
    )


def _phone(share: Share) -> str | None:
    if not share.method.is_mobile:
        return None
    number = e164(share.phone or "")
    if number is None:
        raise Refusal("payments.no_such_phone", status=422)
    return number


async def _source(actor: Actor, purpose: Purpose, subject: UUID, share: Share) -> UUID | None:
    """The stay behind a hospital account is the order's own where none is named."""
    if share.method is Method.HOSPITAL_ACCOUNT and share.source is None and purpose is Purpose.ORDER:
        return await queries.admission_of(actor, subject)
    return share.source
