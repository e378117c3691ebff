"""What staff decide about orders: the special requests that wait for the nutritionist, and a safe tray at once."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.orders import queries, service
from dusangire.orders.pages.whom import whom_of
from dusangire.orders.rules import period_phrase
from dusangire.wards import queries as wards


class StaffPages(Controller):
    """Special requests: read by a person first, printed only when approved."""

    path = "/orders/requests"

    @get("/", opt=needs(Can.NUTRITION_WORK))
    async def waiting(self, request: Request, actor: Acting) -> Html:
        found = await queries.requests(actor)
        return whole(
            request,
            "orders/requests.html",
            found=[(order, period_phrase(order.period)) for order in found],
            people=await wards.people(actor, [order.patient for order in found]),
            speaks=language(request),
        )

    @post("/{order_id:uuid}/approve", opt=needs(Can.NUTRITION_WORK))
    async def approve(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.decide_request(actor, order_id, approve=True)
        return go(request, "/orders/requests/")

    @post("/{order_id:uuid}/decline", opt=needs(Can.NUTRITION_WORK))
    async def decline(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        await service.decide_request(actor, order_id, approve=False)
        return go(request, "/orders/requests/")


class Wish(Struct, frozen=True):
    """For whom and which meal; the key was minted with the page."""

    key: Annotated[str, Limits(16, 64)]
    at: Annotated[str, Limits(most=100)]


class SafeTray(Controller):
    """A tray that the program chooses because somebody on the ward asks for one."""

    path = "/orders/safe-tray"

    @post("/", opt=needs(Can.ORDER_FOR_PATIENT))
    async def order(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Wish)
        if form.value is None:
            raise Refusal("form.required", status=422)
        about = whom_of(actor, form.value.at)
        sitting = (await queries.portal(actor, about.patient, about.day, about.period)).sitting
        if sitting is None:
            raise Refusal("order.no_such_meal", status=422)
        made = await service.safe_tray(actor, about.patient, sitting.day, str(sitting.period), form.value.key)
        return go(request, f"/orders/{made}?placed=1")
