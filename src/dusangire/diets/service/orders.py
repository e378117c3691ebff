"""Diet orders: drafted, signed, stopped. Every change locks the patient first and raises the safety revision."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.queries import DietOrderRow, Safety
from dusangire.diets.rules import Manual
from dusangire.diets.rules.limits import LEAST_WEIGHT_KG, MOST_WEIGHT_KG
from dusangire.diets.rules.prescribing import (
    DIET_ORDER,
    OrderStatus,
    OrderVerb,
    Prescription,
    Signing,
    may_stop,
    normal,
    signing,
)
from dusangire.diets.service.holds import NO_DIET_ORDER
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.service.writing import move, newer, write, write_if
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

DRAFT_WAITS = "draft_waits"
_WEIGHT_DAYS = 14
_LATEST_START = timedelta(days=1)


class NotSigned(Refusal):
    """The order cannot be signed as it stands; `found` says what is against it."""

    def __init__(self, key: str, found: Signing) -> None:
        super().__init__(key, status=409 if found.hard or found.soft or found.doubled or found.levels else 422)
        self.found = found


async def draft(
    actor: Actor, patient: UUID, asked: Prescription, *, order: UUID | None = None, revision: int | None = None
) -> UUID:
    """Keep a prescription for somebody to sign; return its id. `order` and `revision` name the draft it changes.

    Raises NoRight, NotHere, Refusal("doctor.newer") where somebody else changed the draft meanwhile.
    """
    if not actor.may(Can.DIET_DRAFT):
        raise NoRight
    manual = await queries.manual(actor)
    asked = normal(asked, manual)
    _refuse_bad(asked, manual)
    async with transaction():
        await wards.lock(actor, patient)
        admission = _admission(await queries.safety(actor, patient))
        kept = await write(actor, patient, admission, asked, manual, order=order, revision=revision)
        await open_task(actor, DRAFT_WAITS, patient=patient, about=f"diet_order:{kept}", codes=asked.codes)
        await record(actor, "diet_order:drafted", f"patient:{patient}", order=str(kept), codes=asked.codes)
    return kept


async def preview(actor: Actor, patient: UUID, asked: Prescription) -> Signing:
    """Return what stands against signing this prescription now; nothing is written."""
    manual = await queries.manual(actor)
    known = await queries.safety(actor, patient)
    return await _signing(actor, patient, normal(asked, manual), manual, known, by_doctor=actor.may(Can.DIET_SIGN))


async def sign(
    actor: Actor,
    patient: UUID,
    asked: Prescription,
    *,
    order: UUID | None = None,
    revision: int | None = None,
    seen_rev: int | None = None,
) -> UUID:
    """Sign a prescription, or the draft `order` as it now reads; return the order's id.

    A therapeutic diet replaces plain regular food, and the order replaces the one it names. `seen_rev` is the safety
    revision the signer looked at. Raises NoRight, NotHere, NotSigned, Refusal("doctor.newer").
    """
    if not (actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)):
        raise NoRight
    manual = await queries.manual(actor)
    asked = normal(asked, manual)
    _refuse_bad(asked, manual)
    async with transaction():
        rev = await wards.lock(actor, patient)
        if seen_rev is not None and seen_rev != rev:
            raise await newer(actor, patient)
        known = await queries.safety(actor, patient)
        admission = _admission(known)
        found = await _signing(actor, patient, asked, manual, known, by_doctor=actor.may(Can.DIET_SIGN))
        _refuse_unsigned(found)
        await _replace(actor, patient, asked, found.replaced)
        made = await write(actor, patient, admission, asked, manual, order=order, revision=revision)
        await _activate(actor, patient, made, asked, is_under_protocol=not actor.may(Can.DIET_SIGN))
        await wards.changed(actor, patient, why="diet_order:signed")
    return made


async def sign_step(actor: Actor, patient: UUID, asked: Prescription) -> UUID:
    """Sign one step of a protocol that a doctor has signed, whoever takes it; return the order's id.

    Inside the caller's transaction and under its lock; the caller has looked at the protocol and asked for the
    password. Raises NotHere, NotSigned, Refusal.
    """
    manual = await queries.manual(actor)
    asked = normal(asked, manual)
    _refuse_bad(asked, manual)
    known = await queries.safety(actor, patient)
    admission = _admission(known)
    found = await _signing(actor, patient, asked, manual, known, by_doctor=True)
    _refuse_unsigned(found)
    await _replace(actor, patient, asked, found.replaced)
    made = await write(actor, patient, admission, asked, manual, order=None, revision=None)
    await _activate(actor, patient, made, asked, is_under_protocol=True)
    await wards.changed(actor, patient, why="diet_order:signed")
    return made


async def sign_with_password(
    actor: Actor,
    patient: UUID,
    asked: Prescription,
    password: str,
    *,
    order: UUID | None = None,
    revision: int | None = None,
    seen_rev: int | None = None,
) -> UUID:
    """Sign as a person does: with their own password, asked again. Raises Refusal("account.password_wrong") too."""
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
    return await sign(actor, patient, asked, order=order, revision=revision, seen_rev=seen_rev)


async def revoke(actor: Actor, patient: UUID, order: UUID, reason: str) -> None:
    """Stop a signed order or drop a draft, with why; it stays in the history. Raises NoRight, NotHere, Refusal."""
    async with transaction():
        await wards.lock(actor, patient)
        row = await queries.diet_order(actor, patient, order)
        _refuse_revoke(actor, row)
        moved = await move(actor, row, OrderVerb.REVOKE)
        if not moved:
            raise await newer(actor, patient)
        await close_task(actor, DRAFT_WAITS, patient=patient, about=f"diet_order:{order}")
        await record(
            actor, "diet_order:revoked", f"patient:{patient}", order=str(order), codes=row.codes, reason=reason.strip()
        )
        if row.status != OrderStatus.DRAFT:
            await wards.changed(actor, patient, why="diet_order:revoked")


async def _signing(
    actor: Actor, patient: UUID, asked: Prescription, manual: Manual, known: Safety, *, by_doctor: bool
) -> Signing:
    active = await queries.active_orders(actor, patient)
    standing = [row.standing() for row in active if row.admission == known.admission]
    weight = _weight(known, clock.local_day(clock.now(), actor.zone), actor.zone)
    found = signing(asked, standing, manual, weight, by_doctor=by_doctor)
    if asked.replaces is None or asked.replaces in found.replaced:
        return found
    row = await queries.diet_order(actor, patient, asked.replaces)
    if row.status != OrderStatus.ON_HOLD:
        raise await newer(actor, patient)
    return found


async def _replace(actor: Actor, patient: UUID, asked: Prescription, replaced: Sequence[UUID]) -> None:
    """An order that starts later lets the one it replaces run until then."""
    now = clock.now()
    wanted = dict.fromkeys([*replaced, *([asked.replaces] if asked.replaces else [])])
    for order in wanted:
        row = await queries.diet_order(actor, patient, order)
        if row.status == OrderStatus.ACTIVE and row.start_at < asked.start_at and asked.start_at > now:
            moved = await write_if(actor, row, {"end_at": min(filter(None, (row.end_at, asked.start_at)))})
        else:
            moved = await move(actor, row, OrderVerb.REPLACE)
        if not moved:
            raise await newer(actor, patient)
        await record(actor, "diet_order:replaced", f"patient:{patient}", order=str(row.id), codes=row.codes)


async def _activate(actor: Actor, patient: UUID, order: UUID, asked: Prescription, *, is_under_protocol: bool) -> None:
    now = clock.now()
    row = await queries.diet_order(actor, patient, order)
    await write_if(
        actor,
        row,
        {
            "status": DIET_ORDER.after(OrderStatus.DRAFT, OrderVerb.SIGN).value,
            "signed_by": actor.user,
            "signed_at": now,
            "is_under_protocol": is_under_protocol,
        },
    )
    await close_task(actor, DRAFT_WAITS, patient=patient, about=f"diet_order:{order}")
    if asked.start_at <= now:
        await close_task(actor, NO_DIET_ORDER, patient=patient)
    await record(
        actor,
        "diet_order:signed",
        f"patient:{patient}",
        order=str(order),
        codes=asked.codes,
        protocol=is_under_protocol,
    )


def _refuse_bad(asked: Prescription, manual: Manual) -> None:
    if not asked.codes:
        raise Refusal("diets.no_diet", status=422)
    strangers = [code for code in asked.codes if code not in manual.diets]
    if strangers:
        raise Refusal("diets.unknown_code", status=422, code=", ".join(strangers)[:60])
    if asked.end_at is not None and asked.end_at <= asked.start_at:
        raise Refusal("diets.end_before_start", status=422)
    if asked.end_at is not None and asked.end_at <= clock.now():
        raise Refusal("diets.end_past", status=422)
    if asked.start_at < clock.now() - _LATEST_START:
        raise Refusal("diets.start_past", status=422)


def _refuse_unsigned(found: Signing) -> None:
    if found.protocol is not None:
        raise NotSigned(found.protocol, found)
    if found.hard:
        raise NotSigned("diets.clash_hard", found)
    if found.doubled:
        raise NotSigned("diets.doubled", found)
    if found.levels:
        raise NotSigned("diets.levels_differ", found)
    if found.soft:
        raise NotSigned("diets.clash_soft", found)
    if found.questions:
        raise NotSigned("diets.questions_open", found)


def _refuse_revoke(actor: Actor, row: DietOrderRow) -> None:
    is_signer = actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)
    if row.status == OrderStatus.DRAFT:
        if not is_signer and row.drafted_by != actor.user:
            raise NoRight
    elif not is_signer:
        raise NoRight
    elif not may_stop(row.standing(), by_doctor=actor.may(Can.DIET_SIGN)):
        raise Refusal("diets.protocol.stops", status=403)


def _admission(known: Safety) -> UUID:
    if known.admission is None:
        raise Refusal("diets.not_admitted")
    return known.admission


def _weight(known: Safety, today: date, zone: str) -> Decimal | None:
    if known.weight_kg is None or known.weighed_at is None or not LEAST_WEIGHT_KG <= known.weight_kg <= MOST_WEIGHT_KG:
        return None
    age = (today - clock.local_day(known.weighed_at, zone)).days
    return known.weight_kg if 0 <= age <= _WEIGHT_DAYS else None
