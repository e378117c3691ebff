"""Two records of one patient become one: the union of what they must not eat, and every open tray waits."""

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.orders import queries, service
from dusangire.orders.rules import Status, Verb
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service
from dusangire.wards.rules import EndReason

pytestmark = [pytest.mark.hazard(18)]


@pytest.fixture
async def twin(make, bosco):
    """The same woman under another number, registered last year, with a fish and a milk allergy; not in a bed."""
    found = await make.patient("Aline", "Uwaze")
    await diets.add_allergy(bosco, found.patient, "fish", "anaphylaxis", "swelling")
    await diets.add_allergy(bosco, found.patient, "milk", "intolerance")
    await ward_service.discharge(bosco, found.patient, EndReason.DISCHARGED)
    return found


async def codes(actor, patient):
    return {row.code: row.severity for row in await diet_queries.allergies(actor, patient)}


async def test_the_kept_record_has_every_allergy_of_both_at_its_worst(bedside, bosco, twin):
    await diets.add_allergy(bosco, bedside.id, "milk", "severe")
    await diets.add_allergy(bosco, bedside.id, "fish", "moderate")
    await diets.add_uncoded(bosco, twin.patient, "the red fruit")
    await diets.merge(bosco, bedside.id, twin.patient)
    assert await codes(bosco, bedside.id) == {"fish": "anaphylaxis", "milk": "severe"}
    known = await diet_queries.safety(bosco, bedside.id)
    assert (known.allergy_status, known.uncoded_text) == ("recorded", "the red fruit")
    assert (await diet_queries.facts(bosco, bedside.id, ordered_by="nurse")).rows_read == known.constraint_count


async def test_every_open_tray_waits_and_what_the_other_record_forbids_is_never_served(bedside, bosco, didier, twin):
    fish, stew = await bedside.order("TIL"), await bedside.order("CHK-STW", period="dinner")
    await diets.merge(bosco, bedside.id, twin.patient)
    assert {(await queries.order(didier, one.id)).status for one in (fish, stew)} == {Status.HELD}
    assert (await service.advance(bosco, stew.id, Verb.RELEASE)).status is Status.CONFIRMED
    with pytest.raises(service.Unsafe):
        await service.advance(bosco, fish.id, Verb.RELEASE)


async def test_without_the_union_the_fish_would_be_served(bedside, bosco, twin, monkeypatch):
    """The negative control."""
    await diets.add_allergy(bosco, bedside.id, "lupin", "intolerance")
    fish = await bedside.order("TIL")
    monkeypatch.setattr("dusangire.diets.service.merging.kept_allergies", lambda *_: ([], []))
    await diets.merge(bosco, bedside.id, twin.patient)
    assert (await service.advance(bosco, fish.id, Verb.RELEASE)).status is Status.CONFIRMED


async def test_a_fast_of_the_other_record_holds_for_the_kept_one(bedside, bosco, make, twin):
    from dusangire.kernel import clock

    other = await make.patient("Aline", "Uwasse")
    await diets.hold(bosco, other.patient, "operation", clock.now())
    await ward_service.discharge(bosco, other.patient, EndReason.DISCHARGED)
    await diets.merge(bosco, bedside.id, other.patient)
    held = await diet_queries.holds(bosco, bedside.id)
    assert [row.reason for row in held if row.is_open(clock.now())] == ["operation"]


async def test_the_other_number_leads_to_the_kept_record_and_nobody_finds_two(bedside, bosco, twin):
    gone = await wards.person(bosco, twin.patient)
    await diets.merge(bosco, bedside.id, twin.patient)
    assert await wards.patient_of_mrn(bosco, gone.mrn) == bedside.id
    assert twin.patient not in {one.id for one in await wards.find_people(bosco, "Uwa")}
    with pytest.raises(Refusal, match=r"merge\.already"):
        await diets.merge(bosco, bedside.id, twin.patient)


async def test_a_record_in_a_bed_is_never_the_one_that_goes(bedside, bosco, make):
    other = await make.patient("Aline", "Uwase")
    with pytest.raises(Refusal, match=r"merge\.keep_the_one_in_bed"):
        await diets.merge(bosco, bedside.id, other.patient)
    assert not await wards.is_merged(bosco, other.patient)


async def test_only_who_admits_may_join_records_and_only_of_their_own_hospital(bedside, bosco, didier, twin, ines):
    with pytest.raises(NoRight):
        await diets.merge(didier, bedside.id, twin.patient)
    with pytest.raises(NotHere):
        await diets.merge(bosco, bedside.id, ines.patient)
    with pytest.raises(Refusal, match=r"merge\.same"):
        await diets.merge(bosco, bedside.id, bedside.id)


async def test_the_page_shows_both_and_wants_them_compared_first(bedside, bosco, browser, twin):
    nurse = browser(bosco)
    page = await nurse.get(f"/health-profiles/{bedside.id}/merge?q=Uwaze")
    assert "Aline Uwaze" in page.text
    assert "Fish" in page.text
    wanted = {"other": str(twin.patient)}
    refused = await nurse.post(f"/health-profiles/{bedside.id}/merge", wanted)
    assert refused.status_code == 422
    assert "Compare the two people first" in refused.text
    done = await nurse.post(f"/health-profiles/{bedside.id}/merge", {**wanted, "checked": "1"})
    assert done.status_code == 303
    assert await codes(bosco, bedside.id) == {"fish": "anaphylaxis", "milk": "intolerance"}
