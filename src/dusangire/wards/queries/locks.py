"""Locks, each a statement of its own. The caller is in a transaction."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value
from dusangire.kernel.errors import NotHere


class _Id(Struct, frozen=True):
    id: UUID


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
