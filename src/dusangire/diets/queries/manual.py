"""Reads of the diet manual: the hospital's own, and the one the program comes with."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

from msgspec import Struct

from dusangire.diets.rules import DishFacts, Manual, manual_from_rows
from dusangire.diets.rules.book import BookNote
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.menu.rules import dishes_from_rows

_SEED = Path(__file__).resolve().parents[2] / "seed"


class Revisions(Struct, frozen=True):
    """The revisions of a hospital's diet manual and of its menu."""

    manual: int
    menu: int


class DietRow(Struct, frozen=True):
    """One diet as the hospital keeps it."""

    code: str
    name_en: str
    name_fr: str
    name_rw: str
    kind: str
    item_rules: str
    note: str
    source: str
    standing: str
    validated_by: str

    @property
    def is_signed_off(self) -> bool:
        """Whether a nutritionist of the hospital has signed the diet's numbers."""
        return bool(self.validated_by) and not self.validated_by.upper().startswith("PENDING")


class RuleRow(Struct, frozen=True):
    """One rule as the hospital keeps it."""

    diet_code: str
    rule_kind: str
    subject: str
    scope: str
    min: Decimal | None
    max: Decimal | None
    severity: str
    standing: str
    source: str


class _Name(Struct, frozen=True):
    name: str


_kept: dict[int, tuple[Revisions, Manual]] = {}


async def manual_revision(actor: Actor) -> int:
    """Return the revision of the hospital's diet manual; 0 before there is one."""
    return (await revisions(actor)).manual


async def manual(actor: Actor, at: Revisions | None = None) -> Manual:
    """Return the hospital's manual, built once per revision of it and of the kitchen's ingredients.

    One statement; none where the caller has read the revisions of this moment already.
    """
    now = at or await revisions(actor)
    kept = _kept.get(actor.hospital)
    if kept is None or kept[0] != now:
        kept = (now, await _build(actor))
        _kept[actor.hospital] = kept
    return kept[1]


async def diet_rows(actor: Actor) -> list[DietRow]:
    """Return every diet of the manual, in the order it was written."""
    return await fetch(
        DietRow,
        """
        SELECT code, name_en, name_fr, name_rw, kind, item_rules, note, source, standing, validated_by
        FROM diet WHERE hospital = $1 ORDER BY id
        """,
        actor.hospital,
    )


async def rule_rows(actor: Actor) -> list[RuleRow]:
    """Return every rule of the manual, in the order it was written."""
    return await fetch(
        RuleRow,
        """
        SELECT d.code AS diet_code, r.rule_kind, r.subject, r.scope, r.min, r.max, r.severity, r.standing, r.source
        FROM diet_rule r JOIN diet d ON d.hospital = r.hospital AND d.id = r.diet
        WHERE r.hospital = $1 ORDER BY r.id
        """,
        actor.hospital,
    )


async def note_rows(actor: Actor) -> list[BookNote]:
    """Return every note on medicines and food, in the order it was written."""
    return await fetch(
        BookNote,
        """
        SELECT flag, subject_kind, subject, threshold, kind, text_key, source
        FROM food_drug_note WHERE hospital = $1 ORDER BY id
        """,
        actor.hospital,
    )


async def ingredient_names(actor: Actor) -> list[str]:
    """Return the names of everything the kitchen buys: what an allergy can be coded to besides the groups."""
    rows = await fetch(_Name, "SELECT name FROM ingredient WHERE hospital = $1 ORDER BY name", actor.hospital)
    return [row.name for row in rows]


def seed_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of one file the program comes with."""
    with (_SEED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def starter_manual() -> Manual:
    """Return the manual the program comes with, without a database."""
    return manual_from_rows(
        seed_rows("diets"), seed_rows("diet_rules"), seed_rows("ingredients"), seed_rows("food_drug_notes")
    )


@cache
def starter_dishes() -> Mapping[str, DishFacts]:
    """Return the dishes the program comes with, without a database."""
    return dishes_from_rows(seed_rows("menu"), seed_rows("ingredients"), seed_rows("recipe_lines"))


async def revisions(actor: Actor) -> Revisions:
    """Return both revisions as they are now, 0 before there is anything; read once for all that is judged at once."""
    found = await fetch_one(
        Revisions,
        """
        SELECT coalesce((SELECT rev FROM manual_revision WHERE hospital = $1), 0) AS manual,
               coalesce((SELECT rev FROM menu_revision WHERE hospital = $1), 0) AS menu
        """,
        actor.hospital,
    )
    return found or Revisions(0, 0)


async def keep_revisions(actor: Actor) -> None:
    """Let nobody change the menu or the manual from here to the end of the caller's transaction."""
    await fetch(
        Revisions,
        """
        SELECT r.rev AS manual, m.rev AS menu FROM menu_revision m, manual_revision r
        WHERE m.hospital = $1 AND r.hospital = $1 FOR SHARE
        """,
        actor.hospital,
    )


async def _build(actor: Actor) -> Manual:
    diets = [
        {"code": row.code, "name_en": row.name_en, "kind": row.kind, "note": row.note, "validated_by": row.validated_by}
        for row in await diet_rows(actor)
    ]
    rules = [
        {
            "diet_code": row.diet_code,
            "rule_kind": row.rule_kind,
            "nutrient_or_tag": row.subject,
            "scope": row.scope,
            "min": _plain(row.min),
            "max": _plain(row.max),
            "severity": row.severity,
            "source": row.source,
        }
        for row in await rule_rows(actor)
    ]
    notes = [
        {
            "flag": row.flag,
            "subject_kind": row.subject_kind,
            "subject": row.subject,
            "threshold": _plain(row.threshold),
            "kind": row.kind,
            "text_key": row.text_key,
            "source": row.source,
        }
        for row in await note_rows(actor)
    ]
    return manual_from_rows(diets, rules, [{"ingredient": name} for name in await ingredient_names(actor)], notes)


def _plain(bound: Decimal | None) -> str:
    return "" if bound is None else f"{bound.normalize():f}"
