"""What a patient chooses: added, changed and taken off under the cart's row lock, so that no tap is lost."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Allergy, Answer, Gate, Prepared, TrayLine, Verdict, prepare
from dusangire.diets.rules.facts import verdict_of
from dusangire.diets.rules.overrides import Override, for_meal, relieved
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Sitting
from dusangire.orders import queries
from dusangire.orders.queries import CartLine as CartLineRead
from dusangire.orders.rules import (
    MOST_OF_ONE,
    PORTIONS,
    Why,
    is_still_orderable,
    ordered_by,
    period_phrase,
    said_to,
    serving_of,
)
from dusangire.orders.service.judging import Ground, ground, reason_for
from dusangire.orders.tables import Cart, CartLine

SOLD_OUT = "DISH.sold_out"


class Choice(Struct, frozen=True):
    """For whom, for which sitting, and which dish in which portion."""

    patient: UUID
    sitting: Sitting
    dish: str
    portion: Decimal = Decimal(1)


class Skipped(Struct, frozen=True):
    """A dish that could not be ordered again, and why."""

    dish: Named
    refusal: Refusal


async def add(actor: Actor, choice: Choice, quantity: int = 1) -> None:
    """Put portions of a dish on the tray, judged with what is on it already.

    Raises Refusal: past the cut-off, sold out, not served at this meal, too many, or against the diet (409, recorded,
    and the nutritionist hears of it); NotHere for somebody else's patient.
    """
    on = await ground(actor)
    card = await _offered(actor, choice, on)
    if choice.portion not in PORTIONS or not 1 <= quantity <= MOST_OF_ONE:
        raise Refusal("order.why.portion", status=422)
    known = await _known_of(actor, choice, on)
    async with transaction():
        cart = await _locked(actor, choice)
        kept = await _lines(actor, choice)
        before = next((one.quantity for one in kept if (one.dish, one.portion) == (card.id, choice.portion)), 0)
        is_too_many = before + quantity > MOST_OF_ONE
        answer = _judged(known, choice, kept, quantity)
        if answer.is_allowed and not is_too_many:
            await _put(actor, _Slot(cart, card.id, choice.portion), before, before + quantity)
    if not answer.is_allowed:
        raise await _blocked(actor, choice, card, answer)
    if is_too_many:
        raise Refusal("order.most_of_one", dish=_named(card), limit=MOST_OF_ONE)


async def set_quantity(actor: Actor, choice: Choice, by: int) -> None:
    """Change how many of one line there are by so many: fewer is never refused, more is judged as in `add`."""
    if by > 0:
        await add(actor, choice, by)
        return
    card = await _known(actor, choice)
    async with transaction():
        cart = await _locked(actor, choice)
        kept = await _lines(actor, choice)
        before = next((one.quantity for one in kept if (one.dish, one.portion) == (card, choice.portion)), 0)
        if before:
            await _put(actor, _Slot(cart, card, choice.portion), before, max(0, before + by))


async def set_portion(actor: Actor, choice: Choice, portion: Decimal) -> None:
    """Serve a line in another portion, judged as in `add`; it keeps its quantity, and on a refusal its portion."""
    if portion not in PORTIONS:
        raise Refusal("order.why.portion", status=422)
    on = await ground(actor)
    card = await _offered(actor, choice, on)
    wanted = Choice(choice.patient, choice.sitting, choice.dish, portion)
    known = await _known_of(actor, wanted, on)
    async with transaction():
        cart = await _locked(actor, choice)
        kept = await _lines(actor, choice)
        old = next((one for one in kept if (one.dish, one.portion) == (card.id, choice.portion)), None)
        if old is None or portion == choice.portion:
            return
        other = next((one.quantity for one in kept if (one.dish, one.portion) == (card.id, portion)), 0)
        answer = _judged(known, wanted, tuple(one for one in kept if one is not old), old.quantity)
        if answer.is_allowed:
            await _put(actor, _Slot(cart, card.id, choice.portion), old.quantity, 0)
            await _put(actor, _Slot(cart, card.id, portion), other, min(MOST_OF_ONE, other + old.quantity))
    if not answer.is_allowed:
        raise await _blocked(actor, wanted, card, answer)


async def clear(actor: Actor, patient: UUID, sitting: Sitting) -> None:
    """Take everything off the tray of one sitting."""
    _refuse_stranger(actor, patient)
    async with transaction():
        cart = await queries.locked_cart(actor, patient, sitting.day, sitting.period)
        if cart is not None:
            await CartLine.delete().where(mine(CartLine, actor), CartLine.cart == cart)


async def reorder(actor: Actor, order_id: UUID, sitting: Sitting) -> list[Skipped]:
    """Put the dishes of an earlier order on the tray, each judged anew; return those that could not be."""
    order = await queries.order(actor, order_id)
    skipped = []
    for line in order.lines:
        try:
            await add(actor, Choice(order.patient, sitting, line.dish_code, line.portion), line.quantity)
        except Refusal as refusal:
            skipped.append(Skipped(line.named, refusal))
    return skipped


async def tell_blocked(actor: Actor, patient: UUID, answer: Verdict, found: Why, *, dish: str = "") -> None:
    """Record that something unsafe was asked for, and let the nutritionist know, once while it is open."""
    await record(
        actor, "order:blocked", f"patient:{patient}", rule=found.rule, dish=dish, answer=answer.answer.value,
        placed_as=ordered_by(actor),
    )  # fmt: skip
    if answer.answer is Answer.BLOCK:
        await diets.open_task(
            actor, "blocked_attempt", patient=patient, about=f"dish:{dish}" if dish else "tray", rule=found.rule
        )


async def _offered(actor: Actor, choice: Choice, on: Ground) -> Card:
    """Return the dish if this person can order it for this sitting at all, whatever the diet says."""
    _refuse_stranger(actor, choice.patient)
    refuse_closed(actor, choice.sitting)
    card = (await menu.cards(actor, on.menu_rev)).get(choice.dish)
    if card is None:
        raise Refusal("order.no_such_dish", status=404)
    if choice.sitting.meal not in card.meals:
        raise Refusal("order.not_at_this_meal", dish=_named(card))
    if not card.is_available:
        raise await _sold_out(actor, choice, card)
    return card


async def _sold_out(actor: Actor, choice: Choice, card: Card) -> Refusal:
    """Record that a dish was asked for which the kitchen has no more of, and return the refusal."""
    async with transaction():
        await record(
            actor, "order:sold_out", f"patient:{choice.patient}", rule=SOLD_OUT, dish=card.code,
            placed_as=ordered_by(actor),
        )  # fmt: skip
    return Refusal("error.sold_out", dish=_named(card), rule=SOLD_OUT)


def refuse_closed(actor: Actor, sitting: Sitting) -> None:
    """Raise the refusal that names the cut-off once the meal is closed, or that says it is too far off."""
    now = clock.now()
    if (sitting.day - clock.local_day(now, actor.zone)).days > 1:
        raise Refusal("order.no_such_meal", status=422)
    if is_still_orderable(actor, sitting.cutoff_at, sitting.serve_to, now):
        return
    time = clock.local(sitting.cutoff_at, actor.zone).strftime("%H:%M")
    key = "order.cut_off" if now < sitting.serve_to else "order.meal_over"
    raise Refusal(key, meal=period_phrase(sitting.period), time=time)


async def _known(actor: Actor, choice: Choice) -> UUID:
    _refuse_stranger(actor, choice.patient)
    cart = await queries.cart(actor, choice.patient, choice.sitting.day, choice.sitting.period)
    found = next((line.dish for line in cart.lines if line.dish_code == choice.dish), None)
    if found is None:
        raise Refusal("order.not_on_tray", status=404)
    return found


def _refuse_stranger(actor: Actor, patient: UUID) -> None:
    if queries.is_own_only(actor) and actor.patient != patient:
        raise NotHere


class _Known(Struct, frozen=True):
    """The patient's facts for one sitting, and the overrides that whoever chooses may use."""

    prepared: Prepared
    given: tuple[Override, ...]
    allergies: tuple[Allergy, ...]
    now: datetime


