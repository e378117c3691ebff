"""What each layer of safety costs: a checkout as it is written, layer by layer, and a step by the services."""

import asyncio
import json
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from msgspec import Struct

from bench.harness import percentile, table

CLIENTS = 16
EACH = int(os.environ.get("BENCH_CHECKOUTS", "60"))
PATIENTS = 64


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
            asyncio.run(_measure())
        finally:
            embedded.stop(running)


class Ward(Struct, frozen=True):
    """A hospital with a menu and patients who may eat."""

    hospital: int
    zone: str
    patients: tuple[UUID, ...]
    admissions: dict[UUID, UUID]
    dishes: tuple[tuple[UUID, str], ...]
    judge: Callable[[], object]
    step: Callable[[UUID], Awaitable[list[float]]]


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


async def _measure() -> None:
    async with _ward() as ward:
        rows: list[list[str]] = []
        floor = 0.0
        for name, layers in _STAGES.items():
            took, rate = await _stage(ward, layers)
            floor = floor or rate
            rows.append(
                [name, f"{percentile(took, 0.5) * 1000:.1f}", f"{percentile(took, 0.95) * 1000:.1f}", f"{rate:.0f}",
                 f"{rate / floor:.0%}"]
            )  # fmt: skip
        head = ["checkout of three dishes", "p50 ms", "p95 ms", "/s", "of the floor"]
        table(f"Layers of a checkout, {CLIENTS} clients, {CLIENTS * EACH} each, fsync on", head, rows)
        await _second_verdict(ward)
        took = await ward.step(ward.patients[0])
        table(
            "A step by the services, one client",
            ["what", "p50 ms", "p95 ms"],
            [["advance (lock, facts, verdict, proof, step, event)", *_ms(took)]],
        )


def _ms(took: list[float]) -> list[str]:
    return [f"{percentile(took, share) * 1000:.1f}" for share in (0.5, 0.95)]


async def _stage(ward: Ward, layers: Layers) -> tuple[list[float], float]:
    from dusangire.kernel.db import address
    from dusangire.kernel.settings import settings
    from tests.unguarded import unguarded

    url = settings().app_url() if layers.walls else settings().owner_url
    took: list[float] = []

    async def client(seed: int) -> None:
        dice = random.Random(seed)
        conn = await asyncpg.connect(**address(url), timeout=10, server_settings={"jit": "off"})
        try:
            await conn.execute("SELECT set_config('app.hospital', $1, false)", str(ward.hospital))
            for _ in range(EACH):
                patient = dice.choice(ward.patients)
                start = time.perf_counter()
                async with conn.transaction():
                    await _checkout(conn, ward, layers, patient)
                took.append(time.perf_counter() - start)
        finally:
            await conn.close()

    async with AsyncExitStack() as stack:
        if not layers.triggers:
            await stack.enter_async_context(unguarded())
        start = time.perf_counter()
        await asyncio.gather(*(client(seed) for seed in range(CLIENTS)))
        return took, CLIENTS * EACH / (time.perf_counter() - start)


async def _checkout(conn: asyncpg.Connection, ward: Ward, layers: Layers, patient: UUID) -> None:
    from dusangire.diets.queries import known

    h, order = ward.hospital, uuid4()
    if layers.lock:
        await conn.fetchval(
            "SELECT safety_rev FROM patient_safety WHERE hospital = $1 AND patient = $2 FOR NO KEY UPDATE", h, patient
        )
    if layers.facts:
        await conn.fetch(known._KNOWN, h, [patient])
    if layers.judged:
        ward.judge()
    await conn.execute(_ORDER, order, h, order.hex[:12], order.hex[:24], patient, ward.admissions[patient], uuid4())
    await conn.executemany(
        _LINE, [(uuid4(), h, order, place, dish, code) for place, (dish, code) in enumerate(ward.dishes[:3], 1)]
    )
    if layers.proof:
        await conn.execute(_PROOF, uuid4(), h, order, patient)
    await conn.execute(_PAYMENT, uuid4(), h, order)
    await conn.execute("UPDATE meal_order SET status = 'confirmed' WHERE hospital = $1 AND id = $2", h, order)
    await conn.execute(_EVENT, h, f"order:{order}", json.dumps({"patient": str(patient)}))


