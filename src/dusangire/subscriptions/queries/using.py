"""Reads that a meal on a plan asks for, and the allowance that is shown before and after it."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.phrase import Named
from dusangire.subscriptions.queries.subscriptions import Held
from dusangire.subscriptions.rules import LETTERS, No, Running, choose


class Use(Struct, frozen=True):
    """One meal had from a plan."""

    id: UUID
    term: UUID
    tray: UUID
    day: date
    letter: str
    worth_minor: int
    total_minor: int


class Allowance(Struct, frozen=True):
    """What somebody's plan holds before a meal, and after it. left: None where the plan counts no meals.

    why: why it would not pay for the meal that was asked about; None where it would.
    """

    name: Named
    code: str
    left: int | None
    meals: int | None
    left_today: int
    ends_on: date
    why: No | None

    @property
    def after(self) -> int | None:
        return self.left if self.left is None or self.why else self.left - 1

    @property
    def pays(self) -> bool:
        return self.why is None


class _Row(Struct, frozen=True):
    term: UUID
    subscription: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    letters: tuple[str, ...]
    starts_on: date
    ends_on: date
    price_minor: int
    meals: int | None
    used: int
    recognised_minor: int
    each_meal: int | None
    used_kind: int
    daily_cap: int
    used_day: int
    needs_diet: tuple[str, ...]


async def lock_wallet(actor: Actor, owner: UUID) -> None:
    """Keep the owner's plans until the transaction ends, by id; the facts are read in later statements."""
    await fetch_value(
        """
        SELECT count(*) FROM (SELECT id FROM subscription WHERE hospital = $1 AND owner = $2
            AND state NOT IN ('lapsed', 'ended') ORDER BY id FOR NO KEY UPDATE) AS kept
        """,
        actor.hospital,
        owner,
    )


async def usable(actor: Actor, owner: UUID, period: str, day: date) -> list[Running]:
    """Return the owner's running periods, with what was had of this kind of meal and on this day."""
    rows = await fetch(
        _Row,
        """
        SELECT t.id AS term, s.id AS subscription, p.code, p.name_en, p.name_fr, p.name_rw, p.letters, t.starts_on,
               t.ends_on, t.price_minor, t.meals, t.used, t.recognised_minor, p.each_meal, p.daily_cap, p.needs_diet,
               count(u.id) FILTER (WHERE u.letter = $3)::int AS used_kind,
               count(u.id) FILTER (WHERE u.day = $4)::int AS used_day
        FROM subscription s
        JOIN plan_term t ON t.hospital = s.hospital AND t.subscription = s.id AND t.state = 'running'
        JOIN plan p ON p.hospital = t.hospital AND p.id = t.plan
        LEFT JOIN plan_use u ON u.hospital = t.hospital AND u.term = t.id AND u.returned_at IS NULL
        WHERE s.hospital = $1 AND s.owner = $2 AND s.state IN ('running', 'ending') GROUP BY s.id, t.id, p.id
        """,
        actor.hospital,
        owner,
        LETTERS.get(period, ""),
        day,
    )
    return [_running(row) for row in rows]


async def diets_in_force(actor: Actor, owner: UUID, plans: list[Running]) -> frozenset[str]:
    """Return the codes that feed the patient now, where a plan asks for one; nothing is read where none does."""
    if not any(plan.needs_diet for plan in plans):
        return frozenset()
    return frozenset(code for order in await diets.diet_now(actor, owner) for code in order.codes)


async def allowance(actor: Actor, who: UUID, *, day: date | None = None, period: str = "") -> Allowance | None:
    """Return the allowance that would pay for a meal of this person; None where no plan of theirs runs.

    who: a patient's id, or the user's of a member of staff. Without a meal it is that of the plan that ends first.
    """
    on = day or clock.local_day(clock.now(), actor.zone)
    plans = sorted(await usable(actor, who, period, on), key=lambda one: (one.ends_on, one.term))
    if not plans:
        return None
    if not period:
        return _allowance(plans[0], None)
    chosen = choose(plans, period, on, await diets_in_force(actor, who, plans))
    return _allowance(plans[0], chosen) if isinstance(chosen, No) else _allowance(chosen, None)


async def allowance_of(actor: Actor, held: Held) -> Allowance | None:
    """Return what one subscription holds today; None where it does not run."""
    found = await usable(actor, held.subscription.owner, "", clock.local_day(clock.now(), actor.zone))
    return next((_allowance(one, None) for one in found if one.subscription == held.id), None)


async def use_of(actor: Actor, tray: UUID) -> Use | None:
    """Return the meal that pays for a tray and was not given back."""
    return await fetch_one(
        Use,
        """
        SELECT id, term, tray, day, letter, worth_minor, total_minor FROM plan_use
        WHERE hospital = $1 AND tray = $2 AND returned_at IS NULL
        """,
        actor.hospital,
        tray,
    )


async def last_eaten(actor: Actor, term: UUID) -> date | None:
    """Return the last day for which a meal was had from a period."""
    found: date | None = await fetch_value(
        "SELECT max(day) FROM plan_use WHERE hospital = $1 AND term = $2 AND returned_at IS NULL", actor.hospital, term
    )
    return found


def _running(row: _Row) -> Running:
    return Running(
        row.term, row.subscription, row.code, Named(row.name_en, row.name_fr, row.name_rw), row.letters, row.starts_on,
        row.ends_on, row.price_minor, row.meals, row.used, row.recognised_minor, row.each_meal, row.used_kind,
        row.daily_cap, row.used_day, row.needs_diet,
    )  # fmt: skip


def _allowance(plan: Running, why: No | None) -> Allowance:
    left_today = max(0, plan.daily_cap - plan.used_day)
    return Allowance(plan.name, plan.code, plan.meals_left, plan.meals, left_today, plan.ends_on, why)
