"""Reads of the providers: which are offered, and which answer."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import door, fetch, fetch_one
from dusangire.kernel.settings import settings
from dusangire.payments.rules.providers import Provider


class ProviderState(Struct, frozen=True):
    """How a provider answered of late. silent: how many times in a row it did not."""

    provider: Provider
    silent: int
    down_since: datetime | None
    heard_at: datetime | None
    said: str


class ProviderNow(Struct, frozen=True):
    """A provider this installation has an account with, and since when it does not answer."""

    provider: Provider
    down_since: datetime | None

    @property
    def is_up(self) -> bool:
        return self.down_since is None


class Named(Struct, frozen=True):
    """A payment that news names, found before a hospital is known."""

    id: UUID
    hospital: int


async def provider_state(actor: Actor, provider: Provider) -> ProviderState | None:
    return await fetch_one(
        ProviderState,
        """
        SELECT provider, silent, down_since, heard_at, said FROM provider_state
        WHERE hospital = $1 AND provider = $2
        """,
        actor.hospital,
        provider.value,
    )


async def providers(actor: Actor) -> list[ProviderNow]:
    """Return the providers that may be offered, those that are down too: the page says so and offers the others."""
    seen = {
        one.provider: one
        for one in await fetch(
            ProviderState,
            "SELECT provider, silent, down_since, heard_at, said FROM provider_state WHERE hospital = $1",
            actor.hospital,
        )
    }
    return [
        ProviderNow(provider, seen[provider].down_since if provider in seen else None)
        for provider, config in ((Provider.MTN, settings().mtn), (Provider.AIRTEL, settings().airtel))
        if config is not None
    ]


async def hospital_of(*, payment: UUID | None = None, reference: UUID | None = None) -> Named | None:
    """Return whose payment news is about, by its id or its reference: through the door, before a hospital is known."""
    async with door("dus_door"):
        return await fetch_one(
            Named,
            "SELECT id, hospital FROM payment WHERE id = $1 OR reference = $2 LIMIT 1",
            payment,
            reference,
        )
