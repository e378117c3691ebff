"""The installation as the test holds it: its processes by their parent, kills, and the seams in front of each of them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import msgspec

from dusangire.kernel.db import address
from dusangire.kernel.settings import Settings, settings
from tests.payments.kills.house import PEOPLE, Crowd
from tests.payments.kills.lasting import Truth
from tests.payments.kills.seams import HttpTap, Seams, SqlTap, forward
from tests.payments.kills.worker import FORGETFUL
from tests.payments.simulated import free_port
from tests.served import ROOT, ready

MARKS = {
    "web": "dusangire.web",
    "worker": "tests.payments.kills.worker",
    "provider": "tests.payments.kills.lasting",
    "postgres": "bin/postgres",
}
_START_S = 180


class House:
    """A running installation. `struck` counts seams, `kills` what was killed, `database_s` how long each recovery took."""

    def __init__(self, home: Path, env: dict[str, str], ports: dict[str, int], seams: Seams) -> None:
        self.home, self.env, self.ports, self.seams = home, env, ports, seams
        self.kills: list[str] = []
        self.database_s: list[float] = []
        self.left_behind: list[int] = []
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.said = _settings(env)

    @property
    def address(self) -> str:
        return f"http://localhost:{self.ports['front']}"

    def crowds(self) -> dict[str, Crowd]:
        return msgspec.json.decode((self.home / PEOPLE).read_bytes(), type=dict[str, Crowd])

    async def start(self) -> None:
        self.supervisor = self._supervisor()
        await self.until_ready(_START_S)

    def _supervisor(self) -> subprocess.Popen[bytes]:
        with (self.home / "log").open("ab") as log:
            entry = [sys.executable, "-m", "tests.payments.kills.house"]
            return subprocess.Popen(entry, cwd=ROOT, env=self.env, stdout=log, stderr=log)

    async def stop(self) -> None:
        assert self.supervisor
        self.supervisor.send_signal(signal.SIGINT)
        await asyncio.to_thread(self.supervisor.wait, 60)

    async def until_ready(self, limit_s: float = 40) -> None:
        async with asyncio.timeout(limit_s):
            while await asyncio.to_thread(ready, self.ports["web"]) != 200:
                assert self.supervisor
                assert self.supervisor.poll() is None, "the supervisor ended"
                await asyncio.sleep(0.1)

    def pid(self, name: str) -> int | None:
        """Return the process of this name: a child of our own supervisor, or a worker of its web server."""
        assert self.supervisor
        if name == "web worker":
            web = self.pid("web")
            return next(iter(children(web)), None) if web else None
        found = [one for one in children(self.supervisor.pid) if MARKS[name] in command(one)]
        return found[0] if found else None

    async def kill(self, name: str) -> bool:
        """kill -9; False where it does not run. It is noted how long the database takes to answer again, and who must
        be gone with the web server.
        """
        pid = self.pid(name)
        if pid is None:
            return False
        if name == "web":
            self.left_behind += children(pid)
        os.kill(pid, signal.SIGKILL)
        self.kills.append(name)
        if name == "postgres":
            self.database_s.append(await self._recovery_s())
        return True

    async def _recovery_s(self) -> float:
        began = time.monotonic()
        while time.monotonic() < began + 60:
            try:
                await (await asyncpg.connect(**address(self.said.owner_url), timeout=5)).close()
                return time.monotonic() - began
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await asyncio.sleep(0.02)
        raise AssertionError("PostgreSQL did not come back")

    async def forget(self, *, on: bool) -> None:
        """Let the worker be the forgetful one, or the real one again."""
        if on:
            (self.home / FORGETFUL).touch()
        else:
            (self.home / FORGETFUL).unlink(missing_ok=True)
        await self.kill("worker")

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        sql = await asyncpg.connect(**address(self.said.owner_url), timeout=20)
        try:
            yield sql
        finally:
            await sql.close()

    async def knobs(self, **knobs: Any) -> None:
        """Turn both networks' knobs; one that is being killed at this moment keeps its own."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
                await http.post(f"{self._provider}/_knobs", json={"mtn": knobs, "airtel": knobs})
        except httpx.HTTPError:
            return

    async def truth(self) -> dict[str, Truth]:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            said = msgspec.json.decode((await http.get(f"{self._provider}/_money")).content, type=dict[str, Any])
        return {name: msgspec.convert(said[name], Truth) for name in ("mtn", "airtel")}

    async def waiting(self) -> int:
        """Return how many payments wait for somebody at a telephone."""
        return sum(one.state == "pending" for till in (await self.truth()).values() for one in till.payments)

    async def statement(self, provider: str, day: str) -> str:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            return (await http.get(f"{self._provider}/_statement", params={"provider": provider, "day": day})).text

    @property
    def _provider(self) -> str:
        return f"http://127.0.0.1:{self.ports['provider']}"


