"""Reads of substitutions: what may take a dish's place, what was changed, and labels that no longer hold."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import Gate, prepare
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card
from dusangire.orders.queries.judging import others, trays
from dusangire.orders.queries.orders import Order, OrderLine, order
from dusangire.orders.queries.tickets import Ticket, by_tray_token, ticket
from dusangire.orders.rules import MEALS, OFFERED, SUBSTITUTABLE, WhyChanged, label_of, nearest, serving_of


class OldLabel(Refusal):
    """The code stands on a label that a substitution made worthless; the tray has another one now."""

    def __init__(self, tray: Ticket) -> None:
        super().__init__("order.old_label", status=410, code=tray.code, bed=tray.bed_code or "–")
        self.tray = tray


class Changed(Struct, frozen=True):
    """One substitution: the line that came, what was there before, who changed it and why."""

    meal_order: UUID
    new_line: UUID
    was_en: str
    was_fr: str
    was_rw: str
    is_en: str
    is_fr: str
    is_rw: str
    why: WhyChanged
    by: str
    at: datetime

    @property
    def was(self) -> Named:
        return Named(self.was_en, self.was_fr, self.was_rw)

    @property
    def now(self) -> Named:
        return Named(self.is_en, self.is_fr, self.is_rw)


class _Moved(Struct, frozen=True):
    meal_order: UUID


async def substitutes(actor: Actor, order_id: UUID, line_id: UUID) -> list[Card]:
    """Return the dishes that may take a line's place, the nearest first: each passes with all else on the tray.

    A proposal only: what is chosen is judged again, under the patient's lock. Raises NotHere for no such line.
    """
    tray = await order(actor, order_id)
    line = next((one for one in tray.lines if one.id == line_id), None)
    if line is None:
        raise NotHere
    if tray.status not in SUBSTITUTABLE:
        return []
    cards = await menu.cards(actor)
    served = [card for card in cards.values() if _is_offered(card, tray)]
    passing = await _passing(actor, tray, line, served)
    instead = cards.get(line.dish_code)
    return nearest(passing, instead, instead.category if instead else "")[:OFFERED]


async def changes(actor: Actor, orders: Iterable[UUID]) -> list[Changed]:
    """Return what was substituted on some trays, oldest first. One statement."""
    return await fetch(
        Changed,
        """
        SELECT c.meal_order, c.new_line, was.name_en AS was_en, was.name_fr AS was_fr, was.name_rw AS was_rw,
               l.name_en AS is_en, l.name_fr AS is_fr, l.name_rw AS is_rw, c.why, coalesce(u.name, '') AS by,
               c.changed_at AS at
        FROM order_line_change c
        JOIN order_line was ON was.hospital = c.hospital AND was.id = c.old_line
        JOIN order_line l ON l.hospital = c.hospital AND l.id = c.new_line
        LEFT JOIN app_user u ON u.id = c.changed_by
        WHERE c.hospital = $1 AND c.meal_order = ANY($2::uuid[]) ORDER BY c.changed_at, c.id
        """,
        actor.hospital,
        list(orders),
    )


async def by_label(actor: Actor, token: str) -> Ticket:
    """Return the tray whose label carries this code. Raises OldLabel for one that was replaced, NotHere."""
    try:
        return await by_tray_token(actor, token)
    except NotHere:
        moved = await fetch_one(
            _Moved,
            "SELECT meal_order FROM order_line_change WHERE hospital = $1 AND old_token = $2",
            actor.hospital,
            token,
        )
        if moved is None:
            raise
        raise OldLabel(await ticket(actor, moved.meal_order)) from None


async def by_label_code(actor: Actor, said: str) -> Ticket:
    """Return the tray whose label carries this short code with its revision. Raises OldLabel, NotHere."""
    code, revision = label_of(said)
    row = await fetch_one(
        _Moved,
        "SELECT id AS meal_order FROM meal_order WHERE hospital = $1 AND code = $2",
        actor.hospital,
        code,
    )
    if row is None:
        raise NotHere
    found = await ticket(actor, row.meal_order)
    if revision != found.label_rev:
        raise OldLabel(found)
    return found


def _is_offered(card: Card, tray: Order) -> bool:
    on_tray = {line.dish_code for line in tray.lines}
    return card.is_available and card.code not in on_tray and MEALS[tray.period] in card.meals


async def _passing(actor: Actor, tray: Order, line: OrderLine, cards: list[Card]) -> list[Card]:
    now = clock.local(clock.now(), actor.zone)
    facts = await diets.facts(actor, tray.patient, ordered_by=tray.placed_as)
    rest = others(await trays(actor, tray.patient, tray.day, tray.day), tray.id, actor.zone)
    prepared = prepare(
        facts, serving_of(tray, actor.zone, now), rest, await diets.manual(actor), await menu.dishes(actor), now
    )
    return [card for card in cards if prepared.judge(with_dish(tray, line, card).tray(), Gate.FIRE).is_allowed]


def with_dish(tray: Order, line: OrderLine, card: Card, *, new_id: UUID | None = None) -> Order:
    """Return the tray with another dish in one line's place: as many, as large, and at the price that was agreed."""
    new = msgspec.structs.replace(
        line,
        id=new_id or line.id,
        dish=card.id,
        dish_code=card.code,
        name_en=card.name_en,
        name_fr=card.name_fr,
        name_rw=card.name_rw,
        recipe_rev=card.recipe_rev,
    )
    return msgspec.structs.replace(tray, lines=tuple(new if one.id == line.id else one for one in tray.lines))
