"""A server of its own for each bench, a small HTTP client that costs little, and the table at the end."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "healing-through-nutrition"


class Answer(Struct):
    """One answer: status, head, body as sent, and how long it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    took_s: float


class Client:
    """One keep-alive connection with one person's cookies."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies = port, {}
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._send("GET", path, b"", headers)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        body = urlencode(form).encode()
        return await self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **headers})

    async def sign_in(self, who: str) -> None:
        """Sign in with the demo password; afterwards `token` is the session's form token."""
        page = await self.get("/sign-in")
        self.token = token_of(page)
        answer = await self.post("/sign-in", {"_token": self.token, "who": who, "secret": PASSWORD})
        if answer.status != 303:
            raise RuntimeError(f"{who} could not sign in: {answer.status}")
        home = await self.get(answer.headers["location"])
        self.token = token_of(home)

    async def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        start = time.perf_counter()
        for attempt in (1, 2):
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                return await self._exchange(method, path, body, headers, start)
            except (ConnectionError, asyncio.IncompleteReadError):
                await self.close()
                if attempt == 2:
                    raise
        raise AssertionError

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str], start: float) -> Answer:
        assert self._writer is not None
        assert self._reader is not None
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept-Encoding: gzip", f"Content-Length: {len(body)}"]
        if self.cookies:
            head.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        got = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
            elif name:
                got[name.lower()] = value
        content = await self._content(got)
        return Answer(int(lines[0].split()[1]), got, content, time.perf_counter() - start)

    async def _content(self, headers: dict[str, str]) -> bytes:
        assert self._reader is not None
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int((await self._reader.readline()).strip() or b"0", 16):
                parts.append(await self._reader.readexactly(size))
                await self._reader.readexactly(2)
            await self._reader.readline()
            return b"".join(parts)
        return await self._reader.readexactly(int(headers.get("content-length", "0")))

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def text_of(answer: Answer) -> str:
    """Return the body as text, unzipped."""
    import gzip

    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    return body.decode(errors="replace")


def token_of(answer: Answer) -> str:
    match = re.search(r'(?:name="_token" value="|X-Form-Token": ")([0-9a-f]+)', text_of(answer).replace("&#34;", '"'))
    if match is None:
        raise RuntimeError("the page carries no form token")
    return match.group(1)


@contextmanager
def server(*, workers: int = 1, port: int = 8321) -> Iterator[int]:
    """Serve a fresh demo hospital on loopback; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dusangire-bench-") as home:
        os.chmod(home, 0o755)  # noqa: S103  the embedded server is another user and passes through
        env = {**os.environ, "DUSANGIRE_HOME": home, "PORT": str(port), "WEB_WORKERS": str(workers)}
        env.pop("DATABASE_URL", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "dusangire.cli", "serve"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _await_ready(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _await_ready(port: int, process: subprocess.Popen[bytes], limit_s: float = 90) -> None:
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError("the server ended: " + (process.stderr.read().decode() if process.stderr else ""))
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the server did not get ready")


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "no commit"


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table under the commit it was measured on."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n## {title} · commit {commit()} · {os.cpu_count()} cores, program + PostgreSQL + load together\n")
    print("| " + " | ".join(word.ljust(w) for word, w in zip(head, widths, strict=True)) + " |")
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for row in rows:
        print("| " + " | ".join(str(word).ljust(w) for word, w in zip(row, widths, strict=True)) + " |")
