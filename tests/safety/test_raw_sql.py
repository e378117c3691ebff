"""Raw SQL with the program's own password: no tray moves past a gate, and nothing that was ordered changes."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from litestar import Litestar

from dusangire import wiring
from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, address
from dusangire.kernel.settings import settings
from dusangire.menu import queries as menu
from dusangire.orders.rules import GATES, OPEN, ORDER, Status
from dusangire.wards import queries as wards
from tests.make import Make
from tests.safety import attacks
from tests.safety.attacks import Attempt, Field, lay
from tests.safety.worlds import owner, pour
from tests.unguarded import unguarded

STATE = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg(o::text, '|' ORDER BY o.id) FROM meal_order o WHERE o.hospital = ANY ($1)),
        (SELECT string_agg(l::text, '|' ORDER BY l.id) FROM order_line l WHERE l.hospital = ANY ($1)),
        (SELECT string_agg(s::text, '|' ORDER BY s.patient) FROM patient_safety s WHERE s.hospital = ANY ($1)),
        (SELECT string_agg(a::text, '|' ORDER BY a.id) FROM allergy a WHERE a.hospital = ANY ($1)),
        (SELECT string_agg(concat(m.hospital, '=', m.rev), '|' ORDER BY m.hospital) FROM menu_revision m WHERE m.hospital = ANY ($1)),
        (SELECT string_agg(concat(m.hospital, '=', m.rev), '|' ORDER BY m.hospital) FROM manual_revision m WHERE m.hospital = ANY ($1)),
        (SELECT string_agg(s::text, '|' ORDER BY s.source, s.target) FROM order_step s)))
"""
GUARDS = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg(r::text, '|' ORDER BY r.id) FROM diet_rule r WHERE r.hospital = ANY ($1)),
        (SELECT string_agg(g::text, '|' ORDER BY g.kind, g.name) FROM guard g),
        (SELECT string_agg(g::text, '|' ORDER BY g.kind, g.name) FROM guard_now g),
        (SELECT string_agg(m::text, '|' ORDER BY m.group_code, m.member) FROM allergen_member m)))
