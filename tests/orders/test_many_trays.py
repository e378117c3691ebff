"""A change of food that very many patients have on their tray: the gates stop at once, the trays right after."""

import pytest

from dusangire.diets import service as diets
from dusangire.kernel.db import fetch_value
from dusangire.menu import queries as menu
from dusangire.menu import service as menus
from dusangire.menu.rules import RECIPE_NUTRIENTS
from dusangire.orders import queries, service
from dusangire.orders.rules import Status, Verb
from dusangire.wards import queries as ward_queries
from tests.unguarded import unguarded

pytestmark = [pytest.mark.req("A13"), pytest.mark.hazard(7)]


async def _change_tilapia(chef):
    """New bread with the fish, and nobody has read its label yet."""
    card = await menu.card(chef, "TIL")
    grams = {line.ingredient: line.grams + 1 for line in await menu.recipe(chef, card.id)}
    await menus.change_recipe(chef, card.id, grams, is_declared=False)
    return card.id


async def _waiting(actor, dish):
    return await fetch_value(
        "SELECT count(*) FROM event WHERE hospital = $1 AND kind = 'trays:to_judge' AND about = $2",
        actor.hospital, f"dish:{dish}",
    )  # fmt: skip


async def test_beyond_the_limit_the_gates_stop_first_and_the_job_holds_the_rest(bedside, chantal, didier, monkeypatch):
    order = await bedside.order("TIL")
    monkeypatch.setattr("dusangire.orders.service.holding.AT_ONCE", 0)
    async with unguarded("dus_dish_changed"):
        dish = await _change_tilapia(chantal)
    assert (await queries.order(didier, order.id)).status is Status.CONFIRMED
    assert await _waiting(chantal, dish) == 1
    await service.judge_waiting(chantal, f"dish:{dish}")
    assert (await queries.order(didier, order.id)).status is Status.HELD


async def test_a_gate_does_not_wait_for_the_job(bedside, chantal, didier, monkeypatch):
    order = await bedside.order("TIL")
    monkeypatch.setattr("dusangire.orders.service.holding.AT_ONCE", 0)
    async with unguarded("dus_dish_changed"):
        await _change_tilapia(chantal)
    with pytest.raises(service.Unsafe):
        await service.advance(didier, order.id, Verb.START)


async def test_within_the_limit_the_trays_are_held_in_the_same_commit(bedside, chantal, didier):
    order = await bedside.order("TIL")
    dish = await _change_tilapia(chantal)
    assert (await queries.order(didier, order.id)).status is Status.HELD
    assert await _waiting(chantal, dish) == 0


async def test_an_ingredient_of_many_dishes_locks_its_patients_in_the_order_of_their_ids(
    bedside, make, chantal, bosco, monkeypatch
):
    """Dish by dish alone, two such changes at once could each wait for the other's patient."""
    patients = [bedside.id]
    for name in ("Aline", "Odile"):
        other = await make.patient(name, "Keza")
        there = type(bedside)(make, other, bedside.doctor, bosco)
        await diets.no_known_allergies(bosco, there.id)
        await there.diet("REG")
        await there.order("TIL" if name == "Aline" else "CHK-STW")
        patients.append(there.id)
    await bedside.order("CHK-STW")
    locked = []
    really = ward_queries.locked_safety_rev

    async def noted(actor, patient):
        locked.append(patient)
        return await really(actor, patient)

    monkeypatch.setattr(ward_queries, "locked_safety_rev", noted)
    salt = next(row for row in await menu.ingredients(chantal) if row.name == "salt")
    await menus.change_ingredient(chantal, salt.id, undeclared(salt))
    assert locked[: len(patients)] == sorted(patients)
    assert set(locked) == set(patients)


def undeclared(row):
    """The label of an ingredient with its declaration taken back."""
    values = {name: getattr(row, name) for name in RECIPE_NUTRIENTS}
    return menus.IngredientChange(**values, allergens=frozenset(), may_contain=frozenset(), declared_on=None)
