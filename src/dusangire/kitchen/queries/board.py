"""Reads of the kitchen: the board, the pass, one ticket with its diet, and the day's history."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries import DietBrief, Exceptional, exceptional, manual, ward_diets
from dusangire.diets.rules import Allergy, DishFacts
from dusangire.diets.rules.allergy import to_separate
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_value
from dusangire.kernel.phrase import Named
from dusangire.kitchen import rules
from dusangire.kitchen.rules import Board, Card, Item
from dusangire.menu import queries as menu
from dusangire.menu.rules import PeriodCode
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, tickets_of


class Happened(Struct, frozen=True):
    """One thing that happened to a tray in the kitchen."""

    at: datetime
    kind: str
    code: str
    bed: str
    who: str
    note: str


class Around(Struct, frozen=True):
    """What is read once for all tickets: diets, how dishes are made, what was substituted or overridden."""

    diets: Mapping[UUID, DietBrief]
    dishes: Mapping[str, DishFacts]
    groups: Mapping[str, frozenset[str]]
    instead: Mapping[UUID, Named]
    special: Exceptional

    def apart(self, ticket: Ticket, dish_code: str) -> tuple[str, ...]:
        """Return the allergies of a tray's patient for which a dish is made apart from its kitchen line."""
        diet, dish = self.diets.get(ticket.patient), self.dishes.get(dish_code)
        if diet is None or dish is None:
            return ()
        return to_separate(dish, [Allergy(one.code, one.severity) for one in diet.allergies], self.groups)


class _Seen(Struct, frozen=True):
    meal_order: UUID
    stopped_at: datetime


async def board(actor: Actor, period: str | None, language: str) -> Board:
    """Return the wall: every tray still to make or to stop, tomorrow's too and last night's until they are settled.

    Three statements, one more while a stopped tray stands on it, two while somebody on it has an allergy, one while a
    tray on it was changed.
    """
    now = clock.now()
    found = await orders.tickets(actor, set(rules.SHOWN), since=_since(actor, now))
    shown = await _without_seen(actor, [ticket for ticket in found if _concerns(ticket)])
    around = await around_of(actor, shown)
    chosen = [ticket for ticket in shown if period is None or ticket.period == period]
    cards = [_card(ticket, around, now, language, key) for key, ticket in enumerate(chosen, start=1)]
    return Board(cards, rules.still_to_make(cards), _periods(shown), len(shown), period, around.special.stop)


async def at_pass(actor: Actor, language: str) -> list[Card]:
    """Return the trays that are ready and still in the kitchen, the last one first. As many statements as the wall."""
    now = clock.now()
    found = await orders.tickets(actor, {Status.READY}, since=_since(actor, now))
    found.sort(key=lambda ticket: ticket.ready_at or ticket.status_at, reverse=True)
    around = await around_of(actor, found)
    return [_card(ticket, around, now, language) for ticket in found]


def _since(actor: Actor, now: datetime) -> date:
    """A tray of the evening is still a tray after midnight."""
    return clock.local_day(now, actor.zone) - timedelta(days=1)


async def card(actor: Actor, order_id: UUID, language: str) -> Card:
    """Return one ticket. Raises NotHere."""
    ticket = await orders.ticket(actor, order_id)
    return _card(ticket, await around_of(actor, [ticket]), clock.now(), language)


async def around_of(actor: Actor, tickets: list[Ticket]) -> Around:
    """Return what the tickets of some trays say besides the trays themselves."""
    diets = await ward_diets(actor, [ticket.patient for ticket in tickets])
    is_looked_at = any(brief.allergies for brief in diets.values())
    changed = [ticket.id for ticket in tickets if ticket.label_rev > 1]
    return Around(
        diets=diets,
        dishes=await menu.dishes(actor) if is_looked_at else {},
        groups=(await manual(actor)).groups if is_looked_at else {},
        instead={one.new_line: one.was for one in await orders.changes(actor, changed)} if changed else {},
        special=await exceptional(actor),
    )


