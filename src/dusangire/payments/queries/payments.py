"""Reads of payments."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, State


class Payment(Struct, frozen=True):
    """How one order is paid."""

    id: UUID
    meal_order: UUID
    method: Method
    amount_minor: int
    state: State
    created_at: datetime
    settled_at: datetime | None
    settled_by: UUID | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class ByMethod(Struct, frozen=True):
    """What one day brought by one way of paying, in one state."""

    method: Method
    state: State
    orders: int
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


async def payment_of(actor: Actor, order_id: UUID) -> Payment | None:
    """Return the payment of an order: the live one, or the cancelled one where there is no other."""
    return await fetch_one(
        Payment,
        """
        SELECT id, meal_order, method, amount_minor, state, created_at, settled_at, settled_by FROM payment
        WHERE hospital = $1 AND meal_order = $2 ORDER BY state = 'cancelled', created_at DESC LIMIT 1
        """,
        actor.hospital,
        order_id,
    )


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
        """
        SELECT id, meal_order, method, amount_minor, state, created_at, settled_at, settled_by FROM payment
        WHERE hospital = $1 AND created_at >= $2 AND created_at < $3 ORDER BY created_at DESC LIMIT 1000
        """,
        actor.hospital,
        first,
        last,
    )
