"""A carrier's day on a phone: collecting, walking, checking tray and bed, handing over, and what goes wrong."""

import asyncio
import base64
import io
import re
from collections.abc import Callable

import pytest
from PIL import Image

from dusangire.delivery import queries as delivery
from dusangire.diets import service as diets
from dusangire.kernel import journal
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status
from dusangire.payments import queries as payments
from dusangire.payments.queries import cash
from tests.delivery.conftest import Bedside, Card, Tray
from tests.make import Browser, Make, element

Open = Callable[[Actor | None], Browser]


async def status(actor: Actor, ticket: Ticket) -> Status:
    with acting_as(actor):
        return (await orders.order(actor, ticket.id)).status


async def events(actor: Actor, ticket: Ticket) -> list[str]:
    with acting_as(actor):
        return [event.kind for event in await orders.history(actor, ticket.id)]


async def misses(actor: Actor, ticket: Ticket) -> list[str]:
    with acting_as(actor):
        found = await fetch_value(
            "SELECT coalesce(array_agg(kind ORDER BY seen_at), '{}') FROM near_miss WHERE hospital = $1 AND meal_order = $2",
            actor.hospital,
            ticket.id,
        )
    return list(found)


async def at_the_bed(who: Browser, ticket: Ticket, card: Card) -> None:
    """Collect the tray, and check its code and the bed's."""
    await who.post(f"/delivery/{ticket.id}/collect")
    await who.post(f"/delivery/{ticket.id}/tray", {"code": ticket.tray_token})
    assert ticket.bed_code
    await who.post(f"/delivery/{ticket.id}/bed", {"code": await card(ticket.bed_code)})


def picture(size: tuple[int, int] = (2400, 1800)) -> bytes:
    noise = Image.effect_noise(size, 90).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "A phone that knows too much"
    exif[0x8825] = {1: "S", 2: (1.0, 57.0, 0.0)}
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=88, exif=exif)
    return out.getvalue()


