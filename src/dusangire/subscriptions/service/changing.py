"""What an owner does about a running plan: pause, resume, cancel, keep, change. Each tap once."""

from datetime import date
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Phrase
from dusangire.payments.rules import Method
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Plan, Subscription, Term
from dusangire.subscriptions.rules import SUBSCRIPTION, SubState, SubVerb, days
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.moving import move
from dusangire.subscriptions.service.paying import ask, call_off_change, keep_method, refuse_method
from dusangire.subscriptions.service.subscribing import refuse_diet
from dusangire.subscriptions.tables import Subscription as Row


async def pause(actor: Actor, subscription_id: UUID, *, today: date | None = None) -> None:
    """Stop the plan from today; no meals and no renewal until it is resumed. Raises Refusal, NotHere."""
    await queries.own(actor, subscription_id)
    on = today or _today(actor)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        await move(actor, sub, SubVerb.PAUSE, {Row.paused_on: on}, day=str(on))


async def resume(actor: Actor, subscription_id: UUID, *, today: date | None = None) -> None:
    """Let a paused plan go on; the renewal moves by the days that the pause took out. Raises Refusal, NotHere."""
    await queries.own(actor, subscription_id)
    on = today or _today(actor)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        term = await queries.running(actor, sub.id)
        if sub.paused_on is None or term is None:
            raise _not_now(sub)
        by = days.days_paused(sub.paused_on, on, await queries.last_eaten(actor, term.id))
        ends = days.ends_on(term.window[1], by)
        await terms.shift(actor, term, by, ends_on=ends)
        await move(actor, sub, SubVerb.RESUME, days=by, day=str(ends))


async def cancel(actor: Actor, subscription_id: UUID) -> None:
    """Do not renew the plan; what is paid can be eaten until its period ends. Raises Refusal, NotHere."""
    await queries.own(actor, subscription_id)
    async with transaction():
        await move(actor, await queries.lock(actor, subscription_id), SubVerb.CANCEL)


async def keep(actor: Actor, subscription_id: UUID) -> None:
    """Take a cancelling back, or a change of plan that is not paid yet. Raises Refusal, NotHere."""
    await queries.own(actor, subscription_id)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        if sub.state is SubState.CHANGING:
            await call_off_change(actor, sub)
        await move(actor, sub, SubVerb.KEEP)


async def cancel_now(actor: Actor, subscription_id: UUID, *, today: date | None = None) -> Money:
    """End the plan at once and return what goes back to where it was paid from. Raises Refusal, NotHere."""
    await queries.own(actor, subscription_id)
    on = today or _today(actor)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        if sub.state not in SUBSCRIPTION.sources(SubVerb.CANCEL_NOW):
            raise _not_now(sub)
        running, due = await queries.running(actor, sub.id), await queries.due_term(actor, sub.id)
        back = await _stop(actor, sub, running, on) if running else 0
        if due is not None:
            await terms.drop(actor, due)
        await move(actor, sub, SubVerb.CANCEL_NOW, refund=back)
    return Money(back)


async def refund_today(actor: Actor, subscription_id: UUID, *, today: date | None = None) -> Money:
    """Return what ending the plan today would give back."""
    held = await queries.own(actor, subscription_id)
    if held.running is None:
        return Money(0)
    return Money(await terms.value_left(actor, held.subscription, held.running, today or _today(actor)))


async def change(
    actor: Actor, subscription_id: UUID, plan_id: UUID, method: Method, phone: str | None, *, today: date | None = None
) -> None:
    """Change to another plan: what is left of the old one is taken off the new price, and the rest asked for.

    The new plan begins when that is paid; until then neither gives meals. Where more is left than it costs, the rest
    goes back. Raises Refusal, NotHere.
    """
    held = await queries.own(actor, subscription_id)
    on = today or _today(actor)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        plan = await _wanted(actor, held.plan, plan_id, sub)
        refuse_method(sub, method)
        old = await queries.running(actor, sub.id)
        if old is None:
            raise _not_now(sub)
        left = await terms.value_left(actor, sub, old, on)
        await terms.earn_days(actor, old, await terms.first_left(actor, sub, old, on))
        await move(actor, sub, SubVerb.CHANGE, code=plan.code, left=left)
        sub = await keep_method(actor, sub, method, phone)
        if left > plan.price_minor:
            await terms.give_back(actor, old, left - plan.price_minor, why="changed")
        number = await queries.last_number(actor, sub.id) + 1
        new = await terms.claim(actor, sub.id, plan, number, on, credit=min(left, plan.price_minor))
        if new is not None:
            await ask(actor, sub, new, on)


async def _wanted(actor: Actor, now: Plan, plan_id: UUID, sub: Subscription) -> Plan:
    plan = await queries.plan(actor, plan_id)
    if plan.for_role is not now.for_role:
        raise NotHere
    if plan.id == now.id or not plan.is_offered or plan.replaced_at is not None:
        raise Refusal("plans.not_sold", plan=plan.named)
    other = await queries.open_of(actor, sub.owner, plan.code)
    if other is not None and other.id != sub.id:
        raise Refusal("plans.has_one")
    await refuse_diet(actor, plan, sub.patient)
    return plan


async def _stop(actor: Actor, sub: Subscription, term: Term, on: date) -> int:
    back = await terms.value_left(actor, sub, term, on)
    await terms.earn_days(actor, term, await terms.first_left(actor, sub, term, on))
    await terms.give_back(actor, term, back, why="cancelled")
    await terms.close(actor, term, min(max(on, term.window[0]), term.window[1]))
    return back


def _not_now(sub: Subscription) -> Refusal:
    return Refusal("plans.moved_on", state=Phrase(sub.state.key))


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)
