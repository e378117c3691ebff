from pathlib import Path

import pytest

from tests.browser.conftest import DESK, PHONE

AXE = Path(__file__).resolve().parent / "vendor" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FIRST = {
    "patient": "/patient/", "caregiver": "/patient/", "nurse": "/wards/", "doctor": "/health-profiles/",
    "nutritionist": "/nutritionist/", "kitchen": "/kitchen/", "delivery": "/delivery/", "support": "/support/",
    "finance": "/admin/finance/", "admin": "/admin/", "auditor": "/analytics/audit", "super": "/admin/", "other": "/patient/",
}  # fmt: skip
# What each role opens for money, plans and catering, beside its first page.
MONEY = {
    "patient": ["/payments/", "/payments/phones/", "/plans/", "/plans/points"], "caregiver": ["/payments/", "/plans/"],
    "nurse": ["/staff-meals/", "/catering/", "/catering/new", "/payments/"], "kitchen": ["/kitchen/staff/", "/kitchen/production/"],
    "delivery": ["/cash/", "/delivery/staff/"],
    "finance": [
        *(f"/admin/finance/{room}" for room in (
            "payments", "refunds", "counter", "cash", "bank", "invoices", "statements", "reconciliation", "receipts", "ledger",
            "ledger/new", "settings",
        )),
        "/admin/payers/", "/admin/payers/invoices",
    ],
    "admin": ["/admin/coupons/", "/admin/funds/", "/admin/funds/grants", "/admin/plans/", "/admin/plans/new", "/admin/plans/loyalty",
              "/admin/plans/subscriptions/"],
}  # fmt: skip


@pytest.mark.req("CHK-1.1.1", "N10", "P2", "Q1")
@pytest.mark.parametrize("who", FIRST)
async def test_each_role_lands_on_a_page_that_fits_a_phone_and_reads_well(people, who):
    page = await people.sign_in(who, PHONE)
    heard = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    await page.goto(FIRST[who])
    assert page.url.endswith(FIRST[who])
    assert await _faults(page) == []
    assert heard == []


@pytest.mark.req("Q1")
@pytest.mark.parametrize("who", FIRST)
async def test_each_role_lands_on_the_same_page_without_javascript(people, who):
    page = await people.sign_in(who, DESK, scripts=False)
    assert page.url.endswith(FIRST[who])
    assert await page.get_by_role("heading", level=1).count() == 1


@pytest.mark.req("J1", "Q1", "N10")
@pytest.mark.parametrize("who", MONEY)
async def test_the_pages_of_money_fit_a_phone_and_read_well(people, who):
    page = await people.sign_in(who, PHONE)
    for path in MONEY[who]:
        assert (await page.goto(path)).status == 200, path
        assert await _faults(page) == [], path


@pytest.mark.req("Q1")
@pytest.mark.parametrize("who", MONEY)
async def test_the_pages_of_money_open_without_javascript(people, who):
    page = await people.sign_in(who, DESK, scripts=False)
    for path in MONEY[who]:
        assert (await page.goto(path)).status == 200, path
        assert await page.get_by_role("heading", level=1).count() == 1, path
        assert await page.locator("main").inner_text(), path


async def test_a_page_wider_than_the_phone_would_be_found_out(people):
    """The negative control: a paragraph that runs over the edge, under a second headline."""
    page = await people.sign_in("finance", PHONE)
    await page.goto("/admin/finance/ledger")
    await page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<h1>Wide</h1><p id=wide><img src=x></p>')"
    )
    await page.evaluate("document.getElementById('wide').style.inlineSize = '50rem'")
    assert {"heading", "width", "image-alt"} <= {one[0] for one in await _faults(page)}


async def _faults(page):
    """What is wrong with a page: its headline, its width on this screen, and what axe finds."""
    faults = []
    if (count := await page.get_by_role("heading", level=1).count()) != 1:
        faults.append(("heading", count))
    if not await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"):
        faults.append(("width", page.url))
    await page.evaluate(AXE.read_text())
    # A bar at the foot covers what is scrolled behind it, which axe takes for a target too small.
    await page.evaluate("document.querySelectorAll('.bar').forEach(bar => { bar.style.position = 'static' })")
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return faults + [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]]
