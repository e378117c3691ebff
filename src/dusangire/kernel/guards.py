"""The database's own controls: every wall, trigger and function that must be there, as it was written."""

from typing import Any

import asyncpg

_BROKEN = """
    SELECT g.kind || ' ' || g.name AS what FROM guard g LEFT JOIN guard_now n ON n.kind = g.kind AND n.name = g.name
    WHERE n.digest IS DISTINCT FROM g.digest
    UNION
    SELECT 'wall ' || c.relname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'hospital' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'session'
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity
               AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'wall'))
    ORDER BY 1
"""


class Unguarded(RuntimeError):
    """The database does not hold what it must: nothing is served from it."""


async def broken(conn: Any) -> list[str]:
    """Return what is missing, switched off or rewritten: `trigger meal_order.dus_order_moves`, `wall allergy`, …"""
    try:
        return [row["what"] for row in await conn.fetch(_BROKEN)]
    except asyncpg.UndefinedTableError:
        return ["the list of guards"]


async def refuse_unguarded(conn: Any) -> None:
    """Raise Unguarded with the names of what is broken."""
    found = await broken(conn)
    if found:
        raise Unguarded(f"the database's guards are broken: {', '.join(found)}; run `dusangire check` and restore them")
