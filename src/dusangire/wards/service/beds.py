"""Beds: many at once, and one away; never one with a patient in it."""

from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import token, uuid7
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.rules import MOST_BEDS, bed_codes, next_number
from dusangire.wards.service.safety import wards_bell
from dusangire.wards.tables import Bed


async def add_beds(actor: Actor, ward: UUID, count: int, *, first: int | None = None, room: str = "") -> list[UUID]:
    """Add `count` beds, A-001 …, from `first` or after the last; return the ids of those that are new.

    Codes in use are left as they are. Raises Refusal for numbers outside 1–999, NotHere for a closed ward.
    """
    async with transaction():
        await queries.lock_ward(actor, ward)
        facts = await queries.ward(actor, ward)
        known = await queries.bed_codes(actor, ward)
        start = first if first is not None else next_number(known)
        wanted = bed_codes(facts.code, start, start + count - 1)
        if not wanted:
            raise Refusal("ward.bed_numbers", status=422, most=MOST_BEDS)
        beds = [
            Bed(id=uuid7(), hospital=actor.hospital, ward=ward, code=code, room=room, card_token=token())
            for code in wanted
            if code not in known
        ]
        if beds:
            await Bed.insert(*beds)
            await record(actor, "ward:beds_added", f"ward:{ward}", codes=[str(bed.code) for bed in beds])
    return [bed.id for bed in beds]


async def remove_bed(actor: Actor, bed: UUID) -> None:
    """Take a bed out of service; its card dies with it. Raises Refusal while somebody lies in it, NotHere."""
    async with transaction():
        await queries.lock_beds(actor, [bed])
        facts = await queries.bed(actor, bed)
        if facts.patient is not None:
            raise Refusal("ward.bed_occupied", bed=facts.code)
        await Bed.update({Bed.removed_at: clock.now()}).where(mine(Bed, actor), Bed.id == bed)
        await record(actor, "ward:bed_removed", f"ward:{facts.ward}", also=[wards_bell(actor)], code=facts.code)
