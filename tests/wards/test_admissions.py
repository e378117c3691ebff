"""Admissions: one patient a bed, whoever races; meals, sessions and PIN end with the stay."""

import asyncio
from datetime import date
from itertools import count

import pytest
from asyncpg import CheckViolationError, ExclusionViolationError, UniqueViolationError

from dusangire.accounts import queries as account_queries
from dusangire.accounts import service as accounts
from dusangire.accounts.service import Knock
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.wards import queries, service
from dusangire.wards.rules import EndReason
from dusangire.wards.tables import Stay

_numbers = count(1)


async def registered(make, given="Aline", family="Uwase"):
    return await service.register(
        make.actor, mrn=f"R-{next(_numbers):05d}", given_name=given, family_name=family,
        birth_date=date(1990, 1, 1), sex="female", phone=None, language="rw",
    )  # fmt: skip


async def beds_of(make):
    ward = await make.ward()
    return [side.bed for side in await queries.bedsides(make.actor, ward)]


async def open_stays(make, bed) -> int:
    return await fetch_value(
        "SELECT count(*) FROM stay WHERE hospital = $1 AND bed = $2 AND ended_at IS NULL", make.actor.hospital, bed
    )


@pytest.mark.req("I2", "CHK-3.1.8")
async def test_of_a_hundred_racing_admissions_to_one_bed_one_wins_and_the_others_are_told(make):
    bed = (await beds_of(make))[0]
    patients = [await registered(make) for _ in range(100)]
    answers = await asyncio.gather(
        *(service.admit(make.actor, patient, bed) for patient in patients), return_exceptions=True
    )
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert (len(won), len(refused)) == (1, 99)
    assert {refusal.key for refusal in refused} == {"ward.bed_just_taken"}
    assert await open_stays(make, bed) == 1


