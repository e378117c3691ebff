"""What a refund is for, and how each way of paying is paid back."""

from enum import StrEnum

from dusangire.payments.rules.machine import Method, RefundState


class RefundKind(StrEnum):
    """Why money goes back."""

    ASKED = "asked"
    CANCELLED = "cancelled"
    LATE = "late"
    COMPENSATION = "compensation"


_BY_A_PERSON = frozenset({Method.CASH, Method.BANK})


def opening_refund(method: Method) -> RefundState:
    """Return the state in which a refund begins: a provider is asked, a person pays out, an account is put right."""
    if method.is_mobile:
        return RefundState.CREATED
    return RefundState.PENDING if method in _BY_A_PERSON else RefundState.PAID
