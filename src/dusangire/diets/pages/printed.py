"""A diet order on paper: for the file at the bed, and for the hours without a computer."""

from uuid import UUID

from litestar import Controller, get
from litestar.connection import Request

from dusangire.diets import queries
from dusangire.diets.pages.words import diet_names, plain_words
from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, whole


class PrintedOrder(Controller):
    """One diet order on one sheet."""

    path = "/health-profiles/{patient_id:uuid}/diet-orders/{order_id:uuid}/print"

    @get("/", opt=needs(Can.CHART_SEE))
    async def sheet(self, request: Request, actor: Acting, patient_id: UUID, order_id: UUID) -> Html:
        order = await queries.diet_order(actor, patient_id, order_id)
        manual = await queries.manual(actor)
        return whole(
            request,
            "diets/order_print.html",
            chart=await queries.chart(actor, patient_id),
            order=order,
            told=queries.told([order], manual),
            names=diet_names(request, manual),
            plain=plain_words(request, manual),
        )
