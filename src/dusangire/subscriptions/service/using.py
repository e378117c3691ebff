"""A meal on a plan: taken once and exactly, given back once."""

from datetime import date
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Payer
from dusangire.payments.rules.ledger import Account, move
from dusangire.payments.service import Share
from dusangire.subscriptions import queries
from dusangire.subscriptions.queries import Use
from dusangire.subscriptions.rules import LETTERS, ForRole, No, Running, TermState, choose, worth
from dusangire.subscriptions.rules.plans import role_of
from dusangire.subscriptions.rules.worth import PlanEntry
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.loyalty import return_points
from dusangire.subscriptions.service.owning import refuse_sharing
from dusangire.subscriptions.tables import PlanUse


async def use_meal(  # noqa: PLR0917 - whose, which meal, for which tray
    actor: Actor, who: UUID, period: str, day: date, order: UUID, total: Money
) -> Share:
    """Take one meal from a plan of this person, in the transaction that places the tray; return the share it pays.

    who: the patient who eats, or the user of a member of staff; only their own plans pay, and for the whole tray.
    Of several plans the one pays that ends first. Raises Refusal in plain words where none does, NotHere for others'.
    """
    await refuse_sharing(actor, who)
    async with transaction():
        await queries.lock_wallet(actor, who)
        plans = await queries.usable(actor, who, period, day)
        chosen = choose(plans, period, day, await queries.diets_in_force(actor, who, plans))
        if isinstance(chosen, No):
            raise Refusal(chosen.key, status=409, **chosen.facts)
        await _take(actor, chosen, period, day, order, total)
    is_staff = role_of(actor) is ForRole.STAFF and who == actor.user
    return Share(Method.SUBSCRIPTION, total, Payer.STAFF if is_staff else Payer.PATIENT, source=chosen.term)


async def returned(actor: Actor, about: str) -> None:
    """Give back what paid for a tray that is not served: the meal to its plan, the points to their card. Once."""
    one = await payment_queries.payment(actor, UUID(about.partition(":")[2]))
    if one.refunded_minor < one.amount_minor:
        return
    if one.method is Method.SUBSCRIPTION:
        await _return_meal(actor, one.subject)
    elif one.method is Method.POINTS:
        await return_points(actor, one.subject)


async def _take(  # noqa: PLR0917 - as above
    actor: Actor, plan: Running, period: str, day: date, order: UUID, total: Money
) -> None:
    value = 0
    if plan.meals is not None:
        value = worth.meal_worth(plan.price_minor, plan.meals, plan.used + 1, plan.recognised_minor)
    if not await take_one(actor, plan.term, value):
        raise Refusal("plans.why.used_up", plan=plan.name)
    use = uuid7()
    await PlanUse.insert(
        PlanUse(
            id=use, hospital=actor.hospital, term=plan.term, tray=order, day=day, letter=LETTERS[period],
            worth_minor=value, total_minor=total.minor, used_by=actor.user, used_at=clock.now(),
        )
    )  # fmt: skip
    # The payment itself takes the whole tray from what is deferred; a meal is worth only its part of the plan's price.
    lines = move((Account.DISCOUNTS, None), (Account.DEFERRED_PLANS, plan.term), total.minor - value)
    about = f"plan:{plan.subscription}"
    await payments.post(actor, PlanEntry.USED, about, lines, key=f"plan_use:{use}")
    left = -1 if plan.meals_left is None else plan.meals_left - 1
    await record(actor, "plan:used", about, tray=str(order), left=left, day=str(day), period=period)


async def take_one(actor: Actor, term: UUID, value: int) -> bool:
    """Count one meal more, in one conditional statement; False where none is left."""
    took = await fetch_value(
        """
        UPDATE plan_term SET used = used + 1, recognised_minor = recognised_minor + $3
        WHERE hospital = $1 AND id = $2 AND state = 'running' AND (meals IS NULL OR used < meals) RETURNING id
        """,
        actor.hospital,
        term,
        value,
    )
    return took is not None


async def _return_meal(actor: Actor, tray: UUID) -> None:
    found = await queries.use_of(actor, tray)
    if found is None:
        return
    term = await queries.term(actor, found.term)
    async with transaction():
        sub = await queries.lock(actor, term.subscription)
        once = await execute(
            "UPDATE plan_use SET returned_at = $3 WHERE hospital = $1 AND id = $2 AND returned_at IS NULL",
            actor.hospital,
            found.id,
            clock.now(),
        )
        if not once:
            return
        await payments.reverse_key(actor, f"plan_use:{found.id}", reason="returned")
        await _count_back(actor, found)
        await record(actor, "plan:meal_returned", sub.about, tray=str(tray), day=str(found.day))


async def _count_back(actor: Actor, use: Use) -> None:
    """Of a period that is over nobody can have the meal any more: it is earned at once, as the rest of it was."""
    term = await queries.term(actor, use.term)
    is_over = term.state is TermState.OVER
    await execute(
        """
        UPDATE plan_term SET used = used - 1, recognised_minor = recognised_minor - $3
        WHERE hospital = $1 AND id = $2
        """,
        actor.hospital,
        use.term,
        0 if is_over else use.worth_minor,
    )
    if is_over:
        await terms.expire(actor, term, use.worth_minor, key=f"plan_expired:{use.id}")
