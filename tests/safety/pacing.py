"""The program's own connections, made to wait: each session's transaction pauses before its lock, its check, its first
write and its commit, and notes when its commit was sent and when it was answered.

The services run as they are. Only the pool is wrapped, so that a session can be stopped between two statements.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from dusangire.kernel.db import DB

POINTS = ("lock", "check", "write", "commit")
_LOCKS = ("FOR NO KEY UPDATE", "FOR UPDATE", "FOR SHARE")
_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
_session: ContextVar["Session | None"] = ContextVar("session", default=None)


class Session:
    """One side of a race. `wait` is asked at each point of its first transaction, in their order."""

    def __init__(self, work: Callable[[], Awaitable[Any]], wait: Callable[[str], Awaitable[None]], start: str) -> None:
        self._work, self._wait = work, wait
        self._left = list(POINTS[POINTS.index(start) :])
        self.start = start
        self.pid = 0
        self.sent = self.answered = 0.0
        self.error: BaseException | None = None
        self.is_over = False

    async def run(self) -> None:
        """Do the work; a refusal, or an error of the database, is an answer and not a fault."""
        token = _session.set(self)
        try:
            await self._work()
        except Exception as error:
            self.error = error
        finally:
            self.is_over = True
            _session.reset(token)

    @property
    def went_through(self) -> bool:
        return self.is_over and self.error is None

    async def reach(self, point: str) -> None:
        """Pass every point up to this one, once."""
        while self._left and POINTS.index(self._left[0]) <= POINTS.index(point):
            await self._wait(self._left.pop(0))

    async def before(self, sql: str) -> None:
        """Recognise where a statement stands in the work."""
        is_lock = any(words in sql for words in _LOCKS)
        if is_lock:
            await self.reach("lock")
        elif self._left and self._left[0] != "lock":
            await self.reach("write" if sql.lstrip().startswith(_WRITES) else "check")


class _Paced:
    """One connection inside one transaction of a session."""

    def __init__(self, real: Any, session: Session) -> None:
        self._real, self._session, self._is_inside = real, session, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def _said(self, sql: str) -> None:
        if self._is_inside:
            await self._session.before(sql)

    async def fetch(self, sql: str, *args: Any, **more: Any) -> Any:
        await self._said(sql)
        return await self._real.fetch(sql, *args, **more)

    async def fetchrow(self, sql: str, *args: Any, **more: Any) -> Any:
        await self._said(sql)
        return await self._real.fetchrow(sql, *args, **more)

    async def fetchval(self, sql: str, *args: Any, **more: Any) -> Any:
        await self._said(sql)
        return await self._real.fetchval(sql, *args, **more)

    async def execute(self, sql: str, *args: Any, **more: Any) -> Any:
        await self._said(sql)
        return await self._real.execute(sql, *args, **more)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        real = self._real.transaction()
        await real.start()
        self._is_inside = True
        try:
            yield
        except BaseException:
            await real.rollback()
            raise
        finally:
            self._is_inside = False
        await self._session.reach("commit")
        self._session.sent = time.perf_counter()
        await real.commit()
        self._session.answered = time.perf_counter()


class _Pool:
    """The pool, which hands sessions their paced connections and everybody else the plain ones."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @asynccontextmanager
    async def acquire(self, **more: Any) -> AsyncIterator[Any]:
        async with self._real.acquire(**more) as conn:
            session = _session.get()
            if session is None:
                yield conn
            else:
                session.pid = conn.get_server_pid()
                yield _Paced(conn, session)


@contextmanager
def paced() -> Iterator[None]:
    """Let sessions be paced inside."""
    real = DB.pool
    DB.pool = _Pool(real)
    try:
        yield
    finally:
        DB.pool = real


class Stepper:
    """Lets two sessions make one step after another in a given order; a session the database makes wait is passed by.

    As PostgreSQL's own isolation tester does: a step that blocks is left until the other side lets it go.
    """

    def __init__(self, watch: Any) -> None:
        self._watch = watch
        self._stands: dict[str, str] = {}
        self._let: dict[str, asyncio.Event] = {}
        self._news = asyncio.Event()
        self.blocked = 0

    def wait_as(self, name: str) -> Callable[[str], Awaitable[None]]:
        """Return the session's way of waiting at a point until it is let go."""

        async def wait(point: str) -> None:
            self._stands[name] = point
            self._let[name] = asyncio.Event()
            self._news.set()
            await self._let[name].wait()

        return wait

    async def run(self, order: str, sessions: dict[str, Session]) -> None:
        """Run both sessions to their end, the steps as far as can be in this order."""
        tasks = [asyncio.create_task(one.run()) for one in sessions.values()]
        for task in tasks:
            task.add_done_callback(lambda _: self._news.set())
        for name, each in sessions.items():
            await self._settled(name, each)
        for name in order:
            if self._let_go(name):
                for other in sorted(sessions, key=lambda one: one != name):
                    await self._settled(other, sessions[other])
        while not all(task.done() for task in tasks):
            self._news.clear()
            let_go = [self._let_go(name) for name in sessions]
            if not any(let_go):
                await self._news.wait()
        await asyncio.gather(*tasks)

    def _let_go(self, name: str) -> bool:
        if name not in self._stands:
            return False
        del self._stands[name]
        self._let[name].set()
        return True

    async def _settled(self, name: str, session: Session) -> None:
        """Wait until the session stands at a point, is over, or waits for a lock of the other."""
        while name not in self._stands and not session.is_over:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), 0.004)
            except TimeoutError:
                if await self._watch.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", session.pid):
                    self.blocked += 1
                    return
