"""What staff decide about orders: the special requests that wait for the nutritionist."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, go, language, whole
from dusangire.orders import queries, service
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
