"""Reads of the finance office: its list of payments, their sums, and what waits for somebody."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.money import Money
from dusangire.payments.rules import CAPTURED, Method, Payer, Purpose, State
from dusangire.payments.rules.desk import Counts, PaymentFilter, counts_as

PAGE = 100
SHEET = 20_000


class PaymentRow(Struct, frozen=True):
    """One payment of a list. label: the code of the tray or event, the bank's reference, or the plan; name: of the
    patient or who pays."""

    id: UUID
    purpose: Purpose
    subject: UUID
    label: str
    name: str
    bed: str | None
    payer: Payer
    method: Method
    state: State
    amount_minor: int
    refunded_minor: int
    created_at: datetime
    settled_at: datetime | None
    settled_by: str | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def counts(self) -> Counts:
        return counts_as(self.method)

    @property
    def taken_minor(self) -> int:
        """Money taken and still here."""
        is_money = self.counts is Counts.MONEY and self.state in CAPTURED
        return self.amount_minor - self.refunded_minor if is_money else 0


class Sum(Struct, frozen=True):
    """Payments of one method and state."""

    method: Method
    state: State
    payments: int
    amount_minor: int
    refunded_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def counts(self) -> Counts:
        return counts_as(self.method)

    @property
    def kept(self) -> Money:
        """What was taken or charged, without what went back."""
        return Money(self.amount_minor - self.refunded_minor if self.state in CAPTURED else 0)


class Attention(Struct, frozen=True):
    """What waits for the finance office, in numbers and francs."""

    quarantined: int
    unknown: int
    failed_refunds: int
    refunds_to_pay: int
    unmatched_lines: int
    unmatched_minor: int
    shifts_to_receive: int
    variances: int
    providers_down: int
    fiscal_pending: int

    @property
    def unmatched(self) -> Money:
        return Money(self.unmatched_minor)


# Payments opened on the days asked for, of their trays, or of every day.
_THESE = """
    y.hospital = $1 AND ($4 = '' OR y.method = $4) AND ($5 = '' OR y.state = $5) AND ($6 = '' OR y.purpose = $6)
    AND CASE $7 WHEN 'all' THEN true WHEN 'trays' THEN o.day BETWEEN $8 AND $9
                ELSE y.created_at >= $2 AND y.created_at < $3 END
"""
_FROM = "FROM payment y LEFT JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order"


# Whose the payments of `these` are and what each was for.
_ROWS = """
    SELECT y.id, y.purpose, y.subject, coalesce(y.tray, c.code, e.code, y.code, u.plan_code, '') AS label, y.payer,
           y.method, y.state,
           coalesce(p.given_name || ' ' || left(p.family_name, 1) || '.', w.name, e.bill_to, '') AS name,
           bed.code AS bed, y.amount_minor, y.refunded_minor, y.created_at, y.settled_at, s.name AS settled_by
    FROM these y
    LEFT JOIN staff_tray c ON c.hospital = y.hospital AND c.id = y.subject
    LEFT JOIN catering_event e ON e.hospital = y.hospital AND e.id = y.subject
    LEFT JOIN plan_term t ON t.hospital = y.hospital AND t.id = y.subject
    LEFT JOIN subscription u ON u.hospital = t.hospital AND u.id = t.subscription
    LEFT JOIN admission a ON a.hospital = y.hospital AND a.id = coalesce(y.admission, y.subject)
    LEFT JOIN patient p ON p.hospital = y.hospital AND p.id = coalesce(a.patient, u.patient)
    LEFT JOIN app_user w ON w.id = y.payer_user
    LEFT JOIN app_user s ON s.id = y.settled_by
    LEFT JOIN LATERAL (SELECT b.code FROM stay t JOIN bed b ON b.hospital = t.hospital AND b.id = t.bed
        WHERE t.hospital = a.hospital AND t.admission = a.id ORDER BY t.started_at DESC LIMIT 1) bed ON true
    ORDER BY y.id DESC
