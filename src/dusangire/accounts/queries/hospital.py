"""Reads of one's own hospital."""

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one
from dusangire.kernel.errors import NotHere


class HospitalRow(Struct, frozen=True):
    """What the program knows of the hospital itself."""

    name: str
    phone: str
    tray_minutes: int


async def hospital_facts(actor: Actor) -> HospitalRow:
    """Return the facts of the actor's hospital."""
    found = await fetch_one(HospitalRow, "SELECT name, phone, tray_minutes FROM hospital WHERE id = $1", actor.hospital)
    if found is None:
        raise NotHere
    return found
