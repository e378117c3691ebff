"""Changes: who may, in what order, what follows in the same commit, and what stays in the history."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from dusangire import wiring
from dusangire.diets import jobs, queries, service
from dusangire.diets.rules import Answer, Question, Verdict
from dusangire.diets.rules.prescribing import DIET_ORDER, OrderStatus, Prescription, ruling_for
from dusangire.diets.service import NotSigned, orders
from dusangire.diets.tables import DietOrder, NpoHold, SafetyCheck
from dusangire.kernel import clock
from dusangire.kernel.access import Can
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.journal import AT_ONCE, Event, history
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.make import PASSWORD

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


def order(*codes: str, hours: float = 0, **changes) -> Prescription:
    return Prescription(codes=codes, start_at=clock.now() + timedelta(hours=hours), **changes)


async def statuses(actor, patient) -> dict[str, str]:
    return {"+".join(row.codes): row.status for row in await queries.orders_of(actor, patient)}


async def kinds(actor, patient) -> list[str]:
    return [event.kind for event in await history(actor, f"patient:{patient}")]


def test_every_status_is_reached_and_only_the_ended_ones_are_dead_ends():
    assert DIET_ORDER.reachable() == frozenset(OrderStatus)
    assert DIET_ORDER.ends() == {OrderStatus.REVOKED, OrderStatus.COMPLETED, OrderStatus.REPLACED}


# Signing


@pytest.mark.req("A1")
async def test_a_nurse_drafts_and_a_doctor_signs(make, bosco, diane, amina):
    await make.menu()
    kept = await service.draft(bosco, amina.patient, order("CCHO60"))
    assert await queries.diet_now(diane, amina.patient) == []
    signed = await service.sign(diane, amina.patient, order("CCHO60"), order=kept, revision=1)
    assert signed == kept
    row = (await queries.diet_now(diane, amina.patient))[0]
    assert (row.drafted_by_name, row.signed_by_name) == (bosco.name, diane.name)
    assert row.revision == 3


@pytest.mark.req("A1")
async def test_a_nurse_cannot_sign(make, bosco, amina):
    await make.menu()
    with pytest.raises(NoRight):
        await service.sign(bosco, amina.patient, order("REG"))
    assert await statuses(bosco, amina.patient) == {}


@pytest.mark.req("A1")
async def test_with_the_right_granted_the_same_nurse_would_sign(make, bosco, amina):
    """Negative control of the test above: it is the right that stops the nurse, and nothing else."""
    await make.menu()
    granted = type(bosco)(
        **{name: getattr(bosco, name) for name in bosco.__struct_fields__ if name != "rights"},
        rights=bosco.rights | {Can.DIET_SIGN},
    )
    await service.sign(granted, amina.patient, order("REG"))
    assert await statuses(bosco, amina.patient) == {"REG": "active"}


@pytest.mark.req("A1")
async def test_signing_asks_for_the_password_again(make, diane, amina):
    await make.menu()
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await service.sign_with_password(diane, amina.patient, order("REG"), "a guess")
    assert await statuses(diane, amina.patient) == {}
    await service.sign_with_password(diane, amina.patient, order("REG"), PASSWORD)
    assert await statuses(diane, amina.patient) == {"REG": "active"}


@pytest.mark.req("A3")
async def test_a_therapeutic_diet_replaces_plain_regular_food(make, diane, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("REG"))
    await service.sign(diane, amina.patient, order("CARDIAC"))
    assert await statuses(diane, amina.patient) == {"CARDIAC": "active", "REG": "replaced"}


@pytest.mark.req("A3")
async def test_regular_food_with_a_texture_is_not_lost_to_a_therapeutic_diet(make, diane, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("REG", food_level=5, drink_level=2))
    await service.sign(diane, amina.patient, order("CARDIAC"))
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert {fact.code for fact in facts.diets} >= {"IDDSI5", "CARDIAC"}
    assert facts.iddsi_drink == 2


@pytest.mark.req("A3")
async def test_several_orders_hold_at_once(make, diane, amina):
    await make.menu()
    for code in ("CARDIAC", "HALAL", "GF"):
        await service.sign(diane, amina.patient, order(code))
    assert {row.codes[0] for row in await queries.diet_now(diane, amina.patient)} == {"CARDIAC", "HALAL", "GF"}
    safety = await queries.safety(diane, amina.patient)
    assert safety.constraint_count == 3


@pytest.mark.req("A3")
async def test_two_hard_rules_that_no_meal_meets_are_refused_by_name(make, diane, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("CCHO75"))
    with pytest.raises(NotSigned, match=r"diets\.clash_hard") as refused:
        await service.sign(diane, amina.patient, order("CCHO45"))
    clash = refused.value.found.hard[0]
    assert {clash.low, clash.high} == {"CCHO75", "CCHO45"}
    assert (clash.nutrient, clash.least, clash.most) == ("carb_g", Decimal(60), Decimal(50))
    assert refused.value.status == 409
    assert await statuses(diane, amina.patient) == {"CCHO75": "active"}


@pytest.mark.req("A3")
async def test_with_a_soft_rule_the_doctor_says_which_prevails_and_it_is_kept(make, diane, chantal):
    await make.menu()
    patient = (await make.patient(weight_kg="60")).patient
    await service.sign(diane, patient, order("RENAL-ND"))
    with pytest.raises(NotSigned, match=r"diets\.clash_soft") as refused:
        await service.sign(diane, patient, order("HPHE"))
    rulings = tuple(ruling_for(clash, "RENAL-ND") for clash in refused.value.found.soft)
    with pytest.raises(NotSigned, match=r"diets\.protocol\.ruling"):
        await service.sign(chantal, patient, order("HPHE", rulings=rulings))
    await service.sign(diane, patient, order("HPHE", rulings=rulings))
    facts = await queries.facts(diane, patient, ordered_by="nurse")
    kept = next(fact for fact in facts.diets if fact.code == "HPHE").rulings
    assert kept == rulings


@pytest.mark.req("A9")
@pytest.mark.parametrize(
    ("asked", "question"),
    [({"food_level": 5}, Question.DRINK_LEVEL), ({"drink_level": 2}, Question.FOOD_LEVEL)],
)
async def test_a_texture_needs_both_levels(make, diane, amina, asked, question):
    await make.menu()
    with pytest.raises(NotSigned, match=r"diets\.questions_open") as refused:
        await service.sign(diane, amina.patient, order("REG", **asked))
    assert refused.value.found.questions == (question,)


async def test_f75_asks_about_severe_oedema_and_the_answer_lowers_the_volume(make, diane, amina):
    await make.menu()
    with pytest.raises(NotSigned, match=r"diets\.questions_open"):
        await service.sign(diane, amina.patient, order("SAM-F75"))
    await service.sign(diane, amina.patient, order("SAM-F75", has_severe_oedema=True))
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert facts.own_limits["SAM-F75.ml_per_kg.day"].most == 100


@pytest.mark.req("A1")
async def test_the_second_signer_sees_the_newer_order(make, diane, amina):
    await make.menu()
    seen = (await queries.safety(diane, amina.patient)).safety_rev
    await service.sign(diane, amina.patient, order("CARDIAC"), seen_rev=seen)
    with pytest.raises(Refusal, match=r"doctor\.newer") as refused:
        await service.sign(diane, amina.patient, order("GF"), seen_rev=seen)
    assert refused.value.facts["name"] == diane.name
    assert await statuses(diane, amina.patient) == {"CARDIAC": "active"}


@pytest.mark.req("A1")
async def test_two_doctors_replace_the_same_order_and_one_is_told(make, diane, amina):
    await make.menu()
    first = await service.sign(diane, amina.patient, order("CARDIAC"))
    both = await asyncio.gather(
        service.sign(diane, amina.patient, order("GF", replaces=first)),
        service.sign(diane, amina.patient, order("LOWFAT", replaces=first)),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, Refusal) for one in both) == [False, True]
    found = await statuses(diane, amina.patient)
    assert sorted(found.values()) == ["active", "replaced"]


async def test_a_draft_that_was_changed_meanwhile_is_not_signed_as_it_was_seen(make, bosco, diane, amina):
    await make.menu()
    kept = await service.draft(bosco, amina.patient, order("REG"))
    await service.draft(bosco, amina.patient, order("GF"), order=kept, revision=1)
    with pytest.raises(Refusal, match=r"doctor\.newer"):
        await service.sign(diane, amina.patient, order("REG"), order=kept, revision=1)
    assert await statuses(diane, amina.patient) == {"GF": "draft"}


async def test_the_same_diet_twice_is_refused(make, diane, amina):
    await make.menu()
    first = await service.sign(diane, amina.patient, order("CARDIAC"))
    with pytest.raises(NotSigned, match=r"diets\.doubled"):
        await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.sign(diane, amina.patient, order("CARDIAC", replaces=first))


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (Prescription((), clock.now()), "diets.no_diet"),
        (order("NO-SUCH"), "diets.unknown_code"),
        (order("REG", end_at=clock.now() - timedelta(hours=2)), "diets.end_before_start"),
        (order("REG", hours=-30), "diets.start_past"),
        (order("REG", hours=-3, end_at=clock.now() - timedelta(hours=2)), "diets.end_past"),
    ],
)
async def test_bad_prescriptions_are_refused_in_words(make, diane, amina, asked, key):
    await make.menu()
    with pytest.raises(Refusal) as refused:
        await service.sign(diane, amina.patient, asked)
    assert refused.value.key == key


async def test_a_patient_who_is_not_here_gets_no_order(make, bosco, diane, amina):
    await make.menu()
    await wards.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    with pytest.raises(Refusal, match=r"diets\.not_admitted"):
        await service.sign(diane, amina.patient, order("REG"))


@pytest.mark.req("N7")
async def test_nobody_signs_for_another_hospitals_patient(make, diane, ines):
    await make.menu()
    for change in (
        service.sign(diane, ines.patient, order("REG")),
        service.draft(diane, ines.patient, order("REG")),
        service.add_allergy(diane, ines.patient, "milk", "severe"),
        service.hold(diane, ines.patient, "test", clock.now()),
        service.no_known_allergies(diane, ines.patient),
    ):
        with pytest.raises(NotHere):
            await change


# Under protocol


@pytest.mark.req("A1")
async def test_a_nutritionist_signs_a_tightening_diet_under_protocol(make, chantal, amina):
    await make.menu()
    await service.sign(chantal, amina.patient, order("NA2G"))
    assert (await queries.diet_now(chantal, amina.patient))[0].is_under_protocol


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (order("REG"), "diets.protocol.kind"),
        (order("CLEAR"), "diets.protocol.kind"),
        (order("SAM-F75", has_severe_oedema=False), "diets.protocol.kind"),
        (order("RENAL-HD", fluid_ml_day=Decimal(1500)), "diets.protocol.loosens"),
    ],
)
async def test_what_the_protocol_does_not_cover_needs_a_doctor(make, chantal, amina, asked, key):
    await make.menu()
    with pytest.raises(NotSigned) as refused:
        await service.sign(chantal, amina.patient, asked)
    assert refused.value.key == key


async def test_a_nutritionist_neither_replaces_nor_stops_what_a_doctor_signed(make, chantal, diane, amina):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    with pytest.raises(NotSigned, match=r"diets\.protocol\.replaces"):
        await service.sign(chantal, amina.patient, order("NAS", replaces=signed))
    with pytest.raises(Refusal, match=r"diets\.protocol\.stops"):
        await service.revoke(chantal, amina.patient, signed, "feels better")
    await service.revoke(diane, amina.patient, signed, "feels better")


async def test_a_doctor_may_loosen_a_limit_and_it_counts(make, diane, chantal, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("RENAL-HD", fluid_ml_day=Decimal(1500)))
    own = (await queries.facts(diane, amina.patient, ordered_by="nurse")).own_limits["RENAL-HD.fluid_ml.day"]
    assert (own.most, own.by_doctor) == (1500, True)


# Ending


@pytest.mark.req("A1")
async def test_a_stopped_order_stays_in_the_history_with_who_and_why(make, diane, amina):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.revoke(diane, amina.patient, signed, "the heart is well")
    assert await statuses(diane, amina.patient) == {"CARDIAC": "revoked"}
    last = [event for event in await history(diane, f"patient:{amina.patient}") if event.kind == "diet_order:revoked"]
    assert (last[0].actor_name, last[0].facts["reason"]) == (diane.name, "the heart is well")


async def test_an_order_whose_time_is_over_is_completed(make, diane, amina):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CLEAR", end_at=clock.now() + timedelta(hours=24)))
    past = clock.now() - timedelta(minutes=1)
    await DietOrder.update({DietOrder.start_at: past - timedelta(hours=2), DietOrder.end_at: past}).where(
        DietOrder.id == signed
    )
    assert await queries.diet_now(diane, amina.patient) == []
    assert await service.keep_orders_in_step(make.actor) == 1
    assert await statuses(diane, amina.patient) == {"CLEAR": "completed"}


async def test_discharge_ends_every_order(make, diane, bosco, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.draft(bosco, amina.patient, order("GF"))
    await wards.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    assert await statuses(diane, amina.patient) == {"CARDIAC": "completed", "GF": "revoked"}


# Allergies


@pytest.mark.req("A7")
@pytest.mark.parametrize("words", ["milk", "cashew", "groundnut", "avocado", "Irish potato"])
async def test_an_allergy_is_coded_by_group_member_or_ingredient(make, bosco, amina, words):
    await make.menu()
    assert await service.add_allergy(bosco, amina.patient, words, "severe") is not None
    safety = await queries.safety(bosco, amina.patient)
    assert (safety.allergy_status, safety.uncoded_text, safety.constraint_count) == ("recorded", None, 1)


@pytest.mark.req("A7")
async def test_words_nobody_can_code_become_a_task_and_unknown_never_a_guess(make, bosco, chantal, amina):
    await make.menu()
    assert await service.add_allergy(bosco, amina.patient, "the yellow thing at weddings", "severe") is None
    facts = await queries.facts(bosco, amina.patient, ordered_by="nurse")
    assert facts.allergies == ()
    assert "yellow thing" in (facts.uncoded_free_text or "")
    assert [task.kind for task in await queries.open_tasks(chantal, amina.patient)] == ["uncoded_allergy"]
    with pytest.raises(Refusal, match=r"diets\.has_uncoded"):
        await service.no_known_allergies(bosco, amina.patient)
    await service.add_allergy(chantal, amina.patient, "pineapple", "severe")
    await service.settle_uncoded(chantal, amina.patient)
    facts = await queries.facts(bosco, amina.patient, ordered_by="nurse")
    assert (facts.uncoded_free_text, len(facts.allergies)) == (None, 1)
    assert await queries.open_tasks(chantal, amina.patient) == []


async def test_not_asked_is_not_none_known(make, bosco, amina):
    await make.menu()
    assert (await queries.safety(bosco, amina.patient)).allergy_status == "not_asked"
    await service.no_known_allergies(bosco, amina.patient)
    found = await queries.safety(bosco, amina.patient)
    assert (found.allergy_status, found.asked_by_name) == ("none_known", bosco.name)


async def test_none_known_is_refused_while_an_allergy_is_open_and_after_the_last_one_ended_it_is_asked_anew(
    make, bosco, amina
):
    await make.menu()
    made = await service.add_allergy(bosco, amina.patient, "fish", "moderate")
    with pytest.raises(Refusal, match=r"diets\.has_allergies"):
        await service.no_known_allergies(bosco, amina.patient)
    await service.end_allergy(bosco, amina.patient, made, "tested, it was not fish")
    assert (await queries.safety(bosco, amina.patient)).allergy_status == "recorded"
    ended = await queries.allergies(bosco, amina.patient, ended=True)
    assert ended[0].end_reason == "tested, it was not fish"
    await service.no_known_allergies(bosco, amina.patient)


async def test_the_same_allergy_twice_is_refused_and_another_severity_replaces_it(make, bosco, amina):
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "eggs", "moderate")
    with pytest.raises(Refusal, match=r"diets\.already"):
        await service.add_allergy(bosco, amina.patient, "Eggs", "moderate")
    await service.add_allergy(bosco, amina.patient, "EGGS", "anaphylaxis")
    assert [(row.code, row.severity) for row in await queries.allergies(bosco, amina.patient)] == [
        ("eggs", "anaphylaxis")
    ]


# Holds


@pytest.mark.req("A4")
async def test_a_hold_is_kept_to_the_minute_start_down_and_end_up(make, bosco, amina):
    start = clock.now().replace(second=31, microsecond=5)
    await service.hold(bosco, amina.patient, "Before your operation", start, start + timedelta(hours=2))
    row = (await queries.holds(bosco, amina.patient))[0]
    assert row.start_at == start.replace(second=0, microsecond=0)
    assert row.end_at == (start + timedelta(hours=2, minutes=1)).replace(second=0, microsecond=0)


@pytest.mark.req("A4")
@pytest.mark.parametrize(
    "asked", [("", 2, "doctor.npo_need"), ("  ", 2, "doctor.npo_need"), ("test", -1, "diets.end_before_start")]
)
async def test_a_hold_needs_a_reason_and_an_end_after_its_start(make, bosco, amina, asked):
    reason, hours, key = asked
    with pytest.raises(Refusal) as refused:
        await service.hold(bosco, amina.patient, reason, clock.now(), clock.now() + timedelta(hours=hours))
    assert refused.value.key == key


@pytest.mark.req("A4", "A5")
async def test_a_released_hold_leaves_the_diet_suspended_and_opens_a_task(make, bosco, diane, amina):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    made = await service.hold(bosco, amina.patient, "Before your test", clock.now())
    assert (await queries.ward_diets(bosco, [amina.patient]))[amina.patient].status == "fasting"
    await service.release(bosco, amina.patient, made)
    assert await statuses(diane, amina.patient) == {"CARDIAC": "on_hold"}
    assert [task.kind for task in await queries.open_tasks(diane, amina.patient)] == ["no_diet_order"]
    await service.sign(diane, amina.patient, order("GF", replaces=signed))
    assert await statuses(diane, amina.patient) == {"CARDIAC": "replaced", "GF": "active"}
    assert await queries.open_tasks(diane, amina.patient) == []


@pytest.mark.req("A5")
async def test_a_hold_that_expires_does_not_bring_the_diet_back(make, bosco, diane, amina):
    await make.menu()
    signed = await service.sign(diane, amina.patient, order("CARDIAC"))
    made = await service.hold(bosco, amina.patient, "test", clock.now(), clock.now() + timedelta(hours=1))
    past = clock.now() - timedelta(hours=4)
    await DietOrder.update({DietOrder.signed_at: past, DietOrder.start_at: past}).where(DietOrder.id == signed)
    await NpoHold.update({
        NpoHold.start_at: past + timedelta(hours=1), NpoHold.end_at: past + timedelta(hours=2), NpoHold.set_at: past,
    }).where(NpoHold.id == made)  # fmt: skip
    assert await queries.diet_now(diane, amina.patient) == []
    await jobs.tasks_no_diet_order(make.actor)
    assert await statuses(diane, amina.patient) == {"CARDIAC": "on_hold"}
    assert [task.kind for task in await queries.open_tasks(diane, amina.patient)] == ["no_diet_order"]


@pytest.mark.req("A5")
async def test_a_hold_taken_back_before_it_began_suspends_nothing(make, bosco, diane, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("CARDIAC"))
    made = await service.hold(bosco, amina.patient, "test", clock.now() + timedelta(hours=5), None)
    await service.release(bosco, amina.patient, made)
    assert await statuses(diane, amina.patient) == {"CARDIAC": "active"}
    assert len(await queries.diet_now(diane, amina.patient)) == 1
    with pytest.raises(Refusal, match=r"diets\.hold_over"):
        await service.release(bosco, amina.patient, made)


# One lock, one commit, one event


CHANGES = {
    "allergy": lambda who, patient: service.add_allergy(who, patient, "milk", "severe"),
    "none known": service.no_known_allergies,
    "uncoded": lambda who, patient: service.add_uncoded(who, patient, "something"),
    "hold": lambda who, patient: service.hold(who, patient, "test", clock.now()),
    "diet": lambda who, patient: service.sign(who, patient, order("CARDIAC")),
}


@pytest.mark.req("A13")
@pytest.mark.parametrize("name", CHANGES)
async def test_every_change_locks_first_raises_the_revision_and_tells_in_the_same_commit(
    make, diane, amina, name, monkeypatch
):
    await make.menu()
    order_of_events: list[str] = []
    real_lock = wards.lock

    async def lock(actor, patient):
        order_of_events.append("lock")
        return await real_lock(actor, patient)

    async def told(actor, about):
        order_of_events.append("told")

    monkeypatch.setattr(wards, "lock", lock)
    monkeypatch.setitem(AT_ONCE, "patient:safety_changed", (told,))
    before = (await queries.safety(diane, amina.patient)).safety_rev
    await CHANGES[name](diane, amina.patient)
    after = await queries.safety(diane, amina.patient)
    assert after.safety_rev > before
    assert order_of_events == ["lock", "told"]
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert facts.rows_read == facts.active_constraint_count


@pytest.mark.req("A13")
async def test_when_what_must_follow_fails_the_change_did_not_happen(make, diane, amina, monkeypatch):
    async def fails(actor, about):
        raise Refusal("error.busy")

    monkeypatch.setitem(AT_ONCE, "patient:safety_changed", (fails,))
    with pytest.raises(Refusal):
        await service.hold(diane, amina.patient, "test", clock.now())
    assert await queries.holds(diane, amina.patient) == []


async def test_the_history_names_who_did_what(make, bosco, diane, amina):
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "milk", "severe")
    await service.sign(diane, amina.patient, order("CARDIAC"))
    found = [
        (event.kind, event.actor_name)
        for event in await history(diane, f"patient:{amina.patient}")
        if event.kind in ("allergy:added", "diet_order:signed")
    ]
    assert found == [("allergy:added", bosco.name), ("diet_order:signed", diane.name)]


# Tasks, verdicts kept, what-if


@pytest.mark.req("A2")
async def test_an_admission_without_a_diet_order_becomes_a_task_once_and_a_signature_closes_it(make, diane, amina):
    await make.menu()
    event = Event(
        1, make.actor.hospital, "admission:started", f"patient:{amina.patient}", None, "", "", {}, clock.now()
    )
    await jobs.task_no_diet_order(make.actor, event)
    await jobs.task_no_diet_order(make.actor, event)
    assert [task.kind for task in await queries.open_tasks(diane, amina.patient)] == ["no_diet_order"]
    await service.sign(diane, amina.patient, order("REG"))
    assert await queries.open_tasks(diane, amina.patient) == []
    await jobs.tasks_no_diet_order(make.actor)
    assert await queries.open_tasks(diane, amina.patient) == []


async def test_a_task_is_opened_once_and_done_once(make, chantal, amina):
    made = await service.open_task(
        make.actor, "special_request", patient=amina.patient, about="order:1", link="/orders/1"
    )
    assert await service.open_task(make.actor, "special_request", patient=amina.patient, about="order:1") is None
    assert (await queries.task(chantal, made)).link == "/orders/1"
    await service.finish_task(chantal, made)
    with pytest.raises(NotHere):
        await service.finish_task(chantal, made)
    assert await service.close_task(chantal, "special_request", patient=amina.patient) == 0


async def test_a_verdict_is_kept_with_the_revisions_it_was_based_on(make, diane, amina):
    tray = uuid4()
    await service.keep_check(
        make.actor, tray, amina.patient, "fire", Verdict(Answer.BLOCK), safety_rev=3, menu_rev=4, manual_rev=5
    )
    kept = (await SafetyCheck.select().where(SafetyCheck.meal_order == tray))[0]
    assert (kept["answer"], kept["safety_rev"], kept["menu_rev"], kept["manual_rev"]) == ("block", 3, 4, 5)


@pytest.mark.req("A3", "A7", "A9", "A10")
def test_the_what_if_tool_agrees_with_all_open_cases():
    lines = Path(__file__).with_name("verdict-cases.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines if line.strip()]
    answers = [json.loads(line) for line in service.judge_lines([*lines, "", "not json"])]
    assert len(cases) == 92
    assert [(one["id"], one["verdict"], one["reasons"]) for one in answers[:-1]] == [
        (case["id"], case["expected"]["verdict"], case["expected"]["reasons"]) for case in cases
    ]
    assert "error" in answers[-1]


async def test_a_weight_too_old_to_count_does_not_hide_a_conflict_of_numbers_per_kg(make, diane, amina):
    """Without a weight, limits per kg are still compared with each other."""
    await make.menu()
    await service.sign(diane, amina.patient, order("RENAL-ND"))
    found = await orders.preview(diane, amina.patient, order("RENAL-HD"))
    assert any(clash.nutrient == "protein_g_per_kg" for clash in (*found.hard, *found.soft))
