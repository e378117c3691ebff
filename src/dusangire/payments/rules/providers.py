"""What a mobile-money provider is asked and what it may answer, and whose number a telephone number is."""

import hmac
import re
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import phonenumbers
from msgspec import Struct

from dusangire.kernel.money import Money


class Provider(StrEnum):
    """The mobile-money networks of Rwanda."""

    MTN = "mtn"
    AIRTEL = "airtel"


class Reason(StrEnum):
    """Why a payment did not go through, in words a person can act on."""

    NO_FUNDS = "no_funds"
    DECLINED = "declined"
    WRONG_PIN = "wrong_pin"
    EXPIRED = "expired"
    OVER_LIMIT = "over_limit"
    NO_SUCH_PAYER = "no_such_payer"
    PAYER_BLOCKED = "payer_blocked"
    PAYEE_BLOCKED = "payee_blocked"
    PROVIDER_DOWN = "provider_down"
    MISCONFIGURED = "misconfigured"
    OTHER = "other"


class Charge(Struct, frozen=True):
    """A request to pay. The reference is a UUID (version 4: MTN takes no other), committed before it is sent.

    base_url: the provider's address kept with the payment; only that platform knows the reference.
    hook_url: where news may be sent; empty for none.
    """

    reference: UUID
    amount: Money
    phone: str
    note: str
    base_url: str
    hook_url: str


class RefundWish(Struct, frozen=True):
    """Money to give back. `captured` is what the payment brought: Airtel's own refund takes back all of it or nothing.

    reference: of the refund itself, version 4, committed before it is sent. phone: whose payment it was.
    """

    reference: UUID
    of_reference: UUID
    of_provider_ref: str
    amount: Money
    captured: Money
    phone: str
    base_url: str


class Started(Struct, frozen=True):
    """The provider has the request; money has not moved. Ask with `fetch`."""


class Rejected(Struct, frozen=True):
    """Nothing was begun and nothing will be: trying again with a new reference is safe."""

    reason: Reason
    said: str


class Paid(Struct, frozen=True):
    """Money moved. Compare amount and reference before believing it was for us.

    amount: None where the provider's answer names none (Airtel's may not): the reference alone binds it then,
    and the daily statement is compared. reference: our own as text, as the provider gives it back.
    """

    provider_ref: str
    amount: Money | None
    reference: str
    phone: str | None


class Failed(Struct, frozen=True):
    """It ended without money moving."""

    reason: Reason
    said: str


class Waiting(Struct, frozen=True):
    """It is with the payer, or in the works."""


class Unknown(Struct, frozen=True):
    """Nobody can say yet: ask again later, never charge anew."""

    said: str


class NotFound(Struct, frozen=True):
    """The provider never heard of it: the same reference may be sent again."""


StartAnswer = Started | Rejected | Unknown
FetchAnswer = Paid | Failed | Waiting | Unknown | NotFound
RefundAnswer = Started | Paid | Rejected | Unknown

_PREFIXES = {"78": Provider.MTN, "79": Provider.MTN, "72": Provider.AIRTEL, "73": Provider.AIRTEL}
# MTN's sandbox plays its outcomes on these numbers, which are not Rwandan.
_SANDBOX_PAYER = re.compile(r"\+467331234(?:5[0-9]|6[0-4])")


def e164(text: str) -> str | None:
    """Return the Rwandan mobile number that somebody typed as +2507XXXXXXXX; None for anything else."""
    plain = re.sub(r"[\s.()/-]", "", text)
    if _SANDBOX_PAYER.fullmatch(plain if plain.startswith("+") else f"+{plain}"):
        return plain if plain.startswith("+") else f"+{plain}"
    try:
        number = phonenumbers.parse(f"+{plain}" if plain.startswith("250") else plain, "RW")
    except phonenumbers.NumberParseException:
        return None
    said = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return said if re.fullmatch(r"\+2507[2389]\d{7}", said) else None


def guess(phone: str) -> Provider | None:
    """Return the network that gave out this number. Numbers move between networks, so a person may choose the other."""
    number = e164(phone)
    if number is None:
        return None
    return _PREFIXES.get(number[4:6], Provider.MTN)


def masked(phone: str) -> str:
    """Return what may be shown of a number: "078• ••• 456", in one line."""
    number = e164(phone)
    local = "0" + number[4:] if number and number.startswith("+250") else re.sub(r"\D", "", phone)
    return f"{local[:3]}•\N{NO-BREAK SPACE}•••\N{NO-BREAK SPACE}{local[-3:]}" if len(local) >= 8 else "•••"


