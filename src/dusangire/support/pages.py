"""The help desk: find an order, see what is in trouble, answer what patients report."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.clock import local_day, now
from dusangire.kernel.html import Html, done, draw, language, part, view
from dusangire.kernel.live import stream
from dusangire.support import queries, service
from dusangire.support.rules import meal_key, status_key

_WORK = needs(Can.SUPPORT_WORK)


class HelpDesk(Controller):
    """The first page of those who answer the telephone."""

    path = "/support"

    @get("/", opt=_WORK)
    async def show(self, request: Request, actor: Acting) -> Html:
        said = request.query_params.get("q", "").strip()[:80]
        found = await queries.find_orders(actor, said)
        return view(request, "support/desk.html", q=said, found=found, most=queries.MOST, **await _trouble(actor))

    @get("/live", opt=_WORK | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def fragment() -> str:
            return draw(request, "support/_trouble.html", **await _trouble(actor))

        bells = (f"{actor.hospital}:orders", f"{actor.hospital}:tasks")
        return stream(request.app.state.hub, *bells, draw=fragment, key=_key(request, actor), gap_s=0.5)

    @post("/tasks/{task:uuid}/done", opt=_WORK)
    async def answer(self, request: Request, actor: Acting, task: UUID) -> Html:
        await service.answer(actor, task)
        return done(request, "/support/", part("support/_trouble.html", **await _trouble(actor)))


async def _trouble(actor: Actor) -> dict[str, Any]:
    """Return what is open now, yesterday's included. Cost: two statements."""
    moment = now()
    return {
        "trays": await queries.in_trouble(actor, local_day(moment, actor.zone) - timedelta(days=1)),
        "reports": await queries.reports(actor),
        "status_key": status_key,
        "meal_key": meal_key,
    }


def _key(request: Request, actor: Actor) -> str:
    """Name the drawing; it holds forms, so it is each session's own."""
    return f"support:{actor.session.hex()}:{language(request)}"


CONTROLLERS = [HelpDesk]
