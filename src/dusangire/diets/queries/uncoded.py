"""Reads of words about allergies that nobody has coded: what they name, and what was settled before."""

from datetime import datetime
from uuid import UUID

from dusangire.diets.queries.manual import manual
from dusangire.diets.queries.tasks import Task, open_tasks
from dusangire.diets.rules.naming import Term, Terms, named, terms
from dusangire.diets.rules.worklist import is_overdue
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value


async def vocabulary(actor: Actor) -> Terms:
    """Return the words that name an allergen or an ingredient of this hospital."""
    book = await manual(actor)
    return terms(book.groups, book.ingredients)


async def named_in(actor: Actor, words: str) -> tuple[Term, ...]:
    """Return what some free words name."""
    return named(words, await vocabulary(actor)) if words.strip() else ()


async def is_settled_before(actor: Actor, patient: UUID, words: str) -> bool:
    """Whether somebody has said within 30 days what these very words of this patient mean."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM event
                WHERE hospital = $1 AND about = $2 AND kind IN ('allergy:settled', 'allergy:coded')
                  AND position($3 IN facts ->> 'said') > 0 AND at > now() - interval '30 days')
            """,
            actor.hospital,
            f"patient:{patient}",
            words,
        )
    )


async def overdue(actor: Actor, now: datetime) -> list[Task]:
    """Return the open tasks that have waited longer than they may, the oldest first."""
    return [task for task in await open_tasks(actor) if is_overdue(task.kind, task.opened_at, now)]
