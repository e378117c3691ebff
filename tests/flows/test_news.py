"""News reaches the open pages of those who act on it: the wall of the kitchen, the nutritionist's list, the dashboard."""

from collections.abc import Callable

import pytest

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.orders import queries as orders
from dusangire.orders import service
from dusangire.orders.rules import Verb
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Browser, Make, element
from tests.streams import listening
from tests.unguarded import rewrite

__all__ = ["_wired", "bedside", "tray"]

Open = Callable[[Actor | None], Browser]


@pytest.mark.req("CHK-3.2.1", "CHK-3.2.10")
async def test_a_confirmed_tray_comes_to_the_open_wall_of_the_kitchen(
    bedside: Bedside, make: Make, browser: Open, didier: Actor
) -> None:
    made = await bedside.order("CHK-STW")
    await rewrite(
        """
        UPDATE meal_order SET status = 'in_review', day = $3, serve_from = now() + interval '1 hour',
            serve_to = now() + interval '2 hours' WHERE hospital = $1 AND id = $2
        """,
        make.actor.hospital,
        made.id,
        clock.local_day(clock.now(), make.actor.zone),
    )
    async with listening(make.app, browser(didier), "/kitchen/live") as wall:
        assert element(await wall.next(), f"ticket-{made.id}") == ""
        while not await wall.is_quiet():
            pass
        await service.advance(bedside.patient, made.id, Verb.CONFIRM)
        ticket = element(await wall.next(), f"ticket-{made.id}")
    assert made.code in ticket
    assert "Chicken stew" in ticket


@pytest.mark.req("CHK-3.2.4")
async def test_an_unsafe_attempt_comes_to_the_open_list_of_the_nutritionist(
    bedside: Bedside, make: Make, browser: Open, bosco: Actor, chantal: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    sitting, said = await bedside.sitting(), "Blocked attempt"
    patient = browser(bedside.patient)
    async with listening(make.app, browser(chantal), "/nutritionist/live") as desk:
        assert said not in element(await desk.next(), f"work-{bedside.id}")
        form = {"at": f"{sitting.day}.lunch.", "dish": "TIL"}
        assert (await patient.post("/cart/add", form)).status_code == 409
        heard = await desk.until(lambda message: said in message)
    assert said in element(heard, f"work-{bedside.id}")


@pytest.mark.req("CHK-3.2.5")
async def test_a_step_of_a_tray_changes_the_open_dashboard(
    make: Make, tray: Tray, browser: Open, grace: Actor, didier: Actor
) -> None:
    made = await tray()
    async with listening(make.app, browser(grace), "/admin/live") as dashboard:
        assert "status=preparing" not in await dashboard.next()
        answer = await browser(didier).post(f"/kitchen/orders/{made.id}/start")
        assert answer.status_code == 303
        assert "status=preparing" in await dashboard.until(lambda message: "status=confirmed" not in message)
    assert (await orders.order(didier, made.id)).status == "preparing"
