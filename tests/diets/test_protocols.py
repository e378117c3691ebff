"""Advancement protocols: exactly one step on, never early, never past a fast, back at any time."""

from datetime import UTC, datetime, timedelta

import pytest

from dusangire import wiring
from dusangire.diets import jobs, queries, service
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.rules.protocols import (
    Course,
    Step,
    against_advancing,
    against_signing,
    against_stepping_back,
    longest_hours,
)
from dusangire.diets.tables import AdvancementMove, DietOrder
from dusangire.kernel import clock
from dusangire.kernel.db import execute, fetch_value
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.journal import history
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.diets.conftest import Ward
from tests.make import PASSWORD, element

NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEPS = (Step(1, "CLEAR", 6), Step(2, "FULL", 12), Step(3, "LOWRES", 0), Step(4, "REG", 0))


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


# The rules


@pytest.mark.req("A17")
@pytest.mark.parametrize(
    ("position", "hours", "status", "on", "back"),
    [
        (1, 6, "active", None, "steps.at_start"),
        (1, 5.9, "active", "steps.too_early", "steps.at_start"),
        (2, 11, "active", "steps.too_early", None),
        (2, 12, "active", None, None),
        (3, 0, "active", None, None),
        (4, 99, "active", "steps.at_end", None),
        (2, 99, "on_hold", "steps.not_in_force", "steps.not_in_force"),
        (2, 99, "replaced", "steps.not_in_force", "steps.not_in_force"),
        (2, 99, "revoked", "steps.not_in_force", "steps.not_in_force"),
    ],
)
def test_one_step_on_when_its_hours_are_over_and_back_at_any_time(position, hours, status, on, back):
    course = Course(STEPS, position, NOON - hours * HOUR, status)
    assert against_advancing(course, NOON) == on
    assert against_stepping_back(course) == back


@pytest.mark.req("A17")
@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        (STEPS, None),
        (STEPS[:1], "steps.count"),
        (tuple(Step(n, "REG", 0) for n in range(1, 8)), "steps.count"),
        ((STEPS[0], Step(2, "CLEAR", 0)), "steps.doubled"),
        ((STEPS[0], Step(2, "NPO", 0)), "steps.unknown"),
        ((STEPS[0], Step(2, "SOUP", 0)), "steps.unknown"),
        ((STEPS[0], Step(2, "IDDSI6", 0)), "steps.drink"),
        ((STEPS[0], Step(2, "IDDSI6", 0, 0)), None),
        ((STEPS[0], Step(2, "REG", 169)), "steps.hours_wrong"),
    ],
)
def test_what_may_be_signed(ward: Ward, steps, wrong):
    assert against_signing(steps, ward.manual) == wrong


@pytest.mark.req("A17")
def test_clear_liquids_last_48_hours_by_the_manual_and_a_fast_is_no_diet(ward: Ward):
    assert longest_hours(ward.manual) == {"CLEAR": 48, "FULL": 72}


# The way


async def _signed(diane, patient, steps=STEPS):
    return await service.sign_protocol(diane, patient, steps, "bowel surgery", PASSWORD)


@pytest.fixture
async def later(make):
    """Let time pass on this hospital's protocols."""

    async def passed(patient, hours: float) -> None:
        import asyncpg

        from dusangire.kernel.db import address
        from dusangire.kernel.settings import settings

        conn = await asyncpg.connect(**address(settings().owner_url))
        try:
            await conn.execute(
                """
                UPDATE advancement_move SET moved_at = moved_at - make_interval(hours => $2)
                WHERE protocol IN (SELECT id FROM advancement_protocol WHERE patient = $1)
                """,
                patient,
                hours,
            )
        finally:
            await conn.close()

    return passed


async def _codes(actor, patient) -> list[str]:
    return [code for row in await queries.diet_now(actor, patient) for code in row.codes]


@pytest.mark.req("A17")
async def test_a_nurse_walks_the_signed_way_step_by_step(make, bosco, diane, amina, later):
    await make.menu()
    await service.sign(diane, amina.patient, Prescription(("REG",), clock.now()))
    await _signed(diane, amina.patient)
    assert await _codes(bosco, amina.patient) == ["CLEAR"]
    with pytest.raises(Refusal, match=r"steps\.too_early"):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    for position, hours, code in ((1, 6, "FULL"), (2, 12, "LOWRES"), (3, 0, "REG")):
        await later(amina.patient, hours)
        step = await service.advance_step(bosco, amina.patient, PASSWORD, seen=position)
        assert (step.code, await _codes(bosco, amina.patient)) == (code, [code])
    with pytest.raises(Refusal, match=r"steps\.at_end"):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=4)
    way = await queries.protocol(bosco, amina.patient)
    assert [one.position for one in way.taken] == [1, 2, 3, 4]
    assert [one.moved_by_name for one in way.taken] == [diane.name, bosco.name, bosco.name, bosco.name]
    orders = [row for row in await queries.orders_of(bosco, amina.patient) if row.signed_by == bosco.user]
    assert all(row.is_under_protocol for row in orders)
    kinds = [event.kind for event in await history(bosco, f"patient:{amina.patient}")]
    assert kinds.count("protocol:advanced") == 3


