"""The page of one tray while all trays of the hospital are held: told at once, in the words of who looks."""

from collections.abc import Callable

import pytest

from dusangire.diets import service as diets
from dusangire.diets.service import stops
from dusangire.kernel.access import Actor
from dusangire.orders.rules import Status
from tests.make import PASSWORD, Browser, Make
from tests.orders.conftest import Bedside
from tests.orders.test_moving import bring_to
from tests.streams import listening

HELD, REASON = "All trays are held", "a wrong delivery of flour"
Open = Callable[[Actor | None], Browser]


@pytest.mark.req("A13")
async def test_an_open_page_of_a_tray_says_at_once_that_all_trays_are_held_and_when_they_go_again(
    bedside: Bedside, make: Make, browser: Open, bosco: Actor, diane: Actor
) -> None:
    order = await bedside.order("CHK-STW")
    path = f"/orders/{order.id}/live"
    async with (
        listening(make.app, browser(bedside.patient), path) as patient,
        listening(make.app, browser(bosco), path) as nurse,
    ):
        assert HELD not in await patient.next() + await nurse.next()
        await diets.hold_all_trays(diane, REASON, PASSWORD)
        to_patient, to_nurse = await patient.next(), await nurse.next()
        assert HELD in to_patient
        assert "your tray keeps its place" in to_patient
        assert REASON not in to_patient, "why is a matter of those who work here"
        assert f"{diane.name}: {REASON}" in to_nurse
        await diets.let_trays_go(diane, PASSWORD)
        assert HELD not in await patient.next() + await nurse.next()


@pytest.mark.req("A13")
async def test_without_the_bell_the_page_would_stay_as_it_was(
    bedside: Bedside, make: Make, browser: Open, diane: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    order = await bedside.order("CHK-STW")
    monkeypatch.setattr(stops, "_BELLS", ("orders",))
    async with listening(make.app, browser(bedside.patient), f"/orders/{order.id}/live") as patient:
        await patient.next()
        await diets.hold_all_trays(diane, REASON, PASSWORD)
        assert await patient.is_quiet()


@pytest.mark.req("A13")
async def test_a_tray_that_was_eaten_waits_for_nothing(
    bedside: Bedside, browser: Open, didier: Actor, diane: Actor
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.DELIVERED)
    waiting = await bedside.order("CHK-STW", period="dinner")
    await diets.hold_all_trays(diane, REASON, PASSWORD)
    page = browser(bedside.patient)
    assert HELD not in (await page.get(f"/orders/{order.id}")).text
    assert HELD in (await page.get(f"/orders/{waiting.id}")).text
