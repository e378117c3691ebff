"""What a page never offers, sent all the same: refused by rule and in words, written down, and nothing on the tray."""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.menu.rules import RECIPE_NUTRIENTS
from dusangire.menu.service import IngredientChange
from dusangire.orders import queries
from tests.make import Browser
from tests.orders.conftest import Bedside

Open = Callable[[Actor | None], Browser]


class Crafted(Struct, frozen=True):
    """One rule family: how it comes to be, the dish asked for all the same, its rule, and its words."""

    arrange: Callable[[Bedside, Actor], Awaitable[Any]]
    dish: str
    rule: str
    words: dict[str, str]
    kind: str = "order:blocked"


async def allergic(there: Bedside, _: Actor) -> None:
    await diets.add_allergy(there.nurse, there.id, "peanuts", "anaphylaxis")


async def traces(there: Bedside, chef: Actor) -> None:
    card = await menu.card(chef, "RICE")
    item = await menu.ingredient(chef, (await menu.recipe(chef, card.id))[0].ingredient)
    said = {name: getattr(item, name) for name in RECIPE_NUTRIENTS}
    label = IngredientChange(
        **said, allergens=frozenset(item.allergens or ()), may_contain=frozenset({"soya"}), declared_on=item.declared_on
    )
    await menu_service.change_ingredient(chef, item.id, label)
    await diets.add_allergy(there.nurse, there.id, "soya", "severe")


async def fasting(there: Bedside, _: Actor) -> None:
    await diets.hold(there.doctor, there.id, "operation", clock.now() - timedelta(minutes=1))


async def minced(there: Bedside, _: Actor) -> None:
    await there.diet("IDDSI5", drink_level=2)


async def thick(there: Bedside, _: Actor) -> None:
    await there.diet("IDDSI4", drink_level=4)


async def nothing_raw(there: Bedside, _: Actor) -> None:
    await there.diet("FOODSAFE")


async def diabetes(there: Bedside, _: Actor) -> None:
    await there.diet("CCHO60")
    await there.choose("RICE")


async def little_to_drink(there: Bedside, _: Actor) -> None:
    await there.diet("RENAL-HD", fluid_ml_day=Decimal(150))


async def sold_out(there: Bedside, chef: Actor) -> None:
    await menu_service.set_available(chef, (await menu.card(chef, "RICE")).id, available=False)


async def no_diet(there: Bedside, _: Actor) -> None:
    for row in await diet_queries.active_orders(there.doctor, there.id):
        await diets.revoke(there.doctor, there.id, row.id, "written for somebody else")


FAMILIES = {
    "allergen": Crafted(allergic, "ISB", "ALLERGY.contains.peanuts.item", {
        "en": "You are allergic to it", "fr": "Vous y êtes allergique", "rw": "allergie",
    }),
    "may contain": Crafted(traces, "RICE", "ALLERGY.may_contain.soya.item", {
        "en": "traces", "fr": "traces", "rw": "RICE",
    }),
    "nothing by mouth": Crafted(fasting, "RICE", "NPO.hold.order", {
        "en": "Please do not eat or drink", "fr": "ne mangez", "rw": "ntimurye",
    }),
    "texture": Crafted(minced, "CAS", "IDDSI5.iddsi.5.item", {
        "en": "Your food must be level 5", "fr": "de niveau 5", "rw": "rwego rwa 5",
    }),
    "drink": Crafted(thick, "JUI-APP", "IDDSI.drink.4.item", {"en": "level 4", "fr": "niveau 4", "rw": "4"}),
    "rule of one dish": Crafted(nothing_raw, "KAC", "FOODSAFE.forbid.raw_produce.item", {
        "en": "raw", "fr": "cru", "rw": "ibitetse gusa",
    }),
    "most of a meal": Crafted(diabetes, "POT-BLD", "CCHO60.limit.carb_g.meal", {
        "en": "Your most for one meal is 65 g", "fr": "Votre maximum par repas est 65 g", "rw": "65 g",
    }),
    "most of a day": Crafted(little_to_drink, "JUI-APP", "RENAL-HD.limit.fluid_ml.day", {
        "en": "Your most for one day is 150 ml", "fr": "Votre maximum par jour est 150 ml", "rw": "150 ml",
    }),
    "no diet order": Crafted(no_diet, "RICE", "DIET.no_active_order.order", {
        "en": "waiting for the doctor", "fr": "médecin", "rw": "muganga",
    }),
    "sold out": Crafted(sold_out, "RICE", "DISH.sold_out", {
        "en": "Boiled rice", "fr": "Riz", "rw": "Umuceri",
    }, kind="order:sold_out"),
}  # fmt: skip


