"""A hospital that sells the starter plans, and people who eat on them."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from dusangire import wiring
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, PayVerb, Purpose
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import Share
from dusangire.payments.service.intents import capture, move_payment
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.queries import Held, Plan, Term
from dusangire.subscriptions.service import Buying
from tests.make import Make


class Plans:
    """Everything a test of plans wants to do in one word."""

    def __init__(self, make: Make, amina: Actor, bosco: Actor) -> None:
        self.make, self.amina, self.bosco = make, amina, bosco

    @property
    def today(self) -> date:
        return clock.local_day(clock.now(), self.make.actor.zone)

    async def plan(self, code: str) -> Plan:
        return next(one for one in await queries.current(self.make.actor) if one.code == code)

    async def buy(self, by: Actor, code: str, method: Method | None = None, phone: str | None = None) -> Held:
        """By the hospital's account for a patient, cash for staff; at the counter that waits until it is taken."""
        said = method or (Method.HOSPITAL_ACCOUNT if by.patient else Method.CASH)
        made = await service.subscribe(by, Buying((await self.plan(code)).id, said, phone))
        return await queries.own(by, made)

    async def running(self, by: Actor, code: str) -> Held:
        """Bought and paid."""
        held = await self.buy(by, code)
        if held.due is not None:
            await service.take_cash(self.make.actor, held.due.id)
        return await queries.own(by, held.id)

    async def eat(self, by: Actor, period: str = "lunch", *, days: int = 0, total: int = 3000, **changes: Any) -> UUID:
        """Order a tray on the plan as checkout does it, in one transaction; return the tray's id."""
        tray, who = uuid7(), changes.get("who", by.patient or by.user)
        async with transaction():
            share = await service.use_meal(by, who, period, self.today + timedelta(days=days), tray, Money(total))
            await self.sell(tray, total)
            await payments.open_payment(by, Purpose.STAFF_TRAY, tray, share, payer_user=by.user)
        return tray

    async def bonus(self, by: Actor, total: int = 3000) -> UUID:
        """Order a tray with a bonus meal."""
        tray = uuid7()
        async with transaction():
            share = await service.use_bonus(by, by.patient or by.user, tray, Money(total))
            await self.sell(tray, total)
            await payments.open_payment(by, Purpose.STAFF_TRAY, tray, share, payer_user=by.user)
        return tray

    async def sell(self, tray: UUID, total: int) -> None:
        lines = ((Account.ORDER_DUE, tray, total), (Account.MEALS, None, -total))
        await payments.post(self.make.actor, "sale", f"staff_tray:{tray}", lines, key=f"sale:{tray}")

    async def pay_tray(self, by: Actor, method: Method, total: int) -> UUID:
        """A tray paid in money, with its sale."""
        tray = uuid7()
        async with transaction():
            await self.sell(tray, total)
            await payments.open_payment(by, Purpose.STAFF_TRAY, tray, Share(method, Money(total)), payer_user=by.user)
            await payments.settle_cash(self.make.actor, tray, collector=None)
        return tray

    async def call_off(self, tray: UUID) -> None:
        await payments.cancel(self.make.actor, tray)

    async def captured(self, payment: UUID) -> None:
        """The provider says that it was paid."""
        async with transaction():
            await capture(self.make.actor, await payment_queries.payment(self.make.actor, payment))

    async def failed(self, payment: UUID) -> None:
        """The provider says that it was not."""
        async with transaction():
            await move_payment(self.make.actor, await payment_queries.payment(self.make.actor, payment), PayVerb.FAIL)

    def noon(self, days: int) -> datetime:
        """Noon of a day to come, as the clock's work is told."""
        return clock.at(self.today + timedelta(days=days), time(12), self.make.actor.zone)

    async def days_pass(self, days: int) -> None:
        """Let the clock's work be done on that day."""
        await service.keep_plans(self.make.actor, self.noon(days))

    async def term(self, held: Held) -> Term:
        found = await queries.running(self.make.actor, held.id)
        assert found
        return found

    async def again(self, by: Actor, held: Held) -> Held:
        return await queries.own(by, held.id)

    async def balance(self, account: Account, party: UUID | None = None) -> int:
        return (await payment_queries.balance(self.make.actor, account, party)).minor

    async def books(self) -> dict[str, int]:
        """What is on each account that has anything on it."""
        assert await payment_queries.books_balance(self.make.actor)
        found = await payment_queries.balances(self.make.actor)
        return {one.account.value: one.amount_minor for one in found if one.amount_minor}


async def raise_ceiling(actor: Actor, patient: UUID, minor: int = 100_000_000) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = $2 WHERE patient = $1", patient, minor)


@pytest.fixture(autouse=True)
def _wired() -> None:
    wiring.install()


@pytest.fixture
async def plans(make: Make, amina: Actor, bosco: Actor) -> Plans:
    """Amina, whose account has room, and Bosco, who works here."""
    with acting_as(make.actor):
        await service.load_starter(make.actor)
        await raise_ceiling(make.actor, amina.patient)
    return Plans(make, amina, bosco)


@pytest.fixture
async def relative(make: Make, amina: Actor) -> Actor:
    return await make.caregiver(amina)


@pytest.fixture
async def solange(make: Make) -> Actor:
    return await make.user("Solange Iradukunda", Role.FINANCE)
