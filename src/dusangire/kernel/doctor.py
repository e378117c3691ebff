"""`dusangire check`: look at an installation and name each thing that is broken, with its mend."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg

from dusangire.kernel.db import address
from dusangire.kernel.guards import broken
from dusangire.kernel.schema import missing_migrations
from dusangire.kernel.settings import Settings

_Look = Callable[[asyncpg.Connection], Awaitable[str | None]]


async def check(settings: Settings) -> int:
    """Print one line per thing looked at; return 0 when all is well, 1 otherwise."""
    found = [("settings", None), ("disk", _disk(settings))]
    try:
        conn = await asyncpg.connect(**address(settings.app_url()), timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        mend = "start it with `make run`" if settings.is_embedded else "look at DATABASE_URL and at the server"
        found.append(("database", f"cannot be reached ({error}); {mend}"))
    else:
        try:
            found += [(name, await look(conn)) for name, look in _LOOKS.items()]
        finally:
            await conn.close()
    for name, trouble in found:
        print(f"{'ok  ' if trouble is None else 'BAD '} {name}" + (f": {trouble}" if trouble else ""))
    return 1 if any(trouble for _, trouble in found) else 0


def _disk(settings: Settings) -> str | None:
    usage = shutil.disk_usage(settings.home)
    if usage.free / usage.total > 0.1:
        return None
    return f"only {usage.free // 2**20} MiB are free below {settings.home}; make room"


async def _server(conn: asyncpg.Connection) -> str | None:
    version = int(await conn.fetchval("SHOW server_version_num"))
    if version < 150000:
        return f"PostgreSQL {version // 10000} is too old; 15 or newer is needed"
    if await conn.fetchval("SELECT pg_is_in_recovery()"):
        return "this is a replica and takes no writes; point DATABASE_URL to the primary"
    return None


async def _durability(conn: asyncpg.Connection) -> str | None:
    off = [name for name in ("fsync", "full_page_writes") if await conn.fetchval(f"SHOW {name}") != "on"]
    return f"{' and '.join(off)} must be on, or a power cut loses orders" if off else None


async def _role(conn: asyncpg.Connection) -> str | None:
    owns = await conn.fetchval(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
    )
    return "the program's role owns tables; let DATABASE_URL name the owner and nothing else" if owns else None


async def _migrations(conn: asyncpg.Connection) -> str | None:
    missing = await missing_migrations(conn)
    return f"{len(missing)} migrations have not run; run `dusangire prepare`" if missing else None


async def _guards(conn: asyncpg.Connection) -> str | None:
    lost = ", ".join(await broken(conn))
    return f"missing, switched off or rewritten: {lost}; restore them before serving" if lost else None


async def _clock(conn: asyncpg.Connection) -> str | None:
    away = abs((await conn.fetchval("SELECT clock_timestamp()") - datetime.now(UTC)).total_seconds())
    return f"the database's clock is {away:.0f} s away from ours; set both by NTP" if away > 2 else None


async def _news(conn: asyncpg.Connection) -> str | None:
    await conn.execute("SET ROLE dus_relay")
    late = await conn.fetchval("SELECT count(*) FROM event WHERE relayed_at IS NULL AND at < now() - interval '10 s'")
    return f"{late} events wait for the worker; is `dusangire worker` running?" if late else None


_LOOKS: dict[str, _Look] = {
    "server": _server,
    "durability": _durability,
    "role": _role,
    "migrations": _migrations,
    "guards": _guards,
    "clock": _clock,
    "worker": _news,
}
