"""Waiting for money: what the telephone is asked, what became of it, the same once more, and another way."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, whole
from dusangire.kernel.live import stream
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries, service
from dusangire.orders.pages.portal import ORDERS
from dusangire.orders.pages.shares import Money as Seen
from dusangire.orders.pages.shares import seen
from dusangire.orders.pages.ways import NAMES, known, ways
from dusangire.orders.rules import GONE, Status, period_phrase
from dusangire.orders.rules.paying import INSTEAD, waits_until
from dusangire.orders.service import Otherwise
from dusangire.payments import service as payments
from dusangire.payments.queries import bank
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164


class Again(Struct, frozen=True):
    """Another way to pay, or the same once more. attempt: the one it takes the place of."""

    attempt: UUID
    method: Method
    phone: Annotated[str, Limits(most=20)] = ""
    insists: bool = False


class PayPages(Controller):
    """The money of one tray, for the one who pays it."""

    path = "/orders/{order_id:uuid}/pay"

    @get("/", opt=ORDERS)
    async def wait(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        shown = await _shown(actor, order_id)
        return whole(request, "orders/pay_wait.html", **shown, is_placed="placed" in request.query_params)

    @get("/live", opt=ORDERS | LIVE)
    async def live(self, request: Request, actor: Acting, order_id: UUID) -> ASGIApp:
        await queries.order(actor, order_id)

        async def redraw() -> str:
            return draw(request, "orders/_pay_wait.html", **await _shown(actor, order_id))

        return stream(request.app.state.hub, f"order:{order_id}", draw=redraw)

    @post("/ask", opt=ORDERS)
    async def ask(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        """Ask the provider now; whoever taps says only that there may be news."""
        found = await _money(actor, order_id)
        if found.missing is not None:
            await payments.ask_soon(actor, found.missing.id)
        return go(request, f"/orders/{order_id}/pay")

    @get("/other", opt=ORDERS)
    async def other(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        found = await _money(actor, order_id)
        if found.missing is None:
            return go(request, f"/orders/{order_id}/pay")
        return await _other(request, actor, order_id, forms.empty(Again, attempt=str(found.missing.id)))

    @post("/other", opt=ORDERS)
    async def pay(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Again)
        said = form.value
        if said is not None and said.method.is_mobile and said.phone and e164(said.phone) is None:
            form = form.refuse("phone", "payments.no_such_phone")
        if form.value is None or said is None:
            return await _other(request, actor, order_id, form, status=422)
        way = Otherwise(said.attempt, said.method, said.phone, said.insists)
        try:
            await service.pay_otherwise(actor, order_id, way)
        except Refusal as refused:
            if refused.key == "payments.still_asking":
                await payments.ask_soon(actor, said.attempt)
            return await _other(request, actor, order_id, form, status=refused.status, refused=refused)
        return go(request, f"/orders/{order_id}/pay")


async def _money(actor: Actor, order_id: UUID) -> Seen:
    order = await queries.order(actor, order_id)
    return await seen(actor, order.id)


async def _shown(actor: Actor, order_id: UUID) -> dict[str, Any]:
    order = await queries.order(actor, order_id)
    found = await seen(actor, order_id)
    return {
        "o": order,
        "meal": period_phrase(order.period),
        "m": found,
        "name": NAMES[found.missing.method] if found.missing else Phrase("pay.method"),
        "until": waits_until(order.cutoff_at, order.placed_at),
        "is_gone": order.status in GONE,
        "is_waiting": order.status is Status.AWAITING_PAYMENT,
        "payee": await bank.payee(actor) if found.transfer else None,
    }


async def _other(
    request: Request,
    actor: Actor,
    order_id: UUID,
    form: Form[Again],
    *,
    status: int = 200,
    refused: Refusal | None = None,
) -> Html:
    shown = await _shown(actor, order_id)
    order, found = shown["o"], shown["m"]
    if found.missing is None:
        return go(request, f"/orders/{order_id}/pay")
    by = await known(actor, order.patient, order.day, order.period, found.missing.amount)
    insists = form.typed("insists") or (refused is not None and refused.key == "payments.still_asking")
    return whole(
        request, "orders/pay_other.html", status=status, **shown, form=form, refused=refused, ways=ways(by, INSTEAD),
        phone=form.typed("phone") or by.phone, insists=insists,
    )  # fmt: skip