"""


async def payment_rows(actor: Actor, asked: PaymentFilter, most: int = PAGE) -> list[PaymentRow]:
    """Return the payments asked for, the latest first. One statement."""
    return await fetch(
        PaymentRow,
        f"""
        WITH these AS MATERIALIZED (
            SELECT y.*, o.admission, o.code AS tray {_FROM} WHERE {_THESE} AND ($10::uuid IS NULL OR y.id < $10)
            ORDER BY y.id DESC LIMIT $11)
        {_ROWS}
        """,
        *_arguments(actor, asked),
        asked.before,
        most,
    )


async def rows_of(actor: Actor, payments: Collection[UUID]) -> dict[UUID, PaymentRow]:
    """Return these payments as rows of a list. One statement."""
    found = await fetch(
        PaymentRow,
        f"""
        WITH these AS MATERIALIZED (
            SELECT y.*, o.admission, o.code AS tray {_FROM} WHERE y.hospital = $1 AND y.id = ANY($2::uuid[]))
        {_ROWS}
        """,
        actor.hospital,
        list(payments),
    )
    return {one.id: one for one in found}


async def sums(actor: Actor, asked: PaymentFilter) -> list[Sum]:
    """Return the payments asked for by method and state. One statement."""
    return await fetch(
        Sum,
        f"""
        SELECT y.method, y.state, count(*)::int AS payments, sum(y.amount_minor)::bigint AS amount_minor,
               sum(y.refunded_minor)::bigint AS refunded_minor
        {_FROM} WHERE {_THESE} GROUP BY y.method, y.state ORDER BY y.method, y.state
        """,
        *_arguments(actor, asked),
    )


def _arguments(actor: Actor, asked: PaymentFilter) -> tuple[Any, ...]:
    first, last = day_bounds(asked.day, actor.zone)[0], day_bounds(asked.last, actor.zone)[1]
    return actor.hospital, first, last, asked.method, asked.state, asked.purpose, asked.of, asked.day, asked.last


async def attention(actor: Actor) -> Attention:
    """Return what waits for the finance office. One statement."""
    found = await fetch_one(
        Attention,
        """
        SELECT y.quarantined, y.unknown, r.failed AS failed_refunds, r.to_pay AS refunds_to_pay,
               l.lines AS unmatched_lines, l.minor AS unmatched_minor, s.waiting AS shifts_to_receive, s.variances,
               (SELECT count(*)::int FROM provider_state WHERE hospital = $1 AND down_since IS NOT NULL)
                   AS providers_down,
               (SELECT count(*)::int FROM fiscal_receipt WHERE hospital = $1 AND state <> 'signed') AS fiscal_pending
        FROM (SELECT count(*) FILTER (WHERE state = 'quarantined')::int AS quarantined,
                     count(*) FILTER (WHERE state = 'unknown')::int AS unknown
              FROM payment WHERE hospital = $1 AND state IN ('quarantined', 'unknown')) y,
             (SELECT count(*) FILTER (WHERE r.state = 'failed')::int AS failed,
                     count(*) FILTER (WHERE r.state = 'pending' AND r.method IN ('cash', 'bank'))::int AS to_pay
              FROM refund r WHERE r.hospital = $1 AND r.state IN ('failed', 'pending')
                AND NOT EXISTS (SELECT FROM refund n WHERE n.hospital = $1 AND n.replaces = r.id)) r,
             (SELECT count(*)::int AS lines, coalesce(sum(rest), 0)::bigint AS minor FROM (
                SELECT b.amount_minor - coalesce((SELECT sum(u.amount_minor) FROM bank_use u
                    WHERE u.hospital = b.hospital AND u.line = b.id AND u.undone_at IS NULL), 0) AS rest
                FROM bank_line b WHERE b.hospital = $1) found WHERE rest > 0) l,
             (SELECT count(*)::int AS waiting, count(*) FILTER (WHERE counted_minor <> expected_minor)::int AS variances
              FROM cash_shift WHERE hospital = $1 AND state IN ('counted', 'checked')) s
        """,
        actor.hospital,
    )
    if found is None:
        raise RuntimeError("a row of sums was expected")
    return found


class Named(Struct, frozen=True):
    """Somebody to choose from a list."""

    id: UUID
    name: str


async def collectors(actor: Actor) -> list[Named]:
    """Return who works here and may take cash: carriers, the office, and whoever has done so before."""
    return await fetch(
        Named,
        """
        SELECT DISTINCT u.id, u.name FROM membership m JOIN app_user u ON u.id = m.app_user
        WHERE m.hospital = $1 AND m.ended_at IS NULL AND m.role IN ('delivery', 'finance', 'nurse', 'support')
        ORDER BY u.name
        """,
        actor.hospital,
    )


async def parties(actor: Actor, ids: list[UUID]) -> dict[UUID, str]:
    """Return what people call the parties of the ledger: a person's name, a tray's code, a receipt's number. One
    statement."""
    return {one.id: one.name for one in await fetch(Named, _PARTIES, actor.hospital, ids) if one.name}


_RECEIPT = "'R-' || upper(substr(y.reference::text, 1, 4)) || '-' || upper(substr(y.reference::text, 5, 4))"
_PARTIES = f"""
    SELECT u.id, u.name FROM app_user u WHERE u.id = ANY($2::uuid[])
        AND (EXISTS (SELECT FROM membership m WHERE m.hospital = $1 AND m.app_user = u.id)
             OR EXISTS (SELECT FROM patient p WHERE p.hospital = $1 AND p.app_user = u.id))
    UNION ALL SELECT id, given_name || ' ' || family_name FROM patient WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT a.id, p.given_name || ' ' || p.family_name FROM admission a
        JOIN patient p ON p.hospital = a.hospital AND p.id = a.patient
        WHERE a.hospital = $1 AND a.id = ANY($2::uuid[])
    UNION ALL SELECT t.id, coalesce(p.given_name || ' ' || p.family_name, u.name) || ', ' || s.plan_code
        FROM plan_term t JOIN subscription s ON s.hospital = t.hospital AND s.id = t.subscription
        LEFT JOIN patient p ON p.hospital = s.hospital AND p.id = s.patient LEFT JOIN app_user u ON u.id = s.app_user
        WHERE t.hospital = $1 AND t.id = ANY($2::uuid[])
    UNION ALL SELECT id, code FROM meal_order WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT id, code FROM staff_tray WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT id, code || ', ' || title FROM catering_event WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT id, name FROM fund WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT id, bank_ref FROM bank_line WHERE hospital = $1 AND id = ANY($2::uuid[])
    UNION ALL SELECT y.id, coalesce(y.code, {_RECEIPT}) FROM payment y
        WHERE y.hospital = $1 AND y.id = ANY($2::uuid[])
    UNION ALL SELECT r.id, coalesce(y.code, {_RECEIPT}) FROM refund r
        JOIN payment y ON y.hospital = r.hospital AND y.id = r.payment
        WHERE r.hospital = $1 AND r.id = ANY($2::uuid[])
"""  # noqa: S608  constants
