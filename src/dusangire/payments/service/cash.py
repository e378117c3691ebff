"""Cash from hand to hand: a shift opens with the first franc, is counted, and is received by somebody else.

Whoever takes cash holds their open shift FOR SHARE until they commit, and whoever counts it FOR UPDATE: so a count
never misses money that is being taken, and what is taken after it belongs to the next shift.
"""

from uuid import UUID

import msgspec

from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.queries import cash as queries
from dusangire.payments.queries.cash import Shift
from dusangire.payments.rules import cash as rules
from dusangire.payments.rules.cash import SHIFT, Count, ShiftState, ShiftVerb
from dusangire.payments.rules.ledger import EntryKind
from dusangire.payments.service.ledger import post


async def begin_shift(actor: Actor, collector: UUID) -> UUID:
    """Return the open shift of somebody who is about to take cash, opened now where they had none; it is held open
    until the caller's transaction is over."""
    while True:
        made = await _new_shift(actor, collector, Money(0))
        if made is not None:
            await record(actor, "shift:open", f"shift:{made}", collector=str(collector))
        held: UUID | None = await fetch_value(
            "SELECT id FROM cash_shift WHERE hospital = $1 AND collector = $2 AND state = 'open' FOR SHARE",
            actor.hospital,
            collector,
        )
        if held is not None:
            return held


async def open_shift(actor: Actor, collector: UUID, change: Money) -> UUID:
    """Open a shift by hand, with change from the safe. Raises Refusal where this person has one open."""
    async with transaction():
        made = await _new_shift(actor, collector, change)
        if made is None:
            raise Refusal("finance.cash.is_open")
        about = f"shift:{made}"
        lines = rules.opening(collector, change)
        await post(actor, EntryKind.CASH, about, lines, key=f"float:{made}")
        await record(actor, "shift:open", about, collector=str(collector), change=change.minor)
    return made


async def count(actor: Actor, shift_id: UUID, counted: Count) -> Shift:
    """Write down what the collector counted in their own shift; again, until somebody has received it.

    Raises NotHere for somebody else's shift, Refusal where a difference has no reason or the shift is closed.
    """
    async with transaction():
        shift = await _locked(actor, shift_id)
        if shift.collector != actor.user:
            raise NotHere
        if shift.state not in SHIFT.sources(ShiftVerb.COUNT):
            raise Refusal("finance.cash.is_closed")
        due = await queries.expected(actor, actor.user) if shift.state is ShiftState.OPEN else shift.held.expected
        if counted.counted != due and not counted.reason.strip():
            raise Refusal("finance.cash.why_variance", status=422, expected=due, counted=counted.counted)
        await _write_count(actor, shift, counted, due)
        await record(actor, "shift:counted", f"shift:{shift_id}", expected=due.minor, counted=counted.counted.minor)
        return await queries.shift(actor, shift_id)


async def receive(actor: Actor, shift_id: UUID, counted: Money) -> Shift:
    """Receive a counted shift after counting it oneself; the last of the receivers closes it.

    Raises Refusal for one's own shift, for another sum than was counted, and for one who received it before.
    """
    async with transaction():
        shift = await _locked(actor, shift_id)
        if shift.state is ShiftState.CLOSED:
            raise Refusal("finance.cash.is_closed")
        verb = rules.receiving(shift.held, actor.user)
        if not isinstance(verb, ShiftVerb):
            raise Refusal(verb)
        if counted != shift.held.counted:
            raise Refusal("finance.cash.counts_differ", status=422, said=shift.held.counted, counted=counted)
        if verb is ShiftVerb.CHECK:
            await _check(actor, shift)
        else:
            await _close(actor, shift)
        return await queries.shift(actor, shift_id)


async def _locked(actor: Actor, shift_id: UUID) -> Shift:
    """The lock is a statement of its own: what is read after it is as the last holder left it."""
    await execute("SELECT FROM cash_shift WHERE hospital = $1 AND id = $2 FOR UPDATE", actor.hospital, shift_id)
    return await queries.shift(actor, shift_id)


async def _new_shift(actor: Actor, collector: UUID, change: Money) -> UUID | None:
    found: UUID | None = await fetch_value(
        """
        INSERT INTO cash_shift (id, hospital, collector, opening_minor, opened_by) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (hospital, collector) WHERE state = 'open' DO NOTHING RETURNING id
        """,
        uuid7(),
        actor.hospital,
        collector,
        change.minor,
        actor.user,
    )
    return found


async def _write_count(actor: Actor, shift: Shift, counted: Count, due: Money) -> None:
    limit = await queries.variance_limit(actor)
    await execute(
        """
        UPDATE cash_shift SET state = 'counted', expected_minor = $3, counted_minor = $4, pieces = $5::text::jsonb,
            reason = $6, limit_minor = coalesce(limit_minor, $7), counted_at = coalesce(counted_at, clock_timestamp()),
            received_by = NULL, received_at = NULL
        WHERE hospital = $1 AND id = $2
        """,
        actor.hospital,
        shift.id,
        due.minor,
        counted.counted.minor,
        msgspec.json.encode(counted.pieces).decode(),
        counted.reason if counted.counted != due else "",
        limit.minor,
    )


async def _check(actor: Actor, shift: Shift) -> None:
    await execute(
        """
        UPDATE cash_shift SET state = 'checked', received_by = $3, received_at = now() WHERE hospital = $1 AND id = $2
        """,
        actor.hospital,
        shift.id,
        actor.user,
    )
    await record(actor, "shift:checked", f"shift:{shift.id}", variance=shift.held.variance.minor)


async def _close(actor: Actor, shift: Shift) -> None:
    second = actor.user if shift.state is ShiftState.CHECKED else None
    await execute(
        """
        UPDATE cash_shift SET state = 'closed', received_by = coalesce(received_by, $3),
            received_at = coalesce(received_at, now()), second_by = $4, closed_at = now()
        WHERE hospital = $1 AND id = $2
        """,
        actor.hospital,
        shift.id,
        actor.user,
        second,
    )
    lines = rules.hand_over(shift.held)
    await post(actor, EntryKind.CASH, f"shift:{shift.id}", lines, key=f"handed:{shift.id}", reason=shift.reason)
    await record(actor, "shift:closed", f"shift:{shift.id}", variance=shift.held.variance.minor)
