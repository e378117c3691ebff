"""Airtel Money as its contract describes it: collection in both versions, refunds, payouts, keys and signed news."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from dusangire.kernel.settings import DEMO_SECRET
from dusangire.simulators.answers import Answer, Call, as_json
from dusangire.simulators.knobs import Knobs, On, Outcome, outcome_of
from dusangire.simulators.till import Payment, Refund, Sender, Till, provider_ref

_TOKEN_S = 180
_FINE = "ESB000010"
_IN_PROCESS, _DONE, _BAD_SIGNATURE = "DP00800001006", "DP00800001001", "DP00800001026"
_PAYOUT_DONE, _PAYOUT_NO_FUNDS = "DP00900001001", "DP00900001007"
# Codes that the request itself is answered with: the payer's phone never rings.
_AT_ONCE = ("ESB",)
# A refusal by its code; 1000 is said of what nobody can say.
_MESSAGES = {
    "DP00800001000": "Transaction is ambiguous",
    "DP00800001002": "Incorrect PIN has been entered",
    "DP00800001003": "Exceeds withdrawal amount limit",
    "DP00800001004": "Invalid amount",
    "DP00800001005": "User did not enter the PIN",
    "DP00800001007": "Not enough balance",
    "DP00800001008": "Transaction refused",
    "DP00800001009": "Do not honour",
    "DP00800001010": "Transaction not permitted to payee",
    "DP00800001024": "Transaction timed out",
    "DP00800001025": "Transaction not found",
    "DP00800001026": "Invalid signature",
    "DP00800001029": "Transaction expired",
}


class _Subscriber(Struct):
    country: str
    currency: str
    msisdn: str


class _Transaction(Struct):
    amount: int
    id: str
    country: str = ""
    currency: str = ""


class _Wanted(Struct):
    reference: str
    subscriber: _Subscriber
    transaction: _Transaction


class _OldTransaction(Struct):
    airtel_money_id: str


class _Back(Struct):
    transaction: _OldTransaction


class _Payee(Struct):
    msisdn: str


class _Payout(Struct):
    payee: _Payee
    reference: str
    pin: str
    transaction: _Transaction


class _Client(Struct):
    client_id: str
    client_secret: str
    grant_type: str


class Airtel:
    """Airtel's side: its till and its RSA key."""

    def __init__(self, sender: Sender, knobs: Knobs) -> None:
        self.till = Till("airtel", sender, knobs, self.news)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async def answer(self, call: Call) -> Answer:
        """Answer one call."""
        match call.method, call.path:
            case "POST", ["auth", "oauth2", "token"]:
                return await self._play(On.TOKEN, lambda: self._token(call))
            case "POST", ["merchant", ("v1" | "v2"), "payments"]:
                return await self.till.answer(On.START, lambda: self._take(call), _broken)
            case "GET", ["standard", "v1", "payments", reference]:
                return await self._play(On.FETCH, lambda: self._guard(call) or self._look(reference))
            case "POST", ["standard", ("v1" | "v2"), "payments", "refund"]:
                return await self._play(On.REFUND, lambda: self._guard(call) or self._give_back(call))
            case "POST", ["standard", ("v1" | "v2"), "disbursements"]:
                return await self._play(On.REFUND, lambda: self._guard(call) or self._pay_out(call))
            case "GET", ["standard", ("v1" | "v2"), "disbursements", reference]:
                return await self._play(On.FETCH_REFUND, lambda: self._guard(call) or self._look_back(reference))
            case "GET", ["standard", "v1", "users", "balance"]:
                return await self._play(On.BALANCE, lambda: self._guard(call) or self._balance())
        return self._small(call)

    def _small(self, call: Call) -> Answer:
        """Answer the calls that no fault hits."""
        match call.method, call.path:
            case "GET", ["standard", "v1", "users", number]:
                said = {"msisdn": number, "is_barred": outcome_of(number, None).name == "failed", "registration": {}}
                return self._guard(call) or as_json(200, {"data": said, "status": _status(_DONE)})
            case "GET", ["v1", "rsa", "encryption-keys"]:
                key = {"key_id": "1", "key": self.public_key, "valid_upto": "2030-01-01"}
                return self._guard(call) or as_json(200, {"data": key, "status": _status(_DONE)})
        return as_json(404, {"status_message": "Resource not found", "status_code": "404"})

    @property
    def public_key(self) -> str:
        """The key as it is given out: base64 of its SPKI."""
        return b64encode(self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    async def _play(self, on: On, act: Callable[[], Answer]) -> Answer:
        async def done() -> Answer:
            return act()

        return await self.till.answer(on, done, _broken)

    def _token(self, call: Call) -> Answer:
        client = call.read(_Client)
        if client is None or client.grant_type != "client_credentials":
            return as_json(400, {"error": "invalid_request", "error_description": "Required parameter is missing"})
        if (client.client_id, client.client_secret) != (DEMO_SECRET, DEMO_SECRET):
            return as_json(401, {"error": "invalid_client", "error_description": "Invalid client authentication"})
        token, life_s = self.till.give_token("airtel", _TOKEN_S)
        return as_json(200, {"access_token": token, "expires_in": f"{life_s:.0f}", "token_type": "bearer"})

    def _guard(self, call: Call) -> Answer | None:
        """Return the refusal of a call without a live token or without country and currency."""
        if not self.till.is_token(call.header("authorization"), "airtel"):
            return as_json(401, {"error": "invalid_token", "error_description": "Invalid access token"})
        if call.path[0] != "v1" and (call.header("x-country"), call.header("x-currency")) != ("RW", "RWF"):
            return as_json(400, {"status": _status("ESB000008", "Invalid X-Country or X-Currency")})
        if call.method == "POST" and call.path[1] == "v2" and not self._is_sealed(call):
            return as_json(200, {"status": _status(_BAD_SIGNATURE)})
        return None

    def _is_sealed(self, call: Call) -> bool:
        """Say whether x-signature, opened with x-key, is exactly the body."""
        try:
            pair = self._key.decrypt(b64decode(call.header("x-key")), padding.PKCS1v15())
            key, _, start = pair.partition(b":")
            reader = Cipher(algorithms.AES256(b64decode(key)), modes.CBC(b64decode(start))).decryptor()
            padded = reader.update(b64decode(call.header("x-signature"))) + reader.finalize()
            opener = PKCS7(128).unpadder()
            return opener.update(padded) + opener.finalize() == call.body
        except (ValueError, InvalidKey):
            return False

    async def _take(self, call: Call) -> Answer:
        """Begin a payment, or refuse it. Both are HTTP 200; the code tells them apart."""
        refused, wanted = self._guard(call), call.read(_Wanted)
        if refused is not None:
            return refused
        if wanted is None or not _is_fit(wanted):
            return as_json(200, {"status": _status("ESB000008", "Field validation")})
        if wanted.transaction.id in self.till.payments:
            return as_json(200, {"status": _status("ESB000041", "Transaction id already exists")})
        number, outcome = wanted.subscriber.msisdn, outcome_of(wanted.subscriber.msisdn, self.till.knobs.outcome)
        if not re.fullmatch(r"7[0-9]{8}", number):
            return as_json(200, {"status": _status("ESB000033", "Invalid msisdn")})
        if outcome.airtel.startswith(_AT_ONCE):
            return as_json(200, {"status": _status(outcome.airtel, "The request was refused")})
        name, amount = wanted.reference, wanted.transaction.amount
        reference, currency = wanted.transaction.id, wanted.subscriber.currency
        await self.till.take(Payment(reference, name, amount, currency, number, name, "", outcome))
        # The public copies of the contract show "id": false here; nobody may rely on it.
        begun = {"transaction": {"id": False, "status": "SUCCESS"}}
        return as_json(200, {"data": begun, "status": self._well(_IN_PROCESS)})

    def _look(self, reference: str) -> Answer:
        payment = self.till.payments.get(reference)
        if payment is None:
            return as_json(200, {"status": _status("DP00800001025")})
        said: dict[str, Any] = {"id": self.till.knobs.reported_reference or reference, "status": "TIP"}
        code = _IN_PROCESS
        if payment.state == "successful":
            said |= {"status": "TS", "airtel_money_id": payment.provider_ref, "message": self._sentence(payment)}
            code = _DONE
        if payment.state == "failed":
            said["status"], code = payment.outcome.airtel_status, payment.outcome.airtel
            said["message"] = _MESSAGES.get(code, "Transaction failed")
        return as_json(200, {"data": {"transaction": said}, "status": self._well(code)})

    def _sentence(self, payment: Payment) -> str:
        knobs = self.till.knobs
        if not knobs.names_amount:
            return "success"
        amount = payment.amount if knobs.reported_amount is None else knobs.reported_amount
        currency = knobs.reported_currency or payment.currency
        return f"Paid {currency} {amount:,} to DUSANGIRE, Charge {currency} 0, Trans ID {payment.provider_ref}"

    def news(self, payment: Payment) -> bytes:
        """Return the news of a payment, hashed in the form that the knob says where there is a key."""
        is_well = payment.state == "successful"
        said = {
            "id": self.till.knobs.reported_reference or payment.reference,
            "message": self._sentence(payment) if is_well else _MESSAGES.get(payment.outcome.airtel, "In process"),
            "status_code": {"successful": "TS", "failed": "TF"}.get(payment.state, "TIP"),
            "airtel_money_id": payment.provider_ref,
        }
        inner, key = msgspec.json.encode(said), self.till.knobs.hash_key
        if key is None:
            return b'{"transaction":' + inner + b"}"
        hashed = inner if self.till.knobs.hash_form == "transaction" else b'{"transaction":' + inner + b"}"
        sign = b64encode(hmac.digest(key.encode(), hashed, sha256))
        return b'{"transaction":' + inner + b',"hash":"' + sign + b'"}'

    def _give_back(self, call: Call) -> Answer:
        """Refund a whole payment, once."""
        wanted = call.read(_Back)
        found = [
            one
            for one in self.till.payments.values()
            if wanted and one.state == "successful" and one.provider_ref == wanted.transaction.airtel_money_id
        ]
        if not found:
            return as_json(200, {"status": _status("ESB000045", "No transaction found")})
        paid, outcome = found[0], outcome_of("", self.till.knobs.outcome)
        if paid.refunded or outcome.airtel:
            return as_json(200, {"status": _status(outcome.airtel or "ESB000011", "Refund failed")})
        paid.refunded = paid.amount
        refund = self._keep(paid.reference, paid.reference, paid.amount, outcome)
        back = {"transaction": {"airtel_money_id": refund.provider_ref, "status": "SUCCESS"}}
        status = {key: one for key, one in self._well(_DONE).items() if key != "response_code"}
        return as_json(200, {"data": back, "status": status})

    def _pay_out(self, call: Call) -> Answer:
        """Pay out to a number; the PIN must open with our key."""
        wanted = call.read(_Payout)
        if wanted is None:
            return as_json(200, {"status": _status("ESB000008", "Field validation")})
        try:
            self._key.decrypt(b64decode(wanted.pin), padding.PKCS1v15())
        except ValueError:
            return as_json(200, {"status": _status("ROUTER116", "PIN decryption failed")})
        if wanted.transaction.id in self.till.refunds:
            return as_json(200, {"status": _status("DP00900001017", "Duplicate transaction id")})
        outcome = outcome_of("", self.till.knobs.outcome)
        paid = self.till.payments.get(wanted.reference)
        if paid is not None and wanted.transaction.amount > paid.amount - paid.refunded:
            outcome = Outcome("too much", airtel=_PAYOUT_NO_FUNDS)
        if paid is not None and not outcome.airtel:
            paid.refunded += wanted.transaction.amount
        refund = self._keep(wanted.transaction.id, wanted.reference, wanted.transaction.amount, outcome)
        code = outcome.airtel or _PAYOUT_DONE
        said = {
            "id": refund.reference,
            "airtel_money_id": refund.provider_ref,
            "status": "TF" if outcome.airtel else "TS",
        }
        return as_json(200, {"data": {"transaction": said}, "status": _status(code)})

    def _keep(self, reference: str, of: str, amount: int, outcome: Outcome) -> Refund:
        ref, now = provider_ref("airtel"), datetime.now(UTC)
        self.till.refunds[reference] = Refund(reference, of, amount, "RWF", ref, outcome, now)
        return self.till.refunds[reference]

    def _look_back(self, reference: str) -> Answer:
        refund = self.till.refunds.get(reference)
        if refund is None:
            return as_json(200, {"status": _status("DP00900001015", "Transaction not found")})
        status, code = ("TF", refund.outcome.airtel) if refund.outcome.airtel else ("TS", _PAYOUT_DONE)
        said = {
            "id": reference,
            "airtel_money_id": refund.provider_ref,
            "status": status,
            "message": f"Paid {refund.currency} {refund.amount:,} to a customer, Trans ID {refund.provider_ref}",
        }
        return as_json(200, {"data": {"transaction": said}, "status": _status(code)})

    def _balance(self) -> Answer:
        held = sum(one.amount - one.refunded for one in self.till.payments.values() if one.state == "successful")
        said = {"balance": str(held), "currency": "RWF", "account_status": "Active"}
        return as_json(200, {"data": said, "status": _status(_DONE)})

    def _well(self, code: str) -> dict[str, Any]:
        said = _status(code)
        return said | {"success": False} if self.till.knobs.says_success_false else said


def _is_fit(wanted: _Wanted) -> bool:
    names = (wanted.reference, wanted.transaction.id)
    is_plain = all(re.fullmatch(r"[A-Za-z0-9]{4,64}", name) for name in names)
    return is_plain and wanted.transaction.amount > 0 and wanted.subscriber.currency == "RWF"


def _status(code: str, message: str = "") -> dict[str, Any]:
    """Return the status part: codes of the bus go into result_code, those of the wallet into response_code."""
    is_well = code in (_IN_PROCESS, _DONE, _PAYOUT_DONE)
    said = {
        "code": "200",
        "message": "SUCCESS" if is_well else message or _MESSAGES.get(code, "Failed"),
        "result_code": code if code.startswith("ESB") else _FINE,
        "success": is_well,
    }
    return said if code.startswith("ESB") else said | {"response_code": code}


def _broken(status: int) -> Answer:
    if status == 401:
        return as_json(401, {"error": "invalid_token", "error_description": "Invalid access token"})
    if status == 429:
        said = {"status_message": "API rate limit exceeded", "status_code": "429"}
        return as_json(429, said, **{"Retry-After": "1"})
    return as_json(status, {"status": {"code": str(status), "message": "Something went wrong", "success": False}})
