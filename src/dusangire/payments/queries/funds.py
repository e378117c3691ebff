"""Reads of funds, of what may be taken from them, and of what they gave."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules.funds import CameBy, Fund, Given, Spent, Why

_COLUMNS = """
    f.id, f.name, f.donor, f.purpose, f.most_meal_minor, f.most_day_minor, f.most_patient_minor, f.periods, f.wards,
    f.serves_from, f.serves_to, f.helps_at_once, f.left_minor, f.stopped_at IS NOT NULL AS is_stopped
"""
_WITH_SUMS = f"""
    SELECT {_COLUMNS}, g.received_minor, c.meals, c.given_minor
    FROM fund f,
         LATERAL (SELECT coalesce(sum(amount_minor), 0)::bigint AS received_minor FROM gift
                  WHERE hospital = f.hospital AND fund = f.id AND undone_at IS NULL) g,
         LATERAL (SELECT count(*)::int AS meals, coalesce(sum(amount_minor - returned_minor), 0)::bigint AS given_minor
                  FROM fund_claim WHERE hospital = f.hospital AND fund = f.id AND returned_minor < amount_minor) c
"""  # noqa: S608  columns of ours


class Grant(Struct, frozen=True):
    """How far one patient is helped. fund None: by any fund that helps with the meal."""

    id: UUID
    fund: UUID | None
    patient: UUID
    reason: Why
    meals_left: int | None
    left_minor: int | None
    last_day: date | None
    granted_by: UUID
    granted_at: datetime
    ended_at: datetime | None
    is_over: bool
    meals: int

    @property
    def left(self) -> Money | None:
        return None if self.left_minor is None else Money(self.left_minor)

    @property
    def is_whole(self) -> bool:
        """Whether nothing but its last day limits it: no number of meals, no sum, no single fund."""
        return self.meals_left is None and self.left_minor is None and self.fund is None


class Gift(Struct, frozen=True):
    """Money that was given to a fund."""

    id: UUID
    fund: UUID
    number: str
    amount_minor: int
    came_by: CameBy
    reference: str
    received_on: date
    recorded_by: UUID
    undone_at: datetime | None
    undone_why: str | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Claim(Struct, frozen=True):
    """What a fund gave for a tray, and how much of its payment has gone back."""

    id: UUID
    fund: UUID
    fund_grant: UUID | None
    amount_minor: int
    returned_minor: int
    refunded_minor: int


async def funds(actor: Actor) -> list[Fund]:
    """Return every fund with what came in and went out; those that help now first."""
    return await fetch(
        Fund, f"{_WITH_SUMS} WHERE f.hospital = $1 ORDER BY f.stopped_at IS NOT NULL, f.name", actor.hospital
    )


async def fund(actor: Actor, fund_id: UUID) -> Fund:
    """Return one fund. Raises NotHere."""
    found = await fetch_one(Fund, f"{_WITH_SUMS} WHERE f.hospital = $1 AND f.id = $2", actor.hospital, fund_id)
    if found is None:
        raise NotHere
    return found


async def open_funds(actor: Actor) -> list[Fund]:
    """Return the funds that have not been stopped, with what is left, by id."""
    return await fetch(
        Fund,
        f"SELECT {_COLUMNS} FROM fund f WHERE f.hospital = $1 AND f.stopped_at IS NULL ORDER BY f.id",  # noqa: S608
        actor.hospital,
    )


async def locked_funds(actor: Actor, fund_id: UUID | None) -> list[Fund]:
    """Lock one open fund, or all of them in the order of their ids, and return what is left in each then."""
    return await fetch(
        Fund,
        f"""
        SELECT {_COLUMNS} FROM fund f
        WHERE f.hospital = $1 AND f.stopped_at IS NULL AND ($2::uuid IS NULL OR f.id = $2)
        ORDER BY f.id FOR NO KEY UPDATE
        """,  # noqa: S608  columns of ours
        actor.hospital,
        fund_id,
    )


async def lock_fund(actor: Actor, fund_id: UUID) -> None:
    """Lock a fund, also one that was stopped."""
    await fetch_value("SELECT 1 FROM fund WHERE hospital = $1 AND id = $2 FOR NO KEY UPDATE", actor.hospital, fund_id)


async def spent(actor: Actor, fund_id: UUID, day: date, patient: UUID) -> Spent:
    """Return what the fund gave already: for this day's trays, and for this patient."""
    found = await fetch_one(
        Spent,
        """
        SELECT coalesce(sum(amount_minor - returned_minor) FILTER (WHERE day = $3), 0)::bigint AS day_minor,
               coalesce(sum(amount_minor - returned_minor) FILTER (WHERE patient = $4), 0)::bigint AS patient_minor
        FROM fund_claim WHERE hospital = $1 AND fund = $2 AND (day = $3 OR patient = $4)
        """,
        actor.hospital,
        fund_id,
        day,
        patient,
    )
    return found or Spent()


async def given_for(actor: Actor, order: UUID) -> Money | None:
    """Return what funds paid for a tray, without what went back; None where they pay nothing of it."""
    minor = await fetch_value(
        """
        SELECT sum(amount_minor - returned_minor)::bigint FROM fund_claim
        WHERE hospital = $1 AND meal_order = $2 AND returned_minor < amount_minor
        """,
        actor.hospital,
        order,
    )
    return None if minor is None else Money(minor)