@pytest.mark.req("F14", "F3", "CHK-1.7.1", "CHK-1.7.4", "CHK-1.7.9")
async def test_a_carrier_collects_arrives_and_hands_over_with_plain_forms(
    tray: Tray, browser: Open, esther: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    page = (await phone.get("/delivery/")).text
    assert f'Collect<span class="hidden"> {made.bed_code}</span>' in page
    assert (await phone.post(f"/delivery/{made.id}/collect")).headers["location"] == "/delivery/"
    stop = element((await phone.get("/delivery/")).text, f"stop-{made.id}")
    assert f'Arrived<span class="hidden"> {made.bed_code}</span>' in stop
    assert (await phone.post(f"/delivery/{made.id}/arrive")).status_code == 303
    assert await status(esther, made) is Status.ARRIVED
    assert "Check the tray" in (await phone.get(f"/delivery/{made.id}/hand-over")).text
    await phone.post(f"/delivery/{made.id}/tray", {"code": f"http://localhost:8000/tray/{made.tray_token}"})
    assert "Check the bed" in (await phone.get(f"/delivery/{made.id}/hand-over")).text
    await phone.post(f"/delivery/{made.id}/bed", {"code": await card(made.bed_code or "")})
    assert "How do you prove it?" in (await phone.get(f"/delivery/{made.id}/hand-over")).text
    answer = await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/delivery/")
    assert await status(esther, made) is Status.DELIVERED
    assert "both codes scanned" in element((await phone.get("/delivery/history")).text, f"handed-{made.id}")


@pytest.mark.req("F2")
async def test_two_hand_overs_at_once_are_one(tray: Tray, browser: Open, esther: Actor, card: Card) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    answers = await asyncio.gather(
        *(phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"}) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {303}
    assert (await events(esther, made)).count("order:delivered") == 1
    with acting_as(esther):
        given = await fetch_value(
            "SELECT count(*) FROM handover WHERE hospital = $1 AND meal_order = $2", esther.hospital, made.id
        )
    assert given == 1


@pytest.mark.req("F3", "CHK-3.1.5")
async def test_a_wrong_bed_stops_the_whole_screen_and_is_noted_as_a_near_miss(
    tray: Tray, browser: Open, esther: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    await phone.post(f"/delivery/{made.id}/tray", {"code": made.tray_token})
    answer = await phone.post(f"/delivery/{made.id}/bed", {"code": await card("A-009")})
    assert answer.status_code == 409
    assert 'class="stop"' in answer.text
    assert "Wrong bed." in answer.text
    assert "A-009" in answer.text
    assert (made.bed_code or "") in answer.text
    assert "<form" not in element(answer.text, "main")
    assert await misses(esther, made) == ["wrong_bed"]
    assert "near_miss:recorded" in await events(esther, made)
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("F3")
async def test_the_wrong_bed_test_fails_when_beds_are_not_compared(
    tray: Tray, browser: Open, esther: Actor, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: whatever is scanned counts as the patient's own bed, and the tray is handed over."""
    made = await tray(status=Status.READY)
    own = made.bed_code or ""
    from dusangire.delivery.service import bedside as checked

    real = checked.wards.bed_of_code
    monkeypatch.setattr(checked.wards, "bed_of_card", lambda actor, _: real(actor, own))
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    await phone.post(f"/delivery/{made.id}/tray", {"code": made.tray_token})
    assert (await phone.post(f"/delivery/{made.id}/bed", {"code": await card("A-009")})).status_code == 303
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 303
    assert await status(esther, made) is Status.DELIVERED


@pytest.mark.req("F3")
async def test_another_tray_another_hospital_and_nonsense_are_stopped(
    tray: Tray, browser: Open, esther: Actor, make: Make, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    for code in ("nonsense", "L-99999", "https://elsewhere.example/x", "DROP TABLE", "🥣"):
        answer = await phone.post(f"/delivery/{made.id}/tray", {"code": code})
        assert answer.status_code == 409
        assert "Unknown code." in answer.text
    assert (await phone.post(f"/delivery/{made.id}/tray", {"code": ""})).status_code == 422
    await phone.post(f"/delivery/{made.id}/tray", {"code": made.code.lower()})
    other = await make.other()
    await other.ward("Z", 1)
    with acting_as(other.actor):
        token = await fetch_value("SELECT card_token FROM bed WHERE hospital = $1", other.actor.hospital)
    answer = await phone.post(f"/delivery/{made.id}/bed", {"code": token})
    assert (answer.status_code, "Unknown code." in answer.text) == (409, True)
    assert set(await misses(esther, made)) == {"unknown_code"}


@pytest.mark.req("F3")
async def test_a_typed_bed_needs_the_name_and_the_year_that_the_patient_says(
    tray: Tray, browser: Open, esther: Actor
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    await phone.post(f"/delivery/{made.id}/tray", {"code": made.code})
    asked = await phone.post(f"/delivery/{made.id}/bed", {"code": made.bed_code})
    assert asked.status_code == 422
    assert "Ask the patient and type the name" in asked.text
    assert f'value="{made.bed_code}"' in asked.text
    wrong = await phone.post(
        f"/delivery/{made.id}/bed", {"code": made.bed_code, "name": "Beata Mutoni", "year": "1988"}
    )
    assert (wrong.status_code, "Not the same person." in wrong.text) == (409, True)
    elsewhere = await phone.post(f"/delivery/{made.id}/bed", {"code": "A-009", "name": made.name, "year": "1988"})
    assert (elsewhere.status_code, "Wrong bed." in elsewhere.text) == (409, True)
    right = await phone.post(f"/delivery/{made.id}/bed", {"code": made.bed_code, "name": made.name, "year": "1988"})
    assert right.status_code == 303
    await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    assert await misses(esther, made) == ["wrong_answer", "wrong_bed"]
    assert "name and year checked" in (await phone.get("/delivery/history")).text


@pytest.mark.req("F3")
async def test_nothing_is_handed_over_unchecked(tray: Tray, browser: Open, esther: Actor, card: Card) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    await phone.post(f"/delivery/{made.id}/collect")
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    await at_the_bed(phone, made, card)
    with acting_as(esther):
        await execute(
            "UPDATE delivery_stop SET bed_checked_at = now() - interval '11 min' WHERE hospital = $1 AND meal_order = $2",
            esther.hospital,
            made.id,
        )
    answer = await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    assert (answer.status_code, "Check the bed again" in answer.text) == (409, True)
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("A13")
async def test_a_held_tray_cannot_be_handed_over_and_is_brought_back(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray("TIL", status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    red = element((await phone.get("/delivery/")).text, f"recall-{made.id}")
    assert "recall--whole" in red
    assert "Brought back" in red
    assert "RECALLED" in (await phone.get(f"/delivery/{made.id}/hand-over")).text
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    assert await status(esther, made) is Status.HELD
    await phone.post(f"/delivery/{made.id}/brought-back")
    assert str(made.id) not in (await phone.get("/delivery/")).text


@pytest.mark.req("F13")
async def test_a_tray_is_on_one_run_only_and_a_second_carrier_is_told_whose(
    tray: Tray, browser: Open, esther: Actor, carrier: Actor
) -> None:
    made = await tray(status=Status.READY)
    one, two = browser(esther), browser(carrier)
    answers = await asyncio.gather(one.post(f"/delivery/{made.id}/collect"), two.post(f"/delivery/{made.id}/collect"))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert (await events(esther, made)).count("order:out_for_delivery") == 1
    assert (await events(esther, made)).count("order:taken") == 1
    with acting_as(esther):
        on_runs = await fetch_value(
            "SELECT count(*) FROM delivery_stop WHERE hospital = $1 AND meal_order = $2 AND dropped_at IS NULL",
            esther.hospital,
            made.id,
        )
    assert on_runs == 1


@pytest.mark.req("F13")
async def test_a_tray_given_up_is_taken_over_by_another_and_the_history_stays(
    tray: Tray, browser: Open, esther: Actor, carrier: Actor
) -> None:
    made = await tray(status=Status.READY)
    one, two = browser(esther), browser(carrier)
    await one.post(f"/delivery/{made.id}/collect")
    assert (await one.post(f"/delivery/{made.id}/give-up")).status_code == 303
    assert f'id="take-over-{made.id}"' in (await two.get("/delivery/")).text
    assert (await two.post(f"/delivery/{made.id}/take-over")).status_code == 303
    assert f'id="stop-{made.id}"' in (await two.get("/delivery/")).text
    assert (await one.post(f"/delivery/{made.id}/arrive")).status_code == 409
    assert (await one.post(f"/delivery/{made.id}/take-over")).status_code == 303
    told = await events(esther, made)
    assert [kind for kind in told if kind in ("order:taken", "order:given_up", "order:taken_over")] == [
        "order:taken", "order:given_up", "order:taken", "order:taken_over", "order:taken",
    ]  # fmt: skip


@pytest.mark.req("F14", "CHK-1.7.8")
@pytest.mark.parametrize(
    "reason", ["asleep", "absent", "refused", "npo", "isolation", "moved", "procedure", "wrong_meal", "doctor"]
)
async def test_a_tray_that_cannot_be_handed_over_says_why_and_is_offered_again(
    tray: Tray, browser: Open, esther: Actor, reason: str
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    for _ in range(2):
        assert (await phone.post(f"/delivery/{made.id}/fail", {"reason": reason})).status_code == 303
    assert await status(esther, made) is Status.UNDELIVERED
    with acting_as(esther):
        why = (await orders.order(esther, made.id)).why_failed
    assert why is not None
    assert why.key == f"deliver.reason.{reason}"
    assert f'id="reoffer-{made.id}"' in (await phone.get("/delivery/")).text
    assert (await phone.post(f"/delivery/{made.id}/reoffer")).status_code == 303
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


async def test_a_reason_that_is_none_is_refused(tray: Tray, browser: Open, esther: Actor) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    assert (await phone.post(f"/delivery/{made.id}/fail", {"reason": "bored"})).status_code == 422
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("F1", "CHK-3.1.5")
async def test_a_patient_who_moved_is_found_in_the_new_bed(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, card: Card
) -> None:
    from dusangire.wards import service as wards

    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    with acting_as(bosco):
        bed = await fetch_value("SELECT id FROM bed WHERE hospital = $1 AND code = 'A-015'", bosco.hospital)
        await wards.transfer(bosco, bedside.id, bed)
    assert "A-015" in element((await phone.get("/delivery/")).text, f"stop-{made.id}")
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 409
    assert (await phone.post(f"/delivery/{made.id}/bed", {"code": await card("A-015")})).status_code == 303
    assert (await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})).status_code == 303


@pytest.mark.req("F4", "CHK-1.7.5", "CHK-1.7.6")
async def test_a_photo_is_made_small_and_forgets_where_it_was_taken(
    tray: Tray, browser: Open, esther: Actor, didier: Actor, bosco: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    sent = picture()
    assert len(sent) > 400_000
    answer = await phone.post(
        f"/delivery/{made.id}/hand-over", {"proof": "photo"}, files={"photo": ("tray.jpg", sent, "image/jpeg")}
    )
    assert answer.status_code == 303
    shown = await phone.get(f"/delivery/{made.id}/proof")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert len(shown.content) <= 60 * 1024
    kept = Image.open(io.BytesIO(shown.content))
    assert max(kept.size) <= 1024
    assert not kept.getexif()
    assert b"knows too much" not in shown.content
    assert "sandbox" in shown.headers["content-security-policy"]
    assert (await browser(bosco).get(f"/delivery/{made.id}/proof")).status_code == 200
    assert (await browser(didier).get(f"/delivery/{made.id}/proof")).status_code == 403


@pytest.mark.req("F4")
@pytest.mark.parametrize(
    "sent", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut off", b"GIF89a" + bytes(50), b"%PDF-1.4", b"<svg/>"]
)
async def test_what_is_not_a_picture_is_refused_in_place(
    tray: Tray, browser: Open, esther: Actor, card: Card, sent: bytes
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    answer = await phone.post(
        f"/delivery/{made.id}/hand-over", {"proof": "photo"}, files={"photo": ("x.jpg", sent, "image/jpeg")}
    )
    assert answer.status_code == 422
    assert 'id="photo-error"' in answer.text
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("F4")
async def test_ten_megabytes_are_refused_in_words(tray: Tray, browser: Open, esther: Actor, card: Card) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    answer = await phone.post(
        f"/delivery/{made.id}/hand-over",
        {"proof": "photo"},
        files={"photo": ("x.jpg", bytes(10_000_000), "image/jpeg")},
    )
    assert answer.status_code == 413
    assert "too big" in answer.text
    assert await status(esther, made) is Status.OUT_FOR_DELIVERY


@pytest.mark.req("F4")
async def test_a_signature_is_drawn_or_typed_and_never_missing(
    tray: Tray, browser: Open, esther: Actor, card: Card
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    nothing = await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "signature"})
    assert (nothing.status_code, 'id="initials-error"' in nothing.text) == (422, True)
    out = io.BytesIO()
    Image.new("RGB", (480, 200), "white").save(out, "PNG")
    drawn = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    wrong = await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "signature", "signature": drawn[:60] + "!"})
    assert wrong.status_code == 422
    assert (
        await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "signature", "signature": drawn})
    ).status_code == 303
    assert (await phone.get(f"/delivery/{made.id}/proof")).headers["content-type"] == "image/png"


@pytest.mark.req("F4")
async def test_initials_are_enough_where_nobody_can_draw(tray: Tray, browser: Open, esther: Actor, card: Card) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "signature", "initials": "A.U."})
    assert "(A.U.)" in (await phone.get("/delivery/history")).text
    assert (await phone.get(f"/delivery/{made.id}/proof")).status_code == 404


@pytest.mark.req("F4")
async def test_a_proof_is_kept_thirty_days(tray: Tray, browser: Open, esther: Actor, make: Make, card: Card) -> None:
    from dusangire.delivery import service

    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    await phone.post(
        f"/delivery/{made.id}/hand-over",
        {"proof": "photo"},
        files={"photo": ("x.jpg", picture((200, 100)), "image/jpeg")},
    )
    with acting_as(make.actor):
        assert await service.forget_old(make.actor) == 0
        await execute(
            "UPDATE handover SET handed_at = now() - interval '31 days' WHERE hospital = $1", make.actor.hospital
        )
        assert await service.forget_old(make.actor) == 1
    assert (await phone.get(f"/delivery/{made.id}/proof")).status_code == 404


@pytest.mark.req("F14")
async def test_cash_is_shown_before_and_taken_with_the_hand_over(
    tray: Tray, browser: Open, esther: Actor, card: Card, make: Make
) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    await at_the_bed(phone, made, card)
    amount = f"FRW\u00a0{made.total_minor:,}"
    assert f"Cash to collect: {amount}" in (await phone.get(f"/delivery/{made.id}/hand-over")).text
    await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    with acting_as(make.actor):
        run = await delivery.run(esther)
        paid = await payments.payment_of(esther, made.id)
        assert paid is not None
        told = [event.kind for event in await journal.history(esther, paid.about)]
        assert (await cash.expected(esther, esther.user)).minor == made.total_minor
    assert run.cash_taken.minor == made.total_minor
    assert told.count("payment:paid") == 1
    assert "Hand over the cash" in (await phone.get("/delivery/")).text
    assert amount in (await phone.get("/cash/")).text


@pytest.mark.req("N6", "F14")
async def test_the_carriers_pages_name_no_diet_no_number_and_no_phone_of_the_patient(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor, make: Make, card: Card
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "anaphylaxis")
    await bedside.diet("NAS", food_level=6, drink_level=0)
    made = await tray("CHK-STW", "RICE", status=Status.READY)
    with acting_as(make.actor):
        await execute(
            "UPDATE patient SET phone = '+250788777666' WHERE hospital = $1 AND id = $2",
            make.actor.hospital,
            made.patient,
        )
    phone = browser(esther)
    pages = [(await phone.get("/delivery/")).text]
    await phone.post(f"/delivery/{made.id}/collect")
    pages.append((await phone.get("/delivery/")).text)
    pages.append((await phone.get(f"/tray/{made.tray_token}")).text)
    pages.append((await phone.get(f"/delivery/{made.id}/hand-over")).text)
    await phone.post(f"/delivery/{made.id}/tray", {"code": made.tray_token})
    pages.append((await phone.get(f"/delivery/{made.id}/hand-over")).text)
    pages.append((await phone.post(f"/delivery/{made.id}/bed", {"code": await card("A-009")})).text)
    await phone.post(f"/delivery/{made.id}/bed", {"code": await card(made.bed_code or "")})
    pages.append((await phone.get(f"/delivery/{made.id}/hand-over")).text)
    await phone.post(f"/delivery/{made.id}/hand-over", {"proof": "confirmed"})
    pages.append((await phone.get("/delivery/history")).text)
    for page in pages:
        words = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
        for never in (
            "No added salt",
            "NAS",
            "Regular diet",
            "788777666",
            made.mrn,
            "1988-04-12",
            "12.04.1988",
            "severe",
            "naphylaxis",
        ):
            assert never not in words
    assert "Peanuts" in pages[1]
    assert "Soft, bite-sized" in pages[1]


@pytest.mark.req("F14")
async def test_the_privacy_test_would_see_a_diet_on_the_page(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    """The negative control: the cook's page of the same tray does name the diet."""
    made = await tray("CHK-STW")
    assert "Regular diet" in element((await browser(didier).get("/kitchen/")).text, f"ticket-{made.id}")


async def test_a_tray_of_another_hospital_is_not_here(tray: Tray, browser: Open, make: Make) -> None:
    made = await tray(status=Status.READY)
    other = await make.other()
    stranger = browser(await other.user("Other Carrier", Role.DELIVERY))
    for verb in ("collect", "take-over", "arrive", "reoffer"):
        assert (await stranger.post(f"/delivery/{made.id}/{verb}")).status_code == 404
    assert (await stranger.get(f"/delivery/{made.id}/hand-over")).status_code == 404
    assert (await stranger.get(f"/delivery/{made.id}/proof")).status_code == 404
    assert (await stranger.post("/delivery/scan", {"code": made.code})).status_code == 422


@pytest.mark.req("F14")
async def test_a_typed_code_finds_the_tray_and_an_unknown_one_says_so(tray: Tray, browser: Open, esther: Actor) -> None:
    made = await tray(status=Status.READY)
    phone = browser(esther)
    assert (await phone.post("/delivery/scan", {"code": made.code})).headers["location"] == f"/tray/{made.tray_token}"
    assert "Collect" in (await phone.get(f"/tray/{made.tray_token}")).text
    wrong = await phone.post("/delivery/scan", {"code": "L-NONE"})
    assert (wrong.status_code, 'value="L-NONE"' in wrong.text) == (422, True)


@pytest.mark.req("E16", "F13")
async def test_a_tray_that_left_without_a_carrier_waits_for_one(
    tray: Tray, browser: Open, esther: Actor, didier: Actor
) -> None:
    made = await tray(status=Status.READY)
    await browser(didier).post(f"/kitchen/orders/{made.id}/left")
    phone = browser(esther)
    assert f'id="take-over-{made.id}"' in (await phone.get("/delivery/")).text
    answer = await phone.post(f"/delivery/{made.id}/tray", {"code": made.tray_token})
    assert answer.headers["location"] == f"/delivery/{made.id}/hand-over"
    assert f'id="stop-{made.id}"' in (await phone.get("/delivery/")).text


async def test_only_carriers_see_the_run(browser: Open, didier: Actor, amina: Actor) -> None:
    for who in (didier, amina):
        assert (await browser(who).get("/delivery/")).status_code == 403


@pytest.mark.req("A13")
async def test_a_recall_rings_the_carriers_open_page_within_a_second(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, bosco: Actor
) -> None:
    made = await tray("TIL", status=Status.READY)
    phone = browser(esther)
    await phone.post(f"/delivery/{made.id}/collect")
    hub = bedside.make.app.state.hub
    with hub.listening(f"{esther.hospital}:orders") as run, hub.listening(f"order:{made.id}") as at_bed:
        await asyncio.sleep(1.2)  # the bells of the collecting have rung
        run.rung.clear()
        at_bed.rung.clear()
        await diets.add_allergy(bosco, bedside.id, "fish", "severe")
        await asyncio.wait_for(run.rung.wait(), 1)
        await asyncio.wait_for(at_bed.rung.wait(), 1)
    assert "recall--whole" in element((await phone.get("/delivery/", htmx=True)).text, f"recall-{made.id}")


@pytest.mark.req("CHK-1.6.8", "CHK-3.2.2", "CHK-3.2.10")
async def test_a_tray_that_becomes_ready_appears_on_the_carriers_open_page_within_a_second(
    bedside: Bedside, tray: Tray, browser: Open, esther: Actor, didier: Actor
) -> None:
    made = await tray(status=Status.PREPARING)
    phone = browser(esther)
    assert f'id="collect-{made.id}"' not in (await phone.get("/delivery/")).text
    cook = browser(didier)
    await cook.get("/kitchen/")
    hub = bedside.make.app.state.hub
    with hub.listening(f"{esther.hospital}:orders") as ear:
        await asyncio.sleep(1.2)
        ear.rung.clear()
        await cook.post(f"/kitchen/orders/{made.id}/ready")
        await asyncio.wait_for(ear.rung.wait(), 1)
    assert f'id="collect-{made.id}"' in (await phone.get("/delivery/", htmx=True)).text
