"""Trays in the hands of a carrier: laid down by the hundred, with what was checked at the bed."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction
from tests.safety import arena as ground
from tests.safety.arena import Arena, Lying

ON_TRAY = ("TIL", "RICE", "BAN")


async def carried(
    arena: Arena,
    people: Sequence[Lying],
    *,
    status: str = "out_for_delivery",
    is_checked: bool = True,
    by: Actor | None = None,
) -> list[UUID]:
    """Lay down a tray for each of the people on the run of a carrier; checked: tray and bed were scanned."""
    async with ground.owner(arena.actor) as sql:
        trays = await ground.lay(sql, arena, people, status, ON_TRAY)
    at = "now()" if is_checked else "NULL"
    method = "'scan'" if is_checked else "NULL"
    with acting_as(arena.actor):
        async with transaction():
            run = await _run(arena.actor, by or arena.carrier)
            await execute(
                f"INSERT INTO delivery_stop (id, hospital, run, meal_order, tray_scanned_at, bed_checked_at, bed_method, "
                f"checked_bed) SELECT gen_random_uuid(), $1, $2, t, {at}, {at}, {method}, "
                f"{'b' if is_checked else 'NULL'} FROM unnest($3::uuid[], $4::uuid[]) AS x(t, b)",
                arena.hospital, run, trays, [one.bed for one in people],
            )  # fmt: skip
    return trays


async def _run(actor: Actor, carrier: Actor) -> UUID:
    found = await fetch_value(
        "SELECT id FROM delivery_run WHERE hospital = $1 AND carrier = $2 AND ended_at IS NULL",
        actor.hospital,
        carrier.user,
    )
    if found is not None:
        return UUID(str(found))
    made = uuid4()
    await execute(
        "INSERT INTO delivery_run (id, hospital, carrier) VALUES ($1, $2, $3)", made, actor.hospital, carrier.user
    )
    return made


async def handed(arena: Arena) -> int:
    """Return how many trays of the hospital were handed over."""
    return int(
        (await ground.rows(arena, "SELECT count(*) AS n FROM handover WHERE hospital = $1", arena.hospital))[0]["n"]
    )
