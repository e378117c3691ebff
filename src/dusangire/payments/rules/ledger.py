"""The chart of accounts, and which account a payment comes to. Debits are positive, credits negative."""

from enum import StrEnum
from uuid import UUID

from dusangire.payments.rules.machine import Method, Purpose


class Account(StrEnum):
    """The accounts of every hospital; whose part of one it is says `party`."""

    CASH_FLOAT = "cash_float"
    CASH_SAFE = "cash_safe"
    MTN_CLEARING = "mtn_clearing"
    AIRTEL_CLEARING = "airtel_clearing"
    BANK = "bank"
    ORDER_DUE = "order_due"
    PLAN_DUE = "plan_due"
    EVENT_DUE = "event_due"
    ADMISSION_RECEIVABLE = "admission_receivable"
    INSURER_RECEIVABLE = "insurer_receivable"
    BANK_UNMATCHED = "bank_unmatched"
    DEFERRED_PLANS = "deferred_plans"
    LOYALTY_POINTS = "loyalty_points"
    QUARANTINE = "quarantine"
    REFUNDS_PAYABLE = "refunds_payable"
    SPONSOR_FUND = "sponsor_fund"
    VAT_PAYABLE = "vat_payable"
    DELIVERY = "delivery"
    DISCOUNTS = "discounts"
    EVENTS = "events"
    MEALS = "meals"
    CASH_VARIANCE = "cash_variance"
    COMPENSATION = "compensation"
    HOSPITAL_MEALS = "hospital_meals"
    LOYALTY_COST = "loyalty_cost"
    WRITE_OFF = "write_off"


class EntryKind(StrEnum):
    """What an entry of the ledger says happened."""

    SALE = "sale"
    PAID = "paid"
    LATE = "late"
    REFUND = "refund"
    REFUND_PAID = "refund_paid"
    REVERSAL = "reversal"
    QUARANTINE = "quarantine"
    CASH = "cash"
    BANK = "bank"
    PLAN = "plan"
    POINTS = "points"
    FUND = "fund"
    MANUAL = "manual"


Line = tuple[Account, UUID | None, int]

_DUE = {
    Purpose.ORDER: Account.ORDER_DUE,
    Purpose.PLAN: Account.PLAN_DUE,
    Purpose.EVENT: Account.EVENT_DUE,
    Purpose.STAFF_TRAY: Account.ORDER_DUE,
    Purpose.ACCOUNT: Account.ADMISSION_RECEIVABLE,
    Purpose.INSURER: Account.INSURER_RECEIVABLE,
}

_WHERE = {
    Method.MTN: Account.MTN_CLEARING,
    Method.AIRTEL: Account.AIRTEL_CLEARING,
    Method.BANK: Account.BANK,
    Method.HOSPITAL_ACCOUNT: Account.ADMISSION_RECEIVABLE,
    Method.SUBSCRIPTION: Account.DEFERRED_PLANS,
    Method.POINTS: Account.LOYALTY_POINTS,
    Method.FUND: Account.SPONSOR_FUND,
    Method.INSURER: Account.INSURER_RECEIVABLE,
    Method.HOSPITAL: Account.HOSPITAL_MEALS,
}
_OF_SOURCE = frozenset({Method.HOSPITAL_ACCOUNT, Method.SUBSCRIPTION, Method.POINTS, Method.FUND})


def due(purpose: Purpose, subject: UUID) -> tuple[Account, UUID]:
    """Return the account on which something waits to be paid, and whose part of it."""
    return _DUE[purpose], subject


def where(method: Method, *, source: UUID | None, subject: UUID, collector: UUID | None) -> tuple[Account, UUID | None]:
    """Return where the money of a payment is. Cash without a collector was taken at the counter, into the safe."""
    if method is Method.CASH:
        return (Account.CASH_FLOAT, collector) if collector else (Account.CASH_SAFE, None)
    if method is Method.INSURER:
        return Account.INSURER_RECEIVABLE, subject
    return _WHERE[method], source if method in _OF_SOURCE else None


def move(to: tuple[Account, UUID | None], of: tuple[Account, UUID | None], amount_minor: int) -> list[Line]:
    """Return the two lines of an amount that comes to one account from another."""
    return [(*to, amount_minor), (*of, -amount_minor)]


def refunded_from(due_account: tuple[Account, UUID | None], overpaid_minor: int, amount_minor: int) -> list[Line]:
    """Return what a refund is taken from: what was paid too much, and beyond that it is the hospital's compensation."""
    back = max(0, min(overpaid_minor, amount_minor))
    return [(*due_account, back), (Account.COMPENSATION, None, amount_minor - back)]


def kept(lines: list[Line] | tuple[Line, ...]) -> list[Line]:
    """Return the lines that say something. Raises ValueError where they do not sum to nothing."""
    if sum(amount for _, _, amount in lines) != 0:
        raise ValueError(f"an entry's lines must sum to 0: {lines}")
    return [line for line in lines if line[2] != 0]
