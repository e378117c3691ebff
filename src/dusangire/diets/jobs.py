"""What happens later: a task for every patient without a diet order, and orders kept in step with the clock."""

from uuid import UUID

from dusangire.diets import service
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event


@job("task_no_diet_order")
async def task_no_diet_order(actor: Actor, event: Event) -> None:
    """On `admission:started`: tell the ward that no meal can be sent before somebody signs a diet. Idempotent."""
    await service.find_patients_without_order(actor, UUID(event.about.partition(":")[2]))


@chore("press_for_overdue")
async def press_for_overdue(actor: Actor) -> None:
    """Each minute: who waits too long for an allergy to be coded is told of, once; seconds nobody needs are closed."""
    await service.press_for_overdue(actor, clock.now())
    await service.close_needless_seconds(actor)


@chore("tasks_no_diet_order")
async def tasks_no_diet_order(actor: Actor) -> None:
    """Each minute: the same for everybody, after what time alone has ended."""
    await service.keep_orders_in_step(actor)
    await service.find_patients_without_order(actor)


@job("prompt_new_diet")
async def prompt_new_diet(actor: Actor, event: Event) -> None:
    """On `diet_order:on_hold`: ask the doctors of the ward for a new diet. Told once for each suspended order."""
    await service.prompt_prescribers(actor, UUID(event.about.partition(":")[2]), UUID(event.facts["order"]))


@chore("review_long_diets")
async def review_long_diets(actor: Actor) -> None:
    """Every ten minutes: a task for each diet that lasts longer than the manual lets it."""
    await service.review_long_diets(actor, clock.now())
