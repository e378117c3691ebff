"""Events: ask for catering, read and accept the quote; the kitchen quotes, cooks and delivers."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.catering import queries, rules, service
from dusangire.catering.queries import Event
from dusangire.catering.rules import EventVerb, Offer
from dusangire.catering.service import Asked, Quote
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.ids import token
from dusangire.kernel.money import Money
from dusangire.menu import queries as menu
from dusangire.payments import queries as payments

_ASK = needs(Can.CATERING_ASK)
_WORK = needs(Can.CATERING_WORK)
_ROWS = 12


class EventForm(Struct, frozen=True):
    """What is asked of who wants an event catered."""

    key: Annotated[str, Limits(16, 64)]
    title: Annotated[str, Limits(2, 80)]
    starts_at: datetime
    place: Annotated[str, Limits(2, 80)]
    heads: Annotated[int, Limits(1, 2000)]
    bill_to: Annotated[str, Limits(2, 80)]
    phone: Annotated[str, Limits(most=20)] = ""
    wishes: Annotated[str, Limits(most=600, is_multiline=True)] = ""


class QuoteForm(Struct, frozen=True):
    """The kitchen's offer: dishes with how often and for how much each, row by row."""

    valid_until: date
    dish: list[Annotated[str, Limits(most=24)]] = []
    quantity: list[Annotated[str, Limits(most=6)]] = []
    price: list[Annotated[str, Limits(most=9)]] = []
    service: Annotated[int, Limits(0, 10_000_000)] = 0
    note: Annotated[str, Limits(most=600, is_multiline=True)] = ""


class Accepted(Struct, frozen=True):
    """The quote that was read."""

    quote_rev: Annotated[int, Limits(1, 1000)]


class Why(Struct, frozen=True):
    reason: Annotated[str, Limits(2, 200)]


