"""Reads of care flags: of many patients for boards and verdicts, of one with who set them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch


class FlagRow(Struct, frozen=True):
    """One care flag, with who set and ended it."""

    id: UUID
    patient: UUID
    kind: str
    note: str
    set_by_name: str
    set_at: datetime
    ended_by_name: str | None
    ended_at: datetime | None


class _Kinds(Struct, frozen=True):
    patient: UUID
    kinds: frozenset[str]


async def flags(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, frozenset[str]]:
    """Return the kinds of the flags that are open now, by patient; every patient asked for is a key. One statement."""
    ids = list(dict.fromkeys(patients))
    found = dict.fromkeys(ids, frozenset[str]())
    if not ids:
        return found
    rows = await fetch(
        _Kinds,
        """
        SELECT patient, array_agg(kind) AS kinds FROM care_flag
        WHERE hospital = $1 AND patient = ANY($2) AND ended_at IS NULL GROUP BY patient
        """,
        actor.hospital,
        ids,
    )
    return found | {row.patient: row.kinds for row in rows}


async def flag_rows(actor: Actor, patient: UUID) -> list[FlagRow]:
    """Return a patient's flags, open ones first, the latest first."""
    return await fetch(
        FlagRow,
        """
        SELECT f.id, f.patient, f.kind, f.note, coalesce(s.name, '') AS set_by_name, f.set_at,
               e.name AS ended_by_name, f.ended_at
        FROM care_flag f LEFT JOIN app_user s ON s.id = f.set_by LEFT JOIN app_user e ON e.id = f.ended_by
        WHERE f.hospital = $1 AND f.patient = $2 ORDER BY f.ended_at IS NOT NULL, f.set_at DESC, f.id DESC
        """,
        actor.hospital,
        patient,
    )
