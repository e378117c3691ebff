"""Reads of a month's overrides: who set which rule aside for whom, and whether a tray passed by it."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.overrides import OVERRIDE
from dusangire.diets.rules.overrides import Override
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch


class _Used(Struct, frozen=True):
    id: UUID
    gates: int


class GivenOverride(Struct, frozen=True):
    """One override and at how many gates a tray passed by it."""

    one: Override
    gates: int


async def overrides(actor: Actor, first: date, last: date) -> list[GivenOverride]:
    """Return the overrides given from one day of the hospital's to another, the latest first. Two statements."""
    since, until = clock.day_bounds(first, actor.zone)[0], clock.day_bounds(last, actor.zone)[1]
    found = await fetch(
        Override,
        OVERRIDE + " AND v.given_at >= $2 AND v.given_at < $3 ORDER BY v.given_at DESC, v.id",
        actor.hospital,
        since,
        until,
    )
    used = await fetch(
        _Used,
        """
        SELECT (ask ->> 'override')::uuid AS id, count(*)::int AS gates
        FROM safety_check c, jsonb_array_elements(c.asks) ask
        WHERE c.hospital = $1 AND c.at >= $2 AND c.at < $3::timestamptz + interval '3 hours' AND c.answer = 'allow'
          AND ask ->> 'override' IS NOT NULL
        GROUP BY 1
        """,
        actor.hospital,
        since,
        until,
    )
    gates = {row.id: row.gates for row in used}
    return [GivenOverride(one, gates.get(one.id, 0)) for one in found]