class Catering(Controller):
    """Events of the hospital: one's own, and all of them for the kitchen."""

    path = "/catering"

    @get("/", opt=_ASK)
    async def all(self, request: Request, actor: Acting) -> Html:
        works = actor.may(Can.CATERING_WORK)
        return whole(
            request,
            "catering/events.html",
            mine=await queries.mine_of(actor),
            to_plan=await queries.events(actor, rules.OPEN_EVENTS) if works else [],
            works=works,
        )

    @get("/new", opt=_ASK)
    async def ask_form(self, request: Request, actor: Acting) -> Html:
        return whole(request, "catering/ask.html", form=forms.empty(EventForm, key=token()[:32]))

    @post("/", opt=_ASK)
    async def ask(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, EventForm)
        if form.value is None:
            return whole(request, "catering/ask.html", status=422, form=form)
        try:
            made = await service.ask(actor, _asked(form.value, actor.zone))
        except Refusal as refused:
            form = form.refuse("starts_at", refused.key, **refused.facts)
            return whole(request, "catering/ask.html", status=refused.status, form=form)
        return go(request, f"/catering/{made}")

    @get("/{event_id:uuid}", opt=needs(Can.CATERING_ASK, Can.PAYMENTS_SEE))
    async def show(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        return await _one(request, actor, await queries.event(actor, event_id))

    @post("/{event_id:uuid}/quote", opt=_WORK)
    async def quote(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        found = await queries.event(actor, event_id)
        form = await forms.read(request, QuoteForm)
        typed = await _rows_typed(request)
        offers, wrong = _offers(typed)
        if wrong:
            form = form.refuse("rows", wrong)
        if form.value is None:
            return await _one(request, actor, found, quote_form=form, rows=typed, status=422)
        said = form.value
        try:
            offer = Quote(offers, Money(said.service), said.valid_until, said.note)
            await service.quote(actor, event_id, offer)
        except Refusal as refused:
            return await _one(
                request, actor, found, quote_form=form, rows=typed, refused=refused, status=refused.status
            )
        return go(request, f"/catering/{event_id}")

    @post("/{event_id:uuid}/accept", opt=_ASK)
    async def accept(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        form = await forms.read(request, Accepted)
        if form.value is None:
            raise Refusal("error.old_page", status=422)
        await service.accept(actor, event_id, form.value.quote_rev)
        return go(request, f"/catering/{event_id}")

    @post("/{event_id:uuid}/decline", opt=_ASK)
    async def decline(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        return await _with_reason(request, actor, event_id, "decline")

    @post("/{event_id:uuid}/cancel", opt=_ASK)
    async def cancel(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        return await _with_reason(request, actor, event_id, "cancel")

    @post("/{event_id:uuid}/start", opt=_WORK)
    async def start(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        await service.start_event(actor, event_id)
        return go(request, f"/catering/{event_id}")

    @post("/{event_id:uuid}/deliver", opt=_WORK)
    async def deliver(self, request: Request, actor: Acting, event_id: UUID) -> Html:
        await service.deliver(actor, event_id)
        return go(request, f"/catering/{event_id}")


_ENDS = {"decline": service.decline, "cancel": service.cancel}


async def _with_reason(request: Request, actor: Actor, event_id: UUID, what: str) -> Html:
    form = await forms.read(request, Why)
    if form.value is None:
        return await _one(request, actor, await queries.event(actor, event_id), why_form=form, status=422)
    await _ENDS[what](actor, event_id, form.value.reason)
    return go(request, f"/catering/{event_id}")


def _asked(said: EventForm, zone: str) -> Asked:
    starts = clock.at(said.starts_at.date(), said.starts_at.time(), zone)
    return Asked(said.key, said.title, starts, said.place, said.heads, said.bill_to, said.phone, said.wishes)


async def _rows_typed(request: Request) -> list[tuple[str, str, str]]:
    """Return the rows of the quote as they were typed, empty ones left out."""
    data = await request.form()
    columns = [[str(value).strip() for value in data.getall(name, [])] for name in ("dish", "quantity", "price")]
    return [(d, q, p) for d, q, p in zip(*columns, strict=False) if d or q]


def _offers(typed: list[tuple[str, str, str]]) -> tuple[tuple[Offer, ...], str | None]:
    """Return the rows as offers, or the key of what is wrong with one."""
    found = []
    for dish, quantity, price in typed:
        if not dish or not (quantity.isdecimal() and 1 <= int(quantity) <= 5000) or not price.isdecimal():
            return (), "catering.row_wrong"
        found.append(Offer(dish, int(quantity), Money(int(price))))
    return tuple(found), None if found else "catering.quote_empty"


async def _one(
    request: Request,
    actor: Actor,
    found: Event,
    *,
    quote_form: Form[QuoteForm] | None = None,
    why_form: Form[Why] | None = None,
    rows: list[tuple[str, str, str]] | None = None,
    refused: Refusal | None = None,
    status: int = 200,
) -> Html:
    cards = await menu.cards(actor)
    week = clock.local_day(clock.now(), actor.zone) + timedelta(days=7)
    stands = found.valid_until or min(week, clock.local_day(found.starts_at, actor.zone))
    filled = rows or [(line.dish_code, str(line.quantity), str(line.price_minor)) for line in found.lines]
    return whole(
        request,
        "catering/event.html",
        status=status,
        event=found,
        verbs=rules.EVENT.verbs(found.status),
        can=EventVerb,
        cards=cards,
        dishes=sorted(cards.values(), key=lambda card: card.name(actor.language)),
        rows=[*filled, *[("", "", "")] * max(1, _ROWS - len(filled))][:_ROWS] if len(filled) < _ROWS else filled,
        quote_form=quote_form or forms.empty(
            QuoteForm, valid_until=stands.isoformat(), service=str(found.service_minor), note=found.quote_note
        ),
        why_form=why_form or forms.empty(Why),
        refused=refused,
        is_own=found.asked_by == actor.user,
        works=actor.may(Can.CATERING_WORK),
        payments=await payments.payments_of(actor, found.id),
    )  # fmt: skip
