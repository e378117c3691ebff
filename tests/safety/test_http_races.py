"""The same over HTTP: a nurse's form and a cook's or a carrier's button at the same moment, on a server with two workers.

The change always takes; who comes too late is told in plain words with 409, and nobody ever sees a fault. On a machine
that is far too slow a lock may time out: 503 with when to come back, counted apart and asked again.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar

from dusangire.kernel import clock
from dusangire.kernel.settings import settings
from tests.make import Browser
from tests.safety import arena as ground
from tests.safety.arena import SEED, Arena, Lying
from tests.served import ROOT, await_ready
from tests.unguarded import unguarded

PORT, WORKERS, LANES = 8487, 2, 4
IN_CI, IN_CONTROL, AT_LENGTH = 200, 40, 2000
_PAUSE_S = 0.02


@dataclass
class Floor:
    """A served hospital and the people with their browsers."""

    arena: Arena
    nurse: Browser
    cook: Browser
    carrier: Browser


@pytest.fixture(scope="module")
async def floor(app: Litestar) -> AsyncIterator[Floor]:
    async with _floor(app, PORT) as there, _served(PORT):
        yield there


@asynccontextmanager
async def _served(port: int, module: str = "dusangire.web") -> AsyncIterator[None]:
    """Serve this run's own database from two processes, without the worker of chores."""
    said = settings()
    env = {
        **os.environ, "DATABASE_URL": said.owner_url, "DUSANGIRE_SECRET": said.secret.decode(), "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}", "WEB_WORKERS": str(WORKERS), "DUSANGIRE_CHEAP_HASHES": "1",
    }  # fmt: skip
    process = _start(module, env)
    try:
        await asyncio.to_thread(await_ready, port, process)
        yield
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


def _start(module: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=env)


@asynccontextmanager
async def _floor(app: Litestar, port: int) -> AsyncIterator[Floor]:
    arena = await ground.found(app)
    browsers = [Browser(app, actor) for actor in (arena.nurse, arena.cook, arena.carrier)]
    for one in browsers:
        one.http = httpx.AsyncClient(base_url=f"http://localhost:{port}", timeout=30)
    yield Floor(arena, *browsers)
    for one in browsers:
        await one.close()


@dataclass
class Race:
    """One tray, and the two who reach for its patient."""

    floor: Floor
    lying: Lying
    tray: UUID
    sql: asyncpg.Connection

    async def allergy(self) -> httpx.Response:
        form = {"code": "peanuts", "severity": "severe"}
        return await self.floor.nurse.post(f"/health-profiles/{self.lying.patient}/allergies", form)

    async def npo(self) -> httpx.Response:
        now = clock.local(clock.now(), self.floor.arena.actor.zone).strftime("%Y-%m-%dT%H:%M")
        form = {"npo_reason": "theatre", "npo_from": now, "npo_open": "true"}
        return await self.floor.nurse.post(f"/health-profiles/{self.lying.patient}/npo", form)

    async def start(self) -> httpx.Response:
        return await self.floor.cook.post(f"/kitchen/orders/{self.tray}/start")

    async def collect(self) -> httpx.Response:
        return await self.floor.carrier.post(f"/delivery/{self.tray}/collect")

    async def hand_over(self) -> httpx.Response:
        return await self.floor.carrier.post(f"/delivery/{self.tray}/hand-over", {"proof": "confirmed"})

    async def bring(self) -> None:
        """Carry the tray to the bed and scan both codes."""
        carrier = self.floor.carrier
        code = await self.sql.fetchval("SELECT tray_token FROM meal_order WHERE id = $1", self.tray)
        card = await self.sql.fetchval("SELECT card_token FROM bed WHERE id = $1", self.lying.bed)
        for path, form in (("collect", {}), ("tray", {"code": code}), ("arrive", {}), ("bed", {"code": card})):
            answer = await carrier.post(f"/delivery/{self.tray}/{path}", form)
            assert answer.status_code == 303, (path, answer.status_code, answer.text[:400])


