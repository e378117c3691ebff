"""The diet manual: loaded from what the program comes with."""

from decimal import Decimal

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
        new = [_diet(actor, row) for row in queries.seed_rows("diets") if row["code"] not in has]
        ids = {diet.code: diet.id for diet in new}
        rules = [
            _rule(actor, ids[row["diet_code"]], row)
            for row in queries.seed_rows("diet_rules")
            if row["diet_code"] in ids
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


def _diet(actor: Actor, row: dict[str, str]) -> Diet:
    return Diet(
        id=uuid7(),
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


def _rule(actor: Actor, diet: object, row: dict[str, str]) -> DietRule:
    return DietRule(
        id=uuid7(),
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
