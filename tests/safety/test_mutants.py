"""The tests are tested: a control taken away, or a rule changed a little, must be noticed."""

import os
import subprocess
import sys

import asyncpg
import pytest

from dusangire.kernel.settings import settings
from tests.safety import mutant_runs, mutants
from tests.safety.attacks import Field
from tests.safety.ddl_mutants import GUARDED, OF_MONEY, Control, controls
from tests.safety.test_raw_sql import field  # noqa: F401  the same field of attack
from tests.safety.worlds import owner

SEED = os.environ.get("DUSANGIRE_SEED", "20261121")
LEAST = 0.95


async def _passes(conn: asyncpg.Connection, field: Field, control: Control, away: str = "SELECT 1") -> bool:  # noqa: F811
    """Make an attack as the program's role, in a transaction that is always undone."""
    there = conn.transaction()
    await there.start()
    try:
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(control.ground)
        await conn.execute("SET LOCAL session_replication_role = origin")
        await conn.execute(away)
        await conn.execute(f"SET LOCAL ROLE dus_app; SET LOCAL app.hospital = '{field.hospital}'")
        for statement in control.attack:
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
            if await _passes(conn, field, control):
                wrong.append(f"{control.name}: the attack passes")
            if not await _passes(conn, field, control, control.away):
                wrong.append(f"{control.name}: the attack fails for another reason")
    finally:
        await conn.close()
    assert wrong == []


@pytest.mark.req("A13")
async def test_no_control_of_the_schema_is_without_its_attack(field: Field) -> None:  # noqa: F811
    """Every trigger there is, and every CHECK and rule of uniqueness of the guarded tables, is in the list."""
    conn = await owner()
    try:
        there = {row["name"] for row in await conn.fetch(_CONTROLS, list(GUARDED), list(OF_MONEY))}
    finally:
        await conn.close()
    listed = {control.name for control in controls(field)}
    assert there - listed == set()
    assert {name for name in listed - there if not name.startswith("wall ")} == set()
    assert len(listed) == len(controls(field))


_CONTROLS = """
    SELECT 'trigger ' || c.relname || '.' || t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> ALL ($2)
    UNION ALL
    SELECT 'check ' || c.relname || '.' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype IN ('c', 'x') AND c.relname = ANY ($1)
    UNION ALL
    SELECT 'index ' || i.tablename || '.' || i.indexname FROM pg_indexes i
    WHERE i.schemaname = 'public' AND i.tablename = ANY ($1) AND i.indexdef LIKE 'CREATE UNIQUE%'
      AND i.indexname NOT LIKE '%\\_pkey' AND i.indexname NOT LIKE '%\\_of\\_hospital'
"""
"""Keys are not controls: without them there would be no table."""


def _noticed(suite: str, count: int, at_once: int, limit_s: int) -> float:
    """Return the share of so many mutants that the tests notice; they run beside this process, on its database."""
    said = settings()
    env = {**os.environ, "DATABASE_URL": said.owner_url, "DUSANGIRE_SECRET": said.secret.decode()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.safety.mutant_runs", suite, str(count), SEED, str(at_once)],
        cwd=mutants.ROOT, env=env, capture_output=True, text=True, check=False, timeout=limit_s,
    )  # fmt: skip
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    noticed, _, of = done.stdout.strip().splitlines()[-1].split()[:3]
    return int(noticed) / int(of)


@pytest.mark.parametrize(("suite", "count"), [("rules", 30), ("steps", 4)])
def test_a_sample_of_small_changes_to_the_core_is_noticed(server: str, suite: str, count: int) -> None:
    assert _noticed(suite, count, 1, limit_s=300) >= LEAST - 0.2


@pytest.mark.long
@pytest.mark.parametrize("suite", ["rules", "steps"])
def test_small_changes_to_the_core_are_noticed(server: str, suite: str) -> None:
    assert _noticed(suite, 100_000, 2, limit_s=2700) >= LEAST


@pytest.mark.parametrize("module", [*mutants.RULES, *mutants.STEPS])
def test_mutants_are_wrong_programs_that_still_run(module: str) -> None:
    """Every mutant differs from the program, and from every other mutant of its module, and has a name of its own."""
    found = list(mutants.mutants(module))
    sources = {mutant.source for mutant in found} - {mutants.path_of(module).read_text()}
    assert len(sources) == len({mutant.name for mutant in found}) == len(found) > 0
    for mutant in found:
        compile(mutant.source, mutant.name, "exec")


def test_what_is_said_to_change_nothing_is_there() -> None:
    """A name that is no mutant any more is taken from the list, with its reason."""
    names = {mutant.name for module in (*mutants.RULES, *mutants.STEPS) for mutant in mutants.mutants(module)}
    known = mutant_runs.known_equivalent()
    assert known.keys() - names == set()
    assert all(known.values())
