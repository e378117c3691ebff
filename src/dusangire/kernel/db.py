"""The database: a pool that knows whose hospital it reads, one kind of transaction, and prepared reads.

A connection leaves the pool stamped with the hospital of the acting person (`acting_as`). Without one the
stamp is empty and every policy raises, so a forgotten actor is an error and never another hospital's rows.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct
from piccolo.columns import UUID, Integer
from piccolo.columns.combination import Where
from piccolo.engine.postgres import PostgresEngine
from piccolo.table import Table
from piccolo.utils.sql_values import convert_to_sql_value

from dusangire.kernel.access import Actor
from dusangire.kernel.ids import uuid7

T = TypeVar("T", bound=Struct)

_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_counter: ContextVar["list[int] | None"] = ContextVar("statements", default=None)
_held: ContextVar["_Held | None"] = ContextVar("held", default=None)

# What PostgreSQL itself refuses to wait for; the worker raises the first for its own role.
_SERVER_SETTINGS = {
    "application_name": "dusangire",
    "statement_timeout": "2000",
    "lock_timeout": "500",
    "idle_in_transaction_session_timeout": "5000",
    "timezone": "UTC",
    "jit": "off",
}

# How long somebody waits for a connection of the pool; after that the server is too busy, and says so.
PATIENCE_S = 2.0


class _Held:
    """The connection of the transaction under way in this task; `owner` is the only task that may use it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.owner = asyncio.current_task()
        self.notices: dict[str, list[str]] = {}


class _Engine(PostgresEngine):
    """Piccolo's engine, reading and writing through our connections only."""

    async def get_version(self) -> float:
        """Piccolo asks at import, when no pool is open; `dusangire check` looks at the real one."""
        return 15.0

    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> Any:
        async with connection() as conn:
            return await conn.fetch(query, *(args or ()))

    async def _run_in_new_connection(self, query: str, args: Sequence[Any] | None = None) -> Any:
        async with connection() as conn:
            return await conn.fetch(query, *(args or ()))


DB = _Engine(config={})


class Row(Table):
    """A table of our own; every subclass reads through the stamped pool."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Piccolo gives a table without a key an `id`, this base included; tables that have none must not inherit it.
        named = next((base for base in cls.__mro__ if "id" in base.__dict__), None)
        if named is not None and named.__name__ == "Row":
            setattr(cls, "id", None)  # noqa: B010  a plain assignment has no type to be of
        super().__init_subclass__(**{"db": DB, **kwargs})


class OfHospital(Row):
    """A table whose rows belong to one hospital. The migration gives it its policy and composite keys."""

    id = UUID(primary_key=True, default=uuid7)
    hospital = Integer()


def mine(table: type[OfHospital], actor: Actor) -> Where:
    """Return the first condition of every query: rows of the actor's hospital."""
    return table.hospital == actor.hospital


def address(url: str) -> dict[str, Any]:
    """Return asyncpg's connection arguments for a database URL, Unix-socket form (?host=/dir) included."""
    parts = urlsplit(url)
    return {
        "dsn": url,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }


async def open_pool(url: str, size: int, **settings: str) -> None:
    """Start this process's pool."""
    if DB.pool is not None:
        await close_pool()
    DB.pool = await asyncpg.create_pool(
        **address(url),
        min_size=min(2, size),
        max_size=size,
        init=_teach_json,
        setup=_stamp,
        reset=_leave,
        command_timeout=10,
        timeout=5,
        max_inactive_connection_lifetime=300,
        server_settings={**_SERVER_SETTINGS, **settings},
    )


async def close_pool() -> None:
    """Close the pool; waits a moment for statements under way."""
    pool, DB.pool = DB.pool, None
    if pool is not None:
        try:
            await asyncio.wait_for(pool.close(), 3)
        except TimeoutError:
            pool.terminate()


