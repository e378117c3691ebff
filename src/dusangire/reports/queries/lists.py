"""The rows behind the figures, a page at a time, the latest first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_value
from dusangire.kernel.money import Money
from dusangire.reports.queries.today import CALLED_OFF, LATE, ON_TIME, OVERDUE, WHY
from dusangire.reports.rules import EventFilter, OrderFilter

PAGE = 100
SHEET = 20_000

SHORT_NAME = "p.given_name || ' ' || left(p.family_name, 1) || '.'"
# The bed in which the patient lies, or lay last, in this stay.
BED = """
    LEFT JOIN LATERAL (SELECT b.code FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE s.hospital = o.hospital AND s.admission = o.admission ORDER BY s.started_at DESC LIMIT 1) bed ON true
"""


class OrderRow(Struct, frozen=True):
    """One tray of a list."""

    id: UUID
    code: str
    bed: str | None
    patient: str
    period: str
    status: str
    serve_to: datetime
    placed_at: datetime
    started_at: datetime | None
    ready_at: datetime | None
    left_at: datetime | None
    delivered_at: datetime | None
    is_late: bool
    total_minor: int

    @property
    def total(self) -> Money:
        return Money(self.total_minor)


_SHOWN = {
    "": "true",
    "ordered": f"NOT {CALLED_OFF}",
    "called_off": CALLED_OFF,
    "on_time": ON_TIME,
    "late": f"({LATE} OR {OVERDUE})",
    "to_come": f"(o.delivered_at IS NULL AND NOT {OVERDUE} AND NOT {CALLED_OFF})",
}
_THESE = "o.hospital = $1 AND o.day = $3 AND ($4 = '' OR o.status = $4) AND ($5 = '' OR o.period = $5)"


async def orders(actor: Actor, asked: OrderFilter, now: datetime, most: int = PAGE) -> list[OrderRow]:
    """Return the trays asked for, the latest placed first.

    Cost: one statement; the day's trays are taken by their index first, never all trays in order of age.
    """
    return await fetch(
        OrderRow,
        f"""
        WITH these AS MATERIALIZED (SELECT o.* FROM meal_order o WHERE {_THESE} AND {_SHOWN[asked.show]})
        SELECT o.id, o.code, bed.code AS bed, {SHORT_NAME} AS patient, o.period, o.status, o.serve_to, o.placed_at,
               o.started_at, o.ready_at, o.left_at, o.delivered_at,
               coalesce({LATE} OR {OVERDUE}, false) AS is_late, o.total_minor
        FROM (SELECT * FROM these WHERE $6::uuid IS NULL OR id < $6 ORDER BY id DESC LIMIT $7) o
        JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
        {BED} ORDER BY o.id DESC
        """,  # noqa: S608  constants of ours
        *_order_arguments(actor, asked, now),
        asked.before,
        most,
    )


async def orders_count(actor: Actor, asked: OrderFilter, now: datetime) -> int:
    """Return how many trays the whole list has."""
    return int(
        await fetch_value(
            f"SELECT count(*) FROM meal_order o WHERE {_THESE} AND {_SHOWN[asked.show]} AND $2::timestamptz IS NOT NULL",  # noqa: S608, E501
            *_order_arguments(actor, asked, now),
        )
    )


def _order_arguments(actor: Actor, asked: OrderFilter, now: datetime) -> tuple[Any, ...]:
    return actor.hospital, now, asked.day, asked.status, asked.period


class StopRow(Struct, frozen=True):
    """One attempt that was stopped: by whom, for whom, which dish, and the rule that the verdict named."""

    id: int
    at: datetime
    patient: str | None
    actor_name: str
    actor_role: str
    why: str
    rule: str
    dish: str


async def stopped(actor: Actor, asked: EventFilter, most: int = PAGE) -> list[StopRow]:
    """Return the stopped attempts of a day, the latest first. One statement."""
    first, last = day_bounds(asked.day, actor.zone)
    return await fetch(
        StopRow,
        f"""
        SELECT e.id, e.at, {SHORT_NAME} AS patient, e.actor_name, e.actor_role, {WHY} AS why,
               coalesce(e.facts ->> 'rule', '') AS rule, coalesce(e.facts ->> 'dish', '') AS dish
        FROM event e
        LEFT JOIN patient p ON p.hospital = e.hospital
             AND p.id = CASE WHEN e.about ~ '^patient:[0-9a-f-]{{36}}$' THEN substr(e.about, 9)::uuid END
        WHERE e.hospital = $1 AND e.kind = 'order:blocked' AND e.at >= $2 AND e.at < $3
          AND ($4 = '' OR {WHY} = $4) AND ($5::bigint IS NULL OR e.id < $5)
        ORDER BY e.id DESC LIMIT $6
        """,  # noqa: S608  constants of ours
        actor.hospital,
        first,
        last,
        asked.why,
        asked.before,
        most,
    )


class MissRow(Struct, frozen=True):
    """One scan that would have given a tray to the wrong person."""

    id: UUID
    seen_at: datetime
    kind: str
    order: UUID
    code: str
    patient: str
    bed: str | None
    scanned: str | None
    seen_by: str


async def near_misses(actor: Actor, since: datetime, until: datetime) -> list[MissRow]:
    """Return the near misses between two moments, the latest first, at most 500. One statement."""
    return await fetch(
        MissRow,
        f"""
        SELECT n.id, n.seen_at, n.kind, o.id AS "order", o.code, {SHORT_NAME} AS patient, bed.code AS bed,
               scanned.code AS scanned, u.name AS seen_by
        FROM near_miss n JOIN meal_order o ON o.hospital = n.hospital AND o.id = n.meal_order
        JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
        JOIN app_user u ON u.id = n.seen_by
        LEFT JOIN bed scanned ON scanned.hospital = n.hospital AND scanned.id = n.scanned_bed
        {BED} WHERE n.hospital = $1 AND n.seen_at >= $2 AND n.seen_at < $3 ORDER BY n.seen_at DESC LIMIT 500
        """,  # noqa: S608  constants of ours
        actor.hospital,
        since,
        until,
    )


class TaskRow(Struct, frozen=True):
    """One thing that waits for somebody."""

    id: UUID
    kind: str
    chart: UUID | None
    patient: str | None
    about: str
    opened_at: datetime

    @property
    def order(self) -> str | None:
        kind, _, id_ = self.about.partition(":")
        return id_ if kind == "order" else None


async def open_tasks(actor: Actor) -> list[TaskRow]:
    """Return the open tasks of the hospital, the oldest first, at most 500. One statement."""
    return await fetch(
        TaskRow,
        f"""
        SELECT t.id, t.kind, t.patient AS chart, {SHORT_NAME} AS patient, t.about, t.opened_at
        FROM task t LEFT JOIN patient p ON p.hospital = t.hospital AND p.id = t.patient
        WHERE t.hospital = $1 AND t.done_at IS NULL ORDER BY t.opened_at, t.id LIMIT 500
        """,  # noqa: S608  constants of ours
        actor.hospital,
    )
