"""Substituting at the ticket, with plain forms; what the ticket and the label say of it, of lines and of isolation."""

import io
from collections.abc import Callable

import pypdf
import pytest

from dusangire.diets import service as diets
from dusangire.diets.service.flags import set_flag
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.menu.service import LineChange
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status
from tests.kitchen.conftest import Bedside, Tray
from tests.make import Browser, Make, element

Open = Callable[[Actor | None], Browser]


async def label(cook: Browser, made: Ticket) -> str:
    answer = await cook.get(f"/kitchen/tickets/{made.id}.pdf")
    assert answer.status_code == 200
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)


async def shared_grill(chantal: Actor) -> None:
    with acting_as(chantal):
        grill = next(one for one in await menu.kitchen_lines(chantal) if one.code == "grill")
        await menu_service.change_line(chantal, grill.id, LineChange("Grill", "Gril", "Aho botsa", carries_over=True))


@pytest.mark.req("E8", "E16")
async def test_a_cook_substitutes_with_plain_forms_and_prints_the_new_label(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    cook, line = browser(didier), made.lines[0].id
    assert f"/kitchen/orders/{made.id}/substitute" in element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    at = f"/kitchen/orders/{made.id}/substitute"
    assert "Chicken stew" in (await cook.get(at)).text
    offers = (await cook.get(f"{at}?line={line}")).text
    assert 'name="dish" value="BEF-STW"' in offers
    assert 'value="CHK-STW"' not in offers
    assert (await cook.post(at, {"line": str(line)})).status_code == 422
    assert (await cook.post(at, {"line": "x", "dish": "BNS"})).status_code == 422
    answer = await cook.post(at, {"line": str(line), "dish": "BNS", "why": "spoiled"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{at}?done=1")
    done = (await cook.get(f"{at}?done=1")).text
    assert "Print label 2" in done
    ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    assert "INSTEAD OF Chicken stew" in ticket
    assert "Label 2" in ticket
    said = await label(cook, made)
    assert f"{made.code}.2" in said
    assert "INSTEAD OF Chicken stew" in " ".join(said.split())
    again = await cook.post(at, {"line": str(line), "dish": "TOF"})
    assert again.status_code == 409
    assert "somebody changed this line" in again.text
    assert "Substituted" in (await cook.get("/kitchen/history")).text


@pytest.mark.req("E8", "A7")
async def test_an_unsafe_choice_is_refused_on_the_page_with_its_reason(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    made = await tray("CHK-STW", "POT-BLD")
    cook, at = browser(didier), f"/kitchen/orders/{made.id}/substitute"
    assert 'value="TIL"' not in (await cook.get(f"{at}?line={made.lines[0].id}")).text
    answer = await cook.post(at, {"line": str(made.lines[0].id), "dish": "TIL"})
    assert answer.status_code == 409
    assert "cannot take its place" in answer.text
    with acting_as(didier):
        assert (await orders.ticket(didier, made.id)).lines == made.lines


@pytest.mark.req("E16")
async def test_scanning_an_old_label_says_so(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, esther: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    cook, at = browser(didier), f"/kitchen/orders/{made.id}/substitute"
    assert (await cook.get(f"/tray/{made.tray_token}")).status_code == 200
    await cook.post(at, {"line": str(made.lines[0].id), "dish": "BNS"})
    for somebody in (cook, browser(esther)):
        answer = await somebody.get(f"/tray/{made.tray_token}")
        assert answer.status_code == 410
        assert "Old label" in answer.text
        assert "Start" not in answer.text


@pytest.mark.req("A8", "E12")
async def test_a_moderate_allergy_is_made_apart_on_ticket_and_label(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor, chantal: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", "moderate")
    made = await tray("CHK-GRL", "POT-BLD")
    cook = browser(didier)
    assert "SEPARATE PREPARATION" not in (await cook.get("/kitchen/")).text
    assert "SEPARATE PREPARATION" not in await label(cook, made)
    await shared_grill(chantal)
    ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    assert "SEPARATE PREPARATION: NO FISH" in ticket
    assert "SEPARATE PREPARATION · NO FISH" in await label(cook, made)


@pytest.mark.req("A21")
async def test_an_isolation_tray_says_so_on_ticket_and_label(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    cook = browser(didier)
    assert "ISOLATION – DISPOSABLE TRAY" not in (await cook.get("/kitchen/")).text
    with acting_as(bosco):
        await set_flag(bosco, bedside.id, "isolation")
    ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    assert "ISOLATION – DISPOSABLE TRAY" in ticket
    assert "#shield" in ticket
    assert "ISOLATION – DISPOSABLE TRAY" in await label(cook, made)


@pytest.mark.req("A9")
async def test_both_axes_stand_on_ticket_and_label_with_number_colour_and_word(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    await bedside.diet("NAS", food_level=5, drink_level=2)
    made = await tray("MIN-BEF")
    cook = browser(didier)
    ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    for said in ("ticket__texture--5", "<b>5</b>Minced, moist", "orange", "ticket__texture--2", "mildly thick", "pink"):
        assert said in ticket
    said = await label(cook, made)
    assert "Food 5 orange: Minced, moist" in said
    assert "mildly thick (2 pink)" in said


@pytest.mark.req("A9")
async def test_thin_drinks_are_said_where_only_food_is_changed(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    await bedside.diet("NAS", food_level=6, drink_level=0)
    made = await tray("BNS")
    ticket = element((await browser(didier).get("/kitchen/")).text, f"ticket-{made.id}")
    assert "<b>0</b>Drink: thin" in ticket


async def test_ordinary_food_and_drink_need_no_band(bedside: Bedside, tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray()
    assert "ticket__texture" not in element((await browser(didier).get("/kitchen/")).text, f"ticket-{made.id}")


@pytest.mark.req("E8")
async def test_a_tray_that_left_offers_nothing(bedside: Bedside, tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray(status=Status.READY)
    page = await browser(didier).get(f"/kitchen/orders/{made.id}/substitute?line={made.lines[0].id}")
    assert "nothing on it can be substituted" in page.text
    assert 'name="dish"' not in page.text


async def test_another_hospital_sees_no_tray(make: Make, bedside: Bedside, tray: Tray, browser: Open) -> None:
    made = await tray()
    other = await make.other()
    stranger = browser(await other.user("Other Cook", Role.KITCHEN))
    at = f"/kitchen/orders/{made.id}/substitute"
    assert (await stranger.get(at)).status_code == 404
    assert (await stranger.post(at, {"line": str(made.lines[0].id), "dish": "BNS"})).status_code == 404
    assert (await stranger.get(f"/tray/{made.tray_token}")).status_code == 404
