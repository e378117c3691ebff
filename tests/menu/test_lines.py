"""Kitchen lines: seeded so that nothing carries over, and a change of one stops the trays it makes unsafe at once."""

from collections.abc import Callable
from uuid import UUID

import pytest

from dusangire.diets import service as diets
from dusangire.kernel import journal
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.menu import queries, service
from dusangire.menu.rules import STARTER_LINES
from dusangire.menu.service import LineChange
from dusangire.orders import queries as orders
from dusangire.orders.rules import Status
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Browser, Make

__all__ = ["_wired", "bedside", "tray"]

Open = Callable[[Actor | None], Browser]


async def line(actor: Actor, code: str) -> queries.LineRow:
    with acting_as(actor):
        return next(one for one in await queries.kitchen_lines(actor) if one.code == code)


async def carry(actor: Actor, code: str, *, over: bool = True) -> None:
    one = await line(actor, code)
    with acting_as(actor):
        await service.change_line(actor, one.id, LineChange(one.name_en, one.name_fr, one.name_rw, over))


async def status(actor: Actor, order: UUID) -> Status:
    with acting_as(actor):
        return (await orders.order(actor, order)).status


@pytest.mark.req("A8")
async def test_every_dish_has_a_line_and_none_carries_over_at_first(make: Make, chantal: Actor) -> None:
    await make.menu()
    with acting_as(chantal):
        lines, cards = await queries.kitchen_lines(chantal), await queries.cards(chantal)
        dishes = await queries.dishes(chantal)
    assert {one.code for one in lines} == {one.code for one in STARTER_LINES}
    assert not any(one.carries_over for one in lines)
    assert {card.kitchen_line for card in cards.values()} == {one.id for one in lines}
    assert not any(dish.cross_contact or dish.cross_ingredients for dish in dishes.values())


@pytest.mark.req("A8")
async def test_a_line_that_carries_over_is_seen_by_every_dish_and_by_the_revision(make: Make, chantal: Actor) -> None:
    await make.menu()
    with acting_as(chantal):
        before = await queries.revision(chantal)
    await carry(chantal, "grill")
    with acting_as(chantal):
        dishes = await queries.dishes(chantal)
        assert await queries.revision(chantal) > before
        assert "fish" in dishes["CHK-GRL"].cross_contact
        assert "fish" not in dishes["TIL"].cross_contact
        assert (await queries.card(chantal, "CHK-GRL")).cross_contact == dishes["CHK-GRL"].cross_contact
    await carry(chantal, "grill", over=False)
    with acting_as(chantal):
        assert (await queries.dishes(chantal))["CHK-GRL"].cross_contact == frozenset()


