"""Insulin and its meal: the nurse hears that the tray is here, and of one that does not come; the dose is recorded.

Everything is told once: each mark on the tray's row is set by compare-and-set in the commit that tells of it.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.orders import queries
from dusangire.orders.queries.insulin import InsulinTray, insulin_tray, insulin_trays, tray_carbohydrate_g
from dusangire.orders.rules import Status
from dusangire.orders.rules.insulin import DoseState, Eaten
from dusangire.orders.tables import InsulinMeal, TrayIntake

DUE, LATE, ESCALATED, ATE_LITTLE = "insulin_due", "insulin_late", "insulin_escalated", "insulin_ate_little"
_EATEN = frozenset({Status.DELIVERED, Status.COMPLETED})
_GIVEN_BEFORE = timedelta(hours=6)


async def tray_here(actor: Actor, about: str) -> None:
    """Tell the ward that a tray which insulin goes with is here, with its carbohydrate; `about` is `order:<id>`.

    Runs in the commit of the arrival, the check at the bed or the hand-over, whichever is first; later ones are silent.
    """
    tray = await insulin_tray(actor, UUID(about.partition(":")[2]))
    if not tray.is_flagged or tray.here_at is not None:
        return
    async with transaction():
        carb_g = await tray_carbohydrate_g(actor, tray)
        if await _mark(actor, tray, InsulinMeal.here_at, {InsulinMeal.carb_g: carb_g}):
            await _close(actor, tray, LATE, ESCALATED)
            if tray.given_at is None:
                await _open(actor, tray, DUE, carb_g=_said(carb_g))
            await _tell(actor, tray, "insulin:due", carb_g=_said(carb_g), given=tray.given_at is not None)


async def give(actor: Actor, order_id: UUID, at: datetime | None = None) -> None:
    """Record that the dose was given, now or at a moment of the last hours. Raises Refusal where it is recorded."""
    now = clock.now()
    given_at = at or now
    if not now - _GIVEN_BEFORE <= given_at <= now + timedelta(minutes=1):
        raise Refusal("insulin.time_bad", status=422)
    tray = await _flagged(actor, order_id)
    async with transaction():
        values = {InsulinMeal.given_by: actor.user}
        if not await _mark(actor, tray, InsulinMeal.given_at, values, at=given_at):
            raise Refusal("insulin.given_already", code=tray.code)
        await _close(actor, tray, DUE)
        await _tell(actor, tray, "insulin:given")


async def see(actor: Actor, order_id: UUID) -> None:
    """Say that somebody looks after the patient whose tray is late; nobody is called any more. Twice is once."""
    tray = await _flagged(actor, order_id)
    async with transaction():
        if await _mark(actor, tray, InsulinMeal.seen_at, {InsulinMeal.seen_by: actor.user}):
            await _close(actor, tray, LATE, ESCALATED)
            await _tell(actor, tray, "insulin:seen")


async def tell_late(actor: Actor) -> int:
    """Tell of each tray that is missed: the nurse after 15 minutes, the doctor after 30, once each; return how many."""
    now, told = clock.now(), 0
    for tray in await insulin_trays(actor, now):
        alarm = tray.alarm(now)
        if alarm is None or tray.seen_at is not None:
            continue
        told += await _tell_missed(actor, tray, InsulinMeal.late_told_at, LATE)
        if alarm is DoseState.ESCALATED:
            told += await _tell_missed(actor, tray, InsulinMeal.escalated_at, ESCALATED)
    return told


async def say_eaten(actor: Actor, order_id: UUID, eaten: Eaten) -> None:
    """Record how much of a tray was eaten; less than half of one that insulin went with calls the nurse.

    A later word takes the place of an earlier one. Raises Refusal before the tray was handed over.
    """
    order = await queries.order(actor, order_id)
    if order.status not in _EATEN:
        raise Refusal("order.not_yet_eaten")
    tray = await insulin_tray(actor, order_id)
    async with transaction():
        await _keep_eaten(actor, order_id, eaten)
        await record(
            actor, "order:eaten", f"order:{order_id}", also=[f"patient:{order.patient}"], eaten=eaten.value
        )  # fmt: skip
        if not tray.is_flagged:
            return
        if not eaten.is_little:
            await _close(actor, tray, ATE_LITTLE)
        elif await _open(actor, tray, ATE_LITTLE, eaten=eaten.value, carb_g=_said(tray.carb_g)):
            await _tell(actor, tray, "insulin:ate_little", eaten=eaten.value)


async def _keep_eaten(actor: Actor, order_id: UUID, eaten: Eaten) -> None:
    now = clock.now()
    said: dict[Any, Any] = {TrayIntake.eaten: eaten.value, TrayIntake.said_by: actor.user, TrayIntake.said_at: now}
    changed = (
        await TrayIntake.update(said)
        .where(mine(TrayIntake, actor), TrayIntake.meal_order == order_id)
        .returning(TrayIntake.id)
    )
    if not changed:
        await TrayIntake.insert(
            TrayIntake(
                id=uuid7(), hospital=actor.hospital, meal_order=order_id, eaten=eaten.value, said_by=actor.user,
                said_at=now,
            )
        )  # fmt: skip


async def _flagged(actor: Actor, order_id: UUID) -> InsulinTray:
    tray = await insulin_tray(actor, order_id)
    if not tray.is_flagged:
        raise Refusal("insulin.not_flagged", code=tray.code)
    return tray


async def _tell_missed(actor: Actor, tray: InsulinTray, mark: Any, kind: str) -> int:
    async with transaction():
        if not await _mark(actor, tray, mark, {}):
            return 0
        await _open(actor, tray, kind, status=tray.status.value)
        await _tell(actor, tray, f"insulin:{kind.removeprefix('insulin_')}", status=tray.status.value)
    return 1


async def _mark(
    actor: Actor, tray: InsulinTray, mark: Any, values: dict[Any, Any], *, at: datetime | None = None
) -> bool:
    """Set one mark of the tray's row once; False where it was set already."""
    await InsulinMeal.insert(
        InsulinMeal(id=uuid7(), hospital=actor.hospital, meal_order=tray.id, patient=tray.patient)
    ).on_conflict(action="DO NOTHING")
    set_now = (
        await InsulinMeal.update({**values, mark: at or clock.now()})
        .where(mine(InsulinMeal, actor), InsulinMeal.meal_order == tray.id, mark.is_null())
        .returning(InsulinMeal.id)
    )
    return bool(set_now)


async def _open(actor: Actor, tray: InsulinTray, kind: str, **facts: str) -> bool:
    made = await diets.open_task(
        actor, kind, patient=tray.patient, about=f"order:{tray.id}", code=tray.code, link=f"/insulin/{tray.id}",
        **facts,
    )  # fmt: skip
    return made is not None


async def _close(actor: Actor, tray: InsulinTray, *kinds: str) -> None:
    for kind in kinds:
        await diets.close_task(actor, kind, patient=tray.patient, about=f"order:{tray.id}")


async def _tell(actor: Actor, tray: InsulinTray, kind: str, **facts: Any) -> None:
    await record(
        actor, kind, f"order:{tray.id}", also=[f"patient:{tray.patient}", f"{actor.hospital}:wards"],
        code=tray.code, patient=str(tray.patient), **facts,
    )  # fmt: skip


def _said(carb_g: Any) -> str:
    return "" if carb_g is None else f"{carb_g.normalize():f}"
