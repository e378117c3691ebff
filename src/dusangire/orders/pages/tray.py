"""The tray before it is ordered: adding, changing, taking off, in place or by plain forms."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets.rules import TrayLine
from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Limits
from dusangire.kernel.html import Html, done, go, part, view
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sitting
from dusangire.orders import queries, service
from dusangire.orders.pages.drawing import after_tap, menu_of
from dusangire.orders.pages.portal import ORDERS
from dusangire.orders.pages.whom import Whom, whom, whom_of
from dusangire.orders.queries import Portal
from dusangire.orders.rules import MOST_OF_ONE
from dusangire.orders.service import Choice

_ONE = Decimal(1)


class Tapped(Struct, frozen=True):
    """What each button of a dish sends. `at` says patient and sitting, `back` which page the answer belongs to."""

    at: Annotated[str, Limits(most=100)]
    dish: Annotated[str, Limits(most=16)] = ""
    portion: Decimal = _ONE
    quantity: Annotated[int, Limits(1, MOST_OF_ONE)] = 1
    new_portion: Decimal = _ONE
    back: Annotated[str, Limits(most=10)] = "menu"


class TrayPages(Controller):
    """Your tray."""

    path = "/cart"

    @get("/", opt=ORDERS)
    async def show(self, request: Request, actor: Acting) -> Html:
        about = await _with_something(actor, whom(actor, request))
        return view(request, "orders/cart.html", **await menu_of(request, actor, about), skipped=[])

    @post("/add", opt=ORDERS)
    async def add(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.add(actor, choice, tapped.quantity)
        return await _answer(request, actor, about, tapped, _line(choice, tapped.quantity))

    @post("/more", opt=ORDERS)
    async def more(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.set_quantity(actor, choice, 1)
        return await _answer(request, actor, about, tapped, _line(choice, 1))

    @post("/less", opt=ORDERS)
    async def less(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.set_quantity(actor, choice, -1)
        return await _answer(request, actor, about, tapped, _line(choice, -1))

    @post("/portion", opt=ORDERS)
    async def portion(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.set_portion(actor, choice, tapped.new_portion)
        return await _answer(request, actor, about, tapped, None)

    @post("/remove", opt=ORDERS)
    async def remove(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.set_quantity(actor, choice, -MOST_OF_ONE)
        return await _answer(request, actor, about, tapped, None)

    @post("/clear", opt=ORDERS)
    async def clear(self, request: Request, actor: Acting) -> Html:
        tapped, about, choice = await _read(request, actor)
        await service.clear(actor, choice.patient, choice.sitting)
        return await _answer(request, actor, about, tapped, None)

    @post("/again/{order_id:uuid}", opt=ORDERS)
    async def again(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        """Put an earlier order on the tray of the next such meal, each dish judged again; say what could not be."""
        order = await queries.order(actor, order_id)
        about = Whom(order.patient, is_for_other=order.patient != actor.patient)
        chosen = await _next(actor, about, order.period)
        skipped = await service.reorder(actor, order_id, chosen)
        shown = await menu_of(request, actor, about.open(chosen))
        if skipped:
            return view(request, "orders/cart.html", **shown, skipped=skipped)
        return go(request, about.open(chosen).url("/cart/"))


async def _read(request: Request, actor: Actor) -> tuple[Tapped, Whom, Choice]:
    form = await forms.read(request, Tapped)
    if form.value is None:
        problem = next(iter(form.errors.values()))
        raise Refusal(problem.key, status=422, **problem.facts)
    about = whom_of(actor, form.value.at)
    chosen = sitting(await menu.periods(actor), about.day, about.period, actor.zone) if about.day else None
    if chosen is None:
        raise Refusal("order.no_such_meal", status=422)
    return form.value, about, Choice(about.patient, chosen, form.value.dish.upper(), form.value.portion)


async def _answer(request: Request, actor: Actor, about: Whom, tapped: Tapped, line: TrayLine | None) -> Html:
    if tapped.back == "cart":
        shown = await menu_of(request, actor, about)
        return done(request, about.url("/cart/"), part("orders/_cart.html", **shown, skipped=[]))
    to = about.url("/patient/") + (f"#dish-{tapped.dish}" if tapped.dish else "")
    if tapped.back == "dish":
        return go(request, about.url("/cart/"))
    shown = await menu_of(request, actor, about)
    found: Portal = shown["p"]
    before = found.shelf_with(_without(found, line)) if line is not None else None
    return done(request, to, *after_tap(request, shown, before))


def _line(choice: Choice, quantity: int) -> TrayLine:
    return TrayLine(choice.dish, choice.portion, quantity)


def _without(found: Portal, tapped: TrayLine) -> tuple[TrayLine, ...]:
    """Return the tray as it was before the tap."""
    slot = (tapped.dish, tapped.portion)
    rest = tuple(line for line in found.cart.tray() if (line.dish, line.portion) != slot)
    now = sum(int(line.quantity) for line in found.cart.tray() if (line.dish, line.portion) == slot)
    before = now - int(tapped.quantity)
    return (*rest, TrayLine(*slot, before)) if before >= 1 else rest


async def _with_something(actor: Actor, about: Whom) -> Whom:
    """Return the sitting asked for; where none was, the next one with something on its tray."""
    if about.day is not None:
        return about
    found = await queries.portal(actor, about.patient)
    filled = (one for one in found.sittings if found.cart_of(one).lines)
    return about.open(next(filled, found.sitting))


async def _next(actor: Actor, about: Whom, period: str) -> Sitting:
    found = await queries.portal(actor, about.patient)
    same = (one for one in found.sittings if str(one.period) == period)
    chosen = next(same, None)
    if chosen is None:
        raise Refusal("order.no_such_meal")
    return chosen
