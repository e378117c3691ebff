"""Reads of the bank's lines, of what they were used for, and of the invoices that wait for them."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Purpose, State

PAGE = 100


class BankLine(Struct, frozen=True):
    """One line of the bank: money that came in, and what of it is not used yet."""

    id: UUID
    bank_ref: str
    booked_on: date
    amount_minor: int
    left_minor: int
    sender: str
    message: str
    source: str
    imported_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def left(self) -> Money:
        return Money(self.left_minor)


class Use(Struct, frozen=True):
    """What a part of a line was used for. payment: None where it was sent back."""

    id: UUID
    line: UUID
    bank_ref: str
    booked_on: date
    payment: UUID | None
    code: str | None
    state: State | None
    amount_minor: int
    how: str
    why: str
    entry: UUID
    made_name: str | None
    made_at: datetime
    undone_at: datetime | None
    undone_why: str

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Invoice(Struct, frozen=True):
    """What somebody pays by bank transfer. name: of the patient or the person who asked; received: what came so far."""

    payment: UUID
    code: str
    purpose: Purpose
    subject: UUID
    state: State
    amount_minor: int
    received_minor: int
    name: str
    label: str
    created_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def received(self) -> Money:
        return Money(self.received_minor)

    @property
    def due(self) -> Money:
        """What is still to come; nothing where it is settled or no longer wanted."""
        return self.amount - self.received if self.state is State.PENDING else Money(0)


_LINES = """
    SELECT l.id, l.bank_ref, l.booked_on, l.amount_minor, l.sender, l.message, l.source, l.imported_at,
           l.amount_minor - coalesce(used.minor, 0)::int AS left_minor
    FROM bank_line l
    LEFT JOIN LATERAL (SELECT sum(u.amount_minor) AS minor FROM bank_use u
        WHERE u.hospital = l.hospital AND u.line = l.id AND u.undone_at IS NULL) used ON true
"""
_USES = """
    SELECT u.id, u.line, l.bank_ref, l.booked_on, u.payment, y.code, y.state, u.amount_minor, u.how, u.why, u.entry,
           m.name AS made_name, u.made_at, u.undone_at, u.undone_why
    FROM bank_use u
    JOIN bank_line l ON l.hospital = u.hospital AND l.id = u.line
    LEFT JOIN payment y ON y.hospital = u.hospital AND y.id = u.payment
    LEFT JOIN app_user m ON m.id = u.made_by
"""
_INVOICES = """
    SELECT y.id AS payment, y.code, y.purpose, y.subject, y.state, y.amount_minor,
           coalesce(got.minor, 0)::int AS received_minor, coalesce(o.code, '') AS label, y.created_at,
           coalesce(p.given_name || ' ' || p.family_name, w.name, i.insurer, '') AS name
    FROM payment y
    LEFT JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
    LEFT JOIN admission a ON a.hospital = y.hospital AND a.id = coalesce(o.admission, y.subject)
    LEFT JOIN patient p ON p.hospital = a.hospital AND p.id = a.patient
    LEFT JOIN app_user w ON w.id = y.payer_user
    LEFT JOIN insurer_invoice i ON i.hospital = y.hospital AND i.id = y.subject
    LEFT JOIN LATERAL (SELECT sum(u.amount_minor) AS minor FROM bank_use u
        WHERE u.hospital = y.hospital AND u.payment = y.id AND u.undone_at IS NULL) got ON true
