"""Reads of when somebody last ate, and of who waits for a tray after a fast."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value

EATEN = """
    SELECT e.patient, e.delivered_at AS at FROM meal_order e
    WHERE e.hospital = $1 AND e.status IN ('delivered', 'completed') AND NOT EXISTS (
        SELECT FROM tray_intake t WHERE t.hospital = e.hospital AND t.meal_order = e.id AND t.eaten = 'nothing')
"""
"""What was eaten and when, in the hospital $1: a tray handed over, unless somebody wrote down that nothing was."""

EATEN_AT = f"(SELECT max(eaten.at) FROM ({EATEN} AND e.patient = {{patient}}) eaten)"  # noqa: S608  columns of ours
"""When somebody last ate; `patient` is the column that says who."""


class _Eaten(Struct, frozen=True):
    patient: UUID
    eaten_at: datetime


async def last_food(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when each patient last ate; who never did is left out. One statement."""
    rows = await fetch(
        _Eaten,
        f"""
        SELECT f.patient, f.eaten_at FROM (
            SELECT p.id AS patient, {EATEN_AT.format(patient="p.id")} AS eaten_at
            FROM patient p WHERE p.hospital = $1 AND p.id = ANY($2)) f
        WHERE f.eaten_at IS NOT NULL
        """,  # noqa: S608  columns of ours
        actor.hospital,
        list(patients),
    )
    return {row.patient: row.eaten_at for row in rows}


class _Patient(Struct, frozen=True):
    patient: UUID


async def waiting_to_be_fed(actor: Actor, since: datetime, now: datetime) -> list[UUID]:
    """Return the in-patients whose fast ended after `since`, with a diet signed since, and no late tray thought of."""
    rows = await fetch(
        _Patient,
        """
        SELECT DISTINCT n.patient FROM npo_hold n
        WHERE n.hospital = $1 AND n.start_at <= $3 AND (n.cancelled_at IS NULL OR n.cancelled_at >= n.start_at)
          AND least(n.end_at, n.cancelled_at) > $2 AND least(n.end_at, n.cancelled_at) <= $3
          AND EXISTS (SELECT FROM diet_order o JOIN admission a ON a.hospital = o.hospital AND a.id = o.admission
              WHERE o.hospital = n.hospital AND o.patient = n.patient AND o.status = 'active'
                AND o.signed_at >= n.start_at AND a.ended_at IS NULL)
          AND NOT EXISTS (SELECT FROM effect f WHERE f.hospital = n.hospital AND f.key = 'late_tray:' || n.id)
        ORDER BY n.patient
        """,
        actor.hospital,
        since,
        now,
    )
    return [row.patient for row in rows]


async def is_fed_after(actor: Actor, hold: UUID) -> bool:
    """Whether the late tray of this fast has been seen to."""
    return bool(
        await fetch_value(
            "SELECT EXISTS (SELECT FROM effect WHERE hospital = $1 AND key = $2)", actor.hospital, f"late_tray:{hold}"
        )
    )
