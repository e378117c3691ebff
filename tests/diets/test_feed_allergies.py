"""A feed and an allergy that comes later: stopped in the same commit, said in red, resumed only when it may be."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dusangire import wiring
from dusangire.diets import queries, service
from dusangire.diets.rules.worklist import Need
from dusangire.diets.service import ProductAsked
from dusangire.kernel import clock
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.journal import AT_ONCE, history
from dusangire.notify import queries as notify
from dusangire.orders import service as orders
from tests.diets.test_feed_orders import pump, sachets, typed
from tests.make import PASSWORD, element

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


@pytest.fixture
async def aline(make, diane, bosco):
    """A patient who was asked for allergies and has none, on a tube feed with milk in it and nothing else."""
    await make.menu()
    patient = await make.patient("Aline", "Uwase")
    await service.no_known_allergies(diane, patient.patient)
    await service.sign_feed(diane, patient.patient, pump())
    return patient.patient


async def feed_of(actor, patient):
    return (await queries.feeds(actor, [patient]))[patient].running[0]


async def fed_today(actor, patient):
    return (await queries.feeds(actor, [patient]))[patient].planned.ml


@pytest.mark.req("A20")
async def test_a_new_allergy_to_what_a_feed_holds_stops_it_in_the_same_commit(aline, diane, bosco):
    before = await feed_of(diane, aline)
    assert not before.is_suspended
    await service.add_allergy(bosco, aline, "milk", "severe")
    found = await feed_of(diane, aline)
    assert (found.is_suspended, found.waits, found.clashes) == (True, True, ("milk",))
    assert found.row.suspended_at is not None
    assert [slot.is_suspended for slot in found.today if slot.end > clock.now()].count(False) == 0
    assert "feed:suspended" in [event.kind for event in await history(diane, f"patient:{aline}")]


@pytest.mark.req("A20")
async def test_a_member_of_the_group_stops_it_too_and_another_allergy_does_not(aline, diane, bosco):
    await service.add_allergy(bosco, aline, "peanuts", "anaphylaxis")
    assert not (await feed_of(diane, aline)).is_suspended
    await service.add_allergy(bosco, aline, "casein", "moderate")
    assert (await feed_of(diane, aline)).clashes == ("casein",)


@pytest.mark.req("A20")
async def test_words_nobody_can_code_stop_every_feed_until_they_are_settled(aline, diane, bosco):
    await service.add_allergy(bosco, aline, "the white medicine", "severe")
    found = await feed_of(diane, aline)
    assert (found.is_suspended, found.clashes) == (True, ())
    assert "the white medicine" in found.unclear
    with pytest.raises(Refusal, match=r"feeds.ask_allergies"):
        await service.resume_feed(diane, aline, found.row.id)
    await service.not_an_allergy(bosco, aline, found.unclear)
    left = await feed_of(diane, aline)
    assert (left.is_against_allergy, left.waits) == (False, True)
    await service.resume_feed(diane, aline, found.row.id)
    assert not (await feed_of(diane, aline)).is_suspended


@pytest.mark.req("A20")
async def test_no_one_resumes_it_while_the_allergy_stands_and_a_nurse_never(aline, diane, chantal, bosco):
    made = await service.add_allergy(bosco, aline, "milk", "severe")
    feed = (await feed_of(diane, aline)).row.id
    for who in (diane, chantal):
        with pytest.raises(Refusal, match=r"feeds.allergy"):
            await service.resume_feed(who, aline, feed)
    await service.end_allergy(diane, aline, made, "recorded for somebody else")
    await service.no_known_allergies(diane, aline)
    waiting = await feed_of(diane, aline)
    assert (waiting.is_against_allergy, waiting.waits, waiting.is_suspended) == (False, True, True)
    with pytest.raises(NoRight):
        await service.resume_feed(bosco, aline, feed)
    await service.resume_feed(chantal, aline, feed)
    assert not (await feed_of(diane, aline)).is_suspended
    await service.add_allergy(bosco, aline, "milk", "moderate")
    assert (await feed_of(diane, aline)).waits


@pytest.mark.req("A20")
async def test_without_the_suspension_it_would_run_on_by_itself_once_the_allergy_is_ended(aline, diane, bosco):
    """Negative control: the same without what happens in the commit; nobody is told, nobody has to look."""
    AT_ONCE["patient:safety_changed"] = (orders.hold_unsafe,)
    made = await service.add_allergy(bosco, aline, "milk", "severe")
    await service.end_allergy(diane, aline, made, "recorded for somebody else")
    await service.no_known_allergies(diane, aline)
    assert not (await feed_of(diane, aline)).is_suspended
    assert await queries.open_tasks(diane, aline) == []


@pytest.mark.req("A20")
async def test_nurses_doctors_and_nutritionists_are_told_once_and_a_task_waits(aline, diane, chantal, bosco, didier):
    await service.add_allergy(bosco, aline, "milk", "severe")
    for who in (diane, chantal, bosco):
        told = [one for one in await notify.inbox(who) if one.kind == "feed:suspended"]
        assert len(told) == 1
        assert "milk" in told[0].body
        assert told[0].link == f"/health-profiles/{aline}/feeds"
    assert [one.kind for one in await notify.inbox(didier)] == []
    await service.add_allergy(bosco, aline, "peanuts", "severe")
    assert [task.kind for task in await queries.open_tasks(diane, aline)] == ["feed_allergy"]
    assert len([one for one in await notify.inbox(bosco) if one.kind == "feed:suspended"]) == 1
    row = next(one for one in (await queries.worklist(chantal)).rows if one.person.id == aline)
    assert Need.FEED in row.needs


@pytest.mark.req("A20")
async def test_the_task_ends_when_the_feed_is_stopped_or_resumed_and_at_discharge(aline, diane, bosco):
    await service.add_allergy(bosco, aline, "milk", "severe")
    await service.stop_feed(diane, aline, (await feed_of(diane, aline)).row.id, "milk allergy")
    assert await queries.open_tasks(diane, aline) == []
    shown = (await queries.feeds(diane, [aline]))[aline]
    assert (shown.running, shown.stopped_by_allergy) == ((), ())


@pytest.mark.req("A20")
async def test_what_is_suspended_is_neither_planned_nor_served_by_name(aline, diane, bosco):
    await service.sign_feed(diane, aline, sachets())
    before = await fed_today(diane, aline)
    await service.add_allergy(bosco, aline, "milk", "severe")
    facts = await queries.facts(diane, aline, ordered_by="nurse")
    assert all(one.suspended_at is not None for one in facts.feeds)
    assert await fed_today(diane, aline) < before


@pytest.mark.req("A20")
async def test_a_label_that_is_corrected_stops_the_feeds_of_those_it_now_harms(aline, make, diane, chantal, bosco):
    await service.add_allergy(bosco, aline, "fish", "severe")
    beata = await make.patient("Beata", "Ingabire")
    await service.no_known_allergies(diane, beata.patient)
    await service.sign_feed(diane, beata.patient, pump())
    before = await queries.product(chantal, "TF-10")
    values = {name: getattr(before, name) for name in ProductAsked.__struct_fields__}
    asked = ProductAsked(**(values | {"allergens": (*sorted(before.allergens), "fish")}))
    assert not (await feed_of(diane, aline)).is_suspended
    await service.save_product(chantal, "TF-10", asked, revision=before.revision)
    assert (await feed_of(diane, aline)).row.suspended_at is not None
    assert not (await feed_of(diane, beata.patient)).is_suspended


@pytest.mark.req("A20")
async def test_a_feed_ordered_for_later_is_stopped_before_it_begins(make, diane, bosco):
    await make.menu()
    patient = (await make.patient("Beata", "Ingabire")).patient
    await service.no_known_allergies(diane, patient)
    await service.sign_feed(diane, patient, pump(start_at=clock.now() + timedelta(hours=5)))
    await service.add_allergy(bosco, patient, "milk", "severe")
    assert (await feed_of(diane, patient)).waits


@pytest.mark.req("A20")
async def test_the_nurse_still_writes_down_what_had_gone_in(aline, diane, bosco):
    await service.add_allergy(bosco, aline, "milk", "severe")
    feed = (await feed_of(diane, aline)).row.id
    await service.record_given(bosco, aline, feed, "stopped", Decimal(31), clock.now(), "allergy")
    assert (await feed_of(diane, aline)).given.ml == 31


# The screens


@pytest.mark.req("A20")
async def test_chart_feed_page_and_ward_board_say_in_red_which_feed_meets_which_allergy(aline, diane, bosco, browser):
    quiet = await browser(bosco).get(f"/health-profiles/{aline}/feeds")
    assert "clashes with this allergy" not in quiet.text
    await service.add_allergy(bosco, aline, "milk", "severe")
    said = "Tube feed, standard 1.0 kcal/ml clashes with this allergy: Milk."
    for who, path in (
        (bosco, f"/health-profiles/{aline}/feeds"),
        (diane, f"/health-profiles/{aline}"),
        (bosco, "/wards/bed/A-001"),
    ):
        alarm = element((await browser(who).get(path)).text, "feed-alarm")
        assert said in alarm, path
        assert "banner--stop" in alarm
    bed = element((await browser(bosco).get("/wards/A")).text, "bed-A-001")
    assert "Feed stopped: " in bed
    assert "badge--stop" in bed
    assert "Suspended: allergy" in (await browser(bosco).get("/wards/A/hand-over-list")).text


@pytest.mark.req("A20")
async def test_the_page_offers_to_go_on_only_once_the_allergy_has_ended(aline, diane, bosco, browser):
    made = await service.add_allergy(bosco, aline, "milk", "severe")
    page, at = browser(diane), f"/health-profiles/{aline}/feeds"
    feed = (await feed_of(diane, aline)).row.id
    assert f"{feed}/resume" not in (await page.get(at)).text
    refused = await page.post(f"{at}/{feed}/resume")
    assert refused.status_code == 409
    assert (await page.post(at, typed(password=PASSWORD))).status_code in (409, 422)
    await service.end_allergy(diane, aline, made, "recorded for somebody else")
    await service.no_known_allergies(diane, aline)
    shown = await page.get(at)
    assert "allergy that stands no longer" in element(shown.text, "feed-alarm")
    assert f"{feed}/resume" in shown.text
    assert "A feed waits to go on" in element((await browser(bosco).get("/wards/A")).text, "bed-A-001")
    assert (await page.post(f"{at}/{feed}/resume")).status_code == 303
    assert "banner" not in element((await page.get(at)).text, "feed-alarm")
