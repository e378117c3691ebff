"""Reads of the switch that holds all trays."""

from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.overrides import OPEN
from dusangire.diets.rules.overrides import Override
from dusangire.diets.rules.stops import MealStop
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one

_SPACE = 0x6D65616C


STOP = """
    SELECT m.id, m.reason, coalesce(u.name, '') AS set_name, m.set_at, e.name AS ended_name, m.ended_at
    FROM meal_stop m LEFT JOIN app_user u ON u.id = m.set_by LEFT JOIN app_user e ON e.id = m.ended_by
"""


async def meal_stop(actor: Actor) -> MealStop | None:
    """Return why all trays of the hospital are held; None where they go."""
    return await fetch_one(MealStop, STOP + " WHERE m.hospital = $1 AND m.ended_at IS NULL", actor.hospital)


async def meal_stop_at_gate(actor: Actor) -> MealStop | None:
    """Return the same inside a gate's transaction: from here to its end nobody can throw the switch unseen.

    The lock is shared and a statement of its own; who throws the switch waits for the trays that are in a gate.
    """
    await fetch(_Locked, "SELECT pg_advisory_xact_lock_shared($1::int, $2::int)::text AS got", _SPACE, actor.hospital)
    return await meal_stop(actor)


async def no_tray_in_a_gate(actor: Actor) -> None:
    """Wait until no tray of the hospital is in a gate, and let none in before the caller's transaction ends."""
    await fetch(_Locked, "SELECT pg_advisory_xact_lock($1::int, $2::int)::text AS got", _SPACE, actor.hospital)


async def last_stops(actor: Actor) -> list[MealStop]:
    """Return the last times all trays were held, the latest first."""
    return await fetch(
        MealStop, STOP + " WHERE m.hospital = $1 AND m.ended_at IS NOT NULL ORDER BY m.set_at DESC LIMIT 20",
        actor.hospital,
    )  # fmt: skip


class _Locked(Struct, frozen=True):
    got: str


class Exceptional(Struct, frozen=True):
    """What screens of kitchen and carriers must not overlook: all trays held, and the overrides that are open."""

    stop: MealStop | None
    overrides: tuple[Override, ...]

    def of(self, patient: UUID) -> tuple[Override, ...]:
        """Return the overrides of one patient."""
        return tuple(one for one in self.overrides if one.patient == patient)


async def exceptional(actor: Actor) -> Exceptional:
    """Return both for the whole hospital, to be shown; no tray is judged by it. One statement."""
    found = await fetch_one(
        Exceptional,
        f"""
        SELECT (SELECT to_jsonb(m) FROM ({STOP} WHERE m.hospital = $1 AND m.ended_at IS NULL) m) AS stop,
               (SELECT coalesce(jsonb_agg(to_jsonb(v) ORDER BY v.given_at, v.id), '[]') FROM ({OPEN}) v) AS overrides
        """,  # noqa: S608  columns of ours
        actor.hospital,
    )
    assert found is not None  # noqa: S101  one row of two sub-selects
    return found
