"""The wall of the kitchen: tickets, the pass, what is sold out, and the day's history."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, done, draw, go, language, part, view, whole
from dusangire.kernel.live import stream
from dusangire.kernel.text import clock_time
from dusangire.kitchen import queries, rules, service
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.menu.rules import Card, PeriodCode
from dusangire.orders.rules import Verb


class Bump(Struct, frozen=True):
    """From where a button was pressed: a meal's tab of the board, or the pass."""

    period: PeriodCode | None = None
    back: str = ""


class Then(StrEnum):
    """What becomes of a tray with a problem."""

    REPORT = "report"
    REMAKE = "remake"
    CANCEL = "cancel"


class Problem(Struct, frozen=True):
    """What is wrong with a tray, and what to do."""

    then: Then
    note: Annotated[str, Limits(most=400, is_multiline=True)] = ""


class Available(Struct, frozen=True):
    available: bool


class OnDay(Struct, frozen=True):
    day: date | None = None


class Kitchen(Controller):
    """What a cook sees and does. Every button works as a plain form too."""

    path = "/kitchen"
    opt = needs(Can.KITCHEN_WORK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        board = await queries.board(actor, _period(request), language(request))
        return view(request, "kitchen/board.html", board=board, soon_s=int(rules.SOON.total_seconds()), **_hood(actor))

    @get("/live", opt=LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        period, lang = _period(request), language(request)

        async def drawn() -> str:
            return draw(request, "kitchen/_board.html", board=await queries.board(actor, period, lang))

        key = f"kitchen:{actor.hospital}:{period or 'all'}:{lang}"
        return stream(request.app.state.hub, *_bells(actor), draw=drawn, key=key)

    @get("/pulse", opt=LIVE)
    async def pulse(self, actor: Acting) -> dict[str, Any]:
        """Prove that the line and the database answer, and say what time it is here."""
        now = clock.now()
        return {"now": now.timestamp(), "time": clock_time(now, actor.zone)}

    @post("/orders/{order_id:uuid}/start")
    async def start(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.move(actor, order_id, Verb.START)
        return await _after(request, actor)

    @post("/orders/{order_id:uuid}/ready")
    async def ready(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.move(actor, order_id, Verb.PLATE)
        return await _after(request, actor)

    @post("/orders/{order_id:uuid}/remake")
    async def remake(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.move(actor, order_id, Verb.REMAKE)
        return await _after(request, actor)

    @post("/orders/{order_id:uuid}/seen")
    async def seen(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.see_stop(actor, order_id)
        return await _after(request, actor)

    @post("/orders/{order_id:uuid}/recall")
    async def recall(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.move(actor, order_id, Verb.RECALL)
        return await _after(request, actor)

    @post("/orders/{order_id:uuid}/left")
    async def left(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.move(actor, order_id, Verb.COLLECT)
        return await _after(request, actor)

    @get("/orders/{order_id:uuid}/problem")
    async def ask_problem(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _problem(request, actor, order_id, forms.empty(Problem))

    @post("/orders/{order_id:uuid}/problem")
    async def problem(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Problem)
        if form.value is not None and form.value.then is Then.REPORT and not form.value.note:
            form = form.refuse("note", "form.required")
        if form.value is None:
            return await _problem(request, actor, order_id, form, status=422)
        await _THEN[form.value.then](actor, order_id, form.value.note)
        to = f"/kitchen/orders/{order_id}/problem" if form.value.then is Then.REPORT else "/kitchen/"
        return go(request, to)

    @get("/recall")
    async def recall_page(self, request: Request, actor: Acting) -> Html:
        return view(request, "kitchen/recall.html", **await _pass(request, actor), **_hood(actor))

    @get("/recall/live", opt=LIVE)
    async def recall_live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "kitchen/_recall.html", **await _pass(request, actor))

        key = f"pass:{actor.hospital}:{language(request)}"
        return stream(request.app.state.hub, *_bells(actor), draw=drawn, key=key)

    @get("/sold-out")
    async def sold_out(self, request: Request, actor: Acting) -> Html:
        return view(request, "kitchen/sold_out.html", shelf=await _shelf(actor), **_hood(actor))

    @post("/sold-out/{dish_id:uuid}")
    async def set_sold_out(self, request: Request, actor: Acting, dish_id: UUID) -> Html:
        form = await forms.read(request, Available)
        await menu_service.set_available(actor, dish_id, available=form.value is not None and form.value.available)
        return done(request, "/kitchen/sold-out", part("kitchen/_sold_out.html", shelf=await _shelf(actor)))

    @get("/history")
    async def history(self, request: Request, actor: Acting) -> Html:
        asked = forms.convert({"day": [request.query_params.get("day", "")]}, OnDay).value or OnDay()
        day = asked.day or clock.local_day(clock.now(), actor.zone)
        happened = await queries.history(actor, day)
        around: dict[str, Any] = {"day": day, "before": day - timedelta(days=1), "after": day + timedelta(days=1)}
        return whole(request, "kitchen/history.html", happened=happened, **around, **_hood(actor))


_THEN: dict[Then, Callable[[Actor, UUID, str], Awaitable[None]]] = {
    Then.REPORT: service.report,
    Then.REMAKE: service.make_again,
    Then.CANCEL: service.give_up,
}


def _bells(actor: Actor) -> tuple[str, ...]:
    return tuple(f"{actor.hospital}:{shelf}" for shelf in ("orders", "patients", "wards", "admissions"))


def _hood(actor: Actor) -> dict[str, Any]:
    return {"clock": clock_time(clock.now(), actor.zone)}


def _period(request: Request) -> str | None:
    said = forms.convert({"period": [request.query_params.get("period", "")]}, Bump).value
    return said.period.value if said and said.period else None


async def _after(request: Request, actor: Actor) -> Html:
    """Answer a button where it was pressed: with the pass, or with the board of the meal that was open."""
    said = (await forms.read(request, Bump)).value or Bump()
    if said.back:
        return done(request, "/kitchen/recall", part("kitchen/_recall.html", **await _pass(request, actor)))
    period = said.period.value if said.period else None
    board = await queries.board(actor, period, language(request))
    return done(
        request, f"/kitchen/?period={period}" if period else "/kitchen/", part("kitchen/_board.html", board=board)
    )


async def _pass(request: Request, actor: Actor) -> dict[str, Any]:
    bumped = await queries.at_pass(actor, language(request))
    return {"bumped": bumped, "recallable": {card.id for card in bumped[: rules.RECALLABLE]}}


async def _problem(request: Request, actor: Actor, order_id: UUID, form: Form[Problem], *, status: int = 200) -> Html:
    card = await queries.card(actor, order_id, language(request))
    return whole(request, "kitchen/problem.html", status=status, card=card, form=form, **_hood(actor))


async def _shelf(actor: Actor) -> list[tuple[str, list[Card]]]:
    cards = sorted((await menu.cards(actor)).values(), key=lambda card: (card.category, card.name(actor.language)))
    return [(category, list(dishes)) for category, dishes in groupby(cards, key=lambda card: card.category)]
