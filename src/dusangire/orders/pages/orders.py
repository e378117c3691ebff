"""What became of an order: its way in five steps, live; its receipt, rating and whole history; and all one's orders."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.kernel import clock, forms, text
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, language, whole
from dusangire.kernel.journal import Event
from dusangire.kernel.live import stream
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries, service
from dusangire.orders.pages.overrides import given_at
from dusangire.orders.pages.shares import is_fiscal_due, seen
from dusangire.orders.pages.whom import Whom, whom
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import (
    GONE,
    OPEN,
    Cancelling,
    RatingReason,
    Status,
    Verb,
    cancelling,
    note_phrase,
    pace,
    period_phrase,
    said_to,
    steps,
)
from dusangire.payments import queries as payments
from dusangire.payments.queries import funds

SEES = needs(Can.ORDER_OWN, Can.ORDER_FOR_PATIENT, Can.ORDERS_SEE, Can.NUTRITION_WORK, Can.SUPPORT_WORK)
ACTS = needs(Can.ORDER_OWN, Can.ORDER_FOR_PATIENT)
STOPS = needs(Can.ORDER_FOR_PATIENT, Can.NUTRITION_WORK, Can.SUPPORT_WORK)
CANCELS = needs(Can.ORDER_OWN, Can.ORDER_FOR_PATIENT, Can.NUTRITION_WORK, Can.SUPPORT_WORK)
_EATEN = frozenset({Status.DELIVERED, Status.COMPLETED})
# Whom the hold of all trays concerns: those that have not come yet.
_WAITS_TOO = OPEN | {Status.HELD}


class Happened(Struct, frozen=True):
    """One line of an order's history. role: of the person, None where the program did it by itself."""

    what: Phrase
    at: datetime
    by: str
    role: Phrase | None
    why: Phrase | None
    more: str


class Complaint(Struct, frozen=True):
    """What is wrong."""

    words: Annotated[str, Limits(3, 500, is_multiline=True)]


class Rated(Struct, frozen=True):
    """How the meal was."""

    stars: Annotated[int, Limits(1, 5)]
    reason: RatingReason | None = None
    comment: Annotated[str, Limits(most=300, is_multiline=True)] = ""


