"""What keeps a renewal from happening twice: the period's own row, and the lock before it. Each alone suffices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, address, fetch_value
from dusangire.kernel.settings import settings
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.queries import Held, Subscription
from tests.subscriptions.conftest import Plans
from tests.together import Together

WORKERS, PRICE = 8, 30_000
_ROW = "CREATE UNIQUE INDEX plan_term_once ON plan_term (hospital, subscription, number)"


@asynccontextmanager
async def _without_the_row(plans: Plans) -> AsyncIterator[None]:
    """Let a period have any number of rows, in this run's own database, and put everything right afterwards."""
    owner = await asyncpg.connect(**address(settings().owner_url), timeout=10)
    try:
        held = await owner.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'one_term_at_a_time'"
        )
        await owner.execute("ALTER TABLE plan_term DROP CONSTRAINT one_term_at_a_time")
        await owner.execute("DROP INDEX plan_term_once")
        try:
            yield
        finally:
            await owner.execute("DELETE FROM plan_term WHERE hospital = $1", plans.make.actor.hospital)
            await owner.execute(_ROW)
            await owner.execute(f"ALTER TABLE plan_term ADD CONSTRAINT one_term_at_a_time {held}")
    finally:
        await owner.close()


def _without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker reads the subscription as it is, and two of them before either acts."""

    both = Together()

    async def look(actor: Actor, subscription: UUID) -> Subscription:
        found = await queries.subscription(actor, subscription)
        await both.come()
        return found

    monkeypatch.setattr(queries, "lock", look)


async def _midnight(plans: Plans, held: Held) -> None:
    """The workers all find the period over at once; some of them may be refused by the database, and stop."""

    async def work() -> None:
        with acting_as(plans.make.actor):
            await service.turn(plans.make.actor, held.id, plans.noon(7))

    for got in await asyncio.gather(*(work() for _ in range(WORKERS)), return_exceptions=True):
        if isinstance(got, BaseException) and not isinstance(got, asyncpg.PostgresError):
            raise got


async def _charged(plans: Plans) -> int:
    return await plans.balance(Account.ADMISSION_RECEIVABLE) // PRICE


async def _rows(plans: Plans) -> Any:
    return await fetch_value("SELECT count(*) FROM plan_term WHERE hospital = $1", plans.make.actor.hospital)


@pytest.mark.req("K2")
async def test_the_row_of_the_period_alone_charges_once(
    plans: Plans, amina: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await plans.buy(amina, "PAT-WEEK-7")
    _without_the_lock(monkeypatch)
    await _midnight(plans, held)
    assert (await _rows(plans), await _charged(plans)) == (2, 2)


@pytest.mark.req("K2")
async def test_the_lock_alone_charges_once(plans: Plans, amina: Actor) -> None:
    held = await plans.buy(amina, "PAT-WEEK-7")
    async with _without_the_row(plans):
        await _midnight(plans, held)
        assert (await _rows(plans), await _charged(plans)) == (2, 2)


@pytest.mark.req("K2")
async def test_without_the_row_and_without_the_lock_one_midnight_charges_more_than_once(
    plans: Plans, amina: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control, on the service itself."""
    held = await plans.buy(amina, "PAT-WEEK-7")
    _without_the_lock(monkeypatch)
    async with _without_the_row(plans):
        await _midnight(plans, held)
        assert await _rows(plans) > 2
        assert await _charged(plans) > 2
