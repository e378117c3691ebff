"""What time alone brings about: orders and holds that are over, and patients whom nobody has ordered a diet for."""

from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.rules.prescribing import DIET_ORDER, OrderStatus, OrderVerb
from dusangire.diets.service.feed_clashes import FEED_ALLERGY
from dusangire.diets.service.holds import NO_DIET_ORDER, settle_holds
from dusangire.diets.service.orders import DRAFT_WAITS
from dusangire.diets.service.protocols import EndReason, end_protocol
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.service.writing import move
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record
from dusangire.wards import service as wards


async def keep_orders_in_step(actor: Actor) -> int:
    """Complete orders whose time is over and put on hold what a hold that is over has suspended; return how many.

    One transaction a patient. No verdict waits for this: the rules read the clock themselves.
    """
    moved = 0
    for patient in await queries.patients_to_settle(actor, clock.now()):
        moved += await complete_ended(actor, patient)
        moved += await settle_holds(actor, patient)
    return moved


async def find_patients_without_order(actor: Actor, patient: UUID | None = None) -> int:
    """Open a task for each in-patient without a diet order in force, and close those that have become needless.

    `patient` looks at one alone. Returns how many wait. Idempotent: an open task stays as it is.
    """
    lying = await queries.in_patients(actor) if patient is None else [patient]
    briefs = await queries.ward_diets(actor, lying)
    without = [one for one in lying if one in briefs and not briefs[one].codes]
    tasks = [task for task in await queries.open_tasks(actor) if task.kind == NO_DIET_ORDER]
    async with transaction():
        for one in without:
            await open_task(actor, NO_DIET_ORDER, patient=one)
        if patient is None:
            for task in tasks:
                if task.patient is not None and task.patient not in without:
                    await close_task(actor, NO_DIET_ORDER, patient=task.patient)
    return len(without)


async def complete_ended(actor: Actor, patient: UUID) -> int:
    """Mark the orders whose time is over as completed; return how many."""
    now = clock.now()
    async with transaction():
        await wards.lock(actor, patient)
        over = [
            row for row in await queries.active_orders(actor, patient) if row.end_at is not None and row.end_at <= now
        ]
        for row in over:
            await move(actor, row, OrderVerb.COMPLETE)
            await record(actor, "diet_order:completed", f"patient:{patient}", order=str(row.id), codes=row.codes)
        if over:
            await wards.changed(actor, patient, why="diet_order:completed")
    return len(over)


async def stop_at_discharge(actor: Actor, about: str) -> None:
    """End the diet orders of a patient who has left, in the transaction that ends the admission.

    `about` is `patient:<id>`; the lock, and raising the revision afterwards, are the caller's. A later admission starts
    without any order.
    """
    patient = UUID(about.partition(":")[2])
    left = [
        row
        for row in await queries.orders_of(actor, patient)
        if row.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, OrderStatus.DRAFT)
    ]
    for row in left:
        verb = OrderVerb.REVOKE if row.status == OrderStatus.DRAFT else OrderVerb.COMPLETE
        await move(actor, row, verb)
        await record(actor, f"diet_order:{DIET_ORDER.after(OrderStatus(row.status), verb)}", about, order=str(row.id))
    await end_protocol(actor, patient, EndReason.DISCHARGED)
    await close_task(actor, NO_DIET_ORDER, patient=patient)
    await close_task(actor, DRAFT_WAITS, patient=patient)
    await close_task(actor, FEED_ALLERGY, patient=patient)
