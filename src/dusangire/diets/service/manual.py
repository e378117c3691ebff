"""The diet manual: loaded from what the program comes with, and each version of it kept as it was signed."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from dusangire.diets import queries
from dusangire.diets.rules.book import Book, BookDiet, BookNote, BookRule
from dusangire.diets.service.feed_products import load_products
from dusangire.diets.tables import Diet, DietRule, FoodDrugNote, ManualRevision, ManualVersion
from dusangire.kernel import clock
from dusangire.kernel.access import NOBODY, Actor
from dusangire.kernel.db import execute, mine, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record

T = TypeVar("T")


async def load_starter(actor: Actor) -> int:
    """Write the diets, rules and notes the hospital does not have yet; return how many diets were new.

    A diet that is there keeps its rules, whatever they have become. Raises ValueError for a kind nobody knows.
    """
    queries.starter_manual()  # every rule must be one the verdict knows before any is written
    async with transaction():
        await queries.locked_revision(actor)
        now = await queries.book(actor)
        has = {diet.code for diet in now.diets}
        new = [diet for diet in starter_book().diets if diet.code not in has]
        if new:
            await write_diets(actor, new)
            if not now.notes:
                await write_notes(actor, starter_book().notes)
            rev = await raise_revision(actor)
            await keep_version(actor, rev, changed=[diet.code for diet in new])
            rules = sum(len(diet.rules) for diet in new)
            await load_products(actor)
            await record(actor, "manual:loaded", f"manual:{actor.hospital}", diets=len(new), rules=rules)
    return len(new)


def starter_book() -> Book:
    """Return the manual the program comes with, as written."""
    rules: dict[str, list[BookRule]] = {}
    for row in queries.seed_rows("diet_rules"):
        rules.setdefault(row["diet_code"], []).append(_rule(row))
    diets = tuple(_diet(row, tuple(rules.get(row["code"], ()))) for row in queries.seed_rows("diets"))
    notes = [{**row, "threshold": row["threshold"] or None} for row in queries.seed_rows("food_drug_notes")]
    return Book(diets, msgspec.convert(notes, tuple[BookNote, ...]))


async def raise_revision(actor: Actor) -> int:
    """Raise the manual's revision and return it; every verdict from now on is by the new one."""
    raised = (
        await ManualRevision.update({ManualRevision.rev: ManualRevision.rev + 1})
        .where(ManualRevision.hospital == actor.hospital)
        .returning(ManualRevision.rev)
    )
    if raised:
        return int(raised[0]["rev"])
    await ManualRevision.insert(ManualRevision(hospital=actor.hospital, rev=1))
    return 1


async def keep_version(
    actor: Actor, rev: int, *, changed: Iterable[str], note: str = "", drafted_by: UUID | None = None
) -> None:
    """Keep the manual as it now stands in the tables, once and for all."""
    await ManualVersion.insert(
        ManualVersion(
            id=uuid7(),
            hospital=actor.hospital,
            rev=rev,
            content=msgspec.json.encode(await queries.book(actor)).decode(),
            note=note,
            changed=list(changed),
            drafted_by=drafted_by,
            signed_by=None if drafted_by is None or actor.user == NOBODY else actor.user,
            signed_at=clock.now(),
        )
    )


async def write_diets(actor: Actor, diets: Iterable[BookDiet]) -> None:
    """Write diets as they read: new ones with new ids, the others over what they were, their rules anew."""
    rows = await Diet.select(Diet.id, Diet.code).where(mine(Diet, actor))
    known = {row["code"]: row["id"] for row in rows}
    written = list(diets)
    new = dict(_numbered(diet for diet in written if diet.code not in known))
    for diet in written:
        if diet.code in known:
            await _overwrite(actor, known[diet.code], diet)
    if new:
        await Diet.insert(
            *(Diet(id=one, hospital=actor.hospital, code=diet.code, **_words(diet)) for one, diet in new.items())
        )
    known |= {diet.code: one for one, diet in new.items()}
    rules = [(known[diet.code], rule) for diet in written for rule in diet.rules]
    made = [
        DietRule(id=one, hospital=actor.hospital, diet=diet, **msgspec.structs.asdict(rule))
        for one, (diet, rule) in _numbered(rules)
    ]
    if made:
        await DietRule.insert(*made)


async def _overwrite(actor: Actor, diet: UUID, written: BookDiet) -> None:
    await Diet.update(_words(written)).where(mine(Diet, actor), Diet.id == diet)
    await execute("DELETE FROM diet_rule WHERE hospital = $1 AND diet = $2", actor.hospital, diet)


def _words(diet: BookDiet) -> dict[Any, Any]:
    return {name: getattr(diet, name) for name in BookDiet.__struct_fields__ if name not in ("code", "rules")}


async def write_notes(actor: Actor, notes: Iterable[BookNote]) -> None:
    """Write the notes on medicines and food in place of those there were."""
    await execute("DELETE FROM food_drug_note WHERE hospital = $1", actor.hospital)
    made = [
        FoodDrugNote(id=one, hospital=actor.hospital, **msgspec.structs.asdict(note)) for one, note in _numbered(notes)
    ]
    if made:
        await FoodDrugNote.insert(*made)


def _numbered(rows: Iterable[T]) -> list[tuple[UUID, T]]:
    """Return the rows with new ids that sort as they are written: within one millisecond uuid7 alone would not."""
    found = list(rows)
    return list(zip(sorted(uuid7() for _ in found), found, strict=True))


def _diet(row: dict[str, str], rules: tuple[BookRule, ...]) -> BookDiet:
    return BookDiet(
        code=row["code"],
        name_en=row["name_en"],
        name_fr=row["name_fr"],
        name_rw=row["name_rw"],
        kind=row["kind"],
        item_rules=row["item_rules"],
        note=row["note"],
        source=row["source"],
        standing=row["standard_or_house"],
        validated_by=row["validated_by"],
        rules=rules,
    )


def _rule(row: dict[str, str]) -> BookRule:
    return BookRule(
        rule_kind=row["rule_kind"],
        subject=row["nutrient_or_tag"],
        scope=row["scope"],
        min=_bound(row["min"]),
        max=_bound(row["max"]),
        severity=row["severity"],
        standing=row["default_or_standard"],
        source=row["source"],
    )


def _bound(text: str) -> Decimal | None:
    return Decimal(text) if text else None
