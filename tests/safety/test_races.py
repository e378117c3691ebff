"""A change and a gate at the same moment, thousands of times: no tray passes, or stays beyond a gate, against a change.

The services as they are, on two connections, with a short random pause before each lock, check, write and commit. The
same races without the lock go wrong, and so do raw writers as soon as the database's triggers are off.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import pytest
from litestar import Litestar

from tests.safety import arena as ground
from tests.safety.arena import SEED, Arena, Lying
from tests.safety.pacing import paced
from tests.safety.pairs import (
    PAIRS,
    Outcome,
    Pair,
    Race,
    outcome,
    people_for,
    session,
    set_up_many,
    tear_down,
    without_lock,
)
from tests.unguarded import unguarded

LANES = 4
IN_CI, IN_CONTROL, AT_LENGTH = 504, 24, 5000
WRONG_CALLERS = 3000
_LEAST_BAD = 0.2
_PAUSE_S, _HEAD_START_S, _MENU_HEAD_START_S = 0.003, 0.006, 0.05


@pytest.fixture(scope="module")
async def arenas(app: Litestar) -> list[Arena]:
    return [await ground.found(app) for _ in range(LANES)]


async def _race(
    lanes: list[Arena], pair: Pair, people: list[list[Lying]], *, has_holding: bool = True, is_locked: bool = True
) -> tuple[int, Counter[str]]:
    """Race each of the people once, one lane beside the other; return how many ended badly, and how they ended."""
    said: Counter[str] = Counter()

    async def lane(number: int) -> int:
        rng, bad = random.Random(f"{SEED} {pair.name} {number}"), 0
        async with ground.owner(lanes[number].actor) as sql:
            async for race in _laid(sql, lanes[number], pair, people[number]):
                one = await _once(sql, race, pair, rng, is_locked=is_locked)
                said[f"{'changed' if one.changed else 'refused'}+{'passed' if one.passed else 'refused'}"] += 1
                bad += one.is_bad(pair, has_holding=has_holding)
        return bad

    with paced():
        bad = sum(await asyncio.gather(*(lane(number) for number in range(len(lanes)))))
    return bad, said


async def _laid(sql: asyncpg.Connection, arena: Arena, pair: Pair, people: list[Lying]) -> AsyncIterator[Race]:
    """All trays at once; one by one where the change is of the menu, because it judges every open tray."""
    ahead = 1 if pair.is_of_menu else max(len(people), 1)
    for start in range(0, len(people), ahead):
        for race in await set_up_many(sql, arena, pair, people[start : start + ahead]):
            yield race


async def _once(sql: asyncpg.Connection, race: Race, pair: Pair, rng: random.Random, *, is_locked: bool) -> Outcome:
    ready = asyncio.Barrier(2)
    change = session(race, pair.change, _wait(rng, ready, pair.start, _PAUSE_S), pair.start)
    late = _MENU_HEAD_START_S if pair.is_of_menu else _HEAD_START_S
    head_start = late if is_locked else _PAUSE_S
    gate = session(race, pair.gate, _wait(rng, ready, "lock", head_start))
    await asyncio.gather(change.run(), gate.run())
    ended = await outcome(sql, race, change, gate)
    await tear_down(sql, race, pair)
    return ended


def _wait(
    rng: random.Random, ready: asyncio.Barrier, start: str, head_start: float
) -> Callable[[str], Awaitable[None]]:
    """Both start together, each with a head start of chance; every later step waits for a moment."""

    async def wait(point: str) -> None:
        if point == start:
            await ready.wait()
            await asyncio.sleep(rng.random() * head_start)
        else:
            await asyncio.sleep(rng.random() * _PAUSE_S)

    return wait


async def _people(lanes: list[Arena], pair: Pair, many: int) -> list[list[Lying]]:
    return [await people_for(arena, pair, many // len(lanes)) for arena in lanes]


async def _never_bad(lanes: list[Arena], pair: Pair, many: int) -> None:
    began = time.perf_counter()
    bad, said = await _race(lanes, pair, await _people(lanes, pair, many))
    print(f"\n{pair.name}: {many} races, {bad} bad, {dict(said)}, {time.perf_counter() - began:.1f} s, seed {SEED}")
    assert bad == 0
    assert sum(said.values()) == many
    assert sum(count for how, count in said.items() if how.startswith("changed")) > many * 0.9


@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 5, 7, 22)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
async def test_a_change_and_a_gate_at_the_same_moment_let_no_tray_through(arenas: list[Arena], pair: Pair):
    await _never_bad(arenas, pair, IN_CI)


@pytest.mark.long
@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 5, 7, 22)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
async def test_five_thousand_times_each(arenas: list[Arena], pair: Pair):
    for _ in range(10):
        await _never_bad(arenas, pair, AT_LENGTH // 10)


@pytest.mark.req("A13")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
async def test_without_the_lock_more_than_a_fifth_go_wrong(
    arenas: list[Arena], pair: Pair, monkeypatch: pytest.MonkeyPatch
):
    people = await _people(arenas, pair, IN_CONTROL)
    async with AsyncExitStack() as controls:
        await controls.enter_async_context(unguarded())
        await controls.enter_async_context(without_lock(monkeypatch))
        if pair.is_held_twice:
            await controls.enter_async_context(ground.without_reactions())
        bad, said = await _race(arenas, pair, people, has_holding=not pair.is_held_twice, is_locked=False)
    print(f"\n{pair.name} without the lock: {bad} of {IN_CONTROL} bad, {dict(said)}, seed {SEED}")
    assert bad > IN_CONTROL * _LEAST_BAD


# --- the deliberately wrong caller ---

_LIE = """
INSERT INTO safety_check (id, hospital, meal_order, patient, gate, answer, safety_rev, menu_rev, manual_rev)
SELECT gen_random_uuid(), $1, $2, $3, 'fire', 'allow', s.safety_rev, m.rev, r.rev
FROM patient_safety s, menu_revision m, manual_revision r
WHERE s.hospital = $1 AND s.patient = $3 AND m.hospital = $1 AND r.hospital = $1
"""
_MOVE = "UPDATE meal_order SET status = 'preparing' WHERE hospital = $1 AND id = $2 AND status = 'confirmed'"
_FACT = """
INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by)
VALUES (gen_random_uuid(), $1, $2, 'peanuts', 'anaphylaxis', gen_random_uuid())
"""
# The patients are gathered first: with tables nobody has analysed yet a join may be planned row by row.
_BAD = """
SELECT count(*) FROM meal_order o WHERE o.hospital = $1 AND o.id = ANY ($2::uuid[]) AND o.status = 'preparing'
  AND o.patient = ANY (ARRAY(SELECT a.patient FROM allergy a WHERE a.hospital = $1))
