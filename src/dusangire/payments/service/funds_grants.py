"""Grants: a patient is helped with the cost of meals, by a person of the ward or, for one meal, by asking."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules.funds import Fund, Meal, Span, Why, may_give, serves
from dusangire.payments.tables import FundGrant
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service

ASKED_TASK = "help_with_cost"
EMPTY_TASK = "fund_empty"


class NewGrant(Struct, frozen=True):
    """How far a patient is helped. A fund is named by finance only; None is any that helps with the meal."""

    span: Span
    why: Why
    fund: UUID | None = None
    meals: int | None = None
    amount: Money | None = None


async def grant(actor: Actor, patient: UUID, wanted: NewGrant) -> UUID | None:
    """Help a patient with the cost of meals; None where no fund can, and finance is told instead.

    A grant that lasts as long and is limited by nothing is not made twice: the one that runs is returned.
    Raises Refusal for somebody who is not admitted.
    """
    today = clock.local_day(clock.now(), actor.zone)
    async with transaction():
        await ward_service.lock(actor, patient)
        person = await wards.person(actor, patient)
        if person.admission is None:
            raise Refusal("ward.not_admitted")
        running = _same(await queries.grants_for(actor, patient, today), wanted, today)
        if running is not None:
            return running
        if not _can_help(await queries.open_funds(actor), wanted.fund, person.ward, today):
            await diets.open_task(actor, EMPTY_TASK, about=f"ward:{person.ward}", link="/admin/funds/")
            return None
        made = await _write(actor, patient, person.admission, wanted, _last_day(wanted.span, today), key=None)
        await diets.close_task(actor, ASKED_TASK, patient=patient)
    return made


async def ask(actor: Actor, patient: UUID, *, day: date, period: str) -> bool:
    """Let a patient who cannot pay be helped with one meal at once; True where a grant will pay for it.

    In the caller's transaction, after the patient's lock. Only funds that help without the ward do;
    asking twice for one meal makes one grant.
    """
    person = await wards.person(actor, patient)
    if person.admission is None:
        return False
    if await queries.grants_for(actor, patient, day):
        return True
    meal = Meal(patient, patient, person.ward, day, period)
    fund = await _helps_at_once(actor, meal)
    if fund is None:
        return False
    wanted = NewGrant(Span.TODAY, Why.CANNOT_PAY, fund.id, meals=1)
    await _write(actor, patient, person.admission, wanted, day, key=f"{patient}:{day}:{period}")
    return True


async def ask_ward(actor: Actor, patient: UUID, about: str) -> None:
    """Leave the ward a task: somebody may need help with the cost of a meal, "order:<id>". Once while it is open."""
    await diets.open_task(actor, ASKED_TASK, patient=patient, about=about, link=f"/help/{patient}")


async def end(actor: Actor, grant_id: UUID) -> None:
    """End a grant; trays it pays for stay paid. Raises NotHere where it is over."""
    async with transaction():
        ended = (
            await FundGrant.update({FundGrant.ended_at: clock.now(), FundGrant.ended_by: actor.user})
            .where(mine(FundGrant, actor), FundGrant.id == grant_id, FundGrant.ended_at.is_null())
            .returning(FundGrant.patient)
        )
        if not ended:
            raise NotHere
        await record(actor, "grant:ended", f"grant:{grant_id}", also=[f"patient:{ended[0]['patient']}"])


async def follow_merged(actor: Actor, about: str) -> None:
    """Let what funds gave to a record that was merged count for the kept one. "patient:<kept>".

    A grant helps until its stay ends, and a record in a bed is never the one that goes: none begins anew here.
    """
    for table in ("fund_grant", "fund_claim"):
        await execute(
            f"""
            UPDATE {table} g SET patient = gone.merged_into FROM patient gone
            WHERE g.hospital = $1 AND gone.hospital = $1 AND gone.merged_into = $2 AND g.patient = gone.id
            """,  # noqa: S608  constants
            actor.hospital,
            UUID(about.partition(":")[2]),
        )


def _same(running: list[queries.Grant], wanted: NewGrant, today: date) -> UUID | None:
    if wanted.meals is not None or wanted.amount is not None or wanted.fund is not None:
        return None
    for one in running:
        lasts = one.last_day is None or (wanted.span is Span.TODAY and one.last_day == today)
        if one.is_whole and lasts:
            return one.id
    return None


def _can_help(funds: list[Fund], wanted: UUID | None, ward: UUID | None, today: date) -> bool:
    """Whether a fund helps on this ward today with at least one of the meals, and has something left."""
    return any(
        fund.left_minor > 0
        and (wanted is None or fund.id == wanted)
        and any(serves(fund, Meal(fund.id, fund.id, ward, today, period)) for period in fund.periods or ("lunch",))
        for fund in funds
    )


async def _helps_at_once(actor: Actor, meal: Meal) -> Fund | None:
    for fund in await queries.open_funds(actor):
        if fund.helps_at_once:
            spent = await queries.spent(actor, fund.id, meal.day, meal.patient)
            if may_give(fund, meal, spent, Money(1)):
                return fund
    return None


def _last_day(span: Span, today: date) -> date | None:
    return today if span is Span.TODAY else None


async def _write(
    actor: Actor, patient: UUID, admission: UUID, wanted: NewGrant, last_day: date | None, *, key: str | None
) -> UUID:
    made = uuid7()
    await FundGrant.insert(
        FundGrant(
            id=made, hospital=actor.hospital, fund=wanted.fund, patient=patient, admission=admission, key=key,
            reason=wanted.why.value, meals_left=wanted.meals,
            left_minor=wanted.amount.minor if wanted.amount else None, last_day=last_day, granted_by=actor.user,
            granted_at=clock.now(),
        )
    )  # fmt: skip
    await record(
        actor, "grant:made", f"grant:{made}", also=[f"patient:{patient}"], patient=str(patient), why=wanted.why.value,
        until=str(last_day or ""),
    )  # fmt: skip
    return made
