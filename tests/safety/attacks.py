"""What somebody with the program's own password and raw SQL might try: each attempt, as the statements they would send.

An attempt is a list of transactions, each a list of statements. It has succeeded when a guarded row is any different
afterwards, whatever errors came on the way.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from msgspec import Struct

from dusangire.orders.rules import GATES, ORDER, Status
from tests.safety.worlds import pour

GATED = {(source, ORDER.after(source, verb)): gate for verb, gate in GATES.items() for source in ORDER.sources(verb)}
LEGAL = {(source, target) for (source, _), target in ORDER.moves.items()}


class Attempt(Struct, frozen=True):
    """One attempt by name."""

    technique: str
    on: str
    transactions: list[list[str]]

    @property
    def name(self) -> str:
        return f"{self.technique} [{self.on}]"


class Bed(Struct, frozen=True):
    """A patient with one tray in every state."""

    patient: UUID
    admission: UUID
    dish: UUID
    trays: dict[Status, UUID]


class Field(Struct, frozen=True):
    """Where the attempts are made. `safe` may eat their dish, and only proof is missing; `unsafe` must never get it."""

    hospital: int
    other: int
    safe: Bed
    unsafe: Bed
    unsafe_allergy: UUID


async def lay(conn: asyncpg.Connection, hospital: int, patient: UUID, admission: UUID, dish: UUID, day: date) -> Bed:
    """Lay one tray in every state, past all guards."""
    serve = datetime.combine(day, datetime.min.time()).astimezone() + timedelta(hours=12)
    orders: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    code = await conn.fetchval("SELECT code FROM dish WHERE id = $1", dish)
    trays = {}
    for status in Status:
        order = uuid4()
        trays[status] = order
        orders.append(
            {
                "id": order, "hospital": hospital, "code": f"Z-{order.hex[:10]}", "tray_token": order.hex[:24],
                "patient": patient, "admission": admission, "day": day, "period": "lunch", "serve_from": serve,
                "serve_to": serve + timedelta(hours=1), "cutoff_at": serve - timedelta(hours=2),
                "status": status.value, "held_from": "confirmed" if status is Status.HELD else None,
                "items_minor": 100, "total_minor": 100, "placed_by": uuid4(), "placed_as": "nurse",
            }
        )  # fmt: skip
        lines.append(
            {
                "id": uuid4(), "hospital": hospital, "meal_order": order, "position": 1, "dish": dish,
                "dish_code": code, "name_en": "x", "name_fr": "x", "name_rw": "x", "portion": 1, "quantity": 1,
                "price_minor": 100, "recipe_rev": 1,
            }
        )  # fmt: skip
    await pour(conn, {"meal_order": orders, "order_line": lines})
    return Bed(patient, admission, dish, trays)


def proof(field: Field, bed: Bed, order: UUID, gate_now: str, **lies: str) -> str:
    """Return the statement that writes an ALLOW as the program would; `lies` replace columns by other SQL."""
    says = {
        "id": "gen_random_uuid()",
        "hospital": str(field.hospital),
        "meal_order": f"'{order}'",
        "patient": f"'{bed.patient}'",
        "gate": f"'{gate_now}'",
        "answer": "'allow'",
        "safety_rev": f"(SELECT safety_rev FROM patient_safety WHERE hospital = {field.hospital} AND patient = '{bed.patient}')",
        "menu_rev": f"(SELECT rev FROM menu_revision WHERE hospital = {field.hospital})",
        "manual_rev": f"(SELECT rev FROM manual_revision WHERE hospital = {field.hospital})",
    } | lies
    return f"INSERT INTO safety_check ({', '.join(says)}) VALUES ({', '.join(says.values())})"


def move(order: UUID, target: str) -> str:
    return f"UPDATE meal_order SET status = '{target}' WHERE id = '{order}'"


def _moves(order: UUID, target: str) -> dict[str, list[str]]:
    """Return the ways to write a status without any proof."""
    one = move(order, target)
    where = f"WHERE o.id = '{order}'"
    return {
        "update": [one],
        "update from": [f"UPDATE meal_order o SET status = x.s FROM (VALUES ('{target}')) AS x(s) {where}"],
        "cte": [f"WITH u AS ({one} RETURNING id) SELECT * FROM u"],
        "merge": [
            f"MERGE INTO meal_order o USING (VALUES ('{order}'::uuid)) AS x(id) ON o.id = x.id "
            f"WHEN MATCHED THEN UPDATE SET status = '{target}'"
        ],
        "on conflict": [
            f'INSERT INTO meal_order SELECT (jsonb_populate_record(o, \'{{"status": "in_review"}}\')).* FROM meal_order o {where} '
            f"ON CONFLICT (id) DO UPDATE SET status = '{target}'"
        ],
        "prepared": [f"PREPARE sly AS {one}", "EXECUTE sly", "DEALLOCATE sly"],
        "do block": [f"DO $$ BEGIN {one}; END $$"],
        "own function": [
            f"CREATE FUNCTION pg_temp.sly() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {one}; END $$",
            "SELECT pg_temp.sly()",
        ],
        "own definer function": [
            f"CREATE FUNCTION pg_temp.sly() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ {one} $$",
            "SELECT pg_temp.sly()",
        ],
        "cursor": [
            f"DECLARE c CURSOR FOR SELECT id FROM meal_order WHERE id = '{order}' FOR UPDATE",
            "FETCH c",
            f"UPDATE meal_order SET status = '{target}' WHERE CURRENT OF c",
        ],
        "through a view": [
            "CREATE TEMP VIEW sly AS SELECT * FROM meal_order",
            f"UPDATE sly SET status = '{target}' WHERE id = '{order}'",
        ],
    }


def _false_proofs(field: Field, order: UUID, target: str, gate: str) -> dict[str, list[list[str]]]:
    """Return moves of a tray that may be eaten, with a proof that is not one."""
    bed, one = field.safe, move(order, target)
    another = next(id_ for id_ in bed.trays.values() if id_ != order)
    wrong_gate = next(str(name) for name in ("checkout", "fire", "plate") if name != gate)
    rev = f"(SELECT safety_rev FROM patient_safety WHERE patient = '{bed.patient}')"

    def with_(**lies: str) -> list[list[str]]:
        return [[proof(field, bed, order, gate, **lies), one]]

    return {
        "proof of an earlier transaction": [[proof(field, bed, order, gate)], [one]],
        "proof dated into the future": [[proof(field, bed, order, gate, txid="(pg_current_xact_id()::text::bigint + 1)::text::xid8")], [one]],
        "proof rolled back": [["SAVEPOINT a", proof(field, bed, order, gate), "ROLLBACK TO a", one]],
        "proof after the step": [[one, proof(field, bed, order, gate)]],
        "proof of another tray": [[proof(field, bed, another, gate), one]],
        "proof of another gate": with_(gate=f"'{wrong_gate}'"),
        "proof of another patient": with_(patient=f"'{field.unsafe.patient}'"),
        "older safety revision": with_(safety_rev=f"{rev} - 1"),
        "newer safety revision": with_(safety_rev=f"{rev} + 1"),
        "older menu": with_(menu_rev="0"),
        "older manual": with_(manual_rev="0"),
        "answer block": with_(answer="'block'"),
        "answer unknown": with_(answer="'unknown'"),
        "own table of proofs": [
            ["CREATE TEMP TABLE safety_check (LIKE public.safety_check INCLUDING DEFAULTS)", proof(field, bed, order, gate).replace("INTO safety_check", "INTO pg_temp.safety_check"), "SET LOCAL search_path = pg_temp, public", one]
        ],
        "own table of steps": [
            ["CREATE TEMP TABLE order_step AS SELECT source, target, NULL::text AS gate FROM public.order_step", "SET LOCAL search_path = pg_temp, public", one]
        ],
        "triggers off": [["SET LOCAL session_replication_role = replica", one]],
        "checks deferred": [["SET CONSTRAINTS ALL DEFERRED", one]],
        "fact changed after the step": [
            [proof(field, bed, order, gate), one, f"UPDATE patient_safety SET safety_rev = safety_rev + 1 WHERE patient = '{bed.patient}'"]
        ],
        "menu changed after the step": [
            [proof(field, bed, order, gate), one, f"UPDATE menu_revision SET rev = rev + 1 WHERE hospital = {field.hospital}"]
        ],
    }  # fmt: skip


def _blind_proofs(field: Field, order: UUID, target: str, gate: str) -> dict[str, list[list[str]]]:
    """Return moves of a tray that would harm, with a proof that is perfect in form."""
    bed, one = field.unsafe, move(order, target)
    said = proof(field, bed, order, gate)
    other = f"set_config('app.hospital', '{field.other}', true)"
    back = f"SELECT set_config('app.hospital', '{field.hospital}', true)"
    allergy = f"WHERE id = '{field.unsafe_allergy}'"
    return {
        "perfect proof": [[said, one]],
        "perfect proof, own tables of facts": [
            ["CREATE TEMP TABLE allergy AS SELECT * FROM public.allergy WHERE false", "CREATE TEMP TABLE ingredient AS SELECT * FROM public.ingredient WHERE false", "SET LOCAL search_path = pg_temp, public", said.replace("safety_check", "public.safety_check"), one]
        ],
        "perfect proof, own functions": [
            ["CREATE OR REPLACE FUNCTION jobs.dus_order_reasons(int, uuid, timestamptz) RETURNS text[] LANGUAGE sql AS $$ SELECT '{}'::text[] $$", "CREATE OR REPLACE FUNCTION jobs.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT '' $$", "CREATE OR REPLACE FUNCTION jobs.cardinality(anyarray) RETURNS int LANGUAGE sql AS $$ SELECT 0 $$", "SET LOCAL search_path = jobs, public, pg_catalog", said, one, "DROP FUNCTION jobs.dus_order_reasons, jobs.lower, jobs.cardinality"]
        ],
        "another hospital in the middle of the step": [[said, f"{one} AND {other} IS NOT NULL"]],
        "another hospital before the commit": [[said, f"{one}", f"SELECT {other}"]],
        "allergy away and back": [
            [f"UPDATE allergy SET ended_at = now() {allergy}", said, one, f"UPDATE allergy SET ended_at = NULL {allergy}"]
        ],
        "allergy away and back, in another hospital's name": [
            [f"UPDATE allergy SET ended_at = now() {allergy}", said, one, f"UPDATE allergy SET ended_at = NULL {allergy}", f"SELECT {other}"],
            [back],
        ],
        "dish changed and back": [
            [f"DELETE FROM recipe_line WHERE dish = '{bed.dish}'", f"UPDATE dish SET label = '{{}}', label_allergens = '{{}}', label_declared_on = '2999-01-01' WHERE id = '{bed.dish}'", said, one, f"UPDATE dish SET label = NULL WHERE id = '{bed.dish}'"]
        ],
        "the other patient's proof": [[said.replace(str(bed.patient), str(field.safe.patient)), one]],
    }  # fmt: skip


def gate_attempts(field: Field) -> Iterator[Attempt]:
    """Every gated step by every technique."""
    for (source, target), gate in sorted(GATED.items()):
        on, safe, unsafe = f"{source} → {target}", field.safe.trays[source], field.unsafe.trays[source]
        for technique, statements in _moves(safe, target).items():
            yield Attempt(technique, on, [statements])
        for technique, transactions in _false_proofs(field, safe, target, gate).items():
            yield Attempt(technique, on, transactions)
        for technique, statements in _moves(unsafe, target).items():
            said = proof(field, field.unsafe, unsafe, gate)
            yield Attempt(f"{technique}, with a perfect proof", on, [[said, *statements]])
        for technique, transactions in _blind_proofs(field, unsafe, target, gate).items():
            yield Attempt(technique, on, transactions)


def step_attempts(field: Field) -> Iterator[Attempt]:
    """Every step that is none, with a proof for each gate on the table."""
    for source in Status:
        for target in Status:
            if source is not target and (source, target) not in LEGAL:
                order = field.safe.trays[source]
                proofs = [
                    proof(field, field.safe, order, gate)
                    for gate in ("checkout", "fire", "plate", "dispatch", "handover")
                ]
                yield Attempt("a step that is none", f"{source} → {target}", [[*proofs, move(order, target)]])


def birth_attempts(field: Field) -> Iterator[Attempt]:
    """A tray that begins its life further on than in review."""
    for status in Status:
        if status is not Status.IN_REVIEW:
            template = field.safe.trays[Status.IN_REVIEW]
            columns = (
                "id, hospital, code, tray_token, patient, admission, day, period, serve_from, serve_to, cutoff_at, "
                "status, items_minor, total_minor, placed_by, placed_as"
            )
            values = columns.replace(
                "id, hospital, code, tray_token",
                "gen_random_uuid(), hospital, 'N' || left(code, 5), gen_random_uuid()",
                1,
            ).replace("status", f"'{status}'")
            yield Attempt(
                "born past a gate",
                status,
                [[f"INSERT INTO meal_order ({columns}) SELECT {values} FROM meal_order WHERE id = '{template}'"]],
            )


_FROZEN = {
    "patient": "'{other_patient}'", "admission": "'{other_admission}'", "hospital": "{other}", "code": "'FORGED'",
    "day": "day + 1", "period": "'dinner'", "cutoff_at": "cutoff_at - interval '1 h'", "items_minor": "0",
    "total_minor": "0", "discount_minor": "1", "placed_by": "gen_random_uuid()", "placed_as": "'patient'",
    "placed_at": "now()", "request": "'peanuts please'", "tray_token": "'forged'", "id": "gen_random_uuid()",
}  # fmt: skip


def frozen_attempts(field: Field) -> Iterator[Attempt]:
    """What was ordered, changed afterwards."""
    facts = {"other": field.other, "other_patient": field.unsafe.patient, "other_admission": field.unsafe.admission}
    for status in (Status.IN_REVIEW, Status.CONFIRMED, Status.ARRIVED, Status.DELIVERED):
        order = field.safe.trays[status]
        for column, value in _FROZEN.items():
            one = f"UPDATE meal_order SET {column} = {value.format(**facts)} WHERE id = '{order}'"
            yield Attempt(f"frozen {column}", status, [[one]])
        for technique, statement in _line_changes(field, order).items():
            if status is not Status.IN_REVIEW or "insert" not in technique:
                yield Attempt(f"line {technique}", status, [[statement]])


def _line_changes(field: Field, order: UUID) -> dict[str, str]:
    lines = f"WHERE meal_order = '{order}'"
    new = (
        "INSERT INTO order_line (id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, "
        f"portion, quantity, price_minor, recipe_rev) SELECT gen_random_uuid(), hospital, '{order}', 9, "
    )
    return {
        "dish": f"UPDATE order_line SET dish = '{field.unsafe.dish}' {lines}",
        "quantity": f"UPDATE order_line SET quantity = 9 {lines}",
        "portion": f"UPDATE order_line SET portion = 1.5 {lines}",
        "price": f"UPDATE order_line SET price_minor = 0 {lines}",
        "to another tray": f"UPDATE order_line SET meal_order = '{field.unsafe.trays[Status.READY]}' {lines}",
        "hidden": f"UPDATE order_line SET replaced_at = now() {lines}",
        "deleted": f"DELETE FROM order_line {lines}",
        "insert": f"{new} '{field.unsafe.dish}', 'X', 'x', 'x', 'x', 1, 1, 0, 1 FROM meal_order WHERE id = '{order}'",
        "merge insert": f"MERGE INTO order_line l USING (SELECT '{order}'::uuid AS id) x ON false WHEN NOT MATCHED THEN "
        "INSERT (id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, portion, quantity, "
        f"price_minor, recipe_rev) VALUES (gen_random_uuid(), {field.hospital}, x.id, 9, '{field.unsafe.dish}', 'X', "
        "'x', 'x', 'x', 1, 1, 0, 1)",
    }  # fmt: skip


def substitution_attempts(field: Field) -> Iterator[Attempt]:
    """A substitution that would harm, or that is noted for another tray."""
    columns = "id, hospital, meal_order, position, dish, dish_code, name_en, name_fr, name_rw, portion, quantity, price_minor, recipe_rev"
    for status in Status:
        for bed, dish in ((field.unsafe, field.unsafe.dish), (field.safe, UUID(int=1))):
            order, line = bed.trays[status], uuid4()
            change = (
                "INSERT INTO order_line_change (id, hospital, meal_order, old_line, new_line, old_token, why, changed_by) "
                f"SELECT gen_random_uuid(), hospital, meal_order, id, '{line}', gen_random_uuid(), 'spoiled', '{line}' "
                f"FROM order_line WHERE meal_order = '{order}'"
            )
            new = f"INSERT INTO order_line ({columns}) VALUES ('{line}', {field.hospital}, '{order}', 2, '{dish}', 'X', 'x', 'x', 'x', 1, 1, 0, 1)"
            gone = f"UPDATE order_line SET replaced_at = now() WHERE meal_order = '{order}' AND id <> '{line}'"
            other = f"SELECT set_config('app.hospital', '{field.other}', true)"
            yield Attempt("substitution that harms", f"{status} {dish}", [[change, new, gone]])
            yield Attempt("substitution in another hospital's name", f"{status} {dish}", [[change, new, gone, other]])


_GUARD_ATTACKS = (
    "ALTER TABLE meal_order DISABLE TRIGGER ALL", "ALTER TABLE meal_order DISABLE TRIGGER dus_order_moves",
    "ALTER TABLE patient_safety DISABLE TRIGGER USER", "DROP TRIGGER dus_order_moves ON meal_order",
    "DROP TRIGGER dus_line_frozen ON order_line", "DROP TRIGGER dus_fact_counted ON allergy",
    "CREATE OR REPLACE FUNCTION public.dus_order_reasons(h int, wanted uuid, at timestamptz) RETURNS text[] LANGUAGE sql AS $$ SELECT '{}'::text[] $$",
    "CREATE OR REPLACE FUNCTION public.dus_order_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "ALTER FUNCTION public.dus_order_moves() SET search_path = jobs", "DROP FUNCTION public.dus_reasons CASCADE",
    "ALTER TABLE allergy DISABLE ROW LEVEL SECURITY", "ALTER TABLE allergy NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY wall ON allergy", "CREATE POLICY open ON allergy TO dus_app USING (true)",
    "CREATE RULE sly AS ON UPDATE TO meal_order DO INSTEAD NOTHING", "TRUNCATE safety_check", "TRUNCATE order_step",
    "INSERT INTO order_step VALUES ('confirmed', 'delivered', NULL)", "UPDATE order_step SET gate = NULL",
    "DELETE FROM order_step", "DELETE FROM allergen_member", "UPDATE allergen_member SET member = 'x'",
    "INSERT INTO guard VALUES ('trigger', 'x', 'x')", "DELETE FROM guard", "UPDATE guard SET digest = ''",
    "ALTER TABLE meal_order DROP COLUMN patient", "ALTER TABLE meal_order ADD COLUMN x int", "DROP TABLE safety_check CASCADE",
    "DELETE FROM safety_check", "UPDATE safety_check SET answer = 'allow'", "DELETE FROM meal_order",
    "DELETE FROM patient_safety", "DELETE FROM allergy", "DELETE FROM diet_order", "DELETE FROM npo_hold", "DELETE FROM stay",
    "DELETE FROM event", "UPDATE event SET kind = 'x'", "DELETE FROM order_line_change",
    "UPDATE patient_safety SET safety_rev = 0", "UPDATE patient_safety SET safety_rev = safety_rev - 1",
    "UPDATE patient_safety SET constraint_count = 0", "UPDATE patient_safety SET constraint_count = constraint_count + 1",
    "UPDATE patient_safety SET patient = gen_random_uuid()", "UPDATE patient_safety SET hospital = {other}",
    "UPDATE allergy SET patient = '{safe}'", "UPDATE allergy SET hospital = {other}",
    "UPDATE diet_order SET patient = '{safe}' WHERE patient = '{unsafe}'", "UPDATE stay SET patient = '{safe}' WHERE patient = '{unsafe}'",
    "UPDATE menu_revision SET rev = rev - 1", "UPDATE menu_revision SET rev = rev", "UPDATE manual_revision SET rev = 0",
    "UPDATE menu_revision SET hospital = {other}", "DELETE FROM menu_revision", "DELETE FROM manual_revision",
    "UPDATE diet SET kind = 'base'", "DELETE FROM diet_rule", "INSERT INTO diet_rule SELECT gen_random_uuid(), hospital, diet, rule_kind, subject, scope, min, max, severity, standing, source FROM diet_rule",
    "SET ROLE dus_owner", "SET SESSION AUTHORIZATION dus_owner", "GRANT DELETE ON meal_order TO dus_app",
    "ALTER ROLE CURRENT_USER BYPASSRLS", "CREATE TABLE public.sly ()", "CREATE FUNCTION public.sly() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EVENT TRIGGER sly ON ddl_command_start EXECUTE FUNCTION dus_order_born()", "COPY meal_order TO PROGRAM 'true'",
    "UPDATE pg_trigger SET tgenabled = 'D'", "UPDATE pg_proc SET prosrc = 'BEGIN RETURN NEW; END'",
    "ALTER SYSTEM SET session_replication_role = replica", "LOCK TABLE pg_trigger", "VACUUM FULL meal_order",
)  # fmt: skip


def guard_attempts(field: Field) -> Iterator[Attempt]:
    """The guards themselves, the evidence, the revisions and the counts."""
    facts = {"{other}": str(field.other), "{safe}": str(field.safe.patient), "{unsafe}": str(field.unsafe.patient)}
    for said in _GUARD_ATTACKS:
        statement = said
        for name, value in facts.items():
            statement = statement.replace(name, value)
        yield Attempt("the guards", said, [[statement]])
    for table in ("meal_order", "order_line", "allergy", "patient_safety", "npo_hold", "diet_order", "dish"):
        for said in ("UPDATE {t} SET hospital = hospital", "DELETE FROM {t}"):
            other = f"SELECT set_config('app.hospital', '{field.other}', true)"
            yield Attempt(
                "another hospital",
                said.format(t=table),
                [[other, f"{said.format(t=table)} WHERE hospital = {field.hospital}"]],
            )
        yield Attempt(
            "no hospital",
            table,
            [["SELECT set_config('app.hospital', '', true)", f"UPDATE {table} SET hospital = hospital"]],
        )
