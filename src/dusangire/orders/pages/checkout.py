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
from dusangire.kernel.html import Html, done, go, part, whole
from dusangire.kernel.ids import token
from dusangire.kernel.money import Money
from dusangire.orders import queries, service
from dusangire.orders.pages.drawing import menu_of
from dusangire.orders.pages.portal import ORDERS
from dusangire.orders.pages.ways import NAMES, first, known, ways
from dusangire.orders.pages.whom import Whom, whom, whom_of
from dusangire.orders.queries import Portal
from dusangire.orders.rules import Place
from dusangire.orders.rules.paying import CHOSEN, Bill, charge
from dusangire.orders.service import Checkout
from dusangire.payments import service as payments
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164, guess
from dusangire.payments.service import coupons, funds


class Ordering(Struct, frozen=True):
    """What the checkout form asks. `expects` is the total the page showed; `sure` a number kept on another network."""

    key: Annotated[str, Limits(16, 64)]
    at: Annotated[str, Limits(most=100)]
    pay: Method
    place: Place = Place.BED
    place_name: Annotated[str, Limits(most=60)] = ""
    request: Annotated[str, Limits(most=300, is_multiline=True)] = ""
    phone: Annotated[str, Limits(most=20)] = ""
    sure: Annotated[str, Limits(most=40)] = ""
    keep: bool = False
    coupon: Annotated[str, Limits(most=30)] = ""
    expects: int | None = None


class CheckoutPages(Controller):
    """The last page before a tray is ordered."""

    path = "/checkout"

    @get("/", opt=ORDERS)
    async def ask(self, request: Request, actor: Acting) -> Html:
        about = whom(actor, request)
        shown = await _shown(request, actor, about)
        if not shown["p"].cart.lines:
            return go(request, about.url("/cart/"))
        form = forms.empty(Ordering, pay=first(shown["known"], shown["ways"]), phone=shown["known"].phone)
        return _page(request, shown, form)

    @post("/", opt=ORDERS)
    async def place(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Ordering)
        about = whom_of(actor, form.typed("at"))
        form = _checked(form)
        if form.value is None:
            return _page(request, await _shown(request, actor, about, form), form, status=422)
        try:
            order = await service.place(actor, _checkout(form.value, about))
        except Refusal as refused:
            shown = await _shown(request, actor, about, form)
            return _page(request, shown, form, status=refused.status, refused=refused)
        await _keep_phone(actor, about, form.value)
        is_shown = form.value.pay.is_mobile or form.value.pay is Method.BANK
        return go(request, f"/orders/{order}/pay?placed=1" if is_shown else f"/orders/{order}?placed=1")

    @post("/coupon", opt=ORDERS)
    async def coupon(self, request: Request, actor: Acting) -> Html:
        """Draw the same page with what the coupon takes off; everything typed stays, nothing is ordered."""
        form = await forms.read(request, Ordering)
        shown = await _shown(request, actor, whom_of(actor, form.typed("at")), form)
        kept: Form[Ordering] = Form(
            form.raw, None, {name: problem for name, problem in form.errors.items() if name == "coupon"}
        )
        wrong: Refusal | None = shown["coupon_refused"]
        if wrong is not None:
            kept = kept.refuse("coupon", wrong.key, **wrong.facts)
        return _page(request, shown, kept, status=422 if kept.errors else 200)

    @post("/sum", opt=ORDERS)
    async def sum(self, request: Request, actor: Acting) -> Html:
        """Draw what the tray costs with the place and the coupon as they are chosen now."""
        form = await forms.read(request, Ordering)
        about = whom_of(actor, form.typed("at"))
        shown = await _shown(request, actor, about, form)
        return done(
            request, about.url("/checkout/"), part("orders/_bill.html", **shown), part("orders/_pay.html", **shown)
        )


def _checked(form: Form[Ordering]) -> Form[Ordering]:
    """Return the form with what only these fields together can be wrong about."""
    said = form.value
    if said is None:
        return form
    if said.place is not Place.BED and not said.place_name:
        form = form.refuse("place_name", "order.say_where")
    if said.pay not in CHOSEN:
        form = form.refuse("pay", "form.choose_one")
    if said.pay.is_mobile:
        form = _checked_phone(form, said)
    return form


def _checked_phone(form: Form[Ordering], said: Ordering) -> Form[Ordering]:
    number = e164(said.phone)
    if number is None:
        return form.refuse("phone", "payments.no_such_phone")
    network = guess(number)
    if network is not None and Method(network) is not said.pay and said.sure != f"{said.pay}:{said.phone}":
        return form.refuse("phone", "paying.other_network", network=NAMES[Method(network)], chosen=NAMES[said.pay])
    return form


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
        phone=said.phone if said.pay.is_mobile else "",
        coupon=said.coupon,
        expects_minor=said.expects,
    )


async def _keep_phone(actor: Actor, about: Whom, said: Ordering) -> None:
    """Keep the number where its owner asked for it; how the tray is paid does not hang on it."""
    if said.keep and said.pay.is_mobile and not about.is_for_other:
        try:
            await payments.keep_phone(actor, said.phone, said.pay)
        except Refusal:
            return


async def _shown(request: Request, actor: Actor, about: Whom, form: Form[Ordering] | None = None) -> dict[str, Any]:
    """Return what the page asks for: the tray, its bill as the form stands, and the ways to pay it."""
    shown = await menu_of(request, actor, about)
    found: Portal = shown["p"]
    zones = await queries.zones(actor)
    place = next((zone for zone in zones if form and zone.place == form.typed("place")), None)
    delivery = charge(place.charge_minor if place else None, place.place if place else Place.BED) or Money(0)
    off, refused = await _worth(actor, about, form.typed("coupon") if form else "", found.total + delivery)
    bill = Bill(found.total, delivery, off)
    more: dict[str, Any] = {"zones": zones, "bill": bill, "coupon_refused": refused, "known": None, "ways": []}
    more["is_helped"] = False
    if found.sitting is not None:
        at = found.sitting
        by = await known(actor, about.patient, at.day, str(at.period), bill.total)
        given = await funds.offers(actor, about.patient, bill.total, day=at.day, period=str(at.period))
        more |= {"known": by, "ways": ways(by), "is_helped": bool(bill.total) and given == bill.total}
    return shown | more


async def _worth(actor: Actor, about: Whom, code: str, total: Money) -> tuple[Money, Refusal | None]:
    if not code.strip():
        return Money(0), None
    try:
        return await coupons.worth(actor, code, about.patient, total), None
    except Refusal as refused:
        return Money(0), refused


def _page(
    request: Request, shown: dict[str, Any], form: Form[Ordering], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    """Draw the form with a key of its own: a page drawn again is a new intention."""
    sure = f"{form.typed('pay')}:{form.typed('phone')}" if "phone" in form.errors else form.typed("sure")
    return whole(
        request, "orders/checkout.html", status=status, **shown, form=form, refused=refused, key=token()[:32], sure=sure
    )
