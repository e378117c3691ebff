"""A patient pays with mobile money in a real browser: the prompt, the page that turns by itself, and a second try."""

import re
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE
from tests.payments.simulated import Providers

MTN_NUMBER, AIRTEL_NUMBER = "0788123412", "0733123412"
SOON, BY_REFRESH = 5000, 13_000
KIGALI = timezone(timedelta(hours=2))


@pytest.fixture
def phones(address):
    """The telephones of the demo, in our hand: no prompt answers itself."""
    served = urlsplit(address)
    providers = Providers(f"http://127.0.0.1:{served.port + 1055}")
    for name in ("mtn", "airtel"):
        providers.knobs(name, auto_s=None)
    yield providers
    for name in ("mtn", "airtel"):
        providers.knobs(name, auto_s=4.0)


async def _to_the_prompt(page, period, network="mtn", number=MTN_NUMBER):
    """Choose a dish for a meal of tomorrow and order it; the page that is shown then asks to look at the telephone."""
    meal = f"?day={datetime.now(KIGALI).date() + timedelta(days=1)}&period={period}"
    await page.goto(f"/patient/{meal}")
    await page.get_by_role("button", name=re.compile("^Add ")).first.click()
    await page.wait_for_timeout(400)
    await page.goto(f"/checkout/{meal}")
    await page.locator(f"input[name=pay][value={network}]").check()
    await page.get_by_label("Phone number that pays").fill(number)
    await page.get_by_role("button", name="Place order").click()
    await page.wait_for_url(re.compile(r"/orders/[0-9a-f-]{36}/pay"))
    await expect(page.get_by_role("heading", name="Check your phone")).to_be_visible()
    assert await page.locator("html").evaluate("html => html.scrollWidth") <= PHONE["width"]
    return re.search(r"/orders/[0-9a-f-]{36}", page.url).group(0)


async def _prompt(page, phones, network="mtn"):
    """Wait until the telephone shows what this page asks for; return the provider's reference."""
    for _ in range(50):
        found = [one for one in phones.money(network)["payments"] if one["state"] == "pending"]
        if found:
            return found[-1]["reference"]
        await page.wait_for_timeout(100)
    raise AssertionError(f"{network} was not asked")


def _taken(phones):
    return sum(
        int(one["amount"]) - int(one["refunded"])
        for network in ("mtn", "airtel")
        for one in phones.money(network)["payments"]
        if one["state"] == "successful"
    )


async def _total(page):
    """What is asked for, as the page says."""
    text = await page.locator("main").inner_text()
    return int(re.search(r"FRW\s([\d,]+)", text).group(1).replace(",", ""))


@pytest.mark.req("J14", "J2", "Q1")
async def test_the_page_turns_to_paid_by_itself_and_is_right_when_one_comes_back(people, phones):
    page = await people.sign_in("other", PHONE)
    order = await _to_the_prompt(page, "lunch")
    reference = await _prompt(page, phones)
    await page.goto("/patient/")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Check your phone")).to_be_visible()
    await page.evaluate("window.isTheSamePage = true")
    phones.press("mtn", reference, "approve")
    await expect(page.get_by_role("heading", name="Nothing is left to pay")).to_be_visible(timeout=SOON)
    assert await page.evaluate("window.isTheSamePage"), "nobody has loaded it again"
    await page.goto("/patient/")
    await page.goto(f"{order}/pay")
    await expect(page.get_by_role("heading", name="Nothing is left to pay")).to_be_visible()
    await page.get_by_role("link", name="See your order").click()
    await expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()


@pytest.mark.req("J14", "J2", "J8")
async def test_a_refused_payment_says_why_and_the_other_network_pays_once(people, phones):
    page = await people.sign_in("other", PHONE)
    await _to_the_prompt(page, "dinner")
    before = _taken(phones)
    phones.press("mtn", await _prompt(page, phones), "refuse")
    await expect(page.locator("main")).to_contain_text("refused on the phone", timeout=SOON)
    cost = await _total(page)
    await page.get_by_role("link", name="Pay another way").click()
    await page.locator("input[name=method][value=airtel]").check()
    await page.get_by_label("Phone number that pays").fill(AIRTEL_NUMBER)
    await page.get_by_role("button", name=re.compile("^Pay ")).click()
    await expect(page.get_by_role("heading", name="Check your phone")).to_be_visible()
    phones.press("airtel", await _prompt(page, phones, "airtel"), "approve")
    await expect(page.get_by_role("heading", name="Nothing is left to pay")).to_be_visible(timeout=SOON)
    assert _taken(phones) - before == cost


@pytest.mark.req("J14", "J2", "Q1")
async def test_without_javascript_the_page_asks_again_by_itself(people, phones):
    page = await people.sign_in("other", PHONE, scripts=False)
    await _to_the_prompt(page, "breakfast")
    phones.press("mtn", await _prompt(page, phones), "approve")
    await expect(page.get_by_role("heading", name="Nothing is left to pay")).to_be_visible(timeout=BY_REFRESH)
