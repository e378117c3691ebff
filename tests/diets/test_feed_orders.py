"""Feeds as people order, give and stop them: who signs, what refuses, what the facts carry, and the pages."""

import re
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from dusangire import wiring
from dusangire.diets import queries, service
from dusangire.diets.service import FeedAsked, ProductAsked
from dusangire.kernel import clock
from dusangire.kernel.access import Role
from dusangire.kernel.db import execute
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from tests.make import PASSWORD, element

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


@pytest.fixture
async def aline(make, diane):
    """A patient who was asked for allergies and has none, on the regular diet."""
    await make.menu()
    patient = await make.patient("Aline", "Uwase")
    await service.no_known_allergies(diane, patient.patient)
    return patient


def pump(**changes):
    facts = {
        "product": "TF-10",
        "is_tube": True,
        "start_at": clock.now() - timedelta(minutes=30),
        "total_ml": Decimal(1500),
        "hours": 24,
        "rate_ml_h": Decimal(62),
    }
    return FeedAsked(**(facts | changes))


def sachets(**changes):
    now = clock.now()
    facts = {"product": "RUTF", "is_tube": False, "start_at": now, "amount": Decimal(1), "times": ((now).time(),)}
    return FeedAsked(**(facts | changes))


async def only(actor, patient):
    shown = (await queries.feeds(actor, [patient]))[patient]
    return (shown.running + shown.past)[0]


@pytest.mark.req("A20")
async def test_the_order_of_1500_ml_at_62_sums_exactly_and_says_its_last_hour(aline, diane):
    await service.sign_feed(diane, aline.patient, pump())
    found = await only(diane, aline.patient)
    assert found.ordered_amount == 1500
    assert [found.schedule[0].amount, found.schedule[-1].amount, len(found.schedule)] == [62, 74, 24]
    assert (found.ordered.ml, found.ordered.kcal, found.ordered.protein_g) == (1500, 1500, 60)


@pytest.mark.req("A20")
async def test_a_nutritionist_signs_a_feed_and_a_nurse_does_not(aline, chantal, bosco):
    await service.sign_feed(chantal, aline.patient, pump())
    with pytest.raises(NoRight):
        await service.sign_feed(bosco, aline.patient, pump())


@pytest.mark.req("A20")
async def test_only_a_doctor_lets_a_feed_continue_during_nothing_by_mouth(aline, chantal, diane):
    with pytest.raises(Refusal, match=r"feeds.only_doctor"):
        await service.sign_feed(chantal, aline.patient, pump(continues_in_npo=True))
    await service.sign_feed(diane, aline.patient, pump(continues_in_npo=True))


@pytest.mark.req("A20")
async def test_nothing_by_mouth_suspends_a_feed_and_after_it_somebody_lets_it_go_on(aline, diane, bosco, monkeypatch):
    await service.sign_feed(diane, aline.patient, pump())
    kept = await service.sign_feed(diane, aline.patient, pump(product="TF-15", continues_in_npo=True))
    hold = await service.hold(bosco, aline.patient, "operation", clock.now())
    shown = {one.row.id: one for one in (await queries.feeds(diane, [aline.patient]))[aline.patient].running}
    assert [one.is_suspended for one in shown.values()] == [one.row.id != kept for one in shown.values()]
    await service.release(bosco, aline.patient, hold)

    later = clock.now() + timedelta(minutes=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    waiting = [one for one in (await queries.feeds(diane, [aline.patient]))[aline.patient].running if one.waits]
    assert len(waiting) == 1
    await service.resume_feed(diane, aline.patient, waiting[0].row.id)
    assert not any(one.waits for one in (await queries.feeds(diane, [aline.patient]))[aline.patient].running)
    with pytest.raises(Refusal, match=r"feeds.not_waiting"):
        await service.resume_feed(diane, aline.patient, waiting[0].row.id)


@pytest.mark.req("A20")
async def test_a_feed_with_an_allergen_is_refused_and_without_the_allergy_it_is_not(aline, diane):
    made = await service.add_allergy(diane, aline.patient, "milk", "severe")
    with pytest.raises(Refusal, match=r"feeds.allergy"):
        await service.sign_feed(diane, aline.patient, pump())
    await service.end_allergy(diane, aline.patient, made, "recorded for somebody else")
    await service.no_known_allergies(diane, aline.patient)
    await service.sign_feed(diane, aline.patient, pump())


async def test_before_allergies_are_asked_for_nothing_is_fed(make, diane, amina):
    await make.menu()
    with pytest.raises(Refusal, match=r"feeds.ask_allergies"):
        await service.sign_feed(diane, amina.patient, pump())


@pytest.mark.req("A20")
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"rate_ml_h": Decimal(40)}, "feeds.disagree"),
        ({"hours": None}, "feeds.needs_pump"),
        ({"product": "RUTF"}, "feeds.wrong_route"),
        ({"total_ml": None}, "feeds.needs_times"),
        ({"end_at": clock.now() - timedelta(hours=1)}, "diets.end_before_start"),
        ({"start_at": clock.now() - timedelta(days=3)}, "diets.start_past"),
    ],
)
async def test_what_does_not_add_up_is_refused(aline, diane, changes, key):
    with pytest.raises(Refusal, match=key):
        await service.sign_feed(diane, aline.patient, pump(**changes))


