"""The one rule: no tray moves without a fresh ALLOW, under the patient's lock, kept as proof."""

import asyncio
from uuid import UUID

import pytest
from asyncpg import PostgresError

from dusangire.diets import service as diets
from dusangire.diets.rules import Gate
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.orders import queries, service
from dusangire.orders.queries import Order
from dusangire.orders.rules import GATES, ORDER, Status, Verb
from dusangire.orders.service import Unsafe, moving
from tests.make import Make
from tests.orders.conftest import Bedside
from tests.unguarded import unguarded

WAY = (Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER)


async def bring_to(didier: Actor, order: Order, status: Status) -> Order:
    for verb in WAY:
        if order.status is status:
            return order
        order = await service.advance(didier, order.id, verb)
    return order


@pytest.mark.req("A13", "CHK-1.5.1")
async def test_a_tray_goes_from_the_kitchen_to_the_bed_and_each_gate_keeps_its_verdict(
    bedside: Bedside, didier: Actor
) -> None:
    order = await bedside.order("CHK-STW", "POT-BLD")
    assert order.status is Status.CONFIRMED
    for verb in WAY:
        order = await service.advance(didier, order.id, verb)
    assert order.status is Status.DELIVERED
    marks = (order.started_at, order.ready_at, order.left_at, order.arrived_at, order.delivered_at)
    assert None not in marks
    gates = await fetch_value(
        "SELECT array_agg(gate ORDER BY at) FROM safety_check WHERE hospital = $1 AND meal_order = $2 AND answer = 'allow'",
        didier.hospital,
        order.id,
    )
    assert gates == ["checkout", "fire", "plate", "dispatch", "dispatch", "handover"]


@pytest.mark.req("A13")
@pytest.mark.parametrize(
    "status", [Status.CONFIRMED, Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY, Status.ARRIVED]
)
async def test_a_new_allergy_holds_the_tray_wherever_it_is_in_the_same_commit(
    bedside: Bedside, didier: Actor, bosco: Actor, status: Status
) -> None:
    order = await bring_to(didier, await bedside.order("TIL"), status)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    held = await queries.order(didier, order.id)
    assert (held.status, held.held_from) == (Status.HELD, status)
    assert held.why_held is not None
    kinds = [event.kind for event in await queries.history(didier, order.id)]
    assert kinds[-1] == "order:held"


@pytest.mark.req("A13", "A4")
@pytest.mark.parametrize("gate", [Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER])
async def test_no_gate_lets_an_unsafe_tray_pass_even_when_the_hold_was_missed(
    bedside: Bedside, didier: Actor, bosco: Actor, monkeypatch: pytest.MonkeyPatch, gate: Verb
) -> None:
    before = next(iter(ORDER.sources(gate) - {Status.OUT_FOR_DELIVERY} or ORDER.sources(gate)))
    order = await bring_to(didier, await bedside.order("TIL"), before)
    await _add_fish_and_hold_nothing(bedside, bosco, monkeypatch)
    with pytest.raises(Unsafe) as refused:
        await service.advance(didier, order.id, gate)
    assert refused.value.found.rule == "ALLERGY.contains.fish.item"
    held = await queries.order(didier, order.id)
    assert held.status is Status.HELD


