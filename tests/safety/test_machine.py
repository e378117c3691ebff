"""Anything that may happen, in any order: after every single commit no tray is where it may not be.

Hypothesis draws the sequences and shrinks one that fails; several run side by side, each in hospitals of its own. The
oracle of `oracle.py` judges by its own rules. DUSANGIRE_SEED=<number> draws the same sequences again.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from litestar import Litestar

from dusangire.accounts import service as accounts
from dusangire.diets.rules import Answer, Verdict
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sitting
from tests.safety import arena as ground
from tests.safety.arena import DISHES, SEED, Arena, Lying
from tests.safety.machine import RULES, Person, Violation, World
from tests.safety.oracle import Chart, Diet, kitchen
from tests.unguarded import unguarded

LANES = 4
EXAMPLES, STEPS = 1000, 30
LONG_EXAMPLES, LONG_STEPS = 10_000, 30
CONTROLS = 120
MOST_BUSY = 0.005
"""How many of the steps may end as busy on a loaded machine: more, and the sequences prove less than they say."""
_LINES = {
    **dict.fromkeys(("RICE", "ISB", "BEF-STW", "TOF", "SUP-VEG"), "main_hot"),
    "TIL": "grill", "YOG": "cold", "BAN": "cold", "JUI-APP": "drinks", "CHP": "bakery",
}  # fmt: skip
_LAID = ("confirmed", "preparing", "ready", "out_for_delivery", "arrived")
_IN_STOCK = 50
Plan = list[tuple[int, int, int]]
Stocked = tuple[Lying, UUID, list[UUID]]


@dataclass(repr=False)
class Lane:
    """Two hospitals that one sequence after the other plays in."""

    arenas: tuple[Arena, Arena]
    sql: asyncpg.Connection
    stock: dict[int, list[Stocked]] = field(default_factory=dict)

    async def run(self, plan: Plan, counts: Counter[str]) -> None:
        """Play one sequence from its start and clean up after it. Raises Violation."""
        world = await self._world(plan)
        try:
            for rule, a, b in plan:
                await world.step(RULES[rule], a, b)
        finally:
            counts.update(world.counts)
            await self._clean(world)

    async def _world(self, plan: Plan) -> World:
        """Three patients, two here and one there; trays are under way already, by what is drawn."""
        people = []
        for arena, many in zip(self.arenas, (2, 1), strict=True):
            cooks = kitchen(DISHES, _LINES)
            for lying, diet, spare in [await self._next(arena) for _ in range(many)]:
                then = clock.now() - timedelta(hours=1)
                people.append(
                    Person(arena, cooks, lying, Chart(lying.admission, diets={diet: Diet(("REG",), then, then)}), spare)
                )
        for n, one in enumerate(people):
            (_, a, b) = plan[n % len(plan)]
            await ground.lay(self.sql, one.arena, [one.lying], _LAID[a % len(_LAID)], [DISHES[b % len(DISHES)]])
        world = World(people, self.sql, await self._meals())
        world.trays = {one.id: one for one in await world.read()}
        return world

    async def _next(self, arena: Arena) -> Stocked:
        """Take the next patient, with the diet order they came with and beds to be moved to; they are admitted in bulk."""
        waiting = self.stock.setdefault(arena.hospital, [])
        if not waiting:
            people, beds = await ground.admit(arena, _IN_STOCK), await ground.spare_beds(arena, 4 * _IN_STOCK)
            patients = [one.patient for one in people]
            found = await self.sql.fetch(
                "SELECT patient, id FROM diet_order WHERE patient = ANY ($1::uuid[])", patients
            )
            diets = {row["patient"]: row["id"] for row in found}
            waiting += [(one, diets[one.patient], beds[4 * n : 4 * n + 4]) for n, one in enumerate(people)]
        return waiting.pop()

    async def _meals(self) -> dict[str, Sitting]:
        first = self.arenas[0]
        with acting_as(first.actor):
            periods = await menu.periods(first.actor)
        found = {name: sitting(periods, first.lunch.day, name, first.actor.zone) for name in ("lunch", "dinner")}
        return {name: at for name, at in found.items() if at}

    async def _clean(self, world: World) -> None:
        """Put the menus back, let trays go again, and take this sequence's trays out of the next one's way."""
        hospitals = [arena.hospital for arena in self.arenas]
        async with self.sql.transaction():
            await self.sql.execute("SET LOCAL session_replication_role = replica")
            await self.sql.execute(
                "UPDATE meal_order SET status = 'cancelled' WHERE hospital = ANY ($1::int[]) AND status <> 'cancelled'",
                hospitals,
            )
            await self.sql.execute(
                "UPDATE meal_stop SET ended_at = now(), ended_by = set_by WHERE hospital = ANY ($1::int[]) AND ended_at IS NULL",
                hospitals,
            )
            if world.is_menu_touched:
                await ground.restore_menu(self.sql, hospitals)


async def _open(app: Litestar, stack: AsyncExitStack) -> Lane:
    arenas = (await ground.found(app), await ground.found(app))
    sql = await stack.enter_async_context(ground.owner(arenas[0].actor))
    await ground.keep_menu(sql, [arena.hospital for arena in arenas])
    return Lane(arenas, sql)


@pytest.fixture(scope="module")
async def lanes(app: Litestar) -> AsyncIterator[list[Lane]]:
    """The lanes; passwords are taken for right here, because typing them a million times proves nothing about trays."""

    async def right(_: Actor, __: str) -> bool:
        return True

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(accounts, "verify_password", right)
        async with AsyncExitStack() as stack:
            yield [await _open(app, stack) for _ in range(LANES)]


_STEP = st.tuples(st.integers(0, len(RULES) - 1), st.integers(0, 59), st.integers(0, 255))
_counts: Counter[str] = Counter()


def _plans(steps: int) -> st.SearchStrategy[list[Plan]]:
    one = st.lists(_STEP, min_size=steps, max_size=steps)
    return st.lists(one, min_size=LANES, max_size=LANES)


def _said(began: float, examples: int, steps: int) -> str:
    gates = {name: many for name, many in sorted(_counts.items()) if name.startswith("gate")}
    return (
        f"\n{examples} sequences of {steps}, seed {SEED}: {_ended('done')} rules done, {_ended('busy')} busy, {gates}, "
        f"{time.perf_counter() - began:.1f} s"
    )


def _ended(how: str) -> int:
    return sum(many for name, many in _counts.items() if name.endswith(f" {how}"))


async def _play(lanes: list[Lane], plans: list[Plan]) -> None:
    ended = await asyncio.gather(
        *(lane.run(plan, _counts) for lane, plan in zip(lanes, plans, strict=True)), return_exceptions=True
    )
    for one in ended:
        if isinstance(one, BaseException):
            raise one


_QUICK = settings(
    max_examples=EXAMPLES // LANES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink), print_blob=True,
)  # fmt: skip


@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 4, 5, 6, 7, 8, 9, 22)
class TestWhateverHappens:
    began = time.perf_counter()

    @seed(SEED)
    @settings(_QUICK)
    @given(plans=_plans(STEPS))
    async def test_no_tray_passes_a_gate_or_stays_open_against_the_facts(self, lanes: list[Lane], plans: list[Plan]):
        await _play(lanes, plans)

    async def test_and_trays_went_all_the_way(self, lanes: list[Lane]):
        print(_said(self.began, EXAMPLES, STEPS))
        assert _ended("busy") <= EXAMPLES * STEPS * MOST_BUSY
        for status in ("confirmed", "preparing", "ready", "out_for_delivery", "arrived", "delivered"):
            assert _counts[f"gate {status}"] >= 20, status
        never = {rule.__name__.lstrip("_") for rule in RULES} - {
            name.partition(" ")[0] for name, n in _counts.items() if n
        }
        assert never == set()


@pytest.mark.long
@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 4, 5, 6, 7, 8, 9, 22)
@seed(SEED)
@settings(_QUICK, max_examples=LONG_EXAMPLES // LANES)
@given(plans=_plans(LONG_STEPS))
async def test_ten_thousand_long_days(lanes: list[Lane], plans: list[Plan]):
    await _play(lanes, plans)


async def _first_violation(lanes: list[Lane], most: int) -> tuple[int, str]:
    """Play random sequences until one goes wrong; return how many it took, and what was found."""
    rng, played = random.Random(SEED), 0
    while played < most:
        plans = [
            [(rng.randrange(len(RULES)), rng.randrange(60), rng.randrange(256)) for _ in range(STEPS)] for _ in lanes
        ]
        played += len(lanes)
        try:
            await _play(lanes, plans)
        except Violation as found:
            return played, str(found).partition("\n")[0]
    return played, ""


def _always(*_: object, **__: object) -> Verdict:
    return Verdict(Answer.ALLOW, ())


@pytest.mark.req("A13")
async def test_a_verdict_that_always_allows_is_found_out(lanes: list[Lane], monkeypatch: pytest.MonkeyPatch):
    async with unguarded():
        with monkeypatch.context() as patched:
            for module in ("judging", "placing", "holding"):
                patched.setattr(import_module(f"dusangire.orders.service.{module}"), "judge", _always)
            played, found = await _first_violation(lanes, CONTROLS)
    print(f"\nalways ALLOW, triggers off: found in {played} sequences, seed {SEED}: {found}")
    assert found


@pytest.mark.req("A13")
async def test_changes_that_hold_nothing_are_found_out(lanes: list[Lane]):
    async with unguarded("dus_hold_at_once", "dus_dish_changed"), ground.without_reactions():
        played, found = await _first_violation(lanes, CONTROLS)
    print(f"\nnothing held at once: found in {played} sequences, seed {SEED}: {found}")
    assert found


@pytest.mark.req("A13")
async def test_gates_that_do_not_look_are_found_out(lanes: list[Lane], monkeypatch: pytest.MonkeyPatch):
    async def not_looked_at(*_: object, **__: object) -> None:
        return None

    async with unguarded(), ground.without_reactions():
        with monkeypatch.context() as patched:
            patched.setattr(import_module("dusangire.orders.service.moving"), "_pass_gate", not_looked_at)
            played, found = await _first_violation(lanes, CONTROLS)
    print(f"\nno gates, nothing held: found in {played} sequences, seed {SEED}: {found}")
    assert found
