"""Each side of the contract: a real client, the simulator of its provider, over loopback."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Airtel, Mtn, settings
from dusangire.payments.gateways.airtel import AirtelGateway
from dusangire.payments.gateways.mtn import MtnGateway
from dusangire.payments.gateways.wire import Wire
from dusangire.payments.rules.providers import (
    Charge,
    FetchAnswer,
    Paid,
    RefundWish,
    Started,
    Waiting,
)
from tests.payments.simulated import Providers, until

PHONES = {"mtn": "+250788000{}", "airtel": "+250722000{}"}
_SIDES = {
    "mtn": ("mtn", {}),
    "mtn sandbox": ("mtn", {"environment": "sandbox", "currency": "EUR"}),
    "airtel": ("airtel", {}),
    "airtel signed": ("airtel", {"version": 2}),
}


class Side:
    """One provider with the client that speaks to it, impatient so that tests are quick."""

    def __init__(self, providers: Providers, provider: str, changes: dict[str, Any]) -> None:
        self.providers, self.provider = providers, provider
        config = settings().mtn if provider == "mtn" else settings().airtel
        assert config is not None
        self.config: Mtn | Airtel = msgspec.structs.replace(config, **changes)
        self.base_url = config.base_url
        self.wire = Wire(call_s=0.6, token_s=2.0, cool_s=0.3)
        self.gateway: Any = (
            MtnGateway(self.config, self.wire)
            if isinstance(self.config, Mtn)
            else AirtelGateway(self.config, self.wire)
        )

    @property
    def is_mtn(self) -> bool:
        return self.provider == "mtn"

    def charge(self, francs: int = 1200, digits: str = "123", **changes: Any) -> Charge:
        made = Charge(
            uuid4(), Money(francs), PHONES[self.provider].format(digits), "Order A-012, lunch's tray", self.base_url, ""
        )
        return msgspec.structs.replace(made, **changes)

    def knobs(self, **knobs: Any) -> None:
        self.providers.knobs(self.provider, **knobs)

    def press(self, charge: Charge, verb: str) -> None:
        self.providers.press(self.provider, self.name(charge.reference), verb)

    def name(self, reference: UUID) -> str:
        """The reference as the provider writes it."""
        return str(reference) if self.is_mtn else reference.hex

    def payments(self) -> list[dict[str, Any]]:
        return self.providers.money(self.provider)["payments"]

    async def fetch(self, charge: Charge) -> FetchAnswer:
        return await self.gateway.fetch(charge.reference, charge.base_url)

    async def end(self, charge: Charge) -> FetchAnswer:
        """Ask until the payment is no longer waiting."""

        async def ended() -> FetchAnswer | None:
            answer = await self.fetch(charge)
            return None if answer == Waiting() else answer

        return await until(ended)

    async def paid(self, **facts: Any) -> tuple[Charge, Paid]:
        """Bring a payment to its good end."""
        charge = self.charge(**facts)
        assert await self.gateway.start(charge) == Started()
        answer = await self.end(charge)
        assert isinstance(answer, Paid), answer
        return charge, answer

    def wish(self, charge: Charge, paid: Paid, francs: int) -> RefundWish:
        return RefundWish(
            uuid4(), charge.reference, paid.provider_ref, Money(francs), charge.amount, charge.phone, charge.base_url
        )


@pytest.fixture(params=list(_SIDES))
async def side(request: pytest.FixtureRequest, providers: Providers) -> AsyncIterator[Side]:
    made = Side(providers, *_SIDES[request.param])
    yield made
    await made.gateway.close()
