"""What a change does to the trays it is about, to the others, and to those it comes too late for."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.db import address, execute, fetch_value, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.phrase import Phrase
from dusangire.kernel.settings import settings
from dusangire.menu import queries as menu
from dusangire.orders import queries, service
from dusangire.orders.rules import Status, Verb
from dusangire.orders.service import holding, judging
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from tests.orders.test_moving import bring_to
from tests.unguarded import rewrite, unguarded

pytestmark = pytest.mark.req("A13")


@pytest.fixture
def locked(monkeypatch):
    """The patients whose row was locked, in order."""
    found = []
    really = ward_queries.locked_safety_rev

    async def noted(actor, patient):
        found.append(patient)
        return await really(actor, patient)

    monkeypatch.setattr(ward_queries, "locked_safety_rev", noted)
    return found


@pytest.fixture
async def fish(bedside, chantal):
    return (await menu.card(chantal, "TIL")).id


async def status(actor, order):
    return (await queries.order(actor, order.id)).status


async def kinds(actor, order):
    return [event.kind for event in await queries.history(actor, order.id)]


async def called_off(actor, order):
    """The note with which a tray was called off."""
    events = [one for one in await queries.history(actor, order.id) if one.kind == "order:cancelled"]
    return events[-1].facts.get("note")


async def waiting(actor, about):
    return await fetch_value(
        "SELECT facts->>'patients' FROM event WHERE hospital = $1 AND kind = 'trays:to_judge' AND about = $2",
        actor.hospital, about,
    )  # fmt: skip


async def forgotten_fish(bedside, bosco, monkeypatch):
    """A fish allergy that nothing reacted to."""
    monkeypatch.setattr("dusangire.kernel.journal.AT_ONCE", {})
    async with unguarded("dus_hold_at_once"):
        await diets.add_allergy(bosco, bedside.id, "fish", "severe")


async def test_a_tray_that_is_eaten_is_neither_held_nor_called_off_nor_brought_elsewhere(bedside, bosco, didier):
    eaten = await bring_to(didier, await bedside.order("TIL"), Status.DELIVERED)
    late = await bring_to(didier, await bedside.order("CHK-STW", period="dinner"), Status.OUT_FOR_DELIVERY)
    failed = await service.advance(didier, late.id, Verb.FAIL, note="asleep")
    assert (failed.status, failed.problem) == (Status.UNDELIVERED, "asleep")
    about = f"patient:{bedside.id}"
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.hold_unsafe(bosco, about)
        await holding.hold_merged(bosco, about)
        await holding.patient_moved(bosco, about)
    assert [await status(bosco, one) for one in (eaten, failed)] == [Status.DELIVERED, Status.UNDELIVERED]
    assert "order:rerouted" not in await kinds(bosco, eaten)
    assert (await kinds(bosco, failed))[-1] == "order:rerouted"
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.stop_meals(bosco, about)
    assert [await status(bosco, one) for one in (eaten, failed)] == [Status.DELIVERED, Status.CANCELLED]
    assert await called_off(bosco, failed) == "stay_ended"


async def test_a_merge_holds_a_tray_of_yesterday_that_is_still_open_and_says_why(bedside, bosco):
    order = await bedside.order("CHK-STW")
    yesterday = clock.local_day(clock.now(), bosco.zone) - timedelta(days=1)
    await rewrite("UPDATE meal_order SET day = $2 WHERE id = $1", order.id, yesterday)
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.hold_merged(bosco, f"patient:{bedside.id}")
    event = (await queries.history(bosco, order.id))[-1]
    assert (event.kind, event.facts["rule"], event.facts["held_from"]) == ("order:held", "PATIENT.merged", "confirmed")
    await rewrite(
        "UPDATE meal_order SET status = 'confirmed', day = $2 WHERE id = $1", order.id, yesterday - timedelta(days=1)
    )
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.hold_merged(bosco, f"patient:{bedside.id}")
    assert await status(bosco, order) is Status.CONFIRMED


async def test_a_changed_dish_holds_its_own_trays_and_leaves_the_patients_others(
    bedside, bosco, chantal, didier, fish, locked, monkeypatch
):
    """Only the program's own holding: the last line looks away."""
    order = await bedside.order("TIL", "POT-BLD")
    beside = await bedside.order("POT-BLD", period="dinner")
    await forgotten_fish(bedside, bosco, monkeypatch)
    locked.clear()
    async with transaction():
        await holding.hold_dish(chantal, f"dish:{fish}")
    assert locked == [bedside.id]
    assert [await status(didier, one) for one in (order, beside)] == [Status.HELD, Status.CONFIRMED]
    assert (await queries.order(didier, order.id)).why_held is not None


