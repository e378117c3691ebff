"""What is committed before a provider is asked, and which payments and refunds are asked about next."""

from datetime import datetime
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, mine, transaction
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.queries import Payment, Refund
from dusangire.payments.rules import ASKED, PayVerb, State
from dusangire.payments.rules.asking import LEASE, is_overdue
from dusangire.payments.service.intents import move_payment
from dusangire.payments.tables import Payment as PaymentRow
from dusangire.payments.tables import Refund as RefundRow


async def mark_sent(actor: Actor, payment_id: UUID, base_url: str | None, now: datetime) -> Payment | None:
    """Commit that a request is about to be sent, and return it; None for whoever must not send it.

    Exactly one caller may. Should it die between this commit and the provider's answer, the provider is asked first.
    """
    async with transaction():
        taken = (
            await PaymentRow.update(
                {PaymentRow.sent_at: now, PaymentRow.base_url: base_url, PaymentRow.next_poll_at: now + LEASE}
            )
            .where(
                mine(PaymentRow, actor),
                PaymentRow.id == payment_id,
                PaymentRow.state == State.CREATED.value,
                PaymentRow.sent_at.is_null(),
            )
            .returning(PaymentRow.id)
        )
        return await queries.payment(actor, payment_id) if taken else None


async def mark_refund_sent(actor: Actor, refund_id: UUID, now: datetime) -> Refund | None:
    """The same for a refund."""
    async with transaction():
        taken = (
            await RefundRow.update({RefundRow.sent_at: now, RefundRow.next_poll_at: now + LEASE})
            .where(
                mine(RefundRow, actor),
                RefundRow.id == refund_id,
                RefundRow.state == State.CREATED.value,
                RefundRow.sent_at.is_null(),
            )
            .returning(RefundRow.id)
        )
        return await queries.refund(actor, refund_id) if taken else None


async def expire_unsent(actor: Actor, payment_id: UUID) -> bool:
    """Let go of a request whose time is over and that was never sent."""
    async with transaction():
        one = await queries.locked(actor, payment_id)
        if one.state is not State.CREATED or one.sent_at is not None:
            return False
        return await move_payment(actor, one, PayVerb.EXPIRE, {PaymentRow.next_poll_at: None})


async def claim_payment(actor: Actor, now: datetime) -> Payment | None:
    """Take the payment that has waited longest to be asked about, for a minute; None where none is due.

    Any number of workers may: a row that another one holds is passed over.
    """
    async with transaction():
        taken: UUID | None = await fetch_value(_CLAIM.format(table="payment"), actor.hospital, now, now + LEASE)
        return None if taken is None else await queries.payment(actor, taken)


async def claim_refund(actor: Actor, now: datetime) -> Refund | None:
    """The same for refunds."""
    async with transaction():
        taken: UUID | None = await fetch_value(_CLAIM.format(table="refund"), actor.hospital, now, now + LEASE)
        return None if taken is None else await queries.refund(actor, taken)


async def may_send_again(actor: Actor, payment_id: UUID, now: datetime) -> bool:
    """Say whether a request that the provider never had is still wanted, so that the same one may be sent again."""
    one = await queries.payment(actor, payment_id)
    is_over = one.expires_at is not None and one.expires_at <= now
    return one.state in ASKED and not is_over and not is_overdue(one.sent_at or now, now)


async def ask_soon(actor: Actor, payment_id: UUID) -> bool:
    """Let a payment be asked about at once: somebody said there is news. False where nothing can come of it."""
    async with transaction():
        moved = (
            await PaymentRow.update({PaymentRow.next_poll_at: clock.now()})
            .where(
                mine(PaymentRow, actor),
                PaymentRow.id == payment_id,
                PaymentRow.sent_at.is_not_null(),
                PaymentRow.state.is_in([state.value for state in _NEWS_COUNTS]),
            )
            .returning(PaymentRow.id)
        )
        if moved:
            await record(actor, "payment:news", f"payment:{payment_id}")
    return bool(moved)


_NEWS_COUNTS = (
    State.CREATED,
    State.PENDING,
    State.UNKNOWN,
    State.FAILED,
    State.EXPIRED,
    State.CANCELLED,
    State.QUARANTINED,
)
_CLAIM = """
    UPDATE {table} SET next_poll_at = $3, polls = polls + 1
    WHERE hospital = $1 AND id = (
        SELECT id FROM {table} WHERE hospital = $1 AND next_poll_at <= $2
        ORDER BY next_poll_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING id
"""
