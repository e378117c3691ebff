"""Reads over many patients at once: boards, tickets, worklists. One statement each."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.rows import HoldTimes, OrderFacts
from dusangire.diets.rules import GROUPS
from dusangire.diets.rules.holds import fasting, fasts
from dusangire.diets.rules.orders import in_force
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch


class AllergyBrief(Struct, frozen=True):
    """One allergy as a board or a ticket names it."""

    code: str
    severity: str

    @property
    def is_group(self) -> bool:
        """Whether it is one of the 14 declared groups, which have words of their own."""
        return self.code in GROUPS


class DietBrief(Struct, frozen=True):
    """What a board or a ticket says of one patient's diet at this moment.

    `status`: fasting, not_asked (allergies), uncoded (an allergy nobody has coded), no_order, or ok.
    `next_fast` is the start of a hold to come, `procedure_at` the operation a fast is for; `fasting_until` is None
    while it lasts until released.
    """

    patient: UUID
    codes: tuple[str, ...]
    food_level: int | None
    drink_level: int | None
    allergies: tuple[AllergyBrief, ...]
    allergy_status: str
    uncoded_text: str | None
    is_fasting: bool
    fasting_since: datetime | None
    fasting_until: datetime | None
    next_fast: datetime | None
    status: str
    procedure_at: datetime | None = None

    @property
    def worst(self) -> str | None:
        """The severity of the most dangerous allergy; None without any."""
        found = {allergy.severity for allergy in self.allergies}
        return next((severity for severity in _WORST_FIRST if severity in found), None)


_WORST_FIRST = ("anaphylaxis", "severe", "moderate", "intolerance")


class _Hold(HoldTimes, frozen=True, kw_only=True):
    procedure_at: datetime | None


class _Known(Struct, frozen=True):
    patient: UUID
    admission: UUID | None
    allergy_status: str
    uncoded_text: str | None
    allergies: tuple[AllergyBrief, ...]
    orders: tuple[OrderFacts, ...]
    holds: tuple[_Hold, ...]


async def ward_diets(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, DietBrief]:
    """Return what boards and tickets say of each patient, by patient id. One statement, however many patients."""
    ids = list(dict.fromkeys(patients))
    if not ids:
        return {}
    now = clock.now()
    return {row.patient: _brief(row, now) for row in await fetch(_Known, _KNOWN, actor.hospital, ids)}


_KNOWN = """
    SELECT s.patient, s.allergy_status, s.uncoded_text,
           (SELECT d.id FROM admission d
             WHERE d.hospital = s.hospital AND d.patient = s.patient AND d.ended_at IS NULL) AS admission,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('code', a.code, 'severity', a.severity)
                   ORDER BY a.recorded_at, a.id), '[]')
              FROM allergy a
             WHERE a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL) AS allergies,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', o.hospital, 'admission', o.admission,
                   'status', o.status, 'codes', o.codes, 'food_level', o.food_level, 'drink_level', o.drink_level,
                   'limits', o.limits, 'prevails', o.prevails, 'start_at', o.start_at, 'end_at', o.end_at,
                   'signed_at', o.signed_at) ORDER BY o.signed_at, o.id), '[]')
              FROM diet_order o
             WHERE o.hospital = s.hospital AND o.patient = s.patient AND o.status = 'active') AS orders,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', n.hospital, 'start_at', n.start_at,
                   'end_at', n.end_at, 'set_at', n.set_at, 'cancelled_at', n.cancelled_at,
                   'procedure_at', n.procedure_at) ORDER BY n.start_at, n.id), '[]')
              FROM npo_hold n WHERE n.hospital = s.hospital AND n.patient = s.patient) AS holds
    FROM patient_safety s WHERE s.hospital = $1 AND s.patient = ANY($2)
"""


def _brief(row: _Known, now: datetime) -> DietBrief:
    held = fasts((hold.fact() for hold in row.holds), now)[0]
    orders = [one for one in row.orders if one.admission == row.admission and in_force(one.facts(), held, now, now)]
    running = [fast for fast in held if fast.start <= now and (fast.end is None or fast.end > now)]
    ends = [fast.end for fast in running]
    is_fasting = fasting(held, now, now)
    return DietBrief(
        patient=row.patient,
        codes=tuple(dict.fromkeys(code for order in orders for code in order.codes)),
        food_level=min((order.food_level for order in orders if order.food_level is not None), default=None),
        drink_level=max((order.drink_level for order in orders if order.drink_level is not None), default=None),
        allergies=row.allergies,
        allergy_status=row.allergy_status,
        uncoded_text=row.uncoded_text,
        is_fasting=is_fasting,
        fasting_since=min((fast.start for fast in running), default=None),
        fasting_until=None if None in ends else max((end for end in ends if end is not None), default=None),
        next_fast=min((fast.start for fast in held if fast.start > now), default=None),
        procedure_at=_procedure(row.holds, now) if is_fasting else None,
        status=_status(row, has_order=bool(orders), is_fasting=is_fasting),
    )


def _procedure(holds: Iterable[_Hold], now: datetime) -> datetime | None:
    """Return the operation that comes first among the holds that run."""
    running = [one for one in holds if one.cancelled_at is None and one.start_at <= now]
    planned = [one.procedure_at for one in running if one.procedure_at and (one.end_at is None or one.end_at > now)]
    return min(planned, default=None)


def _status(first: _Known, *, has_order: bool, is_fasting: bool) -> str:
    if is_fasting:
        return "fasting"
    if not has_order:
        return "no_order"
    if first.uncoded_text:
        return "uncoded"
    return "not_asked" if first.allergy_status == "not_asked" else "ok"


class _Patient(Struct, frozen=True):
    patient: UUID


async def in_patients(actor: Actor) -> list[UUID]:
    """Return everybody who is admitted."""
    rows = await fetch(
        _Patient,
        "SELECT patient FROM admission WHERE hospital = $1 AND ended_at IS NULL ORDER BY started_at, id",
        actor.hospital,
    )
    return [row.patient for row in rows]


async def patients_to_settle(actor: Actor, now: datetime) -> list[UUID]:
    """Return the patients with an active order that is over, or that a hold which is over may have suspended."""
    rows = await fetch(
        _Patient,
        """
        SELECT DISTINCT o.patient FROM diet_order o
        WHERE o.hospital = $1 AND o.status = 'active' AND (
            o.end_at <= $2 OR EXISTS (
                SELECT FROM npo_hold n WHERE n.hospital = o.hospital AND n.patient = o.patient
                   AND greatest(n.start_at, n.set_at) > o.signed_at
                   AND (n.cancelled_at IS NULL OR n.cancelled_at >= n.start_at)
                   AND least(n.end_at, n.cancelled_at) <= $2
                   AND o.start_at < least(n.end_at, n.cancelled_at)))
        """,
        actor.hospital,
        now,
    )
    return [row.patient for row in rows]
