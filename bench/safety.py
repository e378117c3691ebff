"""What each layer of safety costs: a checkout as it is written, layer by layer, and a step by the services."""

import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import uvloop
from msgspec import Struct

from bench.harness import percentile, table
from bench.ward import Ward, opened

CLIENTS = 16
EACH = int(os.environ.get("BENCH_CHECKOUTS", "150"))
WARM = 10
# Between two checkouts of a client that is no machine: sixteen of them order some seventy times a second.
REST_S = 0.2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="dusangire-bench-") as home:
        Path(home).chmod(0o755)  # the embedded server is another user and passes through
        os.environ["DUSANGIRE_HOME"] = home
        os.environ.pop("DATABASE_URL", None)
        from dusangire.kernel import embedded, schema
        from dusangire.kernel.settings import settings

        said = settings()
        running = embedded.start(embedded.place(said), said)
        try:
            asyncio.run(schema.prepare(said.owner_url, said))
            uvloop.run(_measure())
        finally:
            embedded.stop(running)


class Layers(Struct, frozen=True):
    """Which layers a checkout goes through."""

    lock: bool = False
    facts: bool = False
    judged: bool = False
    proof: bool = False
    walls: bool = False
    triggers: bool = False


_STAGES = {
    "the bare rows": Layers(),
    "+ the patient's lock": Layers(lock=True),
    "+ facts read afresh": Layers(lock=True, facts=True),
    "+ the verdict": Layers(lock=True, facts=True, judged=True),
    "+ its proof kept": Layers(lock=True, facts=True, judged=True, proof=True),
    "+ walls (the app's role)": Layers(lock=True, facts=True, judged=True, proof=True, walls=True),
    "+ triggers and the second verdict": Layers(
        lock=True, facts=True, judged=True, proof=True, walls=True, triggers=True
    ),
}


_BY_SERVICES = "the same by the services, with cart, key, bells"


class Took(Struct, frozen=True):
    """What checkouts took: each by the clock, and all of them together by the clock and of the processors."""

    each_s: list[float]
    all_s: float
    server_cpu_s: float
    client_cpu_s: float

    @property
    def rate(self) -> float:
        return len(self.each_s) / self.all_s

    def row(self, name: str, floor: float) -> list[str]:
        many = len(self.each_s)
        return [
            name, *_ms(self.each_s), f"{self.rate:.0f}", f"{self.rate / floor:.0%}",
            f"{self.server_cpu_s / many * 1000:.2f}", f"{self.client_cpu_s / many * 1000:.2f}",
        ]  # fmt: skip


async def _measure() -> None:
    async with opened() as ward:
        await _stage(ward, Layers())  # what is measured is not the first of the hospital's orders
        found = {name: await _stage(ward, layers) for name, layers in _STAGES.items()}
        floor = next(iter(found.values())).rate
        rows = [took.row(name, floor) for name, took in found.items()]
        rows.append((await _by_the_services(ward)).row(_BY_SERVICES, floor))
        head = ["checkout of three dishes", "p50 ms", "p95 ms", "/s", "of the floor", "server CPU ms", "client CPU ms"]
        table(f"Layers of a checkout, {CLIENTS} clients, {CLIENTS * EACH} each, fsync on", head, rows)
        name, whole = list(_STAGES.items())[-1]
        rows = [(await _stage(ward, whole, REST_S)).row(name, floor)]
        rows.append((await _by_the_services(ward, REST_S)).row(_BY_SERVICES, floor))
        table(f"The same, {CLIENTS} clients that rest {REST_S} s in between", head, rows)
        await _second_verdict(ward)
        took = await ward.step(ward.patients[0])
        table(
            "A step by the services, one client",
            ["what", "p50 ms", "p95 ms"],
            [["advance (lock, facts, verdict, proof, step, event)", *_ms(took)]],
        )


def _ms(took: list[float]) -> list[str]:
    return [f"{percentile(took, share) * 1000:.1f}" for share in (0.5, 0.95)]


