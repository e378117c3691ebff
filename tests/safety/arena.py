"""A small hospital for races: a short menu, staff, and patients and trays laid down by the hundred.

What a race needs to stand on is written straight into the tables, because five thousand admissions by hand prove
nothing more; everything that is raced goes through the services, or through raw SQL where the test says so.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from litestar import Litestar
from msgspec import Struct

from dusangire import wiring
from dusangire.kernel import clock, journal
from dusangire.kernel.access import ROLES, Actor, Role
from dusangire.kernel.db import acting_as, address, execute, fetch, transaction
from dusangire.kernel.settings import settings
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sitting
from tests.make import Make
from tests.unguarded import unguarded

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
"""Printed by every test of this folder. DUSANGIRE_SEED sets another; `make long` draws a new one each time."""

DISHES = ("RICE", "ISB", "BEF-STW", "TIL", "YOG", "JUI-APP", "TOF", "CHP", "BAN", "SUP-VEG")
_wards = count(1)
_numbers = count(1)


class Lying(Struct, frozen=True):
    """A patient in a bed."""

    patient: UUID
    admission: UUID
    bed: UUID
    actor: Actor


class Arena(Struct, frozen=True):
    """One hospital: who works there, what it can cook, and tomorrow's lunch."""

    made: Make
    nurse: Actor
    doctor: Actor
    cook: Actor
    carrier: Actor
    editor: Actor
    lunch: Sitting
    dishes: dict[str, UUID]
    ingredients: dict[str, UUID]

    @property
    def actor(self) -> Actor:
        return self.made.actor

    @property
    def hospital(self) -> int:
        return self.made.actor.hospital


class _Named(Struct, frozen=True):
    id: UUID
    name: str


async def found(app: Litestar) -> Arena:
    """Open a hospital with ten dishes. The journal's same-commit reactions are connected as the program does."""
    wiring.install()
    made = await Make._new(app)
    async with unguarded("dus_dish_changed"):  # nobody has a tray yet
        await made.menu()
        await _keep_only(made.actor, DISHES)
    staff = {
        role: await made.user(name, role)
        for name, role in (
            ("Bosco Habimana", Role.NURSE),
            ("Diane Mukamana", Role.DOCTOR),
            ("Didier Nkusi", Role.KITCHEN),
            ("Esther Ingabire", Role.DELIVERY),
            ("Chantal Uwera", Role.NUTRITIONIST),
        )
    }
    with acting_as(made.actor):
        day = date.fromordinal(clock.local_day(clock.now(), made.actor.zone).toordinal() + 1)
        lunch = sitting(await menu.periods(made.actor), day, "lunch", made.actor.zone)
        assert lunch
        dishes = await fetch(_Named, "SELECT id, code AS name FROM dish WHERE hospital = $1", made.actor.hospital)
        of_all = await fetch(_Named, "SELECT id, name FROM ingredient WHERE hospital = $1", made.actor.hospital)
    return Arena(
        made=made,
        nurse=staff[Role.NURSE],
        doctor=staff[Role.DOCTOR],
        cook=staff[Role.KITCHEN],
        carrier=staff[Role.DELIVERY],
        editor=staff[Role.NUTRITIONIST],
        lunch=lunch,
        dishes={one.name: one.id for one in dishes},
        ingredients={one.name: one.id for one in of_all},
    )


async def _keep_only(actor: Actor, codes: Sequence[str]) -> None:
    async with owner(actor) as sql:
        dropped = "SELECT id FROM dish WHERE hospital = $1 AND NOT code = ANY ($2::text[])"
        await sql.execute(f"DELETE FROM recipe_line WHERE hospital = $1 AND dish IN ({dropped})", actor.hospital, codes)
        await sql.execute(f"DELETE FROM dish WHERE hospital = $1 AND id IN ({dropped})", actor.hospital, codes)


@asynccontextmanager
async def owner(actor: Actor) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the schema's owner, in this hospital."""
    sql = await asyncpg.connect(**address(settings().owner_url), timeout=10)
    try:
        await sql.execute("SELECT set_config('app.hospital', $1, false)", str(actor.hospital))
        yield sql
    finally:
        await sql.close()


@asynccontextmanager
async def stranger(actor: Actor, *, patience_ms: int) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the program's own role that knows nothing of the program: raw SQL, and little patience."""
    sql = await asyncpg.connect(**address(settings().app_url()), timeout=10)
    try:
        await sql.execute("SELECT set_config('app.hospital', $1, false)", str(actor.hospital))
        await sql.execute(f"SET lock_timeout = {patience_ms}")
        yield sql
    finally:
        await sql.close()


async def admit(arena: Arena, many: int, *, diet: str = "REG", allergy: str = "") -> list[Lying]:
    """Lay down so many patients: in a bed, asked for allergies, with a signed diet. The guarding triggers are on."""
    some = [await _admit(arena, min(many - done, 100), diet, allergy) for done in range(0, many, 100)]
    return [one for each in some for one in each]


