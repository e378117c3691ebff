"""What can be made to go wrong, and which outcome a telephone number plays."""

from enum import StrEnum

import msgspec
from msgspec import Struct


class On(StrEnum):
    """The calls that a fault can hit."""

    TOKEN = "token"  # noqa: S105  a word
    START = "start"
    FETCH = "fetch"
    REFUND = "refund"
    FETCH_REFUND = "fetch_refund"
    BALANCE = "balance"
    SIGN = "sign"


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """The next calls of one kind go wrong. is_done: the work is done first and only the answer is lost.

    wait_s: how long the caller waits before the answer; longer than its patience is silence.
    """

    on: On
    status: int = 503
    times: int = 1
    is_done: bool = False
    wait_s: float = 0.0


class Knobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One simulator's knobs. None means: as documented.

    auto_s: when a prompt answers itself; None leaves it to a person. outcome: for every new payment, the name of an
    outcome below or a reason code of the provider's. callbacks: how many times news is sent, 0 drops it.
    is_early: news arrives before the request is answered. is_reordered: an older "pending" follows the final news.
    late_success_s: a failed payment succeeds after all, that much later. lost_rate: the share of requests that are
    carried out while their answer is lost. refuses_at_once: the numbers 455–463 answer the request with the error.
    """

    latency_s: float = 0.0
    token_latency_s: float = 0.0
    token_s: float | None = None
    auto_s: float | None = 4.0
    expire_s: float = 300.0
    outcome: str | None = None
    late_success_s: float | None = None
    refuses_at_once: bool = False
    callbacks: int = 1
    callback_method: str | None = None
    callback_delay_s: float = 0.0
    callback_url: str | None = None
    callback_host: str | None = None
    is_https_only: bool = False
    is_early: bool = False
    is_reordered: bool = False
    hash_key: str | None = None
    hash_form: str = "whole"
    reported_amount: int | None = None
    reported_currency: str | None = None
    reported_reference: str | None = None
    names_amount: bool = True
    reason_as: str = "object"
    says_success_false: bool = False
    is_ip_refused: bool = False
    statement_shift: int = 0
    result: str | None = None
    lost_rate: float = 0.0
    faults: tuple[Fault, ...] = ()


def turned(knobs: Knobs, said: dict[str, object]) -> Knobs:
    """Return the knobs with some of them turned. Raises msgspec.ValidationError naming the wrong one."""
    return msgspec.convert({**msgspec.to_builtins(knobs), **said}, Knobs)


class Outcome(Struct, frozen=True):
    """How a payment ends: MTN's reason, Airtel's status and code. Without a reason it succeeds.

    is_open: it never ends by itself. slowness: how many times longer the prompt takes.
    """

    name: str
    mtn: str = ""
    airtel: str = ""
    airtel_status: str = "TF"
    is_open: bool = False
    slowness: float = 1.0


SUCCESS = Outcome("success")
EXPIRED = Outcome("expired", "EXPIRED", "DP00800001029", "TE")
REFUSED = Outcome("refused", "APPROVAL_REJECTED", "DP00800001008")

# By the last three digits: of MTN's sandbox payers 46733123450–464, and of every other number alike.
# 465 to 467 are our own: the sandbox has no number for them.
BY_NUMBER: dict[str, Outcome] = {
    "450": Outcome("failed", "INTERNAL_PROCESSING_ERROR", "DP00800001009"),
    "451": REFUSED,
    "452": EXPIRED,
    "453": Outcome("ongoing", is_open=True),
    "454": Outcome("delayed", slowness=4.0),
    "455": Outcome("payer not found", "PAYER_NOT_FOUND", "ESB000033"),
    "456": Outcome("payee not allowed to receive", "PAYEE_NOT_ALLOWED_TO_RECEIVE", "DP00800001010"),
    "457": Outcome("not allowed", "NOT_ALLOWED", "DP00800001009"),
    "458": Outcome("not allowed target environment", "NOT_ALLOWED_TARGET_ENVIRONMENT", "DP00800001004"),
    "459": Outcome("invalid callback host", "INVALID_CALLBACK_URL_HOST", "DP00800001005"),
    "460": Outcome("invalid currency", "INVALID_CURRENCY", "ESB000035"),
    "461": Outcome("internal error", "INTERNAL_PROCESSING_ERROR", "DP00800001000", "TA"),
    "462": Outcome("service unavailable", "SERVICE_UNAVAILABLE", "ESB000011"),
    "463": Outcome("could not perform", "COULD_NOT_PERFORM_TRANSACTION", "DP00800001024"),
    "464": Outcome("transfer type unknown", "TRANSFER_TYPE_UNKNOWN", "DP00800001004"),
    "465": Outcome("no funds", "NOT_ENOUGH_FUNDS", "DP00800001007"),
    "466": Outcome("over the limit", "PAYER_LIMIT_REACHED", "DP00800001003"),
    "467": Outcome("wrong PIN", "PAYMENT_NOT_APPROVED", "DP00800001002"),
}
AT_ONCE = {str(number) for number in range(455, 464)}


def outcome_of(phone: str, said: str | None) -> Outcome:
    """Return how a payment of this number ends: as the knob says, else by the number."""
    if said is None:
        return BY_NUMBER.get(phone[-3:], SUCCESS)
    named = {one.name: one for one in (SUCCESS, *BY_NUMBER.values())}
    return named.get(said) or Outcome(said, said, said)