@pytest.mark.req("A20")
async def test_what_a_nurse_writes_down_is_summed_and_a_correction_says_why(aline, diane, bosco):
    feed = await service.sign_feed(diane, aline.patient, pump())
    now = clock.now()
    await service.record_given(bosco, aline.patient, feed, "given", Decimal(250), now)
    await service.record_given(bosco, aline.patient, feed, "stopped", Decimal(30), now, "vomited")
    with pytest.raises(Refusal, match=r"feeds.say_why"):
        await service.record_given(bosco, aline.patient, feed, "correction", Decimal(-20), now)
    with pytest.raises(Refusal, match=r"feeds.below_nothing"):
        await service.record_given(bosco, aline.patient, feed, "correction", Decimal(-900), now, "typed wrong")
    await service.record_given(bosco, aline.patient, feed, "correction", Decimal(-20), now, "pump showed 260")
    found = await only(bosco, aline.patient)
    assert (found.given.ml, found.given.kcal, len(found.records)) == (260, 260, 3)


async def test_no_record_of_the_future_or_from_before_the_feed(aline, diane, bosco):
    feed = await service.sign_feed(diane, aline.patient, pump())
    for minutes in (60, -120):
        with pytest.raises(Refusal):
            await service.record_given(
                bosco, aline.patient, feed, "given", Decimal(10), clock.now() + timedelta(minutes=minutes)
            )


async def test_what_was_written_down_cannot_be_rewritten(aline):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("UPDATE feed_given SET amount = 0")


@pytest.mark.req("A20")
async def test_a_stopped_feed_is_over_and_stays_in_the_record(aline, diane, bosco):
    feed = await service.sign_feed(diane, aline.patient, pump())
    with pytest.raises(NoRight):
        await service.stop_feed(bosco, aline.patient, feed, "no more")
    await service.stop_feed(diane, aline.patient, feed, "eats again")
    shown = (await queries.feeds(diane, [aline.patient]))[aline.patient]
    assert (len(shown.running), len(shown.past)) == (0, 1)
    with pytest.raises(Refusal, match=r"feeds.over"):
        await service.stop_feed(diane, aline.patient, feed, "again")


@pytest.mark.req("A20")
async def test_the_facts_of_a_verdict_carry_the_feed_and_what_was_given(aline, diane, bosco):
    feed = await service.sign_feed(diane, aline.patient, pump())
    await service.record_given(bosco, aline.patient, feed, "given", Decimal("12.5"), clock.now())
    found = (await queries.facts(diane, aline.patient, ordered_by="nurse")).feeds
    today = clock.local_day(clock.now(), diane.zone)
    assert [(one.total_ml, one.rate_ml_h, one.given) for one in found] == [(1500, 62, {today: Decimal("12.5")})]
    await service.sign_feed(diane, aline.patient, sachets())
    assert {one.dish for one in (await queries.facts(diane, aline.patient, ordered_by="nurse")).feeds} == {"", "RUTF"}


async def test_a_feed_of_another_patient_or_hospital_is_not_here(aline, diane, make, ines):
    feed = await service.sign_feed(diane, aline.patient, pump())
    beata = await make.patient("Beata", "Ingabire")
    for patient in (beata.patient, ines.patient):
        with pytest.raises(NotHere):
            await service.stop_feed(diane, patient, feed, "not theirs")


@pytest.mark.req("A20")
async def test_changed_values_wait_for_another_nutritionist_and_leave_running_feeds_as_they_were(aline, chantal, make):
    other = await make.user("Solange Uwimana", Role.NUTRITIONIST)
    await service.sign_feed(chantal, aline.patient, pump())
    before = await queries.product(chantal, "TF-10")
    values = {name: getattr(before, name) for name in ProductAsked.__struct_fields__}
    asked = ProductAsked(**(values | {"unit_kcal": Decimal(120), "allergens": tuple(before.allergens)}))
    await service.save_product(chantal, "TF-10", asked, revision=before.revision)
    with pytest.raises(Refusal, match=r"error.changed"):
        await service.save_product(other, "TF-10", asked, revision=before.revision)
    with pytest.raises(Refusal, match=r"manual.four_eyes"):
        await service.sign_product(chantal, "TF-10", before.revision + 1, PASSWORD)
    await service.sign_product(other, "TF-10", before.revision + 1, PASSWORD)
    assert (await queries.product(chantal, "TF-10")).validated_by == other.name
    assert (await only(chantal, aline.patient)).ordered.kcal == 1500


