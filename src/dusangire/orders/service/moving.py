"""The only mover of trays. A tray advances in one transaction: lock, facts afresh, verdict, verdict kept, one event."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asyncpg import PostgresError

from dusangire.diets import service as diets
from dusangire.diets.rules import Gate
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import in_transaction, mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import (
    GATES,
    GONE,
    MARKS,
    ORDER,
    REOPENS,
    RESTARTS,
    TOO_OLD,
    Cancelling,
    Status,
    Verb,
    cancelling,
    is_too_old,
    stored,
)
from dusangire.orders.service.judging import Unsafe, ground, judged, keep_still, reason_for, refuse_stopped
from dusangire.orders.tables import MealOrder
from dusangire.payments import service as payments
from dusangire.wards import service as wards

T = TypeVar("T")

# What PostgreSQL answers to a step whose proof is missing or no longer of now.
STALE_PROOF = "DUS01"
_TRIES = 3
# The moves by which a tray first becomes the kitchen's: it is sold then, once.
_SELLS = frozenset({Verb.CONFIRM, Verb.RELEASE})
_KEEPS_WORDS = frozenset({Verb.REPORT, Verb.FAIL, Verb.REFUSE})


@asynccontextmanager
async def moving(actor: Actor) -> AsyncIterator[None]:
    """Open the transaction of a step that moves trays. A tray found unsafe is held once the step has been undone.

    Use it instead of `transaction()` around `advance` together with rows of one's own.
    """
    try:
        async with transaction():
            yield
    except Unsafe as unsafe:
        if not in_transaction():
            async with transaction():
                await wards.lock(actor, unsafe.order.patient)
                await hold(actor, unsafe.order, unsafe.found.whole, rule=unsafe.found.rule)
        raise


async def advance(actor: Actor, order_id: UUID, verb: Verb, *, note: str = "") -> Order:
    """Move one tray by one verb; return it as it is then.

    Raises NotHere for a stranger's tray, Refusal("order.moved_on") where somebody was faster or the verb does not lead
    out of its state, and Unsafe where the verdict is not ALLOW: the tray is held then, with the reason.
    """
    seen = await queries.order(actor, order_id)
    await with_fresh_proof(lambda: _advance(actor, seen, verb, note))
    return await queries.order(actor, order_id)


async def with_fresh_proof(step: Callable[[], Awaitable[T]]) -> T:
    """Take a step; once more where the database found its proof stale, because the menu changed in between.

    Inside a larger transaction there is no second try: the step's own refusal is told.
    """
    for _ in range(0 if in_transaction() else _TRIES - 1):
        try:
            return await step()
        except PostgresError as refused:
            if refused.sqlstate != STALE_PROOF:
                raise
    return await step()


async def _advance(actor: Actor, seen: Order, verb: Verb, note: str) -> None:
    async with moving(actor):
        if verb in REOPENS or verb is Verb.CONFIRM:
            await keep_still(actor)
        safety_rev = await wards.lock(actor, seen.patient)
        found = await queries.trays(actor, seen.patient, seen.day, seen.day)
        tray = next((one for one in found if one.id == seen.id), None) or await queries.order(actor, seen.id)
        if tray.status not in ORDER.sources(verb):
            raise _moved_on(tray)
        if verb is Verb.RELEASE and tray.id in queries.stopped_and_replaced(found):
            raise Refusal("order.replaced", code=tray.code)
        if verb in _SELLS and not await payments.is_covered(actor, tray.id):
            raise Refusal("order.unpaid", code=tray.code)
        if verb in GATES:
            await _pass_gate(actor, tray, found, GATES[verb], safety_rev)
        await write_move(actor, tray, verb, note=note)


async def release(actor: Actor, order_id: UUID) -> Order:
    """Let a held tray go on: it is judged again and cooked from the start. Raises Unsafe where it still may not."""
    return await advance(actor, order_id, Verb.RELEASE)


async def cancel(actor: Actor, order_id: UUID, *, note: str = "") -> Order:
    """Call an order off: the patient until the cut-off, staff until it is handed over. Raises Refusal, NotHere."""
    seen = await queries.order(actor, order_id)
    allowed = cancelling(actor, seen.status, seen.cutoff_at, clock.now())
    if allowed is Cancelling.NO:
        if seen.status in GONE:
            raise _moved_on(seen)
        raise Refusal("order.cancel_closed", time=clock.local(seen.cutoff_at, actor.zone).strftime("%H:%M"))
    words = note or ("wasted" if allowed is Cancelling.WASTED else "")
    return await advance(actor, order_id, Verb.CANCEL, note=words)


async def hold(actor: Actor, tray: Order, why: Phrase, *, rule: str) -> bool:
    """Stop a tray with its reason, in the caller's transaction and under its lock; False where it cannot be stopped."""
    if tray.status not in ORDER.sources(Verb.HOLD):
        return False
    moved = await _write(
        actor,
        tray,
        {
            MealOrder.status: Status.HELD.value,
            MealOrder.held_from: tray.status.value,
            MealOrder.hold_reason: stored(why),
        },
    )
    if moved:
        await _tell(actor, tray, Status.HELD, held_from=tray.status.value, rule=rule, why=stored(why))
    return moved


