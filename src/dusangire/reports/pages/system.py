"""The program's own health, and the figures of all hospitals."""

from litestar import Controller, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.clock import now
from dusangire.kernel.html import Html, whole
from dusangire.reports import queries


class System(Controller):
    """What runs, and for whom."""

    path = "/admin"

    @get("/system", opt=needs(Can.DASHBOARD_SEE))
    async def system(self, request: Request, actor: Acting) -> Html:
        hub = request.app.state.hub
        return whole(
            request,
            "reports/system.html",
            database=await queries.database(actor),
            waiting=await queries.unrelayed(actor),
            is_listening=hub.is_listening,
            streams=hub.count(),
            moment=now(),
        )

    @get("/platform", opt=needs(Can.PLATFORM_SEE))
    async def platform(self, request: Request) -> Html:
        return whole(request, "reports/platform.html", rows=await queries.all_hospitals())
