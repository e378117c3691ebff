"""The journal as an auditor reads it: by person, by patient or thing, by kind and by day."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch
from dusangire.reports.rules import AuditFilter

AUDIT_PAGE = 100
_MATCHES = 20


class Entry(Struct, frozen=True):
    """One line of the journal; `about_name` is what people call the thing, '' where it has no name."""

    id: int
    kind: str
    about: str
    about_name: str
    actor: UUID | None
    actor_name: str
    actor_role: str
    facts: dict[str, Any]
    at: datetime


class Named(Struct, frozen=True):
    """Somebody whom the filter's words fit."""

    id: UUID
    name: str


async def people_like(actor: Actor, said: str) -> list[Named]:
    """Return who of this hospital, past or present, has this name, e-mail or phone; at most 20."""
    return await fetch(
        Named,
        """
        SELECT DISTINCT u.id, u.name FROM membership m JOIN app_user u ON u.id = m.app_user
        WHERE m.hospital = $1 AND (u.name ILIKE '%' || $2 || '%' OR u.email = lower($3) OR u.phone = $3)
        ORDER BY u.name, u.id LIMIT $4
        """,
        actor.hospital,
        _literal(said),
        said,
        _MATCHES,
    )


async def patients_like(actor: Actor, said: str) -> list[Named]:
    """Return the patients with this record number or a name like it; at most 20."""
    return await fetch(
        Named,
        """
        SELECT id, given_name || ' ' || family_name || ' (' || mrn || ')' AS name FROM patient
        WHERE hospital = $1 AND (mrn = $3 OR (given_name || ' ' || family_name) ILIKE '%' || $2 || '%')
        ORDER BY family_name, given_name, id LIMIT $4
        """,
        actor.hospital,
        _literal(said),
        said,
        _MATCHES,
    )


def _literal(said: str) -> str:
    """Return the words with LIKE's own signs taken as letters."""
    return said.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _id_after(word: str) -> str:
    """Return the SQL of the id in `about`, NULL where it is about another kind of thing."""
    return f"CASE WHEN starts_with(e.about, '{word}:') THEN substr(e.about, {len(word) + 2})::uuid END"


# Everything that is about a patient: the patient, their stays, trays, diet orders, allergies, holds and tasks.
_THINGS = """
    SELECT 'patient:' || id FROM unnest($7::uuid[]) AS id
    UNION ALL SELECT 'admission:' || id FROM admission WHERE hospital = $1 AND patient = ANY($7)
    UNION ALL SELECT 'order:' || id FROM meal_order WHERE hospital = $1 AND patient = ANY($7)
    UNION ALL SELECT 'diet_order:' || id FROM diet_order WHERE hospital = $1 AND patient = ANY($7)
    UNION ALL SELECT 'allergy:' || id FROM allergy WHERE hospital = $1 AND patient = ANY($7)
    UNION ALL SELECT 'npo_hold:' || id FROM npo_hold WHERE hospital = $1 AND patient = ANY($7)
    UNION ALL SELECT 'task:' || id FROM task WHERE hospital = $1 AND patient = ANY($7)
"""


async def entries(
    actor: Actor, asked: AuditFilter, people: list[UUID] | None, patients: list[UUID] | None, most: int = AUDIT_PAGE
) -> list[Entry]:
    """Return the entries asked for, the latest first. None for people or patients asks for everybody's. One statement.

    `kind` is a whole kind, or with a colon at its end all kinds of that thing.
    """
    return await fetch(
        Entry,
        f"""
        SELECT e.id, e.kind, e.about,
               coalesce(p.given_name || ' ' || p.family_name, o.code, whom.name, '') AS about_name,
               e.actor, coalesce(nullif(e.actor_name, ''), who.name, '') AS actor_name, e.actor_role, e.facts, e.at
        FROM (SELECT * FROM event e
        WHERE e.hospital = $1 AND e.at >= $2 AND e.at < $3
          AND ($4::bigint IS NULL OR e.id < $4)
          AND ($5 = '' OR e.kind = $5 OR (right($5, 1) = ':' AND starts_with(e.kind, $5)))
          AND {"true" if people is None else "e.actor = ANY($6::uuid[])"}
          AND {"true" if patients is None else f"e.about = ANY(ARRAY({_THINGS}))"}
          AND {"e.about = $8" if asked.about else "true"}
          AND ($6::uuid[] IS NULL OR true) AND ($7::uuid[] IS NULL OR true) AND ($8::text IS NULL OR true)
        ORDER BY e.id DESC LIMIT $9) e
        LEFT JOIN app_user who ON who.id = e.actor
        LEFT JOIN patient p ON p.hospital = $1 AND p.id = {_id_after("patient")}
        LEFT JOIN meal_order o ON o.hospital = $1 AND o.id = {_id_after("order")}
        LEFT JOIN app_user whom ON whom.id = coalesce({_id_after("user")}, {_id_after("person")})
        ORDER BY e.id DESC
        """,  # noqa: S608  constants of ours
        actor.hospital,
        day_bounds(asked.since, actor.zone)[0],
        day_bounds(asked.until, actor.zone)[1],
        asked.before,
        asked.kind,
        people,
        patients,
        asked.about,
        most,
    )