@pytest.mark.req("A17")
async def test_no_step_is_skipped_by_an_old_page_or_a_double_tap(make, bosco, diane, amina, later):
    await make.menu()
    await _signed(diane, amina.patient, tuple(Step(one.position, one.code, 0) for one in STEPS))
    await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    for seen in (1, 3, 0, -1):
        with pytest.raises(Refusal, match=r"error\.changed"):
            await service.advance_step(bosco, amina.patient, PASSWORD, seen=seen)
    assert await _codes(bosco, amina.patient) == ["FULL"]


@pytest.mark.req("A17")
async def test_a_step_asks_for_the_right_and_the_password(make, bosco, diane, didier, ines, amina):
    await make.menu()
    with pytest.raises(NoRight):
        await _signed(bosco, amina.patient)
    with pytest.raises(NotHere):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    await _signed(diane, amina.patient, tuple(Step(one.position, one.code, 0) for one in STEPS))
    with pytest.raises(NoRight):
        await service.advance_step(didier, amina.patient, PASSWORD, seen=1)
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await service.advance_step(bosco, amina.patient, "wrong", seen=1)
    with pytest.raises(NotHere):
        await service.advance_step(bosco, ines.patient, PASSWORD, seen=1)
    assert await _codes(bosco, amina.patient) == ["CLEAR"]


@pytest.mark.req("A17")
async def test_without_the_rule_of_hours_the_early_step_is_taken(make, bosco, diane, amina, monkeypatch):
    """The negative control of the step's least time."""
    await make.menu()
    await _signed(diane, amina.patient)
    monkeypatch.setattr("dusangire.diets.service.protocols.against_advancing", lambda *_: None)
    await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    assert await _codes(bosco, amina.patient) == ["FULL"]


@pytest.mark.req("A17")
async def test_back_is_possible_at_once_and_its_time_runs_anew(make, bosco, diane, amina, later):
    await make.menu()
    await _signed(diane, amina.patient)
    await later(amina.patient, 6)
    await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    assert (await service.step_back(bosco, amina.patient, PASSWORD, seen=2)).code == "CLEAR"
    with pytest.raises(Refusal, match=r"steps\.too_early"):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    with pytest.raises(Refusal, match=r"steps\.at_start"):
        await service.step_back(bosco, amina.patient, PASSWORD, seen=1)


@pytest.mark.req("A17", "A5")
async def test_no_step_leads_past_a_fast_until_a_doctor_has_signed(make, bosco, diane, amina, later):
    await make.menu()
    await _signed(diane, amina.patient)
    await later(amina.patient, 7)
    hold = await service.hold(bosco, amina.patient, "test", clock.now())
    with pytest.raises(Refusal, match=r"steps\.not_in_force"):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    await service.release(bosco, amina.patient, hold)
    with pytest.raises(Refusal, match=r"steps\.not_in_force"):
        await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    assert await _codes(bosco, amina.patient) == []
    await service.resume(diane, amina.patient, PASSWORD)
    assert await _codes(bosco, amina.patient) == ["CLEAR"]
    way = await queries.protocol(bosco, amina.patient)
    assert (way.course.position, way.course.is_in_force) == (1, True)
    await execute(
        "UPDATE npo_hold SET start_at = start_at - interval '2 h', set_at = set_at - interval '2 h',"
        " cancelled_at = cancelled_at - interval '1 h' WHERE hospital = $1",
        make.actor.hospital,
    )
    await later(amina.patient, 7)
    assert (await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)).code == "FULL"


@pytest.mark.req("A17")
async def test_without_that_guard_a_nurse_would_resume_the_diet_during_the_fast(
    make, bosco, diane, amina, later, monkeypatch
):
    async def lets_pass(*_):
        return None

    await make.menu()
    await _signed(diane, amina.patient)
    await later(amina.patient, 7)
    await service.hold(bosco, amina.patient, "test", clock.now(), clock.now() + HOUR)
    monkeypatch.setattr("dusangire.diets.service.protocols._refuse_suspended", lets_pass)
    await service.advance_step(bosco, amina.patient, PASSWORD, seen=1)
    assert [row.codes for row in await queries.active_orders(bosco, amina.patient)] == [("FULL",)]


@pytest.mark.req("A17")
async def test_a_doctor_replaces_and_stops_a_protocol_and_discharge_ends_it(make, bosco, diane, amina):
    await make.menu()
    await _signed(diane, amina.patient)
    await _signed(diane, amina.patient, (Step(1, "FULL", 1), Step(2, "REG", 1)))
    assert await _codes(diane, amina.patient) in (["FULL"], ["CLEAR", "FULL"])
    with pytest.raises(NoRight):
        await service.stop_protocol(bosco, amina.patient)
    await service.stop_protocol(diane, amina.patient)
    assert await queries.protocol(diane, amina.patient) is None
    await _signed(diane, amina.patient)
    await wards.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    ends = [one.end_reason for one in await queries.past_protocols(diane, amina.patient)]
    assert sorted(ends) == ["discharged", "replaced", "stopped"]


