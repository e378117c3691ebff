"""Reads of overrides: a patient's, one, and all that stand open in the hospital now."""

from datetime import date
from uuid import UUID

from dusangire.diets.rules.overrides import Override, State
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.wards import queries as wards
from dusangire.wards.rules import Person

OVERRIDE = """
    SELECT v.id, v.patient, v.day, v.period, d.code AS dish, v.dish AS dish_id, d.name_en, d.name_fr, d.name_rw,
           v.source, v.rule, v.subject, v.scope, v.bound, v.value, v.most, v.unit, v.reason, v.given_by,
           coalesce(g.name, '') AS given_name, v.given_at, v.seconded_by, n.name AS seconded_name, v.seconded_at,
           v.safety_rev, s.safety_rev AS rev_now, v.expires_at, v.withdrawn_at, w.name AS withdrawn_name
    FROM diet_override v
    JOIN dish d ON d.hospital = v.hospital AND d.id = v.dish
    JOIN patient_safety s ON s.hospital = v.hospital AND s.patient = v.patient
    LEFT JOIN app_user g ON g.id = v.given_by
    LEFT JOIN app_user n ON n.id = v.seconded_by
    LEFT JOIN app_user w ON w.id = v.withdrawn_by
    WHERE v.hospital = $1
"""
OPEN = OVERRIDE + " AND v.withdrawn_at IS NULL AND v.expires_at > clock_timestamp()"


async def overrides(actor: Actor, patient: UUID) -> tuple[Override, ...]:
    """Return a patient's overrides that are neither withdrawn nor over, read afresh with the revision of now."""
    found = await fetch(
        Override,
        OPEN + " AND v.patient = $2 ORDER BY v.given_at, v.id",
        actor.hospital,
        patient,
    )
    return tuple(found)


async def overrides_at(actor: Actor, patient: UUID, day: date, period: str) -> list[Override]:
    """Return every override of one meal, withdrawn and expired ones too, the oldest first."""
    return await fetch(
        Override,
        OVERRIDE + " AND v.patient = $2 AND v.day = $3 AND v.period = $4 ORDER BY v.given_at, v.id",
        actor.hospital,
        patient,
        day,
        str(period),
    )


async def override(actor: Actor, override_id: UUID) -> Override:
    """Return one override. Raises NotHere."""
    found = await fetch_one(Override, OVERRIDE + " AND v.id = $2", actor.hospital, override_id)
    if found is None:
        raise NotHere
    return found


async def open_overrides(actor: Actor) -> tuple[Override, ...]:
    """Return the hospital's overrides that are neither withdrawn nor over. One statement; they last two hours."""
    return tuple(await fetch(Override, OPEN + " ORDER BY v.given_at, v.id", actor.hospital))


async def seconds(actor: Actor) -> list[tuple[Override, Person]]:
    """Return the overrides that wait for a second person other than the one who asks, with their patients."""
    now = clock.now()
    waiting = [one for one in await open_overrides(actor) if one.state(now) is State.WAITS]
    people = await wards.people(actor, [one.patient for one in waiting]) if waiting else {}
    return [(one, people[one.patient]) for one in waiting if one.given_by != actor.user and one.patient in people]
