"""A change while trays are on their way: held in the same commit, told within a second, refused at every bed.

The bell is not the control: with every notification switched off the hand-over is refused all the same.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from msgspec import Struct

from dusangire.delivery import queries as delivery
from dusangire.delivery import service as delivering
from dusangire.delivery.rules import Proof
from dusangire.delivery.service import Evidence
from dusangire.diets import service as diets
from dusangire.diets.rules import Answer, Verdict
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, fetch
from dusangire.kernel.errors import Refusal
from dusangire.kernel.live import Hub, stream
from dusangire.kernel.settings import settings
from dusangire.menu import service as menu
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.safety import arena as ground
from tests.safety.arena import SEED, Arena, Lying
from tests.safety.carried import carried, handed
from tests.unguarded import unguarded

Change = Callable[[Arena, Lying], Awaitable[Any]]
_STOPPED = ("held", "cancelled")
_A_RUN = 20


async def _allergy(arena: Arena, lying: Lying) -> None:
    await diets.add_allergy(arena.nurse, lying.patient, "fish", "severe")


async def _npo(arena: Arena, lying: Lying) -> None:
    await diets.hold(arena.doctor, lying.patient, "surgery", clock.now())


async def _diet(arena: Arena, lying: Lying) -> None:
    await diets.sign(arena.doctor, lying.patient, Prescription(codes=("VEGAN",), start_at=clock.now()))


async def _gone(arena: Arena, lying: Lying) -> None:
    await wards.discharge(arena.nurse, lying.patient, EndReason.DISCHARGED)


async def _by_hand(arena: Arena, lying: Lying) -> None:
    """Somebody who knows nothing of the program writes an allergy straight into the table."""
    async with ground.stranger(arena.actor, patience_ms=2000) as sql:
        await sql.execute(
            "INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by) "
            "VALUES (gen_random_uuid(), $1, $2, 'fish', 'severe', $3)",
            arena.hospital, lying.patient, arena.nurse.user,
        )  # fmt: skip


CHANGES: dict[str, Change] = {"allergy": _allergy, "npo": _npo, "diet": _diet, "discharge": _gone, "raw sql": _by_hand}


@pytest.fixture
async def arena(app: Litestar) -> AsyncIterator[Arena]:
    made = await ground.found(app)
    with acting_as(made.actor):
        yield made


class Ears:
    """The pages of the couriers and of the ward as real streams, and when each tray first stood stopped on them."""

    def __init__(self, hub: Hub, arena: Arena, runs: dict[Actor, list[UUID]]) -> None:
        self.courier: dict[UUID, float] = {}
        self.ward: dict[UUID, float] = {}
        self._tasks = [
            asyncio.create_task(self._listen(hub, (f"{arena.hospital}:orders",), arena.nurse, self.ward, _stopped))
        ]
        for carrier, trays in runs.items():
            bells = (delivering.carrier_bell(carrier.user), *(f"order:{tray}" for tray in trays))
            self._tasks.append(asyncio.create_task(self._listen(hub, bells, carrier, self.courier, _recalled)))

    async def _listen(self, hub: Hub, bells: tuple[str, ...], actor: Actor, seen: dict[UUID, float], read: Any) -> None:
        shown: list[set[UUID]] = []

        async def draw() -> str:
            shown.append(await read(actor))
            return "x"

        with acting_as(actor):
            answer: Any = stream(hub, *bells, draw=draw)
            async for _ in answer.body_iterator:
                for one in shown.pop():
                    seen.setdefault(one, time.perf_counter())

    def end(self) -> None:
        """Close the pages; one that broke before is an error of the test."""
        for task in self._tasks:
            if task.done():
                task.result()
            task.cancel()


class _Tray(Struct, frozen=True):
    id: UUID


async def _recalled(actor: Actor) -> set[UUID]:
    return {one.order for one in await delivery.recalls(actor)}


async def _stopped(actor: Actor) -> set[UUID]:
    sql = "SELECT id FROM meal_order WHERE hospital = $1 AND status = ANY ($2::text[])"
    return {one.id for one in await fetch(_Tray, sql, actor.hospital, list(_STOPPED))}


@asynccontextmanager
async def _hub(*, hears_notify: bool = True) -> AsyncIterator[Hub]:
    hub = Hub(settings().app_url())
    hub.hears_notify = hears_notify
    await hub.start()
    for _ in range(200):
        if hub.is_listening:
            break
        await asyncio.sleep(0.02)
    try:
        yield hub
    finally:
        await hub.stop()


async def _tried(arena: Arena, tray: UUID, by: Actor | None = None) -> bool:
    """Return whether the carrier gets the tray handed over."""
    carrier = by or arena.carrier
    with acting_as(carrier):
        try:
            await delivering.hand_over(carrier, tray, Evidence(Proof.CONFIRMED))
        except Refusal:
            return False
    return True


async def _changed(arena: Arena, people: list[Lying], chance: random.Random, gap_s: float = 0) -> dict[UUID, float]:
    """Change something about each of the people; return when each change was committed."""
    committed = {}
    for lying in people:
        await CHANGES[chance.choice(sorted(CHANGES))](arena, lying)
        committed[lying.patient] = time.perf_counter()
        await asyncio.sleep(gap_s)
    return committed


async def _told_in(arena: Arena, many: int, most_s: float) -> None:
    people = await ground.admit(arena, many)
    chance = random.Random(SEED)
    runs: dict[Actor, list[UUID]] = {}
    for first in range(0, many, _A_RUN):
        carrier = await arena.made.user(f"Carrier {first}", Role.DELIVERY)
        status = chance.choice(("out_for_delivery", "arrived"))
        runs[carrier] = await carried(arena, people[first : first + _A_RUN], status=status, by=carrier)
    trays = [tray for run in runs.values() for tray in run]
    async with _hub() as hub:
        ears = Ears(hub, arena, runs)
        await asyncio.sleep(0.5)
        committed = await _changed(arena, people, chance, 0.02)
        for _ in range(100):
            if ears.courier.keys() & ears.ward.keys() >= set(trays):
                break
            await asyncio.sleep(0.1)
        ears.end()
    one_commit = await ground.rows(
        arena,
        "SELECT o.id, o.status, o.xmin = s.xmin AS together FROM meal_order o "
        "JOIN patient_safety s ON s.hospital = o.hospital AND s.patient = o.patient WHERE o.hospital = $1",
        arena.hospital,
    )
    assert len(one_commit) == many
    assert all(row["status"] in _STOPPED for row in one_commit)
    assert all(row["together"] for row in one_commit), "held in another commit than the change"
    assert not any([await _tried(arena, tray, carrier) for carrier, run in runs.items() for tray in run])
    assert await handed(arena) == 0
    of = dict(zip(trays, (one.patient for one in people), strict=True))
    for name, seen in (("courier", ears.courier), ("ward", ears.ward)):
        waits = sorted(max(0.0, seen.get(tray, float("inf")) - committed[of[tray]]) for tray in trays)
        p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
        print(f"seed {SEED}: {many} trays, {name} told p50 {waits[many // 2]:.3f} s, p99 {p99:.3f} s")
        assert p99 < most_s


@pytest.mark.req("A13", "A14")
@pytest.mark.hazard(2, 3, 17, 22)
async def test_forty_trays_on_their_way_are_held_in_the_commit_and_everybody_hears_within_five_seconds(
    arena: Arena,
) -> None:
    await _told_in(arena, 40, most_s=5)


@pytest.mark.long
@pytest.mark.req("A13", "A14")
async def test_a_thousand_trays_on_their_way_are_held_in_the_commit_and_everybody_hears(arena: Arena) -> None:
    await _told_in(arena, 1000, most_s=1)


@pytest.mark.req("A13")
@pytest.mark.hazard(7)
async def test_a_changed_recipe_stops_every_tray_with_the_dish_in_its_own_commit(arena: Arena) -> None:
    people = await ground.admit(arena, 12, allergy="milk")
    trays = await carried(arena, people)
    milk = next(id_ for name, id_ in sorted(arena.ingredients.items()) if "milk" in name)
    recipe = await ground.rows(
        arena, "SELECT ingredient, grams FROM recipe_line WHERE hospital = $1 AND dish = $2",
        arena.hospital, arena.dishes["RICE"],
    )  # fmt: skip
    grams = {row["ingredient"]: row["grams"] for row in recipe} | {milk: recipe[0]["grams"]}
    await menu.change_recipe(arena.editor, arena.dishes["RICE"], grams, is_declared=True)
    found = await ground.rows(
        arena, "SELECT DISTINCT o.status, o.xmin = r.xmin AS together FROM meal_order o JOIN menu_revision r "
        "ON r.hospital = o.hospital WHERE o.hospital = $1", arena.hospital,
    )  # fmt: skip
    assert [(row["status"], row["together"]) for row in found] == [("held", True)]
    assert not any([await _tried(arena, tray) for tray in trays])


@pytest.mark.req("A13", "A14")
@pytest.mark.hazard(17)
async def test_with_every_notification_off_the_hand_over_is_refused_all_the_same(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No NOTIFY, no stream, nobody is told: the gate is pull."""
    people = await ground.admit(arena, 15)
    trays = await carried(arena, people)
    monkeypatch.setattr(Hub, "ring", lambda *_: None)
    monkeypatch.setattr("dusangire.kernel.journal.CHANNEL", "nobody_listens")
    await _changed(arena, people, random.Random(SEED))
    assert not any([await _tried(arena, tray) for tray in trays])
    assert await handed(arena) == 0


@pytest.mark.req("A13")
async def test_without_the_holding_in_the_commit_the_gate_alone_refuses(arena: Arena) -> None:
    people = await ground.admit(arena, 10)
    trays = await carried(arena, people)
    async with ground.without_reactions(), unguarded("dus_hold_at_once"):
        await _changed(arena, people, random.Random(SEED))
        assert not any([await _tried(arena, tray) for tray in trays])
    assert await handed(arena) == 0


@pytest.mark.req("A13")
async def test_without_holding_and_without_the_gate_trays_would_be_handed_over(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: every control taken away, and the same trays go through."""
    people = await ground.admit(arena, 10)
    trays = await carried(arena, people)

    async def always(*_: Any, **__: Any) -> Verdict:
        return Verdict(Answer.ALLOW)

    async with ground.without_reactions(), unguarded():
        for lying in people:
            await _allergy(arena, lying)
        monkeypatch.setattr(sys.modules["dusangire.orders.service.moving"], "judged", always)
        went = [await _tried(arena, tray) for tray in trays]
    assert all(went)
    assert await handed(arena) == len(trays)
