"""Reads of orders: one with its lines, a patient's, its history. A patient sees only their own."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import TrayLine
from dusangire.kernel.access import NOBODY, Actor, Can
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.journal import Event
from dusangire.kernel.journal import history as events_about
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named, Phrase
from dusangire.orders.rules import MEALS, ORDER, RequestState, Status, Verb, for_staff, note_phrase

_SEES_ALL = (
    Can.ORDERS_SEE, Can.KITCHEN_WORK, Can.DELIVERY_WORK, Can.ORDER_FOR_PATIENT, Can.NUTRITION_WORK, Can.SUPPORT_WORK,
)  # fmt: skip


class OrderLine(Struct, frozen=True):
    """One line as it was ordered: names and price are those of that moment. `price_minor` is of one such portion."""

    id: UUID
    position: int
    dish: UUID
    dish_code: str
    name_en: str
    name_fr: str
    name_rw: str
    portion: Decimal
    quantity: int
    price_minor: int
    recipe_rev: int

    def name(self, language: str) -> str:
        """Return the dish's name in the language."""
        return self.named.said(language)

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def price(self) -> Money:
        """The price of one."""
        return Money(self.price_minor)

    @property
    def total(self) -> Money:
        return Money(self.price_minor) * self.quantity

    def tray_line(self) -> TrayLine:
        """Return what the verdict is asked about."""
        return TrayLine(self.dish_code, self.portion, self.quantity)


class Order(Struct, frozen=True, kw_only=True):
    """One tray with its lines."""

    id: UUID
    code: str
    tray_token: str
    patient: UUID
    admission: UUID
    day: date
    period: str
    serve_from: datetime
    serve_to: datetime
    cutoff_at: datetime
    status: Status
    held_from: Status | None
    hold_reason: str
    is_late_tray: bool
    place: str
    place_name: str
    request: str
    request_state: RequestState
    items_minor: int
    tax_minor: int
    delivery_minor: int
    discount_minor: int
    total_minor: int
    vat_minor: int
    problem: str
    placed_by: UUID
    placed_as: str
    placed_at: datetime
    status_at: datetime
    started_at: datetime | None
    ready_at: datetime | None
    left_at: datetime | None
    arrived_at: datetime | None
    delivered_at: datetime | None
    confirmed_at: datetime | None
    automatic: str = ""
    replaces: UUID | None = None
    lines: tuple[OrderLine, ...]

    @property
    def total(self) -> Money:
        return Money(self.total_minor)

    @property
    def delivery(self) -> Money:
        return Money(self.delivery_minor)

    @property
    def discount(self) -> Money:
        return Money(self.discount_minor)

    @property
    def vat(self) -> Money:
        """The tax that the total contains."""
        return Money(self.vat_minor)

    @property
    def meal(self) -> str:
        """What limits call the meal: breakfast, lunch, dinner or snack."""
        return str(MEALS[self.period])

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """What can be done to it now."""
        return ORDER.verbs(self.status)

    @property
    def why_held(self) -> Phrase | None:
        """Why it is stopped, to be said in the reader's language; None where it is not."""
        return note_phrase(self.hold_reason)

    @property
    def why_held_for_staff(self) -> Phrase | None:
        """The same in the third person, for those who cook, carry and serve."""
        told = self.why_held
        return None if told is None else for_staff(told)

    @property
    def why_failed(self) -> Phrase | None:
        """What went wrong, as it was reported; None where nothing did."""
        return note_phrase(self.problem)

    @property
    def printed_request(self) -> str:
        """The special request, once the nutritionist has approved it; '' before and otherwise."""
        return self.request if self.request_state is RequestState.APPROVED else ""

    @property
    def dishes(self) -> frozenset[str]:
        """The codes of the dishes on it."""
        return frozenset(line.dish_code for line in self.lines)

    def tray(self) -> tuple[TrayLine, ...]:
        """Return the lines as the verdict reads them."""
        return tuple(line.tray_line() for line in self.lines)


LINES = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', l.id, 'position', l.position, 'dish', l.dish, 'dish_code', l.dish_code, 'name_en', l.name_en,
        'name_fr', l.name_fr, 'name_rw', l.name_rw, 'portion', l.portion::text, 'quantity', l.quantity,
        'price_minor', l.price_minor, 'recipe_rev', l.recipe_rev) ORDER BY l.position), '[]')
     FROM order_line l WHERE l.hospital = o.hospital AND l.meal_order = o.id AND l.replaced_at IS NULL) AS lines
