from pathlib import Path

import pytest

from tests.browser.conftest import DESK, PHONE

AXE = Path(__file__).resolve().parent / "vendor" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FIRST = {
    "patient": "/patient/", "caregiver": "/patient/", "nurse": "/wards/", "doctor": "/health-profiles/",
    "nutritionist": "/nutritionist/", "kitchen": "/kitchen/", "delivery": "/delivery/", "support": "/support/",
    "finance": "/admin/payments", "admin": "/admin/", "auditor": "/analytics/audit", "super": "/admin/", "other": "/patient/",
}  # fmt: skip


@pytest.mark.req("CHK-1.1.1", "N10", "P2", "Q1")
@pytest.mark.parametrize("who", FIRST)
async def test_each_role_lands_on_a_page_that_fits_a_phone_and_reads_well(people, who):
    page = await people.sign_in(who, PHONE)
    heard = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    await page.goto(FIRST[who])
    assert page.url.endswith(FIRST[who])
    assert await page.get_by_role("heading", level=1).count() == 1
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]] == []
    assert heard == []


@pytest.mark.req("Q1")
@pytest.mark.parametrize("who", FIRST)
async def test_each_role_lands_on_the_same_page_without_javascript(people, who):
    page = await people.sign_in(who, DESK, scripts=False)
    assert page.url.endswith(FIRST[who])
    assert await page.get_by_role("heading", level=1).count() == 1
