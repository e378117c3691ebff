"""Reads of payer classes, of the rules that divide a meal's price, and of what insurers owe."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import State
from dusangire.payments.rules.payers import PayerRule


class Insured(Struct, frozen=True):
    """Who stands behind the bill of one admission."""

    admission: UUID
    patient: UUID
    payer_class: str
    insurer: str
    insurance_no: str


class InsurerDue(Struct, frozen=True):
    """What one insurer owes for the trays of a month."""

    payer_class: str
    insurer: str
    trays: int
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class InsurerInvoice(Struct, frozen=True):
    """A month's invoice as it was issued. payment: the transfer that is asked for, with the reference `code`."""

    id: UUID
    payer_class: str
    insurer: str
    trays: int
    amount_minor: int
    issued_at: datetime
    payment: UUID
    code: str
    state: State

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class InsuredTray(Struct, frozen=True):
    """One line of an insurer's invoice."""

    day: date
    period: str
    order_code: str
    patient: str
    mrn: str
    insurance_no: str
    total_minor: int
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def total(self) -> Money:
        return Money(self.total_minor)


_RULE = """
    SELECT id, payer_class, periods, weekdays, patient_percent, hospital_percent, insurer_percent, sponsor_percent,
           fund, begins_on FROM payer_rule WHERE hospital = $1 AND ended_at IS NULL
"""
_INSURED = "SELECT id AS admission, patient, payer_class, insurer, insurance_no FROM admission WHERE hospital = $1"
_OWED = """
    FROM payment y JOIN insured_tray i ON i.hospital = y.hospital AND i.meal_order = y.meal_order
    JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
    JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
    WHERE y.hospital = $1 AND y.method = 'insurer' AND y.state IN ('charged', 'paid') AND o.day >= $2 AND o.day < $3
"""


async def payer_rules(actor: Actor, payer_class: str | None = None) -> list[PayerRule]:
    """Return the rules in force, of one class or of all, those for all meals first."""
    return await fetch(
        PayerRule,
        f"{_RULE} AND ($2::text IS NULL OR payer_class = $2) ORDER BY payer_class, cardinality(periods), begins_on, id",
        actor.hospital,
        payer_class,
    )


async def insured(actor: Actor, admission: UUID) -> Insured:
    """Return who stands behind an admission. Raises NotHere."""
    found = await fetch_one(Insured, f"{_INSURED} AND id = $2", actor.hospital, admission)
    if found is None:
        raise NotHere
    return found


async def insured_now(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, Insured]:
    """Return the same of the patients who are admitted now, by patient."""
    rows = await fetch(
        Insured, f"{_INSURED} AND ended_at IS NULL AND patient = ANY($2::uuid[])", actor.hospital, list(patients)
    )
    return {row.patient: row for row in rows}


async def insurers_due(actor: Actor, first: date, after: date) -> list[InsurerDue]:
    """Return what each insurer owes for the trays of these days."""
    return await fetch(
        InsurerDue,
        f"""
        SELECT i.payer_class, i.insurer, count(*)::int AS trays,
               sum(y.amount_minor - y.refunded_minor)::bigint AS amount_minor
        {_OWED} GROUP BY i.payer_class, i.insurer ORDER BY i.payer_class, i.insurer
        """,
        actor.hospital,
        first,
        after,
    )


async def insurer_invoices(actor: Actor, first: date) -> list[InsurerInvoice]:
    """Return what was issued for the month that begins on this day."""
    return await fetch(
        InsurerInvoice,
        """
        SELECT i.id, i.payer_class, i.insurer, i.trays, i.amount_minor, i.issued_at, y.id AS payment, y.code, y.state
        FROM insurer_invoice i JOIN payment y ON y.hospital = i.hospital AND y.subject = i.id
        WHERE i.hospital = $1 AND i.month = $2 ORDER BY i.payer_class, i.insurer
        """,
        actor.hospital,
        first,
    )


async def insured_trays(actor: Actor, first: date, after: date, payer_class: str, insurer: str) -> list[InsuredTray]:
    """Return the lines of one insurer's invoice for these days."""
    return await fetch(
        InsuredTray,
        f"""
        SELECT o.day, o.period, o.code AS order_code, p.given_name || ' ' || p.family_name AS patient, p.mrn,
               i.insurance_no, o.total_minor, y.amount_minor - y.refunded_minor AS amount_minor
        {_OWED} AND i.payer_class = $4 AND i.insurer = $5 ORDER BY o.day, o.code
        """,
        actor.hospital,
        first,
        after,
        payer_class,
        insurer,
    )
