"""The first visit on a cheap phone: DevTools' Slow 3G (400 kbit/s, 2 s a request) and a processor six times slower.

What makes a page slow there is counted: bytes, requests, and what the first paint must wait for. The clock is only asked
whether the limit can be kept at all, in the best of some visits, for this machine may have other work.
"""

import pytest
from msgspec import Struct

from tests.browser.conftest import PHONE

LATENCY_MS, BYTES_A_MS = 2000, 50
SLOW_3G = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
BYTES, REQUESTS, LCP_MS, VISITS = 60_000, 6, 3000, 8
PAINTED = """() => new Promise(done => new PerformanceObserver(list => {
    const last = list.getEntries().at(-1), way = performance.getEntriesByType('navigation')[0];
    done({painted_ms: last.startTime, picture: last.url, redirects: way.redirectCount, document: way.transferSize,
          waits_for: performance.getEntriesByType('resource').filter(one => one.renderBlockingStatus === 'blocking')
              .map(one => one.name)});
}).observe({type: 'largest-contentful-paint', buffered: true}))"""
PAGES = [("/patient/", "patient"), ("/cart", "patient"), ("/delivery/", "delivery")]


class Visit(Struct, frozen=True):
    """One first visit. `weight` and `requests` are without pictures; `waits_for` is what the first paint waited for
    beside the document, `picture` the address of what is painted largest if it is one."""

    weight: int
    requests: int
    painted_ms: float
    picture: str
    redirects: int
    document: int
    waits_for: list[str]


async def _visit(people, path, who, more=""):
    """Open a page with an empty cache; `more` is put into its head."""
    page = await people.sign_in(who, PHONE)
    if more:
        await page.route(f"**{path}", lambda route: _with(route, more))
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.clearBrowserCache")
    await session.send("Network.emulateNetworkConditions", SLOW_3G)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    kinds, sizes = {}, {}
    session.on("Network.responseReceived", lambda said: kinds.update({said["requestId"]: _kind(said)}))
    session.on("Network.loadingFinished", lambda said: sizes.update({said["requestId"]: said["encodedDataLength"]}))
    await page.goto(path, wait_until="load", timeout=60_000)
    painted = await page.evaluate(PAINTED)
    main = [id_ for id_ in sizes if kinds.get(id_) not in ("Image", "EventSource", "Fetch")]
    await page.close()
    return Visit(weight=int(sum(sizes[id_] for id_ in main)), requests=len(main), **painted)


async def _with(route, more):
    answer = await route.fetch()
    await route.fulfill(response=answer, body=(await answer.text()).replace("<head>", f"<head>{more}", 1))


def _kind(said):
    """The icon of the tab is fetched beside the page and once for all pages: it is a picture like the others."""
    return "Image" if "logo-mark" in said["response"]["url"] else said["type"]


@pytest.mark.req("Q1")
@pytest.mark.parametrize(("path", "who"), PAGES)
async def test_a_first_visit_is_light_and_is_painted_after_one_round_trip(people, path, who):
    visit = await _visit(people, path, who)
    print(path, visit)
    assert visit.weight <= BYTES
    assert visit.requests <= REQUESTS
    assert visit.waits_for == []
    assert (visit.redirects, visit.picture) == (0, "")
    assert visit.document > 0
    assert LATENCY_MS + visit.document / BYTES_A_MS <= LCP_MS


async def test_a_sheet_of_its_own_would_be_found_out(people):
    """The negative control: the paint waits for it."""
    visit = await _visit(people, "/cart", "patient", '<link rel="stylesheet" href="/static/css/print.css">')
    assert [one.rpartition("/")[2] for one in visit.waits_for] == ["print.css"]


@pytest.mark.req("Q1")
@pytest.mark.parametrize(("path", "who"), PAGES)
async def test_a_first_visit_can_be_painted_within_the_limit(people, path, who):
    seen = []
    while len(seen) < VISITS and not any(one <= LCP_MS for one in seen):
        seen.append((await _visit(people, path, who)).painted_ms)
    print(f"{path}: painted after {min(seen):.0f} ms, the best of {len(seen)}")
    assert min(seen) <= LCP_MS
