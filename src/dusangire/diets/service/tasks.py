"""Work that waits for somebody: opened once, closed once."""

from typing import Any
from uuid import UUID

import msgspec

from dusangire.diets import queries
from dusangire.diets.rules.worklist import ENDS_WITH_ITS_CAUSE
from dusangire.diets.tables import Task
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record


async def open_task(
    actor: Actor, kind: str, *, patient: UUID | None = None, about: str = "", **facts: Any
) -> UUID | None:
    """Open a task unless the same one is open; return its id, None where it was there already.

    Joins the caller's transaction. `facts` are small: ids, codes, and perhaps a `link`.
    """
    made = uuid7()
    async with transaction():
        inserted = await (
            Task.insert(
                Task(
                    id=made,
                    hospital=actor.hospital,
                    kind=kind,
                    patient=patient,
                    about=about,
                    facts=msgspec.json.encode(facts).decode(),
                    opened_at=clock.now(),
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(Task.id)
        )
        if not inserted:
            return None
        await record(actor, "task:opened", f"task:{made}", also=_bells(patient), task=kind)
    return made


async def close_task(actor: Actor, kind: str, *, patient: UUID | None = None, about: str | None = None) -> int:
    """Close the open tasks of a kind, of one patient and about one thing where these are named; return how many."""
    open_ones = (mine(Task, actor)) & (Task.kind == kind) & Task.done_at.is_null()
    if patient is not None:
        open_ones = open_ones & (Task.patient == patient)
    if about is not None:
        open_ones = open_ones & (Task.about == about)
    async with transaction():
        closed = (
            await Task.update({Task.done_at: clock.now(), Task.done_by: actor.user}).where(open_ones).returning(Task.id)
        )
        for row in closed:
            await record(actor, "task:done", f"task:{row['id']}", also=_bells(patient), task=kind)
    return len(closed)


async def finish_task(actor: Actor, task_id: UUID) -> None:
    """Close one task by hand. Raises NotHere where it is closed already, Refusal where it ends only with its cause."""
    task = await queries.task(actor, task_id)
    if task.kind in ENDS_WITH_ITS_CAUSE:
        raise Refusal("uncoded.ends_itself")
    async with transaction():
        closed = (
            await Task.update({Task.done_at: clock.now(), Task.done_by: actor.user})
            .where(mine(Task, actor), Task.id == task_id, Task.done_at.is_null())
            .returning(Task.id)
        )
        if not closed:
            raise NotHere
        await record(actor, "task:done", f"task:{task_id}", also=_bells(task.patient), task=task.kind)


def _bells(patient: UUID | None) -> list[str]:
    return [] if patient is None else [f"patient:{patient}"]
