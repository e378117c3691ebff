"""Checkout: one transaction from the key minted with the page to the answer that a second tap gets as well."""

from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Gate, Verdict
from dusangire.diets.rules.overrides import for_meal
from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor
from dusangire.kernel.db import add, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.kernel.money import total as sum_of
from dusangire.kernel.phrase import Named, Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Sitting, portion_price, sitting
from dusangire.orders import queries
from dusangire.orders.queries import CartLine
from dusangire.orders.rules import (
    ordered_by,
    period_phrase,
    said_to,
    serving_of,
)
from dusangire.orders.service.carts import SOLD_OUT, refuse_closed, tell_blocked
from dusangire.orders.service.judging import Ground, ground, judge, keep_still, reason_for, refuse_stopped
from dusangire.orders.service.moving import with_fresh_proof
from dusangire.orders.service.ordering import Checkout, Decided, Line, Origin, write
from dusangire.orders.service.paying import Wish, divide
from dusangire.orders.tables import Idempotency
from dusangire.payments import queries as money
from dusangire.wards import service as wards


class _Refused(Struct, frozen=True, tag="refused"):
    key: str
    status: int
    facts: dict[str, Phrase | Named | str | int]


class _Placed(Struct, frozen=True, tag="placed"):
    order: UUID


async def place(actor: Actor, wanted: Checkout) -> UUID:
    """Order what is on the tray and return the order's id; the same key gives the same answer for ever.

    Raises Refusal in plain words: nothing on the tray, ordered already, past the cut-off, sold out, against the diet,
    account full; 422 where the key was used for something else. NotHere for somebody else's patient.
    """
    if queries.is_own_only(actor) and actor.patient != wanted.patient:
        raise NotHere
    answer = await with_fresh_proof(lambda: _answered(actor, wanted))
    if isinstance(answer, _Refused):
        raise Refusal(answer.key, status=answer.status, **answer.facts)
    return answer.order


async def _answered(actor: Actor, wanted: Checkout) -> "_Placed | _Refused":
    async with transaction():
        return await _answer(actor, wanted)


async def place_chosen(actor: Actor, wanted: Checkout, lines: tuple[CartLine, ...], origin: Origin) -> UUID:
    """Order these dishes without a cart, through the same lock, verdict and evidence; the same key gives the same id.

    The meal may be over already: such a tray comes late. Only one that replaces another may pass the account's ceiling.
    Raises Refusal as `place` does.
    """
    async with transaction():
        await keep_still(actor)
        safety_rev = await wards.lock(actor, wanted.patient)
        made = await queries.automatic_order(actor, origin.key or "")
        if made is not None:
            return made
        chosen = await _sitting(actor, wanted)
        decided = await _judged(actor, wanted, chosen, lines, safety_rev, cart=None, origin=origin)
        await write(actor, wanted, decided)
    return decided.id


async def _answer(actor: Actor, wanted: Checkout) -> _Placed | _Refused:
    """Claim the key and answer; who comes second waits on the key's row and hears what the first one heard."""
    key = Idempotency(
        hospital=actor.hospital, key=wanted.key, app_user=actor.user, body_hash=wanted.hashed(),
        answer="", created_at=clock.now(),
    )  # fmt: skip
    claimed = await add(key, or_nothing=True)
    if not claimed:
        return await _same_again(actor, wanted)
    answer: _Placed | _Refused
    try:
        decided = await _decide(actor, wanted)
    except Refusal as refusal:
        answer = _Refused(refusal.key, refusal.status, {name: _kept(fact) for name, fact in refusal.facts.items()})
    else:
        await write(actor, wanted, decided)
        answer = _Placed(decided.id)
    await Idempotency.update({Idempotency.answer: msgspec.json.encode(answer).decode()}).where(
        Idempotency.hospital == actor.hospital, Idempotency.key == wanted.key
    )
    return answer


def _kept(fact: Phrase | Named | Money | str | int) -> Phrase | Named | str | int:
    return text.money(fact) if isinstance(fact, Money) else fact


async def _same_again(actor: Actor, wanted: Checkout) -> _Placed | _Refused:
    kept = await queries.kept_answer(actor, wanted.key)
    if kept is None or kept.app_user != actor.user or kept.body_hash != wanted.hashed():
        raise Refusal("error.old_page", status=422)
    return msgspec.json.decode(kept.answer, type=_Placed | _Refused)


