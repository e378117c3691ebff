"""Events: asked for, quoted, accepted, made, delivered with their invoice, and paid."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.catering import queries
from dusangire.catering.queries import Event
from dusangire.catering.rules import EVENT, EventStatus, EventVerb, Offer, is_valid, refuse_ask, total_of
from dusangire.catering.tables import CateringEvent, CateringLine
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import short_code, uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card
from dusangire.notify import service as notify
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Payer, Purpose, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import Share


class Asked(Struct, frozen=True):
    """What somebody wants catered. `key` was minted with the page and names this one request."""

    key: str
    title: str
    starts_at: datetime
    place: str
    heads: int
    bill_to: str
    phone: str = ""
    wishes: str = ""


class Quote(Struct, frozen=True):
    """What the kitchen offers: dishes by code, a charge for service, until when it stands."""

    offers: tuple[Offer, ...]
    service: Money
    valid_until: date
    note: str = ""


async def ask(actor: Actor, asked: Asked) -> UUID:
    """Ask for the catering of an event and return its id; the same key gives the same event. Raises Refusal."""
    before = await queries.event_of_key(actor, asked.key)
    if before is not None:
        return before
    wrong = refuse_ask(asked.starts_at, clock.now())
    if wrong:
        raise Refusal(wrong, status=422)
    made = uuid7()
    async with transaction():
        await CateringEvent.insert(
            CateringEvent(
                id=made, hospital=actor.hospital, key=asked.key, code=f"E-{short_code(5)}", title=asked.title,
                starts_at=asked.starts_at, place=asked.place, heads=asked.heads, wishes=asked.wishes,
                bill_to=asked.bill_to, phone=asked.phone, asked_by=actor.user, asked_at=clock.now(),
                status=EVENT.start.value, status_at=clock.now(),
            )
        )  # fmt: skip
        await record(actor, "event:asked", f"event:{made}")
    return made


async def quote(actor: Actor, event_id: UUID, offer: Quote) -> None:
    """Offer dishes at a price; a new quote replaces the last one, which stays on record. Raises Refusal, NotHere."""
    cards = await menu.cards(actor)
    if not offer.offers:
        raise Refusal("catering.quote_empty", status=422)
    if any(one.dish_code not in cards for one in offer.offers):
        raise Refusal("catering.no_such_dish", status=422)
    total = total_of(offer.offers, offer.service)
    async with transaction():
        found = await _locked(actor, event_id, EventVerb.QUOTE)
        rev = found.quote_rev + 1
        await CateringLine.insert(*(_line(actor, event_id, rev, cards[one.dish_code], one) for one in offer.offers))
        await _move(
            actor, found, EventVerb.QUOTE,
            {
                CateringEvent.quote_rev: rev, CateringEvent.service_minor: offer.service.minor,
                CateringEvent.total_minor: total.minor, CateringEvent.quote_note: offer.note,
                CateringEvent.valid_until: offer.valid_until,
            },
        )  # fmt: skip
        await _tell(actor, found, "quoted", rev)


async def accept(actor: Actor, event_id: UUID, quote_rev: int) -> None:
    """Accept the quote that was read; a newer one must be read first. Raises Refusal, NotHere."""
    async with transaction():
        found = await _own(actor, event_id, EventVerb.ACCEPT)
        if found.quote_rev != quote_rev:
            raise Refusal("catering.quote_changed")
        if not is_valid(found.valid_until, clock.local_day(clock.now(), actor.zone)):
            raise Refusal("catering.quote_over")
        await _move(actor, found, EventVerb.ACCEPT, {})


async def decline(actor: Actor, event_id: UUID, reason: str) -> None:
    """Say no to a quote."""
    async with transaction():
        found = await _own(actor, event_id, EventVerb.DECLINE)
        await _move(actor, found, EventVerb.DECLINE, {CateringEvent.reason: reason})


async def cancel(actor: Actor, event_id: UUID, reason: str) -> None:
    """Call an event off before it is cooked, as who asked for it or as the kitchen. Raises Refusal, NotHere."""
    async with transaction():
        found = await _locked(actor, event_id, EventVerb.CANCEL)
        if found.asked_by != actor.user and not actor.may(Can.CATERING_WORK):
            raise NotHere
        await _move(actor, found, EventVerb.CANCEL, {CateringEvent.reason: reason})
        if found.asked_by != actor.user:
            await _tell(actor, found, "cancelled", 0)


async def start_event(actor: Actor, event_id: UUID) -> None:
    """Begin to cook for an event."""
    async with transaction():
        await _move(actor, await _locked(actor, event_id, EventVerb.START), EventVerb.START, {})


async def deliver(actor: Actor, event_id: UUID) -> None:
    """Hand an event's food over: the sale is booked and its invoice is open from then on."""
    async with transaction():
        found = await _locked(actor, event_id, EventVerb.DELIVER)
        await _move(actor, found, EventVerb.DELIVER, {})
        lines = ((Account.EVENT_DUE, event_id, found.total_minor), (Account.EVENTS, None, -found.total_minor))
        await payments.post(actor, "sale", f"event:{event_id}", lines, key=f"sale:{event_id}")
        share = Share(Method.BANK, found.total, Payer.CLIENT)
        await payments.open_payment(actor, Purpose.EVENT, event_id, share, payer_user=found.asked_by)
        await _tell(actor, found, "delivered", 0)


