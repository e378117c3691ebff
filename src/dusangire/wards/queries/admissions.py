"""Reads of admissions and stays under way."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one


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
