"""Preparing a database: roles that own nothing, migrations under a lock, the queue's own schema."""

import contextlib
import io
import re
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import asyncpg
from asyncpg.utils import _quote_ident, _quote_literal
from piccolo.apps.migrations.commands.forwards import run_forwards
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine

from dusangire.kernel.db import address
from dusangire.kernel.jobs import make_queue
from dusangire.kernel.settings import ROOT, Settings

MIGRATIONS = ROOT / "migrations"
_LOCK = 0x6475_7361  # "dusa"


async def prepare(owner_url: str, settings: Settings) -> list[str]:
    """Bring the database to this release: roles, migrations, queue. Return the migrations that ran.

    Any number of processes may call it at once; one works, the others wait for it.
    """
    conn = await asyncpg.connect(**address(owner_url), timeout=10)
    try:
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _make_roles(conn, settings)
        ran = await _migrate(conn, owner_url)
        await conn.execute("GRANT SELECT ON migration TO dus_app")
        await conn.execute("CREATE SCHEMA IF NOT EXISTS jobs")
        await conn.execute("GRANT USAGE, CREATE ON SCHEMA jobs TO dus_app")
    finally:
        await conn.close()
    await _prepare_queue(settings.app_url(owner_url))
    return ran


async def missing_migrations(conn: Any) -> list[str]:
    """Return the migrations of this release that the database has not run."""
    if await conn.fetchval("SELECT to_regclass('public.migration')") is None:
        return list(_ids())
    done = {row["name"] for row in await conn.fetch("SELECT name FROM public.migration WHERE app_name = 'dusangire'")}
    return [name for name in _ids() if name not in done]


def script(sql: str) -> Callable[[], Awaitable[None]]:
    """Return a migration step: several SQL statements, run inside the migration's own transaction."""

    async def run() -> None:
        engine = engine_finder()
        assert isinstance(engine, PostgresEngine)  # noqa: S101  Piccolo types it wider
        transaction = engine.current_transaction.get()
        assert transaction is not None  # noqa: S101  Piccolo runs each migration in one
        await transaction.connection.execute(sql)

    return run


@cache
def _ids() -> tuple[str, ...]:
    found = (re.search(r'^ID = "(.+)"$', path.read_text(), re.MULTILINE) for path in MIGRATIONS.glob("dusangire_*.py"))
    return tuple(sorted(match.group(1) for match in found if match))


async def _make_roles(conn: Any, settings: Settings) -> None:
    """Make dus_app (reads and writes), dus_door and dus_relay (see across hospitals), and this installation's login."""
    await _make_role(conn, "dus_app", "NOLOGIN")
    await _make_role(conn, "dus_door", "NOLOGIN")
    await _make_role(conn, "dus_relay", "NOLOGIN")
    login = settings.app_role
    await _make_role(conn, login, "LOGIN NOINHERIT")
    password = str(_quote_literal(settings.app_password))
    await conn.execute(f"ALTER ROLE {_quote_ident(login)} PASSWORD {password}")
    await conn.execute(f"GRANT dus_app, dus_door, dus_relay TO {_quote_ident(login)}")
    await conn.execute(f"ALTER ROLE {_quote_ident(login)} SET role = 'dus_app'")


async def _make_role(conn: Any, name: str, attributes: str) -> None:
    with contextlib.suppress(asyncpg.DuplicateObjectError):
        await conn.execute(f"CREATE ROLE {_quote_ident(name)} {attributes}")


async def _prepare_queue(app_url: str) -> None:
    queue = make_queue(app_url)
    try:
        await queue.connect()
    finally:
        await queue.pool.close()


async def _migrate(conn: Any, owner_url: str) -> list[str]:
    """Let Piccolo run what is missing; it takes no lock of its own, we hold one."""
    missing = await missing_migrations(conn)
    if not missing:
        return []
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    import piccolo_conf

    piccolo_conf.DB = PostgresEngine(config=address(owner_url))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = await run_forwards("dusangire")
    left = await missing_migrations(conn)
    if not result.success or left:
        raise RuntimeError(f"migrations failed: {result.message}; not run: {left}\n{said.getvalue()}")
    return missing
