"""Faults: one thing wrong with what a verdict stands on. Whatever it is, the tray stays where it was."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec import Struct

from dusangire.diets.queries import known
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch_value
from tests.safety.worlds import pour

_TABLES = (
    "patient_safety", "admission", "stay", "allergy", "npo_hold", "diet_order", "diet_override", "measurement", "meal_stop",
    "kitchen_line", "ingredient", "dish", "recipe_line", "menu_revision", "manual_revision", "diet", "diet_rule",
    "meal_order", "order_line", "safety_check", "payment",
)  # fmt: skip


class Bench(Struct, frozen=True):
    """A patient who may eat, with a tray at the kitchen's door and one at the bed."""

    actor: Actor
    cook: Actor
    patient: UUID
    admission: UUID
    dish: UUID
    waiting: UUID
    arrived: UUID
    owner: asyncpg.Connection

    @property
    def hospital(self) -> int:
        return self.actor.hospital

    async def wreck(self, *statements: str) -> None:
        """Write what no guard would let pass; the menu's and the manual's revisions rise, so that nobody reads old."""
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica")
            await self._fresh()
            for statement in statements:
                await self.owner.execute(
                    statement.format(
                        h=self.hospital, p=self.patient, a=self.admission, d=self.dish, w=self.waiting, r=self.arrived
                    )
                )

    async def _fresh(self) -> None:
        for table in ("menu_revision", "manual_revision"):
            await self.owner.execute(f"UPDATE {table} SET rev = rev + 1000 WHERE hospital = $1", self.hospital)

    async def state(self) -> dict[UUID, str]:
        rows = await self.owner.fetch("SELECT id, status FROM meal_order WHERE hospital = $1", self.hospital)
        return {row["id"]: row["status"] for row in rows}

    async def kept(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row a fault may touch."""
        return {
            table: [dict(row) for row in await self.owner.fetch(f"SELECT {await self._columns(table)} FROM {table} WHERE hospital = $1", self.hospital)]
            for table in _TABLES
        }  # fmt: skip

    async def put_back(self, kept: dict[str, list[dict[str, Any]]]) -> None:
        highest = {
            table: await self.owner.fetchval(f"SELECT coalesce(max(rev), 0) FROM {table}")
            for table in ("menu_revision", "manual_revision")
        }
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica")
            for table in _TABLES:
                await self.owner.execute(f"DELETE FROM {table} WHERE hospital = $1", self.hospital)
        await pour(self.owner, kept)
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica")
            for table, rev in highest.items():
                await self.owner.execute(f"UPDATE {table} SET rev = $2 WHERE hospital = $1", self.hospital, rev + 7)

    async def _columns(self, table: str) -> str:
        rows = await self.owner.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = ''",
            table,
        )
        return ", ".join(row["attname"] for row in rows)


_ALLERGY = "INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by) VALUES (gen_random_uuid(), {{h}}, '{{p}}', '{code}', '{severity}', '{{p}}')"
_COUNT = "UPDATE patient_safety SET allergy_status = 'recorded', constraint_count = constraint_count + {n} WHERE patient = '{{p}}'"
_HOLD = "INSERT INTO npo_hold (id, hospital, patient, reason, start_at, end_at, set_by, set_at) VALUES (gen_random_uuid(), {{h}}, '{{p}}', 'x', {start}, {end}, '{{p}}', {start})"
_ORDER = "UPDATE diet_order SET {set} WHERE patient = '{{p}}'"
_ADD_ONE = _COUNT.format(n=1).replace("allergy_status = 'recorded', ", "")
_FOOD = "UPDATE ingredient SET {set} WHERE id IN (SELECT ingredient FROM recipe_line WHERE dish = '{{d}}')"


def _allergy(code: str, severity: str = "severe") -> tuple[str, ...]:
    return (_ALLERGY.format(code=code, severity=severity), _COUNT.format(n=1))


IN_ROWS: dict[str, tuple[str, ...]] = {
    "no diet order": ("DELETE FROM diet_order WHERE patient = '{p}'", "UPDATE patient_safety SET constraint_count = 0 WHERE patient = '{p}'"),
    "a diet nobody knows": (_ORDER.format(set="codes = '{{REG,ATLANTIS}}'"),),
    "a draft": (_ORDER.format(set="status = 'draft'"), "UPDATE patient_safety SET constraint_count = 0 WHERE patient = '{p}'"),
    "an expired order": (_ORDER.format(set="end_at = now() - interval '1 minute'"),),
    "an order of the future": (_ORDER.format(set="start_at = now() + interval '9 days'"),),
    "an order that ends before the meal": (_ORDER.format(set="end_at = now() + interval '1 minute'"),),
    "an order signed in the future": (_ORDER.format(set="signed_at = now() + interval '1 hour'"),),
    "an order of another stay": (_ORDER.format(set="admission = gen_random_uuid()"),),
    "an order of another patient": (_ORDER.format(set="patient = gen_random_uuid()"),),
    "no admission": ("DELETE FROM admission WHERE patient = '{p}'",),
    "an admission that ended": ("UPDATE admission SET ended_at = now(), end_reason = 'died' WHERE patient = '{p}'",),
    "no bed": ("UPDATE stay SET ended_at = now() WHERE patient = '{p}'",),
    "the tray of an earlier stay": ("UPDATE admission SET id = gen_random_uuid() WHERE patient = '{p}'",),
    "allergies never asked": ("UPDATE patient_safety SET allergy_status = 'not_asked' WHERE patient = '{p}'",),
    "none known, with an allergy": (_ALLERGY.format(code="sesame", severity="severe"), _ADD_ONE),
    "recorded, without any": ("UPDATE patient_safety SET allergy_status = 'recorded' WHERE patient = '{p}'",),
    "an allergy in free words": ("UPDATE patient_safety SET uncoded_text = 'the red one' WHERE patient = '{p}'",),
    "an allergy nobody can code": _allergy("xyzzy"),
    "an allergen on the plate": (_FOOD.format(set="allergens = '{{fish}}'"), *_allergy("fish", "intolerance")),
    "a member of the group on the plate": (_FOOD.format(set="allergens = '{{nuts}}'"), *_allergy("cashew")),
    "perhaps an allergen on the plate": (_FOOD.format(set="may_contain = '{{fish}}'"), *_allergy("fish", "moderate")),
    "an ingredient as an allergy": (_FOOD.format(set="name = 'Strawberries' || id"), *_allergy("strawberry")),
    "a count too high": ("UPDATE patient_safety SET constraint_count = constraint_count + 1 WHERE patient = '{p}'",),
    "a count too low": ("UPDATE patient_safety SET constraint_count = constraint_count - 1 WHERE patient = '{p}'",),
    "no guarding row": ("DELETE FROM patient_safety WHERE patient = '{p}'",),
    "a fast": (_HOLD.format(start="now() - interval '1 h'", end="now() + interval '5 days'"), _ADD_ONE),
    "a fast without an end": (_HOLD.format(start="now() - interval '1 h'", end="NULL"), _ADD_ONE),
    "a fast that begins before the meal": (_HOLD.format(start="now() + interval '1 h'", end="now() + interval '9 days'"), _ADD_ONE),
    "a diet that a fast suspended": (_HOLD.format(start="now() - interval '9 h'", end="now() - interval '5 h'"), _ADD_ONE),
    "a diet of nothing": (_ORDER.format(set="codes = '{{NPO}}'"),),
    "an ingredient without a declaration": (_FOOD.format(set="allergens = NULL"),),
    "an ingredient without its date": (_FOOD.format(set="declared_on = NULL"),),
    "a declaration older than the recipe": ("UPDATE dish SET recipe_changed_at = now() + interval '1000 days' WHERE id = '{d}'",),
    "a dish without a recipe": ("DELETE FROM recipe_line WHERE dish = '{d}'",),
    "a label that declares nothing": ("UPDATE dish SET label = '{{}}', label_allergens = NULL WHERE id = '{d}'",),
    "a retired dish": ("UPDATE dish SET retired_at = now() WHERE id = '{d}'",),
    "a dish that is gone": ("DELETE FROM dish WHERE id = '{d}'",),
    "unknown potassium under a hard limit": (_FOOD.format(set="potassium_mg = NULL"), _ORDER.format(set="codes = '{{RENAL-ND}}'")),
    "a weight nobody took": (_ORDER.format(set="codes = '{{RENAL-ND}}'"),),
    "two textures": (_ORDER.format(set="codes = '{{IDDSI4,IDDSI5}}', drink_level = 0"),),
    "a texture the kitchen cannot make": ("UPDATE dish SET iddsi_achievable = '{{7}}' WHERE id = '{d}'", _ORDER.format(set="codes = '{{IDDSI4}}', drink_level = 0")),
    "a drink without an ordered thickness": ("UPDATE dish SET category = 'soup', iddsi_native = 'D0' WHERE id = '{d}'", _ORDER.format(set="codes = '{{IDDSI4}}', drink_level = NULL")),
    "two orders that differ about drinks": (
        _ORDER.format(set="drink_level = 1"),
        "INSERT INTO diet_order (id, hospital, patient, admission, status, codes, drink_level, start_at, drafted_by, signed_by, signed_at) SELECT gen_random_uuid(), hospital, patient, admission, status, codes, 2, start_at, drafted_by, signed_by, signed_at FROM diet_order WHERE patient = '{p}'",
        _ADD_ONE,
    ),
    "no revision of the menu": ("DELETE FROM menu_revision WHERE hospital = {h}",),
    "no revision of the manual": ("DELETE FROM manual_revision WHERE hospital = {h}",),
    "a rule of a kind nobody knows": ("UPDATE diet_rule SET rule_kind = 'perhaps' WHERE hospital = {h}",),
    "a rule about a nutrient nobody knows": ("UPDATE diet_rule SET subject = 'phlogiston_mg', rule_kind = 'limit', scope = 'meal', max = 1, severity = 'hard' WHERE hospital = {h} AND diet IN (SELECT id FROM diet WHERE hospital = {h} AND code = 'REG')",),
    "a diet of a kind nobody knows": ("UPDATE diet SET kind = 'fancy' WHERE hospital = {h}",),
    "a manual without the diet": ("DELETE FROM diet WHERE hospital = {h} AND code = 'REG'",),
    "an empty tray": ("DELETE FROM order_line WHERE hospital = {h}",),
    "a tray of which everything was substituted": ("UPDATE order_line SET replaced_at = now() WHERE hospital = {h}",),
    "a tray of another hospital": ("UPDATE meal_order SET hospital = 0 WHERE hospital = {h}",),
    "a stay in another hospital": ("UPDATE admission SET hospital = 0 WHERE patient = '{p}'",),
    "all trays stopped": ("INSERT INTO meal_stop (id, hospital, reason, set_by) VALUES (gen_random_uuid(), {h}, 'recall', '{p}')",),
}  # fmt: skip


async def restore_hospital(bench: Bench) -> None:
    """Bring back what was sent to a hospital that is none."""
    async with bench.owner.transaction():
        await bench.owner.execute("SET LOCAL session_replication_role = replica")
        for table, key in (("meal_order", "patient"), ("admission", "patient")):
            await bench.owner.execute(f"DELETE FROM {table} WHERE hospital = 0 AND {key} = $1", bench.patient)


Fault = Callable[[Bench, pytest.MonkeyPatch], AbstractAsyncContextManager[None]]
AROUND: dict[str, Fault] = {}


def _around(name: str) -> Callable[[Callable[[Bench, pytest.MonkeyPatch], AsyncIterator[None]]], None]:
    def keep(fault: Callable[[Bench, pytest.MonkeyPatch], AsyncIterator[None]]) -> None:
        AROUND[name] = asynccontextmanager(fault)

    return keep


def _late(name: str, seconds: int) -> None:
    @_around(name)
    async def fault(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        now = clock.now
        patch.setattr(clock, "now", lambda: now() + timedelta(seconds=seconds))
        yield


_late("a clock that is 61 seconds fast", 61)
_late("a clock that is 61 seconds slow", -61)


@_around("a database that does not answer in time")
async def _timeout(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    patch.setattr(
        known,
        "_KNOWN",
        known._KNOWN.replace("clock_timestamp() AS", "pg_sleep(0.3)::text IS NULL AS slow, clock_timestamp() AS"),
    )
    from dusangire.wards import service as wards

    lock = wards.lock

    async def hurried(actor: Actor, patient: UUID) -> int:
        await execute("SET LOCAL statement_timeout = 100")
        return await lock(actor, patient)

    patch.setattr(wards, "lock", hurried)
    yield


@_around("a patient whose row somebody else holds")
async def _locked(bench: Bench, _patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async with bench.owner.transaction():
        await bench.owner.execute("SELECT FROM patient_safety WHERE patient = $1 FOR UPDATE", bench.patient)
        yield


@_around("a connection lost between verdict and step")
async def _lost(bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from dusangire.diets import service as diets

    keep = diets.keep_check

    async def cut(*args: Any, **kwargs: Any) -> None:
        await keep(*args, **kwargs)
        await bench.owner.execute("SELECT pg_terminate_backend($1)", await fetch_value("SELECT pg_backend_pid()"))

    patch.setattr(diets, "keep_check", cut)
    yield


@_around("proof that cannot be written")
async def _no_proof(bench: Bench, _patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    await bench.owner.execute("REVOKE INSERT ON safety_check FROM dus_app")
    try:
        yield
    finally:
        await bench.owner.execute("GRANT INSERT ON safety_check TO dus_app")


@_around("allergies that a policy hides")
async def _hidden(bench: Bench, _patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    await bench.wreck(*IN_ROWS["an allergen on the plate"])
    await bench.owner.execute("CREATE POLICY hides ON allergy AS RESTRICTIVE TO dus_app USING (false)")
    try:
        yield
    finally:
        await bench.owner.execute("DROP POLICY hides ON allergy")


@_around("nobody is acting")
async def _unset(_bench: Bench, _patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with acting_as(None):
        yield


@_around("a journal that cannot be written")
async def _no_journal(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async def refuse(*_args: Any, **_kwargs: Any) -> int:
        raise OSError("no room")

    patch.setattr(import_module("dusangire.orders.service.moving"), "record", refuse)
    yield


@_around("somebody who goes away in the middle")
async def _cancelled(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from dusangire.diets import service as diets

    async def gone(*_args: Any, **_kwargs: Any) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    patch.setattr(diets, "keep_check", gone)
    yield


def _judge(name: str, answers: Any) -> None:
    @_around(name)
    async def fault(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        patch.setattr("dusangire.orders.service.judging.judge", answers)
        yield


def _raises(*_args: Any, **_kwargs: Any) -> Any:
    raise ArithmeticError("a verdict that fails")


_judge("a verdict that raises", _raises)
_judge("a verdict that is none", lambda *_args, **_kwargs: None)


@_around("a program that allows everything")
async def _allows(bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from dusangire.diets.rules.facts import verdict_of

    patch.setattr("dusangire.orders.service.judging.judge", lambda *_args, **_kwargs: verdict_of([]))
    await bench.wreck(*IN_ROWS["an allergen on the plate"])
    yield


@_around("a program that keeps no proof")
async def _keeps_none(_bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from dusangire.diets import service as diets

    async def nothing(*_args: Any, **_kwargs: Any) -> None:
        return None

    patch.setattr(diets, "keep_check", nothing)
    yield


@_around("a change that comes between verdict and step")
async def _overtaken(bench: Bench, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    from dusangire.diets import service as diets

    keep = diets.keep_check

    async def and_then(*args: Any, **kwargs: Any) -> None:
        await keep(*args, **kwargs)
        await execute(
            "UPDATE patient_safety SET safety_rev = safety_rev + 1 WHERE hospital = $1 AND patient = $2",
            bench.hospital,
            bench.patient,
        )

    patch.setattr(diets, "keep_check", and_then)
    yield


def around(name: str, bench: Bench, patch: pytest.MonkeyPatch) -> AbstractAsyncContextManager[Any]:
    return AROUND[name](bench, patch) if name in AROUND else nullcontext()
