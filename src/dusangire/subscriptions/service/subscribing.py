"""Buying a plan, and buying it again after it ended."""

from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.payments.rules import Method
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Plan, Subscription
from dusangire.subscriptions.rules import ForRole, SubState, SubVerb
from dusangire.subscriptions.rules.plans import role_of
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.moving import move, tell
from dusangire.subscriptions.service.paying import ask, keep_method, refuse_method
from dusangire.subscriptions.tables import Subscription as Row


class Buying(Struct, frozen=True):
    """Which plan somebody wants, and how they pay for it now and at each renewal."""

    plan: UUID
    method: Method
    phone: str | None = None


async def subscribe(actor: Actor, wanted: Buying) -> UUID:
    """Buy a plan for oneself, or for the patient one acts for; return the subscription's id. Two taps buy once.

    It runs as soon as it is paid. Raises Refusal where the plan runs already, is no longer sold, or wants a diet the
    patient is not on; NotHere for other people's plans.
    """
    async with transaction():
        owner = queries.owner_of(actor)
        plan = await _sold(actor, wanted.plan)
        await queries.lock_wallet(actor, owner)
        before = await queries.open_of(actor, owner, plan.code)
        if before is not None:
            return _same_again(before)
        sub = await _write(actor, owner, plan, wanted)
        if sub is None:
            raise Refusal("plans.has_one")
        refuse_method(sub, wanted.method)
        await tell(actor, sub, "subscribed", code=plan.code, price=plan.price_minor)
        today = clock.local_day(clock.now(), actor.zone)
        term = await terms.claim(actor, sub.id, plan, 1, today)
        if term is not None:
            await ask(actor, sub, term, today)
    return sub.id


async def reactivate(actor: Actor, subscription_id: UUID, method: Method, phone: str | None) -> None:
    """Begin an ended or lapsed subscription anew, at the plan's terms of today. Raises Refusal, NotHere."""
    seen = await queries.own(actor, subscription_id)
    async with transaction():
        sub = await queries.lock(actor, subscription_id)
        plan = await _of_today(actor, seen.plan)
        if await queries.open_of(actor, sub.owner, plan.code) is not None:
            raise Refusal("plans.has_one")
        refuse_method(sub, method)
        await move(actor, sub, SubVerb.REACTIVATE, {Row.plan: plan.id}, code=plan.code, price=plan.price_minor)
        sub = await keep_method(actor, sub, method, phone)
        today = clock.local_day(clock.now(), actor.zone)
        term = await terms.claim(actor, sub.id, plan, await queries.last_number(actor, sub.id) + 1, today)
        if term is not None:
            await ask(actor, sub, term, today)


async def refuse_diet(actor: Actor, plan: Plan, patient: UUID | None) -> None:
    """Raise Refusal where the plan is for a diet that no doctor ordered for this patient."""
    if not plan.needs_diet:
        return
    in_force = await diets.diet_now(actor, patient) if patient else []
    if not {code for order in in_force for code in order.codes} & set(plan.needs_diet):
        raise Refusal("plans.why.diet", plan=plan.named)


async def _sold(actor: Actor, plan_id: UUID) -> Plan:
    plan = await queries.plan(actor, plan_id)
    if plan.for_role is not role_of(actor):
        raise NotHere
    if not plan.is_offered or plan.replaced_at is not None:
        raise Refusal("plans.not_sold", plan=plan.named)
    await refuse_diet(actor, plan, actor.patient)
    return plan


async def _of_today(actor: Actor, plan: Plan) -> Plan:
    newest = (await queries.versions(actor, plan.code))[0]
    return await _sold(actor, newest.id)


def _same_again(before: Subscription) -> UUID:
    """A plan that still waits for its first payment is the one that was asked for by the first tap."""
    if before.state is not SubState.AWAITING:
        raise Refusal("plans.has_one")
    return before.id


async def _write(actor: Actor, owner: UUID, plan: Plan, wanted: Buying) -> Subscription | None:
    is_patient = plan.for_role is ForRole.PATIENT
    made = (
        await Row.insert(
            Row(
                id=uuid7(), hospital=actor.hospital, plan=plan.id, plan_code=plan.code,
                patient=owner if is_patient else None, app_user=None if is_patient else owner,
                state=SubState.AWAITING.value, method=wanted.method.value,
                phone=wanted.phone if wanted.method.is_mobile else None, payer_user=actor.user, made_at=clock.now(),
                state_at=clock.now(),
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(Row.id)
    )  # fmt: skip
    return await queries.subscription(actor, made[0]["id"]) if made else None
