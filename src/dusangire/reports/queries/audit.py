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
    return f"CASE WHEN e.about ~ '^{word}:[0-9a-f-]{{36}}$' THEN substr(e.about, {len(word) + 2})::uuid END"


# What people call the actor and the thing: looked up for the rows of one page only.
_NAMES = f"""
    coalesce(nullif(e.actor_name, ''), (SELECT name FROM app_user WHERE id = e.actor), '') AS actor_name,
    coalesce(
        (SELECT given_name || ' ' || family_name FROM patient WHERE hospital = $1 AND id = {_id_after("patient")}),
        (SELECT code FROM meal_order WHERE hospital = $1 AND id = {_id_after("order")}),
        (SELECT name FROM app_user WHERE id = coalesce({_id_after("user")}, {_id_after("person")})), '') AS about_name
"""  # noqa: S608  words of ours

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
        SELECT e.id, e.kind, e.about, e.actor, e.actor_role, e.facts, e.at, {_NAMES}
        FROM (SELECT * FROM event e WHERE {_these(asked, people, patients)} ORDER BY e.id DESC LIMIT $9) e
        ORDER BY e.id DESC
        """,  # noqa: S608  conditions of ours; what was typed goes in as arguments
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


def _these(asked: AuditFilter, people: list[UUID] | None, patients: list[UUID] | None) -> str:
    """Return the conditions that are asked for, and no others, so that each finds its index.

    The last one names every argument once, because PostgreSQL wants to know the type of an unused one too.
    """
    conditions = {
        "e.hospital = $1 AND e.at >= $2 AND e.at < $3": True,
        "e.id < $4": asked.before is not None,
        "e.kind = $5": asked.kind and not asked.kind.endswith(":"),
        "starts_with(e.kind, $5)": asked.kind.endswith(":"),
        "e.actor = ANY($6)": people is not None,
        f"e.about = ANY(ARRAY({_THINGS}))": patients is not None,
        "e.about = $8": asked.about,
        "num_nulls($4::bigint, $5::text, $6::uuid[], $7::uuid[], $8::text) >= 0": True,
    }
    return " AND ".join(condition for condition, is_asked in conditions.items() if is_asked)
