"""Reads of subscriptions and their periods. One's own only; the office reads all of them elsewhere."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method
from dusangire.subscriptions.queries.plans import PLANS, Plan
from dusangire.subscriptions.rules import OPEN, ForRole, SubState, SubVerb, TermState, buttons
from dusangire.subscriptions.rules.plans import role_of


class Subscription(Struct, frozen=True):
    """Somebody's plan: whose it is, where it stands, and how it is paid."""

    id: UUID
    plan: UUID
    plan_code: str
    patient: UUID | None
    app_user: UUID | None
    owner: UUID
    state: SubState
    method: Method
    phone: str | None
    payer_user: UUID
    paused_on: date | None
    made_at: datetime
    state_at: datetime

    @property
    def about(self) -> str:
        return f"plan:{self.id}"

    @property
    def role(self) -> ForRole:
        return ForRole.STAFF if self.patient is None else ForRole.PATIENT


class Term(Struct, frozen=True):
    """One period of a subscription: what it costs, which days it is, what was had from it."""

    id: UUID
    subscription: UUID
    number: int
    plan: UUID
    price_minor: int
    credit_minor: int
    period_days: int
    meals: int | None
    used: int
    state: TermState
    due_on: date
    asked_on: date | None
    told_on: date | None
    starts_on: date | None
    ends_on: date | None
    recognised_minor: int
    returned_minor: int

    @property
    def price(self) -> Money:
        return Money(self.price_minor)

    @property
    def to_pay(self) -> Money:
        return Money(self.price_minor - self.credit_minor)

    @property
    def credit(self) -> Money:
        return Money(self.credit_minor)

    @property
    def returned(self) -> Money:
        return Money(self.returned_minor)

    @property
    def window(self) -> tuple[date, date]:
        """Its first day, and the first day after it. Only of one that has begun."""
        assert self.starts_on is not None  # noqa: S101  a check of the table
        assert self.ends_on is not None  # noqa: S101
        return self.starts_on, self.ends_on

    @property
    def left(self) -> int | None:
        return None if self.meals is None else self.meals - self.used


class Held(Struct, frozen=True):
    """A subscription as its owner sees it: the plan, the running period, and the one that waits to be paid."""

    subscription: Subscription
    plan: Plan
    running: Term | None
    due: Term | None

    @property
    def id(self) -> UUID:
        return self.subscription.id

    @property
    def state(self) -> SubState:
        return self.subscription.state

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def buttons(self) -> tuple[SubVerb, ...]:
        return buttons(self.state)


_SUBS = """
    SELECT id, plan, plan_code, patient, app_user, owner, state, method, phone, payer_user, paused_on, made_at, state_at
    FROM subscription WHERE hospital = $1
"""
_TERMS = """
    SELECT id, subscription, number, plan, price_minor, credit_minor, period_days, meals, used, state, due_on, asked_on,
           told_on, starts_on, ends_on, recognised_minor, returned_minor
    FROM plan_term WHERE hospital = $1
"""


def owner_of(actor: Actor) -> UUID:
    """Return whose plans a person keeps: the patient's they are or act for, or their own. Raises NotHere."""
    if role_of(actor) is ForRole.STAFF:
        return actor.user
    if actor.patient is None:
        raise NotHere
    return actor.patient


async def own(actor: Actor, subscription_id: UUID) -> Held:
    """Return one of the person's own. Raises NotHere for anybody else's."""
    found = await subscription(actor, subscription_id)
    if found.owner != owner_of(actor):
        raise NotHere
    return (await _held(actor, [found]))[0]


async def mine(actor: Actor) -> list[Held]:
    """Return the person's subscriptions, those that run first, the latest first."""
    found = await fetch(
        Subscription,
        _SUBS + " AND owner = $2 ORDER BY state IN ('lapsed', 'ended'), made_at DESC LIMIT 50",
        actor.hospital,
        owner_of(actor),
    )
    return await _held(actor, found)


async def subscription(actor: Actor, subscription_id: UUID) -> Subscription:
    """Return one subscription of the hospital. Raises NotHere."""
    found = await fetch_one(Subscription, _SUBS + " AND id = $2", actor.hospital, subscription_id)
    if found is None:
        raise NotHere
    return found


async def lock(actor: Actor, subscription_id: UUID) -> Subscription:
    """Keep one subscription until the transaction ends, in a statement of its own, then return it. Raises NotHere."""
    await fetch_value(
        "SELECT id FROM subscription WHERE hospital = $1 AND id = $2 FOR NO KEY UPDATE", actor.hospital, subscription_id
    )
    return await subscription(actor, subscription_id)


async def open_of(actor: Actor, owner: UUID, plan_code: str) -> Subscription | None:
    """Return the owner's open subscription to a plan."""
    return await fetch_one(
        Subscription,
        _SUBS + " AND owner = $2 AND plan_code = $3 AND state NOT IN ('lapsed', 'ended')",
        actor.hospital,
        owner,
        plan_code,
    )


async def term(actor: Actor, term_id: UUID) -> Term:
    """Return one period. Raises NotHere."""
    found = await fetch_one(Term, _TERMS + " AND id = $2", actor.hospital, term_id)
    if found is None:
        raise NotHere
    return found


async def terms(actor: Actor, subscription_id: UUID) -> list[Term]:
    """Return every period of a subscription, the latest first."""
    return await fetch(Term, _TERMS + " AND subscription = $2 ORDER BY number DESC", actor.hospital, subscription_id)


async def live_terms(actor: Actor, subscriptions: Sequence[UUID]) -> list[Term]:
    """Return the periods that run, or wait to be paid."""
    return await fetch(
        Term,
        _TERMS + " AND subscription = ANY($2::uuid[]) AND state IN ('due', 'running') ORDER BY number",
        actor.hospital,
        list(subscriptions),
    )


async def running(actor: Actor, subscription_id: UUID) -> Term | None:
    found = await live_terms(actor, [subscription_id])
    return next((one for one in found if one.state is TermState.RUNNING), None)


async def due(actor: Actor, subscription_id: UUID) -> Term | None:
    found = await live_terms(actor, [subscription_id])
    return next((one for one in found if one.state is TermState.DUE), None)


async def last_number(actor: Actor, subscription_id: UUID) -> int:
    """Return the number of the latest period, 0 for none."""
    return int(
        await fetch_value(
            "SELECT coalesce(max(number), 0) FROM plan_term WHERE hospital = $1 AND subscription = $2",
            actor.hospital,
            subscription_id,
        )
    )


async def term_of(actor: Actor, subject: UUID) -> Term | None:
    """Return the period that a payment is for; None where it is for something else."""
    return await fetch_one(Term, _TERMS + " AND id = $2", actor.hospital, subject)


async def _held(actor: Actor, found: list[Subscription]) -> list[Held]:
    plans = {
        plan.id: plan
        for plan in await fetch(
            Plan,
            PLANS + " AND id = ANY($2::uuid[])",
            actor.hospital,
            [one.plan for one in found],
        )
    }
    live = {(one.subscription, one.state): one for one in await live_terms(actor, [one.id for one in found])}
    return [
        Held(one, plans[one.plan], live.get((one.id, TermState.RUNNING)), live.get((one.id, TermState.DUE)))
        for one in found
    ]
