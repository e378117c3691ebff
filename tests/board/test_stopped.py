"""A bed with a stopped tray: the board leads to that tray, whichever of the patient's trays comes first."""

import pytest

from dusangire.board import queries
from dusangire.board.rules import State
from dusangire.kernel.access import Actor
from dusangire.menu.rules import Sitting
from dusangire.orders import service
from dusangire.orders.rules import Verb
from dusangire.wards import queries as wards
from tests.orders.conftest import Bedside, _wired, bedside  # noqa: F401  fixtures


async def test_why_a_bed_is_stopped_leads_to_the_stopped_tray_and_not_to_the_next_meal(
    bedside: Bedside,  # noqa: F811
    bosco: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lunch, dinner = await bedside.order("CHK-STW"), await bedside.order("CHK-STW", period="dinner")
    coming = await bedside.sitting()

    async def at_lunch(*_: object) -> Sitting:
        return coming

    monkeypatch.setattr(queries, "_meal", at_lunch)
    bed = (await wards.person(bosco, bedside.id)).bed
    assert bed
    before = await queries.spot_of_bed(bosco, bed)
    await service.advance(bosco, dinner.id, Verb.HOLD)
    after = await queries.spot_of_bed(bosco, bed)
    assert before
    assert (before.state, before.order) == (State.ORDERED, lunch.id)
    assert after
    assert (after.state, after.order, after.order_status) == (State.HELD, dinner.id, "held")
