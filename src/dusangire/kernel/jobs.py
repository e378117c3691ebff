"""Jobs: work that happens later, in the worker, by SAQ on PostgreSQL.

A job may run twice: it does its effect once by a unique row of its own (`once`). Five tries with back-off.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from saq.queue.postgres import PostgresQueue

from dusangire.kernel.access import Actor, system
from dusangire.kernel.db import acting_as, execute
from dusangire.kernel.journal import Event

TRIES = 6
_DELAY_S = 2.0
_TIMEOUT_S = 30

Reaction = Callable[[Actor, Event], Awaitable[None]]
Chore = Callable[[Actor], Awaitable[None]]

_reactions: dict[str, Reaction] = {}
_chores: dict[str, Chore] = {}
_can_wait: set[str] = set()


def job(name: str, *, can_wait: bool = False) -> Callable[[Reaction], Reaction]:
    """Register a reaction to events under a name that `wiring` uses.

    can_wait: where much is to do it comes last; a telephone is asked for money before a mail goes out.
    """

    def register(function: Reaction) -> Reaction:
        _reactions[name] = function
        if can_wait:
            _can_wait.add(name)
        return function

    return register


def chore(name: str) -> Callable[[Chore], Chore]:
    """Register work that the clock starts, once per hospital."""

    def register(function: Chore) -> Chore:
        _chores[name] = function
        return function

    return register


def names() -> frozenset[str]:
    return frozenset(_reactions) | frozenset(_chores)


async def once(actor: Actor, key: str) -> bool:
    """Claim an effect inside the caller's transaction; False when it was already had."""
    return bool(
        await execute("INSERT INTO effect (hospital, key) VALUES ($1, $2) ON CONFLICT DO NOTHING", actor.hospital, key)
    )


async def run_reaction(_context: Any, *, job_name: str, event: dict[str, Any]) -> None:
    """SAQ's task for events: act as the program itself in the event's hospital."""
    happened = msgspec.convert(event, Event)
    actor = system(happened.hospital)
    with acting_as(actor):
        await _reactions[job_name](actor, happened)


async def run_chore(_context: Any, *, job_name: str, hospital: int, zone: str) -> None:
    """SAQ's task for the clock."""
    actor = system(hospital, zone)
    with acting_as(actor):
        await _chores[job_name](actor)


def make_queue(url: str) -> PostgresQueue:
    """Return the queue; its tables live in the schema `jobs`, which only the worker's role may use."""
    return PostgresQueue.from_url(
        url + ("&" if "?" in url else "?") + "options=" + quote("-c search_path=jobs"),
        name="dusangire",
        versions_table="saq_versions",
        jobs_table="saq_jobs",
        stats_table="saq_stats",
        min_size=1,
        max_size=6,
    )


async def enqueue_event(queue: PostgresQueue, job_name: str, key: str, event: Event) -> None:
    await queue.enqueue(
        "run_reaction",
        key=key,
        job_name=job_name,
        event=msgspec.to_builtins(event),
        priority=int(job_name in _can_wait),
        retries=TRIES,
        retry_delay=_DELAY_S,
        retry_backoff=60,
        timeout=_TIMEOUT_S,
    )


async def enqueue_chore(queue: PostgresQueue, job_name: str, key: str, hospital: int, zone: str) -> None:
    await queue.enqueue(
        "run_chore",
        key=key,
        job_name=job_name,
        hospital=hospital,
        zone=zone,
        retries=TRIES,
        retry_delay=_DELAY_S,
        retry_backoff=60,
        timeout=120,
    )
