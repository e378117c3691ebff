"""Which provider answers: noted with every question, told once per outage, and seen by who chooses how to pay."""

from datetime import datetime
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.rules.asking import DOWN_AFTER
from dusangire.payments.rules.providers import Provider


async def note_provider(actor: Actor, provider: Provider, now: datetime, *, is_well: bool, said: str = "") -> None:
    """Note whether a provider answered. Down after three silences in a row, and up with the first answer."""
    seen = await queries.provider_state(actor, provider)
    if is_well and seen is not None and seen.silent == 0:
        return
    async with transaction():
        changed = await fetch_value(
            _WELL if is_well else _SILENT, actor.hospital, uuid7(), provider.value, now, said[:300], DOWN_AFTER
        )
        if changed is not None:
            word = "up" if is_well else "down"
            await record(actor, f"provider:{word}", f"provider:{provider.value}", said=said[:300])


async def note_hook(actor: Actor, provider: Provider, payment: UUID, outcome: str) -> None:
    """Keep that news came for a payment, or that somebody made some up."""
    async with transaction():
        await fetch_value(
            "INSERT INTO hook_call (id, hospital, provider, payment, outcome) VALUES ($1, $2, $3, $4, $5)",
            uuid7(),
            actor.hospital,
            provider.value,
            payment,
            outcome,
        )


async def forget_hooks(actor: Actor, before: datetime) -> None:
    """Let go of what is older than anybody asks."""
    async with transaction():
        await fetch_value("DELETE FROM hook_call WHERE hospital = $1 AND at < $2", actor.hospital, before)


_WELL = """
    WITH before AS (SELECT down_since FROM provider_state WHERE hospital = $1 AND provider = $3 FOR UPDATE),
    now AS (
        INSERT INTO provider_state (id, hospital, provider, silent, heard_at, said) VALUES ($2, $1, $3, 0, $4, $5)
        ON CONFLICT (hospital, provider) DO UPDATE SET silent = 0, down_since = NULL, heard_at = $4, said = ''
        WHERE $6::int > 0 RETURNING 1
    )
    SELECT 1 FROM before WHERE down_since IS NOT NULL
"""
_SILENT = """
    INSERT INTO provider_state AS p (id, hospital, provider, silent, said) VALUES ($2, $1, $3, 1, $5)
    ON CONFLICT (hospital, provider) DO UPDATE SET silent = p.silent + 1, said = $5,
        down_since = CASE WHEN p.silent + 1 >= $6 THEN coalesce(p.down_since, $4) END
    RETURNING CASE WHEN silent = $6 THEN 1 END
"""
