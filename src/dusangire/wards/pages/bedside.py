"""The page behind the code on a bed card: a PIN opens the portal of whoever lies there now."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts.service import Knock
from dusangire.kernel import forms
from dusangire.kernel.access import PUBLIC, needs
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.guard import keep_session
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries, service


class Pin(Struct, frozen=True):
    """What the bed asks."""

    pin: Annotated[str, Limits(most=12)]


class Bedside(Controller):
    """Signing in from the bed."""

    path = "/bed/{card_token:str}"

    @get("/", opt=needs(PUBLIC))
    async def ask(self, request: Request, card_token: str) -> Html:
        return await _page(request, card_token, forms.empty(Pin))

    @post("/", opt=needs(PUBLIC))
    async def sign_in(self, request: Request, card_token: str) -> Html:
        form = await forms.read(request, Pin)
        if form.value is None:
            return await _page(request, card_token, form, status=422)
        knock = Knock(request.client.host if request.client else "", "", request.headers.get("user-agent", ""))
        try:
            cookie, _ = await service.sign_in_from_bed(card_token, form.value.pin, knock)
        except Refusal as refused:
            return await _page(request, card_token, form, status=refused.status, refused=refused)
        answer = go(request, "/patient/")
        answer.set_cookie(keep_session(cookie))
        return answer


async def _page(
    request: Request, card_token: str, form: Form[Pin], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    card = await queries.bed_of_token(card_token)
    if card is None:
        raise NotHere
    return whole(
        request, "wards/bedside.html", status=status, form=form, refused=refused, card=card, card_token=card_token
    )
