"""Reads of wards, beds and the people in them. The SQL text of the package lives here."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import door, fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.wards.rules import Bedside, Card, Person, Ward

_PERSON = """
    p.id, p.mrn, p.given_name, p.family_name, p.birth_date, p.sex, p.phone, p.app_user,
    a.id AS admission, a.started_at AS admitted_at, a.pin_hash IS NOT NULL AS has_pin,
    b.id AS bed, coalesce(b.code, '') AS bed_code, coalesce(b.room, '') AS room,
    w.id AS ward, coalesce(w.code, '') AS ward_code, coalesce(w.name_en, '') AS ward_name_en,
    coalesce(w.name_fr, '') AS ward_name_fr, coalesce(w.name_rw, '') AS ward_name_rw,
    coalesce(w.phone, '') AS ward_phone, coalesce(w.walk_order, 0) AS walk_order,
    coalesce(w.is_isolation, false) AS is_isolation, coalesce(w.is_emergency, false) AS is_emergency
"""
_PEOPLE = """
    patient p
    LEFT JOIN admission a ON a.hospital = p.hospital AND a.patient = p.id AND a.ended_at IS NULL
    LEFT JOIN stay s ON s.hospital = p.hospital AND s.patient = p.id AND s.ended_at IS NULL
    LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
    LEFT JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
"""


class BedRow(Struct, frozen=True):
    """A bed as it is stored, and who lies in it."""

    id: UUID
    code: str
    room: str
    ward: UUID
    card_token: str
    patient: UUID | None = None


class OpenAdmission(Struct, frozen=True):
    """An admission under way."""

    id: UUID
    patient: UUID
    pin_hash: str | None


class OpenStay(Struct, frozen=True):
    """Where a patient lies now."""

    id: UUID
    admission: UUID
    bed: UUID
    bed_code: str


class Measurement(Struct, frozen=True):
    """One weight or height, and when it was taken."""

    kind: str
    value: Decimal
    taken_at: datetime


class _Id(Struct, frozen=True):
    id: UUID


class _Code(Struct, frozen=True):
    code: str


class _BedsideRow(Struct, frozen=True):
    bed: UUID
    code: str
    room: str
    ward: UUID
    ward_code: str
    walk_order: int
    is_isolation: bool
    is_emergency: bool
    patient: UUID | None


# People


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
    """Return the patient with this hospital number."""
    found = await fetch_value("SELECT id FROM patient WHERE hospital = $1 AND mrn = $2", actor.hospital, mrn)
    return None if found is None else UUID(str(found))


async def find_people(actor: Actor, text: str, most: int = 30) -> list[Person]:
    """Return the patients whose name, hospital number or bed holds what was typed; those in a bed come first.

    Every word must be found somewhere; accents and case do not matter. Without text: everybody in a bed.
    """
    return await fetch(
        Person,
        f"""
        SELECT {_PERSON} FROM {_PEOPLE}
        WHERE p.hospital = $1 AND ($2::text[] <> '{{}}' OR b.id IS NOT NULL) AND NOT EXISTS (
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
        SELECT {_PERSON} FROM {_PEOPLE},
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
        f"SELECT {_PERSON} FROM {_PEOPLE} WHERE p.hospital = $1 AND {condition}",  # noqa: S608  conditions of ours
        actor.hospital,
        *args,
    )


# Wards and beds


async def wards(actor: Actor) -> list[Ward]:
    """Return the open wards, with how many beds are taken: emergency wards first, then by walk order."""
    return await _wards(actor, "w.closed_at IS NULL")


async def ward_of_code(actor: Actor, code: str) -> Ward:
    """Return one open ward. Raises NotHere."""
    found = await _wards(actor, "w.closed_at IS NULL AND w.code = $2", code)
    if not found:
        raise NotHere
    return found[0]


