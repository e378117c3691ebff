"""Fiscal receipts that are not signed: who waits for the authority, and what it refused and why."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request

from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.html import Html, go
from dusangire.payments.pages.finance.answer import HOME, MOVE, SEE, page
from dusangire.payments.queries import fiscal
from dusangire.payments.service.fiscal import send_again


class Receipts(Controller):
    """What the revenue authority has not signed."""

    path = f"{HOME}/receipts"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor)

    @post("/{receipt_id:uuid}/again", opt=MOVE)
    async def again(self, request: Request, actor: Acting, receipt_id: UUID) -> Html:
        try:
            await send_again(actor, receipt_id)
        except Refusal as refused:
            return await _page(request, actor, refused)
        return go(request, f"{HOME}/receipts")


async def _page(request: Request, actor: Actor, refused: Refusal | None = None) -> Html:
    return page(
        request,
        "receipts",
        status=refused.status if refused else 200,
        rows=await fiscal.fiscal_unsigned(actor),
        refused=refused,
    )
