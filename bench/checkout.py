"""Checkouts by the services with everything on: lock, verdict, proof, shares, ledger, events, walls and triggers."""

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop

from bench.harness import percentile, table

CLIENTS = 16
PATIENTS = int(os.environ.get("BENCH_PATIENTS", "160"))
_PERIODS = ("breakfast", "lunch", "dinner")
_WAYS = ("cash", "hospital_account", "mtn")


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
            took, seconds = uvloop.run(_measure())
        finally:
            embedded.stop(running)
    table(
        f"Checkouts by the services, {CLIENTS} clients in one process, {len(took)} trays, fsync on",
        ["budget: 500/s, p95 40 ms", "p50 ms", "p95 ms", "/s"],
        [["a third each cash, account, mobile money", *(f"{percentile(took, p) * 1000:.1f}" for p in (0.5, 0.95)),
          f"{len(took) / seconds:.0f}"]],
    )  # fmt: skip


async def _measure() -> tuple[list[float], float]:
    from dusangire import wiring
    from dusangire.app import create_app
    from dusangire.kernel.access import Role
    from dusangire.kernel.db import acting_as
    from tests.make import Make

    app = create_app()
    async with app.lifespan():
        wiring.install()
        async with Make.hospital(app) as made:
            await made.menu()
            nurse = await made.user("Bosco", Role.NURSE)
            with acting_as(made.actor):
                wanted = await _chosen(made, nurse)
                return await _race(nurse, wanted)


async def _chosen(made: Any, nurse: Any) -> list[Any]:
    """Admit everybody and choose their meals of tomorrow: what is measured begins where the button is pressed."""
    from dusangire.kernel import clock
    from dusangire.kernel.access import Role
    from dusangire.kernel.errors import Refusal
    from dusangire.menu import queries as menu
    from dusangire.menu.rules import sitting
    from dusangire.orders import service
    from dusangire.orders.service import Checkout, Choice
    from dusangire.payments.rules import Method
    from tests.safety import arena as ground

    doctor = await made.user("Diane", Role.DOCTOR)
    periods, cards = await menu.periods(made.actor), await menu.cards(made.actor)
    tomorrow = clock.local_day(clock.now(), made.actor.zone) + timedelta(days=1)
    at = {period: sitting(periods, tomorrow, period, made.actor.zone) for period in _PERIODS}
    arena = ground.Arena(
        made=made, nurse=nurse, doctor=doctor, cook=nurse, carrier=nurse, editor=nurse, lunch=at["lunch"],
        dishes={code: card.id for code, card in cards.items()}, ingredients={},
    )  # fmt: skip
    wanted = []
    for number, person in enumerate(await ground.admit(arena, PATIENTS, allergy="sesame")):
        for period in _PERIODS:
            for dish in [code for code, card in cards.items() if at[period].meal in card.meals and card.is_available]:
                with suppress(Refusal):
                    await service.add(nurse, Choice(person.patient, at[period], dish))
                    break
            method = Method(_WAYS[number % len(_WAYS)])
            wanted.append(
                Checkout(
                    uuid4().hex,
                    person.patient,
                    tomorrow,
                    period,
                    method,
                    phone="0788123412" if method.is_mobile else "",
                )
            )
    return sorted(wanted, key=lambda one: one.period)


async def _race(nurse: Any, wanted: list[Any]) -> tuple[list[float], float]:
    from dusangire.orders import service

    queue, took = list(reversed(wanted)), []

    async def client() -> None:
        while queue:
            one = queue.pop()
            start = time.perf_counter()
            await service.place(nurse, one)
            took.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return took, time.perf_counter() - start
