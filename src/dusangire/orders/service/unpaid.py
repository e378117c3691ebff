"""Trays that wait for money: confirmed when it comes, paid another way where it does not, decided at the cut-off."""

from uuid import UUID

from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.errors import Refusal
from dusangire.kernel.phrase import Named, Phrase
from dusangire.notify import service as notify
from dusangire.orders import queries
from dusangire.orders.queries import Order, Unpaid
from dusangire.orders.rules import Status, Verb, period_phrase
from dusangire.orders.rules.paying import INSTEAD, missing, waits_until, warns_at
from dusangire.orders.service.moving import advance, moving
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method
from dusangire.payments.service import funds_grants
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards

Fact = Phrase | Named | str | int
_WAITS = frozenset({Status.AWAITING_PAYMENT, Status.HELD})


class Otherwise(Struct, frozen=True):
    """Another way to pay what a tray waits for. attempt: the one it takes the place of; a second tap finds it gone."""

    attempt: UUID
    method: Method
    phone: str = ""
    insists: bool = False


async def confirm_paid(actor: Actor, order_id: UUID) -> bool:
    """Give the kitchen a tray whose payment is there; judged again. False where nothing changed.

    A tray that is no longer safe is held, with its reason; one that all trays' stop keeps back waits for the next look.
    """
    order = await queries.order(actor, order_id)
    if order.status is not Status.AWAITING_PAYMENT or not await payments.is_covered(actor, order_id):
        return False
    try:
        await advance(actor, order_id, Verb.CONFIRM)
    except Refusal:
        return False
    return True


async def pay_otherwise(actor: Actor, order_id: UUID, way: Otherwise) -> None:
    """Pay what a tray waits for another way, or the same way once more. A second tap changes nothing.

    Raises Refusal: the first may still come and nobody insists, the account is full, no such number, too late.
    """
    seen = await queries.order(actor, order_id)
    if way.method not in INSTEAD:
        raise Refusal("form.choose_one", status=422)
    async with moving(actor):
        await wards.lock(actor, seen.patient)
        order = await queries.order(actor, order_id)
        lacking = missing(await money.payments_of(actor, order_id))
        if lacking is None or lacking.id != way.attempt:
            return
        if order.status not in _WAITS:
            raise Refusal("order.moved_on", code=order.code, status_now=Phrase(order.status.key))
        if way.method is Method.HOSPITAL_ACCOUNT and not await _can_charge(actor, order, lacking):
            raise Refusal("pay.ceiling")
        await payments.switch(actor, lacking.id, way.method, way.phone or lacking.phone, insists=way.insists)
    await confirm_paid(actor, order_id)


async def look_after_unpaid(actor: Actor) -> None:
    """Look at each tray that waits for its payment: confirm what is paid, warn in time, decide at the cut-off."""
    now = clock.now()
    for tray in await queries.unpaid(actor):
        if now >= waits_until(tray.cutoff_at, tray.placed_at):
            await _decide(actor, tray)
        elif not await confirm_paid(actor, tray.id) and now >= warns_at(tray.cutoff_at, tray.placed_at):
            await _warn(actor, tray)


async def _decide(actor: Actor, tray: Unpaid) -> None:
    """At the cut-off: on the account of the stay where it takes it; else the tray is let go and nurses are asked."""
    told = ""
    async with moving(actor):
        await wards.lock(actor, tray.patient)
        order = await queries.order(actor, tray.id)
        lacking = missing(await money.payments_of(actor, tray.id))
        if order.status in _WAITS and lacking is not None:
            told = await _without_money(actor, order, lacking)
    await confirm_paid(actor, tray.id)
    if told:
        await _tell(actor, order, told)


async def _without_money(actor: Actor, order: Order, lacking: Payment) -> str:
    """Decide, in the caller's transaction; return the key of what its payer is told."""
    if await _can_charge(actor, order, lacking):
        await payments.switch(actor, lacking.id, Method.HOSPITAL_ACCOUNT, insists=True)
        return "order.told.on_account"
    await advance(actor, order.id, Verb.EXPIRE)
    await _ask_nurses(actor, order)
    return "order.told.expired_unpaid"


async def _can_charge(actor: Actor, order: Order, lacking: Payment) -> bool:
    kept = await money.locked_stay_account(actor, order.admission)
    return kept is not None and kept.has_room(lacking.amount)


async def _ask_nurses(actor: Actor, order: Order) -> None:
    """Nobody goes without food for want of money: the ward is asked to see to it, once for a tray."""
    person = await ward_queries.person(actor, order.patient)
    await funds_grants.ask_ward(actor, order.patient, f"order:{order.id}")
    facts: dict[str, Fact] = {"bed": person.bed_code or "–", "name": person.name, "meal": period_phrase(order.period)}
    for user in await accounts.on_ward(actor, person.ward, [Role.NURSE]):
        await notify.tell(
            actor,
            user,
            kind="order:unpaid",
            key=f"unpaid_tray:{order.id}",
            subject=Phrase("order.unpaid_tray.subject", {"bed": facts["bed"]}),
            body=Phrase("order.unpaid_tray.body", facts),
            about=f"patient:{order.patient}",
            link=f"/help/{order.patient}",
        )


async def _warn(actor: Actor, tray: Unpaid) -> None:
    if tray.status is Status.AWAITING_PAYMENT:
        await _tell(actor, await queries.order(actor, tray.id), "order.told.still_unpaid")


async def _tell(actor: Actor, order: Order, key: str) -> None:
    """Tell the one who ordered, or the patient where staff did; each of these sentences once for a tray."""
    person = await ward_queries.person(actor, order.patient)
    user = order.placed_by if order.placed_as == "caregiver" else person.app_user
    if user is None:
        return
    until = text.clock_time(waits_until(order.cutoff_at, order.placed_at), actor.zone)
    facts: dict[str, Fact] = {"code": order.code, "meal": period_phrase(order.period), "total": text.money(order.total)}
    await notify.tell(
        actor,
        user,
        kind="order:unpaid",
        key=f"{key}:{order.id}",
        subject=Phrase(f"{key}.subject", {"code": order.code}),
        body=Phrase(key, facts | {"until": until}),
        about=f"order:{order.id}",
        link=f"/orders/{order.id}/pay",
    )
