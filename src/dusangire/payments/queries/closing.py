"""Reads for the end of a day: which methods moved money, what the house itself counted, and whether it is closed."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method
from dusangire.payments.rules.statement import Kind, StatementLine


class Closed(Struct, frozen=True):
    """That a day is closed, by whom and when."""

    closed_at: datetime
    name: str


class Moved(Struct, frozen=True):
    """How much one method moved on a day: payments settled and refunds paid."""

    method: Method
    times: int
    amount_minor: int


class _Listed(Struct, frozen=True):
    reference: str
    provider_ref: str
    amount_minor: int
    at: datetime


async def closed(actor: Actor, day: date) -> Closed | None:
    return await fetch_one(
        Closed,
        """
        SELECT c.closed_at, u.name FROM day_close c JOIN app_user u ON u.id = c.closed_by
        WHERE c.hospital = $1 AND c.day = $2
        """,
        actor.hospital,
        day,
    )


async def moved(actor: Actor, day: date) -> list[Moved]:
    """Return the methods of real money that moved on a day: these are to be compared before it is closed."""
    return await fetch(
        Moved,
        """
        SELECT method, count(*)::int AS times, sum(minor)::bigint AS amount_minor FROM (
            SELECT method, amount_minor AS minor FROM payment
            WHERE hospital = $1 AND state IN ('paid', 'late') AND settled_at >= $2 AND settled_at < $3
            UNION ALL SELECT method, -amount_minor FROM refund
            WHERE hospital = $1 AND state = 'paid' AND settled_at >= $2 AND settled_at < $3) m
        WHERE method IN ('cash', 'mtn', 'airtel', 'bank') GROUP BY method ORDER BY method
        """,
        actor.hospital,
        *day_bounds(day, actor.zone),
    )


async def counted_list(actor: Actor, day: date) -> list[StatementLine]:
    """Return what was counted of each collector's cash of the day, less the change they were given, as a list."""
    rows = await fetch(
        _Listed,
        """
        SELECT collector::text AS reference, '' AS provider_ref, max(counted_at) AS at,
               sum(counted_minor - opening_minor)::int AS amount_minor
        FROM cash_shift WHERE hospital = $1 AND state <> 'open' AND opened_at >= $2 AND opened_at < $3
        GROUP BY collector HAVING sum(counted_minor - opening_minor) <> 0
        """,
        actor.hospital,
        *day_bounds(day, actor.zone),
    )
    return _listed(rows)


async def bank_list(actor: Actor, day: date) -> list[StatementLine]:
    """Return what the bank's lines paid of what was settled on the day, and the day's lines nobody has matched."""
    rows = await fetch(
        _Listed,
        """
        SELECT y.code AS reference, min(l.bank_ref) AS provider_ref, sum(u.amount_minor)::int AS amount_minor,
               max(y.settled_at) AS at
        FROM payment y JOIN bank_use u ON u.hospital = y.hospital AND u.payment = y.id AND u.undone_at IS NULL
        JOIN bank_line l ON l.hospital = u.hospital AND l.id = u.line
        WHERE y.hospital = $1 AND y.method = 'bank' AND y.state = 'paid' AND y.settled_at >= $2 AND y.settled_at < $3
        GROUP BY y.id
        UNION ALL
        SELECT '', l.bank_ref, l.amount_minor, l.imported_at FROM bank_line l
        WHERE l.hospital = $1 AND l.booked_on = $4
          AND NOT EXISTS (SELECT FROM bank_use u WHERE u.hospital = $1 AND u.line = l.id AND u.undone_at IS NULL)
        """,
        actor.hospital,
        *day_bounds(day, actor.zone),
        day,
    )
    return _listed(rows)


def _listed(rows: list[_Listed]) -> list[StatementLine]:
    return [
        StatementLine(row.provider_ref, row.reference, Money(row.amount_minor), row.at, Kind.PAYMENT) for row in rows
    ]


async def names_of(actor: Actor, ids: list[UUID]) -> dict[UUID, str]:
    """Return the names of collectors who stand in a list as their numbers."""
    rows = await fetch(
        _Name,
        """
        SELECT DISTINCT u.id, u.name FROM app_user u JOIN membership m ON m.app_user = u.id
        WHERE m.hospital = $1 AND u.id = ANY($2::uuid[])
        """,
        actor.hospital,
        ids,
    )
    return {row.id: row.name for row in rows}


class _Name(Struct, frozen=True):
    id: UUID
    name: str
