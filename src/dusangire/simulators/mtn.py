"""MTN MoMo as its contract describes it: collections, refunds by the disbursement product, and the sandbox's users."""

import re
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.settings import DEMO_SECRET
from dusangire.simulators.answers import Answer, Call, as_json
from dusangire.simulators.knobs import AT_ONCE, Knobs, On, Outcome, outcome_of
from dusangire.simulators.till import Payment, Refund, Sender, Till, provider_ref

_TOKEN_S = 3600
_CURRENCIES = {"sandbox": "EUR", "mtnrwanda": "RWF"}
_NOT_FOUND = as_json(404, {"code": "RESOURCE_NOT_FOUND", "message": "Requested resource was not found."})
_DUPLICATE = as_json(
    409, {"code": "RESOURCE_ALREADY_EXIST", "message": "Duplicated reference id. Creation of resource failed."}
)
_MALFORMED = as_json(
    400, {"code": "BAD_REQUEST", "message": "X-Reference-Id must be a UUID of version 4 and the body as documented."}
)
_NO_KEY = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
# The sandbox plays these for referenceIdToRefund 1 to 13.
_REFUNDS = {
    "1": Outcome("not found", "RESOURCE_NOT_FOUND"),
    "2": Outcome("failed", "INTERNAL_PROCESSING_ERROR"),
    "3": Outcome("rejected", "APPROVAL_REJECTED"),
    "4": Outcome("expired", "EXPIRED"),
    "5": Outcome("ongoing", is_open=True),
    "6": Outcome("delayed", is_open=True),
    "7": Outcome("not allowed", "NOT_ALLOWED"),
    "8": Outcome("not allowed target environment", "NOT_ALLOWED_TARGET_ENVIRONMENT"),
    "9": Outcome("invalid callback host", "INVALID_CALLBACK_URL_HOST"),
    "10": Outcome("invalid currency", "INVALID_CURRENCY"),
    "11": Outcome("internal error", "INTERNAL_PROCESSING_ERROR"),
    "12": Outcome("service unavailable", "SERVICE_UNAVAILABLE"),
    "13": Outcome("could not perform", "COULD_NOT_PERFORM_TRANSACTION"),
}


class _Party(Struct):
    partyIdType: str
    partyId: str


class _Wanted(Struct, rename="camel"):
    """The body of a request to pay; a number as the amount is refused."""

    amount: str
    currency: str
    external_id: str
    payer: _Party
    payer_message: str = ""
    payee_note: str = ""


class _Back(Struct, rename="camel"):
    amount: str
    currency: str
    external_id: str
    reference_id_to_refund: str


class _User(Struct):
    host: str
    secret: str = ""


