"""Reads for reconciliation: our side of a day, and what earlier runs found."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.ids import as_uuid
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method
from dusangire.payments.rules.reconciling import Difference, Ours
from dusangire.payments.rules.statement import Kind, StatementLine


class Run(Struct, frozen=True):
    """One comparison of a day and a way of paying. runs: how often it was made; left: what nobody explained yet."""

    id: UUID
    day: date
    method: Method
    runs: int
    matched: int
    left: int
    ours_minor: int
    theirs_minor: int
    ran_at: datetime
    ran_by: UUID

    @property
    def difference(self) -> Money:
        return Money(self.theirs_minor - self.ours_minor)


class ReconLine(Struct, frozen=True):
    """One line of a comparison that did not fit."""

    id: UUID
    run: UUID
    day: date
    method: Method
    kind: Difference
    direction: Kind
    reference: str
    provider_ref: str
    payment: UUID | None
    ours_minor: int | None
    theirs_minor: int | None
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: UUID | None
    resolution: str

    @property
    def ours(self) -> Money | None:
        return None if self.ours_minor is None else Money(self.ours_minor)

    @property
    def theirs(self) -> Money | None:
        return None if self.theirs_minor is None else Money(self.theirs_minor)


class _Row(Struct, frozen=True):
    reference: str
    provider_ref: str
    amount_minor: int
    currency: str
    kind: Kind
    payment: UUID | None
    is_captured: bool
    is_of_day: bool


async def our_side(actor: Actor, day: date, method: Method, lines: Sequence[StatementLine]) -> list[Ours]:
    """Return what our books have of this day, and whatever the list names of other days."""
    first, last = day_bounds(day, actor.zone)
    if method is Method.CASH:
        rows = await fetch(_Row, _CASH, actor.hospital, first, last)
    else:
        rows = await fetch(
            _Row,
            _MOVED,
            actor.hospital,
            method.value,
            first,
            last,
            [number for line in lines if (number := as_uuid(line.reference))],
            [line.provider_ref for line in lines if line.provider_ref],
            [line.reference.strip().upper() for line in lines],
            day,
        )
    return [
        Ours(
            row.reference,
            row.provider_ref,
            Money(row.amount_minor, row.currency),
            row.kind,
            row.payment,
            row.is_captured,
            row.is_of_day,
        )
        for row in rows
    ]


async def recon_runs(actor: Actor, limit: int = 100) -> list[Run]:
    """Return the comparisons, the latest day first."""
    return await fetch(Run, f"{_RUNS} ORDER BY r.day DESC, r.method LIMIT $2", actor.hospital, limit)


async def recon_run(actor: Actor, day: date, method: Method) -> Run | None:
    return await fetch_one(Run, f"{_RUNS} AND r.day = $2 AND r.method = $3", actor.hospital, day, method.value)


async def recon_lines(actor: Actor, run: UUID | None = None, *, only_open: bool = False) -> list[ReconLine]:
    """Return what did not fit, in one run or in all, the latest day first."""
    return await fetch(
        ReconLine,
        """
        SELECT l.id, l.run, r.day, r.method, l.kind, l.direction, l.reference, l.provider_ref, l.payment, l.ours_minor,
               l.theirs_minor, l.found_at, l.resolved_at, l.resolved_by, l.resolution
        FROM recon_line l JOIN recon_run r ON r.hospital = l.hospital AND r.id = l.run
        WHERE l.hospital = $1 AND l.kind <> 'matched' AND ($2::uuid IS NULL OR l.run = $2)
          AND (NOT $3 OR l.resolved_at IS NULL)
        ORDER BY r.day DESC, r.method, l.found_at, l.id LIMIT 2000
        """,
        actor.hospital,
        run,
        only_open,
    )


_RUNS = """
    SELECT r.id, r.day, r.method, r.runs, r.matched, r.ours_minor, r.theirs_minor, r.ran_at, r.ran_by,
           (SELECT count(*)::int FROM recon_line l WHERE l.hospital = r.hospital AND l.run = r.id
            AND l.kind <> 'matched' AND l.resolved_at IS NULL) AS left
    FROM recon_run r WHERE r.hospital = $1
"""
# A payment that another day's list had already is not missed on its own.
_MOVED = """
    SELECT coalesce(p.code, p.reference::text) AS reference, coalesce(p.provider_ref, '') AS provider_ref,
           p.amount_minor, p.currency, 'payment' AS kind, p.id AS payment,
           p.state IN ('paid', 'late') AS is_captured,
           coalesce(p.settled_at >= $3 AND p.settled_at < $4, false) AND NOT EXISTS (
               SELECT FROM recon_line l JOIN recon_run n ON n.hospital = l.hospital AND n.id = l.run
               WHERE l.hospital = p.hospital AND l.payment = p.id AND l.kind = 'matched' AND l.direction = 'payment'
               AND n.day <> $8) AS is_of_day
    FROM payment p
    WHERE p.hospital = $1 AND p.method = $2
      AND (p.state IN ('paid', 'late') AND p.settled_at >= $3 AND p.settled_at < $4
           OR p.reference = ANY($5::uuid[]) OR p.provider_ref = ANY($6::text[]) OR p.code = ANY($7::text[]))
    UNION ALL
    SELECT r.reference::text, coalesce(r.provider_ref, ''), r.amount_minor, 'RWF', 'refund', r.payment,
           r.state = 'paid', coalesce(r.settled_at >= $3 AND r.settled_at < $4, false) AND NOT EXISTS (
               SELECT FROM recon_line l JOIN recon_run n ON n.hospital = l.hospital AND n.id = l.run
               WHERE l.hospital = r.hospital AND l.payment = r.payment AND l.reference = r.reference::text
               AND l.kind = 'matched' AND l.direction = 'refund' AND n.day <> $8)
    FROM refund r
    WHERE r.hospital = $1 AND r.method = $2
      AND (r.state = 'paid' AND r.settled_at >= $3 AND r.settled_at < $4
           OR r.reference = ANY($5::uuid[]) OR r.provider_ref = ANY($6::text[]))
"""
# What the ledger says came into each float; the list says what was counted of it.
_CASH = """
    SELECT coalesce(p.party::text, 'counter') AS reference, '' AS provider_ref, 'RWF' AS currency, 'payment' AS kind,
           sum(p.amount_minor)::int AS amount_minor, NULL::uuid AS payment, true AS is_captured, true AS is_of_day
    FROM entry e JOIN posting p ON p.hospital = e.hospital AND p.entry = e.id
    WHERE e.hospital = $1 AND e.posted_at >= $2 AND e.posted_at < $3 AND p.account IN ('cash_float', 'cash_safe')
      AND e.kind = 'paid'
    GROUP BY p.party
"""
