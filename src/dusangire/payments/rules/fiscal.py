"""Fiscal receipts of the Rwanda Revenue Authority: what is reported, what comes back, and VAT inside a price."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct

from dusangire.kernel.money import Money

_CENT = Decimal("0.01")


class TaxClass(StrEnum):
    """The authority's classes; the accountant gives each thing sold its own."""

    EXEMPT = "A"
    STANDARD = "B"
    ZERO = "C"
    NO_VAT = "D"


class SaleKind(StrEnum):
    """A sale, or a refund of one. Amounts are positive in both."""

    SALE = "S"
    REFUND = "R"


class PayKind(StrEnum):
    """How it was paid, in the authority's codes."""

    CASH = "01"
    CREDIT = "02"
    CASH_AND_CREDIT = "03"
    BANK = "04"
    CARD = "05"
    MOBILE_MONEY = "06"
    OTHER = "07"


class SaleLine(Struct, frozen=True):
    """One line of the receipt. price: of one, VAT included. class_code: UNSPSC; 90101500 is eating establishments."""

    code: str
    name: str
    tax: TaxClass
    quantity: int
    price: Money
    class_code: str = "90101500"

    @property
    def total(self) -> Money:
        return self.price * self.quantity


class Sale(Struct, frozen=True):
    """What is reported. original_no: of the sale that a refund gives back, 0 for a sale. at: in the hospital's zone."""

    invoice_no: int
    original_no: int
    kind: SaleKind
    paid_by: PayKind
    at: datetime
    lines: tuple[SaleLine, ...]
    customer_tin: str = ""
    purchase_code: str = ""

    @property
    def total(self) -> Money:
        return Money(sum(line.total.minor for line in self.lines))


class Receipt(Struct, frozen=True):
    """The authority's signature under a sale. at: as the authority's device says, in the hospital's zone."""

    rcpt_no: int
    total_no: int
    internal_data: str
    signature: str
    sdc_id: str
    mrc_no: str
    at: datetime


class TaxSum(Struct, frozen=True):
    """What one class comes to. taxable: with the tax inside."""

    rate: Decimal
    taxable: Decimal
    tax: Decimal


RATES = {
    TaxClass.EXEMPT: Decimal(0),
    TaxClass.STANDARD: Decimal(18),
    TaxClass.ZERO: Decimal(0),
    TaxClass.NO_VAT: Decimal(0),
}


def vat_inside(price: Money, tax: TaxClass) -> Decimal:
    """Return the tax that a price contains, with two decimals: 18/118 of it in class B, rounded half up."""
    rate = RATES[tax]
    return (Decimal(price.minor) * rate / (100 + rate)).quantize(_CENT, ROUND_HALF_UP)


def tax_sums(sale: Sale) -> dict[TaxClass, TaxSum]:
    """Return every class, those with nothing in them too. The tax is taken of the sum of the class, not by line."""
    sums = {}
    for tax in TaxClass:
        taxable = Money(sum(line.total.minor for line in sale.lines if line.tax is tax))
        sums[tax] = TaxSum(RATES[tax], Decimal(taxable.minor).quantize(_CENT), vat_inside(taxable, tax))
    return sums


def dashed(code: str) -> str:
    """Return a code as it is printed: "ABCD-EFGH-IJ"."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def counter(receipt: Receipt, kind: SaleKind, *, is_copy: bool = False) -> str:
    """Return the receipt's counter as it is printed: "12/345 NS"; N is an original, C a copy."""
    return f"{receipt.rcpt_no}/{receipt.total_no} {'C' if is_copy else 'N'}{kind}"


def qr_text(receipt: Receipt) -> str:
    """Return what the receipt's QR code says."""
    day, clock = receipt.at.strftime("%d%m%Y"), receipt.at.strftime("%H%M%S")
    return f"{day}#{clock}#{receipt.sdc_id}#{receipt.rcpt_no}#{receipt.internal_data}#{receipt.signature}"


class NotSigned(Struct, frozen=True):
    """The authority refuses this sale as it is; somebody must mend it. Nothing was issued."""

    code: str
    said: str


class NotNow(Struct, frozen=True):
    """The authority could not be reached or could not say: the receipt is pending and the same sale is sent again."""

    said: str


class AlreadySigned(Struct, frozen=True):
    """The authority has this invoice number: an earlier answer was lost. The receipt is in the authority's portal."""

    said: str


FiscalAnswer = Receipt | NotSigned | NotNow | AlreadySigned
