"""Staff trays: one a meal, nothing one must not eat, behind the patients who cannot wait, paid once."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from dusangire.catering import queries, service
from dusangire.catering.rules import TrayStatus, TrayVerb
from dusangire.catering.service import Wanted
from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.kitchen import service as kitchen
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card
from dusangire.payments import queries as payments
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Browser, Make, element
from tests.unguarded import rewrite

__all__ = ["_wired", "bedside", "tray"]

Open = Callable[[Actor | None], Browser]


async def lunches(actor: Actor) -> list[Card]:
    cards = (await menu.cards(actor)).values()
    return sorted((card for card in cards if "lunch" in card.meals), key=lambda card: card.code)


async def wanted(actor: Actor, *dishes: UUID, period: str = "lunch") -> Wanted:
    day = clock.local_day(clock.now(), actor.zone) + timedelta(days=1)
    chosen = dishes or (next(card.id for card in await lunches(actor)),)
    return Wanted(day, period, "Theatre 2", chosen, Method.CASH)


async def ordered(actor: Actor) -> UUID:
    with acting_as(actor):
        return await service.order_tray(actor, await wanted(actor))


@pytest.mark.req("K4", "CHK-3.3.6")
async def test_a_staff_tray_is_made_brought_to_its_area_and_paid_in_cash(
    make: Make, bosco: Actor, didier: Actor, esther: Actor
) -> None:
    await make.menu()
    made = await ordered(bosco)
    with acting_as(didier):
        await kitchen.start_staff_tray(didier, made)
        await service.move_tray(didier, made, TrayVerb.PLATE)
    with acting_as(esther):
        (ready,) = await queries.trays(esther, {TrayStatus.READY}, clock.local_day(clock.now(), esther.zone))
        assert (ready.area, ready.cash_minor) == ("Theatre 2", ready.total_minor)
        await service.hand_over(esther, made)
        await service.hand_over(esther, made)
        assert await payments.balance(esther, Account.CASH_FLOAT, esther.user) == ready.total
        assert await payments.balance(esther, Account.ORDER_DUE, made) == Money(0)


@pytest.mark.req("K4")
async def test_a_second_tap_for_the_same_meal_finds_the_first_tray(make: Make, bosco: Actor) -> None:
    await make.menu()
    assert await ordered(bosco) == await ordered(bosco)
    with acting_as(bosco):
        assert len(await payments.entries(bosco)) == 1


async def test_a_tray_called_off_in_time_owes_nothing(make: Make, bosco: Actor, diane: Actor) -> None:
    await make.menu()
    made = await ordered(bosco)
    with acting_as(diane), pytest.raises(NotHere):
        await service.cancel_tray(diane, made)
    with acting_as(bosco):
        await service.cancel_tray(bosco, made)
        assert await payments.balance(bosco, Account.ORDER_DUE, made) == Money(0)
        assert await payments.balance(bosco, Account.MEALS) == Money(0)
        assert (await queries.tray(bosco, made)).status is TrayStatus.CANCELLED
    assert await ordered(bosco) != made


@pytest.mark.req("K4")
async def test_what_somebody_must_not_eat_cannot_be_ordered(make: Make, bosco: Actor, diane: Actor) -> None:
    await make.menu()
    with acting_as(bosco):
        dish = next(card for card in await lunches(bosco) if "fish" in card.allergens)
        await service.avoid(bosco, ("milk",))
        await service.avoid(bosco, ("fish",))
        assert await queries.diner(bosco) == {"fish"}
        with pytest.raises(Refusal, match="not_for_you"):
            await service.order_tray(bosco, await wanted(bosco, dish.id))
    with acting_as(diane):
        assert await service.order_tray(diane, await wanted(diane, dish.id))


@pytest.mark.req("K4")
async def test_no_staff_tray_is_begun_before_a_patient_with_an_allergy(
    make: Make, bedside: Bedside, tray: Tray, bosco: Actor, didier: Actor
) -> None:
    made = await ordered(bosco)
    with acting_as(bedside.nurse):
        await diets.add_allergy(bedside.nurse, bedside.id, code="fish", severity="severe")
    waiting = await tray()
    with acting_as(didier):
        assert waiting
        with pytest.raises(Refusal, match="patients_first"):
            await kitchen.start_staff_tray(didier, made)
        assert (await queries.tray(didier, made)).status is TrayStatus.ORDERED
        await service.move_tray(didier, made, TrayVerb.START)


async def test_nobody_sees_or_moves_the_trays_of_another_hospital(make: Make, bosco: Actor) -> None:
    await make.menu()
    made = await ordered(bosco)
    cook = await (await make.other()).user("Jeanne Kayitesi", Role.KITCHEN)
    with acting_as(cook):
        with pytest.raises(NotHere):
            await service.move_tray(cook, made, TrayVerb.START)
        assert await queries.trays(cook, set(TrayStatus), clock.local_day(clock.now(), cook.zone)) == []
    with acting_as(bosco):
        assert [one.id for one in await queries.my_trays(bosco, clock.local_day(clock.now(), bosco.zone))] == [made]


@pytest.mark.req("CHK-3.3.6")
async def test_meals_are_ordered_over_the_page_and_a_wrong_form_keeps_what_was_typed(
    make: Make, bosco: Actor, didier: Actor, esther: Actor, browser: Open
) -> None:
    await make.menu()
    with acting_as(bosco):
        said = await wanted(bosco)
    form = {"day": said.day.isoformat(), "period": "lunch", "dish": [str(said.dishes[0])], "pay": "cash"}
    page = browser(bosco)
    refused = await page.post("/staff-meals/", form | {"area": ""})
    assert refused.status_code == 422
    assert f'value="{said.dishes[0]}" checked' in refused.text
    assert (await page.post("/staff-meals/", {**form, "dish": [], "area": "Lounge"})).status_code == 422
    assert (await page.post("/staff-meals/", form | {"area": "Lounge"})).status_code == 303
    shown = await page.get("/staff-meals/?ordered=1")
    assert "Your meal is ordered." in shown.text
    cook = browser(didier)
    assert "Lounge" in (await cook.get("/kitchen/staff/")).text
    with acting_as(bosco):
        (mine,) = await queries.my_trays(bosco, said.day)
    for verb in ("start", "ready"):
        assert (await cook.post(f"/kitchen/staff/{mine.id}/{verb}")).status_code == 303
    assert "Lounge" not in (await cook.get("/kitchen/production/?day=2020-01-01")).text
    carrier = browser(esther)
    assert "Lounge" in (await carrier.get("/delivery/staff/")).text
    handed = await carrier.post(f"/delivery/staff/{mine.id}/hand-over", htmx=True)
    assert handed.status_code == 200
    assert "Lounge" not in handed.text
    assert (await browser(didier).get("/staff-meals/")).status_code == 200


async def test_what_one_must_not_eat_is_kept_over_the_page(make: Make, bosco: Actor, browser: Open) -> None:
    await make.menu()
    page = browser(bosco)
    assert (await page.post("/staff-meals/avoid", {"allergen": ["fish", "milk"]})).status_code == 303
    assert "You must not eat" in (await page.get("/staff-meals/")).text
    assert (await page.post("/staff-meals/avoid", {"allergen": ["gold"]})).status_code == 422


@pytest.mark.req("CHK-3.3.7")
async def test_earlier_meals_stay_on_the_page_of_who_ate_them_and_on_nobody_elses(
    make: Make, bosco: Actor, diane: Actor, browser: Open
) -> None:
    await make.menu()
    made, called_off = await ordered(bosco), await ordered(diane)
    with acting_as(diane):
        await service.cancel_tray(diane, called_off)
    for tray_id in (made, called_off):
        await rewrite(
            "UPDATE staff_tray SET day = day - 8, serve_from = serve_from - interval '8 days' WHERE id = $1", tray_id
        )
    pages = {who: element((await browser(who).get("/staff-meals/")).text, "past") for who in (bosco, diane)}
    with acting_as(bosco):
        mine, theirs = await queries.tray(bosco, made), await queries.tray(bosco, called_off)
    assert all(word in pages[bosco] for word in (mine.code, "Theatre 2", mine.lines[0].en, f"{mine.total_minor:,}"))
    assert theirs.code not in pages[bosco]
    assert theirs.code in pages[diane]
    assert "called off" in pages[diane]
    assert mine.code not in pages[diane]
