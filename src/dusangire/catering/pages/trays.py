"""Meals of the staff: choose dishes for lunch or dinner, see one's trays, say what one must not eat."""

from datetime import date
from itertools import groupby
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.catering import queries, rules, service
from dusangire.catering.service import Wanted
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Sitting, is_orderable, sittings
from dusangire.payments.rules import Method
from dusangire.subscriptions import queries as subscriptions


class Choice(Struct, frozen=True):
    """What the order form sends."""

    day: date
    period: Annotated[str, Limits(most=20)]
    area: Annotated[str, Limits(2, 60)]
    dish: list[UUID] = []
    pay: Method = Method.SUBSCRIPTION


class Avoided(Struct, frozen=True):
    """What somebody must not eat."""

    allergen: list[Annotated[str, Limits(most=40)]] = []


class StaffMeals(Controller):
    """One's own meals at work."""

    path = "/staff-meals"
    opt = needs(Can.CATERING_ASK)

    @get("/")
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, forms.empty(Choice))

    @post("/")
    async def order(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Choice)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        said = form.value
        wanted = Wanted(said.day, said.period, said.area, tuple(said.dish), said.pay)
        try:
            await service.order_tray(actor, wanted)
        except Refusal as refused:
            return await _page(request, actor, form, status=refused.status, refused=refused)
        return go(request, "/staff-meals/?ordered=1")

    @post("/{tray_id:uuid}/cancel")
    async def cancel(self, request: Request, actor: Acting, tray_id: UUID) -> Html:
        await service.cancel_tray(actor, tray_id)
        return go(request, "/staff-meals/")

    @post("/avoid")
    async def avoid(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Avoided)
        known = set(await _allergens(actor))
        if form.value is None or not set(form.value.allergen) <= known:
            raise Refusal("form.choose_one", status=422)
        await service.avoid(actor, tuple(form.value.allergen))
        return go(request, "/staff-meals/?saved=1")


async def _page(
    request: Request, actor: Actor, form: Form[Choice], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    now = clock.now()
    found = sittings(await menu.periods(actor), now, actor.zone)
    open_ = [one for one in found if one.period in rules.STAFF_PERIODS and is_orderable(one, now)]
    chosen = _chosen(open_, request, form)
    today = clock.local_day(now, actor.zone)
    allowance = (
        await subscriptions.allowance(actor, actor.user, day=chosen.day, period=str(chosen.period)) if chosen else None
    )
    shown: dict[str, Any] = {
        "sittings": open_,
        "chosen": chosen,
        "shelves": await _served(actor, chosen, language(request)),
        "avoided": await queries.diner(actor),
        "allergens": await _allergens(actor),
        "trays": await queries.my_trays(actor, today),
        "past": await queries.my_past(actor, today),
        "allowance": allowance,
        "picked": set((await request.form()).getall("dish", [])) if request.method == "POST" else set(),
        "ordered": bool(request.query_params.get("ordered")),
        "saved": bool(request.query_params.get("saved")),
    }
    return whole(request, "catering/staff_meals.html", status=status, form=form, refused=refused, **shown)


def _chosen(open_: list[Sitting], request: Request, form: Form[Choice]) -> Sitting | None:
    day = form.typed("day") or request.query_params.get("day", "")
    period = form.typed("period") or request.query_params.get("period", "")
    wanted = (one for one in open_ if (one.day.isoformat(), str(one.period)) == (day, period))
    return next(wanted, open_[0] if open_ else None)


async def _served(actor: Actor, chosen: Sitting | None, lang: str) -> list[tuple[str, list[Card]]]:
    """Return what the staff may choose from, by category."""
    if chosen is None:
        return []
    cards = (await menu.cards(actor)).values()
    served = [card for card in cards if card.is_available and chosen.meal in card.meals and rules.is_for_staff(card)]
    served.sort(key=lambda card: (card.category, card.name(lang)))
    return [(category, list(dishes)) for category, dishes in groupby(served, key=lambda card: card.category)]


async def _allergens(actor: Actor) -> list[str]:
    """Return every allergen that some dish of the hospital declares."""
    cards = (await menu.cards(actor)).values()
    return sorted({one for card in cards for one in card.allergens | card.may_contain})
