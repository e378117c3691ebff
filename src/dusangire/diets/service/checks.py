"""Verdicts kept: the proof that PostgreSQL asks for before a tray moves, and the what-if tool."""

from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec

from dusangire.diets import queries
from dusangire.diets.rules import Verdict, judge_line
from dusangire.diets.tables import SafetyCheck
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import add
from dusangire.kernel.ids import uuid7


async def keep_check(
    actor: Actor,
    order_id: UUID,
    patient: UUID,
    gate: str,
    verdict: Verdict,
    *,
    safety_rev: int,
    menu_rev: int,
    manual_rev: int,
) -> None:
    """Store a verdict with the revisions it was based on. Inside the caller's transaction, whatever the answer."""
    await add(
        SafetyCheck(
            id=uuid7(),
            hospital=actor.hospital,
            meal_order=order_id,
            patient=patient,
            gate=str(gate),
            answer=verdict.answer.value.lower(),
            reasons=msgspec.json.encode(verdict.reasons).decode(),
            asks=msgspec.json.encode(verdict.asks).decode(),
            safety_rev=safety_rev,
            menu_rev=menu_rev,
            manual_rev=manual_rev,
            at=clock.now(),
        )
    )


def judge_lines(lines: Iterable[str]) -> Iterator[str]:
    """Return one line of JSON per case, judged with the manual and dishes the program comes with. Blank lines pass."""
    manual, dishes = queries.starter_manual(), queries.starter_dishes()
    for line in lines:
        if line.strip():
            yield judge_line(line, manual, dishes)
