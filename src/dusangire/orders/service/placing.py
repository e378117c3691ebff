"""Checkout: one transaction from the key minted with the page to the answer that a second tap gets as well."""

from datetime import date
from hashlib import sha256
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Gate, Verdict
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import token, uuid7
from dusangire.kernel.money import Money
from dusangire.kernel.money import total as sum_of
from dusangire.kernel.phrase import Named, Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Sitting, portion_price, sitting
from dusangire.orders import queries
from dusangire.orders.queries import CartLine
from dusangire.orders.rules import (
    ORDER,
    Place,
    Verb,
    can_charge,
    is_late,
    opening_request,
    ordered_by,
    period_phrase,
    serving_of,
    window,
)
from dusangire.orders.service.carts import refuse_closed, tell_blocked
from dusangire.orders.service.judging import Ground, ground, judge, reason_for
from dusangire.orders.service.moving import write_move
from dusangire.orders.tables import Cart, Idempotency, MealOrder
from dusangire.orders.tables import OrderLine as OrderLineRow
from dusangire.payments import service as payments
from dusangire.payments.rules import Method
from dusangire.wards import service as wards


class Checkout(Struct, frozen=True):
    """What the checkout page sends. `key` was minted with the page and names this one intention."""

    key: str
    patient: UUID
    day: date
    period: str
    method: Method
    place: Place = Place.BED
    place_name: str = ""
    request: str = ""

    def hashed(self) -> bytes:
        """Return what must be the same when the same key comes again."""
        return sha256(msgspec.json.encode(self)).digest()


class _Refused(Struct, frozen=True, tag="refused"):
    key: str
    status: int
    facts: dict[str, Phrase | Named | str | int]


class _Placed(Struct, frozen=True, tag="placed"):
    order: UUID


class _Line(Struct, frozen=True):
    card: Card
    chosen: CartLine
    price: Money

    @property
    def total(self) -> Money:
        return self.price * self.chosen.quantity


class _Decided(Struct, frozen=True):
    """Everything the order will be, decided before the first row of it is written."""

    id: UUID
    admission: UUID
    cart: UUID
    sitting: Sitting
    lines: tuple[_Line, ...]
    verdict: Verdict
    safety_rev: int
    on: Ground

    @property
    def total(self) -> Money:
        return sum_of([line.total for line in self.lines])


async def place(actor: Actor, wanted: Checkout) -> UUID:
    """Order what is on the tray and return the order's id; the same key gives the same answer for ever.

    Raises Refusal in plain words: nothing on the tray, ordered already, past the cut-off, sold out, against the diet,
    account full; 422 where the key was used for something else. NotHere for somebody else's patient.
    """
    if queries.is_own_only(actor) and actor.patient != wanted.patient:
        raise NotHere
    async with transaction():
        answer = await _answer(actor, wanted)
    if isinstance(answer, _Refused):
        raise Refusal(answer.key, status=answer.status, **answer.facts)
    return answer.order


