"""A fast as the ward lives it: held trays, alerts told once, and the late tray when the patient may eat again."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from dusangire import wiring
from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock, jobs
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import Event, history
from dusangire.menu import queries as menu
from dusangire.menu.rules import STARTER_PERIODS, sittings
from dusangire.notify import queries as notify
from dusangire.orders import jobs as order_jobs
from dusangire.orders import queries, service
from dusangire.orders.queries import Order
from dusangire.orders.rules import Status, Verb, after_fast
from tests.make import PASSWORD, Browser, Make, element
from tests.orders.conftest import Bedside
from tests.orders.test_moving import bring_to
from tests.unguarded import unguarded

HOUR = timedelta(hours=1)
KIGALI = "Africa/Kigali"
FIVE = {
    "breakfast": Status.CONFIRMED,
    "morning_snack": Status.PREPARING,
    "lunch": Status.READY,
    "afternoon_snack": Status.OUT_FOR_DELIVERY,
    "dinner": Status.ARRIVED,
}
LETTERS = {"breakfast": "B", "lunch": "L", "dinner": "D"}


async def _five(bedside: Bedside, didier: Actor, phone: Browser) -> dict[str, Order]:
    """One tray in each state; those on their way were collected with this phone."""
    made = {}
    for period, status in FIVE.items():
        dish = await _dish(bedside, LETTERS.get(period, "S"))
        is_out = status in (Status.OUT_FOR_DELIVERY, Status.ARRIVED)
        order = await bring_to(didier, await bedside.order(dish, period=period), Status.READY if is_out else status)
        if is_out:
            await phone.post(f"/delivery/{order.id}/collect")
        made[period] = await service.advance(didier, order.id, Verb.ARRIVE) if status is Status.ARRIVED else order
    return made


async def _dish(bedside: Bedside, letter: str) -> str:
    """A dish of that meal, a different one for each."""
    dishes = await menu.dishes(bedside.make.actor)
    return next(code for code, dish in dishes.items() if dish.periods == frozenset(letter) or letter in dish.periods)


# A4: the trays of one patient in five states


@pytest.mark.req("A4")
async def test_one_tray_in_each_of_five_states_is_held_on_the_kitchen_and_the_carriers_page_within_five_seconds(
    bedside: Bedside, didier: Actor, esther: Actor, bosco: Actor, browser
) -> None:
    phone, wall = browser(esther), browser(didier)
    trays = await _five(bedside, didier, phone)
    delivered = await bring_to(
        didier, await bedside.order(await _dish(bedside, "S"), period="evening_snack"), Status.DELIVERED
    )
    hub = bedside.make.app.state.hub
    shelf = f"{didier.hospital}:orders"
    with hub.listening(shelf) as kitchen, hub.listening(f"order:{trays['dinner'].id}") as bed_side:
        await asyncio.sleep(1.2)
        kitchen.rung.clear()
        bed_side.rung.clear()
        await diets.hold(bosco, bedside.id, "surgery", clock.now())
        await asyncio.wait_for(asyncio.gather(kitchen.rung.wait(), bed_side.rung.wait()), 5)
    for period, tray in trays.items():
        held = await queries.order(bosco, tray.id)
        assert (held.status, held.held_from) == (Status.HELD, FIVE[period])
    assert (await queries.order(bosco, delivered.id)).status is Status.DELIVERED
    run = (await phone.get("/delivery/", htmx=True)).text
    for period in ("afternoon_snack", "dinner"):
        assert trays[period].code in element(run, "recalls")
    board = (await wall.get("/kitchen/", htmx=True)).text
    for period in ("morning_snack", "lunch"):
        assert "ticket--" in element(board, f"ticket-{trays[period].id}").partition(">")[0]


@pytest.mark.req("A4")
async def test_without_the_two_holds_in_the_commit_the_five_trays_would_stay_where_they_are(
    bedside: Bedside, didier: Actor, esther: Actor, bosco: Actor, browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the program's hold and the database's own taken away."""
    trays = await _five(bedside, didier, browser(esther))
    monkeypatch.setattr("dusangire.kernel.journal.AT_ONCE", {})
    async with unguarded("dus_hold_at_once"):
        await diets.hold(bosco, bedside.id, "surgery", clock.now())
    assert [(await queries.order(bosco, tray.id)).status for tray in trays.values()] == list(FIVE.values())


