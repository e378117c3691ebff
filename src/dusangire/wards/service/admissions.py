"""Admissions: into a free bed, from bed to bed, and out. Lock order: patient, then beds by id."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from asyncpg import ExclusionViolationError, UniqueViolationError

from dusangire.accounts import service as accounts
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.queries import BedRow, OpenStay
from dusangire.wards.rules import EndReason, PayerClass
from dusangire.wards.service.patients import register
from dusangire.wards.service.safety import changed, lock, wards_bell
from dusangire.wards.tables import Admission, Stay


async def admit(actor: Actor, patient: UUID, bed: UUID, *, payer_class: PayerClass = PayerClass.SELF) -> UUID:
    """Admit a patient into a free bed; return the admission. Raises Refusal when one of the two is taken, NotHere."""
    wanted = await queries.bed(actor, bed)
    async with _one_patient_per_bed(wanted):
        await lock(actor, patient)
        await queries.lock_beds(actor, [bed])
        lies_in = await queries.stay_of(actor, patient)
        if lies_in is not None:
            raise Refusal("ward.already_admitted", bed=lies_in.bed_code)
        await _refuse_taken(actor, bed)
        admission = uuid7()
        await Admission.insert(
            Admission(
                id=admission,
                hospital=actor.hospital,
                patient=patient,
                started_at=clock.now(),
                payer_class=payer_class.value,
            )
        )
        await _open_stay(actor, admission, patient, bed)
        await record(
            actor, "admission:started", f"patient:{patient}", also=[wards_bell(actor)],
            admission=str(admission), bed=wanted.code,
        )  # fmt: skip
        await changed(actor, patient, why="admitted")
    return admission


async def register_and_admit(
    actor: Actor,
    bed: UUID,
    *,
    mrn: str,
    given_name: str,
    family_name: str,
    birth_date: date,
    sex: str,
    phone: str | None,
    language: str,
    payer_class: PayerClass = PayerClass.SELF,
) -> UUID:
    """Register a patient and admit them at once; where the bed is taken, nobody is registered. As `admit`."""
    async with transaction():
        patient = await register(
            actor, mrn=mrn, given_name=given_name, family_name=family_name, birth_date=birth_date, sex=sex,
            phone=phone, language=language,
        )  # fmt: skip
        await admit(actor, patient, bed, payer_class=payer_class)
    return patient


async def transfer(actor: Actor, patient: UUID, bed: UUID) -> None:
    """Move a patient to another free bed; meals follow the patient. Raises Refusal when it is taken, NotHere."""
    wanted = await queries.bed(actor, bed)
    async with _one_patient_per_bed(wanted):
        await lock(actor, patient)
        left = await _stay(actor, patient)
        if left.bed == bed:
            raise Refusal("ward.same_bed", bed=wanted.code)
        await queries.lock_beds(actor, [left.bed, bed])
        await _refuse_taken(actor, bed)
        await _close_stay(actor, left)
        await _open_stay(actor, left.admission, patient, bed)
        await record(
            actor, "admission:moved", f"patient:{patient}", also=[wards_bell(actor)],
            admission=str(left.admission), bed_before=left.bed_code, bed_after=wanted.code,
        )  # fmt: skip
        await changed(actor, patient, why="moved")


async def discharge(actor: Actor, patient: UUID, reason: EndReason) -> None:
    """End the admission: meals stop, the bed's sessions end, the bed is free. Raises Refusal, NotHere."""
    async with transaction():
        await lock(actor, patient)
        left = await _stay(actor, patient)
        await queries.lock_beds(actor, [left.bed])
        await _close_stay(actor, left)
        await Admission.update({
            Admission.ended_at: clock.now(), Admission.end_reason: reason.value, Admission.pin_hash: None,
        }).where(mine(Admission, actor), Admission.id == left.admission)  # fmt: skip
        await accounts.end_sessions_of_admission(actor, left.admission)
        await record(
            actor, "admission:ended", f"patient:{patient}", also=[wards_bell(actor)],
            admission=str(left.admission), bed=left.bed_code, reason=reason.value,
        )  # fmt: skip
        await changed(actor, patient, why=reason.value)


@asynccontextmanager
async def _one_patient_per_bed(wanted: BedRow) -> AsyncIterator[None]:
    """A transaction whose last word has the database: a second patient in the bed becomes a sentence, not a fault."""
    try:
        async with transaction():
            yield
    except (UniqueViolationError, ExclusionViolationError):
        raise Refusal("ward.bed_just_taken", bed=wanted.code) from None


async def _refuse_taken(actor: Actor, bed: UUID) -> None:
    """Read the bed after its lock: it may have been taken, or removed, while we waited. Raises NotHere when removed."""
    now = await queries.bed(actor, bed)
    if now.patient is not None:
        raise Refusal("ward.bed_just_taken", bed=now.code)


async def _stay(actor: Actor, patient: UUID) -> OpenStay:
    stay = await queries.stay_of(actor, patient)
    if stay is None:
        raise Refusal("ward.not_admitted")
    return stay


async def _open_stay(actor: Actor, admission: UUID, patient: UUID, bed: UUID) -> None:
    await Stay.insert(
        Stay(id=uuid7(), hospital=actor.hospital, admission=admission, patient=patient, bed=bed, started_at=clock.now())
    )


async def _close_stay(actor: Actor, stay: OpenStay) -> None:
    await Stay.update({Stay.ended_at: clock.now()}).where(
        mine(Stay, actor), Stay.id == stay.id, Stay.ended_at.is_null()
    )
