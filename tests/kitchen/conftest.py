"""A tray of today's, ready to be cooked, and what the people around it do."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.orders import queries, service
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, Verb
from tests.make import Make
from tests.orders.conftest import Bedside, _wired, bedside
from tests.unguarded import rewrite

__all__ = ["Bedside", "Tray", "_wired", "bedside"]

Tray = Callable[..., Awaitable[Ticket]]
_WAY = (Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER)


@pytest.fixture
async def cook(make: Make) -> Actor:
    return await make.user("Second Cook", Role.KITCHEN)


@pytest.fixture
def tray(make: Make, bedside: Bedside, didier: Actor) -> Tray:
    """Order a lunch, serve it today whatever the hour of the run, and bring it to a state of the kitchen."""

    async def served(
        *dishes: str, status: Status = Status.CONFIRMED, of: Bedside | None = None, in_minutes: int = 90, **changes: Any
    ) -> Ticket:
        order = await (of or bedside).order(*(dishes or ("CHK-STW", "POT-BLD")), **changes)
        with acting_as(make.actor):
            await rewrite(
                """
                UPDATE meal_order SET day = $3, serve_from = now() + make_interval(mins => $4 - 30),
                    serve_to = now() + make_interval(mins => $4) WHERE hospital = $1 AND id = $2
                """,
                make.actor.hospital,
                order.id,
                clock.local_day(clock.now(), make.actor.zone),
                in_minutes,
            )
            for verb in _WAY:
                if (await queries.order(didier, order.id)).status is status:
                    break
                await service.advance(didier, order.id, verb)
            return await queries.ticket(didier, order.id)

    return served
