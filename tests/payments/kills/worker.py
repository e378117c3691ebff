"""The worker of the installation under test. While the file `forgetful` lies in its home, it is the negative control:
the reference under which money is asked for is known to this process only, and not committed before it is sent.
"""

import asyncio
import os
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from dusangire import worker
from dusangire.kernel.settings import settings
from dusangire.payments import jobs
from dusangire.payments.gateways import MoneyGateway
from dusangire.payments.rules.providers import Charge, FetchAnswer, Paid, Provider, StartAnswer

FORGETFUL = "forgetful"
_OURS = os.urandom(16)


class Forgetful:
    """Asks under references of its own making; who comes after it does not know them."""

    def __init__(self, inner: MoneyGateway) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def start(self, charge: Charge) -> StartAnswer:
        return await self._inner.start(msgspec.structs.replace(charge, reference=_minted(charge.reference)))

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        answer = await self._inner.fetch(_minted(reference), base_url)
        return msgspec.structs.replace(answer, reference=str(reference)) if isinstance(answer, Paid) else answer


def _minted(reference: UUID) -> UUID:
    return UUID(bytes=sha256(_OURS + reference.bytes).digest()[:16], version=4)


def _forget() -> None:
    real = jobs.gateway

    def gateway(provider: Provider) -> Any:
        return Forgetful(real(provider))

    jobs.gateway = gateway  # type: ignore[assignment]


if __name__ == "__main__":
    if (settings().home / FORGETFUL).exists():
        _forget()
    asyncio.run(worker.run())