async def _admit(arena: Arena, many: int, diet: str, allergy: str) -> list[Lying]:
    patients, stays, beds = ([uuid4() for _ in range(many)] for _ in range(3))
    users = [uuid4() for _ in range(many)]
    ward, h, doctor = uuid4(), arena.hospital, arena.doctor.user
    codes = [_bed_code() for _ in range(many)]
    mrns = [f"R-{next(_numbers):07d}" for _ in range(many)]
    with acting_as(arena.actor):
        async with transaction():
            await execute(
                "INSERT INTO ward (id, hospital, code, name_en, name_fr, name_rw) VALUES ($1, $2, $3, 'W', 'W', 'W')",
                ward, h, f"V{next(_wards):05d}",
            )  # fmt: skip
            await execute(
                "INSERT INTO bed (id, hospital, ward, code, card_token) "
                "SELECT b, $1, $2, c, b::text FROM unnest($3::uuid[], $4::text[]) AS t(b, c)",
                h, ward, beds, codes,
            )  # fmt: skip
            await execute(
                "INSERT INTO app_user (id, name, language) SELECT u, 'Aline Uwase', 'en' FROM unnest($1::uuid[]) AS u",
                users,
            )
            await execute(
                "INSERT INTO patient (id, hospital, mrn, given_name, family_name, birth_date, sex, app_user) "
                "SELECT p, $1, m, 'Aline', 'Uwase', '1988-04-12', 'female', u "
                "FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS t(p, m, u)",
                h, patients, mrns, users,
            )  # fmt: skip
            await execute(
                "INSERT INTO patient_safety (hospital, patient, allergy_status) "
                "SELECT $1, p, $3 FROM unnest($2::uuid[]) AS p",
                h, patients, "recorded" if allergy else "none_known",
            )  # fmt: skip
            await execute(
                "INSERT INTO admission (id, hospital, patient, account_ceiling_minor) "
                "SELECT a, $1, p, 10000000 FROM unnest($2::uuid[], $3::uuid[]) AS t(a, p)",
                h, stays, patients,
            )  # fmt: skip
            await execute(
                "INSERT INTO stay (id, hospital, admission, patient, bed, started_at) "
                "SELECT gen_random_uuid(), $1, a, p, b, now() FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS t(a, p, b)",
                h, stays, patients, beds,
            )  # fmt: skip
            if diet:
                await execute(
                    "INSERT INTO diet_order (id, hospital, patient, admission, status, codes, start_at, drafted_by, "
                    "drafted_at, signed_by, signed_at) SELECT gen_random_uuid(), $1, p, a, 'active', ARRAY[$5]::text[], "
                    "now() - interval '1 hour', $4, now(), $4, now() - interval '1 hour' FROM unnest($2::uuid[], $3::uuid[]) AS t(p, a)",
                    h, patients, stays, doctor, diet,
                )  # fmt: skip
            if allergy:
                await execute(
                    "INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by) "
                    "SELECT gen_random_uuid(), $1, p, $3, 'severe', $4 FROM unnest($2::uuid[]) AS p",
                    h, patients, allergy, arena.nurse.user,
                )  # fmt: skip
    people = zip(patients, stays, beds, users, strict=True)
    return [Lying(p, a, b, _as_patient(arena, p, u)) for p, a, b, u in people]


async def spare_beds(arena: Arena, many: int) -> list[UUID]:
    """Set up so many free beds."""
    ward, beds = uuid4(), [uuid4() for _ in range(many)]
    with acting_as(arena.actor):
        async with transaction():
            await execute(
                "INSERT INTO ward (id, hospital, code, name_en, name_fr, name_rw) VALUES ($1, $2, $3, 'S', 'S', 'S')",
                ward, arena.hospital, f"S{next(_wards):05d}",
            )  # fmt: skip
            await execute(
                "INSERT INTO bed (id, hospital, ward, code, card_token) "
                "SELECT b, $1, $2, c, b::text FROM unnest($3::uuid[], $4::text[]) AS t(b, c)",
                arena.hospital, ward, beds, [_bed_code() for _ in beds],
            )  # fmt: skip
    return beds


_KEPT = {
    "dish": "recipe_rev, recipe_changed_at, kitchen_line",
    "ingredient": "allergens, may_contain, declared_on, carb_g, sugar_g, protein_g, fat_g, satfat_g, sodium_mg, "
    "potassium_mg, phosphorus_mg, fibre_g",
    "kitchen_line": "carries_over",
}


async def keep_menu(sql: asyncpg.Connection, hospitals: Sequence[int]) -> None:
    """Remember the menus of these hospitals on this connection."""
    for table in (*_KEPT, "recipe_line"):
        await sql.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table} WHERE false")
        await sql.execute(
            f"INSERT INTO kept_{table} OVERRIDING USER VALUE SELECT * FROM {table} WHERE hospital = ANY ($1::int[])",
            hospitals,
        )


