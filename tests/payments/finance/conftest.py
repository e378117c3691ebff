"""The office: Solange and Mukunzi count and receive, Esther carries cash, and a payment can be opened for nobody's tray."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.money import Money
from dusangire.payments import service
from dusangire.payments.rules import Method, Purpose
from dusangire.payments.service import Share, closing
from dusangire.wards import queries as wards
from tests.make import Make
from tests.orders.conftest import _wired, bedside  # noqa: F401  fixtures


@pytest.fixture
async def solange(make: Make) -> Actor:
    return await make.user("Solange Iradukunda", Role.FINANCE)


@pytest.fixture
async def mukunzi(make: Make) -> Actor:
    return await make.user("Mukunzi Alain", Role.FINANCE)


@pytest.fixture
async def stay(amina: Actor) -> UUID:
    """Amina's admission."""
    assert amina.patient
    person = await wards.person(amina, amina.patient)
    assert person.admission
    return person.admission


class Till:
    """Payments towards Amina's account: the shortest way to money of every method."""

    def __init__(self, stay: UUID, actor: Actor) -> None:
        self.stay, self.actor, self.number = stay, actor, 0

    async def ask(self, method: Method, amount: int) -> UUID:
        self.number += 1
        share = Share(method, Money(amount), phone="0788000111" if method.is_mobile else None)
        return await service.open_payment(self.actor, Purpose.ACCOUNT, self.stay, share, number=self.number)

    async def take(self, collector: Actor, amount: int) -> UUID:
        """Cash that the collector has taken."""
        made = await self.ask(Method.CASH, amount)
        await service.settle_cash(collector, self.stay, collector=collector.user)
        return made


@pytest.fixture
async def till(stay: UUID, solange: Actor) -> Till:
    return Till(stay, solange)


@pytest.fixture
def next_morning(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What lets the day end whenever a test says so, for who closes it."""

    tomorrow = SimpleNamespace(now=lambda: clock.now() + timedelta(days=1), local_day=clock.local_day)

    def ends() -> None:
        monkeypatch.setattr(closing, "clock", tomorrow)

    return ends
