"""One period of a subscription: made once, begun when paid, earned by meal or by day, closed to the last franc."""

from datetime import date
from typing import Any
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine
from dusangire.kernel.ids import uuid7
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import CAPTURED
from dusangire.payments.rules.ledger import Account, move
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Plan, Subscription, Term
from dusangire.subscriptions.rules import TERM, TermState, TermVerb, days, worth
from dusangire.subscriptions.rules.worth import PlanEntry
from dusangire.subscriptions.tables import PlanTerm


async def claim(
    actor: Actor, subscription: UUID, plan: Plan, number: int, due_on: date, *, credit: int = 0
) -> Term | None:
    """Make the period with this number; None where somebody made it before: a renewal happens once, by this row."""
    made = (
        await PlanTerm.insert(
            PlanTerm(
                id=uuid7(), hospital=actor.hospital, subscription=subscription, number=number, plan=plan.id,
                price_minor=plan.price_minor, credit_minor=credit, period_days=plan.period_days, meals=plan.meals,
                due_on=due_on, made_at=clock.now(),
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(PlanTerm.id)
    )  # fmt: skip
    return await queries.term(actor, made[0]["id"]) if made else None


async def begin(actor: Actor, term: Term, today: date) -> bool:
    """Let a paid period begin today, and post its sale; False where it began before."""
    ends = days.ends_on(today, term.period_days)
    if not await _move(actor, term, TermVerb.START, {PlanTerm.starts_on: today, PlanTerm.ends_on: ends}):
        return False
    lines = move((Account.PLAN_DUE, term.id), (Account.DEFERRED_PLANS, term.id), term.price_minor)
    await payments.post(actor, PlanEntry.SOLD, f"plan:{term.subscription}", lines, key=f"plan:{term.id}")
    return True


async def drop(actor: Actor, term: Term) -> None:
    """Call off a period that never began; what was asked for it is cancelled, what still comes goes back."""
    if await _move(actor, term, TermVerb.DROP, {}):
        await payments.cancel(actor, term.id, why="dropped")


async def earn_days(actor: Actor, term: Term, before: date) -> None:
    """Post what the days before this one have earned of a period that counts no meals. Again changes nothing."""
    starts, ends = term.window
    had = term.period_days - days.days_left(ends, term.period_days, max(before, starts))
    earned = worth.worth_by_day(term.price_minor, term.period_days, had) - term.recognised_minor
    if term.meals is not None or earned <= 0:
        return
    await _recognise(actor, term, earned)
    lines = move((Account.DEFERRED_PLANS, term.id), (Account.MEALS, None), earned)
    await payments.post(actor, PlanEntry.DAYS, f"plan:{term.subscription}", lines, key=f"plan_days:{term.id}:{had}")


async def value_left(actor: Actor, sub: Subscription, term: Term, today: date) -> int:
    """Return what a running or paused period would give back today, in francs."""
    return worth.left(
        price=term.price_minor,
        days=term.period_days,
        days_left=days.days_left(term.window[1], term.period_days, await first_left(actor, sub, term, today)),
        meals=term.meals,
        used=term.used,
        recognised=term.recognised_minor,
    )


async def first_left(actor: Actor, sub: Subscription, term: Term, today: date) -> date:
    """Return the first day of a period that was not had yet, as of today or of when it was paused."""
    return days.first_left(sub.paused_on or today, await queries.last_eaten(actor, term.id))


async def close(actor: Actor, term: Term, ends_on: date) -> None:
    """End a period on this day; what is neither earned nor given back by then is earned now, as its breakage."""
    known = await queries.term(actor, term.id)
    rest = known.price_minor - known.recognised_minor - known.returned_minor
    if not await _move(
        actor,
        known,
        TermVerb.CLOSE,
        {PlanTerm.ends_on: ends_on, PlanTerm.recognised_minor: known.recognised_minor + rest},
    ):
        return
    await expire(actor, known, rest, key=f"plan_expired:{term.id}")


async def expire(actor: Actor, term: Term, minor: int, *, key: str) -> None:
    """Post as earned what nobody can have any more."""
    lines = move((Account.DEFERRED_PLANS, term.id), (Account.MEALS, None), minor)
    await payments.post(actor, PlanEntry.EXPIRED, f"plan:{term.subscription}", lines, key=key)


async def carry(actor: Actor, old: Term, new: Term) -> None:
    """Let what is left of one period pay for a part of the next."""
    await _return(actor, old, new.credit_minor)
    lines = move((Account.DEFERRED_PLANS, old.id), (Account.PLAN_DUE, new.id), new.credit_minor)
    await payments.post(actor, PlanEntry.MOVED, f"plan:{old.subscription}", lines, key=f"plan_moved:{new.id}")


async def give_back(actor: Actor, term: Term, minor: int, *, why: str) -> None:
    """Pay what is left of a period back to where it came from, the latest payment of the subscription first."""
    if minor == 0:
        return
    await _return(actor, term, minor)
    captured = [
        one
        for known in await queries.terms(actor, term.subscription)
        for one in reversed(await payment_queries.payments_of(actor, known.id))
        if one.state in CAPTURED and one.unwanted_at is None
    ]
    parts = worth.refund_from([(one.amount_minor, one.refunded_minor) for one in captured], minor)
    for one, part in zip(captured, parts, strict=True):
        if part:
            lines = move((Account.DEFERRED_PLANS, term.id), (Account.PLAN_DUE, one.subject), part)
            key = f"plan_returned:{term.id}:{one.id}"
            await payments.post(actor, PlanEntry.RETURNED, f"plan:{term.subscription}", lines, key=key, reason=why)
            await payments.give_back(actor, one.id, type(one.amount)(part, one.currency), why=why)


async def shift(actor: Actor, term: Term, by_days: int, *, ends_on: date) -> None:
    """Move the end of a running period."""
    if by_days:
        await PlanTerm.update({PlanTerm.ends_on: ends_on, PlanTerm.told_on: None}).where(
            mine(PlanTerm, actor), PlanTerm.id == term.id, PlanTerm.state == TermState.RUNNING.value
        )


async def _recognise(actor: Actor, term: Term, minor: int) -> None:
    await PlanTerm.update({PlanTerm.recognised_minor: PlanTerm.recognised_minor + minor}).where(
        mine(PlanTerm, actor), PlanTerm.id == term.id
    )


async def _return(actor: Actor, term: Term, minor: int) -> None:
    await PlanTerm.update({PlanTerm.returned_minor: PlanTerm.returned_minor + minor}).where(
        mine(PlanTerm, actor), PlanTerm.id == term.id
    )


async def _move(actor: Actor, term: Term, verb: TermVerb, values: dict[Any, Any]) -> bool:
    sources = [state.value for state in TERM.sources(verb)]
    target = TERM.after(next(iter(TERM.sources(verb))), verb)
    moved = (
        await PlanTerm.update({PlanTerm.state: target.value, **values})
        .where(mine(PlanTerm, actor), PlanTerm.id == term.id, PlanTerm.state.is_in(sources))
        .returning(PlanTerm.id)
    )
    return bool(moved)
