"""Reads for two records of one patient that became one."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.phrase import Named


class Merged(Struct, frozen=True):
    """A record that another one took in, with who signed in for it and for the kept one."""

    patient: UUID
    app_user: UUID | None
    kept_user: UUID | None


class _Plan(Struct, frozen=True):
    name_en: str
    name_fr: str
    name_rw: str


async def merged_into(actor: Actor, kept: UUID) -> list[Merged]:
    """Return the records that were merged into this one."""
    return await fetch(
        Merged,
        """
        SELECT gone.id AS patient, gone.app_user, kept.app_user AS kept_user
        FROM patient gone JOIN patient kept ON kept.hospital = gone.hospital AND kept.id = gone.merged_into
        WHERE gone.hospital = $1 AND kept.id = $2 ORDER BY gone.id
        """,
        actor.hospital,
        kept,
    )


async def same_plan(actor: Actor, gone: UUID, kept: UUID) -> Named | None:
    """Return a plan that runs for both; None where there is none."""
    found = await fetch_one(
        _Plan,
        """
        SELECT p.name_en, p.name_fr, p.name_rw FROM subscription g
        JOIN subscription k ON k.hospital = g.hospital AND k.plan_code = g.plan_code AND k.owner = $3
            AND k.state NOT IN ('lapsed', 'ended')
        JOIN plan p ON p.hospital = g.hospital AND p.id = g.plan
        WHERE g.hospital = $1 AND g.owner = $2 AND g.state NOT IN ('lapsed', 'ended') ORDER BY p.code LIMIT 1
        """,
        actor.hospital,
        gone,
        kept,
    )
    return Named(found.name_en, found.name_fr, found.name_rw) if found else None