async def _known_of(actor: Actor, choice: Choice, on: Ground) -> _Known:
    """Return the facts, read before the cart is locked: the cart's gate is advice. Only staff choose by override."""
    sitting = choice.sitting
    facts = await diet_queries.facts(actor, choice.patient, ordered_by=ordered_by(actor))
    found = queries.others(await queries.trays(actor, choice.patient, sitting.day, sitting.day), None, actor.zone)
    serving = serving_of(sitting, actor.zone, on.now)
    given = () if queries.is_own_only(actor) else await diet_queries.overrides(actor, choice.patient)
    prepared = prepare(facts, serving, found, on.manual, on.dishes, on.now)
    return _Known(prepared, for_meal(given, sitting.day, sitting.period), facts.allergies, on.now)


def _judged(known: _Known, choice: Choice, kept: tuple[CartLineRead, ...], quantity: int) -> Verdict:
    """Return whether the dish may join the tray; what is wrong with another line by itself is not held against it."""
    lines = (*(line.tray_line() for line in kept), TrayLine(choice.dish, choice.portion, quantity))
    whole = relieved(known.prepared.judge(lines, Gate.CART), known.given, lines, known.allergies, known.now)
    return verdict_of([reason for reason in whole.reasons if reason.dish in (None, choice.dish)])


