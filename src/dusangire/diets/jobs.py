"""What happens later: a task for every patient without a diet order, and orders kept in step with the clock."""

from uuid import UUID

from dusangire.diets import service
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event


@job("task_no_diet_order")
async def task_no_diet_order(actor: Actor, event: Event) -> None:
    """On `admission:started`: tell the ward that no meal can be sent before somebody signs a diet. Idempotent."""
    await service.find_patients_without_order(actor, UUID(event.about.partition(":")[2]))


@chore("tasks_no_diet_order")
async def tasks_no_diet_order(actor: Actor) -> None:
    """Each minute: the same for everybody, after what time alone has ended."""
    await service.keep_orders_in_step(actor)
    await service.find_patients_without_order(actor)
