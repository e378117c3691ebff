"""Reads of one day's figures."""

from datetime import date, datetime

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.orders.rules import GONE
from dusangire.reports.rules import RELAY_LAG_S, Now, Paid, Stop, TrayCount

_GONE = ", ".join(f"'{status}'" for status in sorted(GONE))
ON_TIME = "o.delivered_at <= o.serve_to"
LATE = "o.delivered_at > o.serve_to"
# Nobody has it although its sitting is over.
OVERDUE = f"(o.delivered_at IS NULL AND o.serve_to < $2 AND o.status NOT IN ({_GONE}))"
CALLED_OFF = f"o.status IN ({_GONE})"

# Which kind of reason stopped an attempt; the rule is `SOURCE.rule.subject.scope` of the verdict.
WHY = """
    CASE split_part(coalesce(e.facts ->> 'rule', ''), '.', 1)
        WHEN 'ALLERGY' THEN 'allergy' WHEN 'NPO' THEN 'npo' WHEN 'IDDSI' THEN 'texture'
        WHEN 'PATIENT' THEN 'unknown' WHEN 'DISH' THEN 'unknown' WHEN 'DIET' THEN 'unknown'
        WHEN 'CONTRADICTION' THEN 'unknown' WHEN '' THEN 'unknown' ELSE 'limit' END
"""


async def trays(actor: Actor, since: date, until: date, now: datetime) -> dict[date, list[TrayCount]]:
    """Return the trays of each day by sitting and status, and how many came in time. One statement."""
    rows = await fetch(
        _DayCount,
        f"""
        SELECT o.day, o.period, o.serve_from, o.status, count(*)::int AS trays,
               count(*) FILTER (WHERE {ON_TIME})::int AS on_time,
               count(*) FILTER (WHERE {LATE})::int AS late,
               count(*) FILTER (WHERE {OVERDUE})::int AS overdue
        FROM meal_order o WHERE o.hospital = $1 AND o.day BETWEEN $3 AND $4
        GROUP BY o.day, o.period, o.serve_from, o.status
        """,  # noqa: S608  constants of ours
        actor.hospital,
        now,
        since,
        until,
    )
    found: dict[date, list[TrayCount]] = {}
    for row in rows:
        found.setdefault(row.day, []).append(row)
    return found


class _DayCount(TrayCount, frozen=True):
    day: date


async def stops(actor: Actor, since: date, until: date) -> list[Stop]:
    """Return how often orders were stopped, by kind of reason, the most first. One statement."""
    first, last = day_bounds(since, actor.zone)[0], day_bounds(until, actor.zone)[1]
    return await fetch(
        Stop,
        f"""
        SELECT {WHY} AS why, count(*)::int AS times FROM event e
        WHERE e.hospital = $1 AND e.kind = 'order:blocked' AND e.at >= $2 AND e.at < $3
        GROUP BY 1 ORDER BY 2 DESC, 1
        """,  # noqa: S608  constants of ours
        actor.hospital,
        first,
        last,
    )


async def payments(actor: Actor, day: date) -> list[Paid]:
    """Return the payments of the trays of one day, by method and state. One statement."""
    return await fetch(
        Paid,
        """
        SELECT p.method, p.state, count(*)::int AS payments, sum(p.amount_minor)::int AS amount_minor,
               count(*) FILTER (WHERE p.state = 'pending' AND o.delivered_at IS NOT NULL)::int AS unpaid
        FROM meal_order o JOIN payment p ON p.hospital = o.hospital AND p.meal_order = o.id
        WHERE o.hospital = $1 AND o.day = $2 GROUP BY p.method, p.state ORDER BY 4 DESC, 1, 2
        """,
        actor.hospital,
        day,
    )


async def now_waiting(actor: Actor, day: date, now: datetime) -> Now:
    """Return what waits for somebody, and whether news reaches its jobs. One statement."""
    first, last = day_bounds(day, actor.zone)
    found = await fetch_one(
        Now,
        f"""
        SELECT (SELECT count(*)::int FROM admission WHERE hospital = $1 AND ended_at IS NULL) AS in_bed,
               (SELECT count(DISTINCT patient)::int FROM meal_order o
                WHERE hospital = $1 AND day = $2 AND NOT {CALLED_OFF}) AS ordering,
               (SELECT count(*)::int FROM near_miss
                WHERE hospital = $1 AND seen_at >= $3 AND seen_at < $4) AS near_misses,
               o.held, o.problem, o.undelivered, t.tasks, t.oldest_task, e.lagging, e.oldest_news
        FROM (SELECT count(*) FILTER (WHERE status = 'held')::int AS held,
                     count(*) FILTER (WHERE status = 'problem')::int AS problem,
                     count(*) FILTER (WHERE status = 'undelivered')::int AS undelivered
              FROM meal_order WHERE hospital = $1 AND day = $2) o,
             (SELECT count(*)::int AS tasks, min(opened_at) AS oldest_task
              FROM task WHERE hospital = $1 AND done_at IS NULL) t,
             (SELECT count(*)::int AS lagging, min(at) AS oldest_news FROM event
              WHERE hospital = $1 AND relayed_at IS NULL AND at < $5::timestamptz - interval '{RELAY_LAG_S} s') e
        """,  # noqa: S608  constants of ours
        actor.hospital,
        day,
        first,
        last,
        now,
    )
    if found is None:
        raise RuntimeError("a row of sums was expected")
    return found