def _settings(env: dict[str, str]) -> Settings:
    """Return the settings that a process with this environment would have."""
    kept = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(env)
        return settings.__wrapped__()
    finally:
        os.environ.clear()
        os.environ.update(kept)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(one) for one in task.read_text().split()]
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@asynccontextmanager
async def running(name: str, crowds: dict[str, int], seams: Seams) -> AsyncIterator[House]:
    """Install, start, and take everything away again."""
    home = ROOT / ".dusangire" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    ports = {one: free_port() for one in ("web", "front", "provider", "till")}
    async with AsyncExitStack() as doors:
        sockets = Path(doors.enter_context(tempfile.TemporaryDirectory(prefix="dus-kills-")))
        env = _env(home, ports, sockets, crowds)
        house = House(home, env, ports, seams)
        for who, port in (("WEB", 5433), ("WORKER", 5434)):
            through = house.said.app_url().partition("?")[0]
            env[f"KILLS_{who}_DATABASE"] = f"{through}?host={quote(str(sockets))}&port={port}"
        for server in await _open(house, sockets):
            doors.callback(server.close)
        await house.start()
        try:
            yield house
        finally:
            await house.stop()


def _env(home: Path, ports: dict[str, int], sockets: Path, crowds: dict[str, int]) -> dict[str, str]:
    secret = "every-franc-is-in-an-entry-that-sums-to-nothing"
    env = {name: value for name, value in os.environ.items() if not name.endswith(("DATABASE_URL", "SMTP_URL"))}
    env |= {
        "DUSANGIRE_HOME": str(home), "DUSANGIRE_SECRET": secret, "DUSANGIRE_CHEAP_HASHES": "1",
        "PORT": str(ports["web"]), "PROVIDERS_PORT": str(ports["provider"]),
        "PUBLIC_URL": f"http://localhost:{ports['front']}",
        "MTN_BASE_URL": f"http://127.0.0.1:{ports['till']}/mtn",
        "AIRTEL_BASE_URL": f"http://127.0.0.1:{ports['till']}/airtel",
        "KILLS_CROWDS": msgspec.json.encode(crowds).decode(),
    }  # fmt: skip
    return env


async def _open(house: House, sockets: Path) -> list[asyncio.Server]:
    """Open the doors with the seams: one in front of the web server, one of the providers, two of PostgreSQL."""
    lines = {
        b"POST /checkout/ ": "order: answer lost",
        b"PUT /hooks/": "news: answer lost",
        b"POST /hooks/": "news: answer lost",
    }
    asks = {
        b"POST /mtn/collection/v1_0/requesttopay": "pay: answer lost",
        b"POST /airtel/merchant/": "pay: answer lost",
        b"POST /mtn/disbursement/v1_0/refund": "refund: answer lost",
    }
    seams, folder, ports = house.seams, house.said.socket_folder, house.ports

    def tcp(port: int) -> Any:
        return lambda: asyncio.open_connection("127.0.0.1", port)

    def sql() -> Any:
        return asyncio.open_unix_connection(str(folder / ".s.PGSQL.5432"))

    def served(there: Any, tap: Any) -> Any:
        return lambda reader, writer: forward(reader, writer, there, tap())

    return [
        await asyncio.start_server(
            served(tcp(ports["web"]), lambda: HttpTap(seams, lines)), "localhost", ports["front"]
        ),
        await asyncio.start_server(
            served(tcp(ports["provider"]), lambda: HttpTap(seams, asks)), "127.0.0.1", ports["till"]
        ),
        await asyncio.start_unix_server(served(sql, lambda: SqlTap(seams, "web")), str(sockets / ".s.PGSQL.5433")),
        await asyncio.start_unix_server(served(sql, lambda: SqlTap(seams, "worker")), str(sockets / ".s.PGSQL.5434")),
    ]
