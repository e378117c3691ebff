"""Requests per second, latency, SQL statements and bytes of each page that people use all day."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from bench.harness import Answer, Client, percentile, server, table, text_of

CLIENTS, SECONDS = 16, 4.0

Visit = Callable[[Client], Awaitable[Answer]]


def _get(path: str, **headers: str) -> Visit:
    return lambda client: client.get(path, **headers)


_PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
PAGES: list[tuple[str, str, Visit]] = [
    ("portal", "patient", _get("/patient/")),
    ("search fragment", "patient", _get("/patient/?q=pota", **_PART)),
    ("cart", "patient", _get("/cart")),
    ("checkout page", "patient", _get("/checkout")),
    ("kitchen board", "kitchen", _get("/kitchen/")),
    ("delivery run", "delivery", _get("/delivery/")),
    ("ward board", "nurse", _get("/wards/A")),
    ("worklist", "nutritionist", _get("/nutritionist/")),
    ("admin dashboard", "admin", _get("/admin/")),
]


def main() -> None:
    with server() as port:
        asyncio.run(_measure(port))


async def _measure(port: int) -> None:
    rows = [["floor: /health/live", *await _load(port, None, _get("/health/live"))]]
    for name, who, visit in PAGES:
        rows.append([name, *await _load(port, who, visit)])
    rows.append(["add to cart", *await _load(port, "patient", _add)])
    head = ["page", "status", "req/s", "p50 ms", "p95 ms", "p99 ms", "SQL", "bytes gz"]
    table(f"Pages, {CLIENTS} clients, demo hospital, 68 dishes", head, rows)


async def _load(port: int, who: str | None, visit: Visit) -> list[str]:
    """Let the clients ask as fast as they can for some seconds."""
    first = Client(port)
    if who:
        await first.sign_in(f"{who}@demo.dusangire.example")
    warm = await visit(first)
    clients = [first] + [_twin(first) for _ in range(CLIENTS - 1)]
    took: list[float] = []
    ends = time.perf_counter() + SECONDS
    start = time.perf_counter()
    await asyncio.gather(*(_ask(client, visit, took, ends) for client in clients))
    elapsed = time.perf_counter() - start
    for client in clients:
        await client.close()
    sql = re.search(r"desc=(\d+)", warm.headers.get("server-timing", ""))
    return [
        str(warm.status),
        f"{len(took) / elapsed:,.0f}",
        *(f"{percentile(took, share) * 1000:.1f}" for share in (0.5, 0.95, 0.99)),
        sql.group(1) if sql else "–",
        f"{len(warm.body):,}",
    ]


def _twin(client: Client) -> Client:
    """Another connection of the same person."""
    made = Client(client.port)
    made.cookies, made.token = dict(client.cookies), getattr(client, "token", "")
    return made


async def _ask(client: Client, visit: Visit, took: list[float], ends: float) -> None:
    while time.perf_counter() < ends:
        took.append((await visit(client)).took_s)


async def _add(client: Client) -> Answer:
    """Add the first dish that the portal offers."""
    form = getattr(client, "form", None)
    if form is None:
        form = client.form = _first_form(text_of(await client.get("/patient/")))  # type: ignore[attr-defined]
    return await client.post(form[0], {**form[1], "_token": client.token}, **_PART)


def _first_form(html: str) -> tuple[str, dict[str, str]]:
    for form in re.findall(r"<form\b.*?</form>", html, re.DOTALL):
        if 'aria-label="Add ' in form:
            action = re.search(r'action="([^"]+)"', form)
            fields = dict(re.findall(r'<(?:input|button)[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
            assert action
            return action.group(1).replace("&amp;", "&"), fields
    raise RuntimeError("the portal offers no dish to add")
