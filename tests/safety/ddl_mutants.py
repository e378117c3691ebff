"""The schema with one control taken away, in a transaction that is undone: a suite of attacks must then succeed.

Each control of the safety tables has its attack: what it stops while it is there, and what passes once it is gone.
"""

from msgspec import Struct

from tests.safety.attacks import Field, move, proof


class Control(Struct, frozen=True):
    """One control, how it is taken away, and the attack it is there for."""

    name: str
    away: str
    attack: tuple[str, ...]


def controls(field: Field) -> list[Control]:
    """Return every trigger, check and unique index of the last line with its attack."""
    h, safe, unsafe = field.hospital, field.safe, field.unsafe
    ready, waiting = safe.trays["ready"], safe.trays["confirmed"]
    p = safe.patient
    u = "gen_random_uuid()"
    allergy = f"INSERT INTO allergy (id, hospital, patient, code, severity, recorded_by) VALUES ({u}, {h}, '{p}', 'milk', '{{}}', '{p}')"
    hold = f"INSERT INTO npo_hold (id, hospital, patient, reason, start_at, end_at, set_by) VALUES ({u}, {h}, '{p}', 'x', now(), now() - interval '1 h', '{p}')"
    override = (
        "INSERT INTO diet_override (id, hospital, patient, day, period, dish, source, rule, subject, scope, reason, given_by, "
        f"seconded_by, seconded_at, safety_rev, expires_at) SELECT {u}, {h}, '{p}', current_date, 'lunch', '{safe.dish}', "
    )
    good = "'ALLERGY', 'contains', 'fish', 'item', 'a reason', '{p}', NULL, NULL, 1, now() + interval '1 h'".replace(
        "{p}", str(p)
    )
    return [
        _trigger("meal_order", "dus_order_born", _copy_of(waiting, "ready")),
        _trigger("meal_order", "dus_order_moves", move(ready, "out_for_delivery"), also=("meal_order", "dus_step_stands")),
        _trigger("meal_order", "dus_step_stands", proof(field, safe, ready, "dispatch"), move(ready, "out_for_delivery"),
                 f"UPDATE patient_safety SET safety_rev = safety_rev + 1 WHERE patient = '{p}'"),
        _trigger("order_line", "dus_line_frozen", f"UPDATE order_line SET replaced_at = now() WHERE meal_order = '{ready}'"),
        _trigger("safety_check", "dus_check_stamped",
                 proof(field, safe, ready, "dispatch", txid="'1'") + " RETURNING 1 / (txid = '1')::int"),
        _trigger("patient_safety", "dus_guard_kept", f"UPDATE patient_safety SET safety_rev = safety_rev - 1 WHERE patient = '{p}'"),
        _trigger("menu_revision", "dus_revision_rises", f"UPDATE menu_revision SET rev = rev - 1 WHERE hospital = {h}"),
        _trigger("manual_revision", "dus_revision_rises", f"UPDATE manual_revision SET rev = rev - 1 WHERE hospital = {h}"),
        _trigger("diet_rule", "diet_rule_by_version", f"DELETE FROM diet_rule WHERE hospital = {h}"),
        *(_trigger(table, "dus_fact_locks", f"UPDATE {table} SET patient = '{p}' WHERE patient = '{unsafe.patient}'")
          for table in ("diet_order",)),
        _check("patient_safety", "patient_safety_allergy_status_check",
               f"UPDATE patient_safety SET allergy_status = 'fine' WHERE patient = '{p}'"),
        _check("allergy", "allergy_severity_check", allergy.format("mild")),
        _check("npo_hold", "npo_hold_check", hold),
        _check("diet_order", "diet_order_food_level_check", f"UPDATE diet_order SET food_level = 9 WHERE patient = '{p}'"),
        _check("diet_order", "diet_order_drink_level_check", f"UPDATE diet_order SET drink_level = 9 WHERE patient = '{p}'"),
        _check("diet_order", "diet_order_codes_check", f"UPDATE diet_order SET codes = '{{}}' WHERE patient = '{p}'"),
        _check("diet_order", "diet_order_status_check", f"UPDATE diet_order SET status = 'maybe' WHERE patient = '{p}'"),
        _check("safety_check", "safety_check_gate_check", proof(field, safe, ready, "side_door")),
        _check("safety_check", "safety_check_answer_check", proof(field, safe, ready, "dispatch", answer="'fine'")),
        _check("diet_override", "diet_override_source_check", override + good.replace("'ALLERGY'", "'NPO'")),
        _check("diet_override", "diet_override_reason_check", override + good.replace("'a reason'", "' '")),
        _check("meal_stop", "meal_stop_reason_check", f"INSERT INTO meal_stop (id, hospital, reason, set_by) VALUES ({u}, {h}, ' ', '{p}')"),
        Control("index allergy_once", "DROP INDEX allergy_once", (allergy.format("severe"), allergy.format("severe"))),
        Control("index meal_stop_once", "DROP INDEX meal_stop_once",
                (f"INSERT INTO meal_stop (id, hospital, reason, set_by) SELECT {u}, {h}, 'a reason', '{p}' FROM generate_series(1, 2)",)),
        Control("index one_bed_per_patient", "DROP INDEX one_bed_per_patient",
                (f"INSERT INTO stay (id, hospital, admission, patient, bed) SELECT {u}, {h}, '{safe.admission}', '{p}', b.id FROM bed b WHERE b.hospital = {h} AND NOT EXISTS (SELECT FROM stay s WHERE s.bed = b.id) LIMIT 1",)),
        Control("index admission_once", "DROP INDEX admission_once",
                (f"INSERT INTO admission (id, hospital, patient) VALUES ({u}, {h}, '{p}')",)),
        *(Control(f"wall {table}", f"DROP POLICY wall ON {table}; CREATE POLICY wall ON {table} TO dus_app USING (true)",
                  ("SELECT set_config('app.hospital', '" + str(field.other) + "', true)",
                   f"SELECT 1 / count(*) FROM {table} WHERE hospital = {h}"))
          for table in ("allergy", "diet_order", "patient_safety", "admission", "stay", "meal_order", "order_line", "dish", "ingredient", "recipe_line")),
    ]  # fmt: skip


def _trigger(table: str, name: str, *attack: str, also: tuple[str, str] | None = None) -> Control:
    away = f"DROP TRIGGER {name} ON {table}" + (f"; DROP TRIGGER {also[1]} ON {also[0]}" if also else "")
    return Control(f"trigger {table}.{name}", away, attack)


def _check(table: str, name: str, *attack: str) -> Control:
    return Control(f"check {name}", f"ALTER TABLE {table} DROP CONSTRAINT {name}", attack)


def _copy_of(order: object, status: str) -> str:
    columns = "patient, admission, day, period, serve_from, serve_to, cutoff_at, items_minor, total_minor, placed_by, placed_as"
    return (
        f"INSERT INTO meal_order (id, hospital, code, tray_token, status, {columns}) SELECT gen_random_uuid(), hospital, "
        f"'N' || left(code, 6), gen_random_uuid(), '{status}', {columns} FROM meal_order WHERE id = '{order}'"
    )