async def ward(actor: Actor, ward_id: UUID) -> Ward:
    """Return one open ward. Raises NotHere."""
    found = await _wards(actor, "w.closed_at IS NULL AND w.id = $2", ward_id)
    if not found:
        raise NotHere
    return found[0]


async def _wards(actor: Actor, condition: str, *args: Any) -> list[Ward]:
    return await fetch(
        Ward,
        f"""
        SELECT w.id, w.code, w.name_en, w.name_fr, w.name_rw, w.kind, w.phone, w.walk_order, w.is_isolation,
               w.is_emergency, count(b.id) AS capacity, count(s.id) AS occupied
        FROM ward w
        LEFT JOIN bed b ON b.hospital = w.hospital AND b.ward = w.id AND b.removed_at IS NULL
        LEFT JOIN stay s ON s.hospital = b.hospital AND s.bed = b.id AND s.ended_at IS NULL
        WHERE w.hospital = $1 AND {condition}
        GROUP BY w.hospital, w.id ORDER BY NOT w.is_emergency, w.walk_order, w.code
        """,  # noqa: S608  conditions of ours
        actor.hospital,
        *args,
    )


async def bedsides(actor: Actor, ward_id: UUID | None = None) -> list[Bedside]:
    """Return every bed of the ward, or of the hospital, with its person or None; in walk order. Two statements."""
    rows = await fetch(
        _BedsideRow,
        """
        SELECT b.id AS bed, b.code, b.room, w.id AS ward, w.code AS ward_code, w.walk_order, w.is_isolation,
               w.is_emergency, s.patient
        FROM bed b
        JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward AND w.closed_at IS NULL
        LEFT JOIN stay s ON s.hospital = b.hospital AND s.bed = b.id AND s.ended_at IS NULL
        WHERE b.hospital = $1 AND b.removed_at IS NULL AND ($2::uuid IS NULL OR b.ward = $2)
        ORDER BY w.walk_order, w.code, b.code
        """,
        actor.hospital,
        ward_id,
    )
    found = await people(actor, [row.patient for row in rows if row.patient is not None])
    return [_bedside(row, found) for row in rows]


def _bedside(row: _BedsideRow, found: dict[UUID, Person]) -> Bedside:
    return Bedside(
        bed=row.bed,
        code=row.code,
        room=row.room,
        ward=row.ward,
        ward_code=row.ward_code,
        walk_order=row.walk_order,
        is_isolation=row.is_isolation,
        is_emergency=row.is_emergency,
        person=found.get(row.patient) if row.patient is not None else None,
    )


_BED = """
    SELECT b.id, b.code, b.room, b.ward, b.card_token, s.patient FROM bed b
    LEFT JOIN stay s ON s.hospital = b.hospital AND s.bed = b.id AND s.ended_at IS NULL
    WHERE b.hospital = $1 AND b.removed_at IS NULL
"""


async def bed(actor: Actor, bed_id: UUID) -> BedRow:
    """Return one bed. Raises NotHere."""
    found = await fetch_one(BedRow, f"{_BED} AND b.id = $2", actor.hospital, bed_id)
    if found is None:
        raise NotHere
    return found


async def bed_of_code(actor: Actor, code: str) -> BedRow | None:
    """Return the bed with the code that is written on it, as typed in any case: A-012."""
    return await fetch_one(BedRow, f"{_BED} AND b.code = $2", actor.hospital, code.strip().upper())


async def bed_of_card(actor: Actor, card_token: str) -> BedRow | None:
    """Return the bed whose card was scanned, in the actor's hospital only."""
    return await fetch_one(BedRow, f"{_BED} AND b.card_token = $2", actor.hospital, card_token)


async def bed_of_token(card_token: str) -> Card | None:
    """Return where a scanned card leads before anybody is signed in: through the sign-in door."""
    async with door("dus_door"):
        return await fetch_one(
            Card,
            "SELECT hospital, id AS bed, code FROM bed WHERE card_token = $1 AND removed_at IS NULL",
            card_token,
        )


