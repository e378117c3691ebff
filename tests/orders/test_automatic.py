"""Trays the program chooses: every one of them passes the verdict at checkout and at the bed."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import GROUPS, Allergy, Gate, HoldFacts, Kind, PatientFacts, Prepared, TrayLine
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.orders import queries, service
from dusangire.orders.rules import Status, Verb
from dusangire.orders.rules.automatic import tray_for
from tests.diets.conftest import ward
from tests.orders.conftest import Bedside

__all__ = ["ward"]

SEED = 20261121
MEALS = ("breakfast", "lunch", "dinner", "snack")
SEVERITIES = ("anaphylaxis", "severe", "moderate", "intolerance")


def _patient(ward: Any, chance: random.Random) -> PatientFacts:
    codes = chance.sample(sorted(ward.manual.diets), chance.choice((1, 1, 2, 3)))
    found = chance.sample(sorted(GROUPS), chance.choice((0, 0, 1, 2)))
    changes: dict[str, Any] = {"iddsi_drink": chance.choice((0, 0, 0, 2, None))}
    if chance.random() < 0.1:
        start = ward.now() - timedelta(hours=1)
        changes |= {"holds": (HoldFacts(start),)}
        count = len(codes) + len(found) + 1
        changes |= {"active_constraint_count": count, "rows_read": count}
    allergies = tuple(Allergy(code, chance.choice(SEVERITIES)) for code in found)
    facts: PatientFacts = ward.patient(*codes, allergies=allergies, **changes)
    return facts


def _built(ward: Any, cases: int) -> Iterator[tuple[Prepared, tuple[TrayLine, ...] | None, frozenset[str]]]:
    chance = random.Random(SEED)
    print("seed", SEED)
    for _ in range(cases):
        prepared = ward.prepared(_patient(ward, chance), chance.choice(MEALS))
        available = frozenset(code for code in ward.dishes if chance.random() < 0.85)
        wanted = tuple(TrayLine(code) for code in chance.sample(sorted(ward.dishes), chance.choice((0, 0, 2, 4))))
        yield prepared, tray_for(prepared, available, wanted), available


@pytest.mark.req("A14", "F5")
def test_every_tray_that_is_built_passes_at_checkout_and_at_the_bed(ward: Any) -> None:
    built = 0
    for prepared, lines, available in _built(ward, 1500):
        if lines is None:
            continue
        built += 1
        assert {line.dish for line in lines} <= available
        for gate in (Gate.CHECKOUT, Gate.HANDOVER):
            assert prepared.judge(lines, gate).is_allowed
    assert built > 500


@pytest.mark.req("A14")
def test_without_the_last_look_trays_that_are_refused_would_be_built(
    ward: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a search that takes the cart's word for it misses the MINs."""
    from dusangire.orders.rules.automatic import _Search

    honest = _Search.passes

    def careless(self: Any, lines: Any, gate: Gate, *, may_ask: bool = True) -> bool:
        return honest(self, lines, Gate.CART, may_ask=may_ask)

    monkeypatch.setattr(_Search, "passes", careless)
    refused = [
        lines
        for prepared, lines, _ in _built(ward, 1500)
        if lines and not prepared.judge(lines, Gate.CHECKOUT).is_allowed
    ]
    assert refused


def test_nothing_is_built_for_somebody_who_must_not_eat_or_is_not_known(ward: Any) -> None:
    for prepared, lines, _ in _built(ward, 600):
        if any(reason.kind in (Kind.BLOCK, Kind.UNKNOWN) for reason in prepared.about_patient):
            assert lines is None


def test_the_same_facts_give_the_same_tray_and_a_plate_is_a_plate(ward: Any) -> None:
    prepared = ward.prepared(ward.patient("REG"))
    lines = tray_for(prepared, frozenset(ward.dishes))
    assert lines == tray_for(prepared, frozenset(ward.dishes))
    assert lines
    assert [ward.dishes[line.dish].category for line in lines][:3] == ["starch", "protein", "vegetable"]
    assert len(lines) == 4


@pytest.mark.req("A14")
def test_what_the_patient_chose_is_kept_as_far_as_it_is_allowed(ward: Any) -> None:
    chosen = ward.tray(("TIL", "1"), ("RICE", "1"), ("PAP", "1"))
    everything = frozenset(ward.dishes)
    assert tray_for(ward.prepared(ward.patient("REG")), everything, chosen) == chosen
    allergic = ward.prepared(ward.patient("REG", allergies=(Allergy("fish", "severe"),)))
    lines = tray_for(allergic, everything, chosen)
    assert lines
    kept = [line.dish for line in lines]
    assert kept[:2] == ["RICE", "PAP"]
    assert [ward.dishes[code].category for code in kept[2:]] == ["protein"]


@pytest.mark.req("A14")
def test_a_carbohydrate_floor_is_reached_by_every_diet_that_sets_one(ward: Any) -> None:
    for code in ("CCHO45", "CCHO60", "CCHO75", "GDM"):
        for meal in MEALS:
            prepared = ward.prepared(ward.patient(code), meal)
            lines = tray_for(prepared, frozenset(ward.dishes))
            assert lines, (code, meal)
            assert prepared.judge(lines, Gate.HANDOVER).is_allowed


