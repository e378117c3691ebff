"""Patients: registering them, and what is measured at the bed."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from asyncpg import UniqueViolationError

from dusangire.accounts import service as accounts
from dusangire.accounts.rules import identifier, phone_problem
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.rules import PLAUSIBLE, Measure
from dusangire.wards.service.safety import changed, lock, wards_bell
from dusangire.wards.tables import Measurement, Patient, PatientSafety


async def register(
    actor: Actor,
    *,
    mrn: str,
    given_name: str,
    family_name: str,
    birth_date: date,
    sex: str,
    phone: str | None,
    language: str,
) -> UUID:
    """Register a patient with an account of their own and an empty chart: nobody has asked for allergies yet.

    Raises Refusal for a hospital number that is taken, a telephone number that is none, or a birth date to come.
    """
    if birth_date > clock.local_day(clock.now(), actor.zone):
        raise Refusal("ward.born_later", status=422)
    number = identifier(phone) if phone else None
    if number and phone_problem(number):
        raise Refusal("form.phone_bad", status=422)
    if await queries.patient_of_mrn(actor, mrn):
        raise Refusal("ward.mrn_known", mrn=mrn)
    patient = uuid7()
    try:
        async with transaction():
            name = f"{given_name} {family_name}"
            user = await accounts.person_for_patient(actor, name=name, phone=number, language=language)
            await Patient.insert(
                Patient(
                    id=patient, hospital=actor.hospital, mrn=mrn, given_name=given_name, family_name=family_name,
                    birth_date=birth_date, sex=sex, phone=number, app_user=user, created_at=clock.now(),
                )
            )  # fmt: skip
            await PatientSafety.insert(PatientSafety(hospital=actor.hospital, patient=patient))
            await accounts.add_membership(actor, user, Role.PATIENT, patient=patient)
            await record(actor, "patient:registered", f"patient:{patient}", mrn=mrn)
    except UniqueViolationError:
        raise Refusal("ward.mrn_known", mrn=mrn) from None
    return patient


async def close_record(actor: Actor, patient: UUID, *, into: UUID) -> None:
    """Let a record lead to the one that is kept; nobody signs in for it any more. Inside the caller's transaction.

    Raises Refusal where it was merged already or lies in a bed, NotHere. The caller holds both locks.
    """
    gone, kept = await queries.person(actor, patient), await queries.person(actor, into)
    if gone.admission is not None:
        raise Refusal("merge.keep_the_one_in_bed", name=gone.name, bed=gone.bed_code)
    moved = (
        await Patient.update({Patient.merged_into: kept.id, Patient.merged_at: clock.now()})
        .where(mine(Patient, actor), Patient.id == patient, Patient.merged_into.is_null())
        .returning(Patient.id)
    )
    if not moved or await queries.is_merged(actor, into):
        raise Refusal("merge.already")
    for membership in await queries.memberships_of(actor, patient):
        await accounts.end_membership(actor, membership, at=clock.now())


async def measure(actor: Actor, patient: UUID, kind: str, value: Decimal) -> None:
    """Write down a weight or a height; limits per kg follow it. Raises Refusal for what no person weighs, NotHere."""
    least, most = PLAUSIBLE[Measure(kind)]
    if not Decimal(least) <= value <= Decimal(most):
        raise Refusal("form.number_bad", status=422, **{"from": least, "to": most})
    async with transaction():
        await lock(actor, patient)
        await Measurement.insert(
            Measurement(
                id=uuid7(), hospital=actor.hospital, patient=patient, kind=kind, value=value,
                taken_at=clock.now(), taken_by=actor.user,
            )
        )  # fmt: skip
        await record(
            actor, "patient:measured", f"patient:{patient}", also=[wards_bell(actor)], what=kind, value=str(value)
        )
        await changed(actor, patient, why=kind)
