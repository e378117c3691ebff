"""How an order is paid and what may become of a payment."""

from enum import StrEnum

from dusangire.kernel.machine import Machine


class Method(StrEnum):
    """The ways to pay."""

    CASH = "cash"
    HOSPITAL_ACCOUNT = "hospital_account"


class State(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    PAID = "paid"
    CHARGED = "charged"
    CANCELLED = "cancelled"


class PayVerb(StrEnum):
    """What can be done to a payment."""

    SETTLE = "settle"
    CANCEL = "cancel"


PAYMENT: Machine[State, PayVerb] = Machine(
    State.PENDING,
    [
        (PayVerb.SETTLE, frozenset({State.PENDING}), State.PAID),
        (PayVerb.CANCEL, frozenset({State.PENDING, State.CHARGED}), State.CANCELLED),
    ],
)

_OPENING: dict[Method, State] = {Method.CASH: State.PENDING, Method.HOSPITAL_ACCOUNT: State.CHARGED}


def opening(method: Method) -> State:
    """Return the state in which a payment begins: cash waits for the bed, the account is charged at once."""
    return _OPENING[method]