async def _answer(actor: Actor, wanted: Checkout) -> _Placed | _Refused:
    """Claim the key and answer; who comes second waits on the key's row and hears what the first one heard."""
    claimed = (
        await Idempotency.insert(
            Idempotency(
                hospital=actor.hospital, key=wanted.key, app_user=actor.user, body_hash=wanted.hashed(),
                answer="", created_at=clock.now(),
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(Idempotency.key)
    )  # fmt: skip
    if not claimed:
        return await _same_again(actor, wanted)
    answer: _Placed | _Refused
    try:
        decided = await _decide(actor, wanted)
    except Refusal as refusal:
        answer = _Refused(refusal.key, refusal.status, refusal.facts)
    else:
        await _write(actor, wanted, decided)
        answer = _Placed(decided.id)
    await Idempotency.update({Idempotency.answer: msgspec.json.encode(answer).decode()}).where(
        Idempotency.hospital == actor.hospital, Idempotency.key == wanted.key
    )
    return answer


async def _same_again(actor: Actor, wanted: Checkout) -> _Placed | _Refused:
    kept = await queries.kept_answer(actor, wanted.key)
    if kept is None or kept.app_user != actor.user or kept.body_hash != wanted.hashed():
        raise Refusal("error.old_page", status=422)
    return msgspec.json.decode(kept.answer, type=_Placed | _Refused)


async def _decide(actor: Actor, wanted: Checkout) -> _Decided:
    """Lock the patient and the cart, read everything afresh, and decide. Writes nothing but a recorded refusal."""
    safety_rev = await wards.lock(actor, wanted.patient)
    chosen = await _sitting(actor, wanted)
    cart = await queries.locked_cart(actor, wanted.patient, wanted.day, wanted.period)
    lines = (await queries.cart(actor, wanted.patient, wanted.day, wanted.period)).lines if cart else ()
    if cart is None or not lines:
        raise await _nothing_chosen(actor, wanted)
    on = await ground(actor)
    priced = _priced(lines, {card.id: card for card in (await menu.cards(actor)).values()}, chosen)
    answer = await _verdict(actor, wanted, chosen, lines, on)
    account = await queries.account(actor, wanted.patient)
    if account is None:
        raise Refusal("order.why.no_stay")
    total = sum_of([line.total for line in priced])
    if wanted.method is Method.HOSPITAL_ACCOUNT and not can_charge(account.charged, total, account.ceiling):
        raise Refusal("pay.ceiling")
    return _Decided(uuid7(), account.admission, cart, chosen, priced, answer, safety_rev, on)


async def _sitting(actor: Actor, wanted: Checkout) -> Sitting:
    found = sitting(await menu.periods(actor), wanted.day, wanted.period, actor.zone)
    if found is None:
        raise Refusal("order.no_such_meal", status=422)
    refuse_closed(actor, found)
    return found


async def _nothing_chosen(actor: Actor, wanted: Checkout) -> Refusal:
    before = await queries.last_placed(actor, wanted.patient, wanted.day, wanted.period)
    if before is None:
        return Refusal("order.nothing_chosen")
    return Refusal("order.already_placed", code=before.code, meal=period_phrase(wanted.period))


def _priced(lines: tuple[CartLine, ...], cards: dict[UUID, Card], chosen: Sitting) -> tuple[_Line, ...]:
    """Return the lines at the prices of now. Raises Refusal for what is sold out or no longer served."""
    found = []
    for line in lines:
        card = cards.get(line.dish)
        if card is None or not card.is_available:
            raise Refusal("error.sold_out", dish=line.named)
        if chosen.meal not in card.meals:
            raise Refusal("order.not_at_this_meal", dish=line.named)
        found.append(_Line(card, line, portion_price(card.price, line.portion)))
    return tuple(found)


async def _verdict(actor: Actor, wanted: Checkout, chosen: Sitting, lines: tuple[CartLine, ...], on: Ground) -> Verdict:
    facts = await diet_queries.facts(actor, wanted.patient, ordered_by=ordered_by(actor))
    found = await queries.trays(actor, wanted.patient, wanted.day, wanted.day)
    serving = serving_of(chosen, actor.zone, on.now)
    tray = tuple(line.tray_line() for line in lines)
    answer = judge(facts, serving, queries.others(found, None, actor.zone), tray, on=on, gate=Gate.CHECKOUT)
    if answer.is_allowed:
        return answer
    told = reason_for(answer, queries.named(lines))
    await tell_blocked(actor, wanted.patient, answer, told)
    raise Refusal("order.not_this_tray", why=told.whole)


async def _write(actor: Actor, wanted: Checkout, decided: _Decided) -> None:
    await _write_order(actor, wanted, decided)
    await OrderLineRow.insert(*(_line_row(actor, decided.id, n, line) for n, line in enumerate(decided.lines, 1)))
    await diets.keep_check(
        actor, decided.id, wanted.patient, Gate.CHECKOUT, decided.verdict, safety_rev=decided.safety_rev,
        menu_rev=decided.on.menu_rev, manual_rev=decided.on.manual_rev,
    )  # fmt: skip
    await Cart.update({Cart.checked_out_at: clock.now()}).where(mine(Cart, actor), Cart.id == decided.cart)
    await payments.open_payment(actor, decided.id, wanted.method, decided.total)
    order = await queries.order(actor, decided.id)
    await write_move(actor, order, Verb.CONFIRM)
    await _ask_nutritionist(actor, wanted, decided, order.code)


async def _write_order(actor: Actor, wanted: Checkout, decided: _Decided) -> None:
    now, chosen = clock.now(), decided.sitting
    serve_from, serve_to = window(chosen.serve_from, chosen.serve_to, now)
    await MealOrder.insert(
        MealOrder(
            id=decided.id,
            hospital=actor.hospital,
            code=await queries.free_code(actor, wanted.period),
            tray_token=token()[:24],
            patient=wanted.patient,
            admission=decided.admission,
            cart=decided.cart,
            day=wanted.day,
            period=wanted.period,
            serve_from=serve_from,
            serve_to=serve_to,
            cutoff_at=chosen.cutoff_at,
            status=ORDER.start.value,
            is_late_tray=is_late(chosen.cutoff_at, now),
            place=wanted.place.value,
            place_name=wanted.place_name if wanted.place is Place.STAFF_AREA else "",
            request=wanted.request,
            request_state=opening_request(wanted.request).value,
            items_minor=decided.total.minor,
            total_minor=decided.total.minor,
            placed_by=actor.user,
            placed_as=ordered_by(actor),
            placed_at=now,
            status_at=now,
        )
    )


def _line_row(actor: Actor, order_id: UUID, position: int, line: _Line) -> OrderLineRow:
    return OrderLineRow(
        id=uuid7(),
        hospital=actor.hospital,
        meal_order=order_id,
        position=position,
        dish=line.card.id,
        dish_code=line.card.code,
        name_en=line.card.name_en,
        name_fr=line.card.name_fr,
        name_rw=line.card.name_rw,
        portion=line.chosen.portion,
        quantity=line.chosen.quantity,
        price_minor=line.price.minor,
        recipe_rev=line.card.recipe_rev,
    )


async def _ask_nutritionist(actor: Actor, wanted: Checkout, decided: _Decided, code: str) -> None:
    """Leave a task for what a person must look at: a wish in free words, and what soft rules ask about."""
    about = f"order:{decided.id}"
    if wanted.request:
        await diets.open_task(
            actor, "special_request", patient=wanted.patient, about=about, code=code, link="/orders/requests"
        )
    if decided.verdict.asks:
        asked = sorted({".".join(reason.key()) for reason in decided.verdict.asks})
        await diets.open_task(
            actor, "order_asks", patient=wanted.patient, about=about, code=code, rules=asked,
            link=f"/orders/{decided.id}",
        )  # fmt: skip
