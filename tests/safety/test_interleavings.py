"""Every order in which a change and a gate can take their steps: lock, check, write, commit. None lets a tray through.

Seventy orders for each pair, the services as they are, stopped between two statements.
"""

import time
from collections import Counter
from contextlib import AsyncExitStack
from itertools import combinations

import pytest
from litestar import Litestar

from tests.safety import arena as ground
from tests.safety.arena import Arena, Lying
from tests.safety.pacing import Session, Stepper, paced
from tests.safety.pairs import PAIRS, Outcome, Pair, outcome, people_for, session, set_up, tear_down, without_lock
from tests.unguarded import unguarded

ORDERS = ["".join("C" if n in places else "G" for n in range(8)) for places in combinations(range(8), 4)]
"""C: the change takes its next step. G: the gate does."""
_FEWER = ORDERS[::4]


@pytest.fixture(scope="module")
async def arena(app: Litestar) -> Arena:
    return await ground.found(app)


async def _stepped(arena: Arena, pair: Pair, people: list[Lying], orders: list[str]) -> dict[str, Outcome]:
    ended: dict[str, Outcome] = {}
    async with ground.owner(arena.actor) as sql:
        with paced():
            for order, lying in zip(orders, people, strict=True):
                race, stepper = await set_up(sql, arena, pair, lying), Stepper(sql)
                sides: dict[str, Session] = {
                    "C": session(race, pair.change, stepper.wait_as("C"), pair.start),
                    "G": session(race, pair.gate, stepper.wait_as("G")),
                }
                await stepper.run(order, sides)
                ended[order] = await outcome(sql, race, sides["C"], sides["G"])
                await tear_down(sql, race, pair)
    return ended


@pytest.mark.req("A13")
@pytest.mark.hazard(1, 2, 3, 5, 7, 22)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
async def test_no_order_of_steps_lets_a_tray_pass_a_gate_against_a_change(arena: Arena, pair: Pair):
    began = time.perf_counter()
    ended = await _stepped(arena, pair, await people_for(arena, pair, len(ORDERS)), ORDERS)
    bad = [order for order, one in ended.items() if one.is_bad(pair)]
    said = Counter(
        f"{'changed' if o.changed else 'refused'}+{'passed' if o.passed else 'refused'}" for o in ended.values()
    )
    print(f"\n{pair.name}: {len(ended)} orders, {len(bad)} bad, {dict(said)}, {time.perf_counter() - began:.1f} s")
    assert bad == []
    assert any(one.changed for one in ended.values())
    assert any(one.passed for one in ended.values())


@pytest.mark.req("A13")
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
async def test_with_the_lock_left_out_some_order_does(arena: Arena, pair: Pair, monkeypatch: pytest.MonkeyPatch):
    people = await people_for(arena, pair, len(_FEWER))
    async with AsyncExitStack() as controls:
        await controls.enter_async_context(unguarded())
        await controls.enter_async_context(without_lock(monkeypatch))
        if pair.is_held_twice:
            await controls.enter_async_context(ground.without_reactions())
        ended = await _stepped(arena, pair, people, _FEWER)
    bad = [order for order, one in ended.items() if one.is_bad(pair, has_holding=not pair.is_held_twice)]
    print(f"\n{pair.name} without the lock: {len(bad)} of {len(_FEWER)} orders bad")
    assert bad
