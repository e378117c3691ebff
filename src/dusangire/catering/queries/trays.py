"""Reads of staff trays: one's own, and those to make and to bring."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.catering.rules import TrayStatus
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named

HISTORY = 50

_COLUMNS = """
    t.id, t.code, t.app_user, u.name AS who, t.day, t.period, t.serve_from, t.serve_to, t.cutoff_at, t.area, t.status,
    t.total_minor, t.status_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('type', 'named', 'en', l.name_en, 'fr', l.name_fr, 'rw', l.name_rw)
                      ORDER BY l.id), '[]')
     FROM staff_tray_line l WHERE l.hospital = t.hospital AND l.tray = t.id) AS lines,
    coalesce((SELECT d.allergens FROM staff_diner d WHERE d.hospital = t.hospital AND d.app_user = t.app_user), '{}')
        AS allergens,
    coalesce((SELECT sum(y.amount_minor) FROM payment y WHERE y.hospital = t.hospital AND y.subject = t.id
              AND y.method = 'cash' AND y.state = 'pending'), 0)::int AS cash_minor
"""
_FROM = "FROM staff_tray t JOIN app_user u ON u.id = t.app_user"


class StaffTray(Struct, frozen=True):
    """One tray of somebody who works here, with its dishes and what its owner must not eat."""

    id: UUID
    code: str
    app_user: UUID
    who: str
    day: date
    period: str
    serve_from: datetime
    serve_to: datetime
    cutoff_at: datetime
    area: str
    status: TrayStatus
    total_minor: int
    status_at: datetime
    lines: tuple[Named, ...]
    allergens: list[str]
    cash_minor: int

    @property
    def cash(self) -> Money:
        return Money(self.cash_minor)

    @property
    def total(self) -> Money:
        return Money(self.total_minor)


class Placed(Struct, frozen=True):
    """The tray that somebody has already ordered for a sitting."""

    id: UUID
    code: str


async def tray(actor: Actor, tray_id: UUID) -> StaffTray:
    """Return one tray. Raises NotHere."""
    found = await fetch_one(
        StaffTray, f"SELECT {_COLUMNS} {_FROM} WHERE t.hospital = $1 AND t.id = $2", actor.hospital, tray_id
    )
    if found is None:
        raise NotHere
    return found


async def locked_tray(actor: Actor, tray_id: UUID) -> None:
    """Lock one tray until the transaction is over. Raises NotHere."""
    found = await fetch_value(
        "SELECT id FROM staff_tray WHERE hospital = $1 AND id = $2 FOR NO KEY UPDATE", actor.hospital, tray_id
    )
    if found is None:
        raise NotHere


async def my_trays(actor: Actor, since: date) -> list[StaffTray]:
    """Return one's own trays from a day on, the next one first."""
    return await _trays("t.app_user = $2 AND t.day >= $3 ORDER BY t.serve_from, t.placed_at", actor, actor.user, since)


async def my_past(actor: Actor, before: date) -> list[StaffTray]:
    """Return one's own latest trays of the days before one, the last one first."""
    return await _trays(
        "t.app_user = $2 AND t.day < $3 ORDER BY t.serve_from DESC, t.placed_at DESC", actor, actor.user, before,
        most=HISTORY,
    )  # fmt: skip


async def trays(
    actor: Actor, statuses: Collection[TrayStatus], since: date, period: str | None = None
) -> list[StaffTray]:
    """Return the trays in these states from a day on, in the order in which they are due."""
    return await _trays(
        "t.status = ANY($2) AND t.day >= $3 AND ($4::text IS NULL OR t.period = $4) ORDER BY t.serve_from, t.placed_at",
        actor,
        sorted(statuses),
        since,
        period,
    )


async def placed(actor: Actor, day: date, period: str) -> Placed | None:
    """Return one's own tray of a sitting, unless it was called off."""
    return await fetch_one(
        Placed,
        """
        SELECT id, code FROM staff_tray
        WHERE hospital = $1 AND app_user = $2 AND day = $3 AND period = $4 AND status <> 'cancelled'
        """,
        actor.hospital,
        actor.user,
        day,
        period,
    )


async def diner(actor: Actor) -> frozenset[str]:
    """Return what the person who asks must not eat."""
    found = await fetch_value(
        "SELECT allergens FROM staff_diner WHERE hospital = $1 AND app_user = $2", actor.hospital, actor.user
    )
    return frozenset(found or ())


async def _trays(condition: str, actor: Actor, *args: Any, most: int = 500) -> list[StaffTray]:
    return await fetch(
        StaffTray,
        f"SELECT {_COLUMNS} {_FROM} WHERE t.hospital = $1 AND {condition} LIMIT {most}",
        actor.hospital,
        *args,
    )
