"""Reads of the clock's work: whose period is over, who is to be asked again, whose points expire."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch


class _Id(Struct, frozen=True):
    id: UUID


async def to_turn(actor: Actor, today: date) -> list[UUID]:
    """Return the subscriptions whose running period is over, or that wait for money and were not asked today."""
    return await _ids(
        """
        SELECT DISTINCT s.id FROM subscription s
        JOIN plan_term t ON t.hospital = s.hospital AND t.subscription = s.id
        WHERE s.hospital = $1 AND (
            t.state = 'running' AND t.ends_on <= $2 AND s.state IN ('running', 'ending', 'changing')
            OR t.state = 'due' AND s.state = 'overdue' AND t.asked_on IS DISTINCT FROM $2
            OR t.state = 'due' AND s.state = 'awaiting' AND t.due_on <= $2)
        ORDER BY s.id
        """,
        actor,
        today,
    )


async def to_earn(actor: Actor, today: date) -> list[UUID]:
    """Return the running subscriptions to plans that count days, not meals: each day of theirs is earned by itself."""
    return await _ids(
        """
        SELECT s.id FROM subscription s JOIN plan_term t ON t.hospital = s.hospital AND t.subscription = s.id
        WHERE s.hospital = $1 AND t.state = 'running' AND t.meals IS NULL AND t.starts_on < $2
          AND s.state IN ('running', 'ending', 'changing') ORDER BY s.id
        """,
        actor,
        today,
    )


async def to_tell(actor: Actor, tomorrow: date) -> list[UUID]:
    """Return the periods that end tomorrow and of which nobody was told."""
    return await _ids(
        """
        SELECT t.id FROM plan_term t JOIN subscription s ON s.hospital = t.hospital AND s.id = t.subscription
        WHERE t.hospital = $1 AND t.state = 'running' AND t.ends_on = $2 AND t.told_on IS NULL
          AND s.state IN ('running', 'ending') ORDER BY t.id
        """,
        actor,
        tomorrow,
    )


async def owners_with_old_points(actor: Actor, today: date) -> list[UUID]:
    """Return whose points are over."""
    return await _ids(
        """
        SELECT DISTINCT owner AS id FROM point_lot WHERE hospital = $1 AND left_points > 0 AND expires_on <= $2
        ORDER BY owner
        """,
        actor,
        today,
    )


async def _ids(sql: str, actor: Actor, day: date) -> list[UUID]:
    return [row.id for row in await fetch(_Id, sql, actor.hospital, day)]
