"""What one verdict costs: the whole menu judged for a patient with three orders and an allergy, dish by dish."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.harness import percentile, table
from dusangire.diets.queries import starter_dishes, starter_manual
from dusangire.diets.rules import (
    Allergy,
    DietOrderFacts,
    Gate,
    Meal,
    PatientFacts,
    Prepared,
    Serving,
    TrayLine,
    menu,
    prepare,
)

RUNS = 200
NOW = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
ORDERS = ("CCHO60", "RENAL-HD", "HALAL")
ALLERGIES = (Allergy("peanuts", "severe"),)


def main() -> None:
    patient, dishes = _patient(), starter_dishes()
    lines = [(TrayLine(code),) for code in dishes]
    ready = _prepared(patient)

    def singly() -> None:
        fresh = _prepared(patient)
        for line in lines:
            fresh.judge(line, Gate.CHECKOUT)

    runs: list[tuple[str, Callable[[], object]]] = [
        ("prepare", lambda: _prepared(patient)),
        (f"prepare, then judge {len(lines)} dishes one by one", singly),
        ("one tray of three dishes", lambda: ready.judge(lines[0] + lines[9] + lines[30], Gate.CHECKOUT)),
        ("prepare, then the menu at once", lambda: menu(_prepared(patient), dishes, lines[0])),
    ]
    rows = [[name, *_measured(run)] for name, run in runs]
    table(f"Verdict, {len(ORDERS)} orders and an allergy, {RUNS} runs", ["what", "median ms", "p95 ms"], rows)


def _prepared(patient: PatientFacts) -> Prepared:
    serving = Serving(Meal.LUNCH, NOW.date(), NOW + timedelta(hours=4))
    return prepare(patient, serving, (), starter_manual(), starter_dishes(), NOW)


def _patient() -> PatientFacts:
    yesterday = NOW - timedelta(days=1)
    count = len(ORDERS) + len(ALLERGIES)
    return PatientFacts(
        admission="active",
        hospitals=(1,),
        allergy_status="recorded",
        allergies=ALLERGIES,
        diets=tuple(DietOrderFacts(code, "active", yesterday, yesterday) for code in ORDERS),
        weight_kg=Decimal(60),
        weight_on=NOW.date(),
        active_constraint_count=count,
        rows_read=count,
    )


def _measured(run: Callable[[], object]) -> list[str]:
    run()
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        took.append((time.perf_counter() - start) * 1000)
    return [f"{statistics.median(took):.2f}", f"{percentile(took, 0.95):.2f}"]
