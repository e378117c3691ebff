"""Staff areas on the carrier's phone: trays that are ready, and one tap to hand each over."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.catering import queries as catering
from dusangire.catering import service as catering_service
from dusangire.catering.queries import StaffTray
from dusangire.catering.rules import TrayStatus
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.html import Html, done, draw, part, view
from dusangire.kernel.live import stream


class StaffAreas(Controller):
    """What goes to lounges and duty rooms."""

    path = "/delivery/staff"
    opt = needs(Can.DELIVERY_WORK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        return view(request, "delivery/staff.html", trays=await _ready(actor))

    @get("/live", opt=LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "delivery/_staff.html", trays=await _ready(actor))

        return stream(request.app.state.hub, f"{actor.hospital}:staff_trays", draw=drawn)

    @post("/{tray_id:uuid}/hand-over")
    async def hand_over(self, request: Request, actor: Acting, tray_id: UUID) -> Html:
        await catering_service.hand_over(actor, tray_id)
        return done(request, "/delivery/staff/", part("delivery/_staff.html", trays=await _ready(actor)))


async def _ready(actor: Actor) -> list[StaffTray]:
    return await catering.trays(actor, {TrayStatus.READY}, clock.local_day(clock.now(), actor.zone))
