"""The providers as tests use them: the simulators in a process of their own, and a listener for their news."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
from msgspec import Struct

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


class Providers:
    """Running simulators. `env` is what a served program needs to use them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.mtn, self.airtel, self.ebm = (f"{address}/{name}" for name in ("mtn", "airtel", "ebm"))
        self.env = {"MTN_BASE_URL": self.mtn, "AIRTEL_BASE_URL": self.airtel, "EBM_BASE_URL": self.ebm}
        self._client = httpx.Client(base_url=address, trust_env=False)

    def knobs(self, provider: str, **knobs: Any) -> None:
        """Turn knobs of "mtn", "airtel" or "ebm"; their names are those of simulators.knobs.Knobs."""
        answer = self._client.post("/_knobs", json={provider: knobs})
        assert answer.status_code == 200, answer.text

    def reset(self) -> None:
        """Forget everything, with prompts that answer themselves at once."""
        self._client.post("/_reset")
        for provider in ("mtn", "airtel"):
            self.knobs(provider, auto_s=0.05)

    def sent(self) -> list[dict[str, Any]]:
        """The news that was sent, in order: provider, reference, method, url, body, status of the answer."""
        return self._client.get("/_sent").json()

    def money(self, provider: str) -> dict[str, list[dict[str, Any]]]:
        """The provider's truth: "payments" with state, amount and refunded, and "refunds"."""
        return self._client.get("/_money").json()[provider]

    def statement(self, provider: str, day: str) -> str:
        answer = self._client.get("/_statement", params={"provider": provider, "day": day})
        assert answer.status_code == 200, answer.text
        return answer.text

    def page(self) -> str:
        """The page that plays the telephones."""
        return self._client.get("/").text

    def press(self, provider: str, reference: str, verb: str) -> None:
        """Play the telephone: "approve", "refuse" or "ignore"."""
        answer = self._client.post(f"/_prompts/{provider}/{reference}/{verb}")
        assert answer.status_code == 303, answer.text


@contextmanager
def simulated() -> Iterator[Providers]:
    """Run the simulators as `dusangire simulate-providers` does."""
    port = free_port()
    env = {**os.environ, "PROVIDERS_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dusangire.cli", "simulate-providers"], cwd=ROOT, env=env, start_new_session=True
    )
    try:
        _await_port(port, process)
        yield Providers(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


async def until(look: Callable[[], Awaitable[T | None]], limit_s: float = 10) -> T:
    """Ask again and again until there is something to see; the other side tells nobody when it is done."""
    async with asyncio.timeout(limit_s):
        while (seen := await look()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return seen


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        assert process.poll() is None, "the simulators ended at their start"
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the simulators did not start")


class Heard(Struct, frozen=True):
    """A request that the listener took."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """A server that writes down what it is sent and answers what it is told, 200 for want of words."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.heard: list[Heard] = []
        self.answers: list[tuple[int, bytes]] = []
        listener = self

        class Ear(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.heard.append(Heard(self.command, self.path, headers, body))
                status, said = listener.answers.pop(0) if listener.answers else (200, b"")
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST = do_PUT = _take

            def log_message(self, *_: Any) -> None:
                """Say nothing: what was heard is in the list."""

        self._server = ThreadingHTTPServer((host, 0), Ear)
        self.address = f"http://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
