"""What the help desk does: close what it has answered."""

from uuid import UUID

from dusangire.diets import queries as diets
from dusangire.diets import service as tasks
from dusangire.kernel.access import Actor
from dusangire.kernel.errors import NotHere
from dusangire.support.rules import PATIENT_REPORT


async def answer(actor: Actor, task: UUID) -> None:
    """Close a patient's report. Raises NotHere for one that is closed, somebody else's, or not the help desk's."""
    if (await diets.task(actor, task)).kind != PATIENT_REPORT:
        raise NotHere
    await tasks.finish_task(actor, task)
