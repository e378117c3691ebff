"""A served demo hospital and a real browser: pages are used as people use them, with JavaScript and without."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.served import served

PASSWORD = "healing-through-nutrition"
PHONE, DESK = {"width": 360, "height": 640}, {"width": 1280, "height": 800}
CHROMIUM = next(
    (path for path in (os.environ.get("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
     if path and Path(path).exists()), None,
)  # fmt: skip
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The demo hospital, served by `dusangire serve` on loopback with a home of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    port = 8410 + int(worker or 0)
    with served(f"browser_{worker}", port):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("no Chromium: apt-get install chromium, or set CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await _close(browser)


async def _close(opened: Browser | BrowserContext) -> None:
    """Close within seconds; Chromium sometimes never answers once a page has been offline, and nothing hangs on it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(opened.close(), 10)


class People:
    """Opens browsers of demo people, each with cookies of their own."""

    def __init__(self, chromium: Browser, address: str) -> None:
        self.chromium, self.address = chromium, address
        self.contexts: list[BrowserContext] = []

    async def open(self, size: dict[str, int] = PHONE, *, scripts: bool = True, language: str = "en") -> Page:
        context = await self.chromium.new_context(
            viewport=size,
            java_script_enabled=scripts,
            base_url=self.address,
            locale=language,
            device_scale_factor=2 if size == PHONE else 1,
        )
        self.contexts.append(context)
        return await context.new_page()

    async def sign_in(self, who: str, size: dict[str, int] = PHONE, *, scripts: bool = True) -> Page:
        page = await self.open(size, scripts=scripts)
        await page.goto("/sign-in")
        await page.get_by_label("Phone or e-mail").fill(f"{who}@demo.dusangire.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        return page


@pytest.fixture
async def people(chromium: Browser, address: str) -> AsyncIterator[People]:
    made = People(chromium, address)
    yield made
    for context in made.contexts:
        await _close(context)
