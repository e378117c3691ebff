"""Money that goes back: never more than was taken, to where it came from, and once."""

from typing import Any
from uuid import UUID, uuid4

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries
from dusangire.payments.queries import Payment, Refund
from dusangire.payments.rules import REFUND, Method, RefundState, RefundVerb, State
from dusangire.payments.rules.asking import SOON
from dusangire.payments.rules.ledger import Account, EntryKind, Line, due, move, refunded_from, where
from dusangire.payments.rules.refunds import RefundKind, opening_refund
from dusangire.payments.service.ledger import post
from dusangire.payments.service.ledger import reverse as reverse_entry
from dusangire.payments.service.news import tell_refund, tell_returned
from dusangire.payments.tables import Refund as RefundRow

_GIVEN_BACK_WITHIN = frozenset({Method.SUBSCRIPTION, Method.POINTS, Method.FUND})


async def give_back(
    actor: Actor, payment_id: UUID, amount: Money, *, why: str, kind: RefundKind = RefundKind.ASKED
) -> UUID:
    """Give all or part of a payment back to where it came from; return the refund's id.

    A provider is asked by a job; cash and transfers wait for a person; accounts, plans, points and funds are put right
    at once. Raises Refusal without a reason, and where it would be more than was taken and is still there.
    """
    if not why.strip() or amount.minor <= 0:
        raise Refusal("payments.refund_needs_reason", status=422)
    async with transaction():
        of = await _take_from(actor, payment_id, amount)
        made = await _write(actor, of, amount.minor, kind=kind, method=of.method, why=why)
        lines = [*_debits(of, made, await _overpaid(actor, of), kind), _credit(made)]
        await post(actor, EntryKind.REFUND, made.about, lines, key=f"refund:{made.id}", reason=why)
        await _opened(actor, made)
    return made.id


async def pay_out(actor: Actor, refund_id: UUID, *, provider_ref: str | None = None) -> bool:
    """Mark a refund as paid: cash handed out at the counter, a transfer sent, or what the provider answered.

    False where it was paid before, or failed.
    """
    async with transaction():
        one = await queries.locked_refund(actor, refund_id)
        if one.state not in REFUND.sources(RefundVerb.SETTLE):
            return False
        values: dict[Any, Any] = {RefundRow.settled_at: clock.now(), RefundRow.settled_by: actor.user}
        if provider_ref:
            values[RefundRow.provider_ref] = provider_ref
        await move_refund(actor, one, RefundVerb.SETTLE, values)
        await _post_paid_out(actor, one)
    return True


async def pay_otherwise(actor: Actor, refund_id: UUID, method: Method, *, why: str) -> UUID:
    """Pay a refund that failed another way, or the same way once more; return the new refund. Raises Refusal."""
    async with transaction():
        old = await queries.locked_refund(actor, refund_id)
        if old.state is not RefundState.FAILED or old.replaced_by is not None:
            raise Refusal("payments.moved_on")
        if method.is_mobile and method is not (await queries.payment(actor, old.payment)).method:
            raise Refusal("payments.refund_to_source", status=422)
        of = await queries.payment(actor, old.payment)
        made = await _write(actor, of, old.amount_minor, kind=old.kind, method=method, why=why, replaces=old.id)
        lines = move((Account.REFUNDS_PAYABLE, old.id), (Account.REFUNDS_PAYABLE, made.id), old.amount_minor)
        await post(actor, EntryKind.REFUND, made.about, lines, key=f"refund:{made.id}", reason=why)
        await _opened(actor, made)
    return made.id


async def compensate(actor: Actor, payment_id: UUID, *, why: str) -> UUID:
    """Make a meal that was served free: everything paid for it that is not yet refunded goes back."""
    async with transaction():
        of = await queries.locked(actor, payment_id)
        return await give_back(actor, of.id, of.amount - of.refunded, why=why, kind=RefundKind.COMPENSATION)


