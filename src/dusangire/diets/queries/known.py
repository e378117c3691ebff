"""The facts of a verdict: everything that is known of a patient, read afresh in one statement. Never cached."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.feed_facts import FEED_FACTS, FeedFact
from dusangire.diets.queries.rows import HoldTimes, OrderFacts
from dusangire.diets.rules import Allergy, PatientFacts
from dusangire.diets.rules.prescribing import tightest
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere

_REGULAR_FOOD = 7
# Two orders in force that differ about drinks: a level no rule knows, so that the verdict is UNKNOWN.
_CONTRADICTORY = -1


async def facts(actor: Actor, patient: UUID, *, ordered_by: str) -> PatientFacts:
    """Return everything a verdict wants to know of one patient, read afresh.

    `rows_read` counts the open allergies, active orders and uncancelled holds that were really read.
    Raises NotHere for a stranger. One statement.
    """
    # By the one key, not by a list of one: for a list PostgreSQL plans anew every time, at five times the cost.
    row = await fetch_one(_Known, _KNOWN.replace("= ANY($2)", "= $2"), actor.hospital, patient)
    if row is None:
        raise NotHere
    return _facts(row, actor.zone, ordered_by)


async def facts_of(actor: Actor, patients: Iterable[UUID], *, ordered_by: str) -> dict[UUID, PatientFacts]:
    """Return the facts of many patients, by patient id; strangers are left out. One statement, however many."""
    rows = await fetch(_Known, _KNOWN, actor.hospital, list(patients))
    return {row.patient: _facts(row, actor.zone, ordered_by) for row in rows}


class _AllergyFact(Struct, frozen=True):
    hospital: int
    code: str
    severity: str


class _Known(Struct, frozen=True):
    """The guarding row of one patient with the rows themselves, never their number: what a policy or a join
    hides is missing here and present in the stored count."""

    hospital: int
    patient: UUID
    constraint_count: int
    allergy_status: str
    uncoded_text: str | None
    admission: UUID | None
    was_admitted: bool
    weight_kg: Decimal | None
    weighed_at: datetime | None
    allergies: tuple[_AllergyFact, ...]
    orders: tuple[OrderFacts, ...]
    holds: tuple[HoldTimes, ...]
    flags: frozenset[str]
    feeds: tuple[FeedFact, ...]
    database_now: datetime


_KNOWN = f"""
    SELECT s.hospital, s.patient, s.constraint_count, s.allergy_status, s.uncoded_text,
           (SELECT a.id FROM admission a
             WHERE a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL
               AND EXISTS (SELECT FROM stay b WHERE b.hospital = a.hospital AND b.admission = a.id
                           AND b.ended_at IS NULL)) AS admission,
           (SELECT true FROM admission a WHERE a.hospital = s.hospital AND a.patient = s.patient LIMIT 1) IS NOT NULL
               AS was_admitted,
           w.value AS weight_kg, w.taken_at AS weighed_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', a.hospital, 'code', a.code,
                   'severity', a.severity) ORDER BY a.recorded_at, a.id), '[]')
              FROM allergy a
             WHERE a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL) AS allergies,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', o.hospital, 'admission', o.admission,
                   'status', o.status, 'codes', o.codes, 'food_level', o.food_level, 'drink_level', o.drink_level,
                   'limits', o.limits, 'prevails', o.prevails, 'start_at', o.start_at, 'end_at', o.end_at,
                   'signed_at', o.signed_at) ORDER BY o.signed_at, o.id), '[]')
              FROM diet_order o
             WHERE o.hospital = s.hospital AND o.patient = s.patient AND o.status = 'active') AS orders,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', n.hospital, 'start_at', n.start_at,
                   'end_at', n.end_at, 'set_at', n.set_at, 'cancelled_at', n.cancelled_at)
                   ORDER BY n.start_at DESC, n.id), '[]')
              FROM npo_hold n WHERE n.hospital = s.hospital AND n.patient = s.patient) AS holds,
           (SELECT coalesce(array_agg(c.kind), '{{}}') FROM care_flag c
             WHERE c.hospital = s.hospital AND c.patient = s.patient AND c.ended_at IS NULL) AS flags,
           {FEED_FACTS} AS feeds,
           clock_timestamp() AS database_now
    FROM patient_safety s
    LEFT JOIN LATERAL (SELECT m.value, m.taken_at FROM measurement m
        WHERE m.hospital = s.hospital AND m.patient = s.patient AND m.kind = 'weight_kg'
        ORDER BY m.taken_at DESC LIMIT 1) w ON true
    WHERE s.hospital = $1 AND s.patient = ANY($2)
"""  # noqa: S608  a constant of our own


def _facts(read: _Known, zone: str, ordered_by: str) -> PatientFacts:
    now = clock.now()
    current = [order for order in read.orders if order.admission == read.admission]
    level = [order for order in current if order.covers(now)]
    uncancelled = [hold for hold in read.holds if hold.cancelled_at is None]
    return PatientFacts(
        admission="active" if read.admission else "discharged" if read.was_admitted else "none",
        hospitals=_hospitals(read),
        allergy_status=read.allergy_status,
        allergies=tuple(Allergy(row.code, row.severity) for row in read.allergies),
        diets=tuple(fact for order in current for fact in order.facts()),
        holds=tuple(hold.fact() for hold in read.holds),
        weight_kg=read.weight_kg,
        weight_on=_day(read.weighed_at, zone),
        iddsi_food=_REGULAR_FOOD if any(order.food_level == _REGULAR_FOOD for order in level) else None,
        iddsi_drink=_one({order.drink_level for order in level if order.drink_level is not None}),
        ordered_by=ordered_by,
        own_limits=tightest(order.limits.own for order in level),
        uncoded_free_text=read.uncoded_text,
        active_constraint_count=read.constraint_count,
        rows_read=len(read.allergies) + len(read.orders) + len(uncancelled),
        clock_skew_s=Decimal(str((now - read.database_now).total_seconds())),
        flags=read.flags,
        feeds=tuple(feed.fact() for feed in read.feeds),
    )


def _hospitals(read: _Known) -> tuple[int, ...]:
    return tuple(sorted({read.hospital, *(row.hospital for some in _rows(read) for row in some)}))


def _rows(read: _Known) -> tuple[tuple[_AllergyFact | OrderFacts | HoldTimes | FeedFact, ...], ...]:
    return (read.allergies, read.orders, read.holds, read.feeds)


def _one(levels: set[int]) -> int | None:
    return _CONTRADICTORY if len(levels) > 1 else next(iter(levels), None)


def _day(moment: datetime | None, zone: str) -> date | None:
    return None if moment is None else clock.local_day(moment, zone)