async def _decide(actor: Actor, wanted: Checkout) -> Decided:
    """Lock the patient and the cart, read everything afresh, and decide. Writes nothing but a recorded refusal."""
    await keep_still(actor)
    safety_rev = await wards.lock(actor, wanted.patient)
    chosen = await _sitting(actor, wanted)
    refuse_closed(actor, chosen)
    cart = await queries.locked_cart(actor, wanted.patient, wanted.day, wanted.period)
    lines = (await queries.cart(actor, wanted.patient, wanted.day, wanted.period)).lines if cart else ()
    if cart is None or not lines:
        raise await _nothing_chosen(actor, wanted)
    await _ask_about_request(actor, wanted)
    return await _judged(actor, wanted, chosen, lines, safety_rev, cart=cart, origin=Origin())


async def _judged(
    actor: Actor,
    wanted: Checkout,
    chosen: Sitting,
    lines: tuple[CartLine, ...],
    safety_rev: int,
    *,
    cart: UUID | None,
    origin: Origin,
) -> Decided:
    """Price and judge the lines; the patient's row is locked."""
    await refuse_stopped(actor)
    on = await ground(actor)
    priced = _priced(lines, {card.id: card for card in (await menu.cards(actor, on.menu_rev)).values()}, chosen)
    answer = await _verdict(actor, wanted, chosen, lines, on, but=origin.replaces)
    account = await money.stay_account(actor, wanted.patient)
    if account is None:
        raise Refusal("order.why.no_stay")
    made = uuid7()
    paying = await divide(actor, _wish(wanted, made, origin), sum_of([line.total for line in priced]), account)
    payer = account.app_user if ordered_by(actor) == "nurse" else actor.user
    return Decided(made, account.admission, cart, chosen, priced, answer, safety_rev, on, paying, payer, origin)


def _wish(wanted: Checkout, made: UUID, origin: Origin) -> Wish:
    return Wish(
        order=made,
        patient=wanted.patient,
        day=wanted.day,
        period=wanted.period,
        method=wanted.method,
        place=wanted.place,
        phone=wanted.phone,
        coupon=wanted.coupon,
        expects_minor=wanted.expects_minor,
        may_pass_ceiling=origin.replaces is not None,
    )


async def _ask_about_request(actor: Actor, wanted: Checkout) -> None:
    """Refuse a tray whose special request names what the patient's chart says nothing of; a person is asked first.

    What it leaves behind is kept with the refusal: the patient's meals stop until somebody has said what it means.
    """
    found = await diets.ask_about_words(actor, wanted.patient, wanted.request)
    if found:
        code = found[0].code
        key = "uncoded.refused" if code else "uncoded.refused_allergy"
        raise Refusal(key, allergen=Phrase(f"allergen.{code}", otherwise=code or "–"))


async def _sitting(actor: Actor, wanted: Checkout) -> Sitting:
    found = sitting(await menu.periods(actor), wanted.day, wanted.period, actor.zone)
    if found is None:
        raise Refusal("order.no_such_meal", status=422)
    return found


async def _nothing_chosen(actor: Actor, wanted: Checkout) -> Refusal:
    before = await queries.last_placed(actor, wanted.patient, wanted.day, wanted.period)
    if before is None:
        return Refusal("order.nothing_chosen")
    return Refusal("order.already_placed", code=before.code, meal=period_phrase(wanted.period))


def _priced(lines: tuple[CartLine, ...], cards: dict[UUID, Card], chosen: Sitting) -> tuple[Line, ...]:
    """Return the lines at the prices of now. Raises Refusal for what is sold out or no longer served."""
    found = []
    for line in lines:
        card = cards.get(line.dish)
        if card is None or not card.is_available:
            raise Refusal("error.sold_out", dish=line.named, rule=SOLD_OUT)
        if chosen.meal not in card.meals:
            raise Refusal("order.not_at_this_meal", dish=line.named)
        found.append(Line(card, line, portion_price(card.price, line.portion)))
    return tuple(found)


async def _verdict(
    actor: Actor,
    wanted: Checkout,
    chosen: Sitting,
    lines: tuple[CartLine, ...],
    on: Ground,
    *,
    but: UUID | None,
) -> Verdict:
    facts = await diet_queries.facts(actor, wanted.patient, ordered_by=ordered_by(actor))
    found = await queries.trays(actor, wanted.patient, wanted.day, wanted.day)
    serving = serving_of(chosen, actor.zone, on.now)
    tray = tuple(line.tray_line() for line in lines)
    given = for_meal(await diet_queries.overrides(actor, wanted.patient), wanted.day, wanted.period)
    beside = queries.others(found, but, actor.zone)
    answer = judge(facts, serving, beside, tray, on=on, gate=Gate.CHECKOUT, given=given)
    if answer.is_allowed:
        return answer
    told = reason_for(answer, queries.named(lines))
    await tell_blocked(actor, wanted.patient, answer, told)
    raise Refusal("order.not_this_tray", why=said_to(actor, told.whole), rule=told.rule)
