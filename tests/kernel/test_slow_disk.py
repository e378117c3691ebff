"""A commit that the disk keeps waiting keeps no other commit waiting: news goes out after it, not inside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from litestar import Litestar

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, address, execute, transaction
from dusangire.kernel.journal import record
from dusangire.kernel.settings import settings


@asynccontextmanager
async def commits_that_wait() -> AsyncIterator[None]:
    """Let every commit of the server wait, as for a disk: for a standby that there is not."""
    owner = await asyncpg.connect(**address(settings().owner_url), timeout=10)
    try:
        await _wait_for(owner, "nobody")
        yield
    finally:
        await _wait_for(owner, "")
        await owner.close()


async def _wait_for(owner: asyncpg.Connection, standby: str) -> None:
    await owner.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
    while await owner.fetchval("SHOW synchronous_standby_names") != standby:
        await owner.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # the checkpointer tells the others


async def _two_at_once(actor: Actor, *, is_notified_inside: bool) -> list[str]:
    """Two people do something while the disk is slow; return how it ended for each."""

    async def one(name: str) -> str:
        with acting_as(actor):
            try:
                async with transaction():
                    await execute("SET LOCAL lock_timeout = 500")
                    await record(actor, "order:tried", f"order:{name}")
                    if is_notified_inside:
                        await execute("SELECT pg_notify('dusangire_bell', '0 nothing')")
            except asyncpg.LockNotAvailableError:
                return "refused"
        return "done"

    async with commits_that_wait():
        tried = [asyncio.create_task(one(name)) for name in ("a", "b")]
        await asyncio.wait(tried, timeout=3, return_when=asyncio.FIRST_COMPLETED)  # longer than the lock_timeout
    return sorted(await asyncio.gather(*tried))


@pytest.mark.req("A13")
async def test_two_commits_wait_for_a_slow_disk_side_by_side(app: Litestar, bosco: Actor):
    assert await _two_at_once(bosco, is_notified_inside=False) == ["done", "done"]


@pytest.mark.req("A13")
async def test_with_the_news_inside_one_of_them_is_refused(app: Litestar, bosco: Actor):
    assert await _two_at_once(bosco, is_notified_inside=True) == ["done", "refused"]