@pytest.mark.req("A17")
async def test_clear_liquids_over_48_hours_become_one_task_through_every_renewal(make, diane, amina):
    await make.menu()
    first = await service.sign(diane, amina.patient, Prescription(("CLEAR",), clock.now()))
    await DietOrder.update({DietOrder.start_at: clock.now() - 47 * HOUR}).where(DietOrder.id == first)
    await service.sign(diane, amina.patient, Prescription(("CLEAR",), clock.now(), replaces=first))
    await jobs.review_long_diets(make.actor)
    assert await queries.open_tasks(diane, amina.patient) == []
    await DietOrder.update({DietOrder.start_at: clock.now() - 49 * HOUR}).where(DietOrder.id == first)
    for _ in range(2):
        await jobs.review_long_diets(make.actor)
    tasks = await queries.open_tasks(diane, amina.patient)
    assert [(task.kind, task.about) for task in tasks] == [("diet_review", "CLEAR")]
    await service.finish_task(diane, tasks[0].id)
    await jobs.review_long_diets(make.actor)
    assert await queries.open_tasks(diane, amina.patient) == []


async def test_what_was_walked_cannot_be_rewritten_by_the_program(make, diane, amina):
    import asyncpg

    await make.menu()
    await _signed(diane, amina.patient)
    for sql in ("UPDATE advancement_move SET position = 4", "UPDATE advancement_step SET least_hours = 0"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(sql)
    assert await fetch_value("SELECT count(*) FROM advancement_move WHERE hospital = $1", diane.hospital) == 1
    assert AdvancementMove._meta.tablename == "advancement_move"


# Pages


def _form(**changes: str) -> dict[str, str]:
    form = {"reason": "bowel surgery", "password": PASSWORD}
    for number, (code, hours) in enumerate((("CLEAR", "0"), ("FULL", "12"), ("REG", "0")), 1):
        form |= {f"step{number}": code, f"hours{number}": hours}
    return form | changes


@pytest.mark.req("A17")
async def test_a_protocol_is_signed_on_its_page(make, bosco, diane, amina, ines, browser):
    await make.menu()
    doctor, here = browser(diane), f"/health-profiles/{amina.patient}/steps"
    text = (await doctor.get(here)).text
    assert "Sign protocol" in text
    assert 'value="CLEAR" selected' in text
    for wrong, field in (
        ({"password": ""}, "password"),
        ({"password": "no"}, "password"),
        ({"hours2": "x"}, "hours2"),
        ({"step2": "CLEAR"}, "step1"),
        ({"step2": "", "step3": ""}, "step1"),
    ):
        answer = await doctor.post(here, _form(**wrong))
        assert answer.status_code == 422, wrong
        assert f'id="{field}-error"' in answer.text
    assert await queries.protocol(diane, amina.patient) is None
    assert (await browser(bosco).post(here, _form())).status_code == 403
    assert (await doctor.post(f"/health-profiles/{ines.patient}/steps", _form())).status_code == 404
    assert (await doctor.post(here, _form())).status_code == 303
    assert await _codes(diane, amina.patient) == ["CLEAR"]


@pytest.mark.req("A17")
async def test_the_nurse_advances_on_the_page_with_her_password(make, bosco, diane, amina, browser):
    await make.menu()
    here = f"/health-profiles/{amina.patient}/steps"
    await browser(diane).post(here, _form())
    nurse = browser(bosco)
    text = (await nurse.get(here)).text
    assert "Advance to Liquid food only" in text
    assert "Sign protocol" not in text
    wrong = await nurse.post(here + "/advance", {"seen": "1", "password": "no"})
    assert wrong.status_code == 422
    assert 'id="password-error"' in wrong.text
    assert (await nurse.post(here + "/advance", {"seen": "1", "password": PASSWORD})).status_code == 303
    text = (await nurse.get(here)).text
    assert "Next step possible" in text
    assert "Back to Clear drinks only" in text
    early = await nurse.post(here + "/advance", {"seen": "2", "password": PASSWORD})
    assert early.status_code == 409
    assert "The next step is possible from" in early.text
    assert (await nurse.post(here + "/back", {"seen": "2", "password": PASSWORD})).status_code == 303
    assert await _codes(bosco, amina.patient) == ["CLEAR"]
    assert (await nurse.post(here + "/stop")).status_code == 403
    assert (await browser(diane).post(here + "/stop")).status_code == 303
    history_ = element((await nurse.get(here)).text, "steps-past")
    assert history_.count("Clear drinks only") == 2
