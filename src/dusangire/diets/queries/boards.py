"""Reads over many patients at once: boards, tickets, worklists. At most three statements each."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.patients import ORDER, is_in_force
from dusangire.diets.queries.rows import DietOrderRow
from dusangire.diets.rules import GROUPS, HoldFacts
from dusangire.diets.rules.holds import Fast, fasting, fasts
from dusangire.diets.rules.prescribing import hold_fact
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
    `next_fast` is the start of a hold to come; `fasting_until` is None while it lasts until released.
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

    @property
    def worst(self) -> str | None:
        """The severity of the most dangerous allergy; None without any."""
        found = {allergy.severity for allergy in self.allergies}
        return next((severity for severity in _WORST_FIRST if severity in found), None)


_WORST_FIRST = ("anaphylaxis", "severe", "moderate", "intolerance")


class _SafetyAllergy(Struct, frozen=True):
    patient: UUID
    admission: UUID | None
    allergy_status: str
    uncoded_text: str | None
    code: str | None
    severity: str | None


class _Hold(Struct, frozen=True):
    patient: UUID
    start_at: datetime
    end_at: datetime | None
    set_at: datetime
    cancelled_at: datetime | None


async def ward_diets(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, DietBrief]:
    """Return what boards and tickets say of each patient, by patient id. Three statements, however many patients."""
    ids = list(dict.fromkeys(patients))
    if not ids:
        return {}
    now = clock.now()
    safety = await _safety(actor, ids)
    orders = await _orders(actor, ids)
    held = await _holds(actor, ids)
    return {patient: _brief(rows, orders[patient], held[patient], now) for patient, rows in safety.items()}


async def _safety(actor: Actor, ids: list[UUID]) -> dict[UUID, list[_SafetyAllergy]]:
    rows = await fetch(
        _SafetyAllergy,
        """
        SELECT s.patient, d.id AS admission, s.allergy_status, s.uncoded_text, a.code, a.severity
        FROM patient_safety s
        LEFT JOIN admission d ON d.hospital = s.hospital AND d.patient = s.patient AND d.ended_at IS NULL
        LEFT JOIN allergy a ON a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL
        WHERE s.hospital = $1 AND s.patient = ANY($2) ORDER BY a.recorded_at, a.id
        """,
        actor.hospital,
        ids,
    )
    found: dict[UUID, list[_SafetyAllergy]] = defaultdict(list)
    for row in rows:
        found[row.patient].append(row)
    return found


async def _orders(actor: Actor, ids: list[UUID]) -> dict[UUID, list[DietOrderRow]]:
    rows = await fetch(
        DietOrderRow,
        ORDER + " AND o.patient = ANY($2) AND o.status = 'active' ORDER BY o.signed_at, o.id",
        actor.hospital,
        ids,
    )
    found: dict[UUID, list[DietOrderRow]] = defaultdict(list)
    for row in rows:
        found[row.patient].append(row)
    return found


async def _holds(actor: Actor, ids: list[UUID]) -> dict[UUID, tuple[Fast, ...]]:
    rows = await fetch(
        _Hold,
        """
        SELECT patient, start_at, end_at, set_at, cancelled_at FROM npo_hold
        WHERE hospital = $1 AND patient = ANY($2)
        """,
        actor.hospital,
        ids,
    )
    by_patient: dict[UUID, list[HoldFacts]] = defaultdict(list)
    for row in rows:
        by_patient[row.patient].append(hold_fact(row.start_at, row.end_at, row.set_at, row.cancelled_at))
    now = clock.now()
    found: dict[UUID, tuple[Fast, ...]] = defaultdict(tuple)
    found.update({patient: fasts(some, now)[0] for patient, some in by_patient.items()})
    return found


def _brief(rows: list[_SafetyAllergy], active: list[DietOrderRow], held: tuple[Fast, ...], now: datetime) -> DietBrief:
    first = rows[0]
    orders = [order for order in active if order.admission == first.admission and is_in_force(order, held, now)]
    running = [fast for fast in held if fast.start <= now and (fast.end is None or fast.end > now)]
    ends = [fast.end for fast in running]
    is_fasting = fasting(held, now, now)
    return DietBrief(
        patient=first.patient,
        codes=tuple(dict.fromkeys(code for order in orders for code in order.codes)),
        food_level=min((order.food_level for order in orders if order.food_level is not None), default=None),
        drink_level=max((order.drink_level for order in orders if order.drink_level is not None), default=None),
        allergies=tuple(AllergyBrief(row.code, row.severity) for row in rows if row.code and row.severity),
        allergy_status=first.allergy_status,
        uncoded_text=first.uncoded_text,
        is_fasting=is_fasting,
        fasting_since=min((fast.start for fast in running), default=None),
        fasting_until=None if None in ends else max((end for end in ends if end is not None), default=None),
        next_fast=min((fast.start for fast in held if fast.start > now), default=None),
        status=_status(first, has_order=bool(orders), is_fasting=is_fasting),
    )


def _status(first: _SafetyAllergy, *, has_order: bool, is_fasting: bool) -> str:
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
