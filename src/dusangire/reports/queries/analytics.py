"""Reads over two weeks: ratings, dishes, near misses. The trays themselves are read by `today.trays`."""

from datetime import date

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one
from dusangire.orders.rules import GONE


class Ratings(Struct, frozen=True):
    """How many ratings there were, and all their stars together."""

    times: int
    stars: int


async def ratings(actor: Actor, since: date, until: date) -> Ratings:
    """Return the ratings given on these days. One statement."""
    found = await fetch_one(
        Ratings,
        """
        SELECT count(*)::int AS times, coalesce(sum(stars), 0)::int AS stars
        FROM rating WHERE hospital = $1 AND rated_at >= $2 AND rated_at < $3
        """,
        actor.hospital,
        day_bounds(since, actor.zone)[0],
        day_bounds(until, actor.zone)[1],
    )
    return found or Ratings(0, 0)


class DishCount(Struct, frozen=True):
    """How many portions of a dish were on trays that were not called off."""

    code: str
    name_en: str
    name_fr: str
    name_rw: str
    portions: int

    def name(self, language: str) -> str:
        return {"fr": self.name_fr, "rw": self.name_rw}.get(language) or self.name_en


async def top_dishes(actor: Actor, since: date, until: date, most: int = 10) -> list[DishCount]:
    """Return the dishes ordered most on these days. One statement."""
    return await fetch(
        DishCount,
        """
        SELECT d.code, d.name_en, d.name_fr, d.name_rw, top.portions
        FROM (SELECT l.dish, sum(l.quantity)::int AS portions
              FROM meal_order o
              JOIN order_line l ON l.hospital = o.hospital AND l.meal_order = o.id
              WHERE o.hospital = $1 AND o.day BETWEEN $2 AND $3 AND o.status <> ALL($4::text[])
                AND l.replaced_at IS NULL
              GROUP BY l.dish ORDER BY 2 DESC, 1 LIMIT $5) top
        JOIN dish d ON d.hospital = $1 AND d.id = top.dish ORDER BY top.portions DESC, d.code
        """,
        actor.hospital,
        since,
        until,
        sorted(GONE),
        most,
    )


class MissCount(Struct, frozen=True):
    kind: str
    times: int


async def miss_counts(actor: Actor, since: date, until: date) -> list[MissCount]:
    """Return the near misses of these days by kind. One statement."""
    return await fetch(
        MissCount,
        """
        SELECT kind, count(*)::int AS times FROM near_miss
        WHERE hospital = $1 AND seen_at >= $2 AND seen_at < $3 GROUP BY kind ORDER BY 2 DESC, 1
        """,
        actor.hospital,
        day_bounds(since, actor.zone)[0],
        day_bounds(until, actor.zone)[1],
    )


class RecallTimes(Struct, frozen=True):
    """How often a tray was called back on its way, how many carriers said they saw it, and how soon, in seconds."""

    times: int
    seen: int
    median_s: int | None
    slowest_s: int | None


async def recall_times(actor: Actor, since: date, until: date) -> RecallTimes:
    """Return what became of the recalls of these days. One statement."""
    found = await fetch_one(
        RecallTimes,
        """
        WITH took AS (
            SELECT extract(epoch FROM recall_seen_at - recalled_at) AS s FROM delivery_stop
            WHERE hospital = $1 AND recalled_at >= $2 AND recalled_at < $3
        )
        SELECT count(*)::int AS times, count(s)::int AS seen,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY s)::int AS median_s, max(s)::int AS slowest_s
        FROM took
        """,
        actor.hospital,
        day_bounds(since, actor.zone)[0],
        day_bounds(until, actor.zone)[1],
    )
    return found or RecallTimes(0, 0, None, None)
