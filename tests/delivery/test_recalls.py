"""A tray called back on its way: the phone turns red, the tray is brought back, another one is made, times are kept."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from dusangire.delivery.rules import Recall, is_expired, median_seen_s
from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel import clock, journal
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.orders import jobs as order_jobs
from dusangire.orders import queries as orders
from dusangire.orders import service as order_service
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, is_too_old
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.delivery.conftest import Bedside, Card, Tray
from tests.delivery.test_pages import at_the_bed, events, status
from tests.make import Browser, element
from tests.unguarded import rewrite

Open = Callable[[Actor | None], Browser]


async def react(there: Bedside, order: Ticket) -> None:
    """Run the job that the worker runs for the last hold of the tray."""
    system = there.make.actor
    with acting_as(system):
        held = [event for event in await orders.history(system, order.id) if event.kind == "order:held"]
        await order_jobs.replace_tray(system, held[-1])


async def scanned(who: Browser, ticket: Ticket, card: Card) -> None:
    await at_the_bed(who, ticket, card)


@pytest.mark.req("A13", "A14", "F2")
async def test_a_tray_on_its_way_is_called_back_brought_back_and_replaced(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, didier: Actor, card: Card
) -> None:
    made = await tray("TIL", "RICE", status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    for page in ("/delivery/", f"/delivery/{made.id}/hand-over"):
        red = element((await phone.get(page)).text, f"recall-{made.id}")
        assert "recall--whole" in red
        assert 'role="alert"' in red
        assert made.code in red
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409

    assert (await phone.post(f"/delivery/{made.id}/recall-seen")).status_code == 303
    seen = element((await phone.get("/delivery/")).text, f"recall-{made.id}")
    assert "recall--whole" not in seen
    await react(bedside, made)
    with acting_as(esther):
        instead = await orders.replacement_of(esther, made.id)
    assert instead
    assert instead.code in element((await phone.get("/delivery/")).text, f"recall-{made.id}")
    assert f"Replacement for {made.code}" in (await browser(didier).get("/kitchen/")).text
    page = (await browser(bosco).get(f"/orders/{made.id}")).text
    assert f"Replaced by tray {instead.code}" in page
    assert f"in place of {made.code}" in (await browser(bosco).get(f"/orders/{instead.id}")).text

    assert (await phone.post(f"/delivery/{made.id}/brought-back")).status_code == 303
    assert str(made.id) not in (await phone.get("/delivery/")).text
    assert await status(esther, made) is Status.CANCELLED
    told = await events(esther, made)
    for kind in ("order:held", "tray:recalled", "tray:recall_seen", "tray:replaced", "order:brought_back"):
        assert told.count(kind) == 1, kind
    history = (await phone.get("/delivery/history")).text
    assert f'id="called-back-{made.id}"' in history
    assert re.search(r"Half were seen within \d+ s", history)
    grace = await bedside.make.user("Grace Umutoni", Role.ADMIN)
    figures = element((await browser(grace).get("/analytics/")).text, "recalls")
    assert re.search(r"<b>1</b>.*1 seen by the carrier: half within \d+ s", figures)


@pytest.mark.req("A14")
async def test_who_must_not_eat_gets_no_other_tray_and_the_page_says_so(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    await scanned(browser(esther), made, card)
    await diets.hold(bedside.doctor, bedside.id, "surgery", clock.now())
    await react(bedside, made)
    with acting_as(bosco):
        assert await orders.replacement_of(bosco, made.id) is None
        kinds = [task.kind for task in await diet_queries.open_tasks(bosco, bedside.id)]
    assert "no_safe_tray" not in kinds
    assert "the patient must not eat now" in (await browser(bosco).get(f"/orders/{made.id}")).text


async def test_a_tray_stopped_by_hand_is_called_back_and_not_replaced(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await browser(bosco).post(f"/orders/{made.id}/hold")
    assert "recall--whole" in element((await phone.get("/delivery/")).text, f"recall-{made.id}")
    await react(bedside, made)
    with acting_as(bosco):
        assert await orders.replacement_of(bosco, made.id) is None


@pytest.mark.req("A13")
async def test_a_tray_of_somebody_who_went_home_is_called_back_from_its_carrier(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await wards.discharge(bosco, bedside.id, EndReason.DISCHARGED)
    assert await status(esther, made) is Status.CANCELLED
    assert "recall--whole" in element((await phone.get("/delivery/")).text, f"recall-{made.id}")
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    await phone.post(f"/delivery/{made.id}/brought-back")
    assert str(made.id) not in (await phone.get("/delivery/")).text


async def test_nobody_else_acknowledges_a_recall(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, carrier: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray("TIL", status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    other = browser(carrier)
    assert f"recall-{made.id}" not in (await other.get("/delivery/")).text
    for act in ("recall-seen", "brought-back"):
        await other.post(f"/delivery/{made.id}/{act}")
    assert "recall--whole" in element((await phone.get("/delivery/")).text, f"recall-{made.id}")


@pytest.mark.req("A14")
async def test_without_the_reaction_in_the_commit_the_recall_is_not_marked(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card, monkeypatch: Any
) -> None:
    """The negative control: AT_ONCE is what keeps the moment of the recall."""
    monkeypatch.delitem(journal.AT_ONCE, "order:held")
    made = await tray("TIL", status=Status.READY)
    await scanned(browser(esther), made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    assert "tray:recalled" not in await events(esther, made)


# Trays that waited too long


@pytest.mark.parametrize(
    ("minutes", "limit", "is_old"), [(0, 90, False), (90, 90, False), (91, 90, True), (45, 30, True), (119, 120, False)]
)
def test_a_tray_is_too_old_past_the_limit_of_its_hospital(minutes: int, limit: int, is_old: bool) -> None:
    now = clock.now()
    assert is_too_old(now - timedelta(minutes=minutes), now, limit) is is_old
    assert is_too_old(None, now, limit)


@pytest.mark.req("A13")
@pytest.mark.hazard(23)
async def test_a_tray_that_waited_too_long_is_refused_at_the_bed_and_made_anew(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    with acting_as(esther):
        await execute(
            "UPDATE meal_order SET ready_at = now() - interval '91 min' WHERE hospital = $1 AND id = $2",
            esther.hospital,
            made.id,
        )
    assert "Too much time" in (await phone.get(f"/delivery/{made.id}/fresh")).text
    answer = await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    assert answer.status_code == 409
    assert "Too much time has passed" in answer.text
    assert await status(esther, made) is Status.HELD
    await react(bedside, made)
    with acting_as(esther):
        instead = await orders.replacement_of(esther, made.id)
        assert instead
        fresh = await orders.order(esther, instead.id)
    assert [line.dish_code for line in fresh.lines] == [line.dish_code for line in made.lines]


@pytest.mark.hazard(23)
async def test_without_the_age_the_old_tray_would_be_handed_over(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, card: Card, monkeypatch: Any
) -> None:
    """The negative control."""
    monkeypatch.setattr(sys.modules["dusangire.orders.service.moving"], "is_too_old", lambda *_: False)
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    with acting_as(esther):
        await execute(
            "UPDATE meal_order SET ready_at = now() - interval '91 min' WHERE hospital = $1 AND id = $2",
            esther.hospital,
            made.id,
        )
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 303


# The order for a patient


async def test_a_nurse_presses_order_a_safe_tray(bedside: Bedside, browser: Open, bosco: Actor) -> None:
    nurse = browser(bosco)
    chosen = await bedside.sitting()
    page = (await nurse.get(f"/patient/?for={bedside.id}&day={chosen.day}&period=lunch")).text
    assert "Order a safe tray" in page
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    wish = {"key": key.group(1), "at": f"{chosen.day}.lunch.{bedside.id}"}
    first, second = [await nurse.post("/orders/safe-tray", wish) for _ in range(2)]
    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert "A safe tray chosen by the program" in (await nurse.get(first.headers["location"])).text
    wish["key"] = uuid4().hex
    assert (await nurse.post("/orders/safe-tray", wish)).status_code == 409
    assert (await nurse.post("/orders/safe-tray", {"at": wish["at"]})).status_code == 422


async def test_a_patient_orders_no_safe_tray(bedside: Bedside, browser: Open) -> None:
    at = {"key": uuid4().hex, "at": f"..{bedside.id}"}
    assert (await browser(bedside.patient).post("/orders/safe-tray", at)).status_code == 403


# Times


def test_half_of_the_recalls_were_seen_within() -> None:
    now = clock.now()
    found = [
        Recall(uuid4(), "L-1", "A-001", "", now, now + timedelta(seconds=s) if s else None, None, "")
        for s in (2, 4, 90, None)
    ]
    assert median_seen_s(found) == 4
    assert median_seen_s([]) is None


# The outbox


async def tapped(who: Browser, ticket: Ticket, tap: str, key: str, age_s: int = 120, **more: str) -> Any:
    return await who.post("/delivery/outbox", {"key": key, "order": str(ticket.id), "tap": tap, "age_s": age_s, **more})


@pytest.mark.req("F9")
async def test_a_tap_sent_two_minutes_later_is_done_once(tray: Tray, browser: Open, esther: Actor, card: Card) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    key = uuid4().hex
    for _ in range(3):
        assert (await tapped(phone, made, "collect", key)).status_code == 303
    told = await events(esther, made)
    assert told.count("order:out_for_delivery") == told.count("order:taken") == told.count("delivery:tapped") == 1
    with acting_as(esther):
        at = next(e.facts["at"] for e in await orders.history(esther, made.id) if e.kind == "delivery:tapped")
        assert at < clock.now().isoformat()


@pytest.mark.req("F9", "A13")
async def test_a_hand_over_sent_later_is_judged_again_and_a_stopped_one_is_a_conflict(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray("TIL", status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    key = uuid4().hex
    assert (await tapped(phone, made, "hand-over", key)).status_code == 409
    assert await status(esther, made) is Status.HELD
    with acting_as(esther):
        handed = await fetch_value("SELECT count(*) FROM handover WHERE hospital = $1", esther.hospital)
    assert handed == 0


@pytest.mark.req("F9")
async def test_a_hand_over_sent_later_that_is_still_safe_is_done_once(
    tray: Tray, browser: Open, esther: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    key = uuid4().hex
    for _ in range(3):
        assert (await tapped(phone, made, "hand-over", key)).status_code == 303
    assert (await events(esther, made)).count("order:delivered") == 1
    assert await status(esther, made) is Status.DELIVERED


@pytest.mark.req("F9")
async def test_a_tap_older_than_a_quarter_of_an_hour_is_not_done(
    tray: Tray, browser: Open, esther: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    answer = await tapped(phone, made, "collect", uuid4().hex, age_s=901)
    assert answer.status_code == 410
    assert "15 minutes" in answer.text
    assert await status(esther, made) is Status.READY
    assert is_expired(-1)
    assert not is_expired(900)


@pytest.mark.parametrize("wrong", [{"key": "short"}, {"tap": "release"}, {"order": "nobody"}, {"age_s": "-1"}])
async def test_a_malformed_tap_is_refused(tray: Tray, browser: Open, esther: Actor, wrong: dict[str, str]) -> None:
    made = await tray(status=Status.READY)
    sent = {"key": uuid4().hex, "order": str(made.id), "tap": "collect", "age_s": "1"} | wrong
    assert (await browser(esther).post("/delivery/outbox", sent)).status_code in (409, 410, 422)
    assert await status(esther, made) is Status.READY


@pytest.mark.req("F9")
async def test_without_the_key_a_reason_sent_twice_would_be_told_twice(
    bedside: Bedside, tray: Tray, esther: Actor, card: Card, browser: Open, monkeypatch: Any
) -> None:
    """The negative control: with the key taken away the act is done again."""

    async def always(*_: Any) -> bool:
        return True

    monkeypatch.setattr("dusangire.delivery.service.outbox.once", always)
    made = await tray(status=Status.READY)
    await tapped(browser(esther), made, "collect", uuid4().hex)
    key = uuid4().hex
    for _ in range(2):
        await tapped(browser(esther), made, "arrive", key)
    assert (await events(esther, made)).count("delivery:tapped") == 3


async def test_a_tap_of_another_hospital_or_another_carrier_does_nothing(
    tray: Tray, browser: Open, esther: Actor, carrier: Actor, ines: Actor
) -> None:
    made = await tray(status=Status.READY)
    await tapped(browser(esther), made, "collect", uuid4().hex)
    assert (await tapped(browser(carrier), made, "arrive", uuid4().hex)).status_code == 409
    assert (await tapped(browser(ines), made, "arrive", uuid4().hex)).status_code == 403
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("A14", "I1")
async def test_the_ward_board_and_the_bed_lead_to_the_tray_that_replaces_a_recalled_one(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, didier: Actor, card: Card
) -> None:
    made = await tray("TIL", "RICE", status=Status.READY)
    await scanned(browser(esther), made, card)
    nurse = browser(bosco)
    before = element((await nurse.get("/wards/A")).text, f"bed-{made.bed_code}")
    assert "Replaced by tray" not in before
    assert "bed--stop" not in before
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    await react(bedside, made)
    with acting_as(esther):
        instead = await orders.replacement_of(esther, made.id)
    assert instead
    # Of a meal that is not the coming one: a stopped tray concerns the ward whichever meal it is of.
    await rewrite("UPDATE meal_order SET period = 'evening_snack' WHERE id IN ($1, $2)", made.id, instead.id)
    link = f'href="/orders/{instead.id}"'
    bed = element((await nurse.get("/wards/A")).text, f"bed-{made.bed_code}")
    assert link in bed
    assert f"Replaced by tray {instead.code}" in bed
    assert "bed--stop" in bed
    assert f'href="/orders/{made.id}"' in bed
    page = (await nurse.get(f"/wards/bed/{made.bed_code}")).text
    assert re.search(rf"{link}[^>]*>Replaced by tray {instead.code}", page)
    code = (await browser(didier).get(f"/tray/{made.tray_token}")).text
    assert "STOP: do not send this tray" in code
    assert f'href="/kitchen/tickets/{instead.id}">Replaced by tray {instead.code}' in code
    recalled = (await nurse.get(f"/orders/{made.id}")).text
    assert link in recalled
    assert "Expected" not in recalled
    assert "Step 4 of 5" not in recalled
    assert "ALLERGY." not in recalled
    with acting_as(bosco):
        await order_service.cancel(bosco, instead.id)
    assert "Replaced by tray" not in (await nurse.get("/wards/A")).text


@pytest.mark.req("A14", "F2")
async def test_a_stale_page_that_hands_over_a_stopped_tray_is_answered_with_the_red_page(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray("TIL", "RICE", status=Status.READY)
    phone = browser(esther)
    await scanned(phone, made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    for act, form in (("hand-over", {"proof": "confirmed"}), ("tray", {"code": made.code})):
        answer = await phone.post(f"/delivery/{made.id}/{act}", form)
        assert answer.status_code == 409
        assert "Do not hand over" in element(answer.text, f"recall-{made.id}")
        assert "nothing stops this tray" not in answer.text


async def test_the_carriers_pages_name_dishes_and_wards_in_the_language_of_the_phone(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor
) -> None:
    made = await tray("RICE", status=Status.OUT_FOR_DELIVERY)
    await execute("UPDATE ward SET name_fr = 'Service A' WHERE hospital = $1 AND code = 'A'", esther.hospital)
    phone = browser(esther)
    assert "Service A" in (await phone.get("/delivery/?lang=fr")).text
    page = (await phone.get(f"/delivery/{made.id}/hand-over?lang=fr")).text
    assert "Service A" in page
    assert made.lines[0].name("fr") in page
