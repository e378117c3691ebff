"""The patient's safety row: what everything about a patient's safety locks first and raises last."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.errors import NotHere
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.tables import PatientSafety


def wards_bell(actor: Actor) -> str:
    """The bell that ward boards listen to."""
    return f"{actor.hospital}:wards"


async def lock(actor: Actor, patient: UUID) -> int:
    """Lock the safety row, as the first statement of a transaction; return its revision. Raises NotHere.

    Facts are read in later statements, never in this one: a row read while waiting for a lock may be old.
    """
    return await queries.locked_safety_rev(actor, patient)


async def changed(actor: Actor, patient: UUID, *, why: str) -> None:
    """Raise the revision and let every open tray be judged anew, within the caller's transaction, after `lock`.

    PostgreSQL raises it too with each row it guards, and keeps the count of those rows.
    """
    raised = (
        await PatientSafety.update({PatientSafety.safety_rev: PatientSafety.safety_rev + 1})
        .where(PatientSafety.hospital == actor.hospital, PatientSafety.patient == patient)
        .returning(PatientSafety.safety_rev)
    )  # fmt: skip
    if not raised:
        raise NotHere
    await record(
        actor, "patient:safety_changed", f"patient:{patient}", also=[wards_bell(actor)],
        why=why, safety_rev=raised[0]["safety_rev"],
    )  # fmt: skip
