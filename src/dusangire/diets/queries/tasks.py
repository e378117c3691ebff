"""Reads of the work that waits for somebody."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules.worklist import ENDS_WITH_ITS_CAUSE
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere


class Task(Struct, frozen=True):
    """One thing to do; `about` names the thing (`order:<id>`), `facts` may carry its own `link`."""

    id: UUID
    kind: str
    patient: UUID | None
    about: str
    facts: dict[str, Any]
    opened_at: datetime

    @property
    def said(self) -> str:
        """The words behind it, '' where there are none."""
        return str(self.facts.get("said") or self.facts.get("words") or self.facts.get("code") or "")

    @property
    def ends_with_its_cause(self) -> bool:
        """Whether no button closes it."""
        return self.kind in ENDS_WITH_ITS_CAUSE

    @property
    def link(self) -> str:
        """Where the work is done."""
        if "link" in self.facts:
            return str(self.facts["link"])
        if self.kind == "uncoded_allergy" and self.patient:
            return f"/health-profiles/{self.patient}/uncoded"
        thing, _, number = self.about.partition(":")
        if thing == "diet_order" and self.kind == "draft_waits":
            return f"/health-profiles/{self.patient}/diet-order?draft={number}"
        return f"/health-profiles/{self.patient}" if self.patient else "/nutritionist/"


_TASK = "SELECT id, kind, patient, about, facts, opened_at FROM task WHERE hospital = $1 AND done_at IS NULL"


async def open_tasks(actor: Actor, patient: UUID | None = None) -> list[Task]:
    """Return the open tasks of the hospital, or of one patient, the oldest first."""
    if patient is None:
        return await fetch(Task, _TASK + " ORDER BY opened_at, id LIMIT 500", actor.hospital)
    return await fetch(Task, _TASK + " AND patient = $2 ORDER BY opened_at, id", actor.hospital, patient)


async def task(actor: Actor, task_id: UUID) -> Task:
    """Return one open task. Raises NotHere."""
    found = await fetch_one(Task, _TASK + " AND id = $2", actor.hospital, task_id)
    if found is None:
        raise NotHere
    return found
