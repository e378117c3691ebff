"""Reads of plans: what is offered, and every version there was."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named
from dusangire.subscriptions.rules import ForRole, Span
from dusangire.subscriptions.rules.plans import role_of


class Plan(Struct, frozen=True):
    """One version of a plan."""

    id: UUID
    code: str
    rev: int
    name_en: str
    name_fr: str
    name_rw: str
    note: str
    for_role: ForRole
    span: Span
    period_days: int
    meals: int | None
    letters: tuple[str, ...]
    each_meal: int | None
    daily_cap: int
    regular_minor: int
    discount_percent: int
    price_minor: int
    needs_diet: tuple[str, ...]
    is_offered: bool
    made_at: datetime
    replaced_at: datetime | None

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def price(self) -> Money:
        return Money(self.price_minor)

    @property
    def regular(self) -> Money:
        return Money(self.regular_minor)

    @property
    def saving(self) -> Money:
        return self.regular - self.price


PLANS = """
    SELECT id, code, rev, name_en, name_fr, name_rw, note, for_role, span, period_days, meals, letters, each_meal,
           daily_cap, regular_minor, discount_percent, price_minor, needs_diet, is_offered, made_at, replaced_at
    FROM plan WHERE hospital = $1
"""


async def current(actor: Actor) -> list[Plan]:
    """Return the newest version of every plan, those no longer offered too."""
    return await fetch(Plan, PLANS + " AND replaced_at IS NULL ORDER BY for_role, price_minor, code", actor.hospital)


async def offered(actor: Actor, role: ForRole) -> list[Plan]:
    """Return what is sold to these people now, the cheapest first."""
    return [plan for plan in await current(actor) if plan.for_role is role and plan.is_offered]


async def plan(actor: Actor, plan_id: UUID) -> Plan:
    """Return one version. Raises NotHere."""
    found = await fetch_one(Plan, PLANS + " AND id = $2", actor.hospital, plan_id)
    if found is None:
        raise NotHere
    return found


async def offered_plan(actor: Actor, plan_id: UUID) -> Plan:
    """Return one version of a plan that the person who asks may be sold. Raises NotHere."""
    found = await plan(actor, plan_id)
    if found.for_role is not role_of(actor):
        raise NotHere
    return found


async def versions(actor: Actor, code: str) -> list[Plan]:
    """Return every version of a plan, the newest first. Raises NotHere."""
    found = await fetch(Plan, PLANS + " AND code = $2 ORDER BY rev DESC", actor.hospital, code)
    if not found:
        raise NotHere
    return found
