"""The switch that holds all trays: thrown and lifted by a person with a reason and their password."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole

STOPS = needs(Can.MEALS_STOP)


class Stopping(Struct, frozen=True):
    """Why all trays are held, and the person's password."""

    reason: Annotated[str, Limits(3, 200)]
    password: Annotated[str, Limits(most=200)]


class Lifting(Struct, frozen=True):
    """The person's password."""

    password: Annotated[str, Limits(most=200)]


class MealStops(Controller):
    """Hold all trays."""

    path = "/meals/stop"

    @get("/", opt=STOPS)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, forms.empty(Stopping))

    @post("/", opt=STOPS)
    async def stop(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Stopping)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            await service.hold_all_trays(actor, form.value.reason, form.value.password)
        except Refusal as refused:
            return await _page(request, actor, form.refuse("password", refused.key), status=refused.status)
        return go(request, "/meals/stop")

    @post("/lift", opt=STOPS)
    async def lift(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Lifting)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            await service.let_trays_go(actor, form.value.password)
        except Refusal as refused:
            return await _page(request, actor, form.refuse("password", refused.key), status=refused.status)
        return go(request, "/meals/stop")


async def _page(request: Request, actor: Actor, form: Form[Stopping] | Form[Lifting], *, status: int = 200) -> Html:
    stop, last = await queries.meal_stop(actor), await queries.last_stops(actor)
    return whole(request, "diets/meal_stop.html", status=status, stop=stop, last=last, form=form)