async def test_an_override_of_the_meal_keeps_its_tray_from_being_held(
    bedside, bosco, diane, chantal, make, fish, monkeypatch
):
    order = await bedside.order("TIL")
    dinner = await bedside.order("TIL", period="dinner")
    await forgotten_fish(bedside, bosco, monkeypatch)
    await execute(
        "INSERT INTO diet_override (id, hospital, patient, day, period, dish, source, rule, subject, scope, reason, given_by, "
        "seconded_by, seconded_at, safety_rev, expires_at) SELECT $1, $2, $3, $4, 'lunch', $5, 'ALLERGY', 'contains', 'fish', "
        "'item', 'a reason', $6, $7, now(), safety_rev, now() + interval '1 h' FROM patient_safety WHERE patient = $3",
        uuid4(), diane.hospital, bedside.id, order.day, fish, diane.user, chantal.user,
    )  # fmt: skip
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.hold_unsafe(bosco, f"patient:{bedside.id}")
    assert [await status(bosco, one) for one in (order, dinner)] == [Status.CONFIRMED, Status.HELD]


async def test_each_tray_is_judged_as_ordered_by_whom_it_was(bedside, bosco, monkeypatch):
    mine = await bedside.order("CHK-STW")
    nurses = await bedside.order("POT-BLD", period="dinner", by=bosco)
    asked = []
    really = holding.diets.facts

    async def noted(actor, patient, *, ordered_by):
        asked.append(ordered_by)
        return await really(actor, patient, ordered_by=ordered_by)

    judged = []
    looked = holding._hold_if_unsafe

    async def seen(actor, tray, around, on):
        judged.append((tray.id, around.facts.ordered_by, len(around.others)))
        await looked(actor, tray, around, on)

    monkeypatch.setattr(holding.diets, "facts", noted)
    monkeypatch.setattr(holding, "_hold_if_unsafe", seen)
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding.hold_unsafe(bosco, f"patient:{bedside.id}")
    assert asked == ["patient", "nurse"]
    assert judged == [(mine.id, "patient", 1), (nurses.id, "nurse", 1)]


async def test_no_fact_is_read_where_no_tray_is_at_stake(bedside, bosco, didier, fish, monkeypatch):
    await bring_to(didier, await bedside.order("TIL"), Status.DELIVERED)
    await bedside.order("CHK-STW", period="dinner")

    async def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(holding.diets, "facts", never)
    async with transaction():
        await wards.lock(bosco, bedside.id)
        await holding._judge_again(bosco, bedside.id, dish=fish)


@pytest.mark.parametrize(("most", "left"), [(1, None), (0, "1")])
async def test_a_new_version_of_the_manual_judges_at_once_up_to_the_limit(
    bedside, chantal, didier, locked, monkeypatch, most, left
):
    await bedside.order("CHK-STW")
    revision = await fetch_value("SELECT rev FROM manual_revision WHERE hospital = $1", chantal.hospital)
    about = f"manual:{revision}"
    before = await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", bedside.id)
    monkeypatch.setattr(holding, "AT_ONCE", most)
    monkeypatch.setattr(holding, "_of_version", lambda *_: _these(bedside.id))
    locked.clear()
    async with transaction():
        await holding.hold_diet(chantal, about)
    after = await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", bedside.id)
    assert (locked, after > before) == (([bedside.id], True) if left is None else ([], False))
    assert await waiting(chantal, about) == left


async def _these(*patients):
    return list(patients)


async def test_what_was_left_waiting_is_judged_each_patient_locked_for_a_dish_and_for_a_version(
    bedside, bosco, chantal, didier, fish, locked, monkeypatch
):
    order = await bedside.order("TIL")
    await forgotten_fish(bedside, bosco, monkeypatch)
    locked.clear()
    monkeypatch.setattr(holding, "_of_version", lambda *_: _these(bedside.id))
    await holding.judge_waiting(chantal, "manual:1")
    assert (locked, await status(didier, order)) == ([bedside.id], Status.HELD)
    await rewrite("UPDATE meal_order SET status = 'confirmed' WHERE id = $1", order.id)
    other = (await menu.card(chantal, "POT-BLD")).id
    await holding.judge_waiting(chantal, f"dish:{other}")
    assert (len(locked), await status(didier, order)) == (1, Status.CONFIRMED)
    await holding.judge_waiting(chantal, f"dish:{fish}")
    assert (len(locked), await status(didier, order)) == (2, Status.HELD)