@pytest.mark.req("A4")
@pytest.mark.parametrize("verb", [Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER, Verb.RELEASE])
async def test_a_held_tray_of_a_fasting_patient_goes_nowhere(
    bedside: Bedside, didier: Actor, bosco: Actor, verb: Verb
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.ARRIVED)
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    with pytest.raises(Refusal):
        await service.advance(didier, order.id, verb)
    assert (await queries.order(bosco, order.id)).status is Status.HELD


@pytest.mark.req("A4")
async def test_the_carts_of_a_fasting_patient_answer_409_and_the_bedside_page_too(
    bedside: Bedside, didier: Actor, esther: Actor, bosco: Actor, browser
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.ARRIVED)
    patient = browser(bedside.patient)
    sitting = await bedside.sitting("dinner")
    at = f"{sitting.day}.{sitting.period}"
    page = (await patient.get("/patient/")).text
    assert "Add " in page
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    with pytest.raises(Refusal) as refused:
        await bedside.choose("POT-BLD", period="dinner")
    assert refused.value.status == 409
    for add in ("/cart/add",):
        answer = await patient.post(add, {"at": at, "dish": "POT-BLD"})
        assert answer.status_code in (409, 422)
    assert (await browser(esther).post(f"/delivery/{order.id}/hand-over", {})).status_code >= 400
    assert (await queries.order(bosco, order.id)).status is Status.HELD


# A6: alerts


async def _hours_ago(patient, hours: float) -> None:
    """Let the admission and every hold lie this much further back."""
    await execute(
        "UPDATE admission SET started_at = started_at - make_interval(secs => $2) WHERE patient = $1",
        patient,
        hours * 3600,
    )
    await execute(
        "UPDATE npo_hold SET start_at = start_at - make_interval(secs => $2), set_at = set_at - make_interval(secs => $2)"
        " WHERE patient = $1",
        patient,
        hours * 3600,
    )


async def _order_back(patient, hours: float) -> None:
    """Let the diet have been signed this much earlier."""
    await execute(
        "UPDATE diet_order SET signed_at = signed_at - make_interval(secs => $2),"
        " start_at = start_at - make_interval(secs => $2) WHERE patient = $1",
        patient,
        hours * 3600,
    )


async def _alerts(actor: Actor) -> list[str]:
    return sorted(message.kind for message in await notify.inbox(actor) if message.kind.startswith("fasting:"))


@pytest.mark.req("A6")
@pytest.mark.parametrize(
    ("born", "hours", "is_told"), [(1988, 11.9, False), (1988, 12.1, True), (2015, 5.9, False), (2015, 6.1, True)]
)
async def test_nurse_and_doctor_are_told_once_of_a_long_fast(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor, born: int, hours: float, is_told: bool
) -> None:
    await execute("UPDATE patient SET birth_date = make_date($2, 1, 1) WHERE id = $1", bedside.id, born)
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    await _hours_ago(bedside.id, hours)
    for _ in range(2):
        await order_jobs.watch_fasts(make.actor)
    expected = ["fasting:long_fast"] if is_told else []
    assert (await _alerts(bosco), await _alerts(diane)) == (expected, expected)
    tasks = [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)]
    assert tasks.count("long_fast") == is_told


@pytest.mark.req("A6")
async def test_a_meal_in_between_begins_a_new_fast_and_who_may_eat_is_no_alert(
    bedside: Bedside, make: Make, didier: Actor, bosco: Actor
) -> None:
    order = await bring_to(didier, await bedside.order("CHK-STW"), Status.DELIVERED)
    await _hours_ago(bedside.id, 30)
    await order_jobs.watch_fasts(make.actor)
    assert await _alerts(bosco) == []
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    await order_jobs.watch_fasts(make.actor)
    assert await _alerts(bosco) == []
    await execute("UPDATE meal_order SET delivered_at = delivered_at - interval '13 h' WHERE id = $1", order.id)
    for _ in range(2):
        await order_jobs.watch_fasts(make.actor)
    assert await _alerts(bosco) == ["fasting:long_fast"]
    await execute("UPDATE meal_order SET delivered_at = delivered_at + interval '13 h' WHERE id = $1", order.id)
    await order_jobs.watch_fasts(make.actor)
    assert [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)] == []


