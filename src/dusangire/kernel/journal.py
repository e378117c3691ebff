"""The journal: one row is the audit entry, the outbox and the bell.

`record` runs inside the caller's transaction, so what happened and the news of it are one commit.
`relay` hands committed events to the jobs that react to them, any number of times at least once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.access import NOBODY, Actor
from dusangire.kernel.db import door, fetch, fetch_one, in_transaction, notify_after

CHANNEL = "dusangire_bell"


class Event(Struct, frozen=True):
    """One thing that happened. Facts are small, and hold ids and codes rather than people's data."""

    id: int
    hospital: int
    kind: str
    about: str
    actor: UUID | None
    actor_role: str
    actor_name: str
    facts: dict[str, Any]
    at: datetime


class _New(Struct, frozen=True):
    id: int


# What must follow in the very same commit, as `wiring` names it: holding the open trays of a changed patient.
AtOnce = Callable[[Actor, str], Awaitable[None]]
AT_ONCE: dict[str, tuple[AtOnce, ...]] = {}


async def record(actor: Actor, kind: str, about: str, *, also: Sequence[str] = (), **facts: Any) -> int:
    """Write one event and ring its bells; both take effect when the caller's transaction commits.

    kind: `thing:now_what` (`order:ready`); about: `thing:<id>`. The bells are the thing itself, its shelf
    (`<hospital>:orders`) and whatever `also` names. Reactions in AT_ONCE run before this returns.
    Returns the event's id.
    """
    if not in_transaction():
        raise RuntimeError(f"{kind} was recorded outside a transaction")
    shelf = f"{actor.hospital}:{kind.partition(':')[0]}s"
    bells = list(dict.fromkeys([about, shelf, *also]))
    row = await fetch_one(
        _New,
        """
        INSERT INTO event (hospital, kind, about, actor, actor_role, actor_name, facts, bells)
        VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8) RETURNING id
        """,
        actor.hospital,
        kind,
        about,
        None if actor.user == NOBODY else actor.user,
        actor.role.value,
        actor.name,
        msgspec.json.encode(facts).decode(),
        bells,
    )
    assert row is not None  # noqa: S101  INSERT … RETURNING of one row
    notify_after(CHANNEL, f"{row.id} {' '.join(bells)}")
    for react in AT_ONCE.get(kind, ()):
        await react(actor, about)
    return row.id


async def history(actor: Actor, about: str) -> list[Event]:
    """Return everything that happened to one thing, oldest first, with who did it and when."""
    return await fetch(
        Event,
        """
        SELECT id, hospital, kind, about, actor, actor_role, actor_name, facts, at
        FROM event WHERE hospital = $1 AND about = $2 ORDER BY id
        """,
        actor.hospital,
        about,
    )


Enqueue = Callable[[str, str, Event], Awaitable[None]]


async def relay(reactions: Mapping[str, Sequence[str]], enqueue: Enqueue, batch: int = 200) -> int:
    """Hand up to `batch` committed, unrelayed events to their jobs and mark them; return how many.

    Rows are taken FOR UPDATE SKIP LOCKED, so any number of workers may relay. A crash between enqueue and
    commit hands an event over twice: jobs are idempotent by a row of their own, keyed `<event id>:<job>`.
    """
    async with door("dus_relay"):
        events = await fetch(
            Event,
            """
            SELECT id, hospital, kind, about, actor, actor_role, actor_name, facts, at
            FROM event WHERE relayed_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
            """,
            batch,
        )
        for event in events:
            for job in reactions.get(event.kind, ()):
                await enqueue(job, f"{event.id}:{job}", event)
        if events:
            await fetch(
                _New,
                "UPDATE event SET relayed_at = clock_timestamp() WHERE id = ANY($1::bigint[]) RETURNING id",
                [event.id for event in events],
            )
    return len(events)
