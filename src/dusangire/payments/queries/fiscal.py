"""Reads of fiscal receipts."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import local
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.money import Money
from dusangire.kernel.settings import settings
from dusangire.payments.rules import Purpose
from dusangire.payments.rules.fiscal import (
    PayKind,
    Receipt,
    Sale,
    SaleKind,
    SaleLine,
    TaxClass,
    counter,
    dashed,
    qr_text,
    tax_sums,
)
from dusangire.payments.rules.receipts import sold


class FiscalReceipt(Struct, frozen=True):
    """A receipt of the revenue authority, signed or still waiting for it ("fiscal receipt pending")."""

    id: UUID
    subject: UUID
    purpose: Purpose
    payment: UUID
    refund: UUID | None
    kind: SaleKind
    invoice_no: int
    original_no: int
    tax_class: TaxClass
    paid_by: PayKind
    amount_minor: int
    state: str
    tries: int
    said: str
    queued_at: datetime
    rcpt_no: int | None
    total_no: int | None
    internal_data: str
    signature: str
    sdc_id: str
    mrc_no: str
    signed_at: datetime | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)

    @property
    def is_signed(self) -> bool:
        return self.state == "signed"

    @property
    def is_pending(self) -> bool:
        return self.state == "queued"

    @property
    def tin(self) -> str:
        ebm = settings().ebm
        return ebm.tin if ebm else ""

    def sale(self, zone: str) -> Sale:
        """Return what is reported."""
        code, name = sold(self.purpose)
        line = SaleLine(code, name, self.tax_class, 1, self.amount)
        at = local(self.queued_at, zone)
        return Sale(self.invoice_no, self.original_no, self.kind, self.paid_by, at, (line,))

    def vat(self, zone: str) -> str:
        """Return the tax inside, with two decimals, as the receipt prints it."""
        return str(sum(one.tax for one in tax_sums(self.sale(zone)).values()))

    def signed(self, zone: str) -> Receipt:
        """Return the authority's part; only of a signed one."""
        if self.rcpt_no is None or self.total_no is None or self.signed_at is None:
            raise ValueError("not signed yet")
        at = local(self.signed_at, zone)
        return Receipt(self.rcpt_no, self.total_no, self.internal_data, self.signature, self.sdc_id, self.mrc_no, at)

    def counter(self, zone: str) -> str:
        return counter(self.signed(zone), self.kind)

    def qr(self, zone: str) -> str:
        return qr_text(self.signed(zone))

    @property
    def signature_dashed(self) -> str:
        return dashed(self.signature)

    @property
    def internal_dashed(self) -> str:
        return dashed(self.internal_data)


_RECEIPTS = """
    SELECT f.id, f.subject, p.purpose, f.payment, f.refund, f.kind, f.invoice_no, f.original_no, f.tax_class, f.paid_by,
           f.amount_minor, f.state, f.tries, f.said, f.queued_at, f.rcpt_no, f.total_no, f.internal_data, f.signature,
           f.sdc_id, f.mrc_no, f.signed_at
    FROM fiscal_receipt f JOIN payment p ON p.hospital = f.hospital AND p.id = f.payment
    WHERE f.hospital = $1
"""


async def fiscal_of(actor: Actor, subject: UUID) -> list[FiscalReceipt]:
    """Return the receipts of something sold, in the order they were made: its sales, and the refunds of them."""
    return await fetch(FiscalReceipt, f"{_RECEIPTS} AND f.subject = $2 ORDER BY f.invoice_no", actor.hospital, subject)


async def fiscal_receipt(actor: Actor, receipt_id: UUID) -> FiscalReceipt | None:
    return await fetch_one(FiscalReceipt, f"{_RECEIPTS} AND f.id = $2", actor.hospital, receipt_id)


async def fiscal_sale_of(actor: Actor, payment_id: UUID) -> FiscalReceipt | None:
    """Return the receipt of the sale that a payment paid."""
    return await fetch_one(
        FiscalReceipt, f"{_RECEIPTS} AND f.payment = $2 AND f.kind = 'S'", actor.hospital, payment_id
    )


async def has_fiscal_refund(actor: Actor, of: UUID) -> bool:
    """Say whether the refund, or the charge taken off again, has its receipt."""
    return bool(
        await fetch_value(
            """
            SELECT EXISTS (SELECT FROM fiscal_receipt
                           WHERE hospital = $1 AND kind = 'R' AND coalesce(refund, payment) = $2)
            """,
            actor.hospital,
            of,
        )
    )


async def fiscal_unsigned(actor: Actor) -> list[FiscalReceipt]:
    """Return the receipts that have no signature yet, or never will without somebody's help; the oldest first."""
    return await fetch(
        FiscalReceipt, f"{_RECEIPTS} AND f.state <> 'signed' ORDER BY f.invoice_no LIMIT 1000", actor.hospital
    )


async def tax_class(actor: Actor) -> TaxClass:
    """Return the class of this hospital's meals: exempt until its accountant says otherwise."""
    said = await fetch_value("SELECT tax_class FROM fiscal_setting WHERE hospital = $1", actor.hospital)
    return TaxClass(said) if said else TaxClass.EXEMPT
