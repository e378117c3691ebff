"""Wards, beds and patients: CRUD, look-alike names, finding, the starter."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest

from dusangire.kernel import clock
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.wards import queries, service
from dusangire.wards.service import WardFacts

NAMES = {"name_en": "Ward C", "name_fr": "Service C", "name_rw": "Serivisi C"}


async def register(make, given, family, mrn, **facts):
    said = {"birth_date": date(1990, 1, 1), "sex": "male", "phone": None, "language": "rw"} | facts
    return await service.register(make.actor, mrn=mrn, given_name=given, family_name=family, **said)


@pytest.mark.req("I1", "I8")
async def test_a_ward_is_opened_gets_fifty_beds_and_is_renamed(make):
    ward = await service.add_ward(make.actor, code="C", **NAMES)
    beds = await service.add_beds(make.actor, ward, 50, first=1)
    await service.change_ward(
        make.actor, ward, WardFacts("Ward C new", "Service C", "Serivisi C", phone="+250788000109")
    )
    found = await queries.ward(make.actor, ward)
    assert (len(beds), found.capacity, found.occupied, found.free) == (50, 50, 0, 50)
    assert (found.name("en"), found.name("rw"), found.phone) == ("Ward C new", "Serivisi C", "+250788000109")
    assert [side.code for side in await queries.bedsides(make.actor, ward)][::49] == ["C-001", "C-050"]


@pytest.mark.req("I1")
async def test_beds_that_are_there_already_stay_as_they_are(make):
    ward = await make.ward("C", 5)
    cards = {side.code: side.bed for side in await queries.bedsides(make.actor, ward)}
    made = await service.add_beds(make.actor, ward, 8, first=1)
    assert len(made) == 3
    assert cards.items() <= {side.code: side.bed for side in await queries.bedsides(make.actor, ward)}.items()


@pytest.mark.req("I1")
async def test_two_who_add_the_same_beds_make_them_once(make):
    ward = await make.ward("C", 1)
    await asyncio.gather(*(service.add_beds(make.actor, ward, 10, first=1) for _ in range(4)))
    assert len(await queries.bedsides(make.actor, ward)) == 10


@pytest.mark.req("I8")
async def test_emergency_wards_come_first_then_the_walk(make):
    for code, order, emergency in (("X", 1, False), ("Y", 9, True), ("Z", 2, False)):
        await service.add_ward(make.actor, code=code, **NAMES, walk_order=order, is_emergency=emergency)
    assert [ward.code for ward in await queries.wards(make.actor)] == ["Y", "X", "Z"]


@pytest.mark.req("I8")
async def test_a_bed_with_a_patient_cannot_be_removed(make, amina):
    bed = (await queries.stay_of(make.actor, amina.patient)).bed
    with pytest.raises(Refusal, match="bed_occupied"):
        await service.remove_bed(make.actor, bed)
    assert (await queries.bed(make.actor, bed)).patient == amina.patient


@pytest.mark.req("I8")
async def test_a_free_bed_is_removed_with_its_card_and_its_code_can_be_used_again(make):
    ward = await make.ward("C", 2)
    bed = await queries.bed_of_code(make.actor, "c-002")
    await service.remove_bed(make.actor, bed.id)
    assert await queries.bed_of_code(make.actor, "C-002") is None
    with acting_as(None):
        assert await queries.bed_of_token(bed.card_token) is None
    assert len(await service.add_beds(make.actor, ward, 1)) == 1
    assert (await queries.bed_of_code(make.actor, "C-002")).card_token != bed.card_token


@pytest.mark.req("I2", "I8")
async def test_an_admission_and_a_removal_race_and_nobody_lies_in_a_removed_bed(make):
    await make.ward("C", 1)
    for number in range(8):
        patient = await register(make, "Aline", "Uwase", f"RACE-{number}")
        bed = await queries.bed_of_code(make.actor, "C-001")
        await asyncio.gather(
            service.admit(make.actor, patient, bed.id), service.remove_bed(make.actor, bed.id), return_exceptions=True
        )
        lost = await fetch_value(
            """
            SELECT count(*) FROM stay s JOIN bed b ON b.id = s.bed
            WHERE s.hospital = $1 AND s.ended_at IS NULL AND b.removed_at IS NOT NULL
            """,
            make.actor.hospital,
        )
        assert lost == 0
        if (await queries.person(make.actor, patient)).bed:
            break
        await service.add_beds(make.actor, (await queries.ward_of_code(make.actor, "C")).id, 1)


@pytest.mark.req("I8", "CHK-3.1.2")
async def test_a_ward_closes_only_when_nobody_lies_there(make, amina):
    person = await queries.person(make.actor, amina.patient)
    with pytest.raises(Refusal, match="not_empty"):
        await service.close_ward(make.actor, person.ward)
    empty = await make.ward("C", 3)
    await service.close_ward(make.actor, empty)
    assert [ward.code for ward in await queries.wards(make.actor)] == ["A"]
    assert await queries.bed_of_code(make.actor, "C-001") is None
    with pytest.raises(NotHere):
        await service.add_beds(make.actor, empty, 1)


@pytest.mark.parametrize("code", ["", "abc", "A-1", "TOOLONGX", "É"])
async def test_a_code_that_cannot_stand_on_a_bed_is_refused(make, code):
    with pytest.raises(Refusal, match="code_bad"):
        await service.add_ward(make.actor, code=code, **NAMES)


async def test_two_open_wards_never_share_a_code(make):
    await make.ward("C", 1)
    with pytest.raises(Refusal, match="code_taken"):
        await service.add_ward(make.actor, code="C", **NAMES)


async def test_beds_beyond_999_are_refused(make):
    ward = await make.ward("C", 1)
    with pytest.raises(Refusal, match="bed_numbers"):
        await service.add_beds(make.actor, ward, 2, first=999)


@pytest.mark.req("I1")
async def test_the_starter_wards_load_once_with_a_telephone_for_the_carriers(make):
    await service.load_starter(make.actor)
    await service.load_starter(make.actor)
    wards = await queries.wards(make.actor)
    assert [(ward.code, ward.capacity) for ward in wards] == [
        ("ICU", 20), ("A", 50), ("B", 40), ("P", 15), ("M", 12), ("I", 8),
    ]  # fmt: skip
    assert all(ward.phone.startswith("+250") for ward in wards)
    assert wards[3].name("fr") == "Pédiatrie"
    assert wards[5].is_isolation
    assert not wards[5].is_emergency


async def test_a_hospital_number_belongs_to_one_patient(make):
    await register(make, "Aline", "Uwase", "K-1")
    with pytest.raises(Refusal, match="mrn_known"):
        await register(make, "Jean", "Habimana", "K-1")


async def test_nobody_is_born_tomorrow(make):
    tomorrow = clock.local_day(clock.now(), make.actor.zone) + timedelta(days=1)
    with pytest.raises(Refusal, match="born_later"):
        await register(make, "Aline", "Uwase", "K-1", birth_date=tomorrow)


async def test_a_telephone_is_kept_in_one_form_and_a_wrong_one_is_refused(make):
    patient = await register(make, "Aline", "Uwase", "K-1", phone="0788 900 456")
    assert (await queries.person(make.actor, patient)).phone == "+250788900456"
    with pytest.raises(Refusal, match="phone_bad"):
        await register(make, "Jean", "Habimana", "K-2", phone="call me")


@pytest.mark.parametrize(
    ("given", "family"), [("Alina", "Uwase"), ("Uwase", "Aline"), ("ALINE", "UWASÉ"), ("Aline", "Uwaze")]
)
async def test_a_name_easily_mistaken_is_pointed_out(make, given, family):
    await make.patient("Aline", "Uwase")
    assert [one.name for one in await queries.look_alikes(make.actor, given, family)] == ["Aline Uwase"]


async def test_another_name_is_not(make):
    await make.patient("Aline", "Uwase")
    assert await queries.look_alikes(make.actor, "Théogène", "Sibomana") == []


async def test_people_are_found_by_name_number_and_bed_without_accents(make):
    await make.patient("Béatrice", "Nyirahabimana")
    person = (await queries.find_people(make.actor, ""))[0]
    for typed in ("beatrice", "NYIRAHA bea", person.mrn.lower(), person.bed_code.lower()):
        assert [one.id for one in await queries.find_people(make.actor, typed)] == [person.id]
    for typed in ("zzz", "beatrice zzz"):
        assert await queries.find_people(make.actor, typed) == []
    assert len(await queries.find_people(make.actor, "%")) <= 1


async def test_the_other_hospitals_people_wards_and_beds_are_not_found(make, amina, ines):
    assert [one.name for one in await queries.find_people(make.actor, "")] == [amina.name]
    assert [side.person.name for side in await queries.bedsides(make.actor) if side.person] == [amina.name]
    other = (await make.other()).actor
    with acting_as(other):
        their_bed = (await queries.person(other, ines.patient)).bed
        token = (await queries.bed(other, their_bed)).card_token
    assert await queries.bed_of_card(make.actor, token) is None
    with pytest.raises(NotHere):
        await queries.bed(make.actor, their_bed)


async def test_the_last_weight_counts_and_raises_the_revision(make, amina, bosco):
    before = await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", amina.patient)
    for kg in ("61.5", "60"):
        await service.measure(bosco, amina.patient, "weight_kg", Decimal(kg))
    assert (await queries.measurements(bosco, amina.patient))["weight_kg"].value == Decimal("60.00")
    assert await fetch_value("SELECT safety_rev FROM patient_safety WHERE patient = $1", amina.patient) >= before + 2


@pytest.mark.parametrize(("kind", "value"), [("weight_kg", "0.2"), ("weight_kg", "351"), ("height_cm", "3")])
async def test_what_no_person_weighs_is_refused(make, amina, bosco, kind, value):
    with pytest.raises(Refusal, match="number_bad"):
        await service.measure(bosco, amina.patient, kind, Decimal(value))
