"""The worker: relays events to jobs, runs them, and starts what the clock asks for."""

import asyncio
import contextlib
import logging
import signal
from datetime import datetime
from typing import Any

import asyncpg
import psycopg
from saq.queue.postgres import PostgresQueue
from saq.worker import Worker

from dusangire import wiring
from dusangire.accounts import queries as accounts
from dusangire.kernel import clock, jobs, journal
from dusangire.kernel.db import address, close_pool, connection, open_pool
from dusangire.kernel.guards import broken, refuse_unguarded
from dusangire.kernel.settings import settings

log = logging.getLogger("dusangire.worker")
_POLL_S = 1.0
_WATCH_S = 30
_PASSING = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, psycopg.Error)


async def run() -> None:
    """Work until told to stop; a lost database is waited for."""
    wiring.install()
    wiring.load_jobs()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not stop.is_set():
        try:
            await open_pool(settings().app_url(), 4, statement_timeout="30000")
            await _work(stop)
        except _PASSING as error:
            log.warning("worker waits for the database: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
    await close_pool()


async def _work(stop: asyncio.Event) -> None:
    async with connection() as conn:
        await refuse_unguarded(conn)
    queue = jobs.make_queue(settings().app_url())
    worker: Worker[Any] = Worker(
        queue,
        [("run_reaction", jobs.run_reaction), ("run_chore", jobs.run_chore)],
        concurrency=4,
        timers={"sweep": 5, "schedule": 1, "worker_info": 10, "abort": 1},
        dequeue_timeout=2,
        shutdown_grace_period_s=2,
        cancellation_hard_deadline_s=1,
    )
    tasks: list[asyncio.Task[Any]] = []
    try:
        await queue.connect()
        tasks += [
            asyncio.create_task(one)
            for one in (worker.start(), relay_for_ever(queue), _keep_time(queue), _watch_guards(), stop.wait())
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        stop.set()  # SAQ hears the signal itself, and its worker then ends
    finally:
        await worker.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await queue.pool.close()


async def relay_for_ever(queue: PostgresQueue) -> None:
    """Hand events to jobs as they are committed: woken by NOTIFY, and each second in any case."""
    woken = asyncio.Event()
    ear = await asyncpg.connect(**address(settings().app_url()))
    await ear.add_listener(journal.CHANNEL, lambda *_: woken.set())
    try:
        while True:
            woken.clear()
            while await journal.relay(
                wiring.REACTIONS, lambda job, key, event: jobs.enqueue_event(queue, job, key, event)
            ):
                pass
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _POLL_S)
    finally:
        ear.terminate()


async def _watch_guards() -> None:
    """Say loudly, each half minute, what the database has lost of its own controls."""
    while True:
        async with connection() as conn:
            lost = await broken(conn)
        if lost:
            log.critical("the database's guards are broken: %s", ", ".join(lost))
        await asyncio.sleep(_WATCH_S)


async def _keep_time(queue: PostgresQueue) -> None:
    """Start each chore once per its period and hospital, whichever worker gets there first."""
    while True:
        now = clock.now()
        hospitals = await accounts.hospitals()
        for work in wiring.CHORES:
            for hospital in hospitals:
                await jobs.enqueue_chore(queue, work.job, _key(work, hospital.id, now), hospital.id, hospital.zone)
        await asyncio.sleep(min((work.every_s for work in wiring.CHORES), default=60))


def _key(work: wiring.Clockwork, hospital: int, now: datetime) -> str:
    return f"{work.job}:{hospital}:{int(now.timestamp()) // work.every_s}"
