"""Insulin and meals: the nurse's list, one tray with its dose, how much was eaten, and how doses met their trays."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, draw, go, language, view, whole
from dusangire.kernel.live import stream
from dusangire.menu import queries as menu
from dusangire.orders import service
from dusangire.orders.queries.insulin import InsulinTray, insulin_report, insulin_tray, insulin_trays
from dusangire.orders.rules.insulin import DoseState, Eaten

_SEES = needs(Can.WARD_SEE)
_GIVES = needs(Can.HOLD_SET)
_DAYS = 7
_LOUDEST = list(DoseState)


class Given(Struct, frozen=True):
    """When the dose was given; nothing: now."""

    at: time | None = None


class Intake(Struct, frozen=True):
    """How much was eaten."""

    eaten: Eaten


class Span(Struct, frozen=True):
    """The days of the report."""

    first: date | None = None
    last: date | None = None


class InsulinPages(Controller):
    """Who injects with a meal, whether it is here, and whether the dose was given."""

    path = "/insulin"

    @get("/", opt=_SEES)
    async def all(self, request: Request, actor: Acting) -> Html:
        return view(request, "orders/insulin.html", **await _list(actor))

    @get("/live", opt=_SEES | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "orders/_insulin.html", **await _list(actor))

        bells = [f"{actor.hospital}:{shelf}" for shelf in ("insulins", "orders", "patients")]
        key = f"insulin|{actor.hospital}|{language(request)}|{sorted(actor.wards)}|{sorted(actor.rights)}"
        return stream(request.app.state.hub, *bells, draw=drawn, key=key)

    @get("/report", opt=_SEES)
    async def report(self, request: Request, actor: Acting) -> Html:
        asked = forms.convert({name: [request.query_params.get(name, "")] for name in ("first", "last")}, Span)
        said, today = asked.value or Span(), clock.local_day(clock.now(), actor.zone)
        last = said.last or today
        first = said.first or last - timedelta(days=_DAYS - 1)
        found = await insulin_report(actor, first, last)
        status = 422 if asked.errors else 200
        return whole(
            request, "orders/insulin_report.html", status=status, report=found, first=first, last=last, form=asked
        )

    @get("/{order_id:uuid}", opt=_SEES)
    async def one(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _one(request, actor, order_id, forms.empty(Given))

    @post("/{order_id:uuid}/given", opt=_GIVES)
    async def given(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Given)
        if form.value is None:
            return await _one(request, actor, order_id, form, status=422)
        try:
            await service.give(actor, order_id, _moment(actor, form.value.at))
        except Refusal as refused:
            if refused.status != 422:
                raise
            return await _one(request, actor, order_id, form.refuse("at", refused.key), status=422)
        return go(request, f"/insulin/{order_id}?said=given")

    @post("/{order_id:uuid}/seen", opt=_GIVES)
    async def seen(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.see(actor, order_id)
        return go(request, f"/insulin/{order_id}?said=seen")


class IntakePages(Controller):
    """How much of a tray was eaten, as whoever takes it away sees it."""

    path = "/orders/{order_id:uuid}/intake"
    opt = needs(Can.DELIVERY_WORK, Can.ORDER_FOR_PATIENT, Can.HOLD_SET)

    @get("/")
    async def ask(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _intake(request, actor, order_id, forms.empty(Intake))

    @post("/")
    async def say(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Intake)
        if form.value is None:
            return await _intake(request, actor, order_id, form, status=422)
        await service.say_eaten(actor, order_id, form.value.eaten)
        return go(request, f"/orders/{order_id}/intake?said=1")


async def _list(actor: Actor) -> dict[str, Any]:
    """Return the trays of the wards this person looks after, what calls loudest first."""
    now = clock.now()
    found = await insulin_trays(actor, now)
    own = [tray for tray in found if not actor.wards or tray.ward in actor.wards]
    dishes = await menu.dishes(actor) if own else {}
    rows = [(tray, tray.state(now), tray.carbohydrate_g(dishes)) for tray in own]
    rows.sort(key=lambda row: (_LOUDEST.index(row[1]), row[0].serve_from))
    return {"rows": rows, "drawn_at": now, "gives": actor.may(Can.HOLD_SET)}


async def _one(request: Request, actor: Actor, order_id: UUID, form: Form[Given], *, status: int = 200) -> Html:
    tray = await insulin_tray(actor, order_id)
    now = clock.now()
    return whole(
        request,
        "orders/insulin_tray.html",
        status=status,
        tray=tray,
        state=tray.state(now),
        missing=_missing(tray, now),
        carb_g=tray.carbohydrate_g(await menu.dishes(actor)),
        form=form,
        gives=actor.may(Can.HOLD_SET) and tray.is_flagged,
        said=str(request.query_params.get("said", "")),
    )


async def _intake(request: Request, actor: Actor, order_id: UUID, form: Form[Intake], *, status: int = 200) -> Html:
    tray = await insulin_tray(actor, order_id)
    said = bool(request.query_params.get("said"))
    return whole(
        request, "orders/intake.html", status=status, tray=tray, amounts=list(Eaten), form=form, said=said,
        back="/delivery/" if actor.may(Can.DELIVERY_WORK) else f"/orders/{order_id}",
    )  # fmt: skip


def _missing(tray: InsulinTray, now: datetime) -> int:
    """Return for how many minutes a missing tray has been missed; 0 for one that is not."""
    return int((now - tray.missed_since).total_seconds() // 60) if tray.alarm(now) else 0


def _moment(actor: Actor, at: time | None) -> datetime | None:
    """Return the moment of a time of day, the last one that was: a dose is never recorded ahead."""
    if at is None:
        return None
    now = clock.now()
    today = clock.local_day(now, actor.zone)
    moment = clock.at(today, at, actor.zone)
    return moment if moment <= now + timedelta(minutes=1) else clock.at(today - timedelta(days=1), at, actor.zone)
