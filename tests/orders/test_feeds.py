"""Feeds beside trays: a supplement on prescription is served once an order names it, and fluid by tube is drink."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dusangire.diets import service as diets
from dusangire.diets.service import FeedAsked
from dusangire.kernel import clock
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries
from dusangire.orders.rules import Status


async def sign(bedside, **changes):
    facts = {"product": "RUTF", "is_tube": False, "start_at": clock.now() - timedelta(minutes=1)}
    return await diets.sign_feed(bedside.doctor, bedside.id, FeedAsked(**(facts | changes)))


def sachets():
    return {"amount": Decimal(1), "times": (clock.now().time(),)}


@pytest.mark.req("A20")
async def test_a_supplement_on_prescription_is_served_while_an_order_names_it(bedside):
    with pytest.raises(Refusal):
        await bedside.order("RICE", "RUTF")
    feed = await sign(bedside, **sachets())
    tray = await bedside.order("RICE", "RUTF")
    assert tray.status is Status.CONFIRMED
    await diets.stop_feed(bedside.doctor, bedside.id, feed, "eats enough")
    assert (await queries.order(bedside.nurse, tray.id)).status is Status.HELD


@pytest.mark.req("A20")
async def test_a_tube_feed_that_fills_the_fluid_limit_holds_the_tray_with_the_drink(bedside):
    await bedside.diet("FLUID1200")
    tray = await bedside.order("RICE", "JUI-APP")
    assert tray.status is Status.CONFIRMED
    await sign(bedside, product="TF-10", is_tube=True, total_ml=Decimal(1200), hours=24, rate_ml_h=Decimal(50))
    assert (await queries.order(bedside.nurse, tray.id)).status is Status.HELD


@pytest.mark.req("A20")
async def test_a_small_tube_feed_leaves_it_where_it_was(bedside):
    """Negative control: it is the volume that holds the tray, not the feed."""
    await bedside.diet("FLUID1200")
    tray = await bedside.order("RICE", "JUI-APP")
    await sign(bedside, product="TF-10", is_tube=True, total_ml=Decimal(240), hours=24, rate_ml_h=Decimal(10))
    assert (await queries.order(bedside.nurse, tray.id)).status is Status.CONFIRMED
