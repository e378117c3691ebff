"""Diet orders on paper: written as drafts, moved from status to status, each only as it was last read."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from dusangire.diets import queries
from dusangire.diets.queries import DietOrderRow
from dusangire.diets.rules import Manual
from dusangire.diets.rules.prescribing import (
    DIET_ORDER,
    OrderStatus,
    OrderVerb,
    Prescription,
    StoredLimits,
    StoredRulings,
    own_limits,
)
from dusangire.diets.tables import DietOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import history

_SAFETY_EVENTS = ("allergy", "diet_order", "npo_hold")


async def write(
    actor: Actor,
    patient: UUID,
    admission: UUID,
    asked: Prescription,
    manual: Manual,
    *,
    order: UUID | None,
    revision: int | None,
) -> UUID:
    """Write the prescription as a draft: a new one, or over the one it changes if that is still as it was seen."""
    values = _columns(asked, manual, by_doctor=actor.may(Can.DIET_SIGN))
    if order is None:
        made = uuid7()
        await DietOrder.insert(
            DietOrder(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                admission=admission,
                status=OrderStatus.DRAFT.value,
                drafted_by=actor.user,
                drafted_at=clock.now(),
                **values,
            )
        )
        return made
    row = await queries.diet_order(actor, patient, order)
    is_same = row.status == OrderStatus.DRAFT and revision in (None, row.revision)
    if not is_same or not await write_if(actor, row, values):
        raise await newer(actor, patient)
    return order


def _columns(asked: Prescription, manual: Manual, *, by_doctor: bool) -> dict[str, Any]:
    kept = StoredLimits(
        asked.fluid_ml_day,
        asked.potassium_mg_meal,
        asked.has_severe_oedema,
        own_limits(asked, manual, by_doctor=by_doctor),
    )
    return {
        "codes": list(asked.codes),
        "food_level": asked.food_level,
        "drink_level": asked.drink_level,
        "limits": msgspec.json.encode(kept).decode(),
        "prevails": msgspec.json.encode(StoredRulings(asked.rulings)).decode(),
        "reason": asked.reason,
        "start_at": asked.start_at,
        "end_at": asked.end_at,
        "replaces": asked.replaces,
    }


async def move(actor: Actor, row: DietOrderRow, verb: OrderVerb) -> bool:
    status = OrderStatus(row.status)
    if status not in DIET_ORDER.sources(verb):
        return False
    ended = {"ended_by": actor.user, "ended_at": clock.now()}
    return await write_if(actor, row, {"status": DIET_ORDER.after(status, verb).value, **ended})


async def write_if(actor: Actor, row: DietOrderRow, values: dict[str, Any]) -> bool:
    """Write where the order still is as it was read; its revision rises by one."""
    changes: dict[Any, Any] = {**values, "revision": row.revision + 1}
    moved = (
        await DietOrder.update(changes)
        .where(
            mine(DietOrder, actor),
            DietOrder.id == row.id,
            DietOrder.status == row.status,
            DietOrder.revision == row.revision,
        )
        .returning(DietOrder.id)
    )
    return bool(moved)


async def newer(actor: Actor, patient: UUID) -> Refusal:
    """Return the refusal that names who changed what the person had before them, and when."""
    happened = [
        event for event in await history(actor, f"patient:{patient}") if event.kind.partition(":")[0] in _SAFETY_EVENTS
    ]
    if not happened:
        return Refusal("error.changed")
    last = happened[-1]
    return Refusal("doctor.newer", name=last.actor_name, time=_time(last.at, actor.zone))


def _time(at: datetime, zone: str) -> str:
    return clock.local(at, zone).strftime("%H:%M")
