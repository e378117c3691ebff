"""Care flags: set and ended, each in one commit with the judging of the patient's trays."""

from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.queries.flags import FlagRow
from dusangire.diets.rules.flags import MEDICINES, Flag, settable
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import CareFlag
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

FOOD_DRUG = "food_drug_note"


async def set_flag(actor: Actor, patient: UUID, kind: str, note: str = "") -> UUID:
    """Set a flag; a medicine that meets food opens one task for the nutritionist.

    Raises NoRight, NotHere, Refusal("care.already") where it is set, Refusal("form.choose_one") for no known kind.
    """
    flag = _known(kind)
    _need_right(actor, flag)
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        if flag in (await queries.flags(actor, [patient]))[patient]:
            raise Refusal("care.already")
        await CareFlag.insert(
            CareFlag(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                kind=flag.value,
                note=note.strip(),
                set_by=actor.user,
                set_at=clock.now(),
            )
        )
        if flag in MEDICINES:
            await open_task(actor, FOOD_DRUG, patient=patient, about=f"care_flag:{made}", flag=flag.value)
        await record(actor, "care_flag:set", f"patient:{patient}", flag=str(made), care_flag=flag.value)
        await wards.changed(actor, patient, why="care_flag:set")
    return made


async def copy_flags(actor: Actor, patient: UUID, other: UUID) -> None:
    """Set on one patient what is set on another and not on them. Inside the caller's transaction and locks."""
    known = (await queries.flags(actor, [patient]))[patient]
    for row in await queries.flag_rows(actor, other):
        if row.ended_at is None and row.kind not in known:
            await CareFlag.insert(
                CareFlag(
                    id=uuid7(), hospital=actor.hospital, patient=patient, kind=row.kind, note=row.note,
                    set_by=actor.user, set_at=clock.now(),
                )
            )  # fmt: skip


async def end_flag(actor: Actor, patient: UUID, flag: UUID) -> None:
    """End a flag and the task it opened. Raises NoRight, NotHere where it is ended already or somebody else's."""
    async with transaction():
        await wards.lock(actor, patient)
        row = _open_one(await queries.flag_rows(actor, patient), flag)
        _need_right(actor, Flag(row.kind))
        await CareFlag.update({CareFlag.ended_at: clock.now(), CareFlag.ended_by: actor.user}).where(
            mine(CareFlag, actor), CareFlag.id == flag, CareFlag.ended_at.is_null()
        )
        await close_task(actor, FOOD_DRUG, patient=patient, about=f"care_flag:{flag}")
        await record(actor, "care_flag:ended", f"patient:{patient}", flag=str(flag), care_flag=row.kind)
        await wards.changed(actor, patient, why="care_flag:ended")


def _known(kind: str) -> Flag:
    if kind not in list(Flag):
        raise Refusal("form.choose_one", status=422)
    return Flag(kind)


def _open_one(rows: list[FlagRow], flag: UUID) -> FlagRow:
    found = next((row for row in rows if row.id == flag and row.ended_at is None), None)
    if found is None:
        raise NotHere
    return found


def _need_right(actor: Actor, flag: Flag) -> None:
    by_signer = actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)
    if not actor.may(Can.ALLERGY_RECORD) or flag not in settable(by_signer=by_signer):
        raise NoRight
