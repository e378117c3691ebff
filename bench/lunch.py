"""The compressed lunch hour: many patients, cooks and carriers on the pages at once, and what the server answered."""

import asyncio
import os

from bench.harness import percentile, server, table
from dusangire import demo_lunch

PATIENTS = int(os.environ.get("BENCH_PATIENTS", "60"))
LASTS_S = float(os.environ.get("BENCH_LUNCH_S", "60"))


def main() -> None:
    with server() as port:
        asyncio.run(_measure(port))


async def _measure(port: int) -> None:
    took: list[float] = []
    demo_lunch.LISTENERS.append(took.append)
    try:
        await demo_lunch.play(f"http://localhost:{port}", PATIENTS, LASTS_S)
    finally:
        demo_lunch.LISTENERS.clear()
    figures = [f"{percentile(took, share) * 1000:.0f}" for share in (0.5, 0.95, 0.99)]
    table(
        f"Lunch, {PATIENTS} patients in {LASTS_S:.0f} s",
        ["requests", "p50 ms", "p95 ms", "p99 ms"],
        [[f"{len(took):,}", *figures]],
    )
