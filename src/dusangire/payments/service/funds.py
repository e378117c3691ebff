"""What funds pay: a tray's share within every limit, never more than there is, and given back once."""

from datetime import date
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments.queries import funds as queries
from dusangire.payments.queries.funds import Grant
from dusangire.payments.rules import Method, Payer
from dusangire.payments.rules.funds import Fund, Meal, may_give
from dusangire.payments.service.intents import Share
from dusangire.wards import queries as wards

# The fund's row is locked when this runs. Each condition stands in the write itself all the same, and the trace of the
# claim is written by the same statement.
CLAIM = """
    WITH granted AS (
        UPDATE fund_grant SET meals_left = meals_left - 1, left_minor = left_minor - $9
        WHERE hospital = $1 AND id = $3 AND ended_at IS NULL
          AND (meals_left IS NULL OR meals_left > 0) AND (left_minor IS NULL OR left_minor >= $9)
        RETURNING id
    ), paid AS (
        UPDATE fund SET left_minor = left_minor - $9
        WHERE hospital = $1 AND id = $2 AND stopped_at IS NULL AND left_minor >= $9
          AND ($3::uuid IS NULL OR EXISTS (SELECT FROM granted))
        RETURNING id
    )
    INSERT INTO fund_claim (id, hospital, fund, fund_grant, meal_order, patient, ward, day, period, amount_minor)
    SELECT $10, $1, paid.id, $3, $4, $5, $6, $7, $8, $9 FROM paid RETURNING id
"""


async def cover(actor: Actor, patient: UUID, order: UUID, rest: Money, *, day: date, period: str) -> Share | None:
    """Return the share of a tray that a grant pays, taken from its fund in the caller's transaction; None for nothing.

    The order's row may be written later in the transaction. Locks funds by id, then the grant. Never overspends.
    """
    grants = await queries.grants_for(actor, patient, day) if rest else []
    if not grants:
        return None
    person = await wards.person(actor, patient)
    meal = Meal(order, patient, person.ward, day, period)
    for grant in grants:
        share = await _by_grant(actor, grant, meal, rest)
        if share is not None:
            return share
    return None


async def offers(actor: Actor, patient: UUID, rest: Money, *, day: date, period: str) -> Money:
    """Return what `cover` would pay of a tray as things stand; nothing is taken or locked."""
    grants = await queries.grants_for(actor, patient, day)
    if not grants:
        return Money(0)
    person = await wards.person(actor, patient)
    meal = Meal(patient, patient, person.ward, day, period)
    open_now = await queries.open_funds(actor)
    offered = [Money(0)]
    for grant in grants:
        for fund in open_now:
            if grant.fund in (None, fund.id):
                offered.append(await _may_give(actor, fund, meal, rest, grant))
    return max(offered)


async def claim(actor: Actor, fund_id: UUID, meal: Meal, rest: Money) -> Share | None:
    """Return the share that a fund pays by the rule of a payer class, without a grant; None where it pays nothing."""
    for fund in await queries.locked_funds(actor, fund_id):
        return await _take(actor, fund, meal, rest, None)
    return None


async def give_back(actor: Actor, about: str) -> None:
    """Give a fund what came back of its payment; `about` is "payment:<id>".

    Once: it compares what was refunded with what was given back before.
    """
    payment = UUID(about.partition(":")[2])
    async with transaction():
        seen = await queries.claim_of_payment(actor, payment)
        if seen is None:
            return
        await queries.lock_fund(actor, seen.fund)
        now = await queries.claim_of_payment(actor, payment)
        if now is not None and now.refunded_minor > now.returned_minor:
            await execute(_GIVE_BACK, actor.hospital, now.id, min(now.refunded_minor, now.amount_minor))


_GIVE_BACK = """
    WITH back AS (
        UPDATE fund_claim c SET returned_minor = $3, returned_at = now()
        FROM fund_claim was
        WHERE c.hospital = $1 AND c.id = $2 AND was.hospital = c.hospital AND was.id = c.id AND c.returned_minor < $3
        RETURNING c.fund, c.fund_grant, $3 - was.returned_minor AS amount, ($3 = c.amount_minor)::int AS meals
    ), granted AS (
        UPDATE fund_grant g SET meals_left = g.meals_left + back.meals, left_minor = g.left_minor + back.amount
        FROM back WHERE g.hospital = $1 AND g.id = back.fund_grant
    )
    UPDATE fund f SET left_minor = f.left_minor + back.amount FROM back WHERE f.hospital = $1 AND f.id = back.fund
"""


async def _by_grant(actor: Actor, grant: Grant, meal: Meal, rest: Money) -> Share | None:
    """Try the grant's fund, or, where it names none, each that helps with this meal: who gives most comes first."""
    options = []
    for fund in await queries.locked_funds(actor, grant.fund):
        amount = await _may_give(actor, fund, meal, rest, grant)
        if amount:
            options.append((amount.minor, bool(fund.wards), -fund.left_minor, fund.id.int, fund))
    for *_, fund in sorted(options, key=lambda option: option[:-1], reverse=True):
        share = await _take(actor, fund, meal, rest, grant)
        if share is not None:
            return share
    return None


async def _take(actor: Actor, fund: Fund, meal: Meal, rest: Money, grant: Grant | None) -> Share | None:
    amount = await _may_give(actor, fund, meal, rest, grant)
    if not amount or await queries.has_claim(actor, fund.id, meal.order):
        return None
    made = await fetch_value(
        CLAIM, actor.hospital, fund.id, grant.id if grant else None, meal.order, meal.patient, meal.ward, meal.day,
        meal.period, amount.minor, uuid7(),
    )  # fmt: skip
    return Share(Method.FUND, amount, Payer.SPONSOR, source=fund.id) if made else None


async def _may_give(actor: Actor, fund: Fund, meal: Meal, rest: Money, grant: Grant | None) -> Money:
    spent = await queries.spent(actor, fund.id, meal.day, meal.patient)
    return may_give(fund, meal, spent, rest, grant.left_minor if grant else None)