@pytest.mark.req("A6")
async def test_a_fast_goes_on_after_its_hold_until_a_diet_is_signed(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor
) -> None:
    await _order_back(bedside.id, 20)
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    await _hours_ago(bedside.id, 11)
    await diets.release_all(bosco, bedside.id)
    await _hours_ago(bedside.id, 2)
    await order_jobs.watch_fasts(make.actor)
    assert await _alerts(diane) == ["fasting:long_fast"]
    await diets.resume(diane, bedside.id, PASSWORD)
    await order_jobs.watch_fasts(make.actor)
    assert [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)] == []


@pytest.mark.req("A6")
async def test_an_operation_that_slips_is_told_once_and_again_when_it_is_prolonged(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor
) -> None:
    now = clock.now()
    hold = await diets.hold(bosco, bedside.id, "surgery", now, now + 8 * HOUR, procedure_at=now + HOUR)
    await order_jobs.watch_fasts(make.actor)
    assert await _alerts(diane) == []
    await execute("UPDATE npo_hold SET procedure_at = $2 WHERE id = $1", hold, now - 1.1 * HOUR)
    for _ in range(2):
        await order_jobs.watch_fasts(make.actor)
    assert await _alerts(diane) == ["fasting:procedure_slipped"]
    await diets.extend(bosco, bedside.id, hold, now + 12 * HOUR, now + 9 * HOUR)
    for _ in range(2):
        await order_jobs.watch_fasts(make.actor)
    assert await _alerts(diane) == ["fasting:procedure_slipped"] * 2
    await diets.release_all(bosco, bedside.id)
    await order_jobs.watch_fasts(make.actor)
    assert "procedure_slipped" not in [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)]


# A6: the late tray


@pytest.mark.req("A6")
@pytest.mark.parametrize(
    ("wall", "meal", "day"),
    [("05:00", "breakfast", 0), ("07:10", "breakfast", 0), ("10:30", "breakfast", 0), ("11:15", "lunch", 0),
     ("15:00", "lunch", 0), ("16:30", "lunch", 0),
        ("17:05", "dinner", 0), ("17:15", "dinner", 0), ("21:00", "dinner", 0), ("23:30", "breakfast", 1)],
)  # fmt: skip
def test_who_may_eat_again_gets_the_meal_that_is_nearest(wall: str, meal: str, day: int) -> None:
    now = clock.at(datetime(2025, 3, 10, tzinfo=UTC).date(), time.fromisoformat(wall), KIGALI)
    found = after_fast(sittings(STARTER_PERIODS, now, KIGALI), now)
    assert found is not None
    assert (found.period, found.day.day - 10) == (meal, day)


def test_a_hospital_without_meals_feeds_nobody() -> None:
    assert after_fast([], clock.now()) is None


async def _released(bedside: Bedside, bosco: Actor, hours_ago: float = 0.1) -> None:
    """Fast for an hour until a while ago."""
    await _order_back(bedside.id, 20)
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    await diets.release_all(bosco, bedside.id)
    back = timedelta(hours=hours_ago)
    await execute(
        "UPDATE npo_hold SET start_at = start_at - $2::interval - interval '1 h', set_at = set_at - $2::interval - interval '1 h',"
        " cancelled_at = cancelled_at - $2::interval WHERE patient = $1",
        bedside.id,
        back,
    )


async def _signed(actor: Actor, patient) -> Event:
    found = [event for event in await history(actor, f"patient:{patient}") if event.kind == "diet_order:signed"]
    return found[-1]


async def _trays(actor: Actor, patient) -> list[Order]:
    day = clock.local_day(clock.now(), KIGALI)
    return [
        tray
        for tray in await queries.trays(actor, patient, day, day + timedelta(days=1))
        if tray.status is not Status.HELD
    ]


