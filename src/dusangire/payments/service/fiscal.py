"""Fiscal receipts: queued for what is paid, signed one at a time and in order, pending while nobody can sign."""

from datetime import datetime
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.settings import settings
from dusangire.payments import queries
from dusangire.payments.queries import FiscalReceipt, Payment
from dusangire.payments.rules import State
from dusangire.payments.rules.fiscal import AlreadySigned, FiscalAnswer, NotNow, NotSigned, Receipt, SaleKind, TaxClass
from dusangire.payments.rules.receipts import LEASE, pay_kind, try_again_at
from dusangire.payments.tables import FiscalReceipt as ReceiptRow


async def queue_sale(actor: Actor, payment_id: UUID) -> bool:
    """Queue the receipt of what a payment paid, once; False where there is none to make."""
    async with transaction():
        await _keep_numbers(actor)
        one = await queries.payment(actor, payment_id)
        if one.state not in (State.PAID, State.CHARGED) or await queries.fiscal_sale_of(actor, payment_id):
            return False
        return await _queue(actor, one, SaleKind.SALE, one.amount_minor)


async def queue_refund(actor: Actor, refund_id: UUID) -> bool:
    """Queue the receipt of a refund that was paid, with the number of the sale it gives back."""
    async with transaction():
        await _keep_numbers(actor)
        back = await queries.refund(actor, refund_id)
        of = await queries.payment(actor, back.payment)
        return await _queue_back(actor, of, back.amount_minor, refund=refund_id)


async def queue_cancelled(actor: Actor, payment_id: UUID) -> bool:
    """Queue the same for a charge that was taken off its account again."""
    async with transaction():
        await _keep_numbers(actor)
        of = await queries.payment(actor, payment_id)
        return await _queue_back(actor, of, of.amount_minor, refund=None)


async def claim_receipt(actor: Actor, now: datetime) -> FiscalReceipt | None:
    """Take the first receipt of the queue to be signed; None while it is not its time, or another one has it.

    Only ever the first: the authority wants the numbers in order, one at a time.
    """
    async with transaction():
        taken: UUID | None = await fetch_value(
            """
            UPDATE fiscal_receipt SET next_try_at = $3, tries = tries + 1
            WHERE hospital = $1 AND next_try_at <= $2 AND id = (
                SELECT id FROM fiscal_receipt WHERE hospital = $1 AND state = 'queued'
                ORDER BY invoice_no LIMIT 1 FOR UPDATE
            ) RETURNING id
            """,
            actor.hospital,
            now,
            now + LEASE,
        )
        return None if taken is None else await queries.fiscal_receipt(actor, taken)


async def signed(actor: Actor, one: FiscalReceipt, answer: FiscalAnswer, now: datetime) -> bool:
    """Write what the authority answered; True where the next receipt may follow."""
    async with transaction():
        match answer:
            case Receipt():
                moved = await _keep(actor, one, answer)
                word = "signed"
            case AlreadySigned():
                moved, word = await _end(actor, one, "at_authority", answer.said), "at_authority"
            case NotSigned():
                moved, word = await _end(actor, one, "refused", f"{answer.code} {answer.said}"), "refused"
            case NotNow():
                await _later(actor, one, answer, now)
                return False
        if moved:
            await record(actor, f"fiscal:{word}", f"fiscal:{one.id}", also=[f"{one.purpose}:{one.subject}"])
    return True


async def send_again(actor: Actor, receipt_id: UUID) -> None:
    """Put a receipt that the authority refused back into the queue, under its own number. Raises Refusal, NotHere."""
    async with transaction():
        one = await queries.fiscal_receipt(actor, receipt_id)
        if one is None:
            raise NotHere
        moved = (
            await ReceiptRow.update(
                {ReceiptRow.state: "queued", ReceiptRow.next_try_at: clock.now(), ReceiptRow.tries: 0}
            )
            .where(mine(ReceiptRow, actor), ReceiptRow.id == receipt_id, ReceiptRow.state == "refused")
            .returning(ReceiptRow.id)
        )
        if not moved:
            raise Refusal("payments.moved_on")
        await record(actor, "fiscal:sent_again", f"fiscal:{receipt_id}", also=[f"{one.purpose}:{one.subject}"])


