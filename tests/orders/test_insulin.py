"""Insulin and its meal: the nurse hears of the tray with its carbohydrate, and of one that does not come, once each."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets.service.flags import set_flag
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.menu import queries as menu
from dusangire.notify.queries import inbox
from dusangire.orders import jobs, queries, service
from dusangire.orders.queries.insulin import insulin_report, insulin_tray, insulin_trays
from dusangire.orders.rules import Status, Verb
from dusangire.orders.rules.insulin import DoseState, Eaten, alarm, carbohydrate_g, is_in_time, missed_since, percent
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Browser, Make

__all__ = ["_wired", "bedside", "tray"]

Open = Callable[[Actor | None], Browser]
NOW = clock.now()


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


@pytest.fixture
async def injects(bedside: Bedside, diane: Actor) -> Bedside:
    """Amina, who injects insulin with her meals."""
    with acting_as(diane):
        await set_flag(diane, bedside.id, "mealtime_insulin")
    return bedside


async def tasks(make: Make, patient: UUID) -> list[str]:
    with acting_as(make.actor):
        return sorted(task.kind for task in await diet_queries.open_tasks(make.actor, patient))


async def news(actor: Actor, order: UUID, kind: str) -> int:
    with acting_as(actor):
        return await fetch_value(
            "SELECT count(*) FROM event WHERE hospital = $1 AND about = $2 AND kind = $3",
            actor.hospital, f"order:{order}", kind,
        )  # fmt: skip


async def shift(make: Make, order: UUID, by: int) -> None:
    """Let the meal have been served so many minutes ago: its window ends then."""
    await execute(
        "UPDATE meal_order SET serve_from = now() - make_interval(mins => $3 + 5), serve_to = now() - make_interval(mins => $3)"
        " WHERE hospital = $1 AND id = $2", make.actor.hospital, order, by,
    )  # fmt: skip


@pytest.mark.req("A18")
@pytest.mark.parametrize(
    ("status", "given", "since"),
    [
        (Status.CONFIRMED, None, 60),
        (Status.OUT_FOR_DELIVERY, None, 60),
        (Status.HELD, None, 10),
        (Status.CANCELLED, None, 10),
        (Status.UNDELIVERED, None, 10),
        (Status.PREPARING, 20, 20),
        (Status.PREPARING, 90, 60),
    ],
)
def test_from_when_a_tray_is_missed(status: Status, given: int | None, since: int) -> None:
    found = missed_since(
        status, NOW, NOW + minutes(60), NOW + minutes(10), None if given is None else NOW + minutes(given)
    )
    assert found == NOW + minutes(since)


@pytest.mark.req("A18")
@pytest.mark.parametrize(
    ("after", "told"), [(0, None), (14, None), (15, DoseState.LATE), (29, DoseState.LATE), (30, DoseState.ESCALATED)]
)
def test_who_is_called_after_so_many_minutes(after: int, told: DoseState | None) -> None:
    assert alarm(NOW, NOW + minutes(after)) is told


@pytest.mark.parametrize(("gap", "ok"), [(-16, False), (-15, True), (0, True), (15, True), (16, False)])
def test_a_dose_is_in_time_a_quarter_of_an_hour_before_or_after(gap: int, ok: bool) -> None:
    assert is_in_time(NOW, NOW + minutes(gap)) is ok


def test_shares_of_nothing_are_not_zero() -> None:
    assert (percent(0, 0), percent(2, 3)) == (None, 67)


@pytest.mark.req("A18")
@pytest.mark.parametrize("status", [Status.ARRIVED, Status.DELIVERED])
async def test_the_arrival_of_a_tray_tells_the_nurse_the_exact_carbohydrate(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor, status: Status
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=status)
    with acting_as(make.actor):
        dishes = await menu.dishes(make.actor)
        exact = carbohydrate_g([line.tray_line() for line in made.lines], dishes)
        found = await insulin_tray(bosco, made.id)
        event = next(e for e in await queries.history(bosco, made.id) if e.kind == "insulin:due")
        await jobs.tell_of_insulin(make.actor, event)
        await jobs.tell_of_insulin(make.actor, event)
        (message,) = [m for m in await inbox(bosco) if m.kind == "insulin:due"]
    assert exact
    assert found.carb_g == exact
    assert event.facts["carb_g"] == f"{exact.normalize():f}"
    assert f"{exact.normalize():f} g carbohydrate" in message.body
    assert (event.at - made.status_at).total_seconds() < 30
    assert await tasks(make, injects.id) == ["insulin_due"]
    assert await news(bosco, made.id, "insulin:due") == 1


@pytest.mark.req("A18")
async def test_without_the_flag_nobody_is_called(make: Make, bedside: Bedside, tray: Tray, bosco: Actor) -> None:
    """The negative control: the same arrival of somebody who does not inject."""
    made = await tray("CHK-STW", "POT-BLD", status=Status.DELIVERED)
    assert await tasks(make, bedside.id) == []
    assert await news(bosco, made.id, "insulin:due") == 0


@pytest.mark.req("A18")
async def test_the_dose_is_recorded_once_and_the_task_is_done(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.ARRIVED)
    with acting_as(bosco):
        await service.give(bosco, made.id)
        with pytest.raises(Refusal) as again:
            await service.give(bosco, made.id)
    assert again.value.key == "insulin.given_already"
    assert await tasks(make, injects.id) == []
    with acting_as(bosco):
        today = clock.local_day(clock.now(), bosco.zone)
        report = await insulin_report(bosco, today - timedelta(days=1), today + timedelta(days=1))
    assert (report.trays, len(report.doses), report.percent_in_time) == (1, 1, 100)


@pytest.mark.req("A18")
async def test_a_dose_far_from_its_tray_counts_against_the_report(injects: Bedside, tray: Tray, bosco: Actor) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.ARRIVED)
    with acting_as(bosco):
        await service.give(bosco, made.id, clock.now() - minutes(40))
        today = clock.local_day(clock.now(), bosco.zone)
        report = await insulin_report(bosco, today - timedelta(days=1), today + timedelta(days=1))
    assert (report.in_time, report.percent_in_time) == (0, 0)
    assert report.doses[0].minutes in (-40, -41)


async def test_a_dose_of_tomorrow_or_of_nobody_is_refused(bedside: Bedside, tray: Tray, bosco: Actor) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.ARRIVED)
    with acting_as(bosco):
        for at, key in ((None, "insulin.not_flagged"), (clock.now() + minutes(90), "insulin.time_bad")):
            with pytest.raises(Refusal) as refused:
                await service.give(bosco, made.id, at)
            assert refused.value.key == key


@pytest.mark.req("A18")
async def test_a_late_tray_is_told_after_15_and_escalated_after_30_minutes_once_each(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor, diane: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(make.actor):
        assert await service.tell_late(make.actor) == 0
        await shift(make, made.id, 14)
        assert await service.tell_late(make.actor) == 0
        await shift(make, made.id, 16)
        assert [await service.tell_late(make.actor) for _ in range(3)] == [1, 0, 0]
        assert await tasks(make, injects.id) == ["insulin_late"]
        await shift(make, made.id, 31)
        assert [await service.tell_late(make.actor) for _ in range(3)] == [1, 0, 0]
        assert await tasks(make, injects.id) == ["insulin_escalated", "insulin_late"]
        event = next(e for e in await queries.history(bosco, made.id) if e.kind == "insulin:escalated")
        await jobs.tell_of_insulin(make.actor, event)
        told = [m.kind for m in await inbox(diane)]
    assert told == ["insulin:escalated"]


@pytest.mark.req("A18")
async def test_whoever_looks_after_it_is_not_called_again(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(make.actor):
        await shift(make, made.id, 16)
        await service.tell_late(make.actor)
        await service.see(bosco, made.id)
        await service.see(bosco, made.id)
        await shift(make, made.id, 45)
        assert await service.tell_late(make.actor) == 0
    assert await tasks(make, injects.id) == []
    assert await news(bosco, made.id, "insulin:seen") == 1


@pytest.mark.req("A18")
@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.CANCEL])
async def test_a_stopped_tray_is_missed_and_a_replacement_ends_it(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor, verb: Verb
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(make.actor):
        await service.advance(bosco, made.id, verb)
        await execute(
            "UPDATE meal_order SET serve_from = now() - interval '20 min', status_at = now() - interval '20 min'"
            " WHERE hospital = $1 AND id = $2", make.actor.hospital, made.id,
        )  # fmt: skip
        other = await tray("BNS", "POT-BLD")
        assert (other.day, other.period) == (made.day, made.period)
        assert await service.tell_late(make.actor) == 0
        await service.advance(bosco, other.id, Verb.CANCEL)
        assert await service.tell_late(make.actor) >= 1
    assert "insulin_late" in await tasks(make, injects.id)


@pytest.mark.req("A18")
async def test_an_early_dose_starts_the_clock_and_the_tray_stops_it(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.OUT_FOR_DELIVERY)
    with acting_as(make.actor):
        await service.give(bosco, made.id, clock.now() - minutes(16))
        assert await service.tell_late(make.actor) == 1
        await service.advance(bosco, made.id, Verb.ARRIVE)
        assert await service.tell_late(make.actor) == 0
        (found,) = await insulin_trays(bosco, clock.now())
    assert found.state(clock.now()) is DoseState.GIVEN
    assert await tasks(make, injects.id) == []


@pytest.mark.req("A18")
@pytest.mark.parametrize(("eaten", "called"), [(one, one in (Eaten.LITTLE, Eaten.NOTHING)) for one in Eaten])
async def test_less_than_half_eaten_calls_the_nurse(
    make: Make, injects: Bedside, tray: Tray, bosco: Actor, eaten: Eaten, called: bool
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.DELIVERED)
    with acting_as(make.actor):
        await service.give(bosco, made.id)
        await service.say_eaten(bosco, made.id, eaten)
        await service.say_eaten(bosco, made.id, eaten)
        found = await insulin_tray(bosco, made.id)
    assert found.eaten is eaten
    assert await tasks(make, injects.id) == (["insulin_ate_little"] if called else [])
    assert await news(bosco, made.id, "insulin:ate_little") == int(called)


async def test_little_eaten_without_insulin_calls_nobody(
    make: Make, bedside: Bedside, tray: Tray, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.DELIVERED)
    with acting_as(make.actor):
        await service.say_eaten(bosco, made.id, Eaten.NOTHING)
    assert await tasks(make, bedside.id) == []


async def test_nothing_is_said_eaten_of_a_tray_that_was_not_handed_over(
    bedside: Bedside, tray: Tray, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(bosco), pytest.raises(Refusal):
        await service.say_eaten(bosco, made.id, Eaten.ALL)


@pytest.mark.req("A18")
async def test_the_pages_work_without_javascript(
    make: Make, injects: Bedside, tray: Tray, browser: Open, bosco: Actor, esther: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.DELIVERED)
    ward = browser(bosco)
    page = (await ward.get("/insulin/")).text
    assert f'Insulin given<span class="hidden"> {made.bed_code}</span>' in page
    assert 'content="30"' in page
    assert (await ward.get(f"/insulin/{made.id}")).status_code == 200
    assert (await ward.post(f"/insulin/{made.id}/given", {"at": "25:99"})).status_code == 422
    assert (await ward.post(f"/insulin/{made.id}/given")).status_code == 303
    assert (await ward.post(f"/insulin/{made.id}/given")).status_code == 409
    assert "The dose is recorded" in (await ward.get(f"/insulin/{made.id}?said=given")).text
    assert (await ward.post(f"/insulin/{made.id}/seen")).status_code == 303
    assert "100 %" in (await ward.get("/insulin/report")).text
    assert (await ward.get("/insulin/report?first=x")).status_code == 422
    carrier = browser(esther)
    assert (await carrier.get(f"/orders/{made.id}/intake")).status_code == 200
    assert (await carrier.post(f"/orders/{made.id}/intake", {"eaten": "lots"})).status_code == 422
    assert (await carrier.post(f"/orders/{made.id}/intake", {"eaten": "little"})).status_code == 303
    assert "Less than half was eaten" in (await ward.get(f"/insulin/{made.id}")).text
    assert "How much was eaten" in (await carrier.get(f"/tray/{made.tray_token}")).text


async def test_a_stranger_of_the_other_hospital_sees_nothing(
    make: Make, injects: Bedside, tray: Tray, browser: Open
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.DELIVERED)
    other = await make.other()
    stranger = browser(await other.user("Other Nurse", Role.NURSE))
    for path in (f"/insulin/{made.id}", f"/orders/{made.id}/intake"):
        assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"/insulin/{made.id}/given")).status_code == 404


@pytest.mark.req("A18")
async def test_the_ward_board_and_the_bed_call_until_the_dose_is_given(
    injects: Bedside, tray: Tray, browser: Open, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.ARRIVED)
    ward = browser(bosco)
    for path in (f"/wards/{made.ward_code}", f"/wards/bed/{made.bed_code}"):
        page = (await ward.get(path)).text
        assert f"/insulin/{made.id}" in page
        assert "Tray is here: insulin" in page
    await ward.post(f"/insulin/{made.id}/given")
    assert f"/insulin/{made.id}" not in (await ward.get(f"/wards/{made.ward_code}")).text
