"""Reads of one patient's diet: orders, holds and allergies. Never cached."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from dusangire.diets.queries.rows import AllergyRow, DietOrderRow, HoldRow, Safety
from dusangire.diets.rules.holds import Fast, fasting, fasts, is_suspended
from dusangire.diets.rules.orders import in_force
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere

_SAFETY = """
    SELECT s.hospital, s.patient, s.safety_rev, s.constraint_count, s.allergy_status, s.allergies_asked_at,
           u.name AS asked_by_name, s.uncoded_text,
           (SELECT a.id FROM admission a
             WHERE a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL) AS admission,
           EXISTS (SELECT FROM admission a WHERE a.hospital = s.hospital AND a.patient = s.patient) AS was_admitted,
           w.value AS weight_kg, w.taken_at AS weighed_at, t.value AS height_cm, t.taken_at AS measured_at,
           clock_timestamp() AS database_now
    FROM patient_safety s
    LEFT JOIN app_user u ON u.id = s.allergies_asked_by
    LEFT JOIN LATERAL (SELECT m.value, m.taken_at FROM measurement m
        WHERE m.hospital = s.hospital AND m.patient = s.patient AND m.kind = 'weight_kg'
        ORDER BY m.taken_at DESC LIMIT 1) w ON true
    LEFT JOIN LATERAL (SELECT m.value, m.taken_at FROM measurement m
        WHERE m.hospital = s.hospital AND m.patient = s.patient AND m.kind = 'height_cm'
        ORDER BY m.taken_at DESC LIMIT 1) t ON true
    WHERE s.hospital = $1 AND s.patient = $2
"""


async def safety(actor: Actor, patient: UUID) -> Safety:
    """Return the patient's guarding row. Raises NotHere."""
    found = await fetch_one(Safety, _SAFETY, actor.hospital, patient)
    if found is None:
        raise NotHere
    return found


async def allergies(actor: Actor, patient: UUID, *, ended: bool = False) -> list[AllergyRow]:
    """Return the patient's open allergies, oldest first; `ended` returns the ones that were ended instead."""
    return await fetch(
        AllergyRow,
        """
        SELECT a.id, a.hospital, a.patient, a.code, a.severity, a.note, a.recorded_by,
               coalesce(u.name, '') AS recorded_by_name, a.recorded_at, a.ended_at, a.end_reason
        FROM allergy a LEFT JOIN app_user u ON u.id = a.recorded_by
        WHERE a.hospital = $1 AND a.patient = $2 AND (a.ended_at IS NOT NULL) = $3
        ORDER BY a.recorded_at, a.id
        """,
        actor.hospital,
        patient,
        ended,
    )


ORDER = """
    SELECT o.id, o.hospital, o.patient, o.admission, o.status, o.codes, o.food_level, o.drink_level, o.limits,
           o.prevails, o.reason, o.start_at, o.end_at, o.revision, o.replaces, o.drafted_by, coalesce(d.name, '')
           AS drafted_by_name, o.drafted_at, o.signed_by, s.name AS signed_by_name, o.signed_at, o.is_under_protocol,
           e.name AS ended_by_name, o.ended_at
    FROM diet_order o
    LEFT JOIN app_user d ON d.id = o.drafted_by
    LEFT JOIN app_user s ON s.id = o.signed_by
    LEFT JOIN app_user e ON e.id = o.ended_by
    WHERE o.hospital = $1
"""


async def active_orders(actor: Actor, patient: UUID) -> list[DietOrderRow]:
    """Return every order with the status "active", whatever its dates."""
    return await fetch(
        DietOrderRow,
        ORDER + " AND o.patient = $2 AND o.status = 'active' ORDER BY o.signed_at, o.id",
        actor.hospital,
        patient,
    )


async def orders_of(actor: Actor, patient: UUID) -> list[DietOrderRow]:
    """Return all of a patient's diet orders, drafts and ended ones included, the latest first."""
    return await fetch(
        DietOrderRow, ORDER + " AND o.patient = $2 ORDER BY o.drafted_at DESC, o.id DESC", actor.hospital, patient
    )


async def diet_order(actor: Actor, patient: UUID, order: UUID) -> DietOrderRow:
    """Return one order of this patient. Raises NotHere."""
    found = await fetch_one(DietOrderRow, ORDER + " AND o.patient = $2 AND o.id = $3", actor.hospital, patient, order)
    if found is None:
        raise NotHere
    return found


async def diet_now(actor: Actor, patient: UUID) -> list[DietOrderRow]:
    """Return the orders in force at this moment: signed, begun, not over, and not suspended by a hold."""
    known = await safety(actor, patient)
    now = clock.now()
    ended_holds = fasts((hold.fact() for hold in await holds(actor, patient)), now)[0]
    active = await active_orders(actor, patient)
    return [order for order in active if order.admission == known.admission and is_in_force(order, ended_holds, now)]


async def holds(actor: Actor, patient: UUID) -> list[HoldRow]:
    """Return all of a patient's holds, the latest first; cancelled ones may still have suspended an order."""
    return await fetch(
        HoldRow,
        """
        SELECT n.id, n.hospital, n.patient, n.reason, n.start_at, n.end_at, coalesce(u.name, '') AS set_by_name,
               n.set_at, n.cancelled_at, c.name AS cancelled_by_name, n.procedure_at, n.extended_at
        FROM npo_hold n LEFT JOIN app_user u ON u.id = n.set_by LEFT JOIN app_user c ON c.id = n.cancelled_by
        WHERE n.hospital = $1 AND n.patient = $2 ORDER BY n.start_at DESC, n.id
        """,
        actor.hospital,
        patient,
    )


def is_in_force(order: DietOrderRow, held: Iterable[Fast], now: datetime) -> bool:
    """Whether an order feeds the patient at this moment."""
    return bool(in_force(order.facts(), held, now, now))


def suspended(orders: Iterable[DietOrderRow], held: Iterable[HoldRow], now: datetime) -> list[DietOrderRow]:
    """Return the active orders that a hold, over by now, has suspended."""
    over = fasts((hold.fact() for hold in held), now)[0]
    return [order for order in orders if any(is_suspended(fact, over, now) for fact in order.facts())]


def is_fasting(held: Iterable[HoldRow], now: datetime) -> bool:
    """Whether nothing may be eaten at this moment."""
    return fasting(fasts((hold.fact() for hold in held), now)[0], now, now)


async def drafts(actor: Actor) -> list[DietOrderRow]:
    """Return every draft of the hospital that waits for a signature, the oldest first."""
    return await fetch(DietOrderRow, ORDER + " AND o.status = 'draft' ORDER BY o.drafted_at, o.id", actor.hospital)
