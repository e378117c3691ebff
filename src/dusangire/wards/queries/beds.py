"""Reads of wards and beds, and the way from a scanned card to its bed."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import door, fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.wards.queries.people import PEOPLE, PERSON
from dusangire.wards.rules import Bedside, Card, Ward


class BedRow(Struct, frozen=True):
    """A bed as it is stored, and who lies in it."""

    id: UUID
    code: str
    room: str
    ward: UUID
    card_token: str
    patient: UUID | None = None


class _Code(Struct, frozen=True):
    code: str


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
    """Return every bed of the ward, or of the hospital, with its person or None; in walk order. One statement."""
    return await fetch(
        Bedside,
        f"""
        SELECT bed.id AS bed, bed.code, bed.room, ward.id AS ward, ward.code AS ward_code, ward.walk_order,
               ward.is_isolation, ward.is_emergency,
               (SELECT to_jsonb(q) FROM (SELECT {PERSON} FROM {PEOPLE}
                 WHERE p.hospital = lies.hospital AND p.id = lies.patient) q) AS person
        FROM bed
        JOIN ward ON ward.hospital = bed.hospital AND ward.id = bed.ward AND ward.closed_at IS NULL
        LEFT JOIN stay lies ON lies.hospital = bed.hospital AND lies.bed = bed.id AND lies.ended_at IS NULL
        WHERE bed.hospital = $1 AND bed.removed_at IS NULL AND ($2::uuid IS NULL OR bed.ward = $2)
        ORDER BY ward.walk_order, ward.code, bed.code
        """,  # noqa: S608  columns of ours
        actor.hospital,
        ward_id,
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