async def test_the_patients_of_kitchen_lines_and_of_an_ingredient_are_locked_up_to_the_limit(
    bedside, chantal, locked, monkeypatch
):
    await bedside.order("TIL")
    line = await fetch_value("SELECT kitchen_line FROM dish WHERE hospital = $1 AND code = 'TIL'", chantal.hospital)
    salt = next(row for row in await menu.ingredients(chantal) if row.name == "salt")
    calls = (
        (holding.lock_lines, f"kitchen_lines:{line}+{uuid4()}"),
        (holding.lock_ingredient, f"ingredient:{salt.id}"),
    )
    for most, found in ((1, [bedside.id]), (0, [])):
        monkeypatch.setattr(holding, "AT_ONCE", most)
        for lock, about in calls:
            locked.clear()
            async with transaction():
                await lock(chantal, about)
            assert locked == found


async def test_a_change_of_food_keeps_a_hundred_patients_locked_and_no_more() -> None:
    assert holding.AT_ONCE == 100


async def test_who_lets_a_tray_go_on_keeps_menu_and_manual_still(bedside, bosco):
    async with transaction():
        await judging.keep_still(bosco)
        conn = await asyncpg.connect(**address(settings().owner_url), timeout=10)
        try:
            for table in ("menu_revision", "manual_revision"):
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await conn.execute(f"SELECT FROM {table} WHERE hospital = {bosco.hospital} FOR UPDATE NOWAIT")
        finally:
            await conn.close()


@pytest.mark.parametrize(("verb", "kept"), [(Verb.RELEASE, True), (Verb.CONFIRM, True), (Verb.START, False)])
async def test_a_gate_that_reopens_a_tray_keeps_them_still_before_the_lock(
    bedside, bosco, didier, locked, monkeypatch, verb, kept
):
    order = await bedside.order("CHK-STW")
    if verb is Verb.RELEASE:
        await service.advance(bosco, order.id, Verb.HOLD)
    elif verb is Verb.CONFIRM:
        await rewrite("UPDATE meal_order SET status = 'in_review' WHERE id = $1", order.id)
    seen = []

    async def noted(_actor):
        seen.append(len(locked))

    monkeypatch.setattr(moving_module(), "keep_still", noted)
    locked.clear()
    await service.advance(didier if verb is Verb.START else bosco, order.id, verb)
    assert seen == ([0] if kept else [])


def moving_module():
    from importlib import import_module

    return import_module("dusangire.orders.service.moving")


async def test_an_unsafe_tray_is_held_under_the_patients_lock(bedside, bosco, didier, locked, monkeypatch):
    order = await bedside.order("TIL")
    await forgotten_fish(bedside, bosco, monkeypatch)
    locked.clear()
    with pytest.raises(service.Unsafe) as refused:
        await service.advance(didier, order.id, Verb.START)
    assert (refused.value.key, refused.value.facts["code"]) == ("order.unsafe", order.code)
    assert locked == [bedside.id, bedside.id]
    assert await status(didier, order) is Status.HELD


class StaleProof(asyncpg.PostgresError):
    sqlstate = "DUS01"


class OtherError(asyncpg.PostgresError):
    sqlstate = "DUS05"


@pytest.mark.parametrize(
    ("errors", "inside", "calls", "told"),
    [
        ([], False, 1, None),
        ([StaleProof], False, 2, None),
        ([StaleProof, StaleProof], False, 3, None),
        ([StaleProof, StaleProof, StaleProof], False, 3, StaleProof),
        ([OtherError], False, 1, OtherError),
        ([StaleProof], True, 1, StaleProof),
    ],
)
async def test_a_stale_proof_is_made_anew_twice_and_never_inside_a_larger_step(bedside, errors, inside, calls, told):
    made, left = [], list(errors)

    async def step():
        made.append(1)
        if left:
            raise left.pop(0)
        return "done"

    async def take():
        if not inside:
            return await moving_module().with_fresh_proof(step)
        async with transaction():
            return await moving_module().with_fresh_proof(step)

    if told is None:
        assert await take() == "done"
    else:
        with pytest.raises(told):
            await take()
    assert len(made) == calls


