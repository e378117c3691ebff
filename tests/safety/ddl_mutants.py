"""The schema with one control taken away, in a transaction that is undone: a suite of attacks must then succeed.

Each control of the safety tables has its attack: what it stops while it is there, and what passes once it is gone. Of a
control that acts instead of refusing, the attack ends by asking whether it has acted: the answer yes divides by zero.
"""

from uuid import UUID

from msgspec import Struct

from tests.safety.attacks import Bed, Field, move, proof

GUARDED = (
    "patient_safety", "allergy", "npo_hold", "diet_order", "safety_check", "diet_override", "meal_stop", "admission",
    "stay", "order_line_change", "order_line",
)  # fmt: skip
"""The tables of which every CHECK and every rule of uniqueness is in the list; of triggers, those of all tables but…"""
OF_MONEY = ("entry", "posting", "payment", "refund", "cash_shift", "bank_use")
"""…these, which keep the ledger and no tray."""
_NOW = "SET CONSTRAINTS ALL IMMEDIATE"
_ID = "gen_random_uuid()"
_A, _B = (f"'{UUID(int=number)}'" for number in (1, 2))


class Control(Struct, frozen=True):
    """One control, how it is taken away, the attack it is there for, and what lies there first, put past all triggers."""

    name: str
    away: str
    attack: tuple[str, ...]
    ground: str = "SELECT 1"


def controls(field: Field) -> list[Control]:
    """Return every control of the last line with its attack."""
    return [*_refusing(field), *_holding(field), *_counting(field), *_unique(field), *_checked(field), *_walls(field)]


def _refusing(field: Field) -> list[Control]:
    h, p, ready = field.hospital, field.safe.patient, field.safe.trays["ready"]
    other = field.unsafe.patient
    return [
        _trigger("meal_order.dus_order_born", _copy_of(field.safe.trays["confirmed"], "ready")),
        _trigger("meal_order.dus_order_moves", move(ready, "out_for_delivery"), also="meal_order.dus_step_stands"),
        _trigger("meal_order.dus_step_stands", proof(field, field.safe, ready, "dispatch"), move(ready, "out_for_delivery"),
                 f"UPDATE patient_safety SET safety_rev = safety_rev + 1 WHERE patient = '{p}'"),
        _trigger("meal_order.dus_order_vat_frozen", f"UPDATE meal_order SET vat_minor = vat_minor + 1 WHERE id = '{ready}'"),
        _trigger("order_line.dus_line_frozen", f"UPDATE order_line SET replaced_at = now() WHERE meal_order = '{ready}'"),
        _trigger("order_line.dus_line_born", _line(field.safe, "ready", _A)),
        _trigger("order_line_change.dus_line_judged", _change(field.unsafe, "confirmed", _A), _line(field.unsafe, "confirmed", _A)),
        _trigger("patient_safety.dus_guard_kept", f"UPDATE patient_safety SET safety_rev = safety_rev - 1 WHERE patient = '{p}'"),
        _trigger("diet_override.dus_override_by_right", _override(field, field.unsafe, ready, given_by=f"'{p}'")),
        _trigger("menu_revision.dus_revision_rises", f"UPDATE menu_revision SET rev = rev - 1 WHERE hospital = {h}"),
        _trigger("manual_revision.dus_revision_rises", f"UPDATE manual_revision SET rev = rev - 1 WHERE hospital = {h}"),
        _trigger("diet_rule.diet_rule_by_version", f"DELETE FROM diet_rule WHERE hospital = {h}"),
        _trigger("diet.diet_by_version", f"UPDATE diet SET kind = 'base' WHERE hospital = {h}"),
        _trigger("food_drug_note.food_drug_note_by_version", f"DELETE FROM food_drug_note WHERE hospital = {h}"),
        *(_trigger(f"{table}.dus_fact_locks", *first, f"UPDATE {table} SET patient = '{p}' WHERE patient = '{other}'")
          for table, *first in (
              ("diet_order",), ("allergy",), ("npo_hold", _hold(field, field.unsafe)),
              ("stay", f"UPDATE stay SET ended_at = now() WHERE patient = '{p}'"),
              ("admission", f"UPDATE admission SET ended_at = now() WHERE patient = '{p}'"),
          )),
    ]  # fmt: skip


