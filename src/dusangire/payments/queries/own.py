"""What somebody sees of their own money: each payment with what became of it, and the numbers they pay from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor, Role
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
    """One attempt to pay: their own, or somebody's for a tray of theirs.

    order_code: of the tray it is for, None for a plan or a bill; by: who paid where they did not; phone: theirs only.
    """

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
    by: str | None
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


# What somebody paid themselves, and what others paid for trays that they eat as a patient.
_WHOSE = """
    SELECT y.id FROM payment y WHERE y.hospital = $1 AND y.payer_user = $2
    UNION ALL
    SELECT y.id FROM meal_order m JOIN payment y ON y.hospital = m.hospital AND y.meal_order = m.id
    WHERE m.hospital = $1 AND m.patient = $3
"""
_OWN = f"""
    SELECT p.id, p.purpose, p.subject, p.method, p.amount_minor, p.state, p.reference, p.code, p.reason, p.created_at,
           p.settled_at, CASE WHEN p.payer_user = $2 THEN p.phone END AS phone, o.code AS order_code,
           CASE WHEN p.payer_user <> $2 THEN u.name END AS by,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('amount_minor', r.amount_minor, 'state', r.state,
                'method', r.method) ORDER BY r.asked_at, r.id), '[]')
            FROM refund r WHERE r.hospital = p.hospital AND r.payment = p.id
              AND NOT EXISTS (SELECT FROM refund n WHERE n.hospital = r.hospital AND n.replaces = r.id)) AS refunds
    FROM payment p LEFT JOIN meal_order o ON o.hospital = p.hospital AND o.id = p.meal_order
    LEFT JOIN app_user u ON u.id = p.payer_user
    WHERE p.hospital = $1 AND p.id IN ({_WHOSE}) AND p.payer IN ('patient', 'staff', 'client')
"""  # noqa: S608  statements of ours


async def own_payments(actor: Actor, before: datetime | None = None) -> list[OwnPayment]:
    """Return what this person paid or tried to pay, and a relative for a tray of theirs; the latest first, by the page.

    What insurers, funds and the hospital pay is not here.
    """
    return await fetch(
        OwnPayment,
        _OWN + " AND ($4::timestamptz IS NULL OR p.created_at < $4) ORDER BY p.created_at DESC, p.id DESC LIMIT $5",
        *_mine(actor),
        before,
        _PAGE,
    )


async def own_payment(actor: Actor, payment_id: UUID) -> OwnPayment:
    """Return one payment of this person's. Raises NotHere, also for somebody else's."""
    found = await fetch_one(OwnPayment, _OWN + " AND p.id = $4", *_mine(actor), payment_id)
    if found is None:
        raise NotHere
    return found


def _mine(actor: Actor) -> tuple[Any, ...]:
    return actor.hospital, actor.user, actor.patient if actor.role is Role.PATIENT else None


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
        actor.hospital,
        actor.user,
    )
