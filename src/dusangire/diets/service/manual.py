"""The diet manual: loaded from what the program comes with."""

from decimal import Decimal
from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.tables import Diet, DietRule, ManualRevision
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record


async def load_starter(actor: Actor) -> int:
    """Write the diets and rules the hospital does not have yet; return how many diets were new.

    A diet that is there keeps its rules, whatever they have become. Raises ValueError for a kind nobody knows.
    """
    queries.starter_manual()  # every rule must be one the verdict knows before any is written
    async with transaction():
        has = {row.code for row in await queries.diet_rows(actor)}
        rows = [row for row in queries.seed_rows("diets") if row["code"] not in has]
        new = [_diet(actor, made, row) for made, row in zip(_ids(len(rows)), rows, strict=True)]
        ids = {diet.code: diet.id for diet in new}
        lines = [row for row in queries.seed_rows("diet_rules") if row["diet_code"] in ids]
        rules = [
            _rule(actor, made, ids[row["diet_code"]], row) for made, row in zip(_ids(len(lines)), lines, strict=True)
        ]
        if new:
            await Diet.insert(*new)
            await DietRule.insert(*rules)
            await _raise_revision(actor)
            await record(actor, "manual:loaded", f"manual:{actor.hospital}", diets=len(new), rules=len(rules))
    return len(new)


async def _raise_revision(actor: Actor) -> None:
    mine_only = ManualRevision.hospital == actor.hospital
    raised = (
        await ManualRevision.update({ManualRevision.rev: ManualRevision.rev + 1})
        .where(mine_only)
        .returning(ManualRevision.rev)
    )
    if not raised:
        await ManualRevision.insert(ManualRevision(hospital=actor.hospital, rev=1))


def _ids(count: int) -> list[UUID]:
    """Return new ids that sort as the rows are written: within one millisecond they would not by themselves."""
    return sorted(uuid7() for _ in range(count))


def _diet(actor: Actor, made: UUID, row: dict[str, str]) -> Diet:
    return Diet(
        id=made,
        hospital=actor.hospital,
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
    )


def _rule(actor: Actor, made: UUID, diet: UUID, row: dict[str, str]) -> DietRule:
    return DietRule(
        id=made,
        hospital=actor.hospital,
        diet=diet,
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