class Mtn:
    """MTN's side: its till, and the users of its sandbox."""

    def __init__(self, sender: Sender, knobs: Knobs) -> None:
        self.till = Till("mtn", sender, knobs, lambda payment: msgspec.json.encode(self.state(payment)))
        self._users: dict[str, _User] = {}

    async def answer(self, call: Call) -> Answer:
        """Answer one call."""
        match call.method, call.path:
            case "POST", [("collection" | "disbursement") as product, "token"]:
                return await self._play(On.TOKEN, lambda: self._token(call, product))
            case "POST", ["collection", "v1_0", "requesttopay"]:
                return await self.till.answer(On.START, lambda: self._take(call), _broken)
            case "GET", ["collection", "v1_0", "requesttopay", reference]:
                return await self._play(On.FETCH, lambda: self._guard(call) or self._look(reference))
            case "GET", ["collection", "v1_0", "account", "balance"]:
                return await self._play(On.BALANCE, lambda: self._guard(call) or self._balance(call))
            case "POST", ["disbursement", "v1_0", "refund"]:
                return await self._play(On.REFUND, lambda: self._guard(call) or self._give_back(call))
            case "GET", ["disbursement", "v1_0", "refund", reference]:
                return await self._play(On.FETCH_REFUND, lambda: self._guard(call) or self._look_back(reference))
        return self._small(call)

    def _small(self, call: Call) -> Answer:
        """Answer the calls that no fault hits."""
        match call.method, call.path:
            case "GET", ["collection", "v1_0", "accountholder", "msisdn", number, "active"]:
                is_there = outcome_of(number, None).mtn != "PAYER_NOT_FOUND"
                return self._guard(call) or as_json(200, {"result": is_there})
            case "POST", ["collection", "v1_0", "requesttopay", reference, "deliverynotification"]:
                return self._guard(call) or (Answer(200) if reference in self.till.payments else _NOT_FOUND)
            case _, ["v1_0", "apiuser", *rest]:
                return self._doorman(call) or self._sandbox_user(call, rest)
        return as_json(404, {"statusCode": 404, "message": "Resource not found"})

    async def _play(self, on: On, act: Callable[[], Answer]) -> Answer:
        async def done() -> Answer:
            return act()

        return await self.till.answer(on, done, _broken)

    def _doorman(self, call: Call) -> Answer | None:
        """Return the refusal of a call without a good subscription key, or of a client that MTN turns away."""
        if call.header("user-agent").startswith("python-requests"):
            return Answer(403, b"<html><body><h1>403 Forbidden</h1></body></html>", "text/html")
        if call.header("ocp-apim-subscription-key") != DEMO_SECRET:
            return as_json(401, {"statusCode": 401, "message": _NO_KEY})
        return None

    def _guard(self, call: Call) -> Answer | None:
        """Return the refusal of a call that lacks key, token or environment."""
        product = call.path[0]
        refused = self._doorman(call)
        if refused is not None:
            return refused
        if not self.till.is_token(call.header("authorization"), product):
            return as_json(401, {"error": "invalid_token"})
        if call.header("x-target-environment") not in _CURRENCIES:
            return _fault(400, "NOT_ALLOWED_TARGET_ENVIRONMENT", "Access to target environment is forbidden.")
        if product == "disbursement" and self.till.knobs.is_ip_refused:
            return as_json(403, {"statusCode": 403, "message": "Forbidden"})
        return None

    def _token(self, call: Call, product: str) -> Answer:
        refused = self._doorman(call)
        if refused is not None:
            return refused
        if call.body:
            return as_json(400, {"error": "invalid_request"})
        if call.header("x-target-environment") not in _CURRENCIES:
            return as_json(400, {"error": "Invalid or missing X-Target-Environment header"})
        if not self._knows(call.header("authorization")):
            return as_json(401, {"error": "login_failed"})
        token, life_s = self.till.give_token(product, _TOKEN_S)
        return as_json(200, {"access_token": token, "token_type": "access_token", "expires_in": int(life_s)})

    def _knows(self, header: str) -> bool:
        try:
            user, _, secret = b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            return False
        known = _User("", DEMO_SECRET) if user == DEMO_SECRET else self._users.get(user)
        return known is not None and secret != "" and known.secret == secret

    async def _take(self, call: Call) -> Answer:
        """Begin a request to pay, or refuse it."""
        refused = self._guard(call)
        if refused is not None:
            return refused
        reference, wanted = _version4(call.header("x-reference-id")), call.read(_Wanted)
        if reference is None or wanted is None:
            return _MALFORMED
        outcome = outcome_of(wanted.payer.partyId, self.till.knobs.outcome)
        refused = self._unfit(call, wanted, outcome)
        if refused is not None:
            return refused
        if reference in self.till.payments:
            return _DUPLICATE
        hook = call.header("x-callback-url")
        payment = Payment(
            reference, wanted.external_id, int(wanted.amount), wanted.currency,
            wanted.payer.partyId, wanted.payer_message, hook, outcome,
        )  # fmt: skip
        await self.till.take(payment)
        return Answer(202)

    def _unfit(self, call: Call, wanted: _Wanted, outcome: Outcome) -> Answer | None:
        knobs, hook = self.till.knobs, call.header("x-callback-url")
        notes = wanted.payer_message + wanted.payee_note
        if not re.fullmatch(r"[1-9][0-9]*", wanted.amount) or re.search(r"[^\w .,-]", notes) or len(notes) > 320:
            return _MALFORMED
        if wanted.currency != _CURRENCIES[call.header("x-target-environment")]:
            return _fault(500, "INVALID_CURRENCY", "Currency not supported.")
        is_wrong_host = knobs.callback_host is not None and urlsplit(hook).hostname != knobs.callback_host
        if hook and (is_wrong_host or (knobs.is_https_only and not hook.startswith("https://"))):
            return _fault(500, "INVALID_CALLBACK_URL_HOST", "Callback URL host is not the registered one.")
        if knobs.refuses_at_once and wanted.payer.partyId[-3:] in AT_ONCE:
            return _fault(500, outcome.mtn, "The request was refused.")
        return None

    def _look(self, reference: str) -> Answer:
        payment = self.till.payments.get(reference)
        return as_json(200, self.state(payment)) if payment else _NOT_FOUND

    def state(self, payment: Payment) -> dict[str, Any]:
        """Return what GET and the news say of a payment."""
        knobs = self.till.knobs
        said: dict[str, Any] = {
            "amount": str(payment.amount if knobs.reported_amount is None else knobs.reported_amount),
            "currency": knobs.reported_currency or payment.currency,
            "externalId": knobs.reported_reference or payment.external,
            "payer": {"partyIdType": "MSISDN", "partyId": payment.phone},
            "payerMessage": payment.note,
            "payeeNote": payment.note,
            "status": payment.state.upper(),
        }
        if payment.state == "successful":
            said["financialTransactionId"] = payment.provider_ref
        if payment.state == "failed":
            said["reason"] = _reason(payment.outcome.mtn, knobs.reason_as)
        return said

    def _balance(self, call: Call) -> Answer:
        held = sum(one.amount - one.refunded for one in self.till.payments.values() if one.state == "successful")
        return as_json(
            200, {"availableBalance": str(held), "currency": _CURRENCIES[call.header("x-target-environment")]}
        )

    def _give_back(self, call: Call) -> Answer:
        """Begin a refund, or refuse it. More than what is left of the payment fails."""
        reference, wanted = _version4(call.header("x-reference-id")), call.read(_Back)
        if reference is None or wanted is None or not wanted.amount.isdigit():
            return _MALFORMED
        if reference in self.till.refunds:
            return _DUPLICATE
        of, amount = wanted.reference_id_to_refund, int(wanted.amount)
        paid, outcome = self.till.payments.get(of), _REFUNDS.get(of) or outcome_of("", self.till.knobs.outcome)
        if of not in _REFUNDS and (paid is None or paid.state != "successful"):
            return _NOT_FOUND
        if paid and amount > paid.amount - paid.refunded:
            outcome = Outcome("too much", "COULD_NOT_PERFORM_TRANSACTION")
        if paid and not outcome.mtn:
            paid.refunded += amount
        ref, now = provider_ref("mtn"), datetime.now(UTC)
        self.till.refunds[reference] = Refund(reference, of, amount, wanted.currency, ref, outcome, now)
        return Answer(202)

    def _look_back(self, reference: str) -> Answer:
        refund = self.till.refunds.get(reference)
        if refund is None:
            return _NOT_FOUND
        state = "PENDING" if refund.outcome.is_open else "FAILED" if refund.outcome.mtn else "SUCCESSFUL"
        said: dict[str, Any] = {
            "amount": str(refund.amount),
            "currency": refund.currency,
            "externalId": refund.reference,
            "status": state,
        }
        if state == "SUCCESSFUL":
            said["financialTransactionId"] = refund.provider_ref
        if state == "FAILED":
            said["reason"] = _reason(refund.outcome.mtn, self.till.knobs.reason_as)
        return as_json(200, said)

    def _sandbox_user(self, call: Call, rest: list[str]) -> Answer:
        match call.method, rest:
            case "POST", []:
                reference, said = _version4(call.header("x-reference-id")), call.read(dict[str, str])
                if reference is None or said is None:
                    return _MALFORMED
                if reference in self._users:
                    return _DUPLICATE
                self._users[reference] = _User(said.get("providerCallbackHost", ""))
                return Answer(201)
            case "GET", [user] if user in self._users:
                said = {"providerCallbackHost": self._users[user].host, "targetEnvironment": "sandbox"}
                return as_json(200, said)
            case "POST", [user, "apikey"] if user in self._users:
                self._users[user].secret = secrets.token_hex(16)
                return as_json(201, {"apiKey": self._users[user].secret})
        return _NOT_FOUND


def _broken(status: int) -> Answer:
    if status == 401:
        return as_json(401, {"error": "invalid_token"})
    if status == 429:
        said = {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}
        return as_json(429, said, **{"Retry-After": "1"})
    code = "SERVICE_UNAVAILABLE" if status == 503 else "INTERNAL_PROCESSING_ERROR"
    return _fault(status, code, "An internal error occurred while processing.")


def _reason(code: str, form: str) -> object:
    return code if form == "text" else {"code": code, "message": code.replace("_", " ").capitalize()}


def _fault(status: int, code: str, message: str) -> Answer:
    return as_json(status, {"code": code, "message": message})


def _version4(text: str) -> str | None:
    """Return a UUID of version 4 in small letters; None for anything else."""
    try:
        said = UUID(text)
    except ValueError:
        return None
    return str(said) if said.version == 4 and "-" in text else None
