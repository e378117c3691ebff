"""News of payments for plans, words to their owners, points for what was eaten, and the work of the clock."""

from uuid import UUID

from dusangire.kernel import journal, text
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event
from dusangire.kernel.phrase import Named, Phrase
from dusangire.notify import service as notify
from dusangire.payments import queries as payments
from dusangire.payments.rules import Purpose
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.queries import Subscription
from dusangire.wards import queries as wards

Fact = Phrase | Named | str | int


@job("plan_payment_changed")
async def plan_payment_changed(actor: Actor, event: Event) -> None:
    """On `payment:paid`, `:failed`, `:expired`: let the paid period begin, or say that it was not paid."""
    await service.payment_changed(actor, _id(event))


@job("tell_of_plan", can_wait=True)
async def tell_of_plan(actor: Actor, event: Event) -> None:
    """On `plan:…`: tell who pays for the plan, and whose it is; once each."""
    sub = await queries.subscription(actor, _id(event))
    what = event.kind.partition(":")[2]
    if what == "kept" and event.facts.get("why") != "unpaid":
        return
    if what == "started" and event.facts.get("was") == "overdue":
        what = "renewed"
    facts = await _facts(actor, sub)
    for user in await _readers(actor, sub):
        await notify.tell(
            actor,
            user,
            kind=event.kind,
            key=f"plan:{what}:{sub.id}:{event.id}",
            subject=Phrase("plans.told.subject", facts),
            body=Phrase(f"plans.told.{what}", facts),
            about=event.about,
            link=f"/plans/{sub.id}",
            by_mail=what in ("renewed", "failed", "lapsed"),
        )


@job("points_for_tray", can_wait=True)
async def points_for_tray(actor: Actor, event: Event) -> None:
    """On `order:delivered`: points for what the patient paid; once for a tray."""
    await service.earn_for_tray(actor, UUID(str(event.facts["patient"])), _id(event))


@job("points_for_staff_tray", can_wait=True)
async def points_for_staff_tray(actor: Actor, event: Event) -> None:
    """On `staff_tray:delivered`: the same for who ate it."""
    await service.earn_for_tray(actor, None, _id(event))


@job("points_for_late_money", can_wait=True)
async def points_for_late_money(actor: Actor, event: Event) -> None:
    """On `payment:paid`: points for a tray that was eaten before its money came, as with a transfer."""
    one = await payments.payment(actor, _id(event))
    if one.purpose is not Purpose.ORDER:
        return
    served = next(
        (e for e in await journal.history(actor, f"order:{one.subject}") if e.kind == "order:delivered"), None
    )
    if served is not None:
        await service.earn_for_tray(actor, UUID(str(served.facts["patient"])), one.subject)


@chore("keep_plans")
async def keep_plans(actor: Actor) -> None:
    """Every few minutes: what midnight brings to plans and points, in the zone of the hospital."""
    await service.keep_plans(actor)


async def _facts(actor: Actor, sub: Subscription) -> dict[str, Fact]:
    plan = await queries.plan(actor, sub.plan)
    held = await queries.running(actor, sub.id)
    day = held.window[1].strftime("%d.%m.%Y") if held else "–"
    # A plan for a diet names an illness, and a mail is read by others.
    name: Fact = Phrase("plans.told.a_plan") if plan.needs_diet else plan.named
    return {"plan": name, "price": text.money(plan.price), "day": day}


async def _readers(actor: Actor, sub: Subscription) -> list[UUID]:
    owner = sub.app_user
    if sub.patient is not None:
        owner = (await wards.person(actor, sub.patient)).app_user
    return list(dict.fromkeys(user for user in (sub.payer_user, owner) if user is not None))


def _id(event: Event) -> UUID:
    return UUID(event.about.partition(":")[2])
