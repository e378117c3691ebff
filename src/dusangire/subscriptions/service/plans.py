"""Plans as data: loaded once, edited by making a new version. What runs keeps the version it was sold at."""

import csv
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.kernel.text import has, say
from dusangire.subscriptions import queries
from dusangire.subscriptions.rules import SPAN_DAYS, ForRole, LoyaltyRule, Span, Terms, plans
from dusangire.subscriptions.rules.worth import regular
from dusangire.subscriptions.service.loyalty import keep_rule
from dusangire.subscriptions.tables import Plan as Row

_SEED = Path(__file__).resolve().parents[2] / "seed" / "plans.csv"


class Edit(Struct, frozen=True):
    """A plan as the office writes it."""

    code: str
    name_en: str
    name_fr: str
    name_rw: str
    terms: Terms
    note: str = ""


async def load_starter(actor: Actor) -> None:
    """Load the starter plans and the rule of points, unless the hospital has plans. Twice is once."""
    async with transaction():
        if await queries.current(actor):
            return
        for edit in starter():
            await _write(actor, edit, rev=1)
        await keep_rule(actor, LoyaltyRule())


def starter() -> list[Edit]:
    """Return the plans of the seed file."""
    with _SEED.open(encoding="utf-8", newline="") as file:
        return [_edit(row) for row in csv.DictReader(file)]


async def add_plan(actor: Actor, edit: Edit) -> UUID:
    """Sell a new plan from now on. Raises Refusal for a code that was used before, and for terms that make no sense."""
    _refuse_wrong(edit)
    async with transaction():
        made = await _write(actor, edit, rev=1)
        if made is None:
            raise Refusal("plans.form.code_taken", status=422)
    return made


async def change_plan(actor: Actor, edit: Edit) -> UUID:
    """Sell a plan at new terms from now on; what runs keeps the terms it was sold at. Raises Refusal, NotHere."""
    _refuse_wrong(edit)
    async with transaction():
        await _lock(actor, edit.code)
        newest = (await queries.versions(actor, edit.code))[0]
        await Row.update({Row.replaced_at: clock.now()}).where(mine(Row, actor), Row.id == newest.id)
        made = await _write(actor, edit, rev=newest.rev + 1)
        if made is None:
            raise Refusal("plans.form.code_taken", status=422)
    return made


async def offer(actor: Actor, code: str, *, is_offered: bool) -> None:
    """Sell a plan again, or to nobody new. Raises NotHere."""
    async with transaction():
        newest = (await queries.versions(actor, code))[0]
        await Row.update({Row.is_offered: is_offered}).where(mine(Row, actor), Row.id == newest.id)
        await record(actor, "plan_terms:offered" if is_offered else "plan_terms:withdrawn", f"plan_terms:{code}")


async def _lock(actor: Actor, code: str) -> None:
    await fetch_value(
        "SELECT id FROM plan WHERE hospital = $1 AND code = $2 AND replaced_at IS NULL FOR NO KEY UPDATE",
        actor.hospital,
        code,
    )


async def _write(actor: Actor, edit: Edit, *, rev: int) -> UUID | None:
    said = edit.terms
    made = (
        await Row.insert(
            Row(
                id=uuid7(), hospital=actor.hospital, code=edit.code, rev=rev, name_en=edit.name_en,
                name_fr=edit.name_fr, name_rw=edit.name_rw, note=edit.note, for_role=said.for_role.value,
                span=said.span.value,
                period_days=SPAN_DAYS[said.span], meals=said.meals, letters=list(said.letters),
                each_meal=said.each_meal, daily_cap=said.daily_cap, regular_minor=said.regular_minor,
                discount_percent=said.discount_percent, price_minor=said.price.minor,
                needs_diet=list(said.needs_diet), made_by=actor.user, made_at=clock.now(),
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(Row.id)
    )  # fmt: skip
    if not made:
        return None
    await record(
        actor, "plan_terms:changed", f"plan_terms:{edit.code}", rev=rev, price=said.price.minor,
        regular=said.regular_minor, discount=said.discount_percent,
    )  # fmt: skip
    return UUID(str(made[0]["id"]))


def _refuse_wrong(edit: Edit) -> None:
    wrong = plans.problem(edit.terms)
    if wrong:
        raise Refusal(wrong[1], status=422)


def _edit(row: dict[str, str]) -> Edit:
    key, percent = f"plan.{row['code']}", int(row["discount_percent"])
    names = {lang: say(lang, key) if has(key) else row["name_en"] for lang in ("fr", "rw")}
    terms = Terms(
        for_role=ForRole(row["for_role"]),
        span=Span(row["period"]),
        meals=_whole(row["meals"]),
        letters=tuple(row["meal_periods"].split("|")),
        each_meal=_whole(row["each_meal"]),
        daily_cap=int(row["daily_cap"]),
        regular_minor=regular(Money(int(row["price_rwf"])), percent).minor,
        discount_percent=percent,
        needs_diet=tuple(code for code in row["needs_diet"].split("|") if code),
    )
    return Edit(row["code"], row["name_en"], names["fr"], names["rw"], terms, row["note"])


def _whole(said: str) -> int | None:
    return int(said) if said else None
