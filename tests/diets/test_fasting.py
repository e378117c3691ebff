"""Fasts: the clock, what an operation allows, prolonging, releasing, and the same diet signed again."""

from datetime import UTC, datetime, timedelta

import pytest

from dusangire import wiring
from dusangire.diets import jobs, queries, service
from dusangire.diets.rules.fasting import ASA_HOURS, Intake, Slip, fasting_clock, hints, is_child, slip
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.tables import DietOrder, NpoHold
from dusangire.kernel import clock
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.journal import history
from dusangire.notify import queries as notify
from tests.make import PASSWORD, element

NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


def order(*codes: str, **changes) -> Prescription:
    return Prescription(codes=codes, start_at=clock.now(), **changes)


# The clock, as rules


@pytest.mark.req("A6")
@pytest.mark.parametrize(
    ("ate_h", "admitted_h", "child", "hours", "is_long", "is_from_meal"),
    [
        (3, 48, False, 3, False, True),
        (11.99, 48, False, 11, False, True),
        (12, 48, False, 12, True, True),
        (5.99, 48, True, 5, False, True),
        (6, 48, True, 6, True, True),
        (None, 13, False, 13, True, False),
        (30, 2, False, 2, False, False),  # eaten in an earlier stay
    ],
)
def test_the_clock_counts_from_the_last_food_of_this_stay(ate_h, admitted_h, child, hours, is_long, is_from_meal):
    ate = None if ate_h is None else NOON - ate_h * HOUR
    found = fasting_clock(ate, NOON - admitted_h * HOUR, NOON, is_child=child)
    assert (found.hours, found.is_long, found.is_from_meal) == (hours, is_long, is_from_meal)


@pytest.mark.req("A6")
def test_a_child_is_below_sixteen():
    assert (is_child(15), is_child(16)) == (True, False)


@pytest.mark.req("A6")
def test_the_hints_before_an_operation_are_two_four_six_and_eight_hours():
    assert list(ASA_HOURS.values()) == [2, 4, 6, 8]
    found = {hint.intake: hint for hint in hints(NOON + 5 * HOUR, NOON)}
    assert found[Intake.CLEAR].until == NOON + 3 * HOUR
    assert [found[one].is_over for one in Intake] == [False, False, True, True]


@pytest.mark.req("A6")
@pytest.mark.parametrize(
    ("planned_h", "extended", "why"),
    [
        (None, False, None),
        (-0.5, False, None),
        (-1, False, None),
        (-1.01, False, Slip.LATE),
        (3, False, None),
        (3, True, Slip.EXTENDED),
        (-2, True, Slip.LATE),
    ],
)
def test_an_operation_slips_an_hour_after_its_time_or_when_the_fast_is_prolonged(planned_h, extended, why):
    planned = None if planned_h is None else NOON + planned_h * HOUR
    assert slip(planned, NOON if extended else None, NOON) == why


# Prolonged and released


@pytest.mark.req("A6")
async def test_a_fast_is_prolonged_and_its_operation_moved(make, bosco, amina):
    now = clock.now()
    made = await service.hold(
        bosco, amina.patient, "surgery", now, now + 2 * HOUR, procedure_at=now + HOUR
    )  # fmt: skip
    await service.extend(bosco, amina.patient, made, now + 5 * HOUR, now + 4 * HOUR)
    row = (await queries.holds(bosco, amina.patient))[0]
    assert row.end_at > now + 4.9 * HOUR
    assert row.procedure_at == now + 4 * HOUR
    assert row.extended_at is not None
    with pytest.raises(Refusal, match=r"fasting\.not_later"):
        await service.extend(bosco, amina.patient, made, now + 3 * HOUR)
    kinds = [event.kind for event in await history(bosco, f"patient:{amina.patient}")]
    assert "npo_hold:extended" in kinds


@pytest.mark.req("A4")
async def test_an_operation_before_its_fast_is_refused(make, bosco, amina):
    now = clock.now()
    with pytest.raises(Refusal, match=r"fasting\.procedure_before"):
        await service.hold(bosco, amina.patient, "surgery", now, None, procedure_at=now - HOUR)


@pytest.mark.req("A4", "A6")
async def test_one_release_ends_every_hold_that_runs_and_leaves_what_is_to_come(make, bosco, didier, amina):
    now = clock.now()
    for start in (now, now - HOUR, now + 5 * HOUR):
        await service.hold(bosco, amina.patient, "test", start, now + 9 * HOUR)
    with pytest.raises(NoRight):
        await service.release_all(didier, amina.patient)
    assert await service.release_all(bosco, amina.patient) == 2
    left = [row.start_at > now for row in await queries.holds(bosco, amina.patient) if row.cancelled_at is None]
    assert left == [True]
    with pytest.raises(Refusal, match=r"fasting\.not_fasting"):
        await service.release_all(bosco, amina.patient)


# The same diet as before


async def _suspended(bosco, diane, patient, *codes: str) -> None:
    for code in codes:
        await service.sign(diane, patient, order(code))
    await service.hold(bosco, patient, "test", clock.now())
    await service.release_all(bosco, patient)


