"""What somebody sees of their own money: each payment with what became of it, and the numbers they pay from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Purpose, RefundState, State
from dusangire.payments.rules.providers import masked

_PAGE = 100


class OwnRefund(Struct, frozen=True):
    """Money that goes back to the one who paid."""

    amount_minor: int
    state: RefundState
    method: Method

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class OwnPayment(Struct, frozen=True):
    """One attempt of theirs to pay. order_code: of the tray it is for, None for a plan or a bill."""

    id: UUID
    purpose: Purpose
    subject: UUID
    method: Method
    amount_minor: int
    state: State
    reference: UUID
    code: str | None
    phone: str | None
    reason: str | None
    created_at: datetime
    settled_at: datetime | None
    order_code: str | None
    refunds: tuple[OwnRefund, ...]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def number(self) -> str:
        """The receipt's number."""
        return receipt_number(self.reference)

    @property
    def from_phone(self) -> str:
        return masked(self.phone) if self.phone else ""

    @property
    def has_receipt(self) -> bool:
        return self.state in (State.PAID, State.CHARGED)


def receipt_number(reference: UUID) -> str:
    """Return the number on the receipt of a payment: short enough to be read aloud."""
    letters = reference.hex[:8].upper()
    return f"R-{letters[:4]}-{letters[4:]}"


_OWN = """
    SELECT p.id, p.purpose, p.subject, p.method, p.amount_minor, p.state, p.reference, p.code, p.phone, p.reason,
           p.created_at, p.settled_at, o.code AS order_code,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('amount_minor', r.amount_minor, 'state', r.state,
                'method', r.method) ORDER BY r.asked_at, r.id), '[]')
            FROM refund r WHERE r.hospital = p.hospital AND r.payment = p.id
              AND NOT EXISTS (SELECT FROM refund n WHERE n.hospital = r.hospital AND n.replaces = r.id)) AS refunds
    FROM payment p LEFT JOIN meal_order o ON o.hospital = p.hospital AND o.id = p.meal_order
    WHERE p.hospital = $1 AND p.payer_user = $2 AND p.payer IN ('patient', 'staff', 'client')
"""


async def own_payments(actor: Actor, before: datetime | None = None) -> list[OwnPayment]:
    """Return what this person paid or tried to pay, the latest first, a page at a time. What others pay is not here."""
    return await fetch(
        OwnPayment,
        _OWN + " AND ($3::timestamptz IS NULL OR p.created_at < $3) ORDER BY p.created_at DESC, p.id DESC LIMIT $4",
        *_mine(actor),
        before,
        _PAGE,
    )


async def own_payment(actor: Actor, payment_id: UUID) -> OwnPayment:
    """Return one payment of this person's. Raises NotHere, also for somebody else's."""
    found = await fetch_one(OwnPayment, _OWN + " AND p.id = $3", *_mine(actor), payment_id)
    if found is None:
        raise NotHere
    return found


def _mine(actor: Actor) -> tuple[Any, ...]:
    return actor.hospital, actor.user


class SavedPhone(Struct, frozen=True):
    """A number that somebody keeps for paying."""

    id: UUID
    phone: str
    method: Method
    used_at: datetime

    @property
    def shown(self) -> str:
        return masked(self.phone)


async def saved_phones(actor: Actor) -> list[SavedPhone]:
    """Return this person's own numbers, the one used last on top."""
    return await fetch(
        SavedPhone,
        """
        SELECT id, phone, method, used_at FROM saved_phone WHERE hospital = $1 AND app_user = $2
        ORDER BY used_at DESC LIMIT 20
        """,
        *_mine(actor),
    )
