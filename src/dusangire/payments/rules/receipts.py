"""Which payments the revenue authority hears of, and as what."""

from datetime import datetime, timedelta

from dusangire.payments.rules.fiscal import PayKind
from dusangire.payments.rules.machine import Method, Purpose

_PAY_KINDS = {
    Method.CASH: PayKind.CASH,
    Method.MTN: PayKind.MOBILE_MONEY,
    Method.AIRTEL: PayKind.MOBILE_MONEY,
    Method.BANK: PayKind.BANK,
    Method.HOSPITAL_ACCOUNT: PayKind.CREDIT,
    Method.INSURER: PayKind.CREDIT,
    Method.FUND: PayKind.OTHER,
}
_SOLD = {
    Purpose.ORDER: ("MEAL", "Hospital meal"),
    Purpose.STAFF_TRAY: ("MEAL", "Staff meal"),
    Purpose.PLAN: ("PLAN", "Meal plan"),
    Purpose.EVENT: ("EVENT", "Catering"),
}
# A sender that took a receipt and died lets go of it after this time.
LEASE = timedelta(seconds=60)
_LONGEST_S = 600


def pay_kind(method: Method, purpose: Purpose) -> PayKind | None:
    """Return how the authority calls this way of paying; None where nothing is sold.

    A plan's meals, points and what the hospital gives were reported when they were bought, or never are; paying the
    account of a stay, or an insurer's invoice, settles what was reported as a sale on credit.
    """
    return _PAY_KINDS.get(method) if purpose in _SOLD else None


def sold(purpose: Purpose) -> tuple[str, str]:
    """Return the code and the name of what is sold."""
    return _SOLD[purpose]


def try_again_at(tries: int, now: datetime) -> datetime:
    """Return when a receipt that could not be signed is sent again: twice as late each time, at most ten minutes."""
    return now + timedelta(seconds=min(5 * 2 ** min(tries, 10), _LONGEST_S))