async def test_a_tray_that_was_replaced_is_never_let_go(bedside, bosco):
    order = await bedside.order("CHK-STW")
    new = await bedside.order("POT-BLD", period="dinner")
    await service.advance(bosco, order.id, Verb.HOLD)
    await rewrite("UPDATE meal_order SET replaces = $2 WHERE id = $1", new.id, order.id)
    with pytest.raises(Refusal, match=r"order\.replaced"):
        await service.release(bosco, order.id)
    assert await status(bosco, order) is Status.HELD
    assert (await service.advance(bosco, new.id, Verb.HOLD)).status is Status.HELD
    assert (await service.cancel(bosco, order.id)).status is Status.CANCELLED


async def test_a_tray_that_was_called_off_is_not_begun(bedside, bosco, didier):
    order = await bedside.order("CHK-STW")
    await service.cancel(bosco, order.id)
    with pytest.raises(Refusal, match=r"order\.moved_on"):
        await service.advance(didier, order.id, Verb.START)


async def test_a_refused_tray_keeps_the_words_of_who_refused_it(bedside, bosco):
    order = await bedside.order("CHK-STW")
    await service.advance(bosco, order.id, Verb.HOLD)
    assert (await service.advance(bosco, order.id, Verb.REFUSE, note="too late")).problem == "too late"


async def test_a_patient_calls_off_until_the_cut_off_and_staff_later_at_a_cost(bedside, bosco, didier):
    free, late, eaten = [await bedside.order("POT-BLD", period=one) for one in ("breakfast", "lunch", "dinner")]
    assert (await service.cancel(bedside.patient, free.id)).status is Status.CANCELLED
    assert await called_off(bosco, free) is None
    with pytest.raises(Refusal, match=r"order\.moved_on"):
        await service.cancel(bosco, free.id)
    await rewrite("UPDATE meal_order SET cutoff_at = now() - interval '1 min' WHERE id = $1", late.id)
    with pytest.raises(Refusal, match=r"order\.cancel_closed") as refused:
        await service.cancel(bedside.patient, late.id)
    cutoff = (await queries.order(bosco, late.id)).cutoff_at
    assert refused.value.facts["time"] == clock.local(cutoff, bosco.zone).strftime("%H:%M")
    assert (await service.cancel(bosco, late.id)).status is Status.CANCELLED
    assert await called_off(bosco, late) == "wasted"
    await bring_to(didier, eaten, Status.DELIVERED)
    with pytest.raises(Refusal, match=r"order\.cancel_closed"):
        await service.cancel(bosco, eaten.id)


async def test_the_words_of_a_cancel_are_kept(bedside, bosco):
    order = await bedside.order("POT-BLD")
    await service.cancel(bosco, order.id, note="sent home")
    assert await called_off(bosco, order) == "sent home"


async def test_only_what_is_open_can_be_held_and_once(bedside, bosco, didier):
    order = await bedside.order("POT-BLD")
    why = Phrase("order.held_merged")
    async with transaction():
        assert await moving_module().hold(bosco, order, why, rule="X")
        assert not await moving_module().hold(bosco, order, why, rule="X")
        held = await queries.order(bosco, order.id)
        assert not await moving_module().hold(bosco, held, why, rule="X")
    assert (await kinds(bosco, order)).count("order:held") == 1
    assert (await queries.history(bosco, order.id))[-1].facts["rule"] == "X"


async def test_a_nurses_hold_keeps_her_words_or_her_name_and_ends_with_the_release(bedside, bosco):
    order = await bedside.order("POT-BLD")
    held = await service.advance(bosco, order.id, Verb.HOLD)
    assert bosco.name in held.hold_reason
    assert held.held_from is Status.CONFIRMED
    again = await service.release(bosco, order.id)
    assert (again.held_from, again.hold_reason) == (None, "")
    assert (await service.advance(bosco, order.id, Verb.HOLD, note="asleep")).hold_reason == "asleep"


