"""The outside systems of money: two mobile-money networks and the revenue authority, behind one shape each."""

import asyncio
from typing import Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from dusangire.kernel.settings import Airtel, Ebm, Mtn, settings
from dusangire.payments.gateways.airtel import AirtelGateway
from dusangire.payments.gateways.ebm import EbmGateway
from dusangire.payments.gateways.mtn import MtnGateway
from dusangire.payments.rules.providers import (
    Charge,
    FetchAnswer,
    Provider,
    Reason,
    RefundAnswer,
    RefundWish,
    Rejected,
    StartAnswer,
    Unknown,
)


class MoneyGateway(Protocol):
    """What every mobile-money provider can be asked. None of it raises for the provider's trouble."""

    async def start(self, charge: Charge) -> StartAnswer:
        """Ask the payer for money, once. Unknown: ask with `fetch`; the same reference may follow a NotFound only."""

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        """Ask what became of a charge, at the address that took it."""

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        """Give money back, once."""

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        """Ask what became of a refund."""

    async def alive(self, base_url: str) -> bool:
        """Say whether the provider answers."""


class _Absent:
    """A provider that this installation has no account with."""

    def __init__(self, provider: Provider) -> None:
        self._said = f"{provider.upper()}_BASE_URL is not set"

    async def start(self, charge: Charge) -> StartAnswer:
        return Rejected(Reason.MISCONFIGURED, self._said)

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        return Unknown(self._said)

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        return Rejected(Reason.MISCONFIGURED, self._said)

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        return Unknown(self._said)

    async def alive(self, base_url: str) -> bool:
        return False


_Made = MtnGateway | AirtelGateway | EbmGateway
# Connections belong to the loop that opened them, tokens to the credentials they were given for.
_made: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Mtn | Airtel | Ebm, _Made]] = WeakKeyDictionary()


def gateway(provider: Provider) -> MoneyGateway:
    """Return the client of this provider, made once per process from the settings."""
    config = settings().mtn if provider is Provider.MTN else settings().airtel
    if config is None:
        return _Absent(provider)
    made = _made.setdefault(asyncio.get_running_loop(), {})
    if config not in made:
        made[config] = MtnGateway(config) if isinstance(config, Mtn) else AirtelGateway(config)
    found = made[config]
    return _Absent(provider) if isinstance(found, EbmGateway) else found


def base_url(provider: Provider) -> str | None:
    """Return the address that a new payment is sent to and keeps; None where this way of paying is not offered."""
    config = settings().mtn if provider is Provider.MTN else settings().airtel
    return config.base_url if config else None


def fiscal() -> EbmGateway | None:
    """Return the client of the revenue authority; None where no receipts are asked for (EBM_BASE_URL)."""
    config = settings().ebm
    if config is None:
        return None
    made = _made.setdefault(asyncio.get_running_loop(), {})
    if config not in made:
        made[config] = EbmGateway(config)
    found = made[config]
    return found if isinstance(found, EbmGateway) else None
