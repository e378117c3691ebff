"""How something is paid, by whom, and what may become of a payment and of a refund."""

from enum import StrEnum

from dusangire.kernel.machine import Machine


class Method(StrEnum):
    """The ways to pay."""

    CASH = "cash"
    HOSPITAL_ACCOUNT = "hospital_account"
    MTN = "mtn"
    AIRTEL = "airtel"
    BANK = "bank"
    SUBSCRIPTION = "subscription"
    POINTS = "points"
    FUND = "fund"
    INSURER = "insurer"
    HOSPITAL = "hospital"

    @property
    def is_mobile(self) -> bool:
        """True where a provider is asked and the person answers on their phone."""
        return self in (Method.MTN, Method.AIRTEL)


class Payer(StrEnum):
    """Who pays a share."""

    PATIENT = "patient"
    SPONSOR = "sponsor"
    HOSPITAL = "hospital"
    INSURER = "insurer"
    STAFF = "staff"
    CLIENT = "client"


class Purpose(StrEnum):
    """What a payment is for."""

    ORDER = "order"
    PLAN = "plan"
    EVENT = "event"
    ACCOUNT = "account"
    STAFF_TRAY = "staff_tray"
    INSURER = "insurer"


class State(StrEnum):
    """Where a payment stands."""

    CREATED = "created"
    PENDING = "pending"
    UNKNOWN = "unknown"
    PAID = "paid"
    CHARGED = "charged"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    LATE = "late"
    QUARANTINED = "quarantined"


class PayVerb(StrEnum):
    """What can happen to a payment."""

    SEND = "send"
    LOSE = "lose"
    CHARGE = "charge"
    SETTLE = "settle"
    FAIL = "fail"
    EXPIRE = "expire"
    CANCEL = "cancel"
    COME_LATE = "come_late"
    QUARANTINE = "quarantine"
    ANNUL = "annul"


_S, _V = State, PayVerb
ASKED = frozenset({_S.CREATED, _S.PENDING, _S.UNKNOWN})
# States in which a payment no longer stands in the way of another attempt.
DEAD = frozenset({_S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.LATE, _S.QUARANTINED})
# Money that was taken, or put on somebody's account.
CAPTURED = frozenset({_S.PAID, _S.CHARGED, _S.LATE})

PAYMENT: Machine[State, PayVerb] = Machine(
    _S.CREATED,
    [
        (_V.SEND, frozenset({_S.CREATED, _S.UNKNOWN}), _S.PENDING),
        (_V.LOSE, frozenset({_S.CREATED, _S.PENDING}), _S.UNKNOWN),
        (_V.CHARGE, frozenset({_S.CREATED}), _S.CHARGED),
        (_V.SETTLE, ASKED | {_S.EXPIRED, _S.FAILED, _S.QUARANTINED}, _S.PAID),
        (_V.FAIL, ASKED | {_S.QUARANTINED}, _S.FAILED),
        (_V.EXPIRE, ASKED, _S.EXPIRED),
        (_V.CANCEL, ASKED | {_S.CHARGED}, _S.CANCELLED),
        (_V.COME_LATE, frozenset({_S.CANCELLED, _S.EXPIRED, _S.FAILED, _S.QUARANTINED}), _S.LATE),
        (_V.QUARANTINE, ASKED | {_S.EXPIRED, _S.FAILED, _S.CANCELLED}, _S.QUARANTINED),
        # Written down as taken by mistake: the entry is reversed, and what it paid for is due again.
        (_V.ANNUL, frozenset({_S.PAID}), _S.CANCELLED),
    ],
)


class RefundState(StrEnum):
    """Where a refund stands."""

    CREATED = "created"
    PENDING = "pending"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"


class RefundVerb(StrEnum):
    """What can happen to a refund."""

    SEND = "send"
    LOSE = "lose"
    SETTLE = "settle"
    FAIL = "fail"


_R, _RV = RefundState, RefundVerb
REFUND: Machine[RefundState, RefundVerb] = Machine(
    _R.CREATED,
    [
        (_RV.SEND, frozenset({_R.CREATED, _R.UNKNOWN}), _R.PENDING),
        (_RV.LOSE, frozenset({_R.CREATED, _R.PENDING}), _R.UNKNOWN),
        (_RV.SETTLE, frozenset({_R.CREATED, _R.PENDING, _R.UNKNOWN}), _R.PAID),
        (_RV.FAIL, frozenset({_R.CREATED, _R.PENDING, _R.UNKNOWN}), _R.FAILED),
    ],
)

_OPENING: dict[Method, State] = {
    Method.CASH: State.PENDING,
    Method.HOSPITAL_ACCOUNT: State.CHARGED,
    Method.MTN: State.CREATED,
    Method.AIRTEL: State.CREATED,
    Method.BANK: State.PENDING,
    Method.SUBSCRIPTION: State.PAID,
    Method.POINTS: State.PAID,
    Method.FUND: State.PAID,
    Method.INSURER: State.CHARGED,
    Method.HOSPITAL: State.CHARGED,
}


def opening(method: Method) -> State:
    """Return the state in which a payment begins: cash waits for the bed, an account is charged at once."""
    return _OPENING[method]