_ORDER = """
    INSERT INTO meal_order (id, hospital, code, tray_token, patient, admission, day, period, serve_from, serve_to,
        cutoff_at, status, items_minor, total_minor, placed_by, placed_as)
    VALUES ($1, $2, $3, $4, $5, $6, (now() + interval '1 day')::date, 'lunch', now() + interval '1 day',
        now() + interval '25 hours', now() + interval '20 hours', 'in_review', 300, 300, $7, 'nurse')
"""
_LINE = """
    INSERT INTO order_line (id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, portion,
        quantity, price_minor, recipe_rev)
    VALUES ($1, $2, $3, $4, $5, $6, 'x', 'x', 'x', 1, 1, 100, 1)
"""
_PROOF = """
    INSERT INTO safety_check (id, hospital, meal_order, patient, gate, answer, safety_rev, menu_rev, manual_rev)
    SELECT $1, $2, $3, $4, 'checkout', 'allow', s.safety_rev, m.rev, r.rev
    FROM patient_safety s JOIN menu_revision m ON m.hospital = $2 JOIN manual_revision r ON r.hospital = $2
    WHERE s.hospital = $2 AND s.patient = $4
"""
_PAYMENT = """
    INSERT INTO payment (id, hospital, meal_order, method, amount_minor, state)
    VALUES ($1, $2, $3, 'cash', 300, 'pending')
"""
_EVENT = """
    INSERT INTO event (hospital, kind, about, actor_role, actor_name, facts, bells)
    VALUES ($1, 'order:confirmed', $2, 'nurse', 'Bench', $3::jsonb, ARRAY[$2])
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


@asynccontextmanager
async def _ward() -> AsyncIterator[Ward]:
    """A hospital made by the services, as the tests make one."""
    from dusangire import wiring
    from dusangire.app import create_app
    from dusangire.diets import queries as diet_queries
    from dusangire.diets import service as diets
    from dusangire.diets.rules.prescribing import Prescription
    from dusangire.kernel import clock
    from dusangire.kernel.access import Role
    from dusangire.kernel.db import acting_as
    from dusangire.menu import queries as menu
    from dusangire.wards import queries as wards
    from tests.make import Make

    app = create_app()
    async with app.lifespan():
        wiring.install()
        async with Make.hospital(app) as made:
            await made.menu()
            doctor, nurse = await made.user("Diane", Role.DOCTOR), await made.user("Bosco", Role.NURSE)
            await made.ward(beds=PATIENTS)
            patients, admissions = [], {}
            for _ in range(PATIENTS):
                patient = (await made.patient()).patient
                assert patient
                await diets.add_allergy(nurse, patient, "sesame", "severe")
                asked = Prescription(codes=("REG",), start_at=clock.now() - timedelta(seconds=1))
                await diets.sign(doctor, patient, asked)
                admission = (await wards.person(nurse, patient)).admission
                assert admission
                patients.append(patient)
                admissions[patient] = admission
            cards = await menu.cards(made.actor)
            dishes = tuple((cards[code].id, code) for code in ("CHK-STW", "RICE", "ISB", "BAN", "PAP", "BNS"))
            known = await diet_queries.facts(nurse, patients[0], ordered_by="nurse")
            manual, facts = await diet_queries.manual(made.actor), await menu.dishes(made.actor)

            async def step(patient: UUID) -> list[float]:
                with acting_as(made.actor):
                    cook = await made.user("Didier", Role.KITCHEN)
                    return await _steps(cook, nurse, patient)

            yield Ward(
                hospital=made.actor.hospital,
                zone=made.actor.zone,
                patients=tuple(patients),
                admissions=admissions,
                dishes=dishes,
                judge=_judge(known, manual, facts, made.actor.zone),
                step=step,
            )


def _judge(known: Any, manual: Any, dishes: Any, zone: str) -> Callable[[], object]:
    from dusangire.diets.rules import Gate, Meal, Serving, TrayLine, prepare
    from dusangire.kernel import clock

    lines = (TrayLine("CHK-STW"), TrayLine("RICE"), TrayLine("ISB"))

    def judge() -> object:
        now = clock.local(clock.now(), zone)
        serving = Serving(Meal.LUNCH, now.date(), now + timedelta(hours=4))
        return prepare(known, serving, (), manual, dishes, now).judge(lines, Gate.CHECKOUT)

    return judge


async def _steps(cook: Any, nurse: Any, patient: UUID) -> list[float]:
    """Start and take back the trays of one patient as the kitchen does; return what each start took."""
    from dusangire.kernel.db import fetch
    from dusangire.orders import service
    from dusangire.orders.rules import Verb

    class _Id(Struct, frozen=True):
        id: UUID

    trays = await fetch(
        _Id,
        "SELECT id FROM meal_order WHERE hospital = $1 AND status = 'confirmed' AND patient = $2 LIMIT 30",
        cook.hospital,
        patient,
    )
    await fetch(
        _Id,
        "UPDATE meal_order SET status = 'cancelled' WHERE hospital = $1 AND status = 'confirmed' AND patient = $2 "
        "AND NOT id = $3 RETURNING id",
        cook.hospital,
        patient,
        trays[0].id,
    )
    took = []
    for _ in range(30):
        start = time.perf_counter()
        await service.advance(cook, trays[0].id, Verb.START)
        took.append(time.perf_counter() - start)
        await service.advance(nurse, trays[0].id, Verb.HOLD)
        await service.advance(nurse, trays[0].id, Verb.RELEASE)
    return took
