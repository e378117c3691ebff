"""An open live page: what its stream sends, as the browser of a signed-in person would hear it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Litestar

from tests.make import Browser

PATIENCE_S = 5.0


class Live:
    """The messages of one stream, in order."""

    def __init__(self) -> None:
        self.status = 0
        self._said, self._started = asyncio.Queue[str](), asyncio.Event()
        self._rest = ""

    async def started(self) -> int:
        await asyncio.wait_for(self._started.wait(), PATIENCE_S)
        return self.status

    async def next(self, within_s: float = PATIENCE_S) -> str:
        """The next message. Raises TimeoutError where none comes."""
        return await asyncio.wait_for(self._said.get(), within_s)

    async def until(self, is_it: Callable[[str], bool]) -> str:
        """The first message that is it; rings that fall together are one message, so nobody counts them."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_it(message := await self._said.get()):
                pass
        return message

    async def is_quiet(self, for_s: float = 1.5) -> bool:
        """Whether nothing comes for so long: longer than the look that stands behind every bell."""
        with suppress(TimeoutError):
            await self.next(for_s)
            return False
        return True

    async def hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._started.set()
            return
        self._rest += message.get("body", b"").decode().replace("\r\n", "\n")
        *whole, self._rest = self._rest.split("\n\n")
        for block in whole:
            lines = [line.removeprefix("data:").removeprefix(" ") for line in block.split("\n") if line[:5] == "data:"]
            if lines:
                self._said.put_nowait("\n".join(lines))


@asynccontextmanager
async def listening(app: Litestar, browser: Browser, path: str) -> AsyncIterator[Live]:
    """Open a stream as the browser that has shown a page already; it is closed with the block."""
    await browser.get("/account/")
    live, leaves = Live(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await leaves.wait()
        return {"type": "http.disconnect"}

    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "client": ("127.0.0.1", 40000),
        "server": ("localhost", 8000), "headers": [(b"host", b"localhost:8000"), (b"cookie", cookies.encode())],
    }  # fmt: skip
    page = asyncio.create_task(app(scope, receive, live.hear))  # type: ignore[arg-type]
    try:
        yield live
    finally:
        leaves.set()
        page.cancel()
        with suppress(asyncio.CancelledError):
            await page
