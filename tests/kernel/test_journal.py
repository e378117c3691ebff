import asyncio

import pytest

from dusangire.kernel import jobs, journal
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction


async def test_what_did_not_happen_leaves_no_event(make):
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await journal.record(make.actor, "tray:dropped", "tray:1")
            raise ZeroDivisionError
    assert await journal.history(make.actor, "tray:1") == []


async def test_an_event_keeps_who_what_and_when(make, bosco):
    with acting_as(bosco):
        async with transaction():
            await journal.record(bosco, "tray:dropped", "tray:1", floor=2)
        (event,) = await journal.history(bosco, "tray:1")
    assert (event.kind, event.actor_name, event.actor_role, event.facts) == (
        "tray:dropped",
        bosco.name,
        "nurse",
        {"floor": 2},
    )


async def test_recording_outside_a_transaction_is_refused(make):
    with pytest.raises(RuntimeError, match="outside a transaction"):
        await journal.record(make.actor, "tray:dropped", "tray:1")


async def test_every_committed_event_reaches_its_jobs_also_when_commits_overtake_each_other(make):
    kind, handed = "tray:counted", []

    async def enqueue(job, key, event):
        if event.hospital == make.actor.hospital:
            handed.append((job, event.facts["n"]))

    async def write(n):
        with acting_as(make.actor):
            async with transaction():
                await journal.record(make.actor, kind, f"tray:{n}", n=n)
                await asyncio.sleep(0.002 * (n % 7))

    writers = asyncio.gather(*(write(n) for n in range(60)))
    while not writers.done():
        await journal.relay({kind: ("count",)}, enqueue)
        await asyncio.sleep(0)
    await writers
    while await journal.relay({kind: ("count",)}, enqueue):
        pass
    assert sorted(handed) == [("count", n) for n in range(60)]


async def test_a_relay_that_fails_hands_the_events_over_again(make):
    async with transaction():
        await journal.record(make.actor, "tray:lost", "tray:9")

    async def broken(job, key, event):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        while await journal.relay({"tray:lost": ("look",)}, broken):
            pass
    left = "SELECT count(*) FROM event WHERE hospital = $1 AND relayed_at IS NULL AND kind = 'tray:lost'"
    assert await fetch_value(left, make.actor.hospital) == 1


async def test_an_effect_is_had_once(make):
    async with transaction():
        assert await jobs.once(make.actor, "mail:1")
    async with transaction():
        assert not await jobs.once(make.actor, "mail:1")


async def test_an_effect_that_failed_can_be_had_again(make):
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            assert await jobs.once(make.actor, "mail:2")
            raise ZeroDivisionError
    async with transaction():
        assert await jobs.once(make.actor, "mail:2")


async def test_the_sealed_past_cannot_be_rewritten(make):
    import asyncpg

    async with transaction():
        await journal.record(make.actor, "tray:dropped", "tray:1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("UPDATE event SET actor_name = 'nobody' WHERE hospital = $1", make.actor.hospital)
