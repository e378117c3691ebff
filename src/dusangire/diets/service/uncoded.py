"""What nobody could code: settled word for word, noticed in special requests, and pressed for when it waits."""

from datetime import datetime
from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.diets import queries
from dusangire.diets.queries import Task
from dusangire.diets.rules.naming import Term, unrecorded
from dusangire.diets.service.allergies import UNCODED, add_allergy, add_uncoded, is_codable, no_known_allergies
from dusangire.diets.service.tasks import close_task
from dusangire.kernel.access import Actor, Can, Role, system
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.jobs import once
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.notify import service as notify
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.tables import PatientSafety

_BETWEEN = "; "
_KEPT = 200
_PRESSED = (Role.DOCTOR, Role.NURSE, Role.NUTRITIONIST)


async def code_uncoded(actor: Actor, patient: UUID, words: str, code: str, severity: str) -> None:
    """Record what some words mean and take them away, in one transaction.

    An allergy that is recorded already with this severity stays as it is. Raises NoRight, NotHere, Refusal.
    """
    if not await is_codable(actor, " ".join(code.split())):
        raise Refusal("uncoded.still", status=422)
    async with transaction():
        await _take_away(actor, patient, words)
        await record(actor, "allergy:coded", f"patient:{patient}", said=words, code=code, severity=severity)
        open_rows = await queries.allergies(actor, patient)
        if any((row.code.casefold(), row.severity) == (code.casefold(), severity) for row in open_rows):
            await wards.changed(actor, patient, why="allergy:coded")
        else:
            await add_allergy(actor, patient, code, severity, note=words)


async def not_an_allergy(actor: Actor, patient: UUID, words: str) -> None:
    """Say, having asked the patient, that some words mean no allergy. Without any other the patient has none."""
    async with transaction():
        left = await _take_away(actor, patient, words)
        await record(actor, "allergy:settled", f"patient:{patient}", said=words)
        if left or await queries.allergies(actor, patient):
            await wards.changed(actor, patient, why="allergy:settled")
        else:
            await no_known_allergies(actor, patient)


async def ask_about_words(actor: Actor, patient: UUID, words: str) -> tuple[Term, ...]:
    """Return what a wish in free words names that the patient's chart says nothing of, and let a person ask.

    Within the caller's transaction, after the lock. Where anything is returned the words are kept as an allergy nobody
    has coded: meals stop until somebody has said what they mean.
    """
    found = await queries.named_in(actor, words)
    said = " ".join(words.replace(";", ",").split())[:_KEPT]
    if not found or await queries.is_settled_before(actor, patient, said):
        return ()
    recorded = [row.code for row in await queries.allergies(actor, patient)]
    new = unrecorded(found, recorded, (await queries.manual(actor)).groups)
    if new:
        await add_uncoded(system(actor.hospital, actor.zone), patient, said)
    return new


async def press_for_overdue(actor: Actor, now: datetime) -> int:
    """Tell doctors and nurses of the ward, once each, that an allergy has waited too long; return how many tasks."""
    told = 0
    for task in await queries.overdue(actor, now):
        if task.kind == UNCODED and task.patient is not None:
            async with transaction():
                told += await _press(actor, task, task.patient)
    return told


async def _press(actor: Actor, task: Task, patient: UUID) -> bool:
    if not await once(actor, f"task:overdue:{task.id}"):
        return False
    person = await ward_queries.person(actor, patient)
    await record(actor, "task:overdue", f"patient:{patient}", also=[f"{actor.hospital}:tasks"], task=str(task.id))
    facts = {"bed": person.bed_code or "–"}
    for user in await accounts.on_ward(actor, person.ward, _PRESSED):
        await notify.tell(
            actor,
            user,
            kind="task:overdue",
            key=f"task:overdue:{task.id}",
            subject=Phrase("uncoded.told_subject", facts),
            body=Phrase("uncoded.told_body", facts),
            about=f"patient:{patient}",
            link=f"/health-profiles/{patient}/uncoded",
        )
    return True


async def _take_away(actor: Actor, patient: UUID, words: str) -> list[str]:
    """Take one of the patient's uncoded words away and return the others. Raises NoRight, Refusal for unknown ones."""
    if not actor.may(Can.ALLERGY_RECORD):
        raise NoRight
    await wards.lock(actor, patient)
    kept = ((await queries.safety(actor, patient)).uncoded_text or "").split(_BETWEEN)
    if not words or words not in kept:
        raise Refusal("uncoded.gone")
    left = [one for one in kept if one != words]
    await PatientSafety.update({PatientSafety.uncoded_text: _BETWEEN.join(left) or None}).where(
        PatientSafety.hospital == actor.hospital, PatientSafety.patient == patient
    )
    if not left:
        await close_task(actor, UNCODED, patient=patient)
    return left
