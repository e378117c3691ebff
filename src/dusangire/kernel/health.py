"""Whether the process lives, and whether it can serve: for load balancers, supervisors and people at night."""

import asyncio
import shutil
from typing import Any

from litestar import Response, get
from litestar.connection import Request

from dusangire.kernel.access import PUBLIC, needs
from dusangire.kernel.db import connection
from dusangire.kernel.guards import broken
from dusangire.kernel.schema import missing_migrations
from dusangire.kernel.settings import settings

_OPEN = needs(PUBLIC) | {"no_session": True}
_LEAST_DISK = 0.03


@get("/health/live", opt=_OPEN, sync_to_thread=False)
def live() -> dict[str, str]:
    """The event loop answers."""
    return {"status": "alive"}


@get("/health/ready", opt=_OPEN)
async def ready(request: Request) -> Response[dict[str, Any]]:
    """The database answers, is ours and of this release, news is heard, and there is room on the disk."""
    checks: dict[str, str] = {"database": "no answer"}
    try:
        async with asyncio.timeout(2):
            checks = await _database_checks()
    except Exception as error:
        checks["database"] = type(error).__name__
    checks["news"] = "ok" if request.app.state.hub.is_listening else "not listening"
    disk = shutil.disk_usage(settings().home)
    checks["disk"] = "ok" if disk.free / disk.total > _LEAST_DISK else "nearly full"
    is_ready = all(said == "ok" for said in checks.values())
    return Response(
        {"status": "ready" if is_ready else "not ready", "checks": checks}, status_code=200 if is_ready else 503
    )


async def _database_checks() -> dict[str, str]:
    async with connection() as conn:
        is_replica = await conn.fetchval("SELECT pg_is_in_recovery()")
        missing = await missing_migrations(conn)
        lost = await broken(conn)
    return {
        "database": "read only" if is_replica else "ok",
        "migrations": f"{len(missing)} missing" if missing else "ok",
        "guards": f"{len(lost)} broken" if lost else "ok",
    }


ROUTES = [live, ready]