def _holding(field: Field) -> list[Control]:
    """What holds a tray in the commit of a change. Most ask for the tray with fish of somebody whom fish harms."""
    h, fish, ready = field.hospital, field.unsafe.dish, field.unsafe.trays["ready"]
    goes_on = f"SELECT 1 / (status = 'ready')::int FROM meal_order WHERE id = '{ready}'"
    is_safe_still = goes_on.replace(str(ready), str(field.safe.trays["ready"]))
    withdrawn = f"UPDATE diet_override SET withdrawn_at = now(), withdrawn_by = given_by WHERE patient = '{field.unsafe.patient}'"
    on_line = (
        f"UPDATE dish SET kitchen_line = (SELECT id FROM kitchen_line WHERE hospital = {h} AND code = 'fryer') "
        f"WHERE id = '{fish}'"
    )
    lines = f"UPDATE kitchen_line SET carries_over = NOT carries_over WHERE hospital = {h} AND code = 'fryer'"
    return [
        _trigger("patient_safety.dus_hold_at_once", _hold(field, field.safe), _NOW, is_safe_still),
        _trigger("diet_override.dus_override_changed", _override(field, field.unsafe, ready), withdrawn, _NOW, goes_on),
        _trigger("recipe_line.dus_recipe_changed", _more_of(fish), _NOW, goes_on),
        _trigger("dish.dus_dish_changed", f"UPDATE dish SET retired_at = now() WHERE id = '{fish}'", _NOW, goes_on),
        _trigger("ingredient.dus_dish_changed", _undeclared(fish), _NOW, goes_on),
        _trigger("kitchen_line.dus_dish_changed", lines, _NOW, goes_on, ground=on_line),
    ]


def _counting(field: Field) -> list[Control]:
    """What raises a revision, keeps a count, dates a proof: the attack asks whether the number is as it was."""
    h, p, fish = field.hospital, field.safe.patient, field.unsafe.dish
    ready = field.safe.trays["ready"]
    rev = f"SELECT safety_rev FROM patient_safety WHERE hospital = {h} AND patient = '{p}'"
    menu = f"SELECT rev FROM menu_revision WHERE hospital = {h}"
    facts = {
        "allergy": _allergy(field, "milk"),
        "npo_hold": _hold(field, field.safe),
        "diet_order": f"UPDATE diet_order SET status = 'revoked' WHERE patient = '{p}'",
        "admission": f"UPDATE admission SET ended_at = now(), end_reason = 'died' WHERE patient = '{p}'",
        "stay": f"UPDATE stay SET ended_at = now() WHERE patient = '{p}'",
    }
    food = {
        "recipe_line": _more_of(fish),
        "ingredient": _undeclared(fish),
        "dish": f"UPDATE dish SET retired_at = now() WHERE id = '{fish}'",
        "kitchen_line": f"UPDATE kitchen_line SET carries_over = NOT carries_over WHERE hospital = {h}",
    }
    return [
        *(_trigger(f"{table}.dus_fact_counted", *_unraised(rev, change)) for table, change in facts.items()),
        *(_trigger(f"{table}.dus_menu_raised", *_unraised(menu, change)) for table, change in food.items()),
        _trigger("safety_check.dus_check_stamped",
                 proof(field, field.safe, ready, "dispatch", txid="'1'") + " RETURNING 1 / (txid = '1')::int"),
        _trigger("patient_safety.dus_guard_born",
                 f"INSERT INTO patient_safety (hospital, patient, constraint_count) VALUES ({h}, '{p}', 1) RETURNING 1 / constraint_count",
                 ground=f"DELETE FROM patient_safety WHERE patient = '{p}'"),
    ]  # fmt: skip


def _unraised(revision: str, change: str) -> tuple[str, ...]:
    kept = f"SELECT set_config('noted.rev', ({revision})::text, true)"
    return kept, change, f"SELECT 1 / (({revision}) = current_setting('noted.rev')::bigint)::int"


