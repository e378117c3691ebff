"""The clock's work: a period ends, the next one is made once, asked for each day until it is paid, and told about."""

from datetime import date, datetime, timedelta
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Subscription, Term
from dusangire.subscriptions.rules import SubState, SubVerb, days
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.loyalty import expire_points
from dusangire.subscriptions.service.moving import move, tell
from dusangire.subscriptions.service.paying import ask, call_off_change, live_payment
from dusangire.subscriptions.tables import PlanTerm
from dusangire.wards import queries as wards


async def keep_plans(actor: Actor, now: datetime | None = None) -> None:
    """Do what the day asks of every plan of the hospital. Any number of times a day, and after days without it."""
    moment = now or clock.now()
    today = clock.local_day(moment, actor.zone)
    for subscription in await queries.due.to_turn(actor, today):
        await turn(actor, subscription, moment)
    for subscription in await queries.due.to_earn(actor, today):
        await _earn(actor, subscription, today)
    for term in await queries.due.to_tell(actor, today + timedelta(days=1)):
        await _tell_soon(actor, term, today)
    await expire_points(actor, today)


async def turn(actor: Actor, subscription: UUID, now: datetime) -> None:
    """End the period that is over and let the next one follow, in one transaction: all of it or nothing."""
    today = clock.local_day(now, actor.zone)
    try:
        async with transaction():
            await _turn(actor, await queries.lock(actor, subscription), now, today)
    except Refusal as refused:
        await _refused(actor, subscription, refused, today)


async def _turn(actor: Actor, sub: Subscription, now: datetime, today: date) -> None:
    running = await queries.running(actor, sub.id)
    if running is not None and running.window[1] <= today and sub.state is not SubState.PAUSED:
        sub = await _end_period(actor, sub, running, today)
    due = await queries.due_term(actor, sub.id)
    if due is None:
        return
    if sub.state is SubState.AWAITING and days.was_forgotten(due.due_on, today):
        await _lapse(actor, sub, due)
    elif sub.state is SubState.OVERDUE:
        await _press(actor, sub, due, now, today)


async def _end_period(actor: Actor, sub: Subscription, over: Term, today: date) -> Subscription:
    if sub.state is SubState.CHANGING:
        await call_off_change(actor, sub)
        await move(actor, sub, SubVerb.KEEP, why="unpaid")
        sub = await queries.subscription(actor, sub.id)
    await terms.earn_days(actor, over, over.window[1])
    await terms.close(actor, over, over.window[1])
    if sub.state is SubState.ENDING or await _has_left(actor, sub):
        await move(actor, sub, SubVerb.END, term=str(over.id))
    else:
        plan = await queries.plan(actor, sub.plan)
        if await terms.claim(actor, sub.id, plan, await queries.last_number(actor, sub.id) + 1, today) is not None:
            await move(actor, sub, SubVerb.FALL_DUE, term=str(over.id))
    return await queries.subscription(actor, sub.id)


async def _has_left(actor: Actor, sub: Subscription) -> bool:
    """Nobody pays for the meals of a hospital they have left."""
    return sub.patient is not None and await wards.admission_of(actor, sub.patient) is None


async def _press(actor: Actor, sub: Subscription, due: Term, now: datetime, today: date) -> None:
    if days.has_lapsed(sub.method, due.due_on, today):
        await _lapse(actor, sub, due)
    elif due.asked_on != today and days.may_ask(sub.method, now, actor.zone) and not await live_payment(actor, due):
        await ask(actor, sub, due, today)


async def _lapse(actor: Actor, sub: Subscription, due: Term) -> None:
    await terms.drop(actor, due)
    await move(actor, sub, SubVerb.LAPSE, term=str(due.id))


async def _refused(actor: Actor, subscription: UUID, refused: Refusal, today: date) -> None:
    """What could not be charged at all is tried again tomorrow, and told today: the period is over either way."""
    async with transaction():
        sub = await queries.lock(actor, subscription)
        running = await queries.running(actor, sub.id)
        if running is not None and running.window[1] <= today:
            sub = await _end_period(actor, sub, running, today)
        due = await queries.due_term(actor, sub.id)
        if due is None or due.asked_on == today:
            return
        await PlanTerm.update({PlanTerm.asked_on: today}).where(mine(PlanTerm, actor), PlanTerm.id == due.id)
        await tell(actor, sub, "failed", term=str(due.id), number=due.number, why=refused.key, day=str(today))


async def _earn(actor: Actor, subscription: UUID, today: date) -> None:
    async with transaction():
        sub = await queries.lock(actor, subscription)
        running = await queries.running(actor, sub.id)
        if running is not None and sub.state is not SubState.PAUSED:
            await terms.earn_days(actor, running, today)


async def _tell_soon(actor: Actor, term_id: UUID, today: date) -> None:
    """Once a period, and once more where a pause has moved its end."""
    async with transaction():
        term = await queries.term(actor, term_id)
        told = (
            await PlanTerm.update({PlanTerm.told_on: today})
            .where(mine(PlanTerm, actor), PlanTerm.id == term_id, PlanTerm.told_on.is_null())
            .returning(PlanTerm.id)
        )
        if told:
            sub = await queries.subscription(actor, term.subscription)
            await tell(actor, sub, "ends_soon", term=str(term_id), day=str(term.window[1]))
