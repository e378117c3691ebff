"""Two records of one patient become one: everything that either must not eat holds, and every open tray waits."""

from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.rules.merging import kept_allergies
from dusangire.diets.service.flags import copy_flags
from dusangire.diets.tables import Allergy, NpoHold
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.tables import PatientSafety


async def merge(actor: Actor, keep: UUID, other: UUID) -> None:
    """Merge `other` into `keep`: its allergies, holds and flags are added, nothing is taken away.

    Every open tray of the kept patient is stopped until a nurse has looked (`patient:merged`). Raises NoRight, NotHere,
    Refusal where the other record lies in a bed or either was merged before.
    """
    if not actor.may(Can.ADMISSION_MANAGE):
        raise NoRight
    if keep == other:
        raise Refusal("merge.same", status=422)
    async with transaction():
        for patient in sorted((keep, other)):
            await wards.lock(actor, patient)
        gone = await ward_queries.person(actor, other)
        await _add_allergies(actor, keep, other, gone.mrn)
        await _add_holds(actor, keep, other)
        await copy_flags(actor, keep, other)
        await wards.close_record(actor, other, into=keep)
        await wards.changed(actor, keep, why="merged")
        await record(actor, "patient:merged", f"patient:{keep}", other=str(other), mrn=gone.mrn)


async def _add_allergies(actor: Actor, keep: UUID, other: UUID, mrn: str) -> None:
    """The union, the worse degree of each; words nobody has coded are kept with the words there were."""
    own, more = await queries.allergies(actor, keep), await queries.allergies(actor, other)
    ended, added = kept_allergies(own, more)
    for row in ended:
        await Allergy.update(
            {Allergy.ended_at: clock.now(), Allergy.ended_by: actor.user, Allergy.end_reason: f"worse in {mrn}"}
        ).where(mine(Allergy, actor), Allergy.id == row.id, Allergy.ended_at.is_null())
    for row in added:
        await Allergy.insert(
            Allergy(
                id=uuid7(), hospital=actor.hospital, patient=keep, code=row.code, severity=row.severity,
                note=f"{row.note} ({mrn})".strip(), recorded_by=row.recorded_by, recorded_at=row.recorded_at,
            )
        )  # fmt: skip
    known, came = await queries.safety(actor, keep), await queries.safety(actor, other)
    words = "; ".join(filter(None, dict.fromkeys((known.uncoded_text, came.uncoded_text))))
    status = "recorded" if own or more or words else known.allergy_status
    await PatientSafety.update(
        {PatientSafety.allergy_status: status, PatientSafety.uncoded_text: words[:500] or None}
    ).where(PatientSafety.hospital == actor.hospital, PatientSafety.patient == keep)


async def _add_holds(actor: Actor, keep: UUID, other: UUID) -> None:
    now = clock.now()
    for row in await queries.holds(actor, other):
        if row.is_open(now):
            await NpoHold.insert(
                NpoHold(
                    id=uuid7(), hospital=actor.hospital, patient=keep, reason=row.reason, start_at=row.start_at,
                    end_at=row.end_at, set_by=actor.user, set_at=now,
                )
            )  # fmt: skip
