"""Reads of kitchen lines."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere


class LineRow(Struct, frozen=True):
    """A kitchen line as it is stored, with how many dishes are made on it."""

    id: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    carries_over: bool
    dishes: int

    def name(self, language: str) -> str:
        """Return the name in the language, English where that is not one of ours."""
        return {"fr": self.name_fr, "rw": self.name_rw}.get(language, self.name_en)


class _Dish(Struct, frozen=True):
    id: UUID


_LINE = """
    SELECT k.id, k.code, k.name_en, k.name_fr, k.name_rw, k.carries_over,
           (SELECT count(*)::int FROM dish d
            WHERE d.hospital = k.hospital AND d.kitchen_line = k.id AND d.retired_at IS NULL) AS dishes
    FROM kitchen_line k WHERE k.hospital = $1
"""


async def kitchen_lines(actor: Actor) -> list[LineRow]:
    """Return the hospital's kitchen lines by name."""
    return await fetch(LineRow, _LINE + " ORDER BY k.name_en, k.id", actor.hospital)


async def kitchen_line(actor: Actor, line_id: UUID) -> LineRow:
    """Return one line. Raises NotHere."""
    found = await fetch_one(LineRow, _LINE + " AND k.id = $2", actor.hospital, line_id)
    if found is None:
        raise NotHere
    return found


async def locked_line(actor: Actor, line_id: UUID) -> LineRow:
    """Return the line and keep others from changing it until the transaction ends. Raises NotHere."""
    found = await fetch_one(LineRow, _LINE + " AND k.id = $2 FOR NO KEY UPDATE", actor.hospital, line_id)
    if found is None:
        raise NotHere
    return found


async def dishes_on(actor: Actor, lines: list[UUID]) -> list[UUID]:
    """Return the dishes made on these lines, in the order in which dishes are locked."""
    rows = await fetch(
        _Dish,
        """
        SELECT id FROM dish
        WHERE hospital = $1 AND kitchen_line = ANY($2::uuid[]) AND retired_at IS NULL ORDER BY id
        """,
        actor.hospital,
        lines,
    )
    return [row.id for row in rows]
