import asyncio

import asyncpg
import pytest

from dusangire.diets.tables import Task
from dusangire.kernel.db import acting_as, add, connection, door, execute, fetch_value, transaction
from dusangire.kernel.journal import record
from dusangire.orders.tables import Idempotency


async def _cards(actor):
    with acting_as(actor):
        return await fetch_value("SELECT count(*) FROM ward")


@pytest.mark.req("N7")
async def test_a_connection_sees_the_rows_of_the_acting_hospital_only(make):
    other = await make.other()
    await make.ward("A", beds=1)
    assert await _cards(make.actor) == 1
    assert await _cards(other.actor) == 0


@pytest.mark.req("N7")
async def test_without_an_actor_a_hospitals_table_is_an_error_and_not_an_empty_one(make):
    with acting_as(None), pytest.raises(asyncpg.PostgresError):
        await fetch_value("SELECT count(*) FROM ward")


@pytest.mark.req("N7")
async def test_interleaved_hospitals_on_one_small_pool_never_mix(make):
    other = await make.other()
    await make.ward("A", beds=1)
    counts = await asyncio.gather(*(_cards(make.actor if n % 2 else other.actor) for n in range(200)))
    assert counts == [1 if n % 2 else 0 for n in range(200)]


async def test_a_stamp_survives_neither_a_cancelled_query_nor_an_error(make):
    other = await make.other()
    await make.ward("A", beds=1)
    with acting_as(make.actor), pytest.raises(asyncpg.PostgresError):
        await fetch_value("SELECT 1 / 0")
    task = asyncio.create_task(_sleep(make.actor))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await _cards(other.actor) == 0
    assert await _cards(make.actor) == 1


async def _sleep(actor):
    with acting_as(actor):
        await fetch_value("SELECT pg_sleep(1)")


async def test_a_row_of_another_hospital_cannot_be_written(make):
    other = await make.other()
    with acting_as(make.actor), pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("INSERT INTO effect (hospital, key) VALUES ($1, 'planted')", other.actor.hospital)


async def test_an_error_at_the_end_of_a_transaction_gives_its_connection_back(make):
    for _ in range(30):
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await record(make.actor, "ward:tried", "ward:1")
                raise ZeroDivisionError
    assert (
        await fetch_value("SELECT count(*) FROM event WHERE kind = 'ward:tried' AND hospital = $1", make.actor.hospital)
        == 0
    )


async def test_gathering_inside_a_transaction_is_refused(make):
    async with transaction():
        with pytest.raises(RuntimeError, match="one task"):
            await asyncio.gather(fetch_value("SELECT 1"))


async def test_the_apps_role_owns_nothing_and_cannot_change_the_past(make):
    async with connection() as conn:
        assert await conn.fetchval("SELECT current_user") == "dus_app"
        assert (
            await conn.fetchval(
                "SELECT count(*) FROM pg_tables WHERE tableowner = current_user AND schemaname = 'public'"
            )
            == 0
        )
        for attack in ("UPDATE event SET kind = 'a:b'", "DELETE FROM event", "TRUNCATE event", "DROP TABLE event",
                       "ALTER TABLE ward DISABLE ROW LEVEL SECURITY", "DELETE FROM meal_order"):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(attack)


@pytest.mark.parametrize(("role", "table"), [("dus_door", "patient"), ("dus_door", "event"), ("dus_relay", "patient")])
async def test_a_door_opens_onto_one_thing_and_nothing_else(make, role, table):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with door(role):
            await fetch_value(f"SELECT count(*) FROM {table}")


async def test_rows_are_added_with_every_kind_of_value_and_a_key_that_is_there_adds_nothing(make):
    actor = make.actor
    key = Idempotency(hospital=actor.hospital, key="k", app_user=actor.user, body_hash=b"\x00'", answer="'$1")
    tasks = [Task(hospital=actor.hospital, kind=f"task {n}", facts={"n": n}, done_by=None) for n in range(2)]
    with acting_as(actor):
        assert await add(*tasks) == 2
        assert await fetch_value("SELECT sum((facts ->> 'n')::int) FROM task WHERE hospital = $1", actor.hospital) == 1
        assert [await add(key, or_nothing=True) for _ in range(2)] == [1, 0]
        with pytest.raises(asyncpg.UniqueViolationError):
            await add(key)
        assert await fetch_value("SELECT answer FROM idempotency WHERE hospital = $1", actor.hospital) == "'$1"