def _unique(field: Field) -> list[Control]:
    h, safe, other = field.hospital, field.safe, field.unsafe.patient
    stop = f"INSERT INTO meal_stop (id, hospital, reason, set_by) SELECT {_ID}, {h}, 'a reason', {_ID} FROM generate_series(1, 2)"
    free = f"SELECT id FROM bed b WHERE b.hospital = {h} AND NOT EXISTS (SELECT FROM stay s WHERE s.bed = b.id) LIMIT 1"
    stay = f"INSERT INTO stay (id, hospital, admission, patient, bed) VALUES ({_ID}, {h}, '{safe.admission}', '{safe.patient}', ({free}))"
    taken = f"UPDATE stay SET bed = (SELECT bed FROM stay WHERE patient = '{other}')"
    was_there = f"UPDATE stay SET started_at = now() - interval '1 day' WHERE patient = '{other}'"
    ever = "ALTER TABLE stay DROP CONSTRAINT one_patient_per_bed_ever"
    return [
        _index("allergy.allergy_once", _allergy(field, "milk"), _allergy(field, "milk")),
        _index("meal_stop.meal_stop_once", stop),
        _index("stay.one_bed_per_patient", stay),
        _index("admission.admission_once", f"INSERT INTO admission (id, hospital, patient) VALUES ({_ID}, {h}, '{safe.patient}')"),
        Control("index stay.one_patient_per_bed", f"DROP INDEX one_patient_per_bed; {ever}", (f"{taken} WHERE patient = '{safe.patient}'",)),
        Control("check stay.one_patient_per_bed_ever", ever,
                (f"{taken}, started_at = now() - interval '2 h', ended_at = now() - interval '1 h' WHERE patient = '{safe.patient}'",),
                was_there),
        Control("check stay.stay_check", f"ALTER TABLE stay DROP CONSTRAINT stay_check; {ever}",
                (f"UPDATE stay SET ended_at = started_at - interval '1 h' WHERE patient = '{safe.patient}'",)),
        _index("order_line_change.order_line_change_old", _change(safe, "confirmed", _A), _change(safe, "confirmed", _B),
               _line(safe, "confirmed", _A), _line(safe, "confirmed", _B)),
        _index("order_line_change.order_line_change_new", _change(safe, "confirmed", _A), _change(safe, "preparing", _A),
               _line(safe, "confirmed", _A)),
        Control("index order_line_change.order_line_change_old_token_key",
                "ALTER TABLE order_line_change DROP CONSTRAINT order_line_change_old_token_key",
                (_change(safe, "confirmed", _A, token="'t'"), _change(safe, "preparing", _B, token="'t'"),
                 _line(safe, "confirmed", _A), _line(safe, "preparing", _B))),
    ]  # fmt: skip


def _checked(field: Field) -> list[Control]:
    safe, ready = field.safe, field.safe.trays["ready"]
    of_patient = f"WHERE patient = '{safe.patient}'"
    waiting = f"UPDATE {{}} SET {{}} {of_patient}"
    stop = f"INSERT INTO meal_stop (id, hospital, reason, set_by) VALUES ({_ID}, {field.hospital}, ' ', {_ID})"
    attacks = {
        "patient_safety.allergy_status": waiting.format("patient_safety", "allergy_status = 'fine'"),
        "allergy.severity": _allergy(field, "milk", severity="mild"),
        "npo_hold.": _hold(field, safe, end_at="now() - interval '2 h'"),
        "diet_order.food_level": waiting.format("diet_order", "food_level = 9"),
        "diet_order.drink_level": waiting.format("diet_order", "drink_level = 9"),
        "diet_order.codes": waiting.format("diet_order", "codes = '{}'"),
        "diet_order.status": waiting.format("diet_order", "status = 'maybe'"),
        "diet_order.": waiting.format("diet_order", "end_at = start_at"),
        "diet_order.1": waiting.format("diet_order", "signed_by = NULL"),
        "admission.payer_class": waiting.format("admission", "payer_class = 'nobody'"),
        "admission.end_reason": waiting.format("admission", "ended_at = now(), end_reason = 'bored'"),
        "safety_check.gate": proof(field, safe, ready, "side_door"),
        "safety_check.answer": proof(field, safe, ready, "dispatch", answer="'fine'"),
        "diet_override.source": _override(field, safe, ready, source="'NPO'"),
        "diet_override.reason": _override(field, safe, ready, reason="' '"),
        "diet_override.bound": _override(field, safe, ready, bound="'about'"),
        "diet_override.": _override(field, safe, ready, seconded_by=_prescriber(field, "doctor")),
        "diet_override.1": _override(field, safe, ready, expires_at="now() + interval '3 h'"),
        "diet_override.2": _override(field, safe, ready, seconded_at="NULL"),
        "meal_stop.reason": stop,
        "order_line_change.": _change(safe, "confirmed", "id"),
        "order_line.portion": _line(safe, "in_review", _A, portion="2"),
        "order_line.quantity": _line(safe, "in_review", _A, quantity="0"),
        "order_line.price_minor": _line(safe, "in_review", _A, price_minor="-1"),
    }
    why = (_change(safe, "confirmed", _A, why="'bored'"), _line(safe, "confirmed", _A))
    return [*(_check(name, attack) for name, attack in attacks.items()), _check("order_line_change.why", *why)]


def _walls(field: Field) -> list[Control]:
    stamp = f"SELECT set_config('app.hospital', '{field.other}', true)"
    tables = (
        "allergy", "diet_order", "patient_safety", "admission", "stay", "meal_order", "order_line", "dish", "ingredient",
        "recipe_line",
    )  # fmt: skip
    return [
        Control(
            f"wall {table}",
            f"DROP POLICY wall ON {table}; CREATE POLICY wall ON {table} TO dus_app USING (true)",
            (stamp, f"SELECT 1 / count(*) FROM {table} WHERE hospital = {field.hospital}"),
        )
        for table in tables
    ]


