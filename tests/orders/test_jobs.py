"""News of a tray: the confirmation reaches inbox and mail once, each step the inbox."""

import pytest

from dusangire.kernel.access import Actor, system
from dusangire.kernel.db import fetch_value
from dusangire.kernel.journal import history
from dusangire.orders import service
from dusangire.orders.jobs import tell_of_order
from dusangire.orders.rules import Verb
from tests.make import Make
from tests.orders.conftest import Bedside


@pytest.mark.req("C17", "CHK-1.4.9", "L6", "CHK-3.2.3")
async def test_a_confirmed_order_is_told_once_with_its_number_to_the_patient_and_the_caregiver(
    bedside: Bedside, make: Make
) -> None:
    carer = await make.caregiver(bedside.patient)
    order = await bedside.order("CHK-STW", by=carer)
    event = next(one for one in await history(make.actor, f"order:{order.id}") if one.kind == "order:confirmed")
    for _ in range(2):
        await tell_of_order(system(make.actor.hospital), event)
    told = await fetch_value(
        "SELECT array_agg(body ORDER BY app_user) FROM message WHERE hospital = $1 AND channel = 'inbox'",
        make.actor.hospital,
    )
    assert len(told) == 2
    assert all(order.code in body and "FRW" in body for body in told)


@pytest.mark.req("CHK-1.7.7")
async def test_each_step_is_told(bedside: Bedside, make: Make, didier: Actor) -> None:
    order = await bedside.order("CHK-STW")
    for verb in (Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER):
        await service.advance(didier, order.id, verb)
    await service.advance(didier, (await bedside.order("RICE", period="dinner")).id, Verb.HOLD)
    for event in await history(make.actor, f"order:{order.id}"):
        if event.kind.startswith("order:"):
            await tell_of_order(system(make.actor.hospital), event)
    count = await fetch_value(
        "SELECT count(*) FROM message WHERE hospital = $1 AND channel = 'inbox'", make.actor.hospital
    )
    assert count == 6