Act = Callable[[Race], Awaitable[httpx.Response]]
KINDS: dict[str, tuple[Act, Act, str, str]] = {
    "allergy-start": (Race.allergy, Race.start, "confirmed", "preparing"),
    "npo-start": (Race.npo, Race.start, "confirmed", "preparing"),
    "allergy-collect": (Race.allergy, Race.collect, "ready", "out_for_delivery"),
    "npo-hand_over": (Race.npo, Race.hand_over, "ready", "delivered"),
}
_NEWS = "SELECT id FROM event WHERE hospital = $1 AND about = $2 AND kind = $3 ORDER BY id DESC LIMIT 1"


async def _race(floor: Floor, kind: str, people: list[Lying]) -> Counter[str]:
    change, gate, source, target = KINDS[kind]
    turns, said = iter(people), Counter[str]()

    async def lane(number: int) -> None:
        rng = random.Random(f"{SEED} {kind} {number}")
        async with ground.owner(floor.arena.actor) as sql:
            for lying in turns:
                (tray,) = await ground.lay(sql, floor.arena, [lying], source, ["ISB"])
                race = Race(floor, lying, tray, sql)
                if target == "delivered":
                    await race.bring()
                pauses = rng.random() * _PAUSE_S, rng.random() * _PAUSE_S
                sides = _after(pauses[0], change, race, said), _after(pauses[1], gate, race, said)
                said.update(await _judge(race, target, *await asyncio.gather(*sides)))

    await asyncio.gather(*(lane(number) for number in range(LANES)))
    return said


async def _after(pause: float, act: Act, race: Race, said: Counter[str]) -> httpx.Response:
    """Act after a moment. A server with no time says so and when to come back, and is asked again as a browser does."""
    await asyncio.sleep(pause)
    for _ in range(3):
        answer = await act(race)
        if answer.status_code != 503:
            return answer
        assert answer.headers["retry-after"], "only a busy server answers 503"
        said["busy"] += 1
        await asyncio.sleep(0.5)
    return await act(race)


async def _judge(race: Race, target: str, changed: httpx.Response, moved: httpx.Response) -> list[str]:
    """Return what is to be counted: who came first, and whether the tray is where it may not be."""
    assert changed.status_code == 303, (changed.status_code, changed.text[:400])
    assert moved.status_code in (303, 409), (moved.status_code, moved.text[:400])
    row = await race.sql.fetchrow("SELECT status, code FROM meal_order WHERE id = $1", race.tray)
    if moved.status_code == 409:
        assert row["code"] in moved.text, "the refusal names the tray"
        assert "Traceback" not in moved.text
    is_bad = row["status"] == target
    if row["status"] == "delivered":
        h = race.floor.arena.hospital
        eaten = await race.sql.fetchval(_NEWS, h, f"order:{race.tray}", "order:delivered")
        is_bad = eaten > await race.sql.fetchval(_NEWS, h, f"patient:{race.lying.patient}", "npo_hold:set")
    return [f"moved {moved.status_code}", *(["bad"] if is_bad else [])]


async def _never_bad(floor: Floor, kind: str, many: int) -> None:
    began = time.perf_counter()
    said = await _race(floor, kind, await ground.admit(floor.arena, many))
    print(
        f"\n{kind} over HTTP, {WORKERS} workers, {LANES} at once: {many} races, {dict(said)}, {time.perf_counter() - began:.1f} s, seed {SEED}"
    )
    assert said["bad"] == 0
    assert said["moved 303"] + said["moved 409"] == many
    assert said["moved 409"] > 0


@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 17)
@pytest.mark.parametrize("kind", KINDS)
async def test_over_http_no_tray_passes_and_the_loser_is_told_in_words(floor: Floor, kind: str):
    await _never_bad(floor, kind, IN_CI // len(KINDS))


@pytest.mark.req("A13")
async def test_a_server_without_the_lock_lets_trays_through(app: Litestar):
    async with _floor(app, PORT + 1) as there, _served(PORT + 1, "tests.safety.lockless"):
        people = await ground.admit(there.arena, IN_CONTROL)
        async with unguarded():
            said = await _race(there, "allergy-start", people)
    print(f"\nover HTTP without the lock: {IN_CONTROL} races, {dict(said)}, seed {SEED}")
    assert said["bad"] > 0


@pytest.mark.long
@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 17)
@pytest.mark.parametrize("kind", KINDS)
async def test_two_thousand_times(floor: Floor, kind: str):
    await _never_bad(floor, kind, AT_LENGTH // len(KINDS))
