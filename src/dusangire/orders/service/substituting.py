"""Another dish in one line's place, when the kitchen cannot make what was ordered.

A substitution is a new line and a new verdict: the whole tray is judged under the patient's lock with the dish that
is to come, the line that was stays as history, and the tray gets a new code, so that its old label leads nowhere.
"""

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct

from dusangire.diets import service as diets
from dusangire.diets.rules import Gate
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import token, uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Named, Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card
from dusangire.orders import queries
from dusangire.orders.queries import Order, OrderLine
from dusangire.orders.rules import MEALS, SUBSTITUTABLE, Why, WhyChanged
from dusangire.orders.service.judging import ground, judged, keep_still, reason_for
from dusangire.orders.service.moving import with_fresh_proof
from dusangire.orders.tables import MealOrder, OrderLineChange
from dusangire.orders.tables import OrderLine as OrderLineRow
from dusangire.wards import service as wards


class Substitution(Struct, frozen=True):
    """Which line, by which dish, and why."""

    line: UUID
    dish: str
    why: WhyChanged


async def substitute(actor: Actor, order_id: UUID, wanted: Substitution) -> Order:
    """Put another dish in a line's place; return the tray as it is then, in the state it was in.

    The price stays what was agreed. Raises NotHere, Refusal("order.moved_on") where the tray is past the kitchen,
    Refusal("order.line_gone") where somebody was faster, sold out or not of this meal; Refusal("order.not_substituted")
    with the reason where the tray would not be safe: nothing is changed then, and the attempt is on record.
    """
    seen = await queries.order(actor, order_id)
    found = await with_fresh_proof(lambda: _substitute(actor, seen, wanted))
    if found is not None:
        async with transaction():
            await record(
                actor, "order:substitution_refused", f"order:{order_id}", rule=found.rule, dish=wanted.dish,
                code=seen.code,
            )  # fmt: skip
        raise Refusal("order.not_substituted", dish=await _named(actor, wanted.dish), why=found.whole)
    return await queries.order(actor, order_id)


async def _substitute(actor: Actor, seen: Order, wanted: Substitution) -> Why | None:
    """Judge and write in one transaction; return why not where the verdict does not allow it."""
    async with transaction():
        await keep_still(actor)
        safety_rev = await wards.lock(actor, seen.patient)
        found = await queries.trays(actor, seen.patient, seen.day, seen.day)
        tray = next((one for one in found if one.id == seen.id), None) or await queries.order(actor, seen.id)
        line = _line(tray, wanted)
        on = await ground(actor)
        card = _served(await menu.cards(actor, on.menu_rev), tray, wanted)
        changed = queries.with_dish(tray, line, card, new_id=uuid7())
        answer = await judged(actor, changed, found, on, Gate.FIRE)
        if not answer.is_allowed:
            return reason_for(answer, queries.named(changed.lines))
        await diets.keep_check(
            actor, tray.id, tray.patient, Gate.FIRE, answer, safety_rev=safety_rev, menu_rev=on.menu_rev,
            manual_rev=on.manual_rev,
        )  # fmt: skip
        new = next(one for one in changed.lines if one not in tray.lines)
        await _write(actor, tray, line, new, wanted.why)
    return None


def _line(tray: Order, wanted: Substitution) -> OrderLine:
    if tray.status not in SUBSTITUTABLE:
        raise Refusal("order.moved_on", code=tray.code, status_now=Phrase(tray.status.key))
    line = next((one for one in tray.lines if one.id == wanted.line), None)
    if line is None:
        raise Refusal("order.line_gone", code=tray.code)
    return line


def _served(cards: Mapping[str, Card], tray: Order, wanted: Substitution) -> Card:
    """Return the dish if the kitchen has it for this meal. Raises Refusal."""
    card = cards.get(wanted.dish)
    if card is None:
        raise Refusal("order.no_such_dish", status=404)
    named = Named(card.name_en, card.name_fr, card.name_rw)
    if not card.is_available:
        raise Refusal("error.sold_out", dish=named)
    if MEALS[tray.period] not in card.meals:
        raise Refusal("order.not_at_this_meal", dish=named)
    if any(line.dish_code == card.code for line in tray.lines):
        raise Refusal("order.on_tray_already", dish=named)
    return card


async def _write(actor: Actor, tray: Order, old: OrderLine, new: OrderLine, why: WhyChanged) -> None:
    """Write the change first: it is what lets PostgreSQL take the new line, the mark and the new code."""
    await OrderLineChange.insert(
        OrderLineChange(
            id=uuid7(),
            hospital=actor.hospital,
            meal_order=tray.id,
            old_line=old.id,
            new_line=new.id,
            old_token=tray.tray_token,
            why=why.value,
            changed_by=actor.user,
            changed_at=clock.now(),
        )
    )
    await OrderLineRow.insert(_row(actor, tray, new))
    await OrderLineRow.update({OrderLineRow.replaced_at: clock.now()}).where(
        mine(OrderLineRow, actor), OrderLineRow.id == old.id
    )
    await MealOrder.update({MealOrder.tray_token: token()[:24]}).where(mine(MealOrder, actor), MealOrder.id == tray.id)
    await record(
        actor, "order:substituted", f"order:{tray.id}",
        also=[f"patient:{tray.patient}", f"{actor.hospital}:wards"],
        code=tray.code, patient=str(tray.patient), was_dish=old.dish_code, dish=new.dish_code, why=why.value,
        line=str(new.id),
    )  # fmt: skip


def _row(actor: Actor, tray: Order, line: OrderLine) -> OrderLineRow:
    return OrderLineRow(
        id=line.id,
        hospital=actor.hospital,
        meal_order=tray.id,
        position=line.position,
        dish=line.dish,
        dish_code=line.dish_code,
        name_en=line.name_en,
        name_fr=line.name_fr,
        name_rw=line.name_rw,
        portion=line.portion,
        quantity=line.quantity,
        price_minor=line.price_minor,
        recipe_rev=line.recipe_rev,
    )


async def _named(actor: Actor, dish: str) -> Named:
    card = (await menu.cards(actor)).get(dish)
    if card is None:
        raise NotHere
    return Named(card.name_en, card.name_fr, card.name_rw)