def hook_token(key: bytes, name: bytes) -> str:
    """Return the part of an address for news that only the holder of the key can make."""
    return hmac.digest(key, name, sha256).hex()


def airtel_hook_path(key: bytes) -> str:
    """Return where Airtel sends all news: one address, written into its portal."""
    return f"/hooks/airtel/{hook_token(key, b'airtel')}"


def mtn_reason(code: str) -> Reason:
    """Return what a reason code of MTN means for the person who pays."""
    return _MTN.get(code.strip().upper(), Reason.OTHER)


def airtel_reason(code: str) -> Reason:
    """Return what a response, result or error code of Airtel means for the person who pays."""
    return _AIRTEL.get(code.strip().upper(), Reason.OTHER)


_MTN: dict[str, Reason] = {
    "PAYER_NOT_FOUND": Reason.NO_SUCH_PAYER,
    "PAYEE_NOT_FOUND": Reason.MISCONFIGURED,
    "NOT_ALLOWED": Reason.MISCONFIGURED,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": Reason.MISCONFIGURED,
    "INVALID_CALLBACK_URL_HOST": Reason.MISCONFIGURED,
    "INVALID_CURRENCY": Reason.MISCONFIGURED,
    "SERVICE_UNAVAILABLE": Reason.PROVIDER_DOWN,
    # MTN says this most often when the wallet is empty.
    "INTERNAL_PROCESSING_ERROR": Reason.NO_FUNDS,
    "NOT_ENOUGH_FUNDS": Reason.NO_FUNDS,
    "PAYER_LIMIT_REACHED": Reason.OVER_LIMIT,
    "PAYEE_NOT_ALLOWED_TO_RECEIVE": Reason.PAYEE_BLOCKED,
    "PAYMENT_NOT_APPROVED": Reason.DECLINED,
    "APPROVAL_REJECTED": Reason.DECLINED,
    "EXPIRED": Reason.EXPIRED,
    "TRANSACTION_CANCELED": Reason.DECLINED,
    "RESOURCE_NOT_FOUND": Reason.OTHER,
    "RESOURCE_ALREADY_EXIST": Reason.OTHER,
    # Not approved within five minutes.
    "COULD_NOT_PERFORM_TRANSACTION": Reason.EXPIRED,
    "SENDER_ACCOUNT_NOT_ACTIVE": Reason.PAYER_BLOCKED,
    "LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED": Reason.NO_FUNDS,
}

_AIRTEL: dict[str, Reason] = {
    "DP00800001002": Reason.WRONG_PIN,
    "DP00800001003": Reason.OVER_LIMIT,
    "DP00800001004": Reason.OTHER,
    "DP00800001005": Reason.EXPIRED,
    "DP00800001007": Reason.NO_FUNDS,
    "DP00800001008": Reason.DECLINED,
    "DP00800001009": Reason.PAYER_BLOCKED,
    "DP00800001010": Reason.PAYEE_BLOCKED,
    "DP00800001024": Reason.EXPIRED,
    "DP00800001025": Reason.OTHER,
    "DP00800001026": Reason.MISCONFIGURED,
    "DP00800001029": Reason.EXPIRED,
    "DP00900001003": Reason.OVER_LIMIT,
    "DP00900001004": Reason.OTHER,
    "DP00900001005": Reason.OTHER,
    "DP00900001007": Reason.NO_FUNDS,
    "DP00900001009": Reason.PAYER_BLOCKED,
    "DP00900001010": Reason.PAYER_BLOCKED,
    "DP00900001011": Reason.OTHER,
    "DP00900001012": Reason.NO_SUCH_PAYER,
    "DP00900001013": Reason.DECLINED,
    "DP00900001015": Reason.OTHER,
    "DP00900001016": Reason.MISCONFIGURED,
    "DP00900001017": Reason.OTHER,
    "ROUTER116": Reason.MISCONFIGURED,
    "ESB000008": Reason.MISCONFIGURED,
    "ESB000011": Reason.OTHER,
    "ESB000014": Reason.OTHER,
    "ESB000033": Reason.NO_SUCH_PAYER,
    "ESB000035": Reason.MISCONFIGURED,
    "ESB000036": Reason.NO_SUCH_PAYER,
    "ESB000039": Reason.MISCONFIGURED,
    "ESB000041": Reason.OTHER,
    "ESB000045": Reason.OTHER,
}