async def restore_menu(sql: asyncpg.Connection, hospitals: Sequence[int]) -> None:
    """Put the menus back as remembered, in a transaction that fires no trigger."""
    for table, columns in _KEPT.items():
        values = ", ".join(f"{one.strip()} = k.{one.strip()}" for one in columns.split(","))
        await sql.execute(
            f"UPDATE {table} t SET {values} FROM kept_{table} k WHERE t.hospital = k.hospital AND t.id = k.id"
        )
    await sql.execute("DELETE FROM recipe_line WHERE hospital = ANY ($1::int[])", hospitals)
    await sql.execute("INSERT INTO recipe_line SELECT * FROM kept_recipe_line")
    await sql.execute("UPDATE menu_revision SET rev = rev + 1 WHERE hospital = ANY ($1::int[])", hospitals)


def _bed_code() -> str:
    number = next(_numbers)
    return f"B{number // 1000:05d}-{number % 1000:03d}"


def _as_patient(arena: Arena, patient: UUID, user: UUID) -> Actor:
    return Actor(
        user, arena.hospital, Role.PATIENT, ROLES[Role.PATIENT],
        name="Aline Uwase", language="en", zone=arena.actor.zone, patient=patient,
    )  # fmt: skip


async def lay(
    sql: asyncpg.Connection, arena: Arena, people: Sequence[Lying], status: str, dishes: Sequence[str]
) -> list[UUID]:
    """Lay down one tray for each of the people, in this state as if it had come there; no trigger fires for it."""
    trays, at = [uuid4() for _ in people], arena.lunch
    async with sql.transaction():
        await sql.execute("SET LOCAL session_replication_role = replica")
        await sql.execute(
            _TRAYS, arena.hospital, trays, [one.patient for one in people], [one.admission for one in people],
            at.day, str(at.period), at.serve_from, at.serve_to, at.cutoff_at, status, arena.nurse.user,
        )  # fmt: skip
        await sql.execute(_LINES, arena.hospital, trays, [arena.dishes[code] for code in dishes])
        await sql.execute(_PAYMENTS, arena.hospital, trays)
    return trays


_TRAYS = """
INSERT INTO meal_order (id, hospital, code, tray_token, patient, admission, day, period, serve_from, serve_to, cutoff_at,
    status, items_minor, total_minor, placed_by, placed_as, started_at, ready_at, left_at, arrived_at)
SELECT t, $1, 'L-' || left(t::text, 13), left(replace(t::text, '-', ''), 24), p, a, $5, $6, $7, $8, $9, $10, 1000, 1000,
    $11, 'nurse', now(), now(), now(), now()
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS x(t, p, a)
"""
_LINES = """
INSERT INTO order_line (id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, portion, quantity,
    price_minor, recipe_rev)
SELECT gen_random_uuid(), $1, t, n, d.id, d.code, d.name_en, d.name_fr, d.name_rw, 1, 1, 1000, d.recipe_rev
FROM unnest($2::uuid[]) AS t, unnest($3::uuid[]) WITH ORDINALITY AS l(dish, n) JOIN dish d ON d.hospital = $1 AND d.id = l.dish
"""
_PAYMENTS = """
INSERT INTO payment (id, hospital, meal_order, subject, method, amount_minor, state)
SELECT gen_random_uuid(), $1, t, t, 'cash', 1000, 'pending' FROM unnest($2::uuid[]) AS t
"""


async def choose(arena: Arena, people: Sequence[Lying], dishes: Sequence[str]) -> None:
    """Put the dishes into the cart of each of the people."""
    carts = [uuid4() for _ in people]
    with acting_as(arena.actor):
        async with transaction():
            await execute(
                "INSERT INTO cart (id, hospital, patient, day, period) SELECT c, $1, p, $4, $5 "
                "FROM unnest($2::uuid[], $3::uuid[]) AS t(c, p)",
                arena.hospital, carts, [one.patient for one in people], arena.lunch.day, str(arena.lunch.period),
            )  # fmt: skip
            await execute(
                "INSERT INTO cart_line (id, hospital, cart, dish, quantity) SELECT gen_random_uuid(), $1, c, d, 1 "
                "FROM unnest($2::uuid[]) AS c, unnest($3::uuid[]) AS d",
                arena.hospital, carts, [arena.dishes[code] for code in dishes],
            )  # fmt: skip


@asynccontextmanager
async def without_reactions() -> AsyncIterator[None]:
    """Nothing follows in the commit of a change: no tray is held, no meal is called off. For negative controls."""
    kept = dict(journal.AT_ONCE)
    journal.AT_ONCE.clear()
    try:
        yield
    finally:
        journal.AT_ONCE.update(kept)


async def rows(arena: Arena, sql: str, *args: Any) -> list[asyncpg.Record]:
    """Read as the program's role."""
    from dusangire.kernel.db import connection

    with acting_as(arena.actor):
        async with connection() as conn:
            return list(await conn.fetch(sql, *args))


__all__ = ["DISHES", "SEED", "Arena", "Lying", "admit", "choose", "found", "lay", "owner", "rows", "stranger"]
