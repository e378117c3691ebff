"""Reads of payments."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Payer, Purpose, State


class Payment(Struct, frozen=True):
    """One attempt to pay one share of something. unwanted_at: since when money that still comes is given back."""

    id: UUID
    purpose: Purpose
    subject: UUID
    meal_order: UUID | None
    share: int
    payer: Payer
    payer_user: UUID | None
    method: Method
    amount_minor: int
    currency: str
    state: State
    reference: UUID
    code: str | None
    phone: str | None
    base_url: str | None
    provider_ref: str | None
    source: UUID | None
    reason: str | None
    said: str
    created_at: datetime
    sent_at: datetime | None
    polls: int
    next_poll_at: datetime | None
    expires_at: datetime | None
    settled_at: datetime | None
    settled_by: UUID | None
    refunded_minor: int
    unwanted_at: datetime | None
    answered_minor: int | None
    answered_currency: str | None
    answered_ref: str | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_minor, self.currency)

    @property
    def answered(self) -> Money | None:
        """What the network says came, where it was not what was asked."""
        if self.answered_minor is None or self.answered_currency is None:
            return None
        return Money(self.answered_minor, self.answered_currency)

    @property
    def about(self) -> str:
        return f"payment:{self.id}"


class ByMethod(Struct, frozen=True):
    """What one day brought by one way of paying, in one state."""

    method: Method
    state: State
    orders: int
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


COLUMNS = (
    "id, purpose, subject, meal_order, share, payer, payer_user, method, amount_minor, currency, state, reference, "
    "code, phone, base_url, provider_ref, source, reason, said, created_at, sent_at, polls, next_poll_at, expires_at, "
    "settled_at, settled_by, refunded_minor, unwanted_at, answered_minor, answered_currency, answered_ref"
)
_PAYMENTS = f"SELECT {COLUMNS} FROM payment WHERE hospital = $1"  # noqa: S608  constants


async def payment(actor: Actor, payment_id: UUID) -> Payment:
    """Return one payment. Raises NotHere."""
    found = await fetch_one(Payment, f"{_PAYMENTS} AND id = $2", actor.hospital, payment_id)
    if found is None:
        raise NotHere
    return found


async def locked(actor: Actor, payment_id: UUID) -> Payment:
    """Return one payment and keep its row until the transaction ends. Raises NotHere."""
    found = await fetch_one(Payment, f"{_PAYMENTS} AND id = $2 FOR UPDATE", actor.hospital, payment_id)
    if found is None:
        raise NotHere
    return found


async def payments_of(actor: Actor, subject: UUID) -> list[Payment]:
    """Return every attempt to pay something, by share, the oldest first."""
    return await fetch(Payment, f"{_PAYMENTS} AND subject = $2 ORDER BY share, created_at, id", actor.hospital, subject)


async def locked_of(actor: Actor, subject: UUID) -> list[Payment]:
    """Return the same by id, and keep the rows until the transaction ends."""
    return await fetch(Payment, f"{_PAYMENTS} AND subject = $2 ORDER BY id FOR UPDATE", actor.hospital, subject)


async def payment_of(actor: Actor, order_id: UUID) -> Payment | None:
    """Return how an order is paid: the live attempt of its first share, or the last one where none lives."""
    return await fetch_one(
        Payment,
        f"""
        {_PAYMENTS} AND subject = $2
        ORDER BY state IN ('cancelled', 'failed', 'expired', 'late', 'quarantined'), share, created_at DESC LIMIT 1
        """,
        actor.hospital,
        order_id,
    )


async def payment_of_code(actor: Actor, code: str) -> Payment | None:
    """Return the bank transfer that this code was given for."""
    return await fetch_one(Payment, f"{_PAYMENTS} AND code = $2", actor.hospital, code)


async def payment_of_reference(actor: Actor, reference: UUID) -> Payment | None:
    """Return the payment that was sent to a provider under this reference."""
    return await fetch_one(Payment, f"{_PAYMENTS} AND reference = $2", actor.hospital, reference)


async def is_covered(actor: Actor, subject: UUID) -> bool:
    """Say whether every share is paid, charged, or waits only for cash or a transfer. True where nothing is to pay."""
    lacking = await fetch_value(
        """
        SELECT count(*) FROM (
            SELECT share FROM payment WHERE hospital = $1 AND subject = $2 GROUP BY share
            HAVING NOT bool_or(state IN ('paid', 'charged') OR state = 'pending' AND method IN ('cash', 'bank'))
        ) AS bare
        """,
        actor.hospital,
        subject,
    )
    return bool(lacking == 0)


async def has_rival(actor: Actor, one: Payment) -> bool:
    """Say whether another attempt lives for the same share."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM payment WHERE hospital = $1 AND subject = $2 AND share = $3 AND id <> $4
                AND state IN ('created', 'pending', 'unknown', 'paid', 'charged'))
            """,
            actor.hospital,
            one.subject,
            one.share,
            one.id,
        )
    )


async def is_used(actor: Actor, one: Payment, provider_ref: str) -> bool:
    """Say whether the provider's own number of this money stands on another payment already."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM payment WHERE hospital = $1 AND method = $2 AND provider_ref = $3 AND id <> $4)
            """,
            actor.hospital,
            one.method.value,
            provider_ref,
            one.id,
        )
    )


async def admission_of(actor: Actor, order_id: UUID) -> UUID | None:
    """Return the stay on whose account an order is charged."""
    found: UUID | None = await fetch_value(
        "SELECT admission FROM meal_order WHERE hospital = $1 AND id = $2", actor.hospital, order_id
    )
    return found


async def by_method(actor: Actor, day: date) -> list[ByMethod]:
    """Return what was opened on this day of the hospital's, by method and state."""
    first, last = day_bounds(day, actor.zone)
    return await fetch(
        ByMethod,
        """
        SELECT method, state, count(*)::int AS orders, coalesce(sum(amount_minor), 0)::int AS amount_minor
        FROM payment WHERE hospital = $1 AND created_at >= $2 AND created_at < $3
        GROUP BY method, state ORDER BY method, state
        """,
        actor.hospital,
        first,
        last,
    )


async def payments_on(actor: Actor, day: date) -> list[Payment]:
    """Return the payments opened on this day, the latest first: the rows behind the figures."""
    first, last = day_bounds(day, actor.zone)
    return await fetch(
        Payment,
        f"{_PAYMENTS} AND created_at >= $2 AND created_at < $3 ORDER BY created_at DESC LIMIT 1000",
        actor.hospital,
        first,
        last,
    )


async def in_state(actor: Actor, states: Sequence[State]) -> list[Payment]:
    """Return the payments in these states, the oldest first: what finance has to look at."""
    return await fetch(
        Payment,
        f"{_PAYMENTS} AND state = ANY($2::text[]) ORDER BY created_at LIMIT 1000",
        actor.hospital,
        [state.value for state in states],
    )
