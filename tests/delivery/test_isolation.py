"""Isolation: last on the walk, marked everywhere, and nothing comes back into the kitchen."""

from collections.abc import Callable

import pytest

from dusangire.delivery import queries, service
from dusangire.delivery.rules import Reason
from dusangire.diets.service.flags import set_flag
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, Verb
from tests.delivery.conftest import Bedside, Tray
from tests.make import Browser

Open = Callable[[Actor | None], Browser]


@pytest.fixture
async def isolated(bedside: Bedside, bosco: Actor) -> Bedside:
    with acting_as(bosco):
        await set_flag(bosco, bedside.id, "isolation")
    return bedside


async def carried(tray: Tray, esther: Actor) -> Ticket:
    made = await tray("CHK-STW", "POT-BLD", status=Status.READY)
    with acting_as(esther):
        await service.collect(esther, made.id)
        return await orders.ticket(esther, made.id)


async def undelivered(tray: Tray, esther: Actor) -> Ticket:
    made = await carried(tray, esther)
    with acting_as(esther):
        await service.fail(esther, made.id, Reason.ABSENT)
    return made


@pytest.mark.req("A21")
async def test_the_carrier_sees_isolation_on_every_page(
    isolated: Bedside, tray: Tray, browser: Open, esther: Actor
) -> None:
    made = await carried(tray, esther)
    phone = browser(esther)
    for path in ("/delivery/", f"/delivery/{made.id}/hand-over"):
        page = (await phone.get(path)).text
        assert "Isolation: last stop, disposable tray" in page
        assert "#shield" in page


@pytest.mark.req("A21")
async def test_an_undelivered_isolation_tray_is_not_offered_again_but_thrown_away(
    isolated: Bedside, tray: Tray, browser: Open, esther: Actor
) -> None:
    made = await undelivered(tray, esther)
    phone = browser(esther)
    page = (await phone.get("/delivery/")).text
    assert f"/delivery/{made.id}/reoffer" not in page
    assert f"/delivery/{made.id}/discard" in page
    with acting_as(esther), pytest.raises(Refusal) as refused:
        await service.reoffer(esther, made.id)
    assert refused.value.key == "delivery.isolation_no_return"
    assert (await phone.post(f"/delivery/{made.id}/reoffer")).status_code == 409
    for _ in range(2):
        assert (await phone.post(f"/delivery/{made.id}/discard")).status_code == 303
    with acting_as(esther):
        assert (await orders.ticket(esther, made.id)).status is Status.CANCELLED
        assert await queries.carried_by(esther, made.id) is None
        why = await fetch_value(
            "SELECT drop_reason FROM delivery_stop WHERE hospital = $1 AND meal_order = $2", esther.hospital, made.id
        )
    assert why == "discarded"


@pytest.mark.req("A21")
async def test_a_stopped_isolation_tray_is_not_brought_back(
    isolated: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor
) -> None:
    made = await carried(tray, esther)
    with acting_as(bosco):
        await order_service.advance(bosco, made.id, Verb.HOLD)
    with acting_as(esther), pytest.raises(Refusal) as refused:
        await service.bring_back(esther, made.id)
    assert refused.value.key == "delivery.isolation_no_return"
    page = (await browser(esther).get("/delivery/")).text
    assert f"/delivery/{made.id}/brought-back" not in page
    with acting_as(esther):
        await service.discard(esther, made.id)
        assert (await orders.ticket(esther, made.id)).status is Status.CANCELLED


@pytest.mark.req("A21")
async def test_without_isolation_the_same_tray_comes_back_and_goes_out_again(
    bedside: Bedside, tray: Tray, esther: Actor
) -> None:
    """The negative control."""
    made = await undelivered(tray, esther)
    with acting_as(esther):
        with pytest.raises(Refusal) as refused:
            await service.discard(esther, made.id)
        assert refused.value.key == "delivery.not_isolation"
        await service.reoffer(esther, made.id)
        assert (await orders.ticket(esther, made.id)).status is Status.OUT_FOR_DELIVERY


async def test_a_tray_on_its_way_is_not_thrown_away(
    isolated: Bedside, tray: Tray, esther: Actor, carrier: Actor
) -> None:
    made = await carried(tray, esther)
    with acting_as(esther), pytest.raises(Refusal) as refused:
        await service.discard(esther, made.id)
    assert refused.value.key == "delivery.not_ready"
    with acting_as(carrier), pytest.raises(Refusal) as other:
        await service.discard(carrier, made.id)
    assert other.value.key == "delivery.on_other_run"