@pytest.mark.req("I2")
async def test_without_the_lock_and_the_look_the_constraint_alone_still_lets_only_one_in(make, monkeypatch):
    """Negative control of our own care: take it away, and the database has the last word, in the same sentence."""

    async def careless(*_):
        return None

    monkeypatch.setattr(queries, "lock_beds", careless)
    monkeypatch.setattr("dusangire.wards.service.admissions._refuse_taken", careless)
    bed = (await beds_of(make))[0]
    patients = [await registered(make) for _ in range(20)]
    answers = await asyncio.gather(
        *(service.admit(make.actor, patient, bed) for patient in patients), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert {answer.key for answer in answers if isinstance(answer, Refusal)} == {"ward.bed_just_taken"}
    assert await open_stays(make, bed) == 1


@pytest.mark.req("I2")
async def test_two_people_were_never_in_one_bed_not_even_in_the_past(make, amina):
    """Negative control: the two constraints themselves, asked directly."""
    other = await registered(make)
    stay = await queries.stay_of(make.actor, amina.patient)
    admission = await queries.admission_of(make.actor, amina.patient)
    for ended in (None, clock.now()):
        with pytest.raises((UniqueViolationError, ExclusionViolationError, CheckViolationError)):
            async with transaction():
                began = await fetch_value("SELECT started_at FROM stay WHERE id = $1", stay.id)
                await Stay.insert(
                    Stay(id=uuid7(), hospital=make.actor.hospital, admission=admission.id, patient=other, bed=stay.bed,
                         started_at=began, ended_at=ended)
                )  # fmt: skip


@pytest.mark.req("I2")
async def test_two_transfers_race_for_one_bed_and_one_is_told(make):
    one, two = await make.patient("Aline", "Uwase"), await make.patient("Jean", "Habimana")
    free = (await queries.free_beds(make.actor))[0]
    answers = await asyncio.gather(
        service.transfer(make.actor, one.patient, free.id), service.transfer(make.actor, two.patient, free.id),
        return_exceptions=True,
    )  # fmt: skip
    assert sum(isinstance(answer, Refusal) and answer.key == "ward.bed_just_taken" for answer in answers) == 1
    assert answers.count(None) == 1
    assert await open_stays(make, free.id) == 1


@pytest.mark.req("I2")
async def test_two_patients_who_swap_at_the_same_moment_never_wait_for_each_other(make):
    one, two = await make.patient("Aline", "Uwase"), await make.patient("Jean", "Habimana")
    first = await queries.stay_of(make.actor, one.patient)
    second = await queries.stay_of(make.actor, two.patient)
    answers = await asyncio.gather(
        service.transfer(make.actor, one.patient, second.bed), service.transfer(make.actor, two.patient, first.bed),
        return_exceptions=True,
    )  # fmt: skip
    assert all(isinstance(answer, Refusal) for answer in answers)


async def test_admitted_in_two_beds_at_once_is_refused_with_the_bed_they_lie_in(make, amina):
    free = (await queries.free_beds(make.actor))[0]
    with pytest.raises(Refusal, match="already_admitted") as refused:
        await service.admit(make.actor, amina.patient, free.id)
    person = await queries.person(make.actor, amina.patient)
    assert refused.value.facts == {"bed": person.bed_code}


async def test_a_transfer_frees_one_bed_and_takes_the_other_and_says_so_to_the_wards(make, amina):
    before = await queries.person(make.actor, amina.patient)
    rev = await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", amina.patient)
    free = (await queries.free_beds(make.actor))[-1]
    await service.transfer(make.actor, amina.patient, free.id)
    after = await queries.person(make.actor, amina.patient)
    assert (after.bed_code, after.admission) == (free.code, before.admission)
    assert await open_stays(make, before.bed) == 0
    assert await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", amina.patient) > rev
    moved = [
        event
        for event in await journal.history(make.actor, f"patient:{amina.patient}")
        if event.kind == "admission:moved"
    ]
    assert moved[0].facts["bed_before"] == before.bed_code
    bells = await fetch_value("SELECT bells FROM event WHERE id = $1", moved[0].id)
    assert f"{make.actor.hospital}:wards" in bells


@pytest.mark.req("I4")
@pytest.mark.parametrize("reason", list(EndReason))
async def test_the_end_of_a_stay_frees_the_bed_ends_what_the_pin_opened_and_stops_meals_in_the_same_commit(
    make, amina, reason, monkeypatch
):
    stopped = []

    async def stop(actor, about):
        assert (actor.hospital, about) == (make.actor.hospital, f"patient:{amina.patient}")
        stopped.append(await queries.stay_of(actor, amina.patient))

    monkeypatch.setitem(journal.AT_ONCE, "admission:ended", (stop,))
    before = await queries.person(make.actor, amina.patient)
    pin = await service.set_pin(make.actor, amina.patient)
    bed = await queries.bed(make.actor, before.bed)
    with acting_as(None):
        cookie, user = await service.sign_in_from_bed(bed.card_token, pin, Knock("127.0.0.1", ""))
        assert user == amina.user
        assert (await accounts.find_actor(cookie, is_active=True)).patient == amina.patient
    await service.discharge(make.actor, amina.patient, reason)
    assert stopped == [None]
    assert (await queries.bed(make.actor, before.bed)).patient is None
    with acting_as(None):
        assert await accounts.find_actor(cookie, is_active=True) is None
        with pytest.raises(Refusal, match=r"signin\.wrong"):
            await service.sign_in_from_bed(bed.card_token, pin, Knock("127.0.0.1", ""))


@pytest.mark.req("I4")
async def test_a_stay_that_ended_cannot_end_again_and_the_patient_can_come_back(make, amina):
    bed = (await queries.stay_of(make.actor, amina.patient)).bed
    await service.discharge(make.actor, amina.patient, EndReason.DISCHARGED)
    with pytest.raises(Refusal, match="not_admitted"):
        await service.discharge(make.actor, amina.patient, EndReason.DISCHARGED)
    again = await service.admit(make.actor, amina.patient, bed)
    person = await queries.person(make.actor, amina.patient)
    assert (person.admission, person.app_user, person.has_pin) == (again, amina.user, False)


async def test_the_bed_opens_for_whoever_lies_there_now_and_for_nobody_else(make, amina):
    bed = await queries.bed(make.actor, (await queries.stay_of(make.actor, amina.patient)).bed)
    old = await service.set_pin(make.actor, amina.patient)
    await service.discharge(make.actor, amina.patient, EndReason.DISCHARGED)
    next_one = await registered(make, "Jean", "Habimana")
    await service.admit(make.actor, next_one, bed.id)
    pin = await service.set_pin(make.actor, next_one)
    with acting_as(None):
        if pin != old:
            with pytest.raises(Refusal):
                await service.sign_in_from_bed(bed.card_token, old, Knock("127.0.0.1", ""))
        cookie, _ = await service.sign_in_from_bed(bed.card_token, pin, Knock("127.0.0.1", ""))
        found = await accounts.find_actor(cookie, is_active=True)
    assert (found.patient, found.role) == (next_one, Role.PATIENT)


async def test_five_wrong_pins_lock_the_bed_even_for_the_right_one(make, amina):
    pin = await service.set_pin(make.actor, amina.patient)
    admission = (await queries.admission_of(make.actor, amina.patient)).id
    wrong = "1357" if pin != "1357" else "2468"
    for _ in range(5):
        assert not await service.check_pin(make.actor, admission, wrong)
    with pytest.raises(Refusal, match=r"signin\.locked"):
        await service.check_pin(make.actor, admission, pin)


async def test_fifty_guesses_at_once_are_no_more_than_five(make, amina):
    pin = await service.set_pin(make.actor, amina.patient)
    admission = (await queries.admission_of(make.actor, amina.patient)).id
    wrong = "1357" if pin != "1357" else "2468"
    answers = await asyncio.gather(
        *(service.check_pin(make.actor, admission, wrong) for _ in range(20)), return_exceptions=True
    )
    assert answers.count(False) <= 5
    assert not any(answer is True for answer in answers)


async def test_a_right_pin_forgets_the_wrong_ones(make, amina):
    pin = await service.set_pin(make.actor, amina.patient)
    admission = (await queries.admission_of(make.actor, amina.patient)).id
    for _ in range(3):
        await service.check_pin(make.actor, admission, "1357" if pin != "1357" else "2468")
    assert await service.check_pin(make.actor, admission, pin)
    assert await account_queries.failures("bed pin", str(admission), 15) == 0


async def test_the_pin_is_kept_as_a_hash_only(make, amina):
    pin = await service.set_pin(make.actor, amina.patient)
    kept = await fetch_value("SELECT pin_hash FROM admission WHERE patient = $1", amina.patient)
    assert kept.startswith("$argon2id$")
    assert pin not in kept
    facts = [event.facts for event in await journal.history(make.actor, f"patient:{amina.patient}")]
    assert pin not in str(facts)


async def test_a_patient_of_the_other_hospital_is_not_here(make, amina, ines):
    free = (await queries.free_beds(make.actor))[0]
    with pytest.raises(NotHere):
        await queries.person(make.actor, ines.patient)
    with pytest.raises(NotHere):
        await service.admit(make.actor, ines.patient, free.id)
    with pytest.raises(NotHere):
        await service.lock(make.actor, ines.patient)
    assert await queries.people(make.actor, [ines.patient]) == {}


async def test_changed_raises_the_revision_counts_the_constraints_and_rings_the_wards(make, amina):
    async with transaction():
        before = await service.lock(make.actor, amina.patient)
        await service.changed(make.actor, amina.patient, why="test")
    async with transaction():
        assert await service.lock(make.actor, amina.patient) == before + 1
    last = (await journal.history(make.actor, f"patient:{amina.patient}"))[-1]
    assert (last.kind, last.facts) == ("patient:safety_changed", {"why": "test", "safety_rev": before + 1})
