"""Reads of how long patients fasted, by day and ward."""

from datetime import date

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch
from dusangire.orders.queries import EATEN


class FastCount(Struct, frozen=True):
    """The fasts that ended on one day on one ward: how many, and their hours without food."""

    day: date
    ward_code: str
    ward_name_en: str
    ward_name_fr: str
    ward_name_rw: str
    fasts: int
    median_h: float
    p90_h: float

    def ward(self, language: str) -> str:
        return {"fr": self.ward_name_fr, "rw": self.ward_name_rw}.get(language) or self.ward_name_en


_HOURS = "extract(epoch FROM s.fed - greatest(s.ate, s.admitted)) / 3600"


async def fasting_hours(actor: Actor, since: date, until: date) -> list[FastCount]:
    """Return the fasts that ended on these days, the latest day first; median and 90th percentile of their hours.

    One fast lasts from the last food before its hold, or the admission, to the first food after it, or to the end of
    the hold while nothing was eaten yet. Holds with no food between them are one fast. One statement.
    """
    return await fetch(
        FastCount,
        f"""
        WITH eaten AS ({EATEN}),
        hold AS (
            SELECT n.hospital, n.patient, n.start_at, least(n.end_at, n.cancelled_at) AS end_at FROM npo_hold n
            WHERE n.hospital = $1 AND (n.cancelled_at IS NULL OR n.cancelled_at > n.start_at)
              AND least(n.end_at, n.cancelled_at) >= $2 AND least(n.end_at, n.cancelled_at) < least($3, now())
        ),
        span AS (
            SELECT h.patient, h.end_at,
                   (SELECT max(e.at) FROM eaten e WHERE e.patient = h.patient AND e.at <= h.start_at) AS ate,
                   (SELECT max(a.started_at) FROM admission a WHERE a.hospital = h.hospital
                       AND a.patient = h.patient AND a.started_at <= h.end_at) AS admitted,
                   coalesce((SELECT min(e.at) FROM eaten e WHERE e.patient = h.patient AND e.at > h.start_at),
                            h.end_at) AS fed
            FROM hold h
        ),
        fast AS (
            SELECT DISTINCT ON (s.patient, greatest(s.ate, s.admitted)) s.patient, s.end_at,
                   {_HOURS} AS hours
            FROM span s ORDER BY s.patient, greatest(s.ate, s.admitted), s.fed DESC, s.end_at DESC
        )
        SELECT (f.end_at AT TIME ZONE $4)::date AS day, w.code AS ward_code, w.name_en AS ward_name_en,
               w.name_fr AS ward_name_fr, w.name_rw AS ward_name_rw, count(*)::int AS fasts,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY f.hours) AS median_h,
               percentile_cont(0.9) WITHIN GROUP (ORDER BY f.hours) AS p90_h
        FROM fast f
        JOIN LATERAL (SELECT b.ward FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
            WHERE s.hospital = $1 AND s.patient = f.patient AND s.started_at <= f.end_at
            ORDER BY s.started_at DESC LIMIT 1) lay ON true
        JOIN ward w ON w.hospital = $1 AND w.id = lay.ward
        GROUP BY 1, w.code, w.name_en, w.name_fr, w.name_rw ORDER BY 1 DESC, w.code
        """,  # noqa: S608  columns of ours
        actor.hospital,
        day_bounds(since, actor.zone)[0],
        day_bounds(until, actor.zone)[1],
        actor.zone,
    )
