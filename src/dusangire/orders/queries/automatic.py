"""Reads about trays the program ordered itself: the one a key made, what is there for what, how old a tray may get."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.orders.queries.placing import Placed
from dusangire.orders.rules import GONE


async def automatic_order(actor: Actor, key: str) -> UUID | None:
    """Return the order that was made under a key, whatever became of it."""
    found: UUID | None = await fetch_value(
        "SELECT id FROM meal_order WHERE hospital = $1 AND automatic_key = $2", actor.hospital, key
    )
    return found


async def replacement_of(actor: Actor, order_id: UUID) -> Placed | None:
    """Return the order that is there instead of this one; None while there is none."""
    return await fetch_one(
        Placed,
        "SELECT id, code FROM meal_order WHERE hospital = $1 AND replaces = $2 AND status <> ALL($3::text[])",
        actor.hospital,
        order_id,
        [str(status) for status in GONE],
    )


class _Pair(Struct, frozen=True):
    of: UUID
    code: str


async def codes_replaced(actor: Actor, replaced: Iterable[UUID]) -> dict[UUID, str]:
    """Return the codes of the orders that others are there for, by their ids. One statement."""
    ids = list(replaced)
    if not ids:
        return {}
    rows = await fetch(
        _Pair, "SELECT id AS of, code FROM meal_order WHERE hospital = $1 AND id = ANY($2::uuid[])", actor.hospital, ids
    )
    return {row.of: row.code for row in rows}


async def replacements_of(actor: Actor, stopped: Iterable[UUID]) -> dict[UUID, str]:
    """Return the codes of the orders that are there instead of these, by the ids of these. One statement."""
    ids = list(stopped)
    if not ids:
        return {}
    rows = await fetch(
        _Pair,
        """
        SELECT replaces AS of, code FROM meal_order
        WHERE hospital = $1 AND replaces = ANY($2::uuid[]) AND status <> ALL($3::text[])
        """,
        actor.hospital,
        ids,
        [str(status) for status in GONE],
    )
    return {row.of: row.code for row in rows}


async def tray_minutes(actor: Actor) -> int:
    """Return how many minutes after plating a tray may still be handed over here."""
    found = await fetch_value("SELECT tray_minutes FROM hospital WHERE id = $1", actor.hospital)
    return int(found)