@pytest.fixture(params=FAMILIES)
def crafted(request: pytest.FixtureRequest) -> Crafted:
    return FAMILIES[request.param]


async def written(bedside: Bedside, kind: str) -> list[str]:
    found = await fetch_value(
        "SELECT array_agg(facts->>'rule' ORDER BY id) FROM event WHERE hospital = $1 AND kind = $2 AND about = $3",
        bedside.doctor.hospital,
        kind,
        f"patient:{bedside.id}",
    )
    return list(found or [])


async def send(bedside: Bedside, opened: Browser, crafted: Crafted, lang: str = "en", *, htmx: bool = False) -> Any:
    at = f"{(await bedside.sitting()).day}.lunch."
    return await opened.post(f"/cart/add?lang={lang}", {"at": at, "dish": crafted.dish}, htmx=htmx)


@pytest.mark.req("A12", "A2", "A7", "A9", "CHK-1.3.3")
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain form"])
async def test_a_crafted_post_is_refused_with_its_rule_in_words_and_written_down(
    bedside: Bedside, chantal: Actor, browser: Open, crafted: Crafted, *, htmx: bool
) -> None:
    await crafted.arrange(bedside, chantal)
    before = (await queries.cart(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")).lines
    answer = await send(bedside, browser(bedside.patient), crafted, htmx=htmx)
    assert answer.status_code in (403, 409), answer.text[:500]
    assert crafted.words["en"] in answer.text
    assert crafted.rule in answer.text
    assert (await written(bedside, crafted.kind)) == [crafted.rule]
    after = (await queries.cart(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")).lines
    assert after == before


@pytest.mark.req("A12", "P4")
@pytest.mark.parametrize("lang", ["fr", "rw"])
async def test_the_refusal_speaks_the_patients_language(
    bedside: Bedside, chantal: Actor, browser: Open, crafted: Crafted, lang: str
) -> None:
    await crafted.arrange(bedside, chantal)
    answer = await send(bedside, browser(bedside.patient), crafted, lang)
    assert answer.status_code in (403, 409)
    said = html.unescape(re.sub(r"<[^>]+>", " ", answer.text))
    assert crafted.words[lang].lower() in said.lower()


@pytest.mark.req("A12")
async def test_without_its_rule_the_same_post_is_taken(bedside: Bedside, browser: Open, crafted: Crafted) -> None:
    """Negative control: each dish above goes on the tray of a patient whom no rule stops."""
    answer = await send(bedside, browser(bedside.patient), crafted)
    assert answer.status_code == 303, answer.text[:500]
    assert await written(bedside, "order:blocked") == []


@pytest.mark.req("A12")
async def test_a_crafted_checkout_is_refused_with_its_rule(bedside: Bedside, browser: Open) -> None:
    """What became forbidden after it was chosen: the checkout says which rule, and no order comes of it."""
    await bedside.choose("ISB")
    await diets.add_allergy(bedside.nurse, bedside.id, "peanuts", "severe")
    opened = browser(bedside.patient)
    form = {"key": "k" * 20, "at": f"{(await bedside.sitting()).day}.lunch.", "pay": "cash"}
    answer = await opened.post("/checkout/", form)
    assert answer.status_code == 409
    assert "ALLERGY.contains.peanuts.item" in answer.text
    assert await queries.trays(bedside.patient, bedside.id, (await bedside.sitting()).day) == []
    assert await written(bedside, "order:blocked") == ["ALLERGY.contains.peanuts.item"]