async def paid(actor: Actor, event_id: UUID) -> None:
    """Close an event once its invoice is paid; changes nothing before that, or a second time."""
    async with transaction():
        found = await _found(actor, event_id)
        of_it = await payment_queries.payments_of(actor, event_id)
        taken = sum(one.amount_minor for one in of_it if one.state is State.PAID)
        if found.status is EventStatus.DELIVERED and taken >= found.total_minor:
            await _move(actor, found, EventVerb.SETTLE, {})


async def _found(actor: Actor, event_id: UUID) -> Event:
    await queries.locked_event(actor, event_id)
    return await queries.event(actor, event_id)


async def _locked(actor: Actor, event_id: UUID, verb: EventVerb) -> Event:
    found = await _found(actor, event_id)
    if found.status not in EVENT.sources(verb):
        status = Phrase(f"catering.event.{found.status}")
        raise Refusal("order.moved_on", code=found.code, status_now=status)
    return found


async def _own(actor: Actor, event_id: UUID, verb: EventVerb) -> Event:
    found = await _locked(actor, event_id, verb)
    if found.asked_by != actor.user:
        raise NotHere
    return found


async def _move(actor: Actor, found: Event, verb: EventVerb, values: dict[Any, Any]) -> None:
    target = EVENT.after(found.status, verb)
    await CateringEvent.update(
        {**values, CateringEvent.status: target.value, CateringEvent.status_at: clock.now()}
    ).where(mine(CateringEvent, actor), CateringEvent.id == found.id)
    await record(actor, f"event:{target}", f"event:{found.id}", code=found.code)


async def _tell(actor: Actor, found: Event, what: str, rev: int) -> None:
    facts = {"code": found.code, "title": found.title}
    await notify.tell(
        actor,
        found.asked_by,
        kind=f"event:{what}",
        key=f"event:{what}:{found.id}:{rev}",
        subject=Phrase(f"catering.told.{what}.subject", dict(facts)),
        body=Phrase(f"catering.told.{what}.body", dict(facts)),
        about=f"event:{found.id}",
        link=f"/catering/{found.id}",
    )


def _line(actor: Actor, event: UUID, rev: int, card: Card, offer: Offer) -> CateringLine:
    return CateringLine(
        id=uuid7(), hospital=actor.hospital, event=event, quote_rev=rev, dish=card.id, dish_code=card.code,
        name_en=card.name_en, name_fr=card.name_fr, name_rw=card.name_rw, quantity=offer.quantity,
        price_minor=offer.price.minor,
    )  # fmt: skip