async def test_each_state_keeps_its_moment_and_a_problem_its_words_until_it_is_made_anew(bedside, didier):
    order = await bring_to(didier, await bedside.order("POT-BLD"), Status.READY)
    assert None not in (order.started_at, order.ready_at)
    assert (order.left_at, order.problem) == (None, "")
    failed = await service.advance(didier, order.id, Verb.REPORT, note="burnt")
    assert (failed.problem, failed.started_at) == ("burnt", order.started_at)
    again = await service.advance(didier, order.id, Verb.REMAKE, note="again")
    assert (again.problem, again.started_at, again.ready_at) == ("burnt", None, None)
    event = (await queries.history(didier, order.id))[-1]
    assert (event.facts["verb"], event.facts["was"], event.facts["note"]) == ("remake", "problem", "again")
    assert (event.facts["patient"], event.facts["code"]) == (str(bedside.id), order.code)


async def test_a_move_that_somebody_made_faster_writes_and_rings_nothing(bedside, bosco):
    order = await bedside.order("POT-BLD")
    await service.cancel(bosco, order.id)
    before = await kinds(bosco, order)
    with pytest.raises(Refusal, match=r"order\.moved_on"):
        async with transaction():
            await moving_module().write_move(bosco, order, Verb.CANCEL)
    assert await kinds(bosco, order) == before


@pytest.mark.parametrize(("verb", "passes"), [(Verb.ARRIVE, True), (Verb.HAND_OVER, False)])
async def test_the_age_of_a_tray_is_asked_at_the_bed_alone(bedside, didier, verb, passes):
    order = await bring_to(didier, await bedside.order("POT-BLD"), Status.OUT_FOR_DELIVERY)
    await rewrite("UPDATE meal_order SET ready_at = now() - interval '9 h' WHERE id = $1", order.id)
    if passes:
        assert (await service.advance(didier, order.id, verb)).status is Status.ARRIVED
        return
    with pytest.raises(service.Unsafe):
        await service.advance(didier, order.id, verb)
    assert await status(didier, order) is Status.HELD


async def test_a_tray_is_sold_when_it_first_becomes_the_kitchens_and_must_be_covered(
    bedside, bosco, didier, monkeypatch
):
    sold = []

    async def noted(_actor, order, **_):
        sold.append(order)

    async def uncovered(*_):
        return False

    payments = moving_module().payments
    monkeypatch.setattr(payments, "sell", noted)
    order = await bedside.order("POT-BLD")
    assert sold == [order.id]
    await service.advance(didier, order.id, Verb.START)
    await service.advance(bosco, order.id, Verb.HOLD)
    await service.release(bosco, order.id)
    assert sold == [order.id, order.id]
    await service.advance(bosco, order.id, Verb.HOLD)
    begun = await bedside.order("POT-BLD", period="dinner")
    monkeypatch.setattr(payments, "is_covered", uncovered)
    assert (await service.advance(didier, begun.id, Verb.START)).status is Status.PREPARING
    with pytest.raises(Refusal, match=r"order\.unpaid"):
        await service.release(bosco, order.id)
    assert sold == [order.id, order.id, begun.id]


async def test_handing_over_settles_the_payment_and_calling_off_cancels_it(bedside, bosco, didier, monkeypatch):
    done = []

    def noted(name):
        async def note(_actor, order, *_, **__):
            done.append((name, order))

        return note

    payments = moving_module().payments
    eaten, gone = await bedside.order("POT-BLD"), await bedside.order("POT-BLD", period="dinner")
    for name in ("settle", "cancel"):
        monkeypatch.setattr(payments, name, noted(name))
    await bring_to(didier, eaten, Status.DELIVERED)
    assert done == [("settle", eaten.id)]
    await service.cancel(bosco, gone.id)
    assert done == [("settle", eaten.id), ("cancel", gone.id)]


async def test_the_list_of_the_version_is_of_the_diets_it_changed(bedside, bosco, chantal, monkeypatch):
    monkeypatch.setattr(holding.diets, "version", lambda _actor, revision: _version(revision))
    assert await holding._of_version(chantal, "manual:7") == [bedside.id]
    assert await holding._of_version(chantal, "manual:8") == []


async def _version(revision):
    class Row:
        changed = ["REG"] if revision == 7 else ["CCHO60"]

    class Found:
        row = Row

    return Found


async def test_the_ids_of_what_happened_are_read_whole(bedside) -> None:
    assert holding._id(f"patient:{bedside.id}") == bedside.id
    with pytest.raises(ValueError, match="badly formed"):
        holding._id("patient")
    assert isinstance(bedside.id, UUID)
