"""Cases: one what-if per line of JSON, parsed, judged and answered."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from dusangire.menu.rules import NUTRIENTS, TAGS, Declaration, DishFacts, Nutrients

from . import reading as read
from .facts import (
    Allergy,
    DietOrderFacts,
    Gate,
    HoldFacts,
    OtherTray,
    OwnLimit,
    PatientFacts,
    Serving,
    Tray,
    TrayLine,
    keys,
)
from .manual import Manual
from .verdict import verdict

_TOP = {"id", "patient", "tray", "other_trays", "now", "dish_facts"}
_TOP_MORE = {"note", "expected"}
_PATIENT = {
    "admission",
    "hospitals",
    "clock_skew_s",
    "allergy_status",
    "allergies",
    "diets",
    "npo",
    "weight_kg",
    "iddsi_food",
    "iddsi_drink",
    "ordered_by",
    "params",
    "uncoded_free_text",
    "active_constraint_count",
    "rows_read",
}
_TRAY = {"meal", "gate", "date", "serve_at", "lines"}
_OTHER = {"meal", "date", "status", "lines"}
_ORDER = {"code", "status", "signed_at", "start", "end"}
_DISH = {"allergens", "may_contain", "declaration", "ingredients", "native", "achievable", "category", "name"}
_TEST_TAGS = frozenset({"vegetarian", "vegan", "halal", "low_residue"})


class Case(Struct, frozen=True):
    """One parsed case. `dishes` are the menu's with the case's own facts laid over them."""

    id: str
    patient: PatientFacts
    tray: Tray
    others: tuple[OtherTray, ...]
    dishes: Mapping[str, DishFacts]
    now: datetime


class CaseAnswer(Struct, frozen=True):
    """What `dusangire judge` prints for one case."""

    id: str
    verdict: str
    reasons: list[list[str]]
    asks: list[list[str]]
    advice: list[list[str]]


def judge_line(text: str, manual: Manual, dishes: Mapping[str, DishFacts]) -> str:
    """Return the answer to one case as a line of JSON; a line that cannot be read gives `{"id", "error"}`."""
    found: Any = None
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=read.not_a_number, object_pairs_hook=read.once)
        answer = judge_case(parse(found, dishes), manual)
    except (ValueError, RecursionError) as error:
        name = found.get("id") if isinstance(found, dict) else None
        return json.dumps({"id": name if isinstance(name, str) else None, "error": str(error)})
    return json.dumps(msgspec.to_builtins(answer))


def judge_case(case: Case, manual: Manual) -> CaseAnswer:
    """Return the answer to one case."""
    found = verdict(case.patient, case.tray, case.others, manual, case.dishes, case.now)
    return CaseAnswer(case.id, str(found.answer), keys(found.reasons), keys(found.asks), keys(found.advice))


def parse(found: Any, dishes: Mapping[str, DishFacts]) -> Case:
    """Return one case from decoded JSON. Raises ValueError naming what is unknown, missing or malformed."""
    top = read.fields(found, "case", needs=_TOP - {"other_trays", "dish_facts"}, may=_TOP | _TOP_MORE)
    now = read.instant(top["now"], "now")
    return Case(
        id=read.text(top["id"], "id"),
        patient=_patient(top["patient"], now.date()),
        tray=_tray(top["tray"]),
        others=tuple(_other(item, where) for item, where in read.each(top.get("other_trays") or [], "other_trays")),
        dishes={**dishes, **_dishes(top.get("dish_facts") or {}, dishes)},
        now=now,
    )


def _patient(found: Any, today: date) -> PatientFacts:
    optional = {"clock_skew_s", "npo", "weight_kg", "iddsi_food", "iddsi_drink", "params", "uncoded_free_text"}
    facts = read.fields(found, "patient", needs=_PATIENT - optional, may=_PATIENT)
    hospitals = [read.whole(item, where) for item, where in read.each(facts["hospitals"], "patient.hospitals")]
    weight_kg = read.maybe_number(facts.get("weight_kg"), "patient.weight_kg")
    return PatientFacts(
        admission=read.text(facts["admission"], "patient.admission"),
        hospitals=tuple(hospitals),
        allergy_status=read.text(facts["allergy_status"], "patient.allergy_status"),
        allergies=tuple(_allergy(item, where) for item, where in read.each(facts["allergies"], "patient.allergies")),
        diets=tuple(_order(item, where) for item, where in read.each(facts["diets"], "patient.diets")),
        holds=tuple(_hold(item, where) for item, where in read.each(facts.get("npo") or [], "patient.npo")),
        weight_kg=weight_kg,
        weight_on=None if weight_kg is None else today,
        iddsi_food=read.maybe_whole(facts.get("iddsi_food"), "patient.iddsi_food"),
        iddsi_drink=read.maybe_whole(facts.get("iddsi_drink"), "patient.iddsi_drink"),
        ordered_by=read.text(facts["ordered_by"], "patient.ordered_by"),
        own_limits=_own_limits(facts.get("params")),
        uncoded_free_text=facts.get("uncoded_free_text") and read.text(facts["uncoded_free_text"], "uncoded_free_text"),
        active_constraint_count=read.whole(facts["active_constraint_count"], "patient.active_constraint_count"),
        rows_read=read.whole(facts["rows_read"], "patient.rows_read"),
        clock_skew_s=read.number(facts.get("clock_skew_s", 0), "patient.clock_skew_s"),
    )


def _allergy(found: Any, where: str) -> Allergy:
    row = read.fields(found, where, needs={"code", "severity"}, may={"code", "severity", "kind"})
    kind = row.get("kind")
    return Allergy(
        code=read.text(row["code"], f"{where}.code"),
        severity=read.text(row["severity"], f"{where}.severity"),
        kind=None if kind is None else read.text(kind, f"{where}.kind"),
    )


def _order(found: Any, where: str) -> DietOrderFacts:
    row = read.fields(found, where, needs={"code", "status", "start"}, may=_ORDER)
    return DietOrderFacts(
        code=read.text(row["code"], f"{where}.code"),
        status=read.text(row["status"], f"{where}.status"),
        signed_at=read.maybe_instant(row.get("signed_at"), f"{where}.signed_at"),
        start=read.instant(row["start"], f"{where}.start"),
        end=read.maybe_instant(row.get("end"), f"{where}.end"),
    )


def _hold(found: Any, where: str) -> HoldFacts:
    row = read.fields(found, where, needs={"start"}, may={"start", "end", "cancelled_at", "reason"})
    return HoldFacts(
        start=read.instant(row["start"], f"{where}.start"),
        end=read.maybe_instant(row.get("end"), f"{where}.end"),
        cancelled_at=read.maybe_instant(row.get("cancelled_at"), f"{where}.cancelled_at"),
    )


def _own_limits(found: Any) -> dict[str, OwnLimit]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise read.CaseError("patient.params: an object or null is expected")
    return {name: _own_limit(name, bounds) for name, bounds in found.items()}


def _own_limit(name: str, found: Any) -> OwnLimit:
    where = f"patient.params.{name}"
    bounds = read.fields(found, where, needs=set(), may={"min", "max"})
    return OwnLimit(
        least=read.maybe_number(bounds.get("min"), f"{where}.min"),
        most=read.maybe_number(bounds.get("max"), f"{where}.max"),
        by_doctor=True,
    )


def _tray(found: Any) -> Tray:
    row = read.fields(found, "tray", needs=_TRAY, may=_TRAY)
    serving = Serving(
        meal=read.meal(row["meal"], "tray.meal"),
        day=read.day(row["date"], "tray.date"),
        serve_at=read.instant(row["serve_at"], "tray.serve_at"),
    )
    gate = read.text(row["gate"], "tray.gate")
    if gate not in list(Gate):
        raise read.CaseError(f"tray.gate: unknown gate {gate!r}")
    return Tray(serving=serving, gate=Gate(gate), lines=_lines(row["lines"], "tray.lines"))


def _other(found: Any, where: str) -> OtherTray:
    row = read.fields(found, where, needs=_OTHER, may=_OTHER | _TRAY)
    return OtherTray(
        meal=read.meal(row["meal"], f"{where}.meal"),
        day=read.day(row["date"], f"{where}.date"),
        status=read.text(row["status"], f"{where}.status"),
        lines=_lines(row["lines"], f"{where}.lines"),
        serve_at=read.maybe_instant(row.get("serve_at"), f"{where}.serve_at"),
    )


def _lines(found: Any, where: str) -> tuple[TrayLine, ...]:
    return tuple(_line(item, at) for item, at in read.each(found, where))


def _line(found: Any, where: str) -> TrayLine:
    row = read.fields(found, where, needs={"dish", "portion", "qty"}, may={"dish", "portion", "qty"})
    quantity = read.number(row["qty"], f"{where}.qty")
    return TrayLine(
        dish=read.text(row["dish"], f"{where}.dish"),
        portion=read.number(row["portion"], f"{where}.portion"),
        quantity=int(quantity) if quantity == int(quantity) else quantity,
    )


def _dishes(found: Any, menu: Mapping[str, DishFacts]) -> dict[str, DishFacts]:
    if not isinstance(found, dict):
        raise read.CaseError("dish_facts: an object is expected")
    return {code: _dish(code, facts, menu.get(code) or _test_dish(code)) for code, facts in found.items()}


def _test_dish(code: str) -> DishFacts:
    nothing = Nutrients(**dict.fromkeys(NUTRIENTS, Decimal(0)))
    return DishFacts(
        code=code,
        nutrients=nothing,
        declaration=Declaration.CURRENT,
        tags=_TEST_TAGS,
        native="F7",
        achievable=frozenset({7}),
    )


def _dish(code: str, found: Any, base: DishFacts) -> DishFacts:
    where = f"dish_facts.{code}"
    facts = read.fields(found, where, needs=set(), may=_DISH | set(NUTRIENTS) | set(TAGS))
    changed: dict[str, Any] = {}
    for name in ("category", "native", "name"):
        if name in facts:
            changed[name] = read.text(facts[name], f"{where}.{name}")
    for name in ("allergens", "may_contain"):
        if name in facts:
            changed[name] = frozenset(read.names(facts[name], f"{where}.{name}"))
    if "ingredients" in facts:
        known = facts["ingredients"]
        changed["ingredients"] = None if known is None else tuple(read.names(known, f"{where}.ingredients"))
    if "achievable" in facts:
        levels = read.each(facts["achievable"], f"{where}.achievable")
        changed["achievable"] = frozenset(read.whole(level, at) for level, at in levels)
    if "declaration" in facts:
        changed["declaration"] = _declaration(facts["declaration"])
    amounts = {name: read.maybe_number(facts[name], f"{where}.{name}") for name in NUTRIENTS if name in facts}
    changed["nutrients"] = msgspec.structs.replace(base.nutrients, **amounts)
    told = {tag: read.maybe_fact(facts[tag], f"{where}.{tag}") for tag in TAGS if tag in facts}
    changed["tags"] = base.tags - told.keys() | {tag for tag, fact in told.items() if fact}
    changed["unknown_tags"] = base.unknown_tags - told.keys() | {tag for tag, fact in told.items() if fact is None}
    return msgspec.structs.replace(base, **changed)


def _declaration(found: Any) -> Declaration:
    return Declaration(found) if found in list(Declaration) else Declaration.MISSING