@pytest.mark.req("A13")
async def test_the_gate_test_fails_when_the_verdict_always_allows(
    bedside: Bedside, didier: Actor, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with the verdict replaced the database still refuses; without its trigger the tray goes."""
    from dusangire.diets.rules.facts import verdict_of

    order = await bedside.order("TIL")
    await _add_fish_and_hold_nothing(bedside, bosco, monkeypatch)
    monkeypatch.setattr("dusangire.orders.service.judging.judge", lambda *_, **__: verdict_of([]))
    with pytest.raises(PostgresError, match="second verdict") as refused:
        await service.advance(didier, order.id, Verb.START)
    assert "ALLERGY.contains.fish@" in refused.value.detail
    async with unguarded("dus_order_moves"):
        assert (await service.advance(didier, order.id, Verb.START)).status is Status.PREPARING


async def _add_fish_and_hold_nothing(bedside: Bedside, bosco: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allergy whose reactions were all forgotten, so that only the gate is left to notice it."""
    monkeypatch.setattr("dusangire.kernel.journal.AT_ONCE", {})
    async with unguarded("dus_hold_at_once"):
        await diets.add_allergy(bosco, bedside.id, "fish", "severe")


@pytest.mark.req("A13")
async def test_an_unsafe_tray_is_held_also_when_the_move_is_part_of_a_larger_step(
    bedside: Bedside, didier: Actor, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await bedside.order("TIL")
    await _add_fish_and_hold_nothing(bedside, bosco, monkeypatch)
    with pytest.raises(Unsafe):
        async with moving(didier):
            await service.advance(didier, order.id, Verb.START)
    assert (await queries.order(didier, order.id)).status is Status.HELD


@pytest.mark.req("E1")
async def test_two_cooks_start_the_same_order_and_one_is_told(bedside: Bedside, didier: Actor, cook: Actor) -> None:
    order = await bedside.order("CHK-STW")
    done = await asyncio.gather(
        service.advance(didier, order.id, Verb.START),
        service.advance(cook, order.id, Verb.START),
        return_exceptions=True,
    )
    told = [one for one in done if isinstance(one, Refusal)]
    assert [refusal.key for refusal in told] == ["order.moved_on"]
    assert (await queries.order(didier, order.id)).status is Status.PREPARING


async def test_a_verb_that_does_not_lead_out_of_the_state_is_refused(bedside: Bedside, didier: Actor) -> None:
    order = await bedside.order("CHK-STW")
    with pytest.raises(Refusal, match=r"order\.moved_on"):
        await service.advance(didier, order.id, Verb.HAND_OVER)


@pytest.mark.req("A13")
async def test_an_allergy_and_a_start_at_the_same_moment_never_cook_the_unsafe_tray(
    bedside: Bedside, didier: Actor, bosco: Actor
) -> None:
    for _ in range(12):
        order = await bedside.order("TIL")
        await asyncio.gather(
            service.advance(didier, order.id, Verb.START),
            diets.add_allergy(bosco, bedside.id, "fish", "severe"),
            return_exceptions=True,
        )
        assert (await queries.order(didier, order.id)).status is Status.HELD
        found = await diets_open(bosco, bedside.id)
        await diets.end_allergy(bosco, bedside.id, found, "test")
        await diets.no_known_allergies(bosco, bedside.id)
        await service.cancel(bosco, order.id)


async def diets_open(actor: Actor, patient: UUID) -> UUID:
    from dusangire.diets import queries as diet_queries

    return (await diet_queries.allergies(actor, patient))[0].id


@pytest.mark.req("A4", "A5")
async def test_a_held_tray_is_judged_again_on_release_and_cannot_be_handed_over(
    bedside: Bedside, didier: Actor, bosco: Actor, diane: Actor
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.OUT_FOR_DELIVERY)
    hold = await diets.hold(diane, bedside.id, "operation", clock.now())
    assert (await queries.order(bosco, order.id)).status is Status.HELD
    with pytest.raises(Refusal):
        await service.advance(didier, order.id, Verb.HAND_OVER)
    with pytest.raises(Unsafe):
        await service.release(bosco, order.id)
    await diets.release(diane, bedside.id, hold)
    with pytest.raises(Unsafe):
        await service.release(bosco, order.id)
    assert (await queries.order(bosco, order.id)).status is Status.HELD


async def test_a_released_tray_starts_in_the_kitchen_again(bedside: Bedside, didier: Actor, bosco: Actor) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.READY)
    await service.advance(bosco, order.id, Verb.HOLD)
    again = await service.release(bosco, order.id)
    assert (again.status, again.started_at, again.ready_at, again.hold_reason) == (Status.CONFIRMED, None, None, "")


@pytest.mark.req("I4")
async def test_discharge_calls_off_every_open_tray_with_its_payment(
    bedside: Bedside, didier: Actor, bosco: Actor
) -> None:
    from dusangire.payments import queries as payments
    from dusangire.wards import service as wards
    from dusangire.wards.rules import EndReason

    first = await bedside.order("CHK-STW")
    second = await bring_to(didier, await bedside.order("POT-BLD", period="dinner"), Status.READY)
    await wards.discharge(bosco, bedside.id, EndReason.DISCHARGED)
    for order in (first, second):
        assert (await queries.order(bosco, order.id)).status is Status.CANCELLED
        payment = await payments.payment_of(bosco, order.id)
        assert payment is not None
        assert payment.state == "cancelled"


@pytest.mark.req("I3")
async def test_a_moved_patients_tray_shows_the_new_bed_and_rings_its_boards(
    bedside: Bedside, make: Make, didier: Actor, bosco: Actor
) -> None:
    from dusangire.wards import service as wards

    order = await bedside.order("CHK-STW")
    before = await queries.ticket(didier, order.id)
    await wards.transfer(bosco, bedside.id, make._beds.pop())
    after = await queries.ticket(didier, order.id)
    assert before.bed_code != after.bed_code
    assert (await queries.history(didier, order.id))[-1].kind == "order:rerouted"


@pytest.mark.req("A7")
async def test_a_recipe_that_changes_holds_the_open_trays_with_that_dish(
    bedside: Bedside, make: Make, didier: Actor, chantal: Actor
) -> None:
    from decimal import Decimal

    from dusangire.menu import queries as menu
    from dusangire.menu import service as menu_service

    order = await bedside.order("TIL")
    other = await bedside.order("POT-BLD", period="dinner")
    card = await menu.card(chantal, "TIL")
    lines = await menu.recipe(chantal, card.id)
    grams = {line.ingredient: line.grams + Decimal(1) for line in lines}
    await menu_service.change_recipe(chantal, card.id, grams, is_declared=False)
    assert (await queries.order(didier, order.id)).status is Status.HELD
    assert (await queries.order(didier, other.id)).status is Status.CONFIRMED


@pytest.mark.req("N7")
async def test_a_stranger_and_another_hospital_see_no_tray(bedside: Bedside, make: Make, ines: Actor) -> None:
    order = await bedside.order("CHK-STW")
    stranger = await make.patient("Other", "Patient")
    for actor in (stranger, ines):
        with pytest.raises(NotHere):
            await queries.order(actor, order.id)
        with pytest.raises(NotHere):
            await service.advance(actor, order.id, Verb.COMPLETE)
        with pytest.raises(NotHere):
            await queries.by_tray_token(actor, order.tray_token)


@pytest.mark.req("N7")
async def test_the_stranger_test_fails_without_the_visibility_filter(
    bedside: Bedside, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the filter, another patient of the same hospital reads the order."""
    order = await bedside.order("CHK-STW")
    stranger = await make.patient("Other", "Patient")
    monkeypatch.setattr("dusangire.orders.queries.orders.own", lambda _actor: None)
    assert (await queries.order(stranger, order.id)).id == order.id


def test_every_move_towards_a_mouth_has_a_gate() -> None:
    ends = {Verb.CANCEL, Verb.REFUSE, Verb.EXPIRE}
    harmless = {Verb.AWAIT, Verb.RECALL, Verb.COMPLETE, Verb.HOLD, Verb.REPORT, Verb.FAIL} | ends
    assert set(Verb) - set(GATES) == harmless
    assert GATES[Verb.HAND_OVER] is Gate.HANDOVER


def test_every_state_is_reached_and_the_ends_are_the_intended_ones() -> None:
    assert ORDER.reachable() == set(Status)
    assert ORDER.ends() == {Status.COMPLETED, Status.CANCELLED, Status.REFUSED, Status.EXPIRED}


async def test_the_lock_is_a_statement_of_its_own_before_any_fact_is_read(
    bedside: Bedside, didier: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dusangire.diets import queries as diet_queries
    from dusangire.wards import service as wards

    order, seen = await bedside.order("CHK-STW"), []
    lock, facts = wards.lock, diet_queries.facts

    async def locked(*args: object) -> int:
        seen.append("lock")
        return await lock(*args)  # type: ignore[arg-type]

    async def read(*args: object, **kwargs: object) -> object:
        seen.append("facts")
        return await facts(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(wards, "lock", locked)
    monkeypatch.setattr(diet_queries, "facts", read)
    await service.advance(didier, order.id, Verb.START)
    assert seen == ["lock", "facts"]


@pytest.mark.req("A13")
async def test_a_start_waits_for_an_allergy_that_is_being_written(
    bedside: Bedside, didier: Actor, bosco: Actor
) -> None:
    order = await bedside.order("TIL")
    assert await _start_beside_an_open_allergy(bedside, didier, bosco, order) is Status.HELD


@pytest.mark.req("A13")
async def test_the_waiting_test_fails_without_the_lock(
    bedside: Bedside, didier: Actor, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the lock the cook's verdict is older than the allergy, and the step is taken."""
    from dusangire.wards import queries as ward_queries

    async def unlocked(actor: Actor, patient: UUID) -> int:
        return int(
            await fetch_value(
                "SELECT safety_rev FROM patient_safety WHERE hospital = $1 AND patient = $2", actor.hospital, patient
            )
        )

    order = await bedside.order("TIL")
    monkeypatch.setattr(ward_queries, "locked_safety_rev", unlocked)
    monkeypatch.setattr("dusangire.kernel.journal.AT_ONCE", {})
    async with unguarded():
        assert await _start_beside_an_open_allergy(bedside, didier, bosco, order) is Status.PREPARING


async def _start_beside_an_open_allergy(bedside: Bedside, didier: Actor, bosco: Actor, order: Order) -> Status:
    written, go_on = asyncio.Event(), asyncio.Event()

    async def slow_allergy() -> None:
        async with transaction():
            await diets.add_allergy(bosco, bedside.id, "fish", "severe")
            written.set()
            await go_on.wait()

    nurse = asyncio.create_task(slow_allergy())
    await written.wait()
    start = asyncio.create_task(service.advance(didier, order.id, Verb.START))
    await asyncio.wait([start], timeout=0.2)
    go_on.set()
    await asyncio.gather(nurse, start, return_exceptions=True)
    return (await queries.order(didier, order.id)).status
