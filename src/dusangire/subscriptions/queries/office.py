"""Reads of the office: every subscription of the hospital, those in trouble first."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named
from dusangire.payments.rules import Method, State
from dusangire.subscriptions.rules import SubState

PAGE = 200


class Line(Struct, frozen=True):
    """One subscription as finance sees it, with its latest period and the last attempt to pay that."""

    id: UUID
    owner_name: str
    place: str
    name_en: str
    name_fr: str
    name_rw: str
    state: SubState
    method: Method
    term: UUID
    number: int
    price_minor: int
    meals: int | None
    used: int
    due_on: date
    ends_on: date | None
    payment_state: State | None
    payment_reason: str | None

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def price(self) -> Money:
        return Money(self.price_minor)

    @property
    def awaits_cash(self) -> bool:
        return self.method is Method.CASH and self.payment_state is State.PENDING


class Count(Struct, frozen=True):
    """How many subscriptions stand somewhere."""

    state: SubState
    subscriptions: int


async def lines(actor: Actor, state: SubState | None = None) -> list[Line]:
    """Return the subscriptions in one state, or all, those that wait for money first."""
    return await fetch(
        Line,
        f"""
        SELECT s.id, coalesce(u.name, a.given_name || ' ' || a.family_name) AS owner_name,
               coalesce(a.mrn, '') AS place, p.name_en, p.name_fr, p.name_rw, s.state, s.method, t.id AS term, t.number,
               t.price_minor, t.meals, t.used, t.due_on, t.ends_on, y.state AS payment_state,
               y.reason AS payment_reason
        FROM subscription s
        JOIN plan p ON p.hospital = s.hospital AND p.id = s.plan
        LEFT JOIN app_user u ON u.id = s.app_user
        LEFT JOIN patient a ON a.hospital = s.hospital AND a.id = s.patient
        JOIN LATERAL (SELECT * FROM plan_term n WHERE n.hospital = s.hospital AND n.subscription = s.id
            ORDER BY n.number DESC LIMIT 1) t ON true
        LEFT JOIN LATERAL (SELECT x.state, x.reason FROM payment x WHERE x.hospital = s.hospital AND x.subject = t.id
            ORDER BY x.created_at DESC, x.id DESC LIMIT 1) y ON true
        WHERE s.hospital = $1 AND ($2::text IS NULL OR s.state = $2)
        ORDER BY s.state NOT IN ('overdue', 'awaiting', 'changing'), s.state IN ('lapsed', 'ended'), s.state_at DESC
        LIMIT {PAGE}
        """,  # noqa: S608  a constant
        actor.hospital,
        None if state is None else state.value,
    )


async def counts(actor: Actor) -> list[Count]:
    return await fetch(
        Count,
        """
        SELECT state, count(*)::int AS subscriptions FROM subscription WHERE hospital = $1
        GROUP BY state ORDER BY state
        """,
        actor.hospital,
    )
