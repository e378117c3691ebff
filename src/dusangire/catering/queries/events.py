"""Reads of events: one with its quote, a list, and what the kitchen makes for them on a day."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.catering.rules import EventStatus
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named


class EventLine(Struct, frozen=True):
    """One dish of the present quote."""

    dish: UUID
    dish_code: str
    name_en: str
    name_fr: str
    name_rw: str
    quantity: int
    price_minor: int

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def price(self) -> Money:
        return Money(self.price_minor)

    @property
    def total(self) -> Money:
        return self.price * self.quantity


class Event(Struct, frozen=True):
    """One event as it stands, with the lines of its present quote."""

    id: UUID
    code: str
    title: str
    starts_at: datetime
    place: str
    heads: int
    wishes: str
    bill_to: str
    phone: str
    asked_by: UUID
    who: str
    asked_at: datetime
    status: EventStatus
    status_at: datetime
    service_minor: int
    total_minor: int
    quote_rev: int
    quote_note: str
    valid_until: date | None
    reason: str
    lines: tuple[EventLine, ...] = ()

    @property
    def total(self) -> Money:
        return Money(self.total_minor)

    @property
    def service(self) -> Money:
        return Money(self.service_minor)


class Produced(Struct, frozen=True):
    """How often a dish is made for one event or one meal of the staff."""

    about: str
    when: datetime
    dish_code: str
    name_en: str
    name_fr: str
    name_rw: str
    quantity: int

    def name(self, language: str) -> str:
        return Named(self.name_en, self.name_fr, self.name_rw).said(language)


_EVENT = """
    SELECT e.id, e.code, e.title, e.starts_at, e.place, e.heads, e.wishes, e.bill_to, e.phone, e.asked_by,
           u.name AS who, e.asked_at, e.status, e.status_at, e.service_minor, e.total_minor, e.quote_rev,
           e.quote_note, e.valid_until, e.reason,
           coalesce((SELECT jsonb_agg(jsonb_build_object('dish', l.dish, 'dish_code', l.dish_code, 'name_en', l.name_en,
               'name_fr', l.name_fr, 'name_rw', l.name_rw, 'quantity', l.quantity, 'price_minor', l.price_minor)
               ORDER BY l.id) FROM catering_line l
               WHERE l.hospital = e.hospital AND l.event = e.id AND l.quote_rev = e.quote_rev), '[]') AS lines
    FROM catering_event e JOIN app_user u ON u.id = e.asked_by
"""


async def event(actor: Actor, event_id: UUID) -> Event:
    """Return one event: one's own, or any for who plans or bills them. Raises NotHere."""
    sees_all = actor.may(Can.CATERING_WORK) or actor.may(Can.PAYMENTS_SEE)
    found = await fetch_one(
        Event,
        _EVENT + "WHERE e.hospital = $1 AND e.id = $2 AND (e.asked_by = $3 OR $4)",
        actor.hospital,
        event_id,
        actor.user,
        sees_all,
    )
    if found is None:
        raise NotHere
    return found


async def events(actor: Actor, statuses: Collection[EventStatus] | None = None) -> list[Event]:
    """Return the events of the hospital in these states, the next one first; for who plans them."""
    return await fetch(
        Event,
        _EVENT
        + "WHERE e.hospital = $1 AND ($2::text[] IS NULL OR e.status = ANY($2)) ORDER BY e.starts_at DESC LIMIT 300",
        actor.hospital,
        sorted(statuses) if statuses is not None else None,
    )


async def mine_of(actor: Actor) -> list[Event]:
    """Return the events the person asked for, the latest request first."""
    return await fetch(
        Event,
        _EVENT + "WHERE e.hospital = $1 AND e.asked_by = $2 ORDER BY e.asked_at DESC LIMIT 100",
        actor.hospital,
        actor.user,
    )


async def event_of_key(actor: Actor, key: str) -> UUID | None:
    """Return the event that was asked for with this key."""
    found: UUID | None = await fetch_value(
        "SELECT id FROM catering_event WHERE hospital = $1 AND key = $2 AND asked_by = $3",
        actor.hospital,
        key,
        actor.user,
    )
    return found


async def locked_event(actor: Actor, event_id: UUID) -> None:
    """Lock one event until the transaction is over. Raises NotHere."""
    found = await fetch_value(
        "SELECT id FROM catering_event WHERE hospital = $1 AND id = $2 FOR NO KEY UPDATE", actor.hospital, event_id
    )
    if found is None:
        raise NotHere


async def produced(actor: Actor, day: date) -> list[Produced]:
    """Return what is made on a day for accepted events and for the staff, by time and dish."""
    first, last = day_bounds(day, actor.zone)
    return await fetch(
        Produced,
        """
        SELECT e.code || ' ' || e.title AS about, e.starts_at AS when, l.dish_code, l.name_en, l.name_fr, l.name_rw,
               sum(l.quantity)::int AS quantity
        FROM catering_event e
        JOIN catering_line l ON l.hospital = e.hospital AND l.event = e.id AND l.quote_rev = e.quote_rev
        WHERE e.hospital = $1 AND e.starts_at >= $2 AND e.starts_at < $3 AND e.status IN ('accepted', 'preparing')
        GROUP BY 1, 2, 3, 4, 5, 6
        UNION ALL
        SELECT 'staff:' || t.period, min(t.serve_from), l.dish_code, l.name_en, l.name_fr, l.name_rw, count(*)::int
        FROM staff_tray t JOIN staff_tray_line l ON l.hospital = t.hospital AND l.tray = t.id
        WHERE t.hospital = $1 AND t.day = $4 AND t.status IN ('ordered', 'preparing', 'ready')
        GROUP BY t.period, 3, 4, 5, 6 ORDER BY 2, 1, 4
        """,
        actor.hospital,
        first,
        last,
        day,
    )