"""


class _Wrong:
    """Callers that lock nothing, hold nothing and always say ALLOW; what the database answers is counted."""

    def __init__(self, arena: Arena) -> None:
        self.arena, self.answers = arena, Counter[str]()

    async def race(self, people: list[Lying], trays: list[UUID]) -> int:
        """Race every tray's step against its patient's new allergy; return how many trays are beyond the gate."""
        turns = iter(zip(people, trays, strict=True))
        rng = random.Random(SEED)

        async def lane() -> None:
            async with (
                ground.stranger(self.arena.actor, patience_ms=60) as one,
                ground.stranger(self.arena.actor, patience_ms=2000) as other,
            ):
                for lying, tray in turns:
                    pauses = rng.random() * _PAUSE_S, rng.random() * _MENU_HEAD_START_S
                    await asyncio.gather(
                        self._try("step", self._step(one, lying, tray, pauses[0])),
                        self._try("fact", self._record(other, lying, pauses[1])),
                    )

        await asyncio.gather(*(lane() for _ in range(12)))
        (row,) = await ground.rows(self.arena, _BAD, self.arena.hospital, trays)
        return int(row["count"])

    async def _step(self, sql: asyncpg.Connection, lying: Lying, tray: UUID, pause: float) -> str:
        await asyncio.sleep(pause)
        async with sql.transaction():
            await sql.execute(_LIE, self.arena.hospital, tray, lying.patient)
            await asyncio.sleep(pause / 2)
            moved = await sql.execute(_MOVE, self.arena.hospital, tray)
        return "done" if moved == "UPDATE 1" else "found it held"

    async def _record(self, sql: asyncpg.Connection, lying: Lying, pause: float) -> str:
        await asyncio.sleep(pause)
        await sql.execute(_FACT, self.arena.hospital, lying.patient)
        return "done"

    async def _try(self, what: str, work: Coroutine[None, None, str]) -> None:
        try:
            self.answers[f"{what} {await work}"] += 1
        except asyncpg.PostgresError as refused:
            self.answers[f"{what} {refused.sqlstate}"] += 1


@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 20)
async def test_writers_that_lock_nothing_and_always_allow_cannot_pass_the_triggers(arenas: list[Arena]):
    began, wrong = time.perf_counter(), _Wrong(arenas[0])
    people = await ground.admit(wrong.arena, WRONG_CALLERS)
    async with ground.owner(wrong.arena.actor) as sql:
        trays = await ground.lay(sql, wrong.arena, people, "confirmed", ["ISB"])
    bad = await wrong.race(people, trays)
    print(
        f"\n{WRONG_CALLERS} wrong callers: {bad} bad, {dict(wrong.answers)}, {time.perf_counter() - began:.1f} s, seed {SEED}"
    )
    assert bad == 0
    assert wrong.answers["fact done"] > WRONG_CALLERS * 0.9
    assert wrong.answers["step done"] > WRONG_CALLERS * 0.05


@pytest.mark.req("A13")
async def test_with_the_triggers_off_they_do_by_the_thousand(arenas: list[Arena]):
    wrong = _Wrong(arenas[0])
    people = await ground.admit(wrong.arena, WRONG_CALLERS)
    async with ground.owner(wrong.arena.actor) as sql:
        trays = await ground.lay(sql, wrong.arena, people, "confirmed", ["ISB"])
    async with unguarded():
        bad = await wrong.race(people, trays)
    print(f"\n{WRONG_CALLERS} wrong callers with the triggers off: {bad} bad, {dict(wrong.answers)}, seed {SEED}")
    assert bad > WRONG_CALLERS * _LEAST_BAD
