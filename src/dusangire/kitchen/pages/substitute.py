"""Another dish in one line's place: first which line, then by what; only what is safe for this patient is offered."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.kernel.text import clock_time
from dusangire.kitchen import queries
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.rules import SUBSTITUTABLE, WhyChanged
from dusangire.orders.service import Substitution


class Wanted(Struct, frozen=True):
    """Which line, by which dish, and why."""

    line: UUID
    dish: Annotated[str, Limits(most=40)]
    why: WhyChanged = WhyChanged.SOLD_OUT


class Asked(Struct, frozen=True):
    line: UUID | None = None


class Substitutes(Controller):
    """The kitchen serves something else."""

    path = "/kitchen/orders/{order_id:uuid}/substitute"
    opt = needs(Can.KITCHEN_WORK)

    @get("/")
    async def ask(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        asked = forms.convert({"line": [request.query_params.get("line", "")]}, Asked).value or Asked()
        return await _page(request, actor, order_id, asked.line, forms.empty(Wanted))

    @post("/")
    async def substitute(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Wanted)
        if form.value is None:
            asked = forms.convert({"line": [form.typed("line")]}, Asked).value or Asked()
            return await _page(request, actor, order_id, asked.line, form, status=422)
        said = form.value
        try:
            await order_service.substitute(actor, order_id, Substitution(said.line, said.dish, said.why))
        except Refusal as refused:
            return await _page(request, actor, order_id, said.line, form, refused=refused, status=refused.status)
        return go(request, f"/kitchen/orders/{order_id}/substitute?done=1")


async def _page(
    request: Request,
    actor: Actor,
    order_id: UUID,
    line: UUID | None,
    form: Form[Wanted],
    *,
    refused: Refusal | None = None,
    status: int = 200,
) -> Html:
    card = await queries.card(actor, order_id, language(request))
    item = next((one for one in card.items if one.line == line), None)
    return whole(
        request,
        "kitchen/substitute.html",
        status=status,
        card=card,
        item=item,
        offers=await orders.substitutes(actor, order_id, item.line) if item and item.line else [],
        is_open=card.status in SUBSTITUTABLE,
        reasons=list(WhyChanged),
        form=form,
        refused=refused,
        is_done=bool(request.query_params.get("done")),
        clock=clock_time(clock.now(), actor.zone),
    )