async def _blocked(actor: Actor, choice: Choice, card: Card, answer: Verdict) -> Refusal:
    """Record the attempt and return the refusal in words."""
    told = reason_for(answer, {card.code: _named(card)})
    async with transaction():
        await tell_blocked(actor, choice.patient, answer, told, dish=choice.dish)
    return Refusal("order.blocked", dish=_named(card), why=said_to(actor, told.whole), rule=told.rule)


async def _lines(actor: Actor, choice: Choice) -> tuple[CartLineRead, ...]:
    return (await queries.cart(actor, choice.patient, choice.sitting.day, choice.sitting.period)).lines


async def _locked(actor: Actor, choice: Choice) -> UUID:
    sitting = choice.sitting
    cart = await queries.locked_cart(actor, choice.patient, sitting.day, sitting.period)
    while cart is None:
        await Cart.insert(
            Cart(
                id=uuid7(),
                hospital=actor.hospital,
                patient=choice.patient,
                day=sitting.day,
                period=str(sitting.period),
                created_at=clock.now(),
            )
        ).on_conflict(action="DO NOTHING")
        cart = await queries.locked_cart(actor, choice.patient, sitting.day, sitting.period)
    return cart


class _Slot(Struct, frozen=True):
    """The one line of a cart that a dish in a portion has."""

    cart: UUID
    dish: UUID
    portion: Decimal


async def _put(actor: Actor, slot: _Slot, before: int, quantity: int) -> None:
    """Write one line; the cart's row is locked, so what was read is what is there."""
    at = (CartLine.cart == slot.cart) & (CartLine.dish == slot.dish) & (CartLine.portion == slot.portion)
    line = mine(CartLine, actor) & at
    if quantity == 0:
        await CartLine.delete().where(line)
    elif before:
        await CartLine.update({CartLine.quantity: quantity}).where(line)
    else:
        await CartLine.insert(
            CartLine(
                id=uuid7(),
                hospital=actor.hospital,
                cart=slot.cart,
                dish=slot.dish,
                portion=slot.portion,
                quantity=quantity,
                added_at=clock.now(),
            )
        )


def _named(card: Card) -> Named:
    return Named(card.name_en, card.name_fr, card.name_rw)
