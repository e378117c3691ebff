"""The carrier's run: what to collect, where to walk, and what was handed over."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct, structs

from dusangire.delivery import queries, service
from dusangire.delivery.rules import Method, Reason, Tap, Tapped, code_of, median_seen_s
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, language, view, whole
from dusangire.kernel.live import stream


class Scanned(Struct, frozen=True):
    """A code that was scanned or typed."""

    code: Annotated[str, Limits(most=300)]


class Sent(Struct, frozen=True):
    """A tap that a phone kept while it had no network."""

    key: Annotated[str, Limits(16, 64)]
    order: UUID
    tap: Tap
    age_s: Annotated[int, Limits(least=0, most=86_400)]
    reason: Reason | None = None


class Runs(Controller):
    """Today's run of the one who looks, in walking order."""

    path = "/delivery"
    opt = needs(Can.DELIVERY_WORK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, forms.empty(Scanned))

    @get("/live", opt=LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "delivery/_run.html", run=await queries.run(reader(request, actor)))

        return stream(request.app.state.hub, f"{actor.hospital}:orders", f"{actor.hospital}:patients", draw=drawn)

    @get("/history")
    async def history(self, request: Request, actor: Acting) -> Html:
        today = clock.local_day(clock.now(), actor.zone)
        day = forms.convert({"day": [request.query_params.get("day", "")]}, OnDay).value or OnDay()
        return await _history(request, actor, day.day or today)

    @post("/scan")
    async def scan(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Scanned)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            tray = await queries.tray_of(actor, code_of(form.value.code))
        except NotHere:
            return await _page(request, actor, form.refuse("code", "delivery.no_such_tray"), status=422)
        return go(request, f"/tray/{tray.tray_token}")

    @post("/{order_id:uuid}/collect")
    async def collect(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.collect(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/take-over")
    async def take_over(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.take_over(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/give-up")
    async def give_up(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.give_up(actor, order_id)
        return go(request, "/delivery/")

    @get("/recalls", opt=LIVE)
    async def recalls(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "delivery/_recalls.html", recalls=await queries.recalls(actor))

        bells = (service.carrier_bell(actor.user), f"{actor.hospital}:orders")
        return stream(request.app.state.hub, *bells, draw=drawn)

    @post("/outbox")
    async def send(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Sent)
        said = form.value
        if said is None:
            raise Refusal("form.required", status=422)
        await service.send(actor, Tapped(said.key, said.order, said.tap, said.age_s, said.reason))
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/recall-seen")
    async def see(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.see(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/brought-back")
    async def bring_back(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.bring_back(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/arrive")
    async def arrive(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.arrive(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/discard")
    async def discard(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.discard(actor, order_id)
        return go(request, "/delivery/")

    @post("/{order_id:uuid}/reoffer")
    async def reoffer(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.reoffer(actor, order_id)
        return go(request, "/delivery/")


def reader(request: Request, actor: Actor) -> Actor:
    """Return the carrier, who reads in the language of this phone."""
    return structs.replace(actor, language=language(request))


class OnDay(Struct, frozen=True):
    """The day a list is asked for."""

    day: date | None = None


async def _page(request: Request, actor: Actor, form: Form[Scanned], *, status: int = 200) -> Html:
    return view(request, "delivery/run.html", status=status, run=await queries.run(reader(request, actor)), form=form)


async def _history(request: Request, actor: Actor, day: date) -> Html:
    handed = await queries.handed_on(actor, day)
    recalls = await queries.recalls_on(actor, day)
    return whole(
        request,
        "delivery/history.html",
        handed=handed,
        scanned=sum(one.method == Method.SCAN for one in handed),
        recalls=recalls,
        median_seen_s=median_seen_s(recalls),
        day=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
    )