async def free_beds(actor: Actor) -> list[BedRow]:
    """Return the beds nobody lies in, emergency wards first."""
    return await fetch(
        BedRow,
        """
        SELECT b.id, b.code, b.room, b.ward, b.card_token FROM bed b
        JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward AND w.closed_at IS NULL
        WHERE b.hospital = $1 AND b.removed_at IS NULL AND NOT EXISTS (
            SELECT FROM stay s WHERE s.hospital = b.hospital AND s.bed = b.id AND s.ended_at IS NULL)
        ORDER BY NOT w.is_emergency, w.walk_order, b.code
        """,
        actor.hospital,
    )


async def bed_codes(actor: Actor, ward_id: UUID) -> list[str]:
    """Return the codes of the ward's beds."""
    rows = await fetch(
        _Code,
        "SELECT code FROM bed WHERE hospital = $1 AND ward = $2 AND removed_at IS NULL ORDER BY code",
        actor.hospital,
        ward_id,
    )
    return [row.code for row in rows]


# Admissions


async def admission_of(actor: Actor, patient: UUID) -> OpenAdmission | None:
    """Return the patient's admission under way."""
    return await fetch_one(
        OpenAdmission,
        "SELECT id, patient, pin_hash FROM admission WHERE hospital = $1 AND patient = $2 AND ended_at IS NULL",
        actor.hospital,
        patient,
    )


async def admission(actor: Actor, admission_id: UUID) -> OpenAdmission | None:
    """Return the admission while it is under way."""
    return await fetch_one(
        OpenAdmission,
        "SELECT id, patient, pin_hash FROM admission WHERE hospital = $1 AND id = $2 AND ended_at IS NULL",
        actor.hospital,
        admission_id,
    )


async def stay_of(actor: Actor, patient: UUID) -> OpenStay | None:
    """Return where the patient lies."""
    return await fetch_one(
        OpenStay,
        """
        SELECT s.id, s.admission, s.bed, b.code AS bed_code FROM stay s
        JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE s.hospital = $1 AND s.patient = $2 AND s.ended_at IS NULL
        """,
        actor.hospital,
        patient,
    )


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


# Locks, each a statement of its own; the caller is in a transaction


async def locked_safety_rev(actor: Actor, patient: UUID) -> int:
    """Lock the patient's safety row and return its revision. Raises NotHere."""
    rev = await fetch_value(
        "SELECT safety_rev FROM patient_safety WHERE hospital = $1 AND patient = $2 FOR NO KEY UPDATE",
        actor.hospital,
        patient,
    )
    if rev is None:
        raise NotHere
    return int(rev)


async def lock_beds(actor: Actor, beds: Iterable[UUID]) -> None:
    """Lock beds in the order of their ids, so that two moves never wait for each other."""
    await fetch(
        _Id,
        "SELECT id FROM bed WHERE hospital = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        actor.hospital,
        list(beds),
    )


async def lock_ward(actor: Actor, ward_id: UUID) -> None:
    """Lock an open ward. Raises NotHere."""
    if not await fetch(
        _Id,
        "SELECT id FROM ward WHERE hospital = $1 AND id = $2 AND closed_at IS NULL FOR NO KEY UPDATE",
        actor.hospital,
        ward_id,
    ):
        raise NotHere


async def constraint_count(actor: Actor, patient: UUID) -> int:
    """Count what a verdict must find: open allergies, active diet orders and holds nobody cancelled."""
    return int(
        await fetch_value(
            """
            SELECT (SELECT count(*) FROM allergy WHERE hospital = $1 AND patient = $2 AND ended_at IS NULL)
                 + (SELECT count(*) FROM diet_order WHERE hospital = $1 AND patient = $2 AND status = 'active')
                 + (SELECT count(*) FROM npo_hold WHERE hospital = $1 AND patient = $2 AND cancelled_at IS NULL)
            """,
            actor.hospital,
            patient,
        )
    )
