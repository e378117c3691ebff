"""The list of patients: mine, everybody, those without a diet order, those whose draft waits."""

from typing import Any

from litestar import Controller, get
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.diets import queries
from dusangire.diets.pages.words import diet_names
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.html import Html, draw, view
from dusangire.kernel.live import stream

SHOWN = ("mine", "all", "no_order", "drafts")


class Profiles(Controller):
    """Where doctors and nurses find their patients."""

    path = "/health-profiles"

    @get("/", opt=needs(Can.CHART_SEE))
    async def profiles(self, request: Request, actor: Acting) -> Html:
        return view(request, "diets/profiles.html", **await _list(request, actor))

    @get("/live", opt=needs(Can.CHART_SEE) | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def fragment() -> str:
            return draw(request, "diets/_profiles.html", **await _list(request, actor))

        here = actor.hospital
        bells = (f"{here}:patients", f"{here}:diet_orders", f"{here}:wards", f"{here}:tasks")
        return stream(request.app.state.hub, *bells, draw=fragment, gap_s=0.5)


async def _list(request: Request, actor: Actor) -> dict[str, Any]:
    text = str(request.query_params.get("q", ""))[:60].strip()
    said = request.query_params.get("show")
    show = said if said in SHOWN else "mine" if actor.wards else "all"
    is_prescriber = actor.may(Can.DIET_SIGN)
    return {
        "waiting": await queries.waiting_for_diet(actor) if is_prescriber else [],
        "seconds": await queries.seconds(actor) if actor.may(Can.DIET_OVERRIDE) else [],
        "rows": await queries.charts(actor, show=show, text=text),
        "show": show,
        "q": text,
        "names": diet_names(request, await queries.manual(actor)),
        "shown": SHOWN if actor.wards else SHOWN[1:],
    }
