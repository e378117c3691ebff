"""The order of work: what a person waits for at a bed or a telephone goes before what is only told."""

from uuid import uuid4

import pytest
from litestar import Litestar

from dusangire import wiring
from dusangire.kernel import clock, jobs
from dusangire.kernel.journal import Event
from dusangire.kernel.settings import settings
from tests.make import Make


@pytest.mark.req("J2")
async def test_a_telephone_is_asked_before_mails_that_have_waited_longer(app: Litestar, make: Make) -> None:
    wiring.load_jobs()
    event = Event(1, make.actor.hospital, "payment:created", "payment:1", None, "", "", {}, clock.now())
    queue = jobs.make_queue(settings().app_url())
    await queue.connect()
    try:
        for name in ("send_mail", "queue_fiscal", "ask_provider"):
            await jobs.enqueue_event(queue, name, f"{uuid4()}:{name}", event)
        taken = [await queue.dequeue(timeout=5) for _ in range(3)]
        for one in taken:
            assert one is not None
            await one.abort("taken by the test")
        assert [one.kwargs["job_name"] for one in taken if one and one.kwargs] == [
            "ask_provider", "send_mail", "queue_fiscal",
        ]  # fmt: skip
    finally:
        await queue.disconnect()
