"""Reads of trays called back on their way: what a carrier must bring back, and how long a recall took."""

from datetime import date

from dusangire.delivery.rules import Recall
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch

# The carrier's own stops first and for good: there are few, whatever else the planner believes.
_RECALL = """
    WITH own AS MATERIALIZED (
        SELECT s.* FROM delivery_run r JOIN delivery_stop s ON s.hospital = r.hospital AND s.run = r.id
        WHERE r.hospital = $1 AND r.carrier = $2
    )
    SELECT o.id AS order, o.code, coalesce(l.code, nullif(o.place_name, ''), '–') AS place,
           coalesce(l.phone, '') AS ward_phone, coalesce(s.recalled_at, o.status_at) AS held_at,
           s.recall_seen_at AS seen_at, CASE WHEN s.drop_reason = 'brought_back' THEN s.dropped_at END AS back_at,
           coalesce((SELECT n.code FROM meal_order n WHERE n.hospital = o.hospital AND n.replaces = o.id
                     AND n.status NOT IN ('cancelled', 'refused', 'expired')), '') AS instead,
           coalesce(l.is_isolation, false) OR EXISTS (SELECT FROM care_flag f WHERE f.hospital = o.hospital
               AND f.patient = o.patient AND f.kind = 'isolation' AND f.ended_at IS NULL) AS is_isolation
    FROM own s
    JOIN meal_order o ON o.hospital = s.hospital AND o.id = s.meal_order
    LEFT JOIN LATERAL (
        SELECT b.code, w.phone, w.is_isolation FROM stay t
        JOIN bed b ON b.hospital = t.hospital AND b.id = t.bed
        JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
        WHERE t.hospital = o.hospital AND t.patient = o.patient AND t.ended_at IS NULL LIMIT 1
    ) l ON true
    WHERE s.hospital = $1
"""


async def recalls(actor: Actor) -> list[Recall]:
    """Return this carrier's trays that were stopped on their way and are not back yet, the latest first."""
    return await fetch(
        Recall,
        _RECALL
        + """ AND s.dropped_at IS NULL
              AND (o.status = 'held' OR (s.recalled_at IS NOT NULL AND o.status = 'cancelled'))
              ORDER BY held_at DESC""",
        actor.hospital,
        actor.user,
    )


async def recalls_on(actor: Actor, day: date) -> list[Recall]:
    """Return what was called back from this carrier on one day, the latest first."""
    first, last = clock.day_bounds(day, actor.zone)
    return await fetch(
        Recall,
        _RECALL + " AND s.recalled_at >= $3 AND s.recalled_at < $4 ORDER BY held_at DESC",
        actor.hospital,
        actor.user,
        first,
        last,
    )