async def invalidate(actor: Actor, entry_id: UUID, *, why: str) -> UUID:
    """Mark a transaction as invalid by the mirror of its entry; both stay in the books. Raises Refusal, NotHere."""
    if not why.strip():
        raise Refusal("payments.refund_needs_reason", status=422)
    found = await queries.entry(actor, entry_id)
    if found is None:
        raise NotHere
    if found.mirror is not None or found.reverses is not None:
        raise Refusal("payments.moved_on")
    return await reverse_entry(actor, entry_id, reason=why)


async def move_refund(actor: Actor, one: Refund, verb: RefundVerb, values: dict[Any, Any] | None = None) -> bool:
    """Move a refund by one verb, by compare-and-set, with its event. False where it is no longer as it was read."""
    target = REFUND.after(one.state, verb)
    ends: dict[Any, Any] = {RefundRow.next_poll_at: None} if target in (RefundState.PAID, RefundState.FAILED) else {}
    moved = (
        await RefundRow.update({RefundRow.state: target.value, **ends, **(values or {})})
        .where(mine(RefundRow, actor), RefundRow.id == one.id, RefundRow.state == one.state.value)
        .returning(RefundRow.id)
    )
    if moved and target is not one.state:
        await tell_refund(actor, one, target)
    return bool(moved)


async def _take_from(actor: Actor, payment_id: UUID, amount: Money) -> Payment:
    """Reserve the amount on the payment, in one conditional statement: two refunds never take more than there is."""
    took = await fetch_value(
        """
        UPDATE payment SET refunded_minor = refunded_minor + $3
        WHERE hospital = $1 AND id = $2 AND state IN ('paid', 'charged', 'late') AND currency = $4
          AND refunded_minor + $3 <= amount_minor
        RETURNING id
        """,
        actor.hospital,
        payment_id,
        amount.minor,
        amount.currency,
    )
    of = await queries.payment(actor, payment_id)
    if took is None:
        raise Refusal("payments.refund_too_much", left=of.amount - of.refunded)
    return of


async def _write(
    actor: Actor,
    of: Payment,
    amount_minor: int,
    *,
    kind: RefundKind,
    method: Method,
    why: str,
    replaces: UUID | None = None,
) -> Refund:
    now, state, made = clock.now(), opening_refund(method), uuid7()
    is_done = state is RefundState.PAID
    await RefundRow.insert(
        RefundRow(
            id=made,
            hospital=actor.hospital,
            payment=of.id,
            amount_minor=amount_minor,
            kind=kind.value,
            method=method.value,
            state=state.value,
            why=why,
            reference=uuid4(),
            next_poll_at=now + SOON if method.is_mobile else None,
            asked_by=actor.user,
            asked_at=now,
            settled_at=now if is_done else None,
            settled_by=actor.user if is_done else None,
            replaces=replaces,
        )
    )
    return await queries.refund(actor, made)


async def _opened(actor: Actor, made: Refund) -> None:
    if made.state is RefundState.PAID:
        await _post_paid_out(actor, made)
    await tell_refund(actor, made, made.state)
    if made.method in _GIVEN_BACK_WITHIN:
        await tell_returned(actor, made)


async def _overpaid(actor: Actor, of: Payment) -> int:
    return -(await queries.balance(actor, *due(of.purpose, of.subject))).minor


def _debits(of: Payment, made: Refund, overpaid: int, kind: RefundKind) -> list[Line]:
    """Return what a refund is taken from. Late money never paid for anything: it goes straight from where it came."""
    if kind is RefundKind.LATE or of.state is State.LATE:
        return [(*where(of.method, source=of.source, subject=of.subject, collector=None), made.amount_minor)]
    if kind is RefundKind.CANCELLED:
        return [(*due(of.purpose, of.subject), made.amount_minor)]
    return refunded_from(due(of.purpose, of.subject), overpaid, made.amount_minor)


def _credit(made: Refund) -> Line:
    return (Account.REFUNDS_PAYABLE, made.id, -made.amount_minor)


async def _post_paid_out(actor: Actor, one: Refund) -> None:
    of = where(one.method, source=one.source, subject=one.subject, collector=None)
    lines = move((Account.REFUNDS_PAYABLE, one.id), of, one.amount_minor)
    await post(actor, EntryKind.REFUND_PAID, one.about, lines, key=f"refund_paid:{one.id}")
