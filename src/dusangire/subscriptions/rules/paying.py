"""How it stands with the payment of a plan, in a word its payer understands."""

from enum import StrEnum

from dusangire.payments.rules import DEAD, Method, State
from dusangire.payments.rules.providers import Reason


class Standing(StrEnum):
    """What the page of a payment says."""

    SETTLED = "settled"
    COUNTER = "counter"
    TRANSFER = "transfer"
    WAITING = "waiting"
    ASKING = "asking"
    FAILED = "failed"
    EXPIRED = "expired"
    UNPAID = "unpaid"


_OF_STATE = {
    State.CREATED: Standing.WAITING,
    State.UNKNOWN: Standing.ASKING,
    State.QUARANTINED: Standing.ASKING,
    State.FAILED: Standing.FAILED,
    State.EXPIRED: Standing.EXPIRED,
}
_WHY = {
    Reason.NO_FUNDS: "pay.fail_funds",
    Reason.DECLINED: "pay.fail_declined",
    Reason.WRONG_PIN: "pay.fail_pin",
    Reason.EXPIRED: "pay.fail_expired",
    Reason.OVER_LIMIT: "pay.fail_limit",
    Reason.NO_SUCH_PAYER: "pay.fail_number",
    Reason.PROVIDER_DOWN: "pay.provider_down",
}
ICONS = {
    Method.MTN: "mobile", Method.AIRTEL: "mobile", Method.CASH: "cash", Method.HOSPITAL_ACCOUNT: "ward",
    Method.BANK: "bank",
}  # fmt: skip


def standing(method: Method | None, state: State | None, *, is_due: bool) -> Standing:
    """Return what to say of the latest attempt; method and state are None where there was none."""
    if not is_due or state in (State.PAID, State.CHARGED):
        return Standing.SETTLED
    if state is State.PENDING and method is Method.CASH:
        return Standing.COUNTER
    if state is State.PENDING and method is Method.BANK:
        return Standing.TRANSFER
    if state is State.PENDING:
        return Standing.WAITING
    return _OF_STATE.get(state, Standing.UNPAID) if state else Standing.UNPAID


def may_retry(found: Standing, state: State | None) -> bool:
    """Say whether the same can be asked once more: what was asked is over, and took nothing."""
    return found is not Standing.SETTLED and (state is None or state in DEAD) and found is not Standing.ASKING


def why(reason: str | None) -> str | None:
    """Return the key of why a telephone's payment failed, None where the provider did not say."""
    return next((key for known, key in _WHY.items() if known.value == reason), None)
