"""The switch that holds all trays: no gate opens while it is thrown, every tray keeps its state."""

import asyncio

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.orders import queries, service
from dusangire.orders.rules import Status, Verb
from tests.make import PASSWORD, Make
from tests.orders.conftest import Bedside
from tests.orders.test_moving import WAY, bring_to


@pytest.mark.req("A13")
@pytest.mark.parametrize("gate", WAY)
async def test_no_gate_opens_while_all_trays_are_held_and_each_goes_on_from_where_it_stood(
    bedside: Bedside, didier: Actor, diane: Actor, gate: Verb
) -> None:
    order = await bedside.order("CHK-STW")
    for verb in WAY[: WAY.index(gate)]:
        order = await service.advance(didier, order.id, verb)
    await diets.hold_all_trays(diane, "a wrong delivery of flour", PASSWORD)
    with pytest.raises(Refusal, match=r"stop\.trays_held") as refused:
        await service.advance(didier, order.id, gate)
    assert refused.value.facts["reason"] == "a wrong delivery of flour"
    assert (await queries.order(didier, order.id)).status is order.status
    await diets.let_trays_go(diane, PASSWORD)
    assert (await service.advance(didier, order.id, gate)).status is not order.status


@pytest.mark.req("A13")
async def test_the_switch_test_fails_when_gates_do_not_look_at_it(
    bedside: Bedside, didier: Actor, diane: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a gate that reads no switch is not refused in words."""

    async def nothing(_actor: Actor) -> None:
        return None

    order = await bedside.order("CHK-STW")
    await diets.hold_all_trays(diane, "a wrong delivery", PASSWORD)
    monkeypatch.setattr("dusangire.diets.queries.meal_stop_at_gate", nothing)
    try:
        await service.advance(didier, order.id, Verb.START)
    except Exception as error:
        assert getattr(error, "key", "") != "stop.trays_held"  # noqa: PT017  the last line may refuse in its own way


@pytest.mark.req("A13")
async def test_nothing_is_ordered_or_released_while_all_trays_are_held(
    bedside: Bedside, bosco: Actor, diane: Actor
) -> None:
    held = await bedside.order("CHK-STW", period="dinner")
    await service.advance(bosco, held.id, Verb.HOLD)
    await bedside.choose("CHK-STW")
    await diets.hold_all_trays(diane, "a wrong delivery", PASSWORD)
    with pytest.raises(Refusal, match=r"stop\.trays_held"):
        await service.place(bedside.patient, await bedside.checkout())
    with pytest.raises(Refusal, match=r"stop\.trays_held"):
        await service.release(bosco, held.id)
    await service.cancel(bosco, held.id)
    await diets.let_trays_go(diane, PASSWORD)
    await service.place(bedside.patient, await bedside.checkout())


@pytest.mark.req("A13")
async def test_lifting_lets_nothing_through_that_became_unsafe_meanwhile(
    bedside: Bedside, bosco: Actor, diane: Actor, didier: Actor
) -> None:
    order = await bring_to(didier, await bedside.order("TIL"), Status.READY)
    await diets.hold_all_trays(diane, "a wrong delivery", PASSWORD)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    await diets.let_trays_go(diane, PASSWORD)
    assert (await queries.order(didier, order.id)).status is Status.HELD


@pytest.mark.req("A13")
async def test_once_the_switch_is_thrown_no_tray_that_was_in_a_gate_passes_later(
    bedside: Bedside, diane: Actor, didier: Actor
) -> None:
    order = await bedside.order("CHK-STW")

    async def seen_after() -> Status:
        await diets.hold_all_trays(diane, "a wrong delivery", PASSWORD)
        return (await queries.order(didier, order.id)).status

    seen, _ = await asyncio.gather(seen_after(), service.advance(didier, order.id, Verb.START), return_exceptions=True)
    assert (await queries.order(didier, order.id)).status is seen


@pytest.mark.req("A13")
async def test_the_switch_asks_for_right_reason_and_password_and_is_thrown_once(
    bedside: Bedside, diane: Actor, bosco: Actor, grace: Actor, chantal: Actor, make: Make
) -> None:
    with pytest.raises(NoRight):
        await diets.hold_all_trays(bosco, "a reason", PASSWORD)
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await diets.hold_all_trays(diane, "a reason", "wrong")
    with pytest.raises(Refusal, match=r"form\.required"):
        await diets.hold_all_trays(diane, "  ", PASSWORD)
    with pytest.raises(Refusal, match=r"stop\.none"):
        await diets.let_trays_go(grace, PASSWORD)
    await diets.hold_all_trays(chantal, "a reason", PASSWORD)
    with pytest.raises(Refusal, match=r"stop\.already"):
        await diets.hold_all_trays(grace, "another", PASSWORD)
    other = await (await make.other()).user("Strange Doctor", Role.DOCTOR)
    assert await diet_queries.meal_stop(other) is None
    await diets.let_trays_go(grace, PASSWORD)
    assert [(one.set_name, one.ended_name) for one in await diet_queries.last_stops(diane)] == [
        (chantal.name, grace.name)
    ]
