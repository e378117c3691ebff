"""Reads of the program's own health, and the figures of all hospitals."""

from datetime import datetime

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import door, fetch, fetch_one


class Waiting(Struct, frozen=True):
    """Events of one kind that no job has been told of yet."""

    kind: str
    events: int
    oldest: datetime


async def unrelayed(actor: Actor) -> list[Waiting]:
    """Return what the worker has not picked up, the oldest first. One statement."""
    return await fetch(
        Waiting,
        """
        SELECT kind, count(*)::int AS events, min(at) AS oldest FROM event
        WHERE hospital = $1 AND relayed_at IS NULL GROUP BY kind ORDER BY 3
        """,
        actor.hospital,
    )


class Database(Struct, frozen=True):
    """The database: since when it runs, how large it is, and this hospital's mails of the last day."""

    version: str
    started_at: datetime
    size_mb: int
    mails_sent: int
    mails_failed: int
    mails_queued: int


async def database(actor: Actor) -> Database:
    """Return the state of the database and of the mails. One statement."""
    found = await fetch_one(
        Database,
        """
        SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS started_at,
               (pg_database_size(current_database()) / 1048576)::int AS size_mb,
               count(*) FILTER (WHERE state = 'sent')::int AS mails_sent,
               count(*) FILTER (WHERE state = 'failed')::int AS mails_failed,
               count(*) FILTER (WHERE state = 'queued')::int AS mails_queued
        FROM message WHERE hospital = $1 AND channel = 'mail' AND created_at > now() - interval '1 day'
        """,
        actor.hospital,
    )
    if found is None:
        raise RuntimeError("a row of sums was expected")
    return found


class HospitalFigures(Struct, frozen=True):
    """Counts of one hospital over 24 hours; no person is in them."""

    code: str
    name: str
    events: int
    orders: int
    delivered: int
    stopped: int
    unrelayed: int


async def all_hospitals() -> list[HospitalFigures]:
    """Return each hospital's counts of events in the last 24 hours, through the relay's door. One statement."""
    async with door("dus_relay"):
        return await fetch(
            HospitalFigures,
            """
            SELECT h.code, h.name, count(e.id)::int AS events,
                   count(*) FILTER (WHERE e.kind = 'order:confirmed')::int AS orders,
                   count(*) FILTER (WHERE e.kind = 'order:delivered')::int AS delivered,
                   count(*) FILTER (WHERE e.kind = 'order:blocked')::int AS stopped,
                   count(*) FILTER (WHERE e.id IS NOT NULL AND e.relayed_at IS NULL)::int AS unrelayed
            FROM hospital h LEFT JOIN event e ON e.hospital = h.id AND e.at > now() - interval '24 hours'
            GROUP BY h.id ORDER BY h.name, h.id
            """,
        )
