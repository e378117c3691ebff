"""The facts of a verdict, read from a real database; the boards; the manual."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from asyncpg import PostgresError

from dusangire.diets import queries, service
from dusangire.diets.queries import boards, known
from dusangire.diets.rules import Allergy, Answer, Gate, Meal, Serving, Tray, TrayLine, verdict
from dusangire.diets.rules.prescribing import Prescription
from dusangire.diets.tables import DietOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere
from dusangire.menu import queries as menu
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason

pytestmark = pytest.mark.anyio


def order(*codes: str, hours: float = 0, **changes) -> Prescription:
    return Prescription(codes=codes, start_at=clock.now() + timedelta(hours=hours), **changes)


async def judged(actor: Actor, patient, dish: str = "TAR", at_hours: float = 0, gate: Gate = Gate.CART):
    now = clock.local(clock.now(), actor.zone)
    serving = Serving(Meal.LUNCH, now.date(), now + timedelta(hours=at_hours))
    tray = Tray(serving, gate, (TrayLine(dish),))
    facts = await queries.facts(actor, patient, ordered_by="nurse")
    return verdict(facts, tray, (), await queries.manual(actor), await menu.dishes(actor), now)


@pytest.mark.req("A1")
async def test_all_34_diets_and_86_rules_load_once(make):
    await make.menu()
    assert await service.load_starter(make.actor) == 0
    assert (len(await queries.diet_rows(make.actor)), len(await queries.rule_rows(make.actor))) == (34, 86)
    book = await queries.manual(make.actor)
    assert {code: diet.rules for code, diet in book.diets.items()} == {
        code: diet.rules for code, diet in queries.starter_manual().diets.items()
    }


async def test_the_manual_is_built_once_per_revision(make):
    await make.menu()
    assert await queries.manual(make.actor) is await queries.manual(make.actor)
    assert await queries.manual_revision(make.actor) == 1


@pytest.mark.req("A10")
async def test_facts_hold_everything_a_verdict_asks_for(make, diane, bosco):
    await make.menu()
    patient = (await make.patient(weight_kg="62.5")).patient
    await service.add_allergy(bosco, patient, "fish", "severe")
    await service.sign(diane, patient, order("RENAL-ND", drink_level=1, food_level=5, potassium_mg_meal=Decimal(600)))
    facts = await queries.facts(diane, patient, ordered_by="patient")
    assert facts.admission == "active"
    assert facts.hospitals == (diane.hospital,)
    assert facts.allergies == (Allergy("fish", "severe"),)
    assert {fact.code for fact in facts.diets} == {"RENAL-ND", "IDDSI5"}
    assert (facts.weight_kg, facts.weight_on) == (Decimal("62.50"), clock.local_day(clock.now(), diane.zone))
    assert (facts.iddsi_food, facts.iddsi_drink) == (None, 1)
    assert facts.own_limits["RENAL-ND.potassium_mg.meal"].most == 600
    assert (facts.rows_read, facts.active_constraint_count) == (2, 2)
    assert facts.ordered_by == "patient"


async def test_facts_of_a_stranger_are_not_here(make, diane):
    with pytest.raises(NotHere):
        await queries.facts(diane, uuid4(), ordered_by="nurse")


@pytest.mark.req("N7")
async def test_another_hospitals_patient_is_not_here(make, ines, diane):
    for read in (
        queries.facts(diane, ines.patient, ordered_by="nurse"),
        queries.diet_now(diane, ines.patient),
        queries.chart(diane, ines.patient),
    ):
        with pytest.raises(NotHere):
            await read
    assert await queries.ward_diets(diane, [ines.patient]) == {}
    assert await queries.allergies(diane, ines.patient) == []


def _hide(monkeypatch):
    """Let the read lose peanuts, as a wrong join or a policy would."""
    whole = "a.ended_at IS NULL) AS allergies"
    assert whole in known._KNOWN
    monkeypatch.setattr(known, "_KNOWN", known._KNOWN.replace(whole, f"a.code <> 'peanuts' AND {whole}"))


@pytest.mark.req("A13")
async def test_a_hidden_allergy_row_makes_the_verdict_unknown(make, diane, bosco, amina, monkeypatch):
    """A row that the count knows of and the read did not bring: never "no allergy"."""
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "peanuts", "anaphylaxis")
    await service.sign(diane, amina.patient, order("REG"))
    _hide(monkeypatch)
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert (facts.rows_read, facts.active_constraint_count) == (1, 2)
    said = await judged(diane, amina.patient)
    assert said.answer is Answer.UNKNOWN
    assert "rows_read" in {reason.rule for reason in said.reasons}


@pytest.mark.req("A13")
async def test_without_the_stored_count_the_hidden_row_would_pass_unseen(make, diane, bosco, amina, monkeypatch):
    """Negative control of the test above: facts that count what they read notice nothing."""
    await make.menu()
    await service.add_allergy(bosco, amina.patient, "peanuts", "anaphylaxis")
    await service.sign(diane, amina.patient, order("REG"))
    _hide(monkeypatch)
    honest = known._facts

    def careless(read, zone, ordered_by):
        found = honest(read, zone, ordered_by)
        return type(found)(
            **{name: getattr(found, name) for name in found.__struct_fields__ if name != "active_constraint_count"},
            active_constraint_count=found.rows_read,
        )

    monkeypatch.setattr(known, "_facts", careless)
    said = await judged(diane, amina.patient)
    assert "rows_read" not in {reason.rule for reason in said.reasons}


@pytest.mark.req("A2")
async def test_nobody_eats_without_a_diet_order(make, diane, bosco, amina):
    await make.menu()
    await service.no_known_allergies(bosco, amina.patient)
    said = await judged(diane, amina.patient)
    assert said.answer is Answer.UNKNOWN
    assert {reason.rule for reason in said.reasons} == {"no_active_order"}


@pytest.mark.req("A1")
async def test_an_order_counts_from_its_start_and_the_one_it_replaces_until_then(make, diane, bosco, amina):
    await make.menu()
    await service.no_known_allergies(bosco, amina.patient)
    first = await service.sign(diane, amina.patient, order("CARDIAC"))
    await service.sign(diane, amina.patient, order("GF", hours=2, replaces=first))
    assert [row.codes for row in await queries.diet_now(diane, amina.patient)] == [("CARDIAC",)]
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    spans = {fact.code: (fact.start, fact.end) for fact in facts.diets}
    assert spans["CARDIAC"][1] == spans["GF"][0]


async def test_after_discharge_no_order_counts_and_a_new_admission_starts_without(make, diane, bosco, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("REG"))
    await wards.discharge(bosco, amina.patient, EndReason.DISCHARGED)
    facts = await queries.facts(diane, amina.patient, ordered_by="nurse")
    assert (facts.admission, facts.diets) == ("discharged", ())
    assert facts.rows_read == facts.active_constraint_count


async def test_two_orders_that_differ_about_drinks_leave_the_drink_unknown(make, diane, amina):
    await make.menu()
    await service.sign(diane, amina.patient, order("REG", food_level=5, drink_level=1))
    await service.sign(diane, amina.patient, order("HALAL"))
    await DietOrder.update({DietOrder.drink_level: 3}).where(
        DietOrder.patient == amina.patient, DietOrder.drink_level.is_null()
    )
    said = await judged(diane, amina.patient)
    assert "unknown_drink_level" in {reason.rule for reason in said.reasons}


@pytest.mark.req("A9")
async def test_a_board_says_what_each_patient_may_eat(make, diane, bosco, amina):
    await make.menu()
    plain = (await make.patient("Aline")).patient
    fasting = (await make.patient("Paul")).patient
    await service.add_allergy(bosco, plain, "nuts", "anaphylaxis")
    await service.sign(diane, plain, order("CCHO60", food_level=5, drink_level=2))
    await service.hold(diane, fasting, "Before your operation", clock.now(), clock.now() + timedelta(hours=4))
    found = await queries.ward_diets(diane, [plain, fasting, amina.patient])
    assert (found[plain].food_level, found[plain].drink_level, found[plain].worst) == (5, 2, "anaphylaxis")
    assert found[plain].codes == ("CCHO60", "IDDSI5")
    assert found[plain].status == "ok"
    assert (found[fasting].status, found[fasting].is_fasting) == ("fasting", True)
    assert found[fasting].fasting_until is not None
    assert found[amina.patient].status == "no_order"


async def test_a_board_of_many_costs_one_statement(make, diane, monkeypatch):
    await make.menu()
    many = [(await make.patient(f"P{number}")).patient for number in range(5)]
    asked: list[str] = []
    real = boards.fetch

    async def counted(shape, sql, *args):
        asked.append(sql)
        return await real(shape, sql, *args)

    monkeypatch.setattr(boards, "fetch", counted)
    assert len(await queries.ward_diets(diane, many)) == 5
    assert len(asked) == 1


async def test_the_worklist_names_each_need_the_most_pressing_first(make, chantal, diane, bosco, amina):
    await make.menu()
    clean = (await make.patient("Clean", weight_kg="60")).patient
    await service.no_known_allergies(bosco, clean)
    await service.sign(diane, clean, order("REG"))
    uncoded = (await make.patient("Words")).patient
    await service.add_allergy(bosco, uncoded, "red berries from the hill", "moderate")
    found = await queries.worklist(chantal)
    by_name = {row.person.given_name: row.needs for row in found.rows}
    assert "Clean" not in by_name
    assert [str(need) for need in by_name["Words"]] == ["uncoded", "no_order"]
    assert [str(need) for need in by_name["Amina"]] == ["no_order", "not_asked"]
    assert next(iter(by_name)) == "Words"


async def test_what_a_diet_leaves_to_eat_is_counted_on_the_menu(make, diane, bosco, amina):
    await make.menu()
    await service.no_known_allergies(bosco, amina.patient)
    everything = await queries.left_to_eat(diane, amina.patient, order("REG"), ())
    vegan = await queries.left_to_eat(diane, amina.patient, order("VEGAN"), ())
    assert everything is not None
    assert vegan is not None
    assert 0 < vegan.passing < everything.passing <= everything.offered


async def test_reads_without_an_acting_hospital_are_an_error(make, diane, amina):
    with acting_as(None), pytest.raises((PostgresError, LookupError)):
        await queries.facts(diane, amina.patient, ordered_by="nurse")
