"""News of a tray for the one who eats it, and what the ward is told and given around a fast."""

from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.kernel import text
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event
from dusangire.kernel.phrase import Named, Phrase
from dusangire.notify import service as notify
from dusangire.orders import queries, service
from dusangire.orders import service as orders
from dusangire.orders.queries import Order
from dusangire.orders.queries.insulin import insulin_tray
from dusangire.orders.rules import Status, period_phrase
from dusangire.wards import queries as wards

Fact = Phrase | Named | str | int


@job("tell_of_order", can_wait=True)
async def tell_of_order(actor: Actor, event: Event) -> None:
    """On `order:<status>`: tell the patient, and the caregiver who ordered; once per order and status."""
    order = await queries.order(actor, UUID(event.about.partition(":")[2]))
    status = Status(event.kind.partition(":")[2])
    subject = Phrase("order.told.subject", {"code": order.code, "status": Phrase(status.key)})
    for user in await _readers(actor, order):
        await notify.tell(
            actor,
            user,
            kind=event.kind,
            key=f"{event.kind}:{order.id}:{event.id if status is Status.HELD else ''}",
            subject=subject,
            body=_body(actor, order, status),
            about=event.about,
            link=f"/orders/{order.id}",
            by_mail=status is Status.CONFIRMED,
        )


@job("judge_waiting")
async def judge_waiting(actor: Actor, event: Event) -> None:
    """On `trays:to_judge`: judge the trays that a change of very many patients' food left to the gates."""
    await orders.judge_waiting(actor, event.about)


@job("replace_tray")
async def replace_tray(actor: Actor, event: Event) -> None:
    """On `order:held`: order another tray where a verdict stopped one that was being made or carried.

    Not where a person stopped it by hand: that person knows why, and what follows.
    """
    if "rule" in event.facts:
        await orders.replace(actor, UUID(event.about.partition(":")[2]))


@job("tell_of_substitution")
async def tell_of_substitution(actor: Actor, event: Event) -> None:
    """On `order:substituted`: tell the patient, who ordered for them, and the nurses of the ward; once each."""
    ticket = await queries.ticket(actor, UUID(event.about.partition(":")[2]))
    line = UUID(str(event.facts["line"]))
    found = next((one for one in await queries.changes(actor, [ticket.id]) if one.new_line == line), None)
    if found is None:
        return
    facts: dict[str, Fact] = {"code": ticket.code, "bed": ticket.bed_code or "–", "dish": found.now, "was": found.was}
    nurses = await accounts.on_ward(actor, ticket.ward, [Role.NURSE])
    for user in dict.fromkeys([*await _readers(actor, ticket), *nurses]):
        await notify.tell(
            actor,
            user,
            kind=event.kind,
            key=f"{event.kind}:{line}",
            subject=Phrase("order.told.subject", {"code": ticket.code, "status": Phrase("order.changed")}),
            body=Phrase("order.told.substituted_ward" if user in nurses else "order.told.substituted", facts),
            about=event.about,
            link=f"/orders/{ticket.id}",
        )


@job("tell_of_insulin")
async def tell_of_insulin(actor: Actor, event: Event) -> None:
    """On `insulin:…`: tell the nurses of the ward, and of an escalation the doctors too; once per tray and news."""
    tray = await insulin_tray(actor, UUID(event.about.partition(":")[2]))
    roles = [Role.NURSE, Role.DOCTOR] if event.kind == "insulin:escalated" else [Role.NURSE]
    carb = str(event.facts.get("carb_g") or "")
    facts: dict[str, Fact] = {
        "bed": tray.place,
        "name": tray.name,
        "code": tray.code,
        "meal": period_phrase(tray.period),
        "carbs": Phrase("insulin.carbs", {"carb": carb}) if carb else Phrase("insulin.carbs_unknown"),
        "status_now": Phrase(tray.status.key),
    }
    news = event.kind.partition(":")[2]
    for user in await accounts.on_ward(actor, tray.ward, roles):
        await notify.tell(
            actor,
            user,
            kind=event.kind,
            key=f"{event.kind}:{tray.id}",
            subject=Phrase(f"insulin.told.{news}", facts),
            body=Phrase(f"insulin.told.{news}_say", facts),
            about=event.about,
            link=f"/insulin/{tray.id}",
        )


@job("order_payment_changed")
async def order_payment_changed(actor: Actor, event: Event) -> None:
    """On `payment:paid`: give the kitchen the tray that waited for it. What this misses, the chore finds."""
    if event.facts.get("purpose") == "order":
        await orders.confirm_paid(actor, UUID(str(event.facts["subject"])))


@job("pay_by_grant")
async def pay_by_grant(actor: Actor, event: Event) -> None:
    """On `grant:made`: meals ordered before it are paid by the fund. Once: what is paid waits no more."""
    await orders.pay_by_grant(actor, UUID(str(event.facts["patient"])))


@chore("look_after_unpaid")
async def look_after_unpaid(actor: Actor) -> None:
    """Every 20 seconds: trays that wait for their payment are confirmed, warned of, or decided at the cut-off."""
    await orders.look_after_unpaid(actor)


@chore("insulin_late")
async def insulin_late(actor: Actor) -> None:
    """Each minute: tell of trays that are missed by somebody on mealtime insulin."""
    await orders.tell_late(actor)


async def _readers(actor: Actor, order: Order) -> list[UUID]:
    person = await wards.person(actor, order.patient)
    readers = [person.app_user, order.placed_by if order.placed_as == "caregiver" else None]
    return list(dict.fromkeys(user for user in readers if user is not None))


def _body(actor: Actor, order: Order, status: Status) -> Phrase:
    return Phrase(
        f"order.told.{status}",
        {
            "code": order.code,
            "meal": period_phrase(order.period),
            "day": order.day.strftime("%d.%m.%Y"),
            "from": text.clock_time(order.serve_from, actor.zone),
            "to": text.clock_time(order.serve_to, actor.zone),
            "total": text.money(order.total),
        },
    )


@job("late_tray_after_fast")
async def late_tray_after_fast(actor: Actor, event: Event) -> None:
    """On `diet_order:signed`: after a fast of the last hours the patient gets a late tray. Once for each fast."""
    await service.feed_after_fast(actor, UUID(event.about.partition(":")[2]))


@chore("late_trays_after_fast")
async def late_trays_after_fast(actor: Actor) -> None:
    """Every 20 seconds: the same for who was still fasting, to the end of the minute, when the diet was signed."""
    await service.feed_all(actor)


@chore("watch_fasts")
async def watch_fasts(actor: Actor) -> None:
    """Each minute: tell nurses and doctors of fasts that last too long, and of operations that slip."""
    await service.watch_fasts(actor)
