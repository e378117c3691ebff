"""The web application: controllers, middleware, guard, lifespan. No logic lives here."""

import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from types import FrameType

from litestar import Litestar, Response, get
from litestar.config.compression import CompressionConfig
from litestar.connection import Request
from litestar.di import Provide
from sse_starlette.sse import AppStatus

from dusangire import wiring
from dusangire.accounts import service as accounts
from dusangire.kernel import health
from dusangire.kernel.access import PUBLIC, needs
from dusangire.kernel.access_point import acting_person
from dusangire.kernel.db import close_pool, connection, open_pool
from dusangire.kernel.failures import handlers
from dusangire.kernel.guard import BODY_LIMIT, Doorkeeper, check_routes, guard
from dusangire.kernel.guards import refuse_unguarded
from dusangire.kernel.html import assets, secure
from dusangire.kernel.live import Hub
from dusangire.kernel.settings import settings

PACKAGES = (
    "accounts",
    "wards",
    "menu",
    "diets",
    "notify",
    "payments",
    "subscriptions",
    "orders",
    "catering",
    "kitchen",
    "delivery",
    "board",
    "support",
    "reports",
)


@get("/static/{path:path}", opt=needs(PUBLIC) | {"no_session": True, "skip_compression": True}, sync_to_thread=False)
def static_file(request: Request, path: str) -> Response[bytes]:
    """Serve a file of static/, compressed once; an address with the right version never changes."""
    found = assets().get(path.lstrip("/"))
    if found is None:
        return Response(b"", status_code=404, media_type="text/plain")
    is_exact = request.query_params.get("v") == found.version
    headers = {
        "Cache-Control": f"public, max-age={31536000 if is_exact else 300}{', immutable' if is_exact else ''}",
        "Vary": "Accept-Encoding",
    }
    if found.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.gzipped, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    wiring.install()
    url = settings().app_url()
    await open_pool(url, settings().pool_size)
    async with connection() as conn:
        await refuse_unguarded(conn)
    app.state.hub = Hub(url)
    await app.state.hub.start()
    _end_streams_at_once(app.state.hub)
    try:
        yield
    finally:
        await app.state.hub.stop()
        await close_pool()


def _end_streams_at_once(hub: Hub) -> None:
    """Let a stop signal end the open streams before the server waits for them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if threading.current_thread() is threading.main_thread() and callable(before := signal.getsignal(number)):
            signal.signal(number, _then(hub, before))


def _then(hub: Hub, before: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        AppStatus.should_exit = True
        hub.end_all()
        before(number, frame)

    return stop


def create_app() -> Litestar:
    """Return the application. Raises Undeclared when a route does not say what it needs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = Litestar(
        route_handlers=[static_file, *health.ROUTES, *_controllers()],
        middleware=[Doorkeeper(accounts.find_actor)],
        guards=[guard],
        dependencies={"actor": Provide(acting_person, sync_to_thread=False)},
        exception_handlers=handlers(),
        after_request=secure,
        lifespan=[_lifespan],
        compression_config=CompressionConfig(
            backend="gzip", gzip_compress_level=4, minimum_size=600, exclude_opt_key="skip_compression"
        ),
        request_max_body_size=BODY_LIMIT,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    check_routes(app)
    return app


def _controllers() -> list[type]:
    """Collect each package's CONTROLLERS."""
    found: list[type] = []
    for package in PACKAGES:
        if find_spec(f"dusangire.{package}") and find_spec(f"dusangire.{package}.pages"):
            found += import_module(f"dusangire.{package}.pages").CONTROLLERS
    return found
