"""Payments that people wrote down: taken back where that was a mistake, and written down where none was asked for."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.rules import Method, PayVerb, Purpose, State
from dusangire.payments.service.cash import begin_shift
from dusangire.payments.service.intents import Share, capture, move_payment, open_payment, switch
from dusangire.payments.service.ledger import reverse_key

# Who pays these is asked by a person; what a provider took goes back by a refund, never by a word of ours.
_BY_A_PERSON = frozenset({Method.CASH, Method.BANK})
MANUAL = (Method.CASH, Method.BANK, Method.HOSPITAL_ACCOUNT, Method.HOSPITAL)


async def annul(actor: Actor, payment_id: UUID, *, why: str) -> None:
    """Mark a payment as invalid: its entry is reversed, both stay in the books, and what it paid for is due again.

    Raises Refusal for money that a provider took, that went back already, and without a reason.
    """
    if not why.strip():
        raise Refusal("form.required", status=422)
    async with transaction():
        one = await queries.locked(actor, payment_id)
        if one.method not in _BY_A_PERSON:
            raise Refusal("finance.payment.provider_took_it")
        if one.state is not State.PAID or one.refunded_minor:
            raise Refusal("payments.moved_on")
        if one.method is Method.CASH and one.settled_by is not None:
            await begin_shift(actor, one.settled_by)
        await reverse_key(actor, f"paid:{payment_id}", reason=why)
        await move_payment(actor, one, PayVerb.ANNUL)
        await record(actor, "payment:annulled", one.about, why=why)


async def record_payment(actor: Actor, payment_id: UUID, method: Method, *, why: str) -> UUID:
    """Write down that a share was paid in another way than was asked: cash at the counter, the stay's account,
    the house; or ask for a transfer, with a reference of its own.

    Returns the new payment. Raises Refusal where the old one is paid or may still be.
    """
    if method not in MANUAL or not why.strip():
        raise Refusal("form.required", status=422)
    async with transaction():
        made = await switch(actor, payment_id, method)
        await _take(actor, made)
        await record(actor, "payment:recorded", f"payment:{made}", instead_of=str(payment_id), why=why)
    return made


async def pay_account(actor: Actor, admission: UUID, share: Share) -> UUID:
    """Pay towards the account of a stay; cash is taken at once, the others are asked for. Returns the payment."""
    async with transaction():
        number = 1 + max((one.share for one in await queries.payments_of(actor, admission)), default=0)
        made = await open_payment(actor, Purpose.ACCOUNT, admission, share, number=number, payer_user=actor.user)
        await _take(actor, made)
    return made


async def take_cash(actor: Actor, payment_id: UUID) -> bool:
    """Take the cash of one payment at the counter, into the float of who takes it; False where it was taken before."""
    async with transaction():
        one = await queries.locked(actor, payment_id)
        if one.method is not Method.CASH or one.state is not State.PENDING:
            return False
        return await capture(actor, one, collector=actor.user)


async def _take(actor: Actor, payment_id: UUID) -> None:
    one = await queries.locked(actor, payment_id)
    if one.method is Method.CASH and one.state is State.PENDING:
        await capture(actor, one, collector=actor.user)