async def _settle() -> None:
    """Take the statistics that PostgreSQL takes by itself once a minute: no plan is made for empty tables."""
    from dusangire.kernel.db import address
    from dusangire.kernel.settings import settings

    owner = await asyncpg.connect(**address(settings().owner_url), timeout=10)
    await owner.execute("VACUUM ANALYZE")
    await owner.close()


def _cpu_s(pids: list[int]) -> float:
    """Return how long these processes have run on a processor."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


async def _stage(ward: Ward, layers: Layers, rest_s: float = 0) -> Took:
    from tests.unguarded import unguarded

    await _settle()
    async with AsyncExitStack() as stack:
        if not layers.triggers:
            await stack.enter_async_context(unguarded())
        conns = [await stack.enter_async_context(_client(ward, layers)) for _ in range(CLIENTS)]
        dice = random.Random(1)

        async def checkout(conn: asyncpg.Connection) -> None:
            async with conn.transaction():
                await _checkout(conn, ward, layers, dice.choice(ward.patients))

        pids = [conn.get_server_pid() for conn in conns]
        return await _timed(pids, [partial(checkout, conn) for conn in conns], rest_s)


@asynccontextmanager
async def _client(ward: Ward, layers: Layers) -> AsyncIterator[asyncpg.Connection]:
    from dusangire.kernel.db import address
    from dusangire.kernel.settings import settings

    url = settings().app_url() if layers.walls else settings().owner_url
    conn = await asyncpg.connect(**address(url), timeout=10, server_settings={"jit": "off"})
    try:
        await conn.execute("SELECT set_config('app.hospital', $1, false)", str(ward.hospital))
        yield conn
    finally:
        await conn.close()


async def _timed(servers: list[int], clients: list[Callable[[], Awaitable[object]]], rest_s: float) -> Took:
    """Let every client work and rest; a connection's first few turns, which plan, are not counted."""
    each: list[float] = []
    dice = random.Random(2)

    async def work(once: Callable[[], Awaitable[object]], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(dice.uniform(0, 2 * rest_s))
            start = time.perf_counter()
            await once()
            each.append(time.perf_counter() - start)

    await asyncio.gather(*(work(once, WARM) for once in clients))
    each.clear()
    start, server, client = time.perf_counter(), _cpu_s(servers), time.process_time()
    await asyncio.gather(*(work(once, EACH) for once in clients))
    return Took(each, time.perf_counter() - start, _cpu_s(servers) - server, time.process_time() - client)


async def _by_the_services(ward: Ward, rest_s: float = 0) -> Took:
    """The whole checkout as a page asks for it: the key, the cart, prices, the account, every row, the bells."""
    from dusangire.kernel.db import acting_as
    from dusangire.menu import queries as menu
    from dusangire.orders import service
    from dusangire.payments.rules import Method
    from tests.safety import arena as ground

    arena = ward.arena
    people = await ground.admit(arena, CLIENTS * (WARM + EACH), allergy="sesame")
    await ground.choose(arena, people, ["RICE", "BEF-STW", "SUP-VEG"])
    with acting_as(arena.actor):
        await menu.cards(arena.nurse)  # as whoever chose has done
    await _settle()
    waiting, lunch = iter(people), arena.lunch

    async def checkout() -> None:
        with acting_as(arena.actor):
            wanted = service.Checkout(uuid4().hex, next(waiting).patient, lunch.day, str(lunch.period), Method.CASH)
            await service.place(arena.nurse, wanted)

    with acting_as(arena.actor):
        await asyncio.gather(*(ground.rows(arena, "SELECT pg_sleep(0.1)") for _ in range(CLIENTS)))
        found = await ground.rows(arena, "SELECT pid FROM pg_stat_activity WHERE application_name = 'dusangire'")
    return await _timed([row["pid"] for row in found], [checkout] * CLIENTS, rest_s)


async def _checkout(conn: asyncpg.Connection, ward: Ward, layers: Layers, patient: UUID) -> None:
    from dusangire.diets.queries import known

    h, order = ward.hospital, uuid4()
    if layers.lock:
        await conn.fetchval(
            "SELECT safety_rev FROM patient_safety WHERE hospital = $1 AND patient = $2 FOR NO KEY UPDATE", h, patient
        )
    if layers.facts:
        await conn.fetch(known._KNOWN.replace("= ANY($2)", "= $2"), h, patient)
    if layers.judged:
        ward.judge()
    ids, codes = zip(*ward.dishes[:3], strict=True)
    await conn.execute(
        _TRAY_WITH_PROOF if layers.proof else _TRAY, order, h, order.hex[:12], order.hex[:24], patient,
        ward.admissions[patient], uuid4(), ids, codes,
    )  # fmt: skip
    await conn.execute(_MOVE, h, order, f"order:{order}", json.dumps({"patient": str(patient)}))


_TRAY = """
    WITH tray AS (
        INSERT INTO meal_order (id, hospital, code, tray_token, patient, admission, day, period, serve_from, serve_to,
            cutoff_at, status, items_minor, total_minor, placed_by, placed_as)
        VALUES ($1, $2, $3, $4, $5, $6, (now() + interval '1 day')::date, 'lunch', now() + interval '1 day',
            now() + interval '25 hours', now() + interval '20 hours', 'in_review', 300, 300, $7, 'nurse')
        RETURNING id
    ), line AS (
        INSERT INTO order_line (id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, portion,
            quantity, price_minor, recipe_rev)
        SELECT gen_random_uuid(), $2, tray.id, d.place, d.id, d.code, 'x', 'x', 'x', 1, 1, 100, 1
        FROM tray, unnest($8::uuid[], $9::text[]) WITH ORDINALITY AS d(id, code, place)
    )
    INSERT INTO payment (id, hospital, meal_order, subject, method, amount_minor, state)
    SELECT gen_random_uuid(), $2, tray.id, tray.id, 'cash', 300, 'pending' FROM tray
"""
_TRAY_WITH_PROOF = f"""
    WITH proof AS (
        INSERT INTO safety_check (id, hospital, meal_order, patient, gate, answer, safety_rev, menu_rev, manual_rev)
        SELECT gen_random_uuid(), $2, $1, $5, 'checkout', 'allow', s.safety_rev, m.rev, r.rev
        FROM patient_safety s JOIN menu_revision m ON m.hospital = $2 JOIN manual_revision r ON r.hospital = $2
        WHERE s.hospital = $2 AND s.patient = $5
    ), {_TRAY.strip().removeprefix("WITH ")}
"""
_MOVE = """
    WITH moved AS (
        UPDATE meal_order SET status = 'confirmed' WHERE hospital = $1 AND id = $2 AND status = 'in_review' RETURNING id
    )
    INSERT INTO event (hospital, kind, about, actor_role, actor_name, facts, bells)
    SELECT $1, 'order:confirmed', $3, 'nurse', 'Bench', $4::jsonb, ARRAY[$3] FROM moved
"""


async def _second_verdict(ward: Ward) -> None:
    from dusangire.kernel.db import address
    from dusangire.kernel.settings import settings

    conn = await asyncpg.connect(**address(settings().app_url()), timeout=10, server_settings={"jit": "off"})
    rows = []
    try:
        await conn.execute("SELECT set_config('app.hospital', $1, false)", str(ward.hospital))
        for lines in (1, 3, 6):
            dishes = [dish for dish, _ in ward.dishes[:lines]]
            took = []
            for _ in range(200):
                start = time.perf_counter()
                await conn.fetchval(
                    "SELECT dus_reasons($1, $2, now(), now() + interval '1 day', current_date, 'lunch', $3)",
                    ward.hospital, ward.patients[0], dishes,
                )  # fmt: skip
                took.append(time.perf_counter() - start)
            rows.append([f"{lines} dishes", *_ms(took)])
    finally:
        await conn.close()
    table("The second verdict (PostgreSQL), asked over a connection", ["what", "p50 ms", "p95 ms"], rows)