def _trigger(name: str, *attack: str, also: str = "", ground: str = "SELECT 1") -> Control:
    away = (
        f"DROP TRIGGER {trigger} ON {table}"
        for table, _, trigger in (one.partition(".") for one in (name, also) if one)
    )
    return Control(f"trigger {name}", "; ".join(away), attack, ground)


def _index(name: str, *attack: str) -> Control:
    return Control(f"index {name}", f"DROP INDEX {name.partition('.')[2]}", attack)


def _check(name: str, *attack: str) -> Control:
    """A CHECK as PostgreSQL names it: by its column, or by a number where it is about several."""
    table, _, column = name.partition(".")
    constraint = f"{table}_check{column}" if not column or column.isdigit() else f"{table}_{column}_check"
    return Control(f"check {table}.{constraint}", f"ALTER TABLE {table} DROP CONSTRAINT {constraint}", attack)


def _copy_of(order: UUID, status: str) -> str:
    columns = "patient, admission, day, period, serve_from, serve_to, cutoff_at, items_minor, total_minor, placed_by, placed_as"
    return (
        f"INSERT INTO meal_order (id, hospital, code, tray_token, status, {columns}) SELECT gen_random_uuid(), hospital, "
        f"'N' || left(code, 6), gen_random_uuid(), '{status}', {columns} FROM meal_order WHERE id = '{order}'"
    )


def _insert(table: str, values: dict[str, str], lies: dict[str, str]) -> str:
    says = {"id": _ID} | values | lies
    return f"INSERT INTO {table} ({', '.join(says)}) VALUES ({', '.join(says.values())})"


def _allergy(field: Field, code: str, severity: str = "severe") -> str:
    p = f"'{field.safe.patient}'"
    says = {
        "hospital": str(field.hospital),
        "patient": p,
        "code": f"'{code}'",
        "severity": f"'{severity}'",
        "recorded_by": p,
    }
    return _insert("allergy", says, {})


def _hold(field: Field, bed: Bed, **lies: str) -> str:
    p = f"'{bed.patient}'"
    says = {
        "hospital": str(field.hospital),
        "patient": p,
        "reason": "'x'",
        "start_at": "now() - interval '1 h'",
        "set_by": p,
    }
    return _insert("npo_hold", says, lies)


def _override(field: Field, bed: Bed, tray: UUID, **lies: str) -> str:
    """An override of fish, good in every part, but for the lies."""
    p = f"'{bed.patient}'"
    says = {
        "hospital": str(field.hospital), "patient": p, "day": f"(SELECT day FROM meal_order WHERE id = '{tray}')",
        "period": "'lunch'", "dish": f"'{bed.dish}'", "source": "'ALLERGY'", "rule": "'contains'", "subject": "'fish'",
        "scope": "'item'", "reason": "'a reason'", "given_by": _prescriber(field, "doctor"), "seconded_by": _prescriber(field, "nutritionist"),
        "seconded_at": "now()",
        "safety_rev": f"(SELECT safety_rev FROM patient_safety WHERE patient = {p})", "expires_at": "now() + interval '1 h'",
    }  # fmt: skip
    return _insert("diet_override", says, lies)


def _prescriber(field: Field, role: str) -> str:
    return f"(SELECT app_user FROM membership WHERE hospital = {field.hospital} AND role = '{role}' LIMIT 1)"


def _change(bed: Bed, status: str, line: str, *, token: str = _ID, why: str = "'spoiled'") -> str:
    """The note of a substitution of the one line of a tray by another."""
    return (
        "INSERT INTO order_line_change (id, hospital, meal_order, old_line, new_line, old_token, why, changed_by) "
        f"SELECT {_ID}, hospital, meal_order, id, {line}, {token}, {why}, {_ID} "
        f"FROM order_line WHERE meal_order = '{bed.trays[status]}'"
    )


def _line(bed: Bed, status: str, line: str, **lies: str) -> str:
    tray = bed.trays[status]
    says = {
        "id": line, "hospital": f"(SELECT hospital FROM meal_order WHERE id = '{tray}')", "meal_order": f"'{tray}'",
        "position": "2", "dish": f"'{bed.dish}'", "dish_code": "'X'", "name_en": "'x'", "name_fr": "'x'", "name_rw": "'x'",
        "portion": "1", "quantity": "1", "price_minor": "1", "recipe_rev": "1",
    }  # fmt: skip
    return _insert("order_line", says, lies)


def _more_of(dish: UUID) -> str:
    return f"UPDATE recipe_line SET grams = grams + 1 WHERE dish = '{dish}'"


def _undeclared(dish: UUID) -> str:
    return f"UPDATE ingredient SET declared_on = NULL WHERE id IN (SELECT ingredient FROM recipe_line WHERE dish = '{dish}')"
