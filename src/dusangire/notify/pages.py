"""The inbox, and in the demo the mails that would have been sent."""

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.kernel.access import PUBLIC, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import Html, done, draw, part, view, whole
from dusangire.kernel.live import stream
from dusangire.kernel.settings import settings
from dusangire.notify import queries, service
from dusangire.notify.gateways import smtp


class Inbox(Controller):
    """One's own messages."""

    path = "/messages"

    @get("/", opt=needs())
    async def show(self, request: Request, actor: Acting) -> Html:
        return view(request, "notify/inbox.html", messages=await queries.inbox(actor))

    @get("/live", opt=needs() | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def redraw() -> str:
            return draw(request, "notify/_inbox.html", messages=await queries.inbox(actor))

        return stream(request.app.state.hub, service.inbox_bell(actor.user), draw=redraw)

    @post("/read", opt=needs())
    async def read(self, request: Request, actor: Acting) -> Html:
        await service.read_all(actor)
        return done(request, "/messages", part("notify/_inbox.html", messages=await queries.inbox(actor)))


class DemoMail(Controller):
    """What the demo would have mailed; a production installation has no such page."""

    @get("/demo/mail", opt=needs(PUBLIC))
    async def show(self, request: Request) -> Html:
        if settings().is_production:
            raise NotHere
        return whole(request, "notify/demo_mail.html", mails=smtp.kept())


CONTROLLERS = [Inbox, DemoMail]
