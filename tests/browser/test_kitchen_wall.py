"""The kitchen's wall when the line is lost: it says so, keeps what it shows, and recovers by itself."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import DESK, PHONE, People


@pytest.mark.req("E2")
async def test_the_wall_says_within_seconds_that_the_line_is_lost_and_comes_back_by_itself(people: People) -> None:
    page = await people.sign_in("kitchen", DESK)
    await page.goto("/kitchen/")
    await expect(page.locator("#light")).to_contain_text("Live")
    await page.wait_for_timeout(1500)  # the first pulse has been felt
    before = await page.locator("#board .ticket").count()
    await page.context.set_offline(offline=True)
    await expect(page.locator("#silence")).to_be_visible(timeout=15_000)
    await expect(page.locator("#silence")).to_contain_text("Offline: last updated")
    assert await page.locator("#board .ticket").count() == before
    await page.context.set_offline(offline=False)
    await expect(page.locator("#silence")).to_be_hidden(timeout=10_000)
    await expect(page.locator("#board")).to_be_visible()


@pytest.mark.req("E1")
async def test_on_a_phone_the_band_above_the_wall_takes_two_rows_and_every_way_stays_in_reach(people: People) -> None:
    page = await people.sign_in("kitchen", PHONE)
    await page.goto("/kitchen/")
    band = await page.locator("#hood").bounding_box()
    assert band
    assert band["height"] <= 2 * 48 + 8
    for way in await page.locator("#hood nav > :not([hidden])").all():
        await way.scroll_into_view_if_needed()
        box = await way.bounding_box()
        assert box
        assert box["height"] >= 48
        assert 0 <= box["x"] <= PHONE["width"] - 48
    await page.locator("#hood .langs summary").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