class OrderPages(Controller):
    """One's orders, and one of them."""

    path = "/orders"

    @get("/", opt=SEES)
    async def all(self, request: Request, actor: Acting) -> Html:
        if actor.patient is None and "for" not in request.query_params:
            return go(request, "/admin/orders" if actor.may(Can.DASHBOARD_SEE) else "/")
        about = whom(actor, request)
        found = await queries.orders_of(actor, about.patient)
        return whole(
            request,
            "orders/history.html",
            w=about,
            person=await queries.person(actor, about.patient),
            found=[(order, period_phrase(order.period)) for order in found],
            speaks=language(request),
        )

    @get("/{order_id:uuid}", opt=SEES)
    async def one(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _page(request, actor, order_id)

    @get("/{order_id:uuid}/live", opt=SEES | LIVE)
    async def live(self, request: Request, actor: Acting, order_id: UUID) -> ASGIApp:
        await queries.order(actor, order_id)

        async def redraw() -> str:
            return draw(request, "orders/_tracking.html", **await _shown(request, actor, order_id))

        bells = (f"order:{order_id}", f"{actor.hospital}:meals")  # the second rings when all trays are held
        return stream(request.app.state.hub, *bells, draw=redraw)

    @get("/{order_id:uuid}/receipt", opt=SEES)
    async def receipt(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        shown = await _shown(request, actor, order_id)
        fiscal = [one for one in await payments.fiscal_of(actor, order_id) if one.payment in shown["m"].own]
        return whole(request, "orders/receipt.html", **shown, fiscal=fiscal, is_due=is_fiscal_due(shown["m"]))

    @post("/{order_id:uuid}/complete", opt=ACTS)
    async def complete(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.confirm_receipt(actor, order_id)
        return go(request, f"/orders/{order_id}")

    @post("/{order_id:uuid}/problem", opt=ACTS)
    async def problem(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Complaint)
        if form.value is None:
            return await _page(request, actor, order_id, status=422, complaint=form)
        await service.complain(actor, order_id, form.value.words)
        return go(request, f"/orders/{order_id}?told=1")

    @post("/{order_id:uuid}/rate", opt=ACTS)
    async def rate(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Rated)
        if form.value is None:
            return await _page(request, actor, order_id, status=422, rating=form)
        said = form.value
        await service.rate(actor, order_id, said.stars, reason=said.reason or "", comment=said.comment)
        return go(request, f"/orders/{order_id}?rated=1")

    @post("/{order_id:uuid}/cancel", opt=CANCELS)
    async def cancel(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.cancel(actor, order_id)
        return go(request, f"/orders/{order_id}")

    @post("/{order_id:uuid}/hold", opt=STOPS)
    async def hold(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.advance(actor, order_id, Verb.HOLD)
        return go(request, f"/orders/{order_id}")

    @post("/{order_id:uuid}/release", opt=STOPS)
    async def release(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.release(actor, order_id)
        return go(request, f"/orders/{order_id}")


async def _page(
    request: Request,
    actor: Actor,
    order_id: UUID,
    *,
    status: int = 200,
    complaint: Form[Complaint] | None = None,
    rating: Form[Rated] | None = None,
) -> Html:
    shown = await _shown(request, actor, order_id)
    return whole(
        request,
        "orders/order.html",
        status=status,
        **shown,
        **(await _help(actor, shown["o"])),
        checks=await queries.checks(actor, order_id) if actor.may(Can.ORDERS_SEE) else [],
        noted=await queries.medicine_notes(actor, shown["o"]) if actor.may(Can.ORDERS_SEE) else [],
        complaint=complaint or forms.empty(Complaint),
        rating=rating or forms.empty(Rated),
        reasons=list(RatingReason),
        said=next((name for name in ("placed", "told", "rated") if name in request.query_params), ""),
    )


async def _shown(request: Request, actor: Actor, order_id: UUID) -> dict[str, Any]:
    tray = await queries.ticket(actor, order_id)
    is_staff = actor.may(Can.ORDERS_SEE)
    events = await queries.history(actor, order_id) if is_staff or tray.status is Status.HELD else []
    instead = await queries.replacement_of(actor, order_id) if tray.held_from or tray.status in GONE else None
    return {
        "o": tray,
        "w": Whom(tray.patient, is_for_other=tray.patient != actor.patient),
        "meal": period_phrase(tray.period),
        "pace": 0 if instead else pace(tray.status),
        "steps": steps(tray.status, _times(tray)),
        "carrier": await queries.carrier_of(actor, order_id) if tray.left_at else None,
        "m": await seen(actor, order_id),
        "is_staff": is_staff,
        "stop": await diets.meal_stop(actor) if tray.status in _WAITS_TOO else None,
        "changed": await queries.changes(actor, [order_id]) if tray.label_rev > 1 else [],
        "may": _may(actor, tray),
        "why_held": said_to(actor, tray.why_held) if tray.why_held else None,
        "given": await given_at(actor, tray.patient, tray.day, tray.period) if is_staff else [],
        "rated": await queries.rating_of(actor, order_id) if tray.status in _EATEN else None,
        "events": [_told(actor, event) for event in events] if is_staff else [],
        "instead": instead,
        "origin": await _origin(actor, tray),
        "no_other": _no_other(events) if tray.status is Status.HELD else None,
        "speaks": language(request),
    }


async def _origin(actor: Actor, tray: Ticket) -> Phrase | None:
    """Return why the program ordered this tray itself; None where a person chose it."""
    if not tray.automatic:
        return None
    if tray.replaces is not None:
        codes = await queries.codes_replaced(actor, [tray.replaces])
        return Phrase("order.automatic.replacement", {"code": codes[tray.replaces]})
    key = f"order.automatic.{tray.automatic}"
    return Phrase(key if text.has(key) else "order.automatic.other")


def _no_other(events: list[Event]) -> Phrase | None:
    """Return that no tray comes in place of a stopped one, where that was decided."""
    said = next((event for event in reversed(events) if event.kind == "tray:not_replaced"), None)
    if said is None:
        return None
    return Phrase("order.not_replaced_npo" if said.facts.get("stop") == "NPO" else "order.not_replaced")


def _told(actor: Actor, event: Event) -> Happened:
    status = event.kind.partition(":")[2]
    name = Phrase(f"order.event.{event.kind}", otherwise="") if text.has(f"order.event.{event.kind}") else None
    facts = event.facts
    # Why a tray was stopped is kept as a phrase; the reasons of other events are codes.
    why = note_phrase(str(facts["why"])) if status == Status.HELD and facts.get("why") else None
    return Happened(
        what=name or Phrase(f"status.{status}", otherwise=event.kind),
        at=event.at,
        by=event.actor_name or "Dusangire",
        role=Phrase(f"role.{event.actor_role}", otherwise=event.actor_role) if event.actor else None,
        why=said_to(actor, why) if why else None,
        more=" · ".join(str(facts[name]) for name in ("rule", "note", "words") if facts.get(name) and not why),
    )


def _times(tray: Ticket) -> tuple[Any, ...]:
    return (tray.placed_at, tray.started_at, tray.ready_at, tray.left_at, tray.delivered_at)


async def _help(actor: Actor, tray: Ticket) -> dict[str, Any]:
    """Return what funds give for this tray and its patient, to who gives such help; nobody gives it to themselves."""
    if not actor.may(Can.FUND_GRANT) or actor.patient is not None:
        return {"may_help": False}
    gave = await funds.given_for(actor, tray.id)
    return {
        "may_help": gave is not None or tray.status in _WAITS_TOO,
        "gave": gave,
        "helps": await funds.grants_for(actor, tray.patient, tray.day),
    }


def _may(actor: Actor, tray: Ticket) -> dict[str, bool]:
    """Return which buttons the page has: what the machine allows and this person may do."""
    acts = actor.may(Can.ORDER_OWN) or actor.may(Can.ORDER_FOR_PATIENT)
    stops = any(actor.may(right) for right in (Can.ORDER_FOR_PATIENT, Can.NUTRITION_WORK, Can.SUPPORT_WORK))
    called_off = cancelling(actor, tray.status, tray.cutoff_at, clock.now())
    return {
        "pay": acts,
        "receive": acts and tray.status is Status.DELIVERED,
        "complain": acts,
        "rate": acts and tray.status in _EATEN,
        "cancel": (acts or stops) and called_off is not Cancelling.NO,
        "hold": stops and Verb.HOLD in tray.verbs,
        "release": stops and Verb.RELEASE in tray.verbs,
        "override": actor.may(Can.DIET_OVERRIDE) and tray.status in OPEN | {Status.HELD},
        "again": acts,
        "say_eaten": tray.status in _EATEN and actor.may(Can.ORDER_FOR_PATIENT),
    }
