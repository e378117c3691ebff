"""Where an answer can be lost: small proxies between the processes, each forwarding bytes until one of its seams strikes."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

SEAMS = {
    "order: answer lost": "a phone's checkout is forwarded to the web server, its answer is dropped",
    "news: answer lost": "a provider's news is forwarded to the web server, its answer is dropped",
    "web: commit's answer lost": "COMMIT of the web server is forwarded to PostgreSQL, the connection is cut",
    "web: commit cut off": "the connection is cut in front of COMMIT of the web server",
    "worker: commit's answer lost": "the same for the worker: committed, and nobody hears of it",
    "worker: commit cut off": "the same for the worker: it never happened",
    "pay: answer lost": "a request to pay is forwarded to the provider, its answer is dropped",
    "refund: answer lost": "a request to give back is forwarded to the provider, its answer is dropped",
}
# Each seam strikes at the latest in this pass, so that a short run meets all of them.
_FIRST = 2

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Stream]]


class Seams:
    """Decides for the n-th pass of each seam, and for one seed in each run the same. Between runs nothing strikes."""

    def __init__(self, seed: int) -> None:
        self._seed, self._rate = seed, 0.0
        self._luck: dict[str, random.Random] = {}
        self.passed, self.struck = Counter[str](), Counter[str]()

    def begin(self, rate: float, only: str = "") -> None:
        self._luck = {name: random.Random(f"{self._seed} {name}") for name in SEAMS if only in ("", name)}
        self._rate = rate
        self.passed, self.struck = Counter[str](), Counter[str]()

    def calm(self) -> None:
        """From here on only what never struck in this run may still strike."""
        self._luck = {name: luck for name, luck in self._luck.items() if not self.struck[name]}

    def end(self) -> None:
        self._luck = {}

    def strikes(self, name: str) -> bool:
        if name not in self._luck:
            return False
        self.passed[name] += 1
        is_due = not self.struck[name] and self.passed[name] >= _FIRST
        if self._luck[name].random() >= self._rate and not is_due:
            return False
        self.struck[name] += 1
        return True


class Cut(Exception):
    """A seam struck: this connection is over."""


class Tap:
    """One connection's two directions; `asked` and `answered` see what passes and may raise Cut."""

    def asked(self, data: bytes) -> bytes:
        return data

    def answered(self, data: bytes) -> bytes:
        return data


class HttpTap(Tap):
    """Drops the answer to a request whose line begins as one of the seams says."""

    def __init__(self, seams: Seams, lines: dict[bytes, str]) -> None:
        self._seams, self._lines = seams, lines
        self._is_struck = False

    def asked(self, data: bytes) -> bytes:
        for line, name in self._lines.items():
            if data.startswith(line):
                self._is_struck = self._seams.strikes(name)
        return data

    def answered(self, data: bytes) -> bytes:
        if self._is_struck:
            raise Cut
        return data


class SqlTap(Tap):
    """Reads PostgreSQL's messages for COMMIT; cuts the connection in front of it, or when its answer comes."""

    def __init__(self, seams: Seams, who: str) -> None:
        self._seams, self._who = seams, who
        self._kept = b""
        self._is_open = self._is_struck = False

    def asked(self, data: bytes) -> bytes:
        self._kept += data
        start = 0
        while (size := self._size(start)) is not None and len(self._kept) >= start + size:
            self._look(self._kept[start : start + size])
            start += size
        self._kept = self._kept[start:]
        return data

    def answered(self, data: bytes) -> bytes:
        if self._is_struck:
            raise Cut
        return data

    def _size(self, start: int) -> int | None:
        head = 1 if self._is_open else 0
        length = self._kept[start + head : start + head + 4]
        return head + int.from_bytes(length) if len(length) == 4 else None

    def _look(self, message: bytes) -> None:
        if not self._is_open:
            self._is_open = message[4:8] == b"\x00\x03\x00\x00"
        elif message[:1] == b"Q" and message[5:11].upper() == b"COMMIT":
            if self._seams.strikes(f"{self._who}: commit cut off"):
                raise Cut
            self._is_struck = self._seams.strikes(f"{self._who}: commit's answer lost")


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, there: Open, tap: Tap) -> None:
    """Carry bytes both ways until either side ends, nobody answers there, or a seam strikes."""
    with suppress(OSError):
        up_reader, up_writer = await there()
        ways = [
            asyncio.create_task(_pump(reader, up_writer, tap.asked)),
            asyncio.create_task(_pump(up_reader, writer, tap.answered)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.close()
    writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], bytes]) -> None:
    with suppress(OSError, Cut):
        while data := await reader.read(65536):
            writer.write(see(data))
            await writer.drain()
