"""Streams: from the commit to the last open page, with many of them open."""

import asyncio
import os
import re
import time

from bench.harness import Client, percentile, server, table, text_of

STREAMS = tuple(int(n) for n in os.environ.get("BENCH_STREAMS", "200,1000").split(","))
ROUNDS = 10


def main() -> None:
    with server() as port:
        asyncio.run(_measure(port))


async def _measure(port: int) -> None:
    rows = []
    for wanted in STREAMS:
        rows.append([str(wanted), *await _round(port, wanted)])
    table("Kitchen streams: a dish sold out, commit → page", ["streams", "p50 ms", "p99 ms", "last ms"], rows)


async def _round(port: int, wanted: int) -> list[str]:
    cook = Client(port)
    await cook.sign_in("kitchen@demo.dusangire.example")
    ears = [_Ear(port, dict(cook.cookies)) for _ in range(wanted)]
    for batch in range(0, wanted, 50):
        await asyncio.gather(*(ear.open() for ear in ears[batch : batch + 50]))
    delays: list[float] = []
    for turn in range(ROUNDS):
        await asyncio.sleep(0.5)
        start = time.perf_counter()
        waits = [asyncio.create_task(ear.next_after(start)) for ear in ears]
        await _ring(cook, turn)
        delays += await asyncio.wait_for(asyncio.gather(*waits), 20)
    for ear in ears:
        ear.close()
    return [f"{percentile(delays, share) * 1000:.0f}" for share in (0.5, 0.99, 1.0)]


async def _ring(cook: Client, turn: int) -> None:
    """Sell a dish out, or bring it back, as a cook does."""
    page = text_of(await cook.get("/kitchen/sold-out"))
    forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, re.DOTALL)
    action, inside = next(form for form in forms if "sold-out" in form[0] or "back" in form[0] or "dish" in form[0])
    fields = dict(re.findall(r'<(?:input|button)[^>]*name="([^"]+)"[^>]*value="([^"]*)"', inside))
    answer = await cook.post(action, {**fields, "_token": cook.token})
    assert answer.status in (200, 303), (answer.status, turn)


class _Ear:
    """One open stream and when its last message came."""

    def __init__(self, port: int, cookies: dict[str, str]) -> None:
        self.port, self.cookies = port, cookies
        self.last = 0.0
        self.fresh = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        self.writer.write(f"GET /kitchen/live HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\n\r\n".encode())
        self.task = asyncio.create_task(self._read(reader))
        await asyncio.wait_for(self.fresh.wait(), 20)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"data:"):
                self.last = time.perf_counter()
                self.fresh.set()

    async def next_after(self, start: float) -> float:
        while self.last <= start:
            self.fresh.clear()
            await self.fresh.wait()
        return self.last - start

    def close(self) -> None:
        if self.task:
            self.task.cancel()
        self.writer.close()