@contextmanager
def acting_as(actor: Actor | None) -> Iterator[None]:
    """Let everything read and written inside belong to this actor's hospital."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def acting() -> Actor | None:
    """Return the actor set by `acting_as`, None outside."""
    return _actor.get()


@asynccontextmanager
async def connection() -> AsyncIterator[Any]:
    """Yield the transaction's connection, or a stamped one from the pool."""
    _count()
    held = _held.get()
    if held is not None:
        yield _own(held)
        return
    if DB.pool is None:
        raise RuntimeError("no database pool is open in this process")
    async with DB.pool.acquire(timeout=PATIENCE_S) as conn:
        yield conn


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Run everything inside in one READ COMMITTED transaction; inside another one, join it.

    Deferred constraints are checked before COMMIT, because an error raised by COMMIT itself would be lost.
    """
    if _held.get() is not None:
        yield
        return
    if DB.pool is None:
        raise RuntimeError("no database pool is open in this process")
    async with DB.pool.acquire(timeout=PATIENCE_S) as conn:
        held = _Held(conn)
        async with conn.transaction():
            token = _held.set(held)
            try:
                yield
                await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
            finally:
                _held.reset(token)
        await _notify(held)


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """Undo what is done inside where it raises; the transaction around it goes on, its earlier notices too."""
    held = _held.get()
    if held is None:
        raise RuntimeError("a savepoint was asked for outside a transaction")
    before = {channel: list(payloads) for channel, payloads in held.notices.items()}
    try:
        async with _own(held).transaction():
            yield
    except BaseException:
        held.notices = before
        raise


def notify_after(channel: str, payload: str) -> None:
    """NOTIFY as soon as the transaction under way has committed; never where it has not.

    Not inside it: PostgreSQL commits one notifying transaction at a time, its wait for the disk included. On a slow
    disk the next one runs into its lock_timeout at COMMIT, and on a fast one they queue.
    """
    held = _held.get()
    if held is None:
        raise RuntimeError("a notice was left outside a transaction")
    held.notices.setdefault(channel, []).append(payload)


async def _notify(held: _Held) -> None:
    """What is committed stays so whether or not the news of it got out; a poll stands behind every listener."""
    for channel, payloads in held.notices.items():
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await held.connection.execute("SELECT pg_notify($1, p) FROM unnest($2::text[]) AS p", channel, payloads)


@asynccontextmanager
async def door(role: str) -> AsyncIterator[None]:
    """Run in a transaction with one of the three roles that see more than one hospital: dus_door, dus_relay."""
    if role not in ("dus_door", "dus_relay"):
        raise ValueError(f"{role} is not a door")
    if _held.get() is not None:
        raise RuntimeError("a door opens before any transaction")
    async with transaction():
        await execute(f"SET LOCAL ROLE {role}")
        yield


@contextmanager
def counting() -> Iterator[None]:
    """Count the statements run inside, for the header that tells developers and benches what a page costs."""
    token = _counter.set([0])
    try:
        yield
    finally:
        _counter.reset(token)


def statements() -> int:
    """Return how many statements were run so far inside `counting`."""
    counted = _counter.get()
    return counted[0] if counted is not None else 0


def _count() -> None:
    counted = _counter.get()
    if counted is not None:
        counted[0] += 1


def in_transaction() -> bool:
    return _held.get() is not None


async def add(*rows: Row, or_nothing: bool = False) -> int:
    """Insert rows of one table; return how many, fewer where `or_nothing` and one is there already.

    For the rows that every tray writes: Piccolo's own insert puts its statement together anew each time, which costs
    more than PostgreSQL takes to run it.
    """
    table = type(rows[0])
    sql = _inserting(table, len(rows), or_nothing=or_nothing)
    columns = table._meta.columns
    return await execute(sql, *(convert_to_sql_value(row[one._meta.name], one) for row in rows for one in columns))


@cache
def _inserting(table: type[Row], count: int, *, or_nothing: bool) -> str:
    names = [one._meta.db_column_name for one in table._meta.columns]
    places = (", ".join(f"${n * len(names) + place}" for place in range(1, len(names) + 1)) for n in range(count))
    values, quoted = ", ".join(f"({one})" for one in places), ", ".join(f'"{name}"' for name in names)
    end = " ON CONFLICT DO NOTHING" if or_nothing else ""
    return f'INSERT INTO "{table._meta.tablename}" ({quoted}) VALUES {values}{end}'  # noqa: S608  names are ours


async def fetch(shape: type[T], sql: str, *args: Any) -> list[T]:
    """Return the rows as Structs; columns are matched by name, prepared once per connection."""
    async with connection() as conn:
        rows = await conn.fetch(sql, *args)
    return [_as(shape, row) for row in rows]


async def fetch_one(shape: type[T], sql: str, *args: Any) -> T | None:
    """Return the first row as a Struct, None when there is none."""
    async with connection() as conn:
        row = await conn.fetchrow(sql, *args)
    return None if row is None else _as(shape, row)


async def fetch_value(sql: str, *args: Any) -> Any:
    """Return the first column of the first row, None when there is none."""
    async with connection() as conn:
        return await conn.fetchval(sql, *args)


async def execute(sql: str, *args: Any) -> int:
    """Run one statement; return how many rows it touched (0 where that has no meaning)."""
    async with connection() as conn:
        answer = await conn.execute(sql, *args)
    last = answer.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


def _as(shape: type[T], row: Any) -> T:
    """Convert, so that a column of a wrong type or a missing one is noticed here and not on a page."""
    return msgspec.convert(dict(row), shape)


def _own(held: _Held) -> Any:
    if asyncio.current_task() is not held.owner:
        raise RuntimeError("a transaction's connection is used by one task; do not gather inside a transaction")
    return held.connection


async def _teach_json(conn: Any) -> None:
    """Let jsonb columns arrive as Python values; text is taken to be JSON already, as Piccolo writes it."""
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: value if isinstance(value, str) else msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
    )


_stamps: "WeakKeyDictionary[Any, int | None]" = WeakKeyDictionary()


async def _stamp(conn: PoolConnectionProxy) -> None:
    """Set app.hospital on a connection that leaves the pool, unless it already carries this one."""
    actor = _actor.get()
    wanted = None if actor is None else actor.hospital
    raw = conn._con
    if raw in _stamps and _stamps[raw] == wanted:
        return
    _stamps.pop(raw, None)
    await raw.execute("SELECT set_config('app.hospital', $1, false)", "" if wanted is None else str(wanted))
    _stamps[raw] = wanted


async def _leave(conn: Any) -> None:
    """Nothing to reset: no session state but the stamp is ever set outside a transaction."""
