"""Two hundred buyers at once: trays laid straight into the tables, and tries that a busy database may put off."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

from asyncpg import LockNotAvailableError
from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7

_TRAYS = """
    INSERT INTO meal_order (id, hospital, code, tray_token, patient, admission, day, period, serve_from, serve_to,
        cutoff_at, status, items_minor, total_minor, placed_by)
    SELECT t, $1, 'R-' || t, t::text, $3, a.id, $4, $5, now(), now(), now(), 'in_review', 2000, 2000, $6
    FROM unnest($2::uuid[]) AS t, admission a WHERE a.hospital = $1 AND a.patient = $3 AND a.ended_at IS NULL
"""


class _Sum(Struct, frozen=True):
    n: int
    amount: int


async def trays(actor: Actor, patient: UUID, n: int, *, day: date | None = None, period: str = "lunch") -> list[UUID]:
    """Lay down n trays of 2,000 francs that nobody pays for yet."""
    made = [uuid7() for _ in range(n)]
    await execute(_TRAYS, actor.hospital, made, patient, day or tomorrow(actor), period, actor.user)
    return made


def tomorrow(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone) + timedelta(days=1)


async def rush(actor: Actor, tries: list[Callable[[], Awaitable[object]]]) -> list[object]:
    """Let everybody try at once; return what each got, None for who was refused."""
    start = asyncio.Event()

    async def one(attempt: Callable[[], Awaitable[object]]) -> object:
        with acting_as(actor):
            await start.wait()
            for _ in range(60):
                try:
                    return await attempt()
                except Refusal:
                    return None
                except (LockNotAvailableError, TimeoutError):
                    await asyncio.sleep(0.02)
            raise AssertionError("the database was busy for sixty tries")

    waiting = [asyncio.create_task(one(attempt)) for attempt in tries]
    await asyncio.sleep(0)
    start.set()
    return list(await asyncio.gather(*waiting))


async def used(actor: Actor, coupon: UUID) -> int:
    sql = "SELECT count(*) FROM coupon_use WHERE hospital = $1 AND coupon = $2 AND given_back_at IS NULL"
    return int(await fetch_value(sql, actor.hospital, coupon))


async def claimed(actor: Actor, fund: UUID) -> tuple[int, int]:
    """Return how many trays a fund pays for, and how many francs."""
    rows = await fetch(
        _Sum,
        """
        SELECT count(*)::int AS n, coalesce(sum(amount_minor - returned_minor), 0)::int AS amount FROM fund_claim
        WHERE hospital = $1 AND fund = $2 AND returned_minor < amount_minor
        """,
        actor.hospital,
        fund,
    )
    return rows[0].n, rows[0].amount
