"""Reads of refunds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Purpose, RefundState
from dusangire.payments.rules.refunds import RefundKind


class Refund(Struct, frozen=True):
    """Money that goes back. replaced_by: the refund that pays this failed one another way."""

    id: UUID
    payment: UUID
    purpose: Purpose
    subject: UUID
    payer_user: UUID | None
    phone: str | None
    source: UUID | None
    captured_minor: int
    of_reference: UUID
    of_provider_ref: str | None
    base_url: str | None
    amount_minor: int
    kind: RefundKind
    method: Method
    state: RefundState
    why: str
    reference: UUID
    provider_ref: str | None
    reason: str | None
    said: str
    sent_at: datetime | None
    polls: int
    next_poll_at: datetime | None
    asked_by: UUID
    asked_at: datetime
    settled_at: datetime | None
    settled_by: UUID | None
    replaces: UUID | None
    replaced_by: UUID | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def captured(self) -> Money:
        return Money(self.captured_minor)

    @property
    def about(self) -> str:
        return f"refund:{self.id}"


_REFUNDS = """
    SELECT r.id, r.payment, p.purpose, p.subject, p.payer_user, p.phone, p.source, p.amount_minor AS captured_minor,
           p.reference AS of_reference, p.provider_ref AS of_provider_ref, p.base_url, r.amount_minor, r.kind,
           r.method, r.state, r.why, r.reference, r.provider_ref, r.reason, r.said, r.sent_at, r.polls, r.next_poll_at,
           r.asked_by, r.asked_at, r.settled_at, r.settled_by, r.replaces, n.id AS replaced_by
    FROM refund r JOIN payment p ON p.hospital = r.hospital AND p.id = r.payment
    LEFT JOIN refund n ON n.hospital = r.hospital AND n.replaces = r.id
    WHERE r.hospital = $1
"""


async def refund(actor: Actor, refund_id: UUID) -> Refund:
    """Return one refund. Raises NotHere."""
    found = await fetch_one(Refund, f"{_REFUNDS} AND r.id = $2", actor.hospital, refund_id)
    if found is None:
        raise NotHere
    return found


async def locked_refund(actor: Actor, refund_id: UUID) -> Refund:
    """Return one refund and keep its row until the transaction ends. Raises NotHere."""
    found = await fetch_one(Refund, f"{_REFUNDS} AND r.id = $2 FOR UPDATE OF r", actor.hospital, refund_id)
    if found is None:
        raise NotHere
    return found


async def refunds_of(actor: Actor, subject: UUID) -> list[Refund]:
    """Return what went back, or will, of something that was paid; the oldest first."""
    return await fetch(Refund, f"{_REFUNDS} AND p.subject = $2 ORDER BY r.asked_at, r.id", actor.hospital, subject)


async def paid_back(actor: Actor, *, most: int = 100) -> list[Refund]:
    """Return the refunds that were paid, the latest first."""
    return await fetch(
        Refund,
        f"{_REFUNDS} AND r.state = 'paid' ORDER BY r.asked_at DESC, r.id DESC LIMIT $2",
        actor.hospital,
        most,
    )


async def refunds_in(actor: Actor, states: Sequence[RefundState]) -> list[Refund]:
    """Return the refunds in these states that no other took the place of, the oldest first."""
    return await fetch(
        Refund,
        f"{_REFUNDS} AND r.state = ANY($2::text[]) AND n.id IS NULL ORDER BY r.asked_at, r.id LIMIT 1000",
        actor.hospital,
        [state.value for state in states],
    )
