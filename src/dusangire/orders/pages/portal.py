"""The patient's menu: what may be ordered for the next meals, what may not and why, and one dish in full."""

from decimal import Decimal
from typing import Any

from litestar import Controller, Response, get
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.diets.rules import TrayLine
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.ids import token
from dusangire.kernel.live import stream
from dusangire.kernel.money import Money
from dusangire.menu import queries as menu
from dusangire.menu.rules import PORTIONS, Card, Nutrients, portion_nutrients, portion_price
from dusangire.orders import queries
from dusangire.orders.pages.drawing import menu_of, page_of
from dusangire.orders.pages.whom import Whom, whom
from dusangire.orders.queries import Portal
from dusangire.orders.rules import Why

ORDERS = needs(Can.ORDER_OWN, Can.ORDER_FOR_PATIENT)


class Portion(Struct, frozen=True):
    """One way to have a dish: its price, what it holds, and why not where it does not pass."""

    size: Decimal
    price: Money
    nutrients: Nutrients
    why: Why | None


class PatientPages(Controller):
    """Where a patient chooses their meals, and staff for them."""

    path = "/patient"

    @get("/", opt=ORDERS)
    async def portal(self, request: Request, actor: Acting) -> Html:
        if actor.patient is None and "for" not in request.query_params:
            return go(request, "/wards/" if actor.may(Can.WARD_SEE) else "/account/")
        about = whom(actor, request)
        parts = await page_of(request, actor, about)
        return whole(request, "orders/portal.html", **parts, here_live=_live(request), w=about, key=token()[:32])

    @get("/live", opt=ORDERS | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        about = whom(actor, request)
        await queries.person(actor, about.patient)

        async def redraw() -> str:
            parts = await page_of(request, actor, about)
            return str(parts["portal"] + parts["bar_oob"])

        bells = (f"patient:{about.patient}", f"{actor.hospital}:menu")
        return stream(request.app.state.hub, *bells, draw=redraw)

    @get("/dishes", opt=ORDERS)
    async def dishes(self, request: Request, actor: Acting) -> Html:
        """Draw the shelves alone, as the search box asks for them."""
        parts = await page_of(request, actor, whom(actor, request))
        return Response(str(parts["shelves"]), media_type="text/html")

    @get("/dish/{code:str}", opt=ORDERS)
    async def dish(self, request: Request, actor: Acting, code: str) -> Html:
        return whole(request, "orders/dish.html", **await _dish(request, actor, code, whom(actor, request)))


def _live(request: Request) -> str:
    """Return the address of the stream that draws this very page: same patient, sitting and search."""
    return f"/patient/live?{request.url.query}" if request.url.query else "/patient/live"


async def _dish(request: Request, actor: Actor, code: str, about: Whom) -> dict[str, Any]:
    shown = await menu_of(request, actor, about, dish=code.upper())
    found: Portal = shown["p"]
    card = found.cards.get(code.upper())
    if card is None:
        raise NotHere
    offer = next((one for one in found.shelf.all() if one.card.code == card.code), None)
    return shown | {
        "card": card,
        "offer": offer,
        "portions": [_portion(found, card, size) for size in PORTIONS],
        "recipe": await menu.recipe(actor, card.id),
        "rated": await queries.rating_of_dishes(actor, card.id),
        "can_add": offer is not None and _can_add(found, card),
    }


def _portion(found: Portal, card: Card, size: Decimal) -> Portion:
    return Portion(
        size=size,
        price=portion_price(card.price, size),
        nutrients=portion_nutrients(card.nutrients, size),
        why=found.why_not(TrayLine(card.code, size)),
    )


def _can_add(found: Portal, card: Card) -> bool:
    return card.is_available and any(found.why_not(TrayLine(card.code, size)) is None for size in PORTIONS)
