"""Trays, payments and events of a day, written straight into their tables so that a test knows every number."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, transaction
from dusangire.kernel.ids import short_code, token, uuid7
from dusangire.kernel.journal import record
from dusangire.orders.tables import MealOrder
from dusangire.payments.tables import Payment
from tests.make import Make
from tests.unguarded import rewrite


async def tray(
    make: Make,
    patient: Actor,
    *,
    status: str = "confirmed",
    period: str = "lunch",
    day: date | None = None,
    serve_to: datetime | None = None,
    handed_over: datetime | None = None,
    total: int = 2800,
    **facts: Any,
) -> UUID:
    """One tray, in whatever state the test wants to count."""
    made, now = uuid7(), clock.now()
    until = serve_to or now + timedelta(hours=2)
    with acting_as(make.actor):
        admission = await admission_of(patient)
        await MealOrder.insert(
            MealOrder(
                id=made,
                hospital=make.actor.hospital,
                code="K" + short_code(7),
                tray_token=token(),
                patient=patient.patient,
                admission=admission,
                day=day or clock.local_day(now, make.actor.zone),
                period=period,
                serve_from=until - timedelta(hours=1),
                serve_to=until,
                cutoff_at=until - timedelta(hours=3),
                status="in_review",
                items_minor=total,
                total_minor=total,
                placed_by=patient.user,
                placed_as="patient",
                delivered_at=handed_over,
                **facts,
            )
        )
    await rewrite("UPDATE meal_order SET status = $2 WHERE id = $1", made, status)
    return made


async def admission_of(patient: Actor) -> UUID:
    from dusangire.wards.tables import Admission

    rows = await Admission.select(Admission.id).where(
        Admission.hospital == patient.hospital, Admission.patient == patient.patient, Admission.ended_at.is_null()
    )
    return rows[0]["id"]


async def payment(make: Make, order: UUID, *, method: str = "cash", state: str = "paid", amount: int = 2800) -> None:
    with acting_as(make.actor):
        await Payment.insert(
            Payment(
                id=uuid7(),
                hospital=make.actor.hospital,
                meal_order=order,
                subject=order,
                method=method,
                state=state,
                amount_minor=amount,
            )
        )


async def blocked(make: Make, by: Actor, rule: str, dish: str = "BNS") -> None:
    with acting_as(make.actor):
        async with transaction():
            await record(by, "order:blocked", f"patient:{by.patient}", rule=rule, dish=dish, answer="block")
