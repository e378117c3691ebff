"""Photos of dishes: sent in by those who keep the menu, seen by everybody who is signed in."""

from litestar import Controller, Response, get, post
from litestar.connection import Request
from litestar.datastructures import UploadFile

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.html import Html, go
from dusangire.menu import queries, service
from dusangire.menu.pages.dishes import dish_page, filled
from dusangire.menu.rules import LARGEST_BYTES

_EDIT = needs(Can.MENU_EDIT)


class Photos(Controller):
    """From the kitchen's camera to the menu."""

    path = "/menu"

    @post("/{code:str}/photo", opt=_EDIT, request_max_body_size=LARGEST_BYTES + 2**20)
    async def keep(self, request: Request, actor: Acting, code: str) -> Html:
        card = await queries.card(actor, code)
        sent = (await request.form()).get("photo")
        content = await sent.read() if isinstance(sent, UploadFile) else b""
        try:
            await service.set_photo(actor, card.id, content)
        except Refusal as refused:
            return await dish_page(request, actor, card, filled(card), refused=refused, status=refused.status)
        return go(request, f"/menu/{code}?saved=1")

    @post("/{code:str}/photo/remove", opt=_EDIT)
    async def remove(self, request: Request, actor: Acting, code: str) -> Html:
        await service.remove_photo(actor, (await queries.card(actor, code)).id)
        return go(request, f"/menu/{code}?saved=1")

    @get("/photo/{file:str}", opt=needs() | LIVE)
    async def show(self, actor: Acting, file: str) -> Response[bytes]:
        """Serve a kept picture; its name changes with its content, so a browser may keep it for ever."""
        content = await service.photo_file(actor, file)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(content, media_type="image/webp", headers=headers)
