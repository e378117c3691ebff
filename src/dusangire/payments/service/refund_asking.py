"""What a provider answers about a refund: paid once, failed for finance to see, or asked again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import as_uuid
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.queries import Refund
from dusangire.payments.rules import REFUND, Method, RefundState, RefundVerb
from dusangire.payments.rules.asking import is_overdue, next_poll
from dusangire.payments.rules.providers import (
    Failed,
    FetchAnswer,
    NotFound,
    Paid,
    Reason,
    RefundAnswer,
    Rejected,
    Started,
    Unknown,
    Waiting,
)
from dusangire.payments.rules.statement import Kind, StatementLine
from dusangire.payments.service.refunds import move_refund, pay_out
from dusangire.payments.tables import Refund as RefundRow

_SAID = 300
_OPEN = frozenset({RefundState.CREATED, RefundState.PENDING, RefundState.UNKNOWN})


async def confirm_refund(
    actor: Actor, refund_id: UUID, answer: RefundAnswer | FetchAnswer, now: datetime
) -> RefundState:
    """Write what the provider answered about a refund, to the request or to a question; return where it stands."""
    async with transaction():
        one = await queries.locked_refund(actor, refund_id)
        if one.state in _OPEN:
            await _follow(actor, one, answer, now)
        return (await queries.refund(actor, refund_id)).state


async def decide_unknown(actor: Actor, refund_id: UUID, *, provider_ref: str = "", why: str = "") -> None:
    """Write down what finance found about an unanswered refund in the network's own list.

    It was paid under this number or, without one, never; then it can be paid another way. Raises Refusal; that it never
    was is not taken while the network is still being asked.
    """
    async with transaction():
        one = await queries.locked_refund(actor, refund_id)
        if one.state is not RefundState.UNKNOWN:
            raise Refusal("payments.moved_on")
        if provider_ref:
            await pay_out(actor, refund_id, provider_ref=provider_ref)
        elif one.next_poll_at is not None:
            raise Refusal("payments.still_asked_back")
        else:
            await _fail(actor, one, Reason.OTHER, why)
        await record(
            actor, "payment:looked_up", f"payment:{one.payment}", refund=refund_id, number=provider_ref, why=why
        )


async def settle_listed(actor: Actor, method: Method, lines: Sequence[StatementLine]) -> None:
    """Settle the unanswered refunds that the network's own list names with their amount: the list is its answer."""
    listed = {as_uuid(line.reference): line for line in lines if line.kind is Kind.REFUND}
    for one in await queries.refunds_in(actor, list(_OPEN)):
        line = listed.get(one.reference)
        if line is not None and one.method is method and line.amount == one.amount:
            await pay_out(actor, one.id, provider_ref=line.provider_ref)


async def _follow(actor: Actor, one: Refund, answer: RefundAnswer | FetchAnswer, now: datetime) -> None:
    match answer:
        case Paid() if _is_ours(one, answer):
            await pay_out(actor, one.id, provider_ref=answer.provider_ref)
        case Paid():
            said = f"answered with another refund: {answer.provider_ref} {answer.reference}"
            await _wait(actor, one, RefundVerb.LOSE, said, now)
        case Rejected(reason=Reason.PROVIDER_DOWN):
            await _send_again_later(actor, one, answer, now)
        case Rejected() | Failed():
            await _fail(actor, one, answer.reason, answer.said)
        case Started() | Waiting():
            await _wait(actor, one, RefundVerb.SEND, "", now)
        case NotFound():
            await _wait(actor, one, None, "", now)
        case Unknown():
            await _wait(actor, one, RefundVerb.LOSE, answer.said, now)


def _is_ours(one: Refund, answer: Paid) -> bool:
    """Airtel answers with the payment's reference, MTN with the refund's."""
    is_amount = answer.amount is None or answer.amount == one.amount
    return is_amount and as_uuid(answer.reference) in (one.reference, one.of_reference)


async def _fail(actor: Actor, one: Refund, reason: Reason, said: str) -> None:
    values: dict[Any, Any] = {RefundRow.reason: reason.value, RefundRow.said: said[:_SAID]}
    await move_refund(actor, one, RefundVerb.FAIL, values)


async def _send_again_later(actor: Actor, one: Refund, answer: Rejected, now: datetime) -> None:
    again = next_poll(one.polls, one.asked_at, now)
    if one.state is not RefundState.CREATED:
        await _wait(actor, one, None, answer.said, now)
        return
    if again is None:
        await _fail(actor, one, answer.reason, answer.said)
        return
    values: dict[Any, Any] = {
        RefundRow.sent_at: None,
        RefundRow.said: answer.said[:_SAID],
        RefundRow.next_poll_at: again,
    }
    await RefundRow.update(values).where(mine(RefundRow, actor), RefundRow.id == one.id)


async def _wait(actor: Actor, one: Refund, verb: RefundVerb | None, said: str, now: datetime) -> None:
    """Ask again later. After a day without an answer it is finance's: unknown, and never sent again."""
    values: dict[Any, Any] = {
        RefundRow.next_poll_at: next_poll(one.polls, one.sent_at or one.asked_at, now),
        RefundRow.said: said[:_SAID],
    }
    lost = RefundVerb.LOSE if is_overdue(one.sent_at or now, now) else verb
    if lost is not None and one.state in REFUND.sources(lost):
        await move_refund(actor, one, lost, values)
    else:
        await RefundRow.update(values).where(mine(RefundRow, actor), RefundRow.id == one.id)