@pytest.mark.req("A8")
@pytest.mark.parametrize(("severity", "held"), [("anaphylaxis", True), ("severe", True), ("moderate", False)])
async def test_the_trays_on_their_way_are_judged_in_the_same_commit(
    bedside: Bedside, tray: Tray, bosco: Actor, chantal: Actor, severity: str, held: bool
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", severity)
    made = await tray("CHK-GRL", "POT-BLD", status=Status.PREPARING)
    await carry(chantal, "grill")
    assert await status(chantal, made.id) is (Status.HELD if held else Status.PREPARING)
    with acting_as(chantal):
        dish = (await queries.card(chantal, "CHK-GRL")).id
        kinds = [event.kind for event in await journal.history(chantal, f"dish:{dish}")]
    assert "menu:recipe_changed" in kinds


@pytest.mark.req("A8")
async def test_a_line_that_keeps_its_dishes_apart_stops_nothing(
    bedside: Bedside, tray: Tray, bosco: Actor, chantal: Actor
) -> None:
    """The negative control: the same tray, the same allergy, another word on another line."""
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    made = await tray("CHK-GRL", "POT-BLD", status=Status.PREPARING)
    await carry(chantal, "bakery")
    assert await status(chantal, made.id) is Status.PREPARING


@pytest.mark.req("A8")
async def test_a_dish_that_moves_to_a_shared_line_is_judged_and_so_are_its_new_neighbours(
    bedside: Bedside, tray: Tray, bosco: Actor, chantal: Actor
) -> None:
    await carry(chantal, "cold")
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    neighbour = await tray("PAP", "POT-BLD")
    cold = await line(chantal, "cold")
    with acting_as(chantal):
        fish = (await queries.card(chantal, "TIL")).id
        await service.place_dish(chantal, fish, cold.id)
    assert await status(chantal, neighbour.id) is Status.HELD
    with acting_as(chantal):
        await service.place_dish(chantal, fish, cold.id)
        await service.place_dish(chantal, fish, None)
        assert "fish" not in (await queries.dishes(chantal))["PAP"].cross_contact


async def test_a_line_of_another_hospital_is_not_here(make: Make, chantal: Actor) -> None:
    await make.menu()
    other = await make.other()
    await other.menu()
    with acting_as(other.actor):
        theirs = (await queries.kitchen_lines(other.actor))[0]
        dish = next(iter((await queries.cards(other.actor)).values()))
    with acting_as(chantal):
        own = next(iter((await queries.cards(chantal)).values()))
        for attempt in (
            service.change_line(chantal, theirs.id, LineChange("x", "x", "x", True)),
            service.place_dish(chantal, own.id, theirs.id),
            service.place_dish(chantal, dish.id, None),
        ):
            with pytest.raises(NotHere):
                await attempt


async def test_a_code_is_taken_once(make: Make, chantal: Actor) -> None:
    await make.menu()
    with acting_as(chantal), pytest.raises(Refusal):
        await service.add_line(chantal, "grill", LineChange("Grill", "Gril", "Gril"))


@pytest.mark.req("A8")
async def test_the_pages_of_lines_work_without_javascript(make: Make, browser: Open, chantal: Actor) -> None:
    await make.menu()
    desk = browser(chantal)
    page = await desk.get("/menu/lines")
    assert page.status_code == 200
    assert "Deep fryer" in page.text
    names = {"name_en": "Second fryer", "name_fr": "Friteuse 2", "name_rw": "Ifiriti 2"}
    assert (await desk.post("/menu/lines", {**names, "code": "Bad code"})).status_code == 422
    wrong = await desk.post("/menu/lines", {"code": "fryer_2", "name_en": "Second fryer"})
    assert wrong.status_code == 422
    assert "Second fryer" in wrong.text
    assert (await desk.post("/menu/lines", {**names, "code": "grill"})).status_code == 422
    assert (await desk.post("/menu/lines", {**names, "code": "fryer_2"})).status_code == 303
    one = await line(chantal, "grill")
    assert (await desk.post(f"/menu/lines/{one.id}", {"name_en": ""})).status_code == 422
    said = {"name_en": "Shared grill", "name_fr": "Gril", "name_rw": "Aho botsa", "carries_over": "1"}
    assert (await desk.post(f"/menu/lines/{one.id}", said)).status_code == 303
    shown = (await desk.get(f"/menu/lines/{one.id}?saved=1")).text
    assert "Shared grill" in shown
    assert "checked" in shown
    assert "Carries over" in (await desk.get("/menu/lines")).text
    assert 'id="cross-contact"' in (await desk.get("/menu/CHK-GRL")).text
    cold = await line(chantal, "cold")
    assert (await desk.post("/menu/CHK-GRL/line", {"line": "x"})).status_code == 422
    assert (await desk.post("/menu/CHK-GRL/line", {"line": str(cold.id)})).status_code == 303
    assert 'id="cross-contact"' not in (await desk.get("/menu/CHK-GRL")).text


async def test_a_cook_does_not_edit_lines(make: Make, browser: Open, didier: Actor) -> None:
    await make.menu()
    assert (await browser(didier).get("/menu/lines")).status_code == 403
