"""What is decided about money, without any input or output."""

from dusangire.payments.rules.machine import (
    ASKED,
    CAPTURED,
    DEAD,
    PAYMENT,
    REFUND,
    Method,
    Payer,
    PayVerb,
    Purpose,
    RefundState,
    RefundVerb,
    State,
    opening,
)

__all__ = [
    "ASKED",
    "CAPTURED",
    "DEAD",
    "PAYMENT",
    "REFUND",
    "Method",
    "PayVerb",
    "Payer",
    "Purpose",
    "RefundState",
    "RefundVerb",
    "State",
    "opening",
]
