"""Trays of the staff at the kitchen, made after the patients who come first, and the production of a day."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.catering import queries as catering
from dusangire.catering import service as catering_service
from dusangire.catering.rules import TO_MAKE, TrayStatus, TrayVerb
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.html import Html, done, draw, language, part, view, whole
from dusangire.kernel.live import stream
from dusangire.kernel.text import clock_time
from dusangire.kitchen import queries, service


class OnDay(Struct, frozen=True):
    day: date | None = None


class StaffTrays(Controller):
    """The staff's trays, after the patients'."""

    path = "/kitchen/staff"
    opt = needs(Can.KITCHEN_WORK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        return view(request, "kitchen/staff.html", **await _shown(actor), clock=clock_time(clock.now(), actor.zone))

    @get("/live", opt=LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "kitchen/_staff.html", **await _shown(actor))

        bells = (f"{actor.hospital}:staff_trays", f"{actor.hospital}:orders")
        return stream(request.app.state.hub, *bells, draw=drawn, key=f"staff:{actor.hospital}:{language(request)}")

    @post("/{tray_id:uuid}/start")
    async def start(self, request: Request, actor: Acting, tray_id: UUID) -> Html:
        await service.start_staff_tray(actor, tray_id)
        return await _after(request, actor)

    @post("/{tray_id:uuid}/ready")
    async def ready(self, request: Request, actor: Acting, tray_id: UUID) -> Html:
        await catering_service.move_tray(actor, tray_id, TrayVerb.PLATE)
        return await _after(request, actor)


class Production(Controller):
    """What is made on one day: patients' trays, the staff's, and each event, dish by dish."""

    path = "/kitchen/production"
    opt = needs(Can.KITCHEN_WORK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        asked = forms.convert({"day": [request.query_params.get("day", "")]}, OnDay).value or OnDay()
        day = asked.day or clock.local_day(clock.now(), actor.zone)
        return whole(
            request,
            "kitchen/production.html",
            day=day,
            patients=await queries.production(actor, day),
            others=await catering.produced(actor, day),
            clock=clock_time(clock.now(), actor.zone),
        )


async def _shown(actor: Actor) -> dict[str, Any]:
    today = clock.local_day(clock.now(), actor.zone)
    trays = await catering.trays(actor, TO_MAKE, today)
    next_one = next((tray for tray in trays if tray.status is TrayStatus.ORDERED), None)
    first = await service.patients_before(actor, next_one) if next_one is not None else 0
    return {"trays": trays, "first": first}


async def _after(request: Request, actor: Actor) -> Html:
    return done(request, "/kitchen/staff/", part("kitchen/_staff.html", **await _shown(actor)))
