"""Wrong scans at the bed: other trays, other beds, people who moved or swapped, other hospitals, nonsense. None passes.

A person is known by two identifiers: the tray's own code, and the bed's card or the bed's number with name and year.
"""

import random
import string
import time
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from msgspec import Struct

from dusangire.delivery import service as delivering
from dusangire.delivery.rules import Method, Proof
from dusangire.delivery.service import Evidence
from dusangire.kernel.db import acting_as, execute
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.wards import service as wards
from tests.safety import arena as ground
from tests.safety.arena import SEED, Arena, Lying
from tests.safety.carried import carried, handed

_PEOPLE, _SPARE = 40, 10


class World(Struct, frozen=True):
    """One carrier with many trays; the codes and names of everything near, and of another hospital."""

    arena: Arena
    people: list[Lying]
    trays: list[UUID]
    tokens: list[str]
    beds: list[str]
    numbers: list[str]
    spare: list[UUID]
    other_tokens: list[str]
    other_beds: list[str]


@pytest.fixture(scope="module")
async def world(app: Litestar) -> World:
    arena, other = await ground.found(app), await ground.found(app)
    there = await ground.admit(other, 5)
    other_trays = await carried(other, there)
    people = await ground.admit(arena, _PEOPLE)
    empty = await ground.admit(arena, _SPARE, diet="")
    with acting_as(arena.actor):
        await execute(
            "UPDATE stay SET ended_at = now() WHERE hospital = $1 AND patient = ANY($2::uuid[])",
            arena.hospital,
            [one.patient for one in empty],
        )
        await execute(
            "UPDATE admission SET ended_at = now(), end_reason = 'discharged' WHERE hospital = $1 AND id = ANY($2::uuid[])",
            arena.hospital,
            [one.admission for one in empty],
        )
    trays = await carried(arena, people, is_checked=False)
    found = {
        row["id"]: row
        for row in await ground.rows(arena, "SELECT id, tray_token FROM meal_order WHERE hospital = $1", arena.hospital)
    }
    cards = {
        row["id"]: row
        for row in await ground.rows(arena, "SELECT id, card_token, code FROM bed WHERE hospital = $1", arena.hospital)
    }
    return World(
        arena=arena,
        people=people,
        trays=trays,
        tokens=[found[tray]["tray_token"] for tray in trays],
        beds=[cards[one.bed]["card_token"] for one in people],
        numbers=[cards[one.bed]["code"] for one in people],
        spare=[one.bed for one in empty],
        other_tokens=[str(tray).replace("-", "")[:24] for tray in other_trays],
        other_beds=[str(one.bed) for one in there],
    )


def _nonsense(chance: random.Random) -> str:
    letters = string.ascii_letters + string.digits + "-/:?#%. '\"éü\u200b"
    return "".join(chance.choice(letters) for _ in range(chance.randrange(1, 60)))


def _wrong_tray(world: World, n: int, chance: random.Random) -> str:
    others = [token for m, token in enumerate(world.tokens) if m != n]
    return chance.choice([
        chance.choice(others), f"http://localhost:8000/tray/{chance.choice(others)}", chance.choice(world.other_tokens),
        world.beds[n], str(world.trays[n]), world.tokens[n][:-1], world.tokens[n].swapcase() + "x", _nonsense(chance),
    ])  # fmt: skip


def _wrong_bed(world: World, n: int, chance: random.Random) -> str:
    others = [card for m, card in enumerate(world.beds) if m != n]
    return chance.choice([
        chance.choice(others), f"http://localhost:8000/bed/{chance.choice(others)}", chance.choice(world.other_beds),
        str(chance.choice(world.spare)), world.tokens[n], world.beds[n] + "0", _nonsense(chance),
    ])  # fmt: skip


async def _scan_tray(world: World, n: int, chance: random.Random) -> bool:
    said = await delivering.check_tray(world.arena.carrier, world.trays[n], _wrong_tray(world, n, chance))
    return said is None


async def _scan_bed(world: World, n: int, chance: random.Random) -> bool:
    return await delivering.check_bed(world.arena.carrier, world.trays[n], _wrong_bed(world, n, chance)) is None


async def _say_person(world: World, n: int, chance: random.Random) -> bool:
    """Twins in name and year everywhere: then the bed's number must tell them apart, and the other way round."""
    name, year, number = "Aline Uwase", 1988, world.numbers[n]
    match chance.randrange(4):
        case 0:
            number = chance.choice([other for other in world.numbers if other != number] + [_nonsense(chance)[:12]])
        case 1:
            name = chance.choice(["Aline", "Uwase Claudine", "", _nonsense(chance)[:40]])
        case 2:
            year = chance.choice([None, 1987, 1989, 88, 0])  # type: ignore[assignment]
        case _:
            name, year = "Keza Mutesi", 1990
    said = await delivering.check_person(world.arena.carrier, world.trays[n], number, name, year)
    return said is None


async def _give_unchecked(world: World, n: int, _chance: random.Random) -> bool:
    return await _given(world, n)


async def _move_after_the_scan(world: World, n: int, chance: random.Random) -> bool:
    """The right codes, and then the patient lies in another bed: what was checked is no longer true."""
    await _check_rightly(world, n)
    lying = world.people[n]
    await wards.transfer(world.arena.nurse, lying.patient, chance.choice(world.spare))
    try:
        return (
            await _given(world, n)
            or await delivering.check_bed(world.arena.carrier, world.trays[n], world.beds[n]) is None
        )
    finally:
        await wards.transfer(world.arena.nurse, lying.patient, lying.bed)
        await _forget(world, n)


