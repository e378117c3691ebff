"""What time alone brings about: orders and holds that are over, and patients whom nobody has ordered a diet for."""

from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.service.holds import NO_DIET_ORDER, settle_holds
from dusangire.diets.service.orders import complete_ended
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction


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
