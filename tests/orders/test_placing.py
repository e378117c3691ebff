"""Checkout: one order whatever is tapped, priced and judged at that moment, with a clear answer to everything else."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.orders import queries, service
from dusangire.orders.rules import Place, RequestState, Status
from dusangire.orders.service import Choice
from dusangire.payments import queries as payments
from dusangire.payments.rules import Method
from tests.make import Make
from tests.orders.conftest import Bedside


async def count(actor: Actor) -> int:
    return int(await fetch_value("SELECT count(*) FROM meal_order WHERE hospital = $1", actor.hospital))


@pytest.mark.req("C17", "J1", "CHK-1.4.5", "CHK-1.4.8")
async def test_an_order_sums_its_lines_in_whole_francs_and_carries_a_code_people_can_say(bedside: Bedside) -> None:
    await bedside.choose("CHK-STW")
    await bedside.choose("POT-BLD", portion="0.5")
    order = await queries.order(bedside.patient, await service.place(bedside.patient, await bedside.checkout()))
    assert order.code.startswith("L-")
    assert order.items_minor == sum(line.price_minor * line.quantity for line in order.lines) == 2000 + 250
    assert order.total_minor == order.items_minor + order.tax_minor + order.delivery_minor - order.discount_minor
    assert order.status is Status.CONFIRMED


@pytest.mark.req("C17")
async def test_ten_taps_with_one_key_are_one_order_and_one_answer(bedside: Bedside) -> None:
    await bedside.choose("CHK-STW")
    wanted = await bedside.checkout()
    answers = await asyncio.gather(*(service.place(bedside.patient, wanted) for _ in range(10)))
    assert len(set(answers)) == 1
    assert await count(bedside.patient) == 1


@pytest.mark.req("C17")
async def test_the_same_key_with_other_words_is_refused(bedside: Bedside) -> None:
    await bedside.choose("CHK-STW")
    wanted = await bedside.checkout()
    await service.place(bedside.patient, wanted)
    with pytest.raises(Refusal) as refused:
        await service.place(bedside.patient, await bedside.checkout(key=wanted.key, method=Method.HOSPITAL_ACCOUNT))
    assert refused.value.status == 422


@pytest.mark.req("C16", "C17")
async def test_twenty_devices_check_out_one_tray_and_one_order_comes_of_it(bedside: Bedside) -> None:
    await bedside.choose("CHK-STW")
    wanted = [await bedside.checkout() for _ in range(20)]
    answers = await asyncio.gather(*(service.place(bedside.patient, one) for one in wanted), return_exceptions=True)
    assert await count(bedside.patient) == 1
    placed = [one for one in answers if not isinstance(one, BaseException)]
    assert len(placed) == 1
    assert {one.key for one in answers if isinstance(one, Refusal)} == {"order.already_placed"}


@pytest.mark.req("A13")
async def test_an_allergy_in_the_middle_of_checkout_leaves_no_tray_that_can_be_cooked(
    bedside: Bedside, bosco: Actor
) -> None:
    for _ in range(10):
        await bedside.choose("TIL")
        wanted = await bedside.checkout()
        await asyncio.gather(
            service.place(bedside.patient, wanted),
            diets.add_allergy(bosco, bedside.id, "fish", "severe"),
            return_exceptions=True,
        )
        trays = await queries.orders_of(bosco, bedside.id)
        assert all(tray.status in (Status.HELD, Status.CANCELLED) for tray in trays)
        for tray in trays:
            if tray.status is Status.HELD:
                await service.cancel(bosco, tray.id)
        found = (await diet_queries.allergies(bosco, bedside.id))[0].id
        await diets.end_allergy(bosco, bedside.id, found, "test")
        await diets.no_known_allergies(bosco, bedside.id)
        await service.clear(bedside.patient, bedside.id, await bedside.sitting())


@pytest.mark.req("A10")
async def test_a_meal_with_too_little_is_refused_at_checkout_and_not_at_the_tray(bedside: Bedside) -> None:
    await bedside.diet("CCHO60")
    await bedside.choose("CHK-STW")
    with pytest.raises(Refusal) as refused:
        await service.place(bedside.patient, await bedside.checkout())
    assert refused.value.key == "order.not_this_tray"
    why = refused.value.facts["why"].facts["why"]
    assert (why.key, why.facts["limit"]) == ("order.why.least_meal", "45")
    await bedside.choose("POT-BLD")
    await service.place(bedside.patient, await bedside.checkout())


@pytest.mark.req("A2")
async def test_without_a_diet_order_nothing_can_be_chosen_or_ordered(make: Make, bosco: Actor) -> None:
    await make.menu()
    aline = await make.patient()
    there = Bedside(make, aline, bosco, bosco)
    await diets.no_known_allergies(bosco, there.id)
    with pytest.raises(Refusal) as refused:
        await there.choose("CHK-STW")
    assert refused.value.facts["why"].facts["why"].key == "portal.waiting_diet"
    with pytest.raises(Refusal):
        await service.place(aline, await there.checkout())


@pytest.mark.req("C5")
async def test_after_the_cut_off_the_patient_is_told_and_the_nurse_orders_a_late_tray(
    bedside: Bedside, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(
        "UPDATE meal_period SET cutoff = '00:00', serve_from = '00:00', serve_to = '23:59:59' WHERE hospital = $1 AND code = 'lunch'",
        bosco.hospital,
    )
    chosen = await bedside.sitting(days=0)
    late = Choice(bedside.id, chosen, "CHK-STW")
    with pytest.raises(Refusal) as refused:
        await service.add(bedside.patient, late)
    assert (refused.value.key, refused.value.facts["time"]) == ("order.cut_off", "00:00")
    await service.add(bosco, late)
    with pytest.raises(Refusal, match=r"order\.cut_off"):
        await service.place(bedside.patient, await bedside.checkout_at(chosen))
    order = await queries.order(bosco, await service.place(bosco, await bedside.checkout_at(chosen)))
    assert order.is_late_tray
    assert order.placed_by == bosco.user
    monkeypatch.setattr(clock, "now", lambda: chosen.serve_to)
    with pytest.raises(Refusal, match=r"order\.meal_over"):
        await service.place(bosco, await bedside.checkout_at(chosen))


@pytest.mark.req("B10")
async def test_a_dish_that_runs_out_between_tray_and_checkout_is_named(bedside: Bedside, chantal: Actor) -> None:
    await bedside.choose("CHK-STW")
    card = await menu.card(chantal, "CHK-STW")
    await menu_service.set_available(chantal, card.id, available=False)
    with pytest.raises(Refusal, match=r"error\.sold_out"):
        await service.place(bedside.patient, await bedside.checkout())
    with pytest.raises(Refusal, match=r"error\.sold_out"):
        await bedside.choose("CHK-STW")


@pytest.mark.req("J1")
async def test_the_price_is_that_of_checkout_not_of_the_tray(bedside: Bedside, chantal: Actor) -> None:
    from dusangire.menu.service import DishChange

    await bedside.choose("CHK-STW")
    card = await menu.card(chantal, "CHK-STW")
    await menu_service.change_dish(
        chantal, card.id, DishChange(card.name_en, card.name_fr, card.name_rw, 2100, frozenset(card.meals))
    )
    order = await queries.order(bedside.patient, await service.place(bedside.patient, await bedside.checkout()))
    assert order.total_minor == 2100


@pytest.mark.req("C9")
async def test_a_special_request_waits_for_the_nutritionist_and_changes_no_rule(
    bedside: Bedside, chantal: Actor
) -> None:
    order = await bedside.order("CHK-STW", request="soft rice 🍚 please")
    assert (order.request_state, order.printed_request) == (RequestState.WAITING, "")
    assert [task.kind for task in await diet_queries.open_tasks(chantal, bedside.id)] == ["special_request"]
    await service.decide_request(chantal, order.id, approve=True)
    assert (await queries.order(chantal, order.id)).printed_request == "soft rice 🍚 please"
    assert not await diet_queries.open_tasks(chantal, bedside.id)
    with pytest.raises(Refusal, match="request_decided"):
        await service.decide_request(chantal, order.id, approve=False)


@pytest.mark.req("J7", "CHK-1.5.4")
async def test_cash_waits_and_the_hospital_account_is_charged_up_to_its_ceiling(bedside: Bedside) -> None:
    first = await bedside.order("CHK-STW")
    cash = await payments.payment_of(bedside.patient, first.id)
    assert cash is not None
    assert (cash.method, cash.state) == (Method.CASH, "pending")
    second = await bedside.order("CHK-STW", period="dinner", method=Method.HOSPITAL_ACCOUNT)
    charged = await payments.payment_of(bedside.patient, second.id)
    assert charged is not None
    assert charged.state == "charged"
    await execute("UPDATE admission SET account_ceiling_minor = 2500 WHERE hospital = $1", bedside.patient.hospital)
    with pytest.raises(Refusal, match=r"pay\.ceiling"):
        await bedside.order("POT-BLD", "RICE", period="dinner", method=Method.HOSPITAL_ACCOUNT)


@pytest.mark.req("C10")
async def test_a_patient_cancels_until_the_cut_off_and_staff_later_as_waste(
    bedside: Bedside, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await bedside.order("CHK-STW")
    gone = await service.cancel(bedside.patient, order.id)
    assert gone.status is Status.CANCELLED
    payment = await payments.payment_of(bosco, order.id)
    assert payment is not None
    assert payment.state == "cancelled"
    second = await bedside.order("CHK-STW")
    monkeypatch.setattr(clock, "now", lambda: second.cutoff_at)
    with pytest.raises(Refusal, match="cancel_closed"):
        await service.cancel(bedside.patient, second.id)
    await service.cancel(bosco, second.id)
    assert (await queries.history(bosco, second.id))[-1].facts["note"] == "wasted"


@pytest.mark.req("C7")
async def test_a_nurse_and_a_caregiver_order_for_the_patient_and_both_are_kept(
    bedside: Bedside, make: Make, bosco: Actor
) -> None:
    by_nurse = await bedside.order("CHK-STW", by=bosco)
    carer = await make.caregiver(bedside.patient)
    by_carer = await bedside.order("CHK-STW", by=carer, period="dinner")
    assert (by_nurse.patient, by_nurse.placed_by, by_nurse.placed_as) == (bedside.id, bosco.user, "nurse")
    assert (by_carer.patient, by_carer.placed_by, by_carer.placed_as) == (bedside.id, carer.user, "caregiver")


@pytest.mark.req("C17")
async def test_a_tray_can_go_to_a_staff_area(bedside: Bedside, bosco: Actor) -> None:
    order = await bedside.order("CHK-STW", by=bosco, place=Place.STAFF_AREA, place_name="Nurses' room")
    assert (order.place, order.place_name) == ("staff_area", "Nurses' room")


@pytest.mark.req("N7")
async def test_nobody_orders_for_a_stranger(bedside: Bedside, make: Make, ines: Actor) -> None:
    stranger = await make.patient("Other", "Patient")
    for actor in (stranger, ines):
        with pytest.raises(NotHere):
            await service.place(actor, await bedside.checkout())
        with pytest.raises(NotHere):
            await service.add(actor, Choice(bedside.id, await bedside.sitting(), "CHK-STW"))


async def test_an_empty_tray_a_strange_meal_and_a_far_day_are_answered(bedside: Bedside) -> None:
    with pytest.raises(Refusal, match=r"order\.nothing_chosen"):
        await service.place(bedside.patient, await bedside.checkout())
    with pytest.raises(Refusal, match=r"order\.no_such_meal"):
        await service.place(bedside.patient, await bedside.checkout_raw(period="tea"))
    with pytest.raises(Refusal, match=r"order\.no_such_meal"):
        await service.place(bedside.patient, await bedside.checkout_raw(day=clock.now().date() + timedelta(days=9)))


@pytest.mark.req("C16", "C4", "CHK-1.3.6")
async def test_thirty_taps_at_once_on_two_devices_lose_none(bedside: Bedside) -> None:
    chosen = await bedside.sitting()
    dishes = ["POT-BLD", "RICE", "DOD"] * 5
    await asyncio.gather(*(service.add(bedside.patient, Choice(bedside.id, chosen, dish)) for dish in dishes))
    cart = await queries.cart(bedside.patient, bedside.id, chosen.day, str(chosen.period))
    assert {line.dish_code: line.quantity for line in cart.lines} == {"POT-BLD": 5, "RICE": 5, "DOD": 5}


@pytest.mark.req("C16", "CHK-1.3.7", "CHK-1.3.8")
async def test_portions_change_and_lines_go_and_the_tray_is_emptied(bedside: Bedside) -> None:
    chosen = await bedside.sitting()
    await bedside.choose("POT-BLD", "RICE")
    half = Choice(bedside.id, chosen, "POT-BLD", Decimal("0.5"))
    await service.set_portion(bedside.patient, Choice(bedside.id, chosen, "POT-BLD"), Decimal("0.5"))
    cart = await queries.cart(bedside.patient, bedside.id, chosen.day, "lunch")
    assert [(line.dish_code, str(line.portion)) for line in cart.lines] == [("RICE", "1.0"), ("POT-BLD", "0.5")]
    await service.set_quantity(bedside.patient, half, -1)
    assert (await queries.cart(bedside.patient, bedside.id, chosen.day, "lunch")).count == 1
    await service.clear(bedside.patient, bedside.id, chosen)
    assert (await queries.cart(bedside.patient, bedside.id, chosen.day, "lunch")).count == 0


@pytest.mark.req("A12", "CHK-1.3.3", "CHK-3.2.4")
async def test_a_forbidden_dish_is_refused_with_its_rule_recorded_and_the_nutritionist_told_once(
    bedside: Bedside, bosco: Actor, chantal: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "anaphylaxis")
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await bedside.choose("ISB")
        assert refused.value.status == 409
    events = await fetch_value(
        "SELECT array_agg(facts->>'rule') FROM event WHERE hospital = $1 AND kind = 'order:blocked' AND about = $2",
        chantal.hospital,
        f"patient:{bedside.id}",
    )
    assert events == ["ALLERGY.contains.peanuts.item"] * 2
    assert [task.kind for task in await diet_queries.open_tasks(chantal, bedside.id)] == ["blocked_attempt"]


@pytest.mark.req("C19")
async def test_an_order_is_chosen_again_and_judged_again(bedside: Bedside, bosco: Actor) -> None:
    order = await bedside.order("CHK-STW", "TIL")
    await service.cancel(bedside.patient, order.id)
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    skipped = await service.reorder(bedside.patient, order.id, await bedside.sitting())
    assert [one.dish.en for one in skipped] == ["Grilled tilapia"]
    cart = await queries.cart(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")
    assert [line.dish_code for line in cart.lines] == ["CHK-STW"]


@pytest.mark.req("A10")
async def test_a_refusal_is_kept_with_its_key_and_told_again_the_same(bedside: Bedside) -> None:
    wanted = await bedside.checkout(key=uuid4().hex)
    for _ in range(2):
        with pytest.raises(Refusal, match=r"order\.nothing_chosen"):
            await service.place(bedside.patient, wanted)
    await bedside.choose("CHK-STW")
    with pytest.raises(Refusal, match=r"order\.nothing_chosen"):
        await service.place(bedside.patient, wanted)
    await service.place(bedside.patient, await bedside.checkout())


@pytest.mark.req("C11", "C18")
async def test_a_meal_is_received_once_rated_once_and_complained_of(
    bedside: Bedside, didier: Actor, faustin: Actor
) -> None:
    from tests.orders.test_moving import bring_to

    order = await bedside.order("CHK-STW")
    with pytest.raises(Refusal):
        await service.rate(bedside.patient, order.id, 5)
    with pytest.raises(Refusal):
        await service.confirm_receipt(bedside.patient, order.id)
    await bring_to(didier, order, Status.DELIVERED)
    payment = await payments.payment_of(faustin, order.id)
    assert payment is not None
    assert payment.state == "paid"
    for _ in range(2):
        assert (await service.confirm_receipt(bedside.patient, order.id)).status is Status.COMPLETED
    await service.rate(bedside.patient, order.id, 4, reason="cold")
    with pytest.raises(Refusal, match=r"order\.rated"):
        await service.rate(bedside.patient, order.id, 1)
    await service.complain(bedside.patient, order.id, "The soup was cold")
    assert "order_problem" in [task.kind for task in await diet_queries.open_tasks(faustin, bedside.id)]
    rated = await queries.rating_of_dishes(faustin, (await menu.card(faustin, "CHK-STW")).id)
    assert rated is not None
    assert (rated.stars, rated.plates) == (Decimal(4), 1)