"""


async def line(actor: Actor, line_id: UUID) -> BankLine:
    """Return one line of the bank. Raises NotHere."""
    found = await fetch_one(BankLine, f"{_LINES} WHERE l.hospital = $1 AND l.id = $2", actor.hospital, line_id)
    if found is None:
        raise NotHere
    return found


async def lines(
    actor: Actor, since: date | None, until: date | None, *, only_open: bool, most: int = PAGE
) -> list[BankLine]:
    """Return the lines of these days, the latest first; only_open: those with money left."""
    return await fetch(
        BankLine,
        f"""
        SELECT * FROM ({_LINES} WHERE l.hospital = $1 AND ($2::date IS NULL OR l.booked_on >= $2)
                       AND ($3::date IS NULL OR l.booked_on <= $3)) found
        WHERE NOT $4 OR left_minor > 0 ORDER BY booked_on DESC, id DESC LIMIT $5
        """,  # noqa: S608  a constant
        actor.hospital,
        since,
        until,
        only_open,
        most,
    )


async def known_refs(actor: Actor, refs: list[str]) -> frozenset[str]:
    """Return which of these references of the bank came in before."""
    found = await fetch(
        _Ref,
        "SELECT bank_ref FROM bank_line WHERE hospital = $1 AND bank_ref = ANY($2::text[])",
        actor.hospital,
        refs,
    )
    return frozenset(one.bank_ref for one in found)


class _Ref(Struct, frozen=True):
    bank_ref: str


async def use(actor: Actor, use_id: UUID) -> Use:
    """Return one use of a line. Raises NotHere."""
    found = await fetch_one(Use, f"{_USES} WHERE u.hospital = $1 AND u.id = $2", actor.hospital, use_id)
    if found is None:
        raise NotHere
    return found


async def uses(actor: Actor, *, line_id: UUID | None = None, payment: UUID | None = None) -> list[Use]:
    """Return what a line was used for, or which lines pay a payment, in order; undone ones are named as such."""
    return await fetch(
        Use,
        f"""{_USES} WHERE u.hospital = $1 AND ($2::uuid IS NULL OR u.line = $2)
        AND ($3::uuid IS NULL OR u.payment = $3) ORDER BY u.made_at, u.id""",
        actor.hospital,
        line_id,
        payment,
    )


async def invoice(actor: Actor, payment: UUID) -> Invoice:
    """Return the invoice of a payment by bank. Raises NotHere."""
    found = await fetch_one(
        Invoice,
        f"{_INVOICES} WHERE y.hospital = $1 AND y.id = $2 AND y.code IS NOT NULL",
        actor.hospital,
        payment,
    )
    if found is None:
        raise NotHere
    return found


async def invoices(actor: Actor, said: str = "", *, only_open: bool = True, most: int = PAGE) -> list[Invoice]:
    """Return the invoices, the oldest first; with words, those whose reference, tray or name fits them."""
    return await fetch(
        Invoice,
        f"""
        {_INVOICES} WHERE y.hospital = $1 AND y.method = 'bank' AND y.code IS NOT NULL
          AND (NOT $3 OR y.state = 'pending')
          AND ($2 = '' OR y.code ILIKE $2 OR o.code ILIKE $2
               OR coalesce(p.given_name || ' ' || p.family_name, w.name, i.insurer) ILIKE '%' || $2 || '%')
        ORDER BY y.created_at LIMIT $4
        """,
        actor.hospital,
        said,
        only_open,
        most,
    )


async def invoices_of_codes(actor: Actor, codes: list[str]) -> list[Invoice]:
    """Return the invoices with these references."""
    return await fetch(
        Invoice,
        f"{_INVOICES} WHERE y.hospital = $1 AND y.code = ANY($2::text[])",
        actor.hospital,
        codes,
    )


async def is_own(actor: Actor, payment: UUID) -> bool:
    """Say whether a payment is the actor's own to pay: asked of them, or of the patient they act for."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM payment y
                LEFT JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
                LEFT JOIN admission a ON a.hospital = y.hospital AND a.id = y.subject
                WHERE y.hospital = $1 AND y.id = $2
                  AND (y.payer_user = $3 OR $4::uuid IN (o.patient, a.patient)))
            """,
            actor.hospital,
            payment,
            actor.user,
            actor.patient,
        )
    )


async def held_for_dead(actor: Actor) -> list[Use]:
    """Return what came for payments that nobody wants any more: it waits for finance to undo it and send it back."""
    return await fetch(
        Use,
        f"""{_USES} WHERE u.hospital = $1 AND u.undone_at IS NULL
        AND y.state IN ('cancelled', 'expired', 'failed') ORDER BY u.made_at""",
        actor.hospital,
    )


class Payee(Struct, frozen=True):
    """Where money is to be sent, as an invoice says it."""

    payee: str
    bank_name: str
    bank_account: str
    variance_limit_minor: int = 1000


async def payee(actor: Actor) -> Payee:
    """Return the office's settings; empty words where nobody has written them yet."""
    found = await fetch_one(
        Payee,
        "SELECT payee, bank_name, bank_account, variance_limit_minor FROM finance_setting WHERE hospital = $1",
        actor.hospital,
    )
    return found or Payee("", "", "")
