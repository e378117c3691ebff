"""A patient who pays for trays: the forms they send, the worker's work done by hand, and what the books say after it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from dusangire import wiring
from dusangire.diets import service as diets
from dusangire.kernel import jobs
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value
from dusangire.kernel.journal import Event
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.payments import jobs as payment_jobs
from dusangire.payments import queries as money
from dusangire.payments.queries import Payment
from dusangire.payments.rules.ledger import Account
from tests.make import Browser, Make
from tests.orders.conftest import Bedside

MTN_NUMBER, AIRTEL_NUMBER = "0788123412", "0733123412"


class Till:
    """One patient, their browser, and the worker of their hospital."""

    def __init__(self, bedside: Bedside, browser: Browser) -> None:
        self.bedside, self.browser = bedside, browser
        self._seen = 0

    @property
    def actor(self) -> Actor:
        return self.bedside.make.actor

    async def at(self, period: str = "lunch") -> str:
        return f"{(await self.bedside.sitting(period)).day}.{period}."

    async def form(self, pay: str, period: str = "lunch", **more: str) -> dict[str, str]:
        return {"key": uuid4().hex, "at": await self.at(period), "pay": pay, **more}

    async def place(self, pay: str, *dishes: str, period: str = "lunch", **more: str) -> Order:
        """Choose and order by a plain form, as somebody without JavaScript does."""
        await self.bedside.choose(*(dishes or ("CHK-STW",)), period=period)
        answer = await self.browser.post("/checkout/", await self.form(pay, period, **more))
        assert answer.status_code == 303, text_of(answer)
        return await self.order(placed(answer))

    async def order(self, order_id: UUID) -> Order:
        return await queries.order(self.actor, order_id)

    async def payments(self, order_id: UUID) -> list[Payment]:
        return await money.payments_of(self.actor, order_id)

    async def work(self) -> None:
        """Do what the worker does with the news there is, by the program's own wiring."""
        wiring.load_jobs()
        for _ in range(5):
            events = await self._news()
            for event in events:
                for job in wiring.REACTIONS.get(event.kind, ()):
                    await jobs._reactions[job](self.actor, event)
            if not events:
                return

    async def answers(self, order_id: UUID) -> None:
        """Wait until the provider has ended the payment, asking as the payer's button does."""
        for _ in range(60):
            await self.browser.post(f"/orders/{order_id}/pay/ask")
            await payment_jobs.poll_payments(self.actor)
            await self.work()
            if all(one.state not in ("created", "pending") for one in await self.payments(order_id)):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the provider did not answer")

    async def due(self, order_id: UUID) -> int:
        return (await money.balance(self.actor, Account.ORDER_DUE, order_id)).minor

    async def balance(self, account: Account) -> int:
        return (await money.balance(self.actor, account)).minor

    async def _news(self) -> list[Event]:
        events = await fetch(
            Event,
            """
            SELECT id, hospital, kind, about, actor, actor_role, actor_name, facts, at FROM event
            WHERE hospital = $1 AND id > $2 ORDER BY id
            """,
            self.actor.hospital,
            self._seen,
        )
        self._seen = max([self._seen, *(event.id for event in events)])
        return [event for event in events if event.kind.partition(":")[0] in ("payment", "refund", "provider")]


def placed(answer: httpx.Response) -> UUID:
    found = re.search(r"/orders/([0-9a-f-]{36})", answer.headers["location"])
    assert found
    return UUID(found.group(1))


def text_of(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|script)[^>]*>.*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL))


async def lying(make: Make, bedside: Bedside, number: int, open_as: Callable[[Actor | None], Browser]) -> Till:
    """Admit one more patient, who may eat anything, to the free bed there must be."""
    there = Bedside(make, await make.patient(f"Patient {number}", "Uwase"), bedside.doctor, bedside.nurse)
    await diets.no_known_allergies(bedside.nurse, there.id)
    await there.diet("REG")
    return Till(there, open_as(there.patient))


@pytest.fixture
async def till(bedside: Bedside, browser: Callable[[Actor | None], Browser]) -> Till:
    return Till(bedside, browser(bedside.patient))


Told = Callable[[Actor], Awaitable[list[dict[str, Any]]]]


async def subjects(user: UUID) -> list[str]:
    """What the person's inbox says."""
    found = await fetch_value(
        "SELECT array_agg(subject ORDER BY id) FROM message WHERE app_user = $1 AND channel = 'inbox'", user
    )
    return list(found or [])