@pytest.mark.req("A5", "A6")
async def test_the_same_diet_as_before_is_signed_with_one_password(make, bosco, diane, amina):
    await make.menu()
    await _suspended(bosco, diane, amina.patient, "CARDIAC", "GF")
    assert await queries.diet_now(bosco, amina.patient) == []
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await service.resume(diane, amina.patient, "wrong")
    assert await queries.diet_now(bosco, amina.patient) == []
    await service.resume(diane, amina.patient, PASSWORD)
    now = {row.codes for row in await queries.diet_now(bosco, amina.patient)}
    assert now == {("CARDIAC",), ("GF",)}
    assert {row.status for row in await queries.orders_of(bosco, amina.patient)} == {"active", "replaced"}
    assert await queries.open_tasks(bosco, amina.patient) == []
    with pytest.raises(Refusal, match=r"fasting\.nothing_waits"):
        await service.resume(diane, amina.patient, PASSWORD)


@pytest.mark.req("A5")
async def test_only_a_doctor_signs_it_again_and_never_while_the_fast_runs(make, bosco, diane, chantal, ines, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.hold(bosco, amina.patient, "test", clock.now())
    for who in (bosco, chantal):
        with pytest.raises(NoRight):
            await service.resume(who, amina.patient, PASSWORD)
    with pytest.raises(Refusal, match=r"fasting\.still"):
        await service.resume(diane, amina.patient, PASSWORD)
    with pytest.raises(NotHere):
        await service.resume(diane, ines.patient, PASSWORD)


@pytest.mark.req("A5")
async def test_without_the_suspension_the_diet_would_come_back_by_itself(make, bosco, diane, amina, monkeypatch):
    """The negative control: where a hold suspends nothing, the diet is in force again after it."""
    await make.menu()
    monkeypatch.setattr("dusangire.diets.rules.orders.is_suspended", lambda *_: False)
    monkeypatch.setattr("dusangire.diets.queries.patients.is_suspended", lambda *_: False)
    await _suspended(bosco, diane, amina.patient, "CARDIAC")
    assert len(await queries.diet_now(bosco, amina.patient)) == 1


@pytest.mark.req("A5")
async def test_an_expired_fast_asks_each_doctor_once_with_a_link_to_the_filled_prescription(
    make, bosco, diane, amina, browser
):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    made = await service.hold(bosco, amina.patient, "test", clock.now(), clock.now() + HOUR)
    past = clock.now() - 4 * HOUR
    await DietOrder.update({DietOrder.signed_at: past, DietOrder.start_at: past}).where(DietOrder.id == signed)
    await NpoHold.update({
        NpoHold.start_at: past + HOUR, NpoHold.end_at: past + 2 * HOUR, NpoHold.set_at: past,
    }).where(NpoHold.id == made)  # fmt: skip
    for _ in range(2):
        await jobs.tasks_no_diet_order(make.actor)
    task = (await queries.open_tasks(diane, amina.patient))[0]
    assert task.link == f"/health-profiles/{amina.patient}/diet-order?renew={signed}"
    held = [e for e in await history(diane, f"patient:{amina.patient}") if e.kind == "diet_order:on_hold"]
    assert len(held) == 1
    for _ in range(2):
        await jobs.prompt_new_diet(make.actor, held[0])
    with acting_as(diane):
        assert [one.kind for one in await notify.inbox(diane)] == ["fasting:npo_over"]
    desk = element((await browser(diane).get("/health-profiles/")).text, "new-diet")
    assert "New diet order?" in desk
    assert f"renew={signed}" in desk
    page = (await browser(diane).get(task.link)).text
    assert 'value="CARDIAC" selected' in page
    form = {
        "diet": "CARDIAC", "replaces": str(signed), "allergies": "1", "password": PASSWORD,
        "start": clock.local(clock.now(), "Africa/Kigali").strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    assert (await browser(diane).post(f"/health-profiles/{amina.patient}/diet-order/sign", form)).status_code == 303
    assert [row.codes for row in await queries.diet_now(diane, amina.patient)] == [("CARDIAC",)]
    assert element((await browser(diane).get("/health-profiles/")).text, "new-diet") == ""


# Alerts


@pytest.mark.req("A6")
async def test_an_alert_reaches_the_people_of_the_ward_once_and_nobody_elses(make, bosco, diane, chantal, amina):
    from dusangire.accounts.tables import Membership

    elsewhere = await make.user("Other Nurse", Role.NURSE)
    ward = await make.ward("Z", 1)
    with acting_as(make.actor):
        await Membership.update({Membership.wards: [ward]}).where(Membership.app_user == elsewhere.user)
        for _ in range(3):
            told = await service.alert(make.actor, amina.patient, service.LONG_FAST, "one", {"hours": 12})
    assert told is False
    for who, count in ((bosco, 1), (diane, 1), (chantal, 0), (elsewhere, 0)):
        assert len(await notify.inbox(who)) == count
    assert [task.kind for task in await queries.open_tasks(bosco, amina.patient)] == ["long_fast"]
    await service.settle_alert(bosco, amina.patient, service.LONG_FAST)
    assert not await service.alert(make.actor, amina.patient, service.LONG_FAST, "one", {"hours": 13})
    assert await queries.open_tasks(bosco, amina.patient) == []


@pytest.mark.req("A6")
async def test_without_the_row_that_claims_it_the_alert_is_told_again(make, bosco, amina, monkeypatch):
    async def always(_actor, _key):
        return True

    monkeypatch.setattr("dusangire.diets.service.fasting.once", always)
    await service.alert(make.actor, amina.patient, service.LONG_FAST, "one", {"hours": 12})
    await service.settle_alert(bosco, amina.patient, service.LONG_FAST)
    assert await service.alert(make.actor, amina.patient, service.LONG_FAST, "one", {"hours": 12})
    found = await fetch_value(
        "SELECT count(*) FROM event WHERE hospital = $1 AND kind = 'fasting:long_fast'", bosco.hospital
    )
    assert found == 2


# Pages


def _hold_form(**changes) -> dict[str, str]:
    now = clock.local(clock.now(), "Africa/Kigali")
    form = {
        "npo_reason": "surgery",
        "npo_from": now.strftime("%Y-%m-%dT%H:%M"),
        "npo_until": (now + 4 * HOUR).strftime("%Y-%m-%dT%H:%M"),
        "npo_procedure": (now + 3 * HOUR).strftime("%Y-%m-%dT%H:%M"),
    }
    return form | changes


@pytest.mark.req("A4", "A6")
async def test_the_form_takes_the_operation_and_the_page_says_until_when_one_may_drink(bosco, amina, browser):
    page = browser(bosco)
    here = f"/health-profiles/{amina.patient}"
    for wrong, field in (
        ({"npo_reason": ""}, "npo_reason"),
        ({"npo_until": ""}, "npo_until"),
        ({"npo_procedure": "x"}, "npo_procedure"),
    ):
        answer = await page.post(f"{here}/npo", _hold_form(**wrong))
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        assert await queries.holds(bosco, amina.patient) == []
    assert (await page.post(f"{here}/npo", _hold_form())).status_code == 303
    text = element((await page.get(here)).text, "npo")
    assert "Operation" in text
    for words in ("Clear drinks until", "Light meal until", "A hint only"):
        assert words in text


@pytest.mark.req("A6")
async def test_prolonging_needs_a_later_end(bosco, amina, ines, browser):
    now = clock.now()
    made = await service.hold(bosco, amina.patient, "surgery", now, now + 2 * HOUR)
    page, here = browser(bosco), f"/health-profiles/{amina.patient}/npo/{made}/extend"
    assert (await page.post(here, {})).status_code == 422
    early = {"npo_end": clock.local(now + HOUR, "Africa/Kigali").strftime("%Y-%m-%dT%H:%M")}
    assert (await page.post(here, early)).status_code == 422
    late = {"npo_end": clock.local(now + 6 * HOUR, "Africa/Kigali").strftime("%Y-%m-%dT%H:%M")}
    assert (await page.post(here, late)).status_code == 303
    assert (await page.post(f"/health-profiles/{ines.patient}/npo/{made}/extend", late)).status_code == 404


@pytest.mark.req("A5", "A6")
async def test_release_and_the_same_diet_by_plain_forms(make, bosco, diane, didier, amina, ines, browser):
    await make.menu()
    await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.hold(bosco, amina.patient, "test", clock.now())
    here = f"/health-profiles/{amina.patient}/may-eat"
    nurse, doctor = browser(bosco), browser(diane)
    assert (await browser(didier).get(here)).status_code == 403
    assert (await nurse.get(f"/health-profiles/{ines.patient}/may-eat")).status_code == 404
    assert "Release – may eat" in (await nurse.get(here)).text
    answer = await nurse.post(here)
    assert (answer.status_code, answer.headers["location"]) == (303, here + "?said=released")
    text = (await nurse.get(here)).text
    assert "until a doctor signs a diet" in text
    assert "Nothing by mouth still counts until" in text
    assert "Sign the same diet as before" not in text
    assert (await nurse.post(here + "/sign", {"password": PASSWORD})).status_code == 403
    assert "Sign the same diet as before" in (await doctor.get(here)).text
    for wrong in ({}, {"password": "no"}):
        refused = await doctor.post(here + "/sign", wrong)
        assert refused.status_code == 422
        assert 'id="password-error"' in refused.text
    assert await queries.diet_now(bosco, amina.patient) == []
    assert (await doctor.post(here + "/sign", {"password": PASSWORD})).status_code == 303
    assert [row.codes for row in await queries.diet_now(bosco, amina.patient)] == [("CARDIAC",)]
    assert "Meals can be ordered" not in (await nurse.get(here)).text
    assert (await nurse.post(here)).status_code == 409
