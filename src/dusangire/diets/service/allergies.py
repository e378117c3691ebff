"""Allergies: recorded, ended, or known to be none. What nobody can code stops the meals until somebody does."""

from uuid import UUID

from dusangire.diets import queries
from dusangire.diets.rules import Allergy as AllergyFacts
from dusangire.diets.rules import Severity
from dusangire.diets.rules.allergy import avoided
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import Allergy
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards
from dusangire.wards.tables import PatientSafety

UNCODED = "uncoded_allergy"


async def add_allergy(actor: Actor, patient: UUID, code: str, severity: str, note: str = "") -> UUID | None:
    """Record an allergy; return its id, None where the words could not be coded.

    Words that are no allergen, no member of one and no ingredient are kept as they are: meals stop and a task opens.
    The same code with another severity ends the old row. Raises NoRight, NotHere, Refusal("diets.already").
    """
    _need_right(actor)
    said = " ".join(code.split())
    degree = _severity(severity)
    if not await is_codable(actor, said):
        more = f": {' '.join(note.replace(';', ',').split())}" if note.strip() else ""
        await add_uncoded(actor, patient, f"{said} ({degree}){more}")
        return None
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        open_rows = [row for row in await queries.allergies(actor, patient) if row.code.casefold() == said.casefold()]
        if any(row.severity == degree for row in open_rows):
            raise Refusal("diets.already", code=said)
        for row in open_rows:
            await _end(actor, row.id, f"severity is now {degree}")
        await Allergy.insert(
            Allergy(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                code=said.lower() if said.casefold() in _groups() else said,
                severity=degree,
                note=note,
                recorded_by=actor.user,
                recorded_at=clock.now(),
            )
        )
        await _asked(actor, patient, "recorded")
        await record(actor, "allergy:added", f"patient:{patient}", allergy=str(made), code=said, severity=degree)
        await wards.changed(actor, patient, why="allergy:added")
    return made


async def add_uncoded(actor: Actor, patient: UUID, words: str) -> None:
    """Keep what was said of an allergy that nobody can code yet: every verdict is UNKNOWN until it is settled."""
    _need_right(actor)
    async with transaction():
        await wards.lock(actor, patient)
        known = await queries.safety(actor, patient)
        said = "; ".join(dict.fromkeys([*filter(None, (known.uncoded_text or "").split("; ")), words]))
        await PatientSafety.update({PatientSafety.uncoded_text: said[:500]}).where(*_guard(actor, patient))
        await _asked(actor, patient, "recorded")
        await open_task(actor, UNCODED, patient=patient, said=words)
        await record(actor, "allergy:uncoded", f"patient:{patient}", said=words)
        await wards.changed(actor, patient, why="allergy:uncoded")


async def settle_uncoded(actor: Actor, patient: UUID) -> None:
    """Take away the words nobody could code, once what they meant is recorded. Raises Refusal without any."""
    _need_right(actor)
    async with transaction():
        await wards.lock(actor, patient)
        said = (await queries.safety(actor, patient)).uncoded_text
        if not said:
            raise Refusal("diets.nothing_uncoded")
        await PatientSafety.update({PatientSafety.uncoded_text: None}).where(*_guard(actor, patient))
        await close_task(actor, UNCODED, patient=patient)
        await record(actor, "allergy:settled", f"patient:{patient}", said=said)
        await wards.changed(actor, patient, why="allergy:settled")


async def end_allergy(actor: Actor, patient: UUID, allergy: UUID, reason: str) -> None:
    """End an allergy, with why. The last one ended leaves "recorded": somebody must say that there is none."""
    _need_right(actor)
    async with transaction():
        await wards.lock(actor, patient)
        row = next((row for row in await queries.allergies(actor, patient) if row.id == allergy), None)
        if row is None:
            raise NotHere
        await _end(actor, allergy, reason)
        await record(actor, "allergy:ended", f"patient:{patient}", allergy=str(allergy), code=row.code, reason=reason)
        await wards.changed(actor, patient, why="allergy:ended")


async def no_known_allergies(actor: Actor, patient: UUID) -> None:
    """Say that the patient was asked and has none. Raises Refusal where one is open or waits to be coded."""
    _need_right(actor)
    async with transaction():
        await wards.lock(actor, patient)
        if await queries.allergies(actor, patient):
            raise Refusal("diets.has_allergies")
        if (await queries.safety(actor, patient)).uncoded_text:
            raise Refusal("diets.has_uncoded")
        await _asked(actor, patient, "none_known")
        await record(actor, "allergy:none_known", f"patient:{patient}")
        await wards.changed(actor, patient, why="allergy:none_known")


async def is_codable(actor: Actor, words: str) -> bool:
    """Whether the words name an allergen, a member of one, or an ingredient of the kitchen."""
    manual = await queries.manual(actor)
    return not avoided([AllergyFacts(words, Severity.SEVERE)], manual.groups, manual.ingredients)[1]


def _severity(text: str) -> Severity:
    if text not in list(Severity):
        raise Refusal("form.choose_one", status=422)
    return Severity(text)


def _groups() -> frozenset[str]:
    return frozenset(queries.starter_manual().groups)


def _need_right(actor: Actor) -> None:
    if not actor.may(Can.ALLERGY_RECORD):
        raise NoRight


async def _end(actor: Actor, allergy: UUID, reason: str) -> None:
    await Allergy.update(
        {Allergy.ended_at: clock.now(), Allergy.ended_by: actor.user, Allergy.end_reason: reason}
    ).where(mine(Allergy, actor), Allergy.id == allergy, Allergy.ended_at.is_null())


async def _asked(actor: Actor, patient: UUID, status: str) -> None:
    await PatientSafety.update(
        {
            PatientSafety.allergy_status: status,
            PatientSafety.allergies_asked_at: clock.now(),
            PatientSafety.allergies_asked_by: actor.user,
        }
    ).where(*_guard(actor, patient))


def _guard(actor: Actor, patient: UUID):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return PatientSafety.hospital == actor.hospital, PatientSafety.patient == patient
