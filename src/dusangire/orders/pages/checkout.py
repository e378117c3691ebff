"""Checkout: where to, how to pay, and one button whose second tap changes nothing."""

from typing import Annotated, Any

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.ids import token
from dusangire.orders import queries, service
from dusangire.orders.pages.drawing import menu_of
from dusangire.orders.pages.portal import ORDERS
from dusangire.orders.pages.whom import Whom, whom, whom_of
from dusangire.orders.queries import Portal
from dusangire.orders.rules import Place
from dusangire.orders.service import Checkout
from dusangire.payments.rules import Method


class Ordering(Struct, frozen=True):
    """What the checkout form asks."""

    key: Annotated[str, Limits(16, 64)]
    at: Annotated[str, Limits(most=100)]
    pay: Method
    place: Place = Place.BED
    place_name: Annotated[str, Limits(most=60)] = ""
    request: Annotated[str, Limits(most=300, is_multiline=True)] = ""


class CheckoutPages(Controller):
    """The last page before a tray is ordered."""

    path = "/checkout"

    @get("/", opt=ORDERS)
    async def ask(self, request: Request, actor: Acting) -> Html:
        about = whom(actor, request)
        shown = await _shown(request, actor, about)
        found: Portal = shown["p"]
        if not found.cart.lines:
            return go(request, about.url("/cart/"))
        form = forms.empty(Ordering, pay=await queries.last_method(actor, about.patient) or Method.CASH.value)
        return _page(request, shown, form)

    @post("/", opt=ORDERS)
    async def place(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Ordering)
        about = whom_of(actor, form.typed("at"))
        if form.value is not None and form.value.place is Place.STAFF_AREA and not form.value.place_name:
            form = form.refuse("place_name", "order.say_where")
        if form.value is None:
            return _page(request, await _shown(request, actor, about), form, status=422)
        try:
            order = await service.place(actor, _checkout(form.value, about))
        except Refusal as refused:
            shown = await _shown(request, actor, about)
            return _page(request, shown, form, status=refused.status, refused=refused)
        return go(request, f"/orders/{order}?placed=1")


def _checkout(said: Ordering, about: Whom) -> Checkout:
    if about.day is None:
        raise Refusal("order.no_such_meal", status=422)
    return Checkout(
        key=said.key,
        patient=about.patient,
        day=about.day,
        period=about.period,
        method=said.pay,
        place=said.place,
        place_name=said.place_name,
        request=said.request,
    )


async def _shown(request: Request, actor: Actor, about: Whom) -> dict[str, Any]:
    shown = await menu_of(request, actor, about)
    return shown | {"account": await queries.account(actor, about.patient)}


def _page(
    request: Request, shown: dict[str, Any], form: Form[Ordering], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    """Draw the form with a key of its own: a page drawn again is a new intention."""
    return whole(request, "orders/checkout.html", status=status, **shown, form=form, refused=refused, key=token()[:32])