"""
COLUMNS = """
    o.id, o.code, o.tray_token, o.patient, o.admission, o.day, o.period, o.serve_from, o.serve_to, o.cutoff_at,
    o.status, o.held_from, o.hold_reason, o.is_late_tray, o.place, o.place_name, o.request, o.request_state,
    o.items_minor, o.tax_minor, o.delivery_minor, o.discount_minor, o.total_minor, o.vat_minor, o.problem, o.placed_by,
    o.placed_as, o.placed_at, o.status_at, o.started_at, o.ready_at, o.left_at, o.arrived_at, o.delivered_at,
    o.confirmed_at, o.automatic, o.replaces
"""


ORDER_ROWS = f"SELECT {COLUMNS}, {LINES} FROM meal_order o"  # noqa: S608  columns of ours


def is_own_only(actor: Actor) -> bool:
    """Return whether this person sees only the trays of the patient they act for."""
    return not any(actor.may(right) for right in _SEES_ALL)


def own(actor: Actor) -> UUID | None:
    """Return the one patient whose trays this person may see; None where it is everybody's."""
    return (actor.patient or NOBODY) if is_own_only(actor) else None


async def order(actor: Actor, order_id: UUID) -> Order:
    """Return one order with its lines. Raises NotHere, also for somebody else's. One statement."""
    found = await fetch_one(
        Order,
        ORDER_ROWS + " WHERE o.hospital = $1 AND o.id = $2 AND ($3::uuid IS NULL OR o.patient = $3)",
        actor.hospital,
        order_id,
        own(actor),
    )
    if found is None:
        raise NotHere
    return found


async def order_by_code(actor: Actor, code: str) -> Order:
    """Return one order by the code people say. Raises NotHere."""
    found = await fetch_one(
        Order,
        ORDER_ROWS + " WHERE o.hospital = $1 AND o.code = $2 AND ($3::uuid IS NULL OR o.patient = $3)",
        actor.hospital,
        code.strip().upper(),
        own(actor),
    )
    if found is None:
        raise NotHere
    return found


async def orders_of(actor: Actor, patient: UUID, *, limit: int = 60, since: date | None = None) -> list[Order]:
    """Return a patient's orders, the latest meal first. Raises NotHere for somebody else's."""
    if own(actor) not in (None, patient):
        raise NotHere
    return await fetch(
        Order,
        f"""
        {ORDER_ROWS}
        WHERE o.hospital = $1 AND o.patient = $2 AND ($4::date IS NULL OR o.day >= $4)
        ORDER BY o.serve_from DESC, o.placed_at DESC LIMIT $3
        """,
        actor.hospital,
        patient,
        limit,
        since,
    )


async def requests(actor: Actor) -> list[Order]:
    """Return the trays whose special request waits for the nutritionist, the next meal first."""
    return await fetch(
        Order,
        f"""
        {ORDER_ROWS}
        WHERE o.hospital = $1 AND o.request_state = 'waiting' AND o.status <> ALL($2::text[])
        ORDER BY o.serve_from, o.placed_at LIMIT 200
        """,
        actor.hospital,
        ["delivered", "completed", "cancelled", "refused", "expired"],
    )


async def history(actor: Actor, order_id: UUID) -> list[Event]:
    """Return everything that happened to one order, oldest first. Raises NotHere for somebody else's."""
    seen = await order(actor, order_id)
    return await events_about(actor, f"order:{seen.id}")


class Rating(Struct, frozen=True):
    """What somebody said of one tray."""

    stars: int
    reason: str
    comment: str


async def rating_of(actor: Actor, order_id: UUID) -> Rating | None:
    """Return the rating of a tray; None before there is one."""
    return await fetch_one(
        Rating,
        "SELECT stars, reason, comment FROM rating WHERE hospital = $1 AND meal_order = $2",
        actor.hospital,
        order_id,
    )


class DishRating(Struct, frozen=True):
    """How the trays with a dish were liked."""

    stars: Decimal
    plates: int


async def rating_of_dishes(actor: Actor, dish: UUID) -> DishRating | None:
    """Return the mean rating of the trays that held a dish; None before the first."""
    found = await fetch_one(
        DishRating,
        """
        SELECT coalesce(avg(r.stars), 0) AS stars, count(*)::int AS plates
        FROM rating r JOIN order_line l ON l.hospital = r.hospital AND l.meal_order = r.meal_order
        WHERE r.hospital = $1 AND l.dish = $2 AND l.replaced_at IS NULL
        """,
        actor.hospital,
        dish,
    )
    return found if found and found.plates else None


def named(lines: tuple[Any, ...]) -> dict[str, Named]:
    """Return the names of the dishes on some lines, by code."""
    return {line.dish_code: line.named for line in lines}