"""


class Ground(Field, frozen=True):
    """The field with somebody who changes facts on it."""

    actor: Actor


@pytest.fixture(scope="module")
async def field(app: Litestar) -> Ground:
    wiring.install()
    made, other = await Make._new(app), await Make._new(app)
    await made.menu()
    await other.menu()
    doctor, nurse = await made.user("Diane Mukamana", Role.DOCTOR), await made.user("Bosco Habimana", Role.NURSE)
    await made.user("Chantal Ingabire", Role.NUTRITIONIST)
    with acting_as(made.actor):
        safe, unsafe = [(await made.patient()).patient for _ in range(2)]
        assert safe
        assert unsafe
        for patient in (safe, unsafe):
            await diets.no_known_allergies(nurse, patient)
            asked = Prescription(codes=("REG",), start_at=clock.now() - timedelta(seconds=1))
            await diets.sign(doctor, patient, asked)
        allergy = await diets.add_allergy(nurse, unsafe, "fish", "severe")
        allergy = (await diet_queries.allergies(nurse, unsafe))[0].id
        cards = await menu.cards(made.actor)
        stays = [(await wards.person(nurse, patient)).admission for patient in (safe, unsafe)]
    day = clock.local_day(clock.now(), made.actor.zone) + timedelta(days=1)
    conn = await owner()
    try:
        beds = [
            await lay(conn, made.actor.hospital, patient, stay or uuid4(), cards[dish].id, day)
            for patient, stay, dish in zip((safe, unsafe), stays, ("CHK-STW", "TIL"), strict=True)
        ]
    finally:
        await conn.close()
    return Ground(made.actor.hospital, other.actor.hospital, beds[0], beds[1], allergy, made.actor)


@asynccontextmanager
async def as_app(hospital: int) -> AsyncIterator[asyncpg.Connection]:
    """A connection such as the program has: its login, its role, its hospital."""
    conn = await asyncpg.connect(**address(settings().app_url()), timeout=10, statement_cache_size=0)
    try:
        await conn.execute("SET statement_timeout = '5s'; SET lock_timeout = '1s'")
        yield conn
    finally:
        await conn.close()


async def attempt(conn: asyncpg.Connection, hospital: int, tried: Attempt) -> str:
    """Make one attempt to its end; return the code of the error that stopped it, '' where none did."""
    await conn.execute("RESET ALL; SET statement_timeout = '5s'; SET lock_timeout = '1s'")
    await conn.execute(f"SET app.hospital = '{hospital}'")
    for transaction in tried.transactions:
        await conn.execute("BEGIN")
        try:
            for statement in transaction:
                await conn.execute(statement)
            await conn.execute("COMMIT")
        except asyncpg.PostgresError as refused:
            await conn.execute("ROLLBACK")
            return str(refused.sqlstate)
        finally:
            await conn.execute("DISCARD TEMP; DEALLOCATE ALL")
    return ""


async def attack(field: Field, attempts: Iterable[Attempt]) -> tuple[Counter[str], list[str]]:
    """Make every attempt; return what stopped them and the names of those that changed anything."""
    stopped: Counter[str] = Counter()
    succeeded = []
    watcher = await owner()
    try:
        async with as_app(field.hospital) as conn:
            before = await watcher.fetchval(STATE, [field.hospital, field.other])
            guards = await watcher.fetchval(GUARDS, [field.hospital, field.other])
            for tried in attempts:
                stopped[await attempt(conn, field.hospital, tried)] += 1
                after = await watcher.fetchval(STATE, [field.hospital, field.other])
                if after != before:
                    succeeded.append(tried.name)
                    before = after
            if await watcher.fetchval(GUARDS, [field.hospital, field.other]) != guards:
                succeeded.append("a guard was changed")
    finally:
        await watcher.close()
    return stopped, succeeded


@pytest.mark.req("A13")
@pytest.mark.parametrize(
    ("kind", "least"),
    [("gate", 540), ("step", 130), ("birth", 14), ("frozen", 90), ("substitution", 60), ("guard", 90)],
)
async def test_no_attempt_by_raw_sql_changes_anything(field: Ground, kind: str, least: int) -> None:
    attempts = list(getattr(attacks, f"{kind}_attempts")(field))
    stopped, succeeded = await attack(field, attempts)
    print(f"{kind}: {len(attempts)} attempts, stopped by {dict(stopped)}")
    assert succeeded == []
    assert len(attempts) >= least


async def test_without_triggers_the_same_attempts_succeed(field: Ground) -> None:
    """The negative control: each technique that is stopped by a trigger moves a tray once there are none."""
    async with unguarded():
        for kind in ("gate", "birth"):
            attempts = {one.technique: one for one in getattr(attacks, f"{kind}_attempts")(field)}
            for technique, tried in attempts.items():
                if technique in _STOPPED_BY_RIGHTS:
                    continue
                async with _put_back(field):
                    _, succeeded = await attack(field, [tried])
                    assert succeeded, technique


_STOPPED_BY_RIGHTS = {
    "own table of proofs",
    "own table of steps",
    "triggers off",
    "proof dated into the future",
    "perfect proof, own tables of facts",
    "another hospital in the middle of the step",
}
"""What fails for want of a right, a column or a row, whatever the triggers say."""


@asynccontextmanager
async def _put_back(field: Field) -> AsyncIterator[None]:
    conn = await owner()
    try:
        kept = await conn.fetch("SELECT * FROM meal_order WHERE hospital = $1", field.hospital)
        yield
        async with conn.transaction():
            await conn.execute("SET LOCAL session_replication_role = replica")
            await conn.execute("DELETE FROM meal_order WHERE hospital = $1", field.hospital)
        await pour(conn, {"meal_order": [dict(row) for row in kept]})
    finally:
        await conn.close()


async def test_the_database_knows_the_same_steps_and_gates() -> None:
    conn = await owner()
    try:
        rows = await conn.fetch("SELECT source, target, gate FROM order_step")
    finally:
        await conn.close()
    gates = {
        (source, ORDER.after(source, verb)): gate for verb, gate in GATES.items() for source in ORDER.sources(verb)
    }
    assert {(row["source"], row["target"]): row["gate"] for row in rows} == {
        (source, target): gates.get((source, target)) for (source, _), target in ORDER.moves.items()
    }


# Everything that changes what is safe, by raw SQL and without the program's lock.
_CHANGES = {
    "a new allergy": "INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by) VALUES (gen_random_uuid(), {h}, '{p}', 'fish', 'severe', '{p}')",
    "a hold": "INSERT INTO npo_hold (id, hospital, patient, reason, start_at, set_by) VALUES (gen_random_uuid(), {h}, '{p}', 'x', now() - interval '1 h', '{p}')",
    "a diet order ended": "UPDATE diet_order SET status = 'revoked' WHERE patient = '{p}'",
    "a diet order moved": "UPDATE diet_order SET start_at = now() + interval '1 h' WHERE patient = '{p}'",
    "a texture": "INSERT INTO diet_order (id, hospital, patient, admission, status, codes, food_level, drink_level, start_at, drafted_by, signed_by, signed_at) SELECT gen_random_uuid(), {h}, '{p}', admission, 'active', '{{IDDSI3}}', 3, 3, start_at, drafted_by, signed_by, signed_at FROM diet_order WHERE patient = '{p}'",
    "the stay ended": "UPDATE stay SET ended_at = now() WHERE patient = '{p}'",
    "the admission ended": "UPDATE admission SET ended_at = now(), end_reason = 'discharged' WHERE patient = '{p}'",
    "allergies not asked": "UPDATE patient_safety SET allergy_status = 'not_asked' WHERE patient = '{p}'",
    "an allergy in words": "UPDATE patient_safety SET uncoded_text = 'something red' WHERE patient = '{p}'",
}  # fmt: skip
_MENU_CHANGES = {
    "a recipe line": "INSERT INTO recipe_line (id, hospital, dish, ingredient, grams) SELECT gen_random_uuid(), {h}, '{d}', i.id, 1 FROM ingredient i WHERE i.name = 'undeclared'",
    "an ingredient's declaration": "UPDATE ingredient SET allergens = NULL, declared_on = NULL WHERE id IN (SELECT ingredient FROM recipe_line WHERE dish = '{d}')",
    "a dish retired": "UPDATE dish SET retired_at = now() WHERE id = '{d}'",
    "a dish with a label": "UPDATE dish SET label = '{{}}' WHERE id = '{d}'",
    "a newer recipe": "UPDATE dish SET recipe_changed_at = now() + interval '9 days' WHERE id = '{d}'",
}  # fmt: skip


async def _undone(conn: asyncpg.Connection, field: Field, change: str) -> tuple[dict[str, str], int, int]:
    """Make a change, let the deferred triggers run, and undo all of it; return the trays' states and how much both
    revisions rose."""
    await conn.execute(f"SET app.hospital = '{field.hospital}'")
    revs = (
        f"SELECT (SELECT safety_rev FROM patient_safety WHERE patient = '{field.safe.patient}') AS safety, "
        f"(SELECT rev FROM menu_revision WHERE hospital = {field.hospital}) AS menu"
    )
    await conn.execute("BEGIN")
    try:
        before = await conn.fetchrow(revs)
        await conn.execute(change.format(h=field.hospital, p=field.safe.patient, d=field.safe.dish))
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
        after = await conn.fetchrow(revs)
        rows = await conn.fetch(f"SELECT id, status FROM meal_order WHERE patient = '{field.safe.patient}'")
    finally:
        await conn.execute("ROLLBACK")
    states = {
        str(status): row["status"] for row in rows for status, id_ in field.safe.trays.items() if id_ == row["id"]
    }
    return states, after["safety"] - before["safety"], after["menu"] - before["menu"]


@pytest.mark.req("A13")
@pytest.mark.parametrize("change", [*_CHANGES, *_MENU_CHANGES])
async def test_a_change_by_raw_sql_raises_the_revision_and_holds_every_open_tray_in_its_commit(
    field: Field, change: str
) -> None:
    async with as_app(field.hospital) as conn:
        if change == "a recipe line":
            await conn.execute(f"SET app.hospital = '{field.hospital}'")
            await conn.execute(
                f"INSERT INTO ingredient (id, hospital, name) VALUES (gen_random_uuid(), {field.hospital}, 'undeclared') "
                "ON CONFLICT DO NOTHING"
            )
        states, safety, menu_ = await _undone(conn, field, (_CHANGES | _MENU_CHANGES)[change])
    assert states == {str(status): "held" if status in OPEN else str(status) for status in Status}
    assert (safety > 0) == (change in _CHANGES)
    assert (menu_ > 0) == (change in _MENU_CHANGES)


@pytest.mark.parametrize("change", ["a new allergy", "a hold", "a dish retired"])
async def test_without_triggers_the_open_trays_would_go_on(field: Field, change: str) -> None:
    """The negative control."""
    async with unguarded("dus_hold_at_once", "dus_dish_changed"), as_app(field.hospital) as conn:
        states, _, _ = await _undone(conn, field, (_CHANGES | _MENU_CHANGES)[change])
    assert states == {str(status): str(status) for status in Status}


async def test_a_count_that_a_foreign_trigger_changes_stops_the_patients_trays(field: Field) -> None:
    """The one way around the guard of the count leads to a standstill, not to a mouth."""
    async with as_app(field.hospital) as conn:
        await conn.execute(f"SET app.hospital = '{field.hospital}'")
        await conn.execute("BEGIN")
        for statement in (
            "CREATE TEMP TABLE lever (x int)",
            "CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.patient_safety "
            f"SET constraint_count = 0, safety_rev = safety_rev + 1 WHERE patient = '{field.safe.patient}'; RETURN NEW; END $$",
            "CREATE TRIGGER pull AFTER INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull()",
            "INSERT INTO lever VALUES (1)",
            "SET CONSTRAINTS ALL IMMEDIATE",
        ):
            await conn.execute(statement)
        held = await conn.fetchval(
            f"SELECT count(*) FROM meal_order WHERE patient = '{field.safe.patient}' AND status = 'held'"
        )
        await conn.execute("ROLLBACK")
    assert held == len(OPEN) + 1