async def write_move(actor: Actor, tray: Order, verb: Verb, *, note: str = "") -> None:
    """Write one move by compare-and-set with its moment, its payment and its one event. Raises Refusal."""
    target = ORDER.after(tray.status, verb)
    values: dict[Any, Any] = {MealOrder.status: target.value, MealOrder.held_from: None, MealOrder.hold_reason: ""}
    if verb is Verb.HOLD:
        values |= {
            MealOrder.held_from: tray.status.value,
            MealOrder.hold_reason: note or stored(Phrase("order.held_by", {"name": actor.name})),
        }
    if target in MARKS:
        values[getattr(MealOrder, MARKS[target])] = clock.now()
    if verb in RESTARTS:
        values |= {getattr(MealOrder, mark): None for mark in MARKS.values()}
    if verb in _KEEPS_WORDS:
        values[MealOrder.problem] = note
    if not await _write(actor, tray, values):
        raise _moved_on(await queries.order(actor, tray.id))
    await _tell(actor, tray, target, verb=verb.value, **({"note": note} if note else {}))
    if verb in _SELLS:
        await payments.sell(
            actor, tray.id, items=tray.items_minor, vat=tray.vat_minor, delivery=tray.delivery_minor,
            discount=tray.discount_minor, total=tray.total_minor,
        )  # fmt: skip
    elif target in GONE:
        await payments.cancel(actor, tray.id)
    elif target is Status.DELIVERED:
        await payments.settle(actor, tray.id)


async def _pass_gate(actor: Actor, tray: Order, found: list[Order], gate: Gate, safety_rev: int) -> None:
    await refuse_stopped(actor)
    on = await ground(actor)
    answer = await judged(actor, tray, found, on, gate)
    if not answer.is_allowed:
        raise Unsafe(tray, reason_for(answer, queries.named(tray.lines)))
    if gate is Gate.HANDOVER and is_too_old(tray.ready_at, on.now, await queries.tray_minutes(actor)):
        raise Unsafe(tray, TOO_OLD)
    await diets.keep_check(
        actor,
        tray.id,
        tray.patient,
        gate,
        answer,
        safety_rev=safety_rev,
        menu_rev=on.menu_rev,
        manual_rev=on.manual_rev,
    )


async def _write(actor: Actor, tray: Order, values: dict[Any, Any]) -> bool:
    now: datetime = clock.now()
    moved = (
        await MealOrder.update({**values, MealOrder.status_at: now})
        .where(mine(MealOrder, actor), MealOrder.id == tray.id, MealOrder.status == tray.status.value)
        .returning(MealOrder.id)
    )
    return bool(moved)


async def _tell(actor: Actor, tray: Order, status: Status, **facts: str) -> None:
    await record(
        actor,
        f"order:{status}",
        f"order:{tray.id}",
        also=[f"patient:{tray.patient}"],
        code=tray.code,
        patient=str(tray.patient),
        was=tray.status.value,
        **facts,
    )


def _moved_on(tray: Order) -> Refusal:
    return Refusal("order.moved_on", code=tray.code, status_now=Phrase(tray.status.key))
