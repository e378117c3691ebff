"""The wall of the kitchen as cooks use it: with and without JavaScript, alone and two at once."""

import asyncio
from collections.abc import Callable

import pytest

from dusangire.diets import service as diets
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, Verb
from tests.kitchen.conftest import Bedside, Tray
from tests.make import Browser, Make, element
from tests.unguarded import rewrite

Open = Callable[[Actor | None], Browser]


async def status(actor: Actor, ticket: Ticket) -> Status:
    with acting_as(actor):
        return (await orders.order(actor, ticket.id)).status


@pytest.mark.req("E1", "CHK-1.6.1", "CHK-1.6.4")
async def test_the_wall_shows_bed_allergies_diet_and_food_of_each_tray(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "severe")
    made = await tray("CHK-STW", "POT-BLD")
    page = await browser(didier).get("/kitchen/")
    ticket = element(page.text, f"ticket-{made.id}")
    assert page.status_code == 200
    assert made.bed_code
    assert made.bed_code in ticket
    assert "NO PEANUT" in ticket
    assert "#peanut" in ticket
    assert "Chicken stew" in ticket
    assert "Regular diet" in ticket
    assert f'Start<span class="hidden"> {made.bed_code}</span>' in ticket
    assert '<meta http-equiv="refresh" content="30">' in page.text
    assert "Still to make" in page.text


@pytest.mark.req("E1", "CHK-1.6.3")
async def test_the_texture_of_food_and_drink_stands_on_the_ticket_with_number_and_word(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    await bedside.diet("NAS", food_level=6, drink_level=2)
    made = await tray("BNS")
    ticket = element((await browser(didier).get("/kitchen/")).text, f"ticket-{made.id}")
    assert "<b>6</b>Soft, bite-sized" in ticket
    assert "<b>2</b>Drink: mildly thick" in ticket


@pytest.mark.req("E15", "CHK-1.6.6", "CHK-1.6.7")
async def test_a_cook_starts_and_finishes_a_tray_with_plain_forms(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray()
    cook = browser(didier)
    answer = await cook.post(f"/kitchen/orders/{made.id}/start", {"period": "lunch"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/kitchen/?period=lunch")
    assert await status(didier, made) is Status.PREPARING
    assert "Ready<span" in (await cook.get("/kitchen/")).text
    await cook.post(f"/kitchen/orders/{made.id}/ready")
    assert await status(didier, made) is Status.READY
    assert f"ticket-{made.id}" not in (await cook.get("/kitchen/")).text


@pytest.mark.req("E15")
async def test_a_tap_with_htmx_answers_with_the_new_board(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray()
    answer = await browser(didier).post(f"/kitchen/orders/{made.id}/start", htmx=True)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="board"')
    assert f"/kitchen/orders/{made.id}/ready" in answer.text


@pytest.mark.req("E15")
async def test_two_cooks_tap_start_at_once_and_the_tray_is_started_once(
    tray: Tray, browser: Open, didier: Actor, cook: Actor
) -> None:
    made = await tray()
    one, two = browser(didier), browser(cook)
    answers = await asyncio.gather(*(who.post(f"/kitchen/orders/{made.id}/start") for who in (one, two, one)))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    with acting_as(didier):
        kinds = [event.kind for event in await orders.history(didier, made.id)]
    assert kinds.count("order:preparing") == 1


@pytest.mark.req("E15")
async def test_a_tray_that_moved_on_is_answered_in_words(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray(status=Status.OUT_FOR_DELIVERY)
    answer = await browser(didier).post(f"/kitchen/orders/{made.id}/start")
    assert answer.status_code == 409
    assert made.code in answer.text


@pytest.mark.req("E15")
async def test_a_bumped_tray_is_called_back(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray(status=Status.READY)
    cook = browser(didier)
    page = await cook.get("/kitchen/recall")
    assert f'Bring back<span class="hidden"> {made.bed_code}</span>' in page.text
    answer = await cook.post(f"/kitchen/orders/{made.id}/recall", {"back": "recall"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/kitchen/recall")
    assert await status(didier, made) is Status.PREPARING


@pytest.mark.req("E15", "CHK-1.6.9", "CHK-1.6.10")
async def test_a_problem_needs_a_note_then_the_tray_is_made_again(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray(status=Status.PREPARING)
    cook = browser(didier)
    assert "Report a kitchen problem" in (await cook.get(f"/kitchen/orders/{made.id}/problem")).text
    wrong = await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "report"})
    assert wrong.status_code == 422
    assert "Please fill this in" in wrong.text
    await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "report", "note": "The stew was burnt"})
    assert await status(didier, made) is Status.PROBLEM
    assert "The stew was burnt" in element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "remake"})
    assert await status(didier, made) is Status.CONFIRMED
    assert "The stew was burnt" in (await cook.get("/kitchen/history")).text


@pytest.mark.req("E15")
async def test_the_kitchen_cancels_a_tray_only_after_its_problem_was_reported(
    tray: Tray, browser: Open, didier: Actor
) -> None:
    made = await tray()
    cook = browser(didier)
    refused = await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "cancel"})
    assert refused.status_code == 409
    await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "report", "note": "No stew left"})
    await cook.post(f"/kitchen/orders/{made.id}/problem", {"then": "cancel"})
    assert await status(didier, made) is Status.CANCELLED


