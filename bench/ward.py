"""A hospital with a menu, a thousand patients and its cook, for the benches of safety."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

PATIENTS = 1000


class Ward(Struct, frozen=True):
    """A hospital with a menu and patients who may eat."""

    arena: Any
    hospital: int
    zone: str
    patients: tuple[UUID, ...]
    admissions: dict[UUID, UUID]
    dishes: tuple[tuple[UUID, str], ...]
    judge: Callable[[], object]
    step: Callable[[UUID], Awaitable[list[float]]]


@asynccontextmanager
async def opened() -> AsyncIterator[Ward]:
    """A hospital made by the services, as the tests make one."""
    from dusangire import wiring
    from dusangire.app import create_app
    from dusangire.diets import queries as diet_queries
    from dusangire.kernel import clock
    from dusangire.kernel.access import Role
    from dusangire.kernel.db import acting_as
    from dusangire.menu import queries as menu
    from dusangire.menu.rules import sitting
    from tests.make import Make
    from tests.safety import arena as ground

    app = create_app()
    async with app.lifespan():
        wiring.install()
        async with Make.hospital(app) as made:
            await made.menu()
            doctor, nurse = await made.user("Diane", Role.DOCTOR), await made.user("Bosco", Role.NURSE)
            cards = await menu.cards(made.actor)
            tomorrow = clock.local_day(clock.now(), made.actor.zone) + timedelta(days=1)
            lunch = sitting(await menu.periods(made.actor), tomorrow, "lunch", made.actor.zone)
            assert lunch
            arena = ground.Arena(
                made=made, nurse=nurse, doctor=doctor, cook=nurse, carrier=nurse, editor=nurse, lunch=lunch,
                dishes={code: card.id for code, card in cards.items()}, ingredients={},
            )  # fmt: skip
            people = await ground.admit(arena, PATIENTS, allergy="sesame")
            patients = [one.patient for one in people]
            dishes = tuple((cards[code].id, code) for code in ("CHK-STW", "RICE", "ISB", "BAN", "PAP", "BNS"))
            known = await diet_queries.facts(nurse, patients[0], ordered_by="nurse")
            manual, facts = await diet_queries.manual(made.actor), await menu.dishes(made.actor)

            async def step(patient: UUID) -> list[float]:
                with acting_as(made.actor):
                    cook = await made.user("Didier", Role.KITCHEN)
                    return await _steps(cook, nurse, patient)

            yield Ward(
                arena=arena,
                hospital=made.actor.hospital,
                zone=made.actor.zone,
                patients=tuple(patients),
                admissions={one.patient: one.admission for one in people},
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