async def has_claim(actor: Actor, fund_id: UUID, order: UUID) -> bool:
    """Whether the fund pays for this tray already."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM fund_claim
                           WHERE hospital = $1 AND fund = $2 AND meal_order = $3 AND returned_minor < amount_minor)
            """,
            actor.hospital,
            fund_id,
            order,
        )
    )


_GRANT = """
    SELECT g.id, g.fund, g.patient, g.reason, g.meals_left, g.left_minor, g.last_day, g.granted_by, g.granted_at,
           g.ended_at,
           g.ended_at IS NOT NULL OR a.ended_at IS NOT NULL OR coalesce(g.last_day < $2, false)
               OR coalesce(g.meals_left = 0, false) OR coalesce(g.left_minor = 0, false) AS is_over,
           (SELECT count(*)::int FROM fund_claim c WHERE c.hospital = g.hospital AND c.fund_grant = g.id
            AND c.returned_minor < c.amount_minor) AS meals
    FROM fund_grant g JOIN admission a ON a.hospital = g.hospital AND a.id = g.admission
"""


async def grants_for(actor: Actor, patient: UUID, day: date) -> list[Grant]:
    """Return the grants that may pay for this patient's meals of a day, the oldest first."""
    return await fetch(
        Grant,
        f"""
        SELECT * FROM ({_GRANT} WHERE g.hospital = $1 AND g.patient = $3) g WHERE NOT is_over ORDER BY granted_at, id
        """,  # noqa: S608  columns of ours
        actor.hospital,
        day,
        patient,
    )


async def grants_of(actor: Actor, patient: UUID, today: date) -> list[Grant]:
    """Return all grants of a patient, the newest first."""
    return await fetch(
        Grant,
        f"{_GRANT} WHERE g.hospital = $1 AND g.patient = $3 ORDER BY g.granted_at DESC",
        actor.hospital,
        today,
        patient,
    )


async def running_grants(actor: Actor, today: date) -> list[Grant]:
    """Return the grants under way, the newest first: for finance, who may end one."""
    return await fetch(
        Grant,
        f"SELECT * FROM ({_GRANT} WHERE g.hospital = $1) g WHERE NOT is_over ORDER BY granted_at DESC LIMIT 500",  # noqa: S608
        actor.hospital,
        today,
    )


async def grant(actor: Actor, grant_id: UUID, today: date) -> Grant:
    """Return one grant. Raises NotHere."""
    found = await fetch_one(Grant, f"{_GRANT} WHERE g.hospital = $1 AND g.id = $3", actor.hospital, today, grant_id)
    if found is None:
        raise NotHere
    return found


async def claim_of_payment(actor: Actor, payment: UUID) -> Claim | None:
    """Return what a fund gave for the tray that this payment is a share of; None where it was paid otherwise."""
    return await fetch_one(
        Claim,
        """
        SELECT c.id, c.fund, c.fund_grant, c.amount_minor, c.returned_minor, y.refunded_minor
        FROM payment y JOIN fund_claim c
             ON c.hospital = y.hospital AND c.meal_order = y.meal_order AND c.fund = y.source
        WHERE y.hospital = $1 AND y.id = $2 AND y.method = 'fund' AND c.returned_minor < c.amount_minor
        """,
        actor.hospital,
        payment,
    )


async def gifts(actor: Actor, fund_id: UUID) -> list[Gift]:
    """Return what was given to a fund, the latest first."""
    return await fetch(
        Gift,
        """
        SELECT id, fund, number, amount_minor, came_by, reference, received_on, recorded_by, undone_at, undone_why
        FROM gift
        WHERE hospital = $1 AND fund = $2 ORDER BY received_on DESC, recorded_at DESC
        """,
        actor.hospital,
        fund_id,
    )


async def gift(actor: Actor, gift_id: UUID) -> Gift:
    """Return one gift. Raises NotHere."""
    found = await fetch_one(
        Gift,
        """
        SELECT id, fund, number, amount_minor, came_by, reference, received_on, recorded_by, undone_at, undone_why
        FROM gift
        WHERE hospital = $1 AND id = $2
        """,
        actor.hospital,
        gift_id,
    )
    if found is None:
        raise NotHere
    return found


async def given(actor: Actor, fund_id: UUID, first: date, after: date) -> list[Given]:
    """Return the trays of these days that the fund paid, with numbers in place of people: ward and meal, no name."""
    return await fetch(
        Given,
        """
        SELECT dense_rank() OVER (ORDER BY c.patient)::int AS who, coalesce(w.code, '') AS ward, c.period,
               c.amount_minor - c.returned_minor AS amount_minor
        FROM fund_claim c LEFT JOIN ward w ON w.hospital = c.hospital AND w.id = c.ward
        WHERE c.hospital = $1 AND c.fund = $2 AND c.day >= $3 AND c.day < $4 AND c.returned_minor < c.amount_minor
        """,
        actor.hospital,
        fund_id,
        first,
        after,
    )