@pytest.mark.req("A13")
async def test_a_stopped_tray_stays_struck_through_until_a_cook_has_seen_it(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    made = await tray("TIL", status=Status.PREPARING)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    cook = browser(didier)
    ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
    assert "ticket--off" in ticket
    assert "DO NOT SEND" in ticket
    assert "I have stopped it" in ticket
    refused = await cook.post(f"/kitchen/orders/{made.id}/ready")
    assert refused.status_code == 409
    for _ in range(2):
        assert (await cook.post(f"/kitchen/orders/{made.id}/seen")).status_code == 303
    assert f"ticket-{made.id}" not in (await cook.get("/kitchen/")).text
    with acting_as(didier):
        kinds = [event.kind for event in await orders.history(didier, made.id)]
    assert kinds.count("order:stop_seen") == 1


async def test_a_cancelled_tray_concerns_the_kitchen_only_once_cooking_began(
    tray: Tray, browser: Open, didier: Actor, bosco: Actor, make: Make
) -> None:
    begun = await tray(status=Status.PREPARING)
    with acting_as(make.actor):
        await order_service.advance(bosco, begun.id, Verb.CANCEL)
    page = await browser(didier).get("/kitchen/")
    assert "DO NOT SEND" in element(page.text, f"ticket-{begun.id}")


@pytest.mark.req("E1", "CHK-1.6.2")
async def test_meals_have_tabs_with_counts_and_the_earliest_tray_comes_first(
    tray: Tray, browser: Open, didier: Actor, make: Make
) -> None:
    made = await tray()
    cook = browser(didier)
    board = element((await cook.get("/kitchen/?period=lunch")).text, "board")
    assert 'href="/kitchen/?period=lunch" aria-current="page">Lunch <b>1</b>' in board
    assert f"ticket-{made.id}" in board
    assert f"ticket-{made.id}" not in element((await cook.get("/kitchen/?period=dinner")).text, "board")
    assert (await cook.get("/kitchen/?period=%00nonsense")).status_code == 200


async def test_a_dish_is_sold_out_in_two_taps_and_back_in_one(
    bedside: Bedside, browser: Open, didier: Actor, make: Make
) -> None:
    cook = browser(didier)
    dish = await fetch_value("SELECT id FROM dish WHERE hospital = $1 AND code = 'PAP'", make.actor.hospital)
    assert "Papaya" in element((await cook.get("/kitchen/sold-out")).text, "dish-PAP")
    gone = await cook.post(f"/kitchen/sold-out/{dish}", {"available": ""}, htmx=True)
    assert "is-out" in element(gone.text, "dish-PAP")
    back = await cook.post(f"/kitchen/sold-out/{dish}", {"available": "1"})
    assert back.status_code == 303
    assert "is-out" not in element((await cook.get("/kitchen/sold-out")).text, "dish-PAP")


@pytest.mark.req("E16")
async def test_scanning_a_ready_tray_says_once_that_it_left(tray: Tray, browser: Open, didier: Actor) -> None:
    made = await tray(status=Status.READY)
    cook = browser(didier)
    page = await cook.get(f"/tray/{made.tray_token}")
    assert "Left the kitchen" in page.text
    for _ in range(2):
        answer = await cook.post(f"/kitchen/orders/{made.id}/left", {"back": "tray"})
        assert answer.status_code == 303
    assert await status(didier, made) is Status.OUT_FOR_DELIVERY
    with acting_as(didier):
        kinds = [event.kind for event in await orders.history(didier, made.id)]
    assert kinds.count("order:out_for_delivery") == 1


@pytest.mark.req("E16")
async def test_the_code_of_a_tray_means_nothing_to_another_hospital_and_to_other_patients(
    tray: Tray, browser: Open, make: Make, bedside: Bedside
) -> None:
    made = await tray(status=Status.READY)
    other = await make.other()
    from dusangire.kernel.access import Role

    stranger = await other.user("Other Cook", Role.KITCHEN)
    assert (await browser(stranger).get(f"/tray/{made.tray_token}")).status_code == 404
    assert (await browser(stranger).get(f"/kitchen/tickets/{made.id}")).status_code == 404
    assert (await browser(stranger).post(f"/kitchen/orders/{made.id}/left")).status_code == 404
    neighbour = await make.patient("Beata", "Mutoni")
    assert (await browser(neighbour).get(f"/tray/{made.tray_token}")).status_code == 404
    assert (await browser(bedside.patient).get(f"/tray/{made.tray_token}")).headers["location"] == f"/orders/{made.id}"


async def test_only_cooks_see_the_kitchen(browser: Open, esther: Actor, amina: Actor) -> None:
    for who in (esther, amina):
        assert (await browser(who).get("/kitchen/")).status_code == 403
    assert (await browser(None).get("/kitchen/")).status_code == 303


async def test_the_pulse_tells_the_time_of_the_hospital(browser: Open, didier: Actor) -> None:
    beat = (await browser(didier).get("/kitchen/pulse")).json()
    assert beat["time"].count(":") == 1
    assert beat["now"] > 1_700_000_000


async def statements(didier: Actor, make: Make, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many statements one drawing of the wall takes."""
    from dusangire.kernel import db
    from dusangire.kitchen import queries

    told: list[str] = []
    connection = db.connection

    def counted() -> object:
        told.append("one")
        return connection()

    with monkeypatch.context() as patched, acting_as(make.actor):
        patched.setattr(db, "connection", counted)
        await queries.board(didier, None, "en")
    return len(told)


async def test_the_wall_takes_three_statements_and_no_more_for_more_trays(
    tray: Tray, didier: Actor, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tray()
    assert await statements(didier, make, monkeypatch) == 3
    for _ in range(5):
        await tray()
    assert await statements(didier, make, monkeypatch) == 3


@pytest.mark.req("CHK-1.6.5")
async def test_a_special_request_is_shown_once_it_is_approved_and_not_before(
    tray: Tray, browser: Open, didier: Actor, make: Make
) -> None:
    made = await tray()
    cook = browser(didier)
    for state, is_shown in (("waiting", False), ("declined", False), ("approved", True)):
        await rewrite(
            "UPDATE meal_order SET request = 'Without onion', request_state = $3 WHERE hospital = $1 AND id = $2",
            make.actor.hospital,
            made.id,
            state,
        )
        ticket = element((await cook.get("/kitchen/")).text, f"ticket-{made.id}")
        assert ("Without onion" in ticket) is is_shown


async def test_only_the_last_bumped_trays_can_be_brought_back(
    tray: Tray, browser: Open, didier: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [await tray(status=Status.READY) for _ in range(3)]
    monkeypatch.setattr("dusangire.kitchen.rules.RECALLABLE", 2)
    page = (await browser(didier).get("/kitchen/recall")).text
    offered = [f"/kitchen/orders/{one.id}/recall" in page for one in made]
    assert offered == [False, True, True]