async def set_tax_class(actor: Actor, tax: TaxClass) -> None:
    """Say in which class this hospital's meals are; what was queued before keeps its own."""
    async with transaction():
        await execute(
            """
            INSERT INTO fiscal_setting (hospital, tax_class) VALUES ($1, $2)
            ON CONFLICT (hospital) DO UPDATE SET tax_class = $2
            """,
            actor.hospital,
            tax.value,
        )
        await record(actor, "fiscal:class_set", f"hospital:{actor.hospital}", tax=tax.value)


async def _queue_back(actor: Actor, of: Payment, amount_minor: int, *, refund: UUID | None) -> bool:
    """A refund of what was never reported is not reported either."""
    sale = await queries.fiscal_sale_of(actor, of.id)
    if sale is None or await queries.has_fiscal_refund(actor, refund or of.id):
        return False
    return await _queue(actor, of, SaleKind.REFUND, amount_minor, original=sale, refund=refund)


async def _queue(
    actor: Actor,
    one: Payment,
    kind: SaleKind,
    amount_minor: int,
    *,
    original: FiscalReceipt | None = None,
    refund: UUID | None = None,
) -> bool:
    paid_by = pay_kind(one.method, one.purpose)
    if settings().ebm is None or paid_by is None or amount_minor == 0:
        return False
    now = clock.now()
    number, tax = await _next_number(actor)
    made = uuid7()
    await ReceiptRow.insert(
        ReceiptRow(
            id=made,
            hospital=actor.hospital,
            subject=one.subject,
            payment=one.id,
            refund=refund,
            kind=kind.value,
            invoice_no=number,
            original_no=original.invoice_no if original else 0,
            tax_class=original.tax_class.value if original else tax,
            paid_by=paid_by.value,
            amount_minor=amount_minor,
            next_try_at=now,
            queued_at=now,
        )
    )
    await record(actor, "fiscal:queued", f"fiscal:{made}", also=[f"{one.purpose}:{one.subject}"])
    return True


async def _keep_numbers(actor: Actor) -> None:
    """Hold the hospital's numbers until the transaction ends: each is given once, and none is left out."""
    await execute("INSERT INTO fiscal_setting (hospital) VALUES ($1) ON CONFLICT DO NOTHING", actor.hospital)
    await fetch_value("SELECT 1 FROM fiscal_setting WHERE hospital = $1 FOR UPDATE", actor.hospital)


async def _next_number(actor: Actor) -> tuple[int, str]:
    number: int = await fetch_value(
        "UPDATE fiscal_setting SET last_invoice = last_invoice + 1 WHERE hospital = $1 RETURNING last_invoice",
        actor.hospital,
    )
    return number, (await queries.tax_class(actor)).value


async def _keep(actor: Actor, one: FiscalReceipt, answer: Receipt) -> bool:
    moved = (
        await ReceiptRow.update(
            {
                ReceiptRow.state: "signed",
                ReceiptRow.next_try_at: None,
                ReceiptRow.rcpt_no: answer.rcpt_no,
                ReceiptRow.total_no: answer.total_no,
                ReceiptRow.internal_data: answer.internal_data,
                ReceiptRow.signature: answer.signature,
                ReceiptRow.sdc_id: answer.sdc_id,
                ReceiptRow.mrc_no: answer.mrc_no,
                ReceiptRow.signed_at: answer.at,
            }
        )
        .where(mine(ReceiptRow, actor), ReceiptRow.id == one.id, ReceiptRow.state == "queued")
        .returning(ReceiptRow.id)
    )
    return bool(moved)


async def _end(actor: Actor, one: FiscalReceipt, state: str, said: str) -> bool:
    moved = (
        await ReceiptRow.update({ReceiptRow.state: state, ReceiptRow.next_try_at: None, ReceiptRow.said: said[:300]})
        .where(mine(ReceiptRow, actor), ReceiptRow.id == one.id, ReceiptRow.state == "queued")
        .returning(ReceiptRow.id)
    )
    return bool(moved)


async def _later(actor: Actor, one: FiscalReceipt, answer: NotNow, now: datetime) -> None:
    await ReceiptRow.update(
        {ReceiptRow.next_try_at: try_again_at(one.tries, now), ReceiptRow.said: answer.said[:300]}
    ).where(mine(ReceiptRow, actor), ReceiptRow.id == one.id, ReceiptRow.state == "queued")
