"""What a hospital begins with around its trays: the zones to which they are brought, and what each costs."""

import csv
from pathlib import Path

from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.ids import uuid7
from dusangire.orders.rules import Place
from dusangire.orders.tables import DeliveryZone

_SEED = Path(__file__).resolve().parents[2] / "seed" / "zones.csv"
_PLACES = {"WARD": Place.BED, "STAFF": Place.STAFF_AREA, "CAMPUS": Place.CAMPUS}


async def load_starter(actor: Actor) -> None:
    """Load the delivery zones. What a hospital has changed since is left alone; twice is once."""
    with _SEED.open(encoding="utf-8", newline="") as file:
        rows = [_zone(actor, row) for row in csv.DictReader(file)]
    async with transaction():
        await DeliveryZone.insert(*rows).on_conflict(action="DO NOTHING")


def _zone(actor: Actor, row: dict[str, str]) -> DeliveryZone:
    place = _PLACES.get(row["code"])
    return DeliveryZone(
        id=uuid7(),
        hospital=actor.hospital,
        code=row["code"],
        name=row["name_en"],
        kind=row["kind"],
        place=place.value if place else None,
        charge_minor=int(row["charge_rwf"]),
    )
