"""How a period is paid: asked for, paid another way, and begun by the news that it is."""

from datetime import date
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.queries import Payment
from dusangire.payments.rules import CAPTURED, DEAD, Method, Purpose, State
from dusangire.payments.service import Share
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Subscription, Term
from dusangire.subscriptions.rules import SUBSCRIPTION, SubState, SubVerb, TermState
from dusangire.subscriptions.rules.plans import methods, payer
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.moving import move, tell
from dusangire.subscriptions.tables import PlanTerm
from dusangire.subscriptions.tables import Subscription as Row


async def ask(actor: Actor, sub: Subscription, term: Term, today: date) -> None:
    """Ask for the money of a period that is due, in the caller's transaction; what is paid at once begins at once.

    Raises Refusal where the hospital's account has no room, and for a telephone of no network.
    """
    await PlanTerm.update({PlanTerm.asked_on: today}).where(mine(PlanTerm, actor), PlanTerm.id == term.id)
    if not term.to_pay:
        await begin(actor, sub, term, today)
        return
    source = await _source(actor, sub, sub.method, term)
    share = Share(sub.method, term.to_pay, payer(sub.role), sub.phone, source)
    made = await payments.open_payment(actor, Purpose.PLAN, term.id, share, payer_user=sub.payer_user)
    opened = await payment_queries.payment(actor, made)
    if opened.state in CAPTURED:
        await begin(actor, sub, term, today)


async def pay(actor: Actor, subscription_id: UUID, method: Method, phone: str | None, *, insists: bool = False) -> None:
    """Pay what is due by this method: once more, or another way. Two taps ask once.

    Raises Refusal where nothing is due, where a telephone may still approve (unless the person insists), NotHere.
    """
    await queries.own(actor, subscription_id)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        term = await queries.due_term(actor, sub.id)
        if term is None:
            raise Refusal("plans.nothing_due")
        refuse_method(sub, method)
        live = await live_payment(actor, term)
        if live is not None and (live.method, live.phone) == (method, phone or live.phone) and not insists:
            return
        sub = await keep_method(actor, sub, method, phone)
        if live is None:
            await ask(actor, sub, term, _today(actor))
            return
        source = await _source(actor, sub, method, term)
        made = await payments.switch(actor, live.id, method, phone, source=source, insists=insists)
        if (await payment_queries.payment(actor, made)).state in CAPTURED:
            await begin(actor, sub, term, _today(actor))


async def payment_changed(actor: Actor, payment_id: UUID, *, today: date | None = None) -> None:
    """Hear what became of a payment for a plan: paid, the period begins; failed, a change of plan is off. Any number
    of times."""
    news = await payment_queries.payment(actor, payment_id)
    term = await queries.term_of(actor, news.subject) if news.purpose is Purpose.PLAN else None
    if term is None:
        return
    async with transaction():
        sub = await queries.lock(actor, term.subscription)
        known, term = await payment_queries.payment(actor, payment_id), await queries.term(actor, term.id)
        if term.state is not TermState.DUE:
            return
        if known.state in CAPTURED and known.state is not State.LATE:
            await begin(actor, sub, term, today or _today(actor))
        elif known.state in (State.FAILED, State.EXPIRED) and await live_payment(actor, term) is None:
            await _failed(actor, sub, term)


async def take_cash(actor: Actor, term_id: UUID, *, collector: UUID | None = None, today: date | None = None) -> bool:
    """Take the cash for a period at the counter; it begins now. False where no cash was due. Raises NotHere."""
    seen = await queries.term(actor, term_id)
    async with transaction():
        sub = await queries.lock(actor, seen.subscription)
        if not await payments.settle_cash(actor, term_id, collector=collector):
            return False
        await begin(actor, sub, await queries.term(actor, term_id), today or _today(actor))
    return True


async def begin(actor: Actor, sub: Subscription, term: Term, today: date) -> None:
    """Let a paid period begin, and the subscription run; what is left of the plan it takes the place of is settled."""
    if sub.state not in SUBSCRIPTION.sources(SubVerb.START):
        return
    was = sub.state
    if was is SubState.CHANGING:
        await _leave_old(actor, term, today)
    if await terms.begin(actor, term, today):
        plan = await queries.plan(actor, term.plan)
        await move(
            actor, sub, SubVerb.START, {Row.plan: term.plan, Row.plan_code: plan.code},
            term=str(term.id), number=term.number, was=was.value, amount=term.to_pay.minor,
        )  # fmt: skip


async def live_payment(actor: Actor, term: Term) -> Payment | None:
    """Return the attempt to pay a period that is not over."""
    found = await payment_queries.payments_of(actor, term.id)
    return next((one for one in found if one.state not in DEAD and one.unwanted_at is None), None)


async def keep_method(actor: Actor, sub: Subscription, method: Method, phone: str | None) -> Subscription:
    """Pay this subscription so from now on, also when it renews."""
    await Row.update({Row.method: method.value, Row.phone: phone if method.is_mobile else None}).where(
        mine(Row, actor), Row.id == sub.id
    )
    return await queries.subscription(actor, sub.id)


def refuse_method(sub: Subscription, method: Method) -> None:
    if method not in methods(sub.role):
        raise Refusal("plans.not_this_way", status=422)


async def call_off_change(actor: Actor, sub: Subscription) -> None:
    """Keep the plan as it was: the wanted one is dropped with what was asked for it."""
    term = await queries.due_term(actor, sub.id)
    if term is not None:
        await terms.drop(actor, term)


async def _failed(actor: Actor, sub: Subscription, term: Term) -> None:
    if sub.state is SubState.CHANGING:
        await call_off_change(actor, sub)
        await move(actor, sub, SubVerb.KEEP, why="unpaid")
    elif sub.state is SubState.OVERDUE:
        await tell(actor, sub, "failed", term=str(term.id), number=term.number, day=str(term.asked_on or term.due_on))


async def _leave_old(actor: Actor, new: Term, today: date) -> None:
    old = await queries.running(actor, new.subscription)
    if old is None:
        raise NotHere
    await terms.carry(actor, old, new)
    await terms.close(actor, old, min(max(today, old.window[0]), old.window[1]))


async def _source(actor: Actor, sub: Subscription, method: Method, term: Term) -> UUID | None:
    """The stay whose account pays, if it has room."""
    if method is not Method.HOSPITAL_ACCOUNT or sub.patient is None:
        return None
    account = await payment_queries.stay_account(actor, sub.patient)
    kept = await payment_queries.locked_stay_account(actor, account.admission) if account else None
    if kept is None:
        raise Refusal("order.why.no_stay")
    if not kept.has_room(term.to_pay):
        raise Refusal("pay.ceiling")
    return kept.admission


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)