async def history(actor: Actor, day: date) -> list[Happened]:
    """Return what happened to trays on one day of the hospital's, the latest first, at most 500."""
    first, last = clock.day_bounds(day, actor.zone)
    return await fetch(
        Happened,
        """
        SELECT e.at, split_part(e.kind, ':', 2) AS kind, o.code, coalesce(b.code, '') AS bed, e.actor_name AS who,
               CASE WHEN e.actor_role = 'kitchen' THEN coalesce(e.facts ->> 'note', '') ELSE '' END AS note
        FROM event e
        JOIN meal_order o ON o.hospital = e.hospital AND e.about = 'order:' || o.id
        LEFT JOIN stay s ON s.hospital = o.hospital AND s.patient = o.patient AND s.ended_at IS NULL
        LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE e.hospital = $1 AND e.kind = ANY($4::text[]) AND e.at >= $2 AND e.at < $3
        ORDER BY e.id DESC LIMIT 500
        """,
        actor.hospital,
        first,
        last,
        [f"order:{kind}" for kind in KINDS],
    )


KINDS = (
    "confirmed",
    "substituted",
    "preparing",
    "ready",
    "out_for_delivery",
    "problem",
    "held",
    "cancelled",
    "stop_seen",
)


async def checked_by(actor: Actor, order_id: UUID) -> str:
    """Return who put the tray together; '' while nobody has."""
    events = await orders.history(actor, order_id)
    return next((one.actor_name for one in reversed(events) if one.kind == "order:ready"), "")


async def safety_rev(actor: Actor, order_id: UUID) -> int:
    """Return the revision of the patient's facts that the tray was last judged on; 0 before any verdict."""
    rev = await fetch_value(
        "SELECT safety_rev FROM safety_check WHERE hospital = $1 AND meal_order = $2 ORDER BY at DESC, id DESC LIMIT 1",
        actor.hospital,
        order_id,
    )
    return rev or 0


def _concerns(ticket: Ticket) -> bool:
    """A cancelled tray concerns the kitchen only where cooking had begun."""
    return ticket.status is not Status.CANCELLED or ticket.started_at is not None


async def _without_seen(actor: Actor, tickets: list[Ticket]) -> list[Ticket]:
    stopped = [ticket.id for ticket in tickets if ticket.status in rules.STOPPED]
    if not stopped:
        return tickets
    rows = await fetch(
        _Seen,
        "SELECT meal_order, stopped_at FROM stop_seen WHERE hospital = $1 AND meal_order = ANY($2::uuid[])",
        actor.hospital,
        stopped,
    )
    seen = {(row.meal_order, row.stopped_at) for row in rows}
    return [one for one in tickets if one.status not in rules.STOPPED or (one.id, one.status_at) not in seen]


def _periods(tickets: Iterable[Ticket]) -> list[tuple[str, int]]:
    counts = Counter(ticket.period for ticket in tickets)
    return [(code.value, counts[code.value]) for code in PeriodCode if counts[code.value]]


def _card(ticket: Ticket, around: Around, now: datetime, language: str, key: int = 0) -> Card:
    due = rules.due_at(ticket.serve_from, ticket.serve_to)
    return Card(
        id=ticket.id,
        key=key if key <= rules.KEYS else 0,
        code=ticket.code,
        bed=ticket.bed_code or "–",
        who=ticket.short_name,
        status=ticket.status,
        action=rules.action_of(ticket.status),
        due_at=due,
        timer=rules.timer(now, due),
        items=items(ticket, around, language),
        request=ticket.printed_request,
        note=ticket.why_held_for_staff if ticket.status is Status.HELD else ticket.why_failed,
        overrides=tickets_of(around.special.of(ticket.patient), ticket, now),
        period=ticket.period,
        replaces=ticket.replaces_code or "",
        is_isolation=ticket.is_isolation,
        is_rush=ticket.is_late_tray,
        label_rev=ticket.label_rev,
        **_diet(around.diets.get(ticket.patient)),
    )


def _diet(diet: DietBrief | None) -> dict[str, Any]:
    if diet is None:
        return {"allergies": (), "food_level": None, "drink_level": None, "diets": (), "is_allergy_unknown": True}
    return {
        "allergies": tuple(Allergy(one.code, one.severity) for one in diet.allergies),
        "food_level": diet.food_level,
        "drink_level": diet.drink_level,
        "diets": rules.diets_to_name(diet.codes),
        "is_allergy_unknown": diet.allergy_status == "not_asked" or bool(diet.uncoded_text),
        "is_fasting": diet.is_fasting,
    }


def items(ticket: Ticket, around: Around, language: str) -> tuple[Item, ...]:
    """Return the lines of a tray in one language."""
    return tuple(
        Item(
            line.quantity,
            line.name(language),
            rules.portion(line.portion),
            instead=around.instead[line.id].said(language) if line.id in around.instead else "",
            apart=around.apart(ticket, line.dish_code),
            line=line.id,
        )
        for line in ticket.lines
    )