# The pages


def typed(**changes):
    facts = {"product": "TF-10", "route": "pump", "total_ml": "1500", "hours": "24", "rate": "62", "password": PASSWORD}
    return facts | changes


@pytest.mark.req("A20")
async def test_the_page_shows_the_hours_before_the_signature_and_signs(aline, diane, browser):
    page = browser(diane)
    at = f"/health-profiles/{aline.patient}/feeds"
    shown = await page.post(f"{at}/preview", typed(rate=""))
    assert shown.status_code == 200
    assert "24 times, together 1,500" in element(shown.text, "preview")
    assert (await queries.feeds(diane, [aline.patient]))[aline.patient].running == ()
    signed = await page.post(at, typed())
    assert signed.status_code == 303
    answer = await page.get(at)
    assert "The last hour takes the rest: 74 ml." in answer.text
    assert "1,500" in element(answer.text, "feed-sums") or "ml" in element(answer.text, "feed-sums")


@pytest.mark.req("A20")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rate": "10"}, "rate-error"),
        ({"password": "guess"}, "password-error"),
        ({"product": ""}, "product-error"),
        ({"route": "oral", "times": "noon"}, "times-error"),
    ],
)
async def test_a_wrong_feed_form_comes_back_with_what_was_typed(aline, diane, browser, changes, field):
    answer = await browser(diane).post(f"/health-profiles/{aline.patient}/feeds", typed(**changes))
    assert answer.status_code == 422
    assert f'id="{field}"' in answer.text
    assert 'value="1500"' in answer.text


@pytest.mark.req("A20")
async def test_a_nurse_writes_down_on_the_page_and_sees_no_form_to_sign(aline, diane, bosco, browser):
    feed = await service.sign_feed(diane, aline.patient, pump())
    page, at = browser(bosco), f"/health-profiles/{aline.patient}/feeds"
    answer = await page.get(at)
    assert answer.status_code == 200
    assert "Sign feed" not in answer.text
    now = clock.local(clock.now(), bosco.zone).strftime("%Y-%m-%dT%H:%M")
    bad = await page.post(f"{at}/{feed}/given", {"what": "given", "given_amount": "much", "given_at": now})
    assert bad.status_code == 422
    good = await page.post(f"{at}/{feed}/given", {"what": "given", "given_amount": "62", "given_at": now})
    assert good.status_code == 303
    assert "62 of" in (await page.get(at)).text
    assert (await page.post(f"{at}/{feed}/stop", {"stop_reason": "no"})).status_code == 403


@pytest.mark.req("A20")
async def test_the_chart_and_the_hand_over_list_name_the_feed(aline, diane, bosco, browser):
    await service.sign_feed(diane, aline.patient, pump())
    chart = await browser(diane).get(f"/health-profiles/{aline.patient}")
    assert "Fed today by bottle and tube" in chart.text
    listed = await browser(bosco).get("/wards/A/hand-over-list")
    assert re.search(r"Tube feed, standard 1.0 kcal/ml: 0 of [\d,]+ ml given", listed.text)


async def test_the_formulary_is_edited_and_signed_on_its_page(aline, chantal, browser):
    page = browser(chantal)
    assert "RUTF sachet" in (await page.get("/manual/feeds")).text
    values = {
        "name_en": "RUTF sachet 92 g", "name_fr": "ATPE", "name_rw": "RUTF", "unit": "sachet", "unit_ml": "0",
        "unit_kcal": "500", "unit_protein_g": "12.8", "source": "Label of the batch", "by_mouth": "1",
        "is_offered": "1", "dish_code": "RUTF", "allergens": ["milk", "peanuts", "soya"], "revision": "1",
    }  # fmt: skip
    assert (await page.post("/manual/feeds/RUTF", values | {"unit_kcal": "lots"})).status_code == 422
    assert (await page.post("/manual/feeds/RUTF", values)).status_code == 303
    kept = await queries.product(chantal, "RUTF")
    assert (kept.unit_kcal, kept.allergens) == (500, {"milk", "peanuts", "soya"})
    assert (await page.post("/manual/feeds/RUTF/sign", {"revision": "2", "password": "guess"})).status_code == 422
    assert (await page.post("/manual/feeds/RUTF/sign", {"revision": "2", "password": PASSWORD})).status_code == 303
    new = values | {"code": "ONS-X", "revision": "", "name_en": "Another supplement"}
    assert (await page.post("/manual/feeds", new)).status_code == 303
    assert (await page.post("/manual/feeds", new)).status_code == 422
