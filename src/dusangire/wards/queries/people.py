"""Reads of patients: who they are, where they lie, whose name is like theirs, what was measured."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.wards.rules import Person

PERSON = """
    p.id, p.mrn, p.given_name, p.family_name, p.birth_date, p.sex, p.phone, p.app_user,
    a.id AS admission, a.started_at AS admitted_at, a.pin_hash IS NOT NULL AS has_pin,
    b.id AS bed, coalesce(b.code, '') AS bed_code, coalesce(b.room, '') AS room,
    w.id AS ward, coalesce(w.code, '') AS ward_code, coalesce(w.name_en, '') AS ward_name_en,
    coalesce(w.name_fr, '') AS ward_name_fr, coalesce(w.name_rw, '') AS ward_name_rw,
    coalesce(w.phone, '') AS ward_phone, coalesce(w.walk_order, 0) AS walk_order,
    coalesce(w.is_isolation, false) AS is_isolation, coalesce(w.is_emergency, false) AS is_emergency
"""
PEOPLE = """
    patient p
    LEFT JOIN admission a ON a.hospital = p.hospital AND a.patient = p.id AND a.ended_at IS NULL
    LEFT JOIN stay s ON s.hospital = p.hospital AND s.patient = p.id AND s.ended_at IS NULL
    LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
    LEFT JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
"""


class _Membership(Struct, frozen=True):
    id: UUID


class Measurement(Struct, frozen=True):
    """One weight or height, and when it was taken."""

    kind: str
    value: Decimal
    taken_at: datetime


async def person(actor: Actor, patient_id: UUID) -> Person:
    """Return one patient and where they lie. Raises NotHere."""
    found = await people(actor, [patient_id])
    if patient_id not in found:
        raise NotHere
    return found[patient_id]


async def people(actor: Actor, ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Return the patients with these ids; unknown ones are left out. One statement."""
    rows = await _people(actor, "p.id = ANY($2::uuid[])", list(ids))
    return {row.id: row for row in rows}


async def patient_of_user(actor: Actor, user: UUID) -> UUID | None:
    """Return the patient that this account is, None for anybody else."""
    found = await fetch_value("SELECT id FROM patient WHERE hospital = $1 AND app_user = $2", actor.hospital, user)
    return None if found is None else UUID(str(found))


async def patient_of_mrn(actor: Actor, mrn: str) -> UUID | None:
    """Return the patient with this hospital number; the number of a merged record leads to the one that was kept."""
    found = await fetch_value(
        "SELECT coalesce(merged_into, id) FROM patient WHERE hospital = $1 AND mrn = $2", actor.hospital, mrn
    )
    return None if found is None else UUID(str(found))


async def find_people(actor: Actor, text: str, most: int = 30) -> list[Person]:
    """Return the patients whose name, hospital number or bed holds what was typed; those in a bed come first.

    Every word must be found somewhere; accents and case do not matter. Without text: everybody in a bed.
    """
    return await fetch(
        Person,
        f"""
        SELECT {PERSON} FROM {PEOPLE}
        WHERE p.hospital = $1 AND p.merged_into IS NULL AND ($2::text[] <> '{{}}' OR b.id IS NOT NULL) AND NOT EXISTS (
            SELECT FROM unnest($2::text[]) word
            WHERE unaccent(lower(concat_ws(' ', p.given_name, p.family_name, p.mrn, b.code)))
                  NOT LIKE '%' || unaccent(lower(replace(replace(word, '\\', ''), '%', ''))) || '%')
        ORDER BY b.code IS NULL, b.code, p.family_name, p.given_name LIMIT $3
        """,  # noqa: S608  columns of ours
        actor.hospital,
        text.split(),
        most,
    )


async def look_alikes(actor: Actor, given_name: str, family_name: str, *, but: UUID | None = None) -> list[Person]:
    """Return patients in a bed whose name is easily mistaken for this one, in either order; closest first."""
    return await fetch(
        Person,
        f"""
        SELECT {PERSON} FROM {PEOPLE},
               LATERAL (SELECT unaccent(lower(p.given_name || ' ' || p.family_name)) AS said,
                               unaccent(lower($2)) AS one, unaccent(lower($3)) AS other) n,
               LATERAL (SELECT greatest(similarity(n.said, n.one), similarity(n.said, n.other)) AS closeness) c
        WHERE p.hospital = $1 AND a.id IS NOT NULL AND p.id IS DISTINCT FROM $4 AND c.closeness >= 0.55
        ORDER BY c.closeness DESC, p.id LIMIT 5
        """,  # noqa: S608  columns of ours
        actor.hospital,
        f"{given_name} {family_name}",
        f"{family_name} {given_name}",
        but,
    )


async def _people(actor: Actor, condition: str, *args: Any) -> list[Person]:
    return await fetch(
        Person,
        f"SELECT {PERSON} FROM {PEOPLE} WHERE p.hospital = $1 AND {condition}",  # noqa: S608  conditions of ours
        actor.hospital,
        *args,
    )


async def is_merged(actor: Actor, patient: UUID) -> bool:
    """Whether the record was merged into another one."""
    return bool(
        await fetch_value(
            "SELECT merged_into IS NOT NULL FROM patient WHERE hospital = $1 AND id = $2", actor.hospital, patient
        )
    )


async def memberships_of(actor: Actor, patient: UUID) -> list[UUID]:
    """Return the open memberships that act for a patient: their own, and those of caregivers."""
    rows = await fetch(
        _Membership,
        "SELECT id FROM membership WHERE hospital = $1 AND patient = $2 AND ended_at IS NULL ORDER BY id",
        actor.hospital,
        patient,
    )
    return [row.id for row in rows]


async def measurements(actor: Actor, patient: UUID) -> dict[str, Measurement]:
    """Return the latest weight and height, by kind."""
    rows = await fetch(
        Measurement,
        """
        SELECT DISTINCT ON (kind) kind, value, taken_at FROM measurement
        WHERE hospital = $1 AND patient = $2 ORDER BY kind, taken_at DESC
        """,
        actor.hospital,
        patient,
    )
    return {row.kind: row for row in rows}