@pytest.mark.req("A6", "A5")
async def test_the_late_tray_is_queued_once_when_the_diet_is_signed_again(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor
) -> None:
    await _released(bedside, bosco)
    assert await service.feed_after_fast(make.actor, bedside.id) is None
    assert await _trays(bosco, bedside.id) == []
    await diets.resume(diane, bedside.id, PASSWORD)
    event = await _signed(bosco, bedside.id)
    for _ in range(3):
        await order_jobs.late_tray_after_fast(make.actor, event)
        await order_jobs.late_trays_after_fast(make.actor)
    trays = await _trays(bosco, bedside.id)
    assert [tray.status for tray in trays] == [Status.CONFIRMED]
    assert trays[0].automatic == "late_tray"
    gates = await fetch_value(
        "SELECT array_agg(gate) FROM safety_check WHERE meal_order = $1 AND answer = 'allow'", trays[0].id
    )
    assert gates == ["checkout"]


@pytest.mark.req("A6")
async def test_signed_in_the_minute_of_the_release_the_tray_comes_with_the_next_chore(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor
) -> None:
    await diets.hold(bosco, bedside.id, "surgery", clock.now())
    await diets.release_all(bosco, bedside.id)
    await diets.resume(diane, bedside.id, PASSWORD)
    await order_jobs.late_tray_after_fast(make.actor, await _signed(bosco, bedside.id))
    assert await _trays(bosco, bedside.id) == []
    await execute(
        "UPDATE npo_hold SET start_at = start_at - interval '1 h', set_at = set_at - interval '1 h',"
        " cancelled_at = cancelled_at - interval '1 min' WHERE patient = $1",
        bedside.id,
    )
    await order_jobs.late_trays_after_fast(make.actor)
    assert len(await _trays(bosco, bedside.id)) == 1
    chore = next(one for one in wiring.CHORES if one.job == "late_trays_after_fast")
    assert chore.every_s <= 60


@pytest.mark.req("A6")
async def test_a_fast_of_yesterday_and_a_first_diet_make_no_late_tray(
    bedside: Bedside, make: Make, bosco: Actor, diane: Actor
) -> None:
    await order_jobs.late_tray_after_fast(make.actor, await _signed(bosco, bedside.id))
    assert await _trays(bosco, bedside.id) == []
    await _released(bedside, bosco, hours_ago=12.5)
    await diets.resume(diane, bedside.id, PASSWORD)
    await order_jobs.late_tray_after_fast(make.actor, await _signed(bosco, bedside.id))
    assert await service.feed_all(make.actor) == 0
    assert await _trays(bosco, bedside.id) == []


@pytest.mark.req("A6")
async def test_who_has_eaten_since_gets_no_second_tray(
    bedside: Bedside, make: Make, didier: Actor, bosco: Actor, diane: Actor
) -> None:
    await _released(bedside, bosco)
    await diets.resume(diane, bedside.id, PASSWORD)
    await bring_to(didier, await bedside.order("CHK-STW"), Status.DELIVERED)
    before = len(await _trays(bosco, bedside.id))
    assert await service.feed_all(make.actor) == 0
    assert len(await _trays(bosco, bedside.id)) == before


@pytest.mark.req("A6")
async def test_the_late_tray_keeps_to_the_new_diet(bedside: Bedside, make: Make, bosco: Actor, diane: Actor) -> None:
    await diets.add_allergy(bosco, bedside.id, "milk", "severe")
    await _released(bedside, bosco)
    await diets.sign(diane, bedside.id, Prescription(("FULL",), clock.now()))
    await service.feed_all(make.actor)
    trays = await _trays(bosco, bedside.id)
    dishes = await menu.dishes(make.actor)
    for tray in trays:
        for line in tray.lines:
            assert "milk" not in dishes[line.dish_code].allergens
            assert "full_liquid" in dishes[line.dish_code].tags
    if not trays:
        assert "no_safe_tray" in [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)]


def test_every_job_of_a_fast_is_wired() -> None:
    wiring.load_jobs()
    assert {
        "late_tray_after_fast",
        "late_trays_after_fast",
        "watch_fasts",
        "prompt_new_diet",
        "review_long_diets",
    } <= jobs.names()
    assert "late_tray_after_fast" in wiring.REACTIONS["diet_order:signed"]
