"""The patient of these tests: admitted, asked for allergies, with a signed diet, and a lunch that can be ordered."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from dusangire import wiring
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sitting
from dusangire.orders import queries, service
from dusangire.orders.queries import Order
from dusangire.orders.service import Checkout, Choice
from dusangire.payments.rules import Method
from tests.make import Make


class Bedside:
    """Everything a test of trays wants to do in one word."""

    def __init__(self, make: Make, patient: Actor, doctor: Actor, nurse: Actor) -> None:
        self.make, self.patient, self.doctor, self.nurse = make, patient, doctor, nurse

    @property
    def id(self) -> UUID:
        assert self.patient.patient
        return self.patient.patient

    async def sitting(self, period: str = "lunch", days: int = 1) -> Sitting:
        """Tomorrow's by default: whatever the hour of the test run, it can still be ordered."""
        day = clock.local_day(clock.now(), self.make.actor.zone) + timedelta(days=days)
        found = sitting(await menu.periods(self.make.actor), day, period, self.make.actor.zone)
        assert found
        return found

    async def choose(self, *dishes: str, by: Actor | None = None, period: str = "lunch", portion: str = "1") -> None:
        for dish in dishes:
            choice = Choice(self.id, await self.sitting(period), dish, Decimal(portion))
            await service.add(by or self.patient, choice)

    async def checkout(self, period: str = "lunch", **changes: Any) -> Checkout:
        day = (await self.sitting(period)).day
        facts: dict[str, Any] = {
            "key": uuid4().hex,
            "patient": self.id,
            "day": day,
            "period": period,
            "method": Method.CASH,
        }
        return Checkout(**(facts | changes))

    async def checkout_at(self, chosen: Sitting) -> Checkout:
        return Checkout(uuid4().hex, self.id, chosen.day, str(chosen.period), Method.CASH)

    async def checkout_raw(self, **changes: Any) -> Checkout:
        facts: dict[str, Any] = {
            "key": uuid4().hex,
            "patient": self.id,
            "day": (await self.sitting()).day,
            "period": "lunch",
            "method": Method.CASH,
        }
        return Checkout(**(facts | changes))

    async def order(self, *dishes: str, by: Actor | None = None, period: str = "lunch", **changes: Any) -> Order:
        await self.choose(*dishes, by=by, period=period)
        made = await service.place(by or self.patient, await self.checkout(period, **changes))
        return await queries.order(by or self.patient, made)

    async def diet(self, *codes: str, **changes: Any) -> None:
        asked = Prescription(codes=codes, start_at=clock.now() - timedelta(seconds=1), **changes)
        await diets.sign(self.doctor, self.id, asked)


@pytest.fixture(autouse=True)
def _wired() -> None:
    wiring.install()


@pytest.fixture
async def bedside(make: Make, amina: Actor, bosco: Actor, diane: Actor) -> Bedside:
    """Amina, who may eat everything: no known allergy, a regular diet."""
    await make.menu()
    with acting_as(make.actor):
        there = Bedside(make, amina, diane, bosco)
        await diets.no_known_allergies(bosco, there.id)
        await there.diet("REG")
    return there


@pytest.fixture
async def cook(make: Make) -> Actor:
    return await make.user("Second Cook", Role.KITCHEN)
