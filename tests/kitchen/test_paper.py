"""The tray ticket on paper: two identifiers, allergies, diet, texture, food, and a code that says nothing by itself."""

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from dusangire.diets import service as diets
from dusangire.kernel.access import Actor
from tests.kitchen.conftest import Bedside, Tray
from tests.make import Browser

Open = Callable[[Actor | None], Browser]


def words(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.req("E5")
async def test_the_pdf_carries_both_identifiers_the_bed_the_allergy_and_the_food(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "severe")
    made = await tray("CHK-STW", "POT-BLD")
    answer = await browser(didier).get(f"/kitchen/tickets/{made.id}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    (text,) = words(answer.content)
    for said in (made.name, "Born 1988", made.mrn, made.bed_code or "", "NO PEANUT · SEVERE", "Chicken stew", "Lunch"):
        assert said in text
    assert "Food 7 black: Regular" in text
    assert "Drink: thin (0 white)" in text
    assert "1/1" in text
    box = PdfReader(io.BytesIO(answer.content)).pages[0].mediabox
    assert (round(float(box.width) / 72 * 25.4), round(float(box.height) / 72 * 25.4)) == (100, 60)


@pytest.mark.req("E5")
async def test_a_long_tray_is_continued_on_a_second_ticket_and_keeps_its_warning(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "peanuts", "severe")
    dishes = ("CHK-STW", "POT-BLD", "RICE", "CAB", "PAP", "BAN", "ISB-NP", "PUM-NAS")
    made = await tray(*dishes)
    pages = words((await browser(didier).get(f"/kitchen/tickets/{made.id}.pdf")).content)
    assert len(pages) >= 2
    assert all("NO PEANUT" in page and made.name in page for page in pages)
    assert f"1/{len(pages)}" in pages[0]
    for line in made.lines:
        assert line.name_en.split()[0] in " ".join(pages)


@pytest.mark.req("E5")
async def test_the_page_to_print_says_the_same_and_its_code_leads_to_the_tray(
    bedside: Bedside, tray: Tray, browser: Open, didier: Actor
) -> None:
    made = await tray()
    page = await browser(didier).get(f"/kitchen/tickets/{made.id}")
    for said in (made.name, "1988", made.bed_code or "", "Chicken stew", "1/1", 'class="qr"'):
        assert said in page.text
    assert made.tray_token not in page.text
    assert made.patient.hex not in page.text


async def test_a_ticket_that_is_none_is_not_here(browser: Open, didier: Actor) -> None:
    cook = browser(didier)
    for name in ("nothing.pdf", "0189d0a0-0000-7000-8000-000000000000.pdf", "nothing"):
        assert (await cook.get(f"/kitchen/tickets/{name}")).status_code == 404
