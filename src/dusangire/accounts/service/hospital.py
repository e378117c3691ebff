"""What a hospital says of itself, and how long a tray may stand."""

from msgspec import Struct

from dusangire.accounts.tables import Hospital
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record


class HospitalFacts(Struct, frozen=True):
    """The name and the phone people see; `tray_minutes`: for so long after it was plated a tray may be handed over."""

    name: str
    phone: str
    tray_minutes: int


async def change_hospital(actor: Actor, facts: HospitalFacts) -> None:
    """Change what one's own hospital says of itself; the journal keeps what it says from now on."""
    async with transaction():
        await Hospital.update(
            {Hospital.name: facts.name, Hospital.phone: facts.phone, Hospital.tray_minutes: facts.tray_minutes}
        ).where(Hospital.id == actor.hospital)
        await record(
            actor, "hospital:changed", f"hospital:{actor.hospital}", name=facts.name, tray_minutes=facts.tray_minutes
        )
