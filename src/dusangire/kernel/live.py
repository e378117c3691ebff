"""Live pages: bells come in from PostgreSQL, whole fragments go out to browsers.

State, not deltas: each message is the fragment as it is now, so a lost message, a sleeping phone or a
restarted server needs no replay. A bell carries no data; the drawing reads under the viewer's own rights.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import asyncpg
from litestar.types import ASGIApp
from sse_starlette import EventSourceResponse, ServerSentEvent

from dusangire.kernel.db import acting, address
from dusangire.kernel.journal import CHANNEL

Draw = Callable[[], Awaitable[str]]

LASTS_S = 15 * 60
PING_S = 15
_POLL_S = 1.0


class _Ear:
    """One listener: its bells, and whether one of them has rung since it last drew."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.is_closed = False


class Hub:
    """One LISTEN connection per process, the ears of its open pages, and a 1 s poll behind NOTIFY."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ears: dict[str, set[_Ear]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._last_id = 0
        self._seen: dict[int, None] = {}
        self._shared: dict[str, tuple[int, str]] = {}
        self._drawing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._rings: dict[str, int] = {}
        self._count = itertools.count(1)
        self.heard_at = 0.0
        self.is_listening = False
        self.hears_notify = True

    async def start(self) -> None:
        self._task = asyncio.create_task(self._listen_for_ever(), name="hub")

    async def stop(self) -> None:
        """End every stream, then the connection."""
        self.end_all()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def end_all(self) -> None:
        for bell in list(self._ears):
            self.close(bell)

    def ring(self, bell: str) -> None:
        """Wake everybody who listens to this bell; many rings before a draw are one.

        The bell of a session or a user ends their streams instead: what they may see has to be asked anew.
        """
        if bell.startswith(("session:", "user:")):
            self.close(bell)
            return
        if bell in self._ears:
            self._rings[bell] = next(self._count)
            for ear in self._ears[bell]:
                ear.rung.set()

    def ring_all(self) -> None:
        for bell in list(self._ears):
            self.ring(bell)

    def close(self, bell: str) -> None:
        """End the streams that listen to this bell (`session:<…>` at sign-out)."""
        for ear in self._ears.get(bell, ()):
            ear.is_closed = True
            ear.rung.set()

    @contextlib.contextmanager
    def listening(self, *bells: str) -> Any:
        ear = _Ear()
        for bell in bells:
            if not self._ears[bell]:
                self._rings[bell] = next(self._count)  # what was drawn while nobody listened is old
            self._ears[bell].add(ear)
        try:
            yield ear
        finally:
            for bell in bells:
                self._ears[bell].discard(ear)
                if not self._ears[bell]:
                    del self._ears[bell]
                    self._rings.pop(bell, None)

    async def drawn_once(self, key: str, bells: tuple[str, ...], draw: Draw) -> str:
        """Return the drawing that all viewers of the same thing share, drawn once per ring."""
        async with self._drawing[key]:
            version = max(self._rings.get(bell, 0) for bell in bells)
            kept = self._shared.get(key)
            if kept is None or kept[0] != version:
                kept = (version, await draw())
                self._shared.pop(key, None)
                self._shared[key] = kept
                self._forget_old_drawings()
            return kept[1]

    def _forget_old_drawings(self) -> None:
        while len(self._shared) > 500:
            oldest = next(iter(self._shared))
            del self._shared[oldest]
            self._drawing.pop(oldest, None)

    def count(self) -> int:
        """Return how many streams are open."""
        return len({ear for ears in self._ears.values() for ear in ears})

    async def _listen_for_ever(self) -> None:
        wait = 0.1
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                self.is_listening = False
                await asyncio.sleep(wait + random.random() * wait)  # noqa: S311  jitter, not a secret
                wait = min(wait * 2, 3.0)
            else:
                wait = 0.1

    async def _listen(self) -> None:
        conn = await asyncpg.connect(
            **address(self._url), timeout=5, server_settings={"application_name": "dusangire hub"}
        )
        try:
            await conn.execute("SET ROLE dus_relay")
            if self.hears_notify:
                await conn.add_listener(CHANNEL, self._heard)
            self._last_id = await conn.fetchval("SELECT coalesce(max(id), 0) FROM event")
            # What is already there is in the first drawing; ringing for it later would end streams for old news.
            self._seen.update(dict.fromkeys(row["id"] for row in await self._recent(conn)))
            self.is_listening = True
            self.ring_all()
            while not conn.is_closed():
                await asyncio.sleep(_POLL_S)
                await self._poll(conn)
        finally:
            self.is_listening = False
            conn.terminate()

    def _heard(self, _conn: Any, _pid: int, _channel: str, payload: str) -> None:
        self.heard_at = time.monotonic()
        event, *bells = payload.split(" ")
        self._seen[int(event)] = None
        for bell in bells:
            self.ring(bell)

    async def _poll(self, conn: Any) -> None:
        """Ring for events that NOTIFY did not bring. Ids are given out before commit, so look back a little."""
        rows = await self._recent(conn)
        for row in rows:
            if row["id"] not in self._seen:
                self._seen[row["id"]] = None
                for bell in row["bells"]:
                    self.ring(bell)
        if rows:
            self._last_id = max(self._last_id, rows[-1]["id"])
        while len(self._seen) > 10_000:
            self._seen.pop(next(iter(self._seen)))

    async def _recent(self, conn: Any) -> list[Any]:
        rows: list[Any] = await conn.fetch(
            "SELECT id, bells FROM event WHERE id > $1 AND at > now() - interval '30 s' ORDER BY id",
            self._last_id - 2000,
        )
        return rows


def stream(hub: Hub, *bells: str, draw: Draw, key: str | None = None, gap_s: float = 0.1) -> ASGIApp:
    """Return a stream that sends the fragment at once and again after each ring of one of the bells.

    `key` names the drawing where all viewers see the same, so that it is drawn once. The stream ends after
    15 minutes, so that rights are read anew; the browser opens it again by itself.
    """

    viewer = acting()
    own = (viewer.session_bell, f"user:{viewer.user}") if viewer is not None else ()

    async def messages() -> AsyncIterator[ServerSentEvent]:
        ends = time.monotonic() + LASTS_S
        with hub.listening(*bells, *own) as ear:
            while not ear.is_closed and time.monotonic() < ends:
                ear.rung.clear()
                html = await (hub.drawn_once(key, bells, draw) if key else draw())
                yield ServerSentEvent(data=html, retry=1000 + random.randrange(1000))  # noqa: S311  jitter
                await asyncio.sleep(gap_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ear.rung.wait(), ends - time.monotonic())

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    # An ASGI application with wider argument types than Litestar's own alias.
    return cast(ASGIApp, EventSourceResponse(messages(), ping=PING_S, send_timeout=10, headers=headers))
