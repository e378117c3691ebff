"""Diet orders: drafted, signed, stopped. Every change locks the patient first and raises the safety revision."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

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
    StoredLimits,
    StoredRulings,
    may_stop,
    normal,
    own_limits,
    signing,
)
from dusangire.diets.service.holds import NO_DIET_ORDER
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import DietOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import history, record
from dusangire.wards import service as wards

DRAFT_WAITS = "draft_waits"
_SAFETY_EVENTS = ("allergy", "diet_order", "npo_hold")
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
        kept = await _write(actor, patient, admission, asked, manual, order=order, revision=revision)
        await open_task(actor, DRAFT_WAITS, patient=patient, about=f"diet_order:{kept}", codes=asked.codes)
        await record(actor, "diet_order:drafted", f"patient:{patient}", order=str(kept), codes=asked.codes)
    return kept


async def preview(actor: Actor, patient: UUID, asked: Prescription) -> Signing:
    """Return what stands against signing this prescription now; nothing is written."""
    manual = await queries.manual(actor)
    known = await queries.safety(actor, patient)
    return await _signing(actor, patient, normal(asked, manual), manual, known)


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
            raise await _newer(actor, patient)
        known = await queries.safety(actor, patient)
        admission = _admission(known)
        found = await _signing(actor, patient, asked, manual, known)
        _refuse_unsigned(found)
        await _replace(actor, patient, asked, found.replaced)
        made = await _write(actor, patient, admission, asked, manual, order=order, revision=revision)
        await _activate(actor, patient, made, asked)
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
        moved = await _move(actor, row, OrderVerb.REVOKE)
        if not moved:
            raise await _newer(actor, patient)
        await close_task(actor, DRAFT_WAITS, patient=patient, about=f"diet_order:{order}")
        await record(
            actor, "diet_order:revoked", f"patient:{patient}", order=str(order), codes=row.codes, reason=reason.strip()
        )
        if row.status != OrderStatus.DRAFT:
            await wards.changed(actor, patient, why="diet_order:revoked")


async def complete_ended(actor: Actor, patient: UUID) -> int:
    """Mark the orders whose time is over as completed; return how many."""
    now = clock.now()
    async with transaction():
        await wards.lock(actor, patient)
        over = [
            row for row in await queries.active_orders(actor, patient) if row.end_at is not None and row.end_at <= now
        ]
        for row in over:
            await _move(actor, row, OrderVerb.COMPLETE)
            await record(actor, "diet_order:completed", f"patient:{patient}", order=str(row.id), codes=row.codes)
        if over:
            await wards.changed(actor, patient, why="diet_order:completed")
    return len(over)


async def stop_at_discharge(actor: Actor, about: str) -> None:
    """End the diet orders of a patient who has left, in the transaction that ends the admission.

    `about` is `patient:<id>`; the lock, and raising the revision afterwards, are the caller's. A later admission starts
    without any order.
    """
    patient = UUID(about.partition(":")[2])
    left = [
        row
        for row in await queries.orders_of(actor, patient)
        if row.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD, OrderStatus.DRAFT)
    ]
    for row in left:
        verb = OrderVerb.REVOKE if row.status == OrderStatus.DRAFT else OrderVerb.COMPLETE
        await _move(actor, row, verb)
        await record(actor, f"diet_order:{DIET_ORDER.after(OrderStatus(row.status), verb)}", about, order=str(row.id))
    await close_task(actor, NO_DIET_ORDER, patient=patient)
    await close_task(actor, DRAFT_WAITS, patient=patient)


async def _signing(actor: Actor, patient: UUID, asked: Prescription, manual: Manual, known: Safety) -> Signing:
    active = await queries.active_orders(actor, patient)
    standing = [row.standing() for row in active if row.admission == known.admission]
    weight = _weight(known, clock.local_day(clock.now(), actor.zone), actor.zone)
    found = signing(asked, standing, manual, weight, by_doctor=actor.may(Can.DIET_SIGN))
    if asked.replaces is None or asked.replaces in found.replaced:
        return found
    row = await queries.diet_order(actor, patient, asked.replaces)
    if row.status != OrderStatus.ON_HOLD:
        raise await _newer(actor, patient)
    return found


async def _replace(actor: Actor, patient: UUID, asked: Prescription, replaced: Sequence[UUID]) -> None:
    """An order that starts later lets the one it replaces run until then."""
    now = clock.now()
    wanted = dict.fromkeys([*replaced, *([asked.replaces] if asked.replaces else [])])
    for order in wanted:
        row = await queries.diet_order(actor, patient, order)
        if row.status == OrderStatus.ACTIVE and row.start_at < asked.start_at and asked.start_at > now:
            moved = await _write_if(actor, row, {"end_at": min(filter(None, (row.end_at, asked.start_at)))})
        else:
            moved = await _move(actor, row, OrderVerb.REPLACE)
        if not moved:
            raise await _newer(actor, patient)
        await record(actor, "diet_order:replaced", f"patient:{patient}", order=str(row.id), codes=row.codes)


async def _write(
    actor: Actor,
    patient: UUID,
    admission: UUID,
    asked: Prescription,
    manual: Manual,
    *,
    order: UUID | None,
    revision: int | None,
) -> UUID:
    """Write the prescription as a draft: a new one, or over the one it changes if that is still as it was seen."""
    values = _columns(asked, manual, by_doctor=actor.may(Can.DIET_SIGN))
    if order is None:
        made = uuid7()
        await DietOrder.insert(
            DietOrder(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                admission=admission,
                status=OrderStatus.DRAFT.value,
                drafted_by=actor.user,
                drafted_at=clock.now(),
                **values,
            )
        )
        return made
    row = await queries.diet_order(actor, patient, order)
    is_same = row.status == OrderStatus.DRAFT and revision in (None, row.revision)
    if not is_same or not await _write_if(actor, row, values):
        raise await _newer(actor, patient)
    return order


async def _activate(actor: Actor, patient: UUID, order: UUID, asked: Prescription) -> None:
    now = clock.now()
    row = await queries.diet_order(actor, patient, order)
    is_under_protocol = not actor.may(Can.DIET_SIGN)
    await _write_if(
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


def _columns(asked: Prescription, manual: Manual, *, by_doctor: bool) -> dict[str, Any]:
    kept = StoredLimits(
        asked.fluid_ml_day,
        asked.potassium_mg_meal,
        asked.has_severe_oedema,
        own_limits(asked, manual, by_doctor=by_doctor),
    )
    return {
        "codes": list(asked.codes),
        "food_level": asked.food_level,
        "drink_level": asked.drink_level,
        "limits": msgspec.json.encode(kept).decode(),
        "prevails": msgspec.json.encode(StoredRulings(asked.rulings)).decode(),
        "reason": asked.reason,
        "start_at": asked.start_at,
        "end_at": asked.end_at,
        "replaces": asked.replaces,
    }


async def _move(actor: Actor, row: DietOrderRow, verb: OrderVerb) -> bool:
    status = OrderStatus(row.status)
    if status not in DIET_ORDER.sources(verb):
        return False
    ended = {"ended_by": actor.user, "ended_at": clock.now()}
    return await _write_if(actor, row, {"status": DIET_ORDER.after(status, verb).value, **ended})


async def _write_if(actor: Actor, row: DietOrderRow, values: dict[str, Any]) -> bool:
    """Write where the order still is as it was read; its revision rises by one."""
    changes: dict[Any, Any] = {**values, "revision": row.revision + 1}
    moved = (
        await DietOrder.update(changes)
        .where(
            mine(DietOrder, actor),
            DietOrder.id == row.id,
            DietOrder.status == row.status,
            DietOrder.revision == row.revision,
        )
        .returning(DietOrder.id)
    )
    return bool(moved)


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


async def _newer(actor: Actor, patient: UUID) -> Refusal:
    """Return the refusal that names who changed what the person had before them, and when."""
    happened = [
        event for event in await history(actor, f"patient:{patient}") if event.kind.partition(":")[0] in _SAFETY_EVENTS
    ]
    if not happened:
        return Refusal("error.changed")
    last = happened[-1]
    return Refusal("doctor.newer", name=last.actor_name, time=_time(last.at, actor.zone))


def _time(at: datetime, zone: str) -> str:
    return clock.local(at, zone).strftime("%H:%M")