# In the database


async def _order_for(there: Bedside, **changes: Any) -> Any:
    chosen = await there.sitting()
    facts: dict[str, Any] = {"why": "late_tray"} | changes
    return await service.order_for(there.make.actor, there.id, chosen.day, "lunch", **facts)


@pytest.mark.req("A13", "F5")
async def test_a_tray_for_somebody_goes_through_checkout_with_its_evidence(bedside: Bedside) -> None:
    await bedside.diet("CCHO60")
    made = await _order_for(bedside)
    order = await queries.order(bedside.make.actor, made)
    assert order.status is Status.CONFIRMED
    assert order.automatic == "late_tray"
    checks = await fetch_value(
        "SELECT count(*) FROM safety_check WHERE hospital = $1 AND meal_order = $2 AND gate = 'checkout' "
        "AND answer = 'allow'",
        bedside.make.actor.hospital,
        made,
    )
    assert checks == 1


async def test_a_tray_for_the_same_meal_and_reason_is_made_once(bedside: Bedside) -> None:
    import asyncio

    made = await asyncio.gather(*(_order_for(bedside) for _ in range(5)))
    assert len(set(made)) == 1
    assert await _order_for(bedside, why="other") not in made


@pytest.mark.req("A14")
async def test_nobody_who_must_not_eat_gets_a_tray_and_nobody_is_asked_for_one(bedside: Bedside) -> None:
    await diets.hold(bedside.doctor, bedside.id, "surgery", clock.now() - timedelta(minutes=1))
    assert await _order_for(bedside) is None
    kinds = [task.kind for task in await diet_queries.open_tasks(bedside.make.actor, bedside.id)]
    assert "no_safe_tray" not in kinds


@pytest.mark.req("A14")
async def test_when_nothing_fits_the_nutritionist_has_a_task_and_each_nurse_is_told_once(
    bedside: Bedside, chantal: Actor
) -> None:
    await bedside.diet("CCHO60")
    await execute(
        "UPDATE dish SET is_available = false WHERE hospital = $1 AND category <> 'vegetable'",
        bedside.make.actor.hospital,
    )
    await execute("UPDATE menu_revision SET rev = rev + 1 WHERE hospital = $1", bedside.make.actor.hospital)
    for _ in range(2):
        assert await _order_for(bedside) is None
    kinds = [task.kind for task in await diet_queries.open_tasks(chantal, bedside.id)]
    assert kinds.count("no_safe_tray") == 1
    told = await fetch_value(
        "SELECT count(*) FROM message WHERE hospital = $1 AND app_user = $2 AND kind = 'order:no_safe_tray'",
        bedside.make.actor.hospital,
        bedside.nurse.user,
    )
    assert told == 1


@pytest.mark.req("A14")
async def test_a_replacement_keeps_what_was_chosen_and_the_stopped_tray_counts_no_more(
    bedside: Bedside, didier: Actor
) -> None:
    await bedside.diet("CCHO60")
    order = await bedside.order("TIL", "POT-BLD", "PAP")
    for verb in (Verb.START, Verb.PLATE):
        await service.advance(didier, order.id, verb)
    await diets.add_allergy(bedside.nurse, bedside.id, "fish", "severe")
    assert (await queries.order(didier, order.id)).status is Status.HELD
    made = await service.replace(bedside.make.actor, order.id)
    assert made
    instead = await queries.order(didier, made)
    assert instead.replaces == order.id
    assert "POT-BLD" in [line.dish_code for line in instead.lines]
    assert "TIL" not in [line.dish_code for line in instead.lines]
    assert await service.replace(bedside.make.actor, order.id) is None
    await service.advance(didier, made, Verb.START)
    with pytest.raises(Refusal) as refused:
        await service.release(bedside.nurse, order.id)
    assert refused.value.key == "order.replaced"


async def test_a_replacement_is_never_refused_for_the_account(bedside: Bedside, didier: Actor) -> None:
    order = await bedside.order("TIL", "RICE")
    await service.advance(didier, order.id, Verb.START)
    await execute("UPDATE admission SET account_ceiling_minor = 0 WHERE hospital = $1", bedside.make.actor.hospital)
    assert await _order_for(bedside, why="other") is None
    await diets.add_allergy(bedside.nurse, bedside.id, "fish", "severe")
    assert await service.replace(bedside.make.actor, order.id)


async def test_a_nurse_orders_a_safe_tray_once_a_page_and_not_beside_another(bedside: Bedside) -> None:
    day = (await bedside.sitting()).day
    key = uuid4().hex
    made = await service.safe_tray(bedside.nurse, bedside.id, day, "lunch", key)
    assert await service.safe_tray(bedside.nurse, bedside.id, day, "lunch", key) == made
    with pytest.raises(Refusal):
        await service.safe_tray(bedside.nurse, bedside.id, day, "lunch", uuid4().hex)
    order = await queries.order(bedside.nurse, made)
    assert order.placed_by == bedside.nurse.user


def test_portions_are_those_we_serve(ward: Any) -> None:
    for _, lines, _ in _built(ward, 200):
        assert all(line.portion in (Decimal("0.5"), Decimal(1), Decimal("1.5")) for line in lines or ())
