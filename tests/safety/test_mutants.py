"""The tests are tested: a control taken away, or a rule changed a little, must be noticed."""

import os
import subprocess
import sys

import asyncpg
import pytest

from tests.safety import mutants
from tests.safety.attacks import Field
from tests.safety.ddl_mutants import controls
from tests.safety.test_raw_sql import field  # noqa: F401  the same field of attack
from tests.safety.worlds import owner

SEED = os.environ.get("DUSANGIRE_SEED", "20261121")
LEAST = 0.95


async def _passes(conn: asyncpg.Connection, field: Field, attack: tuple[str, ...], away: str = "SELECT 1") -> bool:  # noqa: F811
    """Make an attack as the program's role, in a transaction that is always undone."""
    there = conn.transaction()
    await there.start()
    try:
        await conn.execute(away)
        await conn.execute(f"SET LOCAL ROLE dus_app; SET LOCAL app.hospital = '{field.hospital}'")
        for statement in attack:
            await conn.execute(statement)
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except asyncpg.PostgresError as refused:
        print(type(refused).__name__, refused)
        return False
    else:
        return True
    finally:
        await there.rollback()


@pytest.mark.req("A13")
async def test_each_control_of_the_schema_stops_what_it_is_there_for(field: Field) -> None:  # noqa: F811
    """With the control the attack fails; with it dropped the same attack goes through."""
    conn = await owner()
    wrong = []
    try:
        for control in controls(field):
            if await _passes(conn, field, control.attack):
                wrong.append(f"{control.name}: the attack passes")
            if not await _passes(conn, field, control.attack, control.away):
                wrong.append(f"{control.name}: the attack fails for another reason")
    finally:
        await conn.close()
    assert wrong == []


def _noticed(count: int) -> tuple[float, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.safety.mutants", str(count), SEED],
        cwd=mutants.ROOT, capture_output=True, text=True, check=True, timeout=1500,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    noticed, _, of = last.split()[:3]
    return int(noticed) / int(of), done.stdout


def test_a_sample_of_small_changes_to_the_core_is_noticed() -> None:
    share, said = _noticed(24)
    print(said)
    assert share >= LEAST - 0.05


@pytest.mark.long
def test_small_changes_to_the_core_are_noticed() -> None:
    share, said = _noticed(100_000)
    print(said)
    assert share >= LEAST


def test_mutants_are_wrong_programs_that_still_run() -> None:
    """Every mutant differs from the program, and from every other mutant of its module."""
    for module in mutants.CORE:
        found = [mutant.source for mutant in mutants.mutants(module)]
        assert found
        assert len(set(found)) == len(found)
