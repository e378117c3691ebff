"""The switch that holds all trays of a hospital, and lets them go again."""

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.tables import MealStop
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record

_SHORTEST = 3
# Everybody who has to know at once: the wall, the runs, the boards, the desks and every patient's menu.
_BELLS = ("orders", "patients", "wards", "menu", "tasks", "meals")


async def hold_all_trays(actor: Actor, reason: str, password: str) -> None:
    """Let no tray of the hospital pass any gate until it is lifted; every tray keeps its state.

    When this returns, no tray is in a gate and none will pass one. Raises NoRight, Refusal.
    """
    await _confirm(actor, password)
    if len(reason.strip()) < _SHORTEST:
        raise Refusal("form.required", status=422)
    async with transaction():
        await queries.no_tray_in_a_gate(actor)
        made = (
            await MealStop.insert(
                MealStop(
                    id=uuid7(), hospital=actor.hospital, reason=reason.strip(), set_by=actor.user, set_at=clock.now()
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(MealStop.id)
        )
        if not made:
            raise Refusal("stop.already")
        await _tell(actor, "stopped", reason.strip())


async def let_trays_go(actor: Actor, password: str) -> None:
    """Lift the switch: each tray goes on from where it stands, judged afresh at its next gate. Raises Refusal."""
    await _confirm(actor, password)
    async with transaction():
        await queries.no_tray_in_a_gate(actor)
        ended = (
            await MealStop.update({MealStop.ended_by: actor.user, MealStop.ended_at: clock.now()})
            .where(mine(MealStop, actor), MealStop.ended_at.is_null())
            .returning(MealStop.reason)
        )
        if not ended:
            raise Refusal("stop.none")
        await _tell(actor, "resumed", ended[0]["reason"])


async def _confirm(actor: Actor, password: str) -> None:
    if not actor.may(Can.MEALS_STOP):
        raise NoRight
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)


async def _tell(actor: Actor, what: str, reason: str) -> None:
    bells = [f"{actor.hospital}:{shelf}" for shelf in _BELLS]
    await record(actor, f"meals:{what}", f"hospital:{actor.hospital}", also=bells, reason=reason)