async def _swap_after_the_scan(world: World, n: int, chance: random.Random) -> bool:
    """Two patients change places between the scan and the hand-over."""
    await _check_rightly(world, n)
    m = (n + 1 + chance.randrange(_PEOPLE - 1)) % _PEOPLE
    one, two, spare = world.people[n], world.people[m], chance.choice(world.spare)
    moves = ((one, spare), (two, one.bed), (one, two.bed))
    back = ((one, spare), (two, two.bed), (one, one.bed))
    for lying, bed in moves:
        await wards.transfer(world.arena.nurse, lying.patient, bed)
    try:
        return (
            await _given(world, n)
            or await delivering.check_bed(world.arena.carrier, world.trays[n], world.beds[n]) is None
        )
    finally:
        for lying, bed in back:
            await wards.transfer(world.arena.nurse, lying.patient, bed)
        await _forget(world, n)


async def _check_rightly(world: World, n: int) -> None:
    assert await delivering.check_tray(world.arena.carrier, world.trays[n], world.tokens[n]) is None
    assert await delivering.check_bed(world.arena.carrier, world.trays[n], world.beds[n]) is None


async def _forget(world: World, n: int) -> None:
    await execute(
        "UPDATE delivery_stop SET tray_scanned_at = NULL, bed_checked_at = NULL, bed_method = NULL, checked_bed = NULL "
        "WHERE hospital = $1 AND meal_order = $2", world.arena.hospital, world.trays[n],
    )  # fmt: skip


async def _given(world: World, n: int) -> bool:
    try:
        await delivering.hand_over(world.arena.carrier, world.trays[n], Evidence(Proof.CONFIRMED))
    except (Refusal, NotHere):
        return False
    return True


_KINDS: dict[str, tuple[Any, int]] = {
    "wrong tray": (_scan_tray, 35), "wrong bed": (_scan_bed, 35), "wrong person": (_say_person, 20),
    "nothing checked": (_give_unchecked, 7), "moved": (_move_after_the_scan, 2), "swapped": (_swap_after_the_scan, 1),
}  # fmt: skip


async def _accepted(
    world: World, many: int, chance: random.Random, kinds: dict[str, tuple[Any, int]] = _KINDS
) -> Counter[str]:
    """Try so many wrong scans; return how many of each kind were accepted, and `tried`."""
    names = list(kinds)
    weights = [weight for _, weight in kinds.values()]
    found: Counter[str] = Counter(tried=0)
    with acting_as(world.arena.carrier):
        for _ in range(many):
            name = chance.choices(names, weights)[0]
            found["tried"] += 1
            found[name] += await kinds[name][0](world, chance.randrange(_PEOPLE), chance)
    return +found


async def _none_of(world: World, many: int) -> None:
    began = time.perf_counter()
    found = await _accepted(world, many, random.Random(SEED))
    print(f"seed {SEED}: {many} wrong scans, {dict(found)}, {time.perf_counter() - began:.1f} s")
    assert found == Counter(tried=many)
    assert await handed(world.arena) == 0


@pytest.mark.req("F3", "A13")
@pytest.mark.hazard(4)
async def test_of_a_thousand_wrong_scans_none_is_accepted(world: World) -> None:
    await _none_of(world, 1000)


@pytest.mark.long
@pytest.mark.req("F3", "A13")
@pytest.mark.hazard(4)
async def test_of_ten_thousand_wrong_scans_none_is_accepted(world: World) -> None:
    await _none_of(world, 10_000)


@pytest.mark.req("F3")
async def test_the_right_codes_are_accepted_after_all_those(world: World) -> None:
    """Refusing everything would pass the tests above."""
    with acting_as(world.arena.carrier):
        await _check_rightly(world, 0)
        assert await _given(world, 0)
        await _check_rightly(world, 1)
        await _forget(world, 1)
        assert (
            await delivering.check_person(world.arena.carrier, world.trays[1], world.numbers[1], "uwase ALINE", 1988)
            is None
        )


@pytest.mark.req("F3")
@pytest.mark.hazard(4)
async def test_without_the_comparison_of_beds_wrong_beds_would_be_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    from dusangire.delivery.service import bedside

    async def trusting(actor: Any, order_id: UUID, bed: Any, method: Method) -> Any:
        return None if bed is not None else bedside.Miss(bedside.MissKind.UNKNOWN_CODE)

    monkeypatch.setattr(bedside, "_compare_bed", trusting)
    found = await _accepted(world, 60, random.Random(SEED), {"wrong bed": (_scan_bed, 1)})
    assert found["wrong bed"] > 0


@pytest.mark.req("F3")
async def test_one_identifier_is_never_enough(world: World) -> None:
    arena, tray = world.arena, world.trays[2]
    with acting_as(arena.carrier):
        assert await delivering.check_tray(arena.carrier, tray, world.tokens[2]) is None
        assert not await _given(world, 2)
        await _forget(world, 2)
        assert await delivering.check_bed(arena.carrier, tray, world.beds[2]) is None
        assert not await _given(world, 2)
        await _forget(world, 2)
