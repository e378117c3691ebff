"""The starter wards: what the seed file holds, loaded once. What a hospital has changed since is left alone."""

import csv
from pathlib import Path

from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.text import say
from dusangire.wards import queries
from dusangire.wards.service.beds import add_beds
from dusangire.wards.service.wards import add_ward

_SEED = Path(__file__).resolve().parents[2] / "seed" / "wards.csv"


async def load_starter(actor: Actor) -> None:
    """Open the starter wards with their beds, unless the hospital has wards. Twice is once."""
    with _SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    async with transaction():
        if await queries.wards(actor):
            return
        for row in rows:
            ward = await add_ward(
                actor,
                code=row["code"],
                name_en=row["name_en"],
                name_fr=say("fr", f"place.{row['code']}"),
                name_rw=say("rw", f"place.{row['code']}"),
                kind=row["kind"],
                phone=row["phone"],
                walk_order=int(row["walk_order"]),
                is_isolation=row["isolation"] == "1",
                is_emergency=row["emergency"] == "1",
            )
            await add_beds(actor, ward, int(row["beds"]))
