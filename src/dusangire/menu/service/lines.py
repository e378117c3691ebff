"""Changes of kitchen lines: which there are, whether one carries over, and where a dish is made.

What a line leaves behind makes trays unsafe, so each change is one commit with the judging of the trays on their way.
"""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.menu import queries
from dusangire.menu.service.revision import menu_bell, raise_revision
from dusangire.menu.tables import Dish, KitchenLine


class LineChange(Struct, frozen=True):
    """What an editor may say of a line. `carries_over`: its dishes leave their allergens for each other."""

    name_en: str
    name_fr: str
    name_rw: str
    carries_over: bool = False


async def add_line(actor: Actor, code: str, change: LineChange) -> UUID:
    """Add a line with no dishes on it yet. Raises Refusal for a code that is taken."""
    made = uuid7()
    async with transaction():
        inserted = (
            await KitchenLine.insert(
                KitchenLine(
                    id=made,
                    hospital=actor.hospital,
                    code=code,
                    name_en=change.name_en,
                    name_fr=change.name_fr,
                    name_rw=change.name_rw,
                    carries_over=change.carries_over,
                )
            )
            .on_conflict(action="DO NOTHING")
            .returning(KitchenLine.id)
        )
        if not inserted:
            raise Refusal("menu.line_taken", status=422, code=code)
        await record(actor, "kitchen_line:added", f"kitchen_line:{made}", also=[menu_bell(actor)], code=code)
    return made


async def change_line(actor: Actor, line_id: UUID, change: LineChange) -> None:
    """Rename a line, or say that it carries over; its dishes are derived anew and their open trays judged again."""
    async with transaction():
        before = await queries.locked_line(actor, line_id)
        await KitchenLine.update({
            KitchenLine.name_en: change.name_en,
            KitchenLine.name_fr: change.name_fr,
            KitchenLine.name_rw: change.name_rw,
            KitchenLine.carries_over: change.carries_over,
        }).where(mine(KitchenLine, actor), KitchenLine.id == line_id)  # fmt: skip
        await record(
            actor, "kitchen_line:changed", f"kitchen_line:{line_id}", also=[menu_bell(actor)],
            code=before.code, carried_over=before.carries_over, carries_over=change.carries_over,
        )  # fmt: skip
        if change.carries_over is not before.carries_over:
            await _judge_again(actor, [line_id], await queries.dishes_on(actor, [line_id]))


async def place_dish(actor: Actor, dish_id: UUID, line_id: UUID | None) -> None:
    """Say on which line a dish is made, None for a place of its own; both lines' open trays are judged again."""
    async with transaction():
        before = await queries.locked_dish(actor, dish_id)
        if line_id is not None:
            await queries.locked_line(actor, line_id)
        if line_id == before.kitchen_line:
            return
        lines = [one for one in (before.kitchen_line, line_id) if one is not None]
        touched = sorted({dish_id, *await queries.dishes_on(actor, lines)})
        await Dish.update({Dish.kitchen_line: line_id}).where(mine(Dish, actor), Dish.id == dish_id)
        await record(
            actor, "dish:line_set", f"dish:{dish_id}", also=[menu_bell(actor)],
            code=before.code, line=str(line_id) if line_id else "",
        )  # fmt: skip
        await _judge_again(actor, lines, touched)


async def _judge_again(actor: Actor, lines: list[UUID], dishes: list[UUID]) -> None:
    """Derive and judge anew. The first event locks every patient concerned, in one order, before any tray is held."""
    await raise_revision(actor)
    about = "kitchen_lines:" + "+".join(str(one) for one in sorted(lines))
    await record(actor, "menu:lines_changed", about, also=[menu_bell(actor)])
    for dish_id in dishes:
        await record(actor, "menu:recipe_changed", f"dish:{dish_id}", also=[menu_bell(actor)], cause="kitchen_line")
