"""Care flags: who sets which, what follows in the same commit, and that a medicine opens one task."""

import pytest

from dusangire import wiring
from dusangire.diets import queries, service
from dusangire.diets.rules.flags import MEDICINES, Flag
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.journal import history
from dusangire.wards import service as wards

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


async def rev(actor, patient):
    return (await queries.safety(actor, patient)).safety_rev


async def tasks(actor, patient):
    return [task for task in await queries.open_tasks(actor, patient) if task.kind == "food_drug_note"]


@pytest.mark.req("A19")
@pytest.mark.parametrize("flag", list(Flag))
async def test_a_doctor_sets_and_ends_every_flag_and_the_safety_revision_rises_each_time(make, diane, amina, flag):
    before = await rev(diane, amina.patient)
    made = await service.set_flag(diane, amina.patient, flag.value, "since Monday")
    assert (await queries.flags(diane, [amina.patient]))[amina.patient] == {flag.value}
    middle = await rev(diane, amina.patient)
    await service.end_flag(diane, amina.patient, made)
    assert (await queries.flags(diane, [amina.patient]))[amina.patient] == frozenset()
    assert before < middle < await rev(diane, amina.patient)
    kinds = [event.kind for event in await history(diane, f"patient:{amina.patient}")]
    assert "care_flag:set" in kinds
    assert "care_flag:ended" in kinds


@pytest.mark.req("A19")
@pytest.mark.parametrize("flag", list(Flag))
async def test_a_nurse_sets_what_is_seen_at_the_bed_and_no_medicine(make, bosco, amina, flag):
    if flag in MEDICINES:
        with pytest.raises(NoRight):
            await service.set_flag(bosco, amina.patient, flag.value)
    else:
        await service.set_flag(bosco, amina.patient, flag.value)
        assert (await queries.flags(bosco, [amina.patient]))[amina.patient] == {flag.value}


async def test_a_nurse_cannot_end_a_medicine_and_the_kitchen_sets_nothing(make, bosco, diane, didier, amina):
    made = await service.set_flag(diane, amina.patient, "warfarin")
    with pytest.raises(NoRight):
        await service.end_flag(bosco, amina.patient, made)
    with pytest.raises(NoRight):
        await service.set_flag(didier, amina.patient, "isolation")


@pytest.mark.req("A19")
async def test_a_medicine_opens_one_task_and_ending_it_closes_that(make, diane, chantal, amina):
    made = await service.set_flag(diane, amina.patient, "warfarin")
    assert len(await tasks(chantal, amina.patient)) == 1
    await service.set_flag(chantal, amina.patient, "isolation")
    assert len(await tasks(chantal, amina.patient)) == 1
    await service.end_flag(diane, amina.patient, made)
    assert await tasks(chantal, amina.patient) == []


async def test_a_flag_is_set_once_and_set_again_after_it_ended(make, diane, amina):
    made = await service.set_flag(diane, amina.patient, "maoi")
    with pytest.raises(Refusal, match=r"care.already"):
        await service.set_flag(diane, amina.patient, "maoi")
    await service.end_flag(diane, amina.patient, made)
    with pytest.raises(NotHere):
        await service.end_flag(diane, amina.patient, made)
    await service.set_flag(diane, amina.patient, "maoi")
    assert [row.ended_at is None for row in await queries.flag_rows(diane, amina.patient)] == [True, False]


async def test_no_such_kind_is_refused(make, diane, amina):
    with pytest.raises(Refusal, match=r"form.choose_one"):
        await service.set_flag(diane, amina.patient, "aspirin")


async def test_flags_of_many_patients_are_read_at_once_and_strangers_have_none(make, diane, amina, ines):
    other = await make.patient("Beata", "Ingabire")
    await service.set_flag(diane, amina.patient, "isolation")
    found = await queries.flags(diane, [amina.patient, other.patient, ines.patient])
    assert found == {
        amina.patient: frozenset({"isolation"}),
        other.patient: frozenset(),
        ines.patient: frozenset(),
    }
    with pytest.raises(NotHere):
        await service.set_flag(diane, ines.patient, "isolation")


@pytest.mark.req("A19")
async def test_the_facts_of_a_verdict_carry_the_flags(make, diane, amina):
    await service.set_flag(diane, amina.patient, "warfarin")
    found = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert found.flags == {"warfarin"}
    assert found.rows_read == found.active_constraint_count


async def test_what_is_rolled_back_leaves_no_flag(make, diane, amina):
    with pytest.raises(RuntimeError):
        async with transaction():
            await wards.lock(diane, amina.patient)
            await service.set_flag(diane, amina.patient, "warfarin")
            raise RuntimeError("the pump fell over")
    assert (await queries.flags(diane, [amina.patient]))[amina.patient] == frozenset()
