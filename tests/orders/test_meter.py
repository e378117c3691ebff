"""The meter on a cheap phone: after each tap one small answer, in three languages, with and without JavaScript."""

import gzip
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from dusangire.diets import service as diets
from dusangire.kernel.access import Actor
from dusangire.kernel.text import say
from dusangire.orders import queries
from dusangire.wards import service as wards
from tests.make import Browser, element
from tests.orders.conftest import Bedside

Open = Callable[[Actor | None], Browser]
MOST_BYTES = 6 * 1024
TAPS = 4

PATIENTS = [
    pytest.param({"codes": ("CCHO60",)}, id="diabetes"),
    pytest.param({"codes": ("RENAL-ND",)}, id="kidney"),
    pytest.param({"codes": ("FLUID1200",)}, id="little to drink"),
    pytest.param({"codes": ("CCHO60", "NA2G", "HALAL")}, id="three diets at once"),
    pytest.param({"codes": ("CARDIAC", "IDDSI5"), "drink_level": 2}, id="minced, and drinks mildly thick"),
]


async def at(bedside: Bedside) -> str:
    return f"{(await bedside.sitting()).day}.lunch."


async def lunch(bedside: Bedside) -> dict[str, str]:
    return {"day": str((await bedside.sitting()).day), "period": "lunch"}


async def diet(bedside: Bedside, asked: dict[str, object]) -> None:
    await wards.measure(bedside.nurse, bedside.id, "weight_kg", Decimal(60))
    codes = asked["codes"]
    assert isinstance(codes, tuple)
    await bedside.diet(*codes, **{name: value for name, value in asked.items() if name != "codes"})


def named(html: str) -> list[str]:
    """The dishes that the sentence of the meter names."""
    return re.findall(r"#dish-([A-Z0-9-]+)", element(html, "room"))


@pytest.mark.req("A11", "C16")
@pytest.mark.parametrize("asked", PATIENTS)
async def test_each_tap_is_answered_in_six_kilobytes_and_the_dish_it_names_can_be_added(
    bedside: Bedside, browser: Open, asked: dict[str, object]
) -> None:
    await diet(bedside, asked)
    opened = browser(bedside.patient)
    html = (await opened.get("/patient/", params=await lunch(bedside))).text
    for _ in range(TAPS):
        dishes = named(html)
        if not dishes:
            assert say("en", "order.room.none") in html
            break
        portion = "0.5" if "half a" in element(html, "room") else "1"
        answer = await opened.post(
            "/cart/add", {"at": await at(bedside), "dish": dishes[0], "portion": portion}, htmx=True
        )
        assert answer.status_code == 200, (dishes[0], answer.text[:300])
        html = answer.text
        assert len(element(html, "meter").encode()) <= MOST_BYTES
        assert len(gzip.compress(answer.content, 4)) <= MOST_BYTES


@pytest.mark.req("A11")
async def test_where_the_meal_is_not_complete_one_named_dish_completes_it(bedside: Bedside, browser: Open) -> None:
    await bedside.diet("CCHO60")
    opened = browser(bedside.patient)
    said = {"at": await at(bedside)}
    answer = await opened.post("/cart/add", said | {"dish": "POT-BLD"}, htmx=True)
    assert "One of these completes your meal:" in element(answer.text, "room")
    await opened.post("/cart/add", said | {"dish": named(answer.text)[0]}, htmx=True)
    found = await queries.portal(bedside.patient, bedside.id, (await bedside.sitting()).day, "lunch")
    assert found.whole is None


@pytest.mark.req("A11", "P4")
@pytest.mark.parametrize(("lang", "sentence"), [
    ("en", "You can still add"), ("fr", "Vous pouvez encore ajouter"), ("rw", "Mushobora kongeraho:"),
])  # fmt: skip
async def test_the_meter_says_it_with_an_icon_a_number_and_words_in_each_language(
    bedside: Bedside, browser: Open, lang: str, sentence: str
) -> None:
    await bedside.diet("CCHO60")
    page = await browser(bedside.patient).get("/patient/", params={**await lunch(bedside), "lang": lang})
    meter = element(page.text, "meter")
    assert sentence in meter
    assert "icons.svg" in meter
    assert re.search(r"<b>0 g</b>", meter)
    assert re.search(r'aria-label="[^"]*45[^"]*65', meter)


@pytest.mark.req("A11")
async def test_without_javascript_the_same_sentence_stands_on_the_page_and_on_the_tray(
    bedside: Bedside, browser: Open
) -> None:
    await bedside.diet("CCHO60")
    opened = browser(bedside.patient)
    answer = await opened.post("/cart/add", {"at": await at(bedside), "dish": "POT-BLD"})
    assert answer.status_code == 303
    page = (await opened.get(answer.headers["location"])).text
    assert named(page)
    tray = (await opened.get("/cart/", params=await lunch(bedside))).text
    assert named(tray) == named(page)
    assert f"/patient/?day={(await bedside.sitting()).day}" in element(tray, "room").replace("&amp;", "&")


@pytest.mark.req("A11", "A15")
async def test_a_tap_sends_only_the_sentences_whose_numbers_changed(bedside: Bedside, browser: Open) -> None:
    await bedside.diet("CCHO60")
    opened = browser(bedside.patient)
    said = {"at": await at(bedside)}
    await opened.post("/cart/add", said | {"dish": "POT-BLD"}, htmx=True)
    answer = await opened.post("/cart/add", said | {"dish": "CHK-STW"}, htmx=True)
    assert element(answer.text, "dish-RICE") == ""
    told = element(answer.text, "why-RICE")
    assert 'hx-swap-oob="true"' in told
    page = (await opened.get("/patient/", params=await lunch(bedside))).text
    words = re.sub(r' hx-swap-oob="true"', "", told)
    assert words in element(page, "dish-RICE")


@pytest.mark.req("A9")
async def test_each_component_of_the_menu_and_the_tray_carries_its_own_level(bedside: Bedside, browser: Open) -> None:
    await bedside.diet("IDDSI5", drink_level=2)
    opened = browser(bedside.patient)
    page = (await opened.get("/patient/", params=await lunch(bedside))).text
    food, drink, both = (element(page, f"dish-{code}") for code in ("MIN-BEF", "JUI-APP", "SUP-VEG"))
    assert 'texture--5"><b>5</b><span>Minced, moist' in food
    assert "texture--2" not in food
    for html in (drink, both):
        if "dish--off" not in html:
            assert 'texture--2"><b>2</b><span>Drink: mildly thick' in html
    await opened.post("/cart/add", {"at": await at(bedside), "dish": "MIN-BEF"})
    tray = (await opened.get("/cart/", params=await lunch(bedside))).text
    assert "texture--5" in element(tray, "line-MIN-BEF-1") or "texture--5" in element(tray, "line-MIN-BEF-1.0")


@pytest.mark.req("A9")
async def test_a_neighbour_without_a_texture_sees_none(bedside: Bedside, browser: Open) -> None:
    """Lines are kept drawn for all who see the same: another patient's level must not be kept with them."""
    await bedside.diet("IDDSI5", drink_level=2)
    own = await browser(bedside.patient).get("/patient/", params=await lunch(bedside))
    assert "texture--5" in element(own.text, "shelves")
    other = await bedside.make.patient("Odette", "Mukiza")
    there = Bedside(bedside.make, other, bedside.doctor, bedside.nurse)
    await diets.no_known_allergies(bedside.nurse, there.id)
    await there.diet("REG")
    page = await browser(other).get("/patient/", params=await lunch(there))
    assert "texture--" not in element(page.text, "shelves")
