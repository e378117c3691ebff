"""What is prescribed often: by one person, and on one ward."""

from datetime import timedelta
from uuid import UUID

from dusangire.diets.rules.favourites import Favourites, Used, favourites
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch

_OF_LATE = timedelta(days=90)


async def favourites_of(actor: Actor, ward: UUID | None) -> Favourites:
    """Return what the person and the ward have signed often in the last 90 days. One statement.

    An order for a week or less is a favourite with its length; a longer one runs until it is stopped.
    """
    used = await fetch(
        Used,
        """
        WITH used AS (
            SELECT o.codes, o.food_level, o.drink_level, o.signed_by = $2 AS is_own, b.ward = $3 AS is_here,
                   CASE WHEN o.end_at <= o.start_at + interval '7 days'
                        THEN round(extract(epoch FROM o.end_at - o.start_at) / 3600)::int END AS hours
            FROM diet_order o
            LEFT JOIN stay s ON s.hospital = o.hospital AND s.patient = o.patient
                 AND s.started_at <= o.signed_at AND (s.ended_at IS NULL OR s.ended_at > o.signed_at)
            LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
            WHERE o.hospital = $1 AND o.signed_at > $4
        )
        SELECT codes, food_level, drink_level, hours, count(*) FILTER (WHERE is_own)::int AS own,
               count(*) FILTER (WHERE is_here)::int AS here
        FROM used GROUP BY codes, food_level, drink_level, hours ORDER BY count(*) DESC, codes LIMIT 40
        """,
        actor.hospital,
        actor.user,
        ward,
        clock.now() - _OF_LATE,
    )
    return favourites(used)
