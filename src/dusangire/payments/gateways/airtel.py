"""Airtel Money: collection, its own refund of a whole payment, and a payout for a part of one."""

import re
from collections.abc import Mapping
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.ids import as_uuid
from dusangire.kernel.money import Money
from dusangire.kernel.settings import Airtel
from dusangire.payments.gateways.sealing import seal, seal_pin
from dusangire.payments.gateways.wire import Reply, Silence, TokenRefused, Wire, token_of
from dusangire.payments.rules.providers import (
    Charge,
    Failed,
    FetchAnswer,
    NotFound,
    Paid,
    Reason,
    RefundAnswer,
    RefundWish,
    Rejected,
    StartAnswer,
    Started,
    Unknown,
    Waiting,
    airtel_reason,
)

_COUNTRY = "RW"
# By code, because "success" is false beside "SUCCESS" in some answers.
_BEGUN = {"DP00800001001", "DP00800001006", "DP00900001006", "ESB000041", "DP00900001011", "DP00900001017"}
_OPEN = {"DP00800001000", "DP00800001024", "DP00900001000", "DP00900001014", "ESB000014"}
_NOT_THERE = {"DP00800001025", "DP00900001015", "ESB000045"}
_FINE = "ESB000010"
_DONE = {"DP00800001001", "DP00900001001"}


class _Token(Struct):
    access_token: str = ""
    expires_in: str | int = 0


class _Transaction(Struct):
    id: str | bool | None = None
    airtel_money_id: str | None = None
    message: str | None = None
    status: str = ""
    reference_id: str | None = None


class _Inside(Struct):
    transaction: _Transaction = msgspec.field(default_factory=_Transaction)


class _Status(Struct):
    code: str | int = ""
    message: str = ""
    result_code: str = ""
    response_code: str = ""


class _Answer(Struct):
    data: _Inside | None = None
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def transaction(self) -> _Transaction:
        return self.data.transaction if self.data else _Transaction()

    @property
    def code(self) -> str:
        """The code that says most."""
        said = self.status
        return said.response_code or ("" if said.result_code == _FINE else said.result_code)

    @property
    def said(self) -> str:
        return f"{self.code} {self.status.message} {self.transaction.message or ''}".strip()


class _Key(Struct):
    key: str


class _Keys(Struct):
    data: _Key


class AirtelGateway:
    """One installation's merchant account at Airtel."""

    def __init__(self, config: Airtel, wire: Wire | None = None) -> None:
        self._config = config
        self._wire = wire or Wire()
        self._keys: dict[str, str] = {}

    async def start(self, charge: Charge) -> StartAnswer:
        """Ask the payer's phone for money."""
        here = {"country": _COUNTRY, "currency": charge.amount.currency}
        body = {
            "reference": re.sub(r"[^A-Za-z0-9]", "", charge.note)[:64].ljust(4, "0"),
            "subscriber": {**here, "msisdn": charge.phone.removeprefix("+250")},
            "transaction": {"amount": charge.amount.minor, **here, "id": charge.reference.hex},
        }
        try:
            reply = await self._send(charge.base_url, f"/merchant/v{self._config.version}/payments/", body)
        except (Silence, TokenRefused) as trouble:
            return _troubled(trouble)
        answer = reply.read(_Answer)
        if reply.status != 200 or answer is None:
            return _refused(reply, answer)
        if answer.code in _BEGUN or (not answer.code and answer.transaction.status == "SUCCESS"):
            return Started()
        return _unless_known(answer)

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        """Ask what became of it."""
        return await self._look(base_url, f"/standard/v1/payments/{reference.hex}")

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        """Give back a payment. Airtel's own refund takes all of it, so a part is paid out to the payer's number."""
        if wish.amount != wish.captured:
            return await self._pay_out(wish)
        body = {"transaction": {"airtel_money_id": wish.of_provider_ref}}
        try:
            reply = await self._send(wish.base_url, f"/standard/v{self._config.version}/payments/refund", body)
        except (Silence, TokenRefused) as trouble:
            return _troubled(trouble)
        answer = reply.read(_Answer)
        if reply.status != 200 or answer is None:
            return _refused(reply, answer)
        if answer.transaction.status == "SUCCESS" and (not answer.code or answer.code in _DONE):
            ref = answer.transaction.airtel_money_id or wish.of_provider_ref
            return Paid(ref, wish.amount, str(wish.reference), None)
        return _unless_known(answer)

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        """Ask what became of a refund. Of a whole one Airtel tells nothing but by the day's statement."""
        if wish.amount == wish.captured:
            return Unknown("Airtel tells what became of a refund in its daily statement only")
        version = self._config.version
        kind = "?transactionType=B2C" if version == 2 else ""
        return await self._look(wish.base_url, f"/standard/v{version}/disbursements/{wish.reference.hex}{kind}")

    async def alive(self, base_url: str) -> bool:
        """Say whether Airtel answers; at once, without asking, while the circuit is open."""
        if self._wire.circuit(base_url).is_open:
            return False
        try:
            reply = await self._call(base_url, "GET", "/standard/v1/users/balance")
        except (Silence, TokenRefused):
            return False
        return reply.status == 200

    async def close(self) -> None:
        await self._wire.close()

    async def _pay_out(self, wish: RefundWish) -> RefundAnswer:
        if self._config.pin is None:
            return Rejected(Reason.MISCONFIGURED, "Airtel gives back whole payments; for a part AIRTEL_PIN must be set")
        version = self._config.version
        try:
            body = {
                "payee": {"msisdn": wish.phone.removeprefix("+250")},
                "reference": wish.of_reference.hex,
                "pin": seal_pin(self._config.pin, await self._key(wish.base_url)),
                "transaction": {"amount": wish.amount.minor, "id": wish.reference.hex},
            }
            if version == 2:
                body["payee"]["currency"] = wish.amount.currency  # type: ignore[index]
                body["transaction"]["type"] = "B2C"  # type: ignore[index]
            reply = await self._send(wish.base_url, f"/standard/v{version}/disbursements/", body)
        except (Silence, TokenRefused) as trouble:
            return _troubled(trouble)
        answer = reply.read(_Answer)
        if reply.status != 200 or answer is None:
            return _refused(reply, answer)
        if answer.code in _DONE:
            return Paid(answer.transaction.airtel_money_id or "", wish.amount, str(wish.reference), None)
        return Started() if answer.code in _BEGUN else _unless_known(answer)

    async def _look(self, base_url: str, path: str) -> FetchAnswer:
        try:
            reply = await self._call(base_url, "GET", path)
        except (Silence, TokenRefused) as trouble:
            return Unknown(str(trouble))
        answer = reply.read(_Answer)
        if answer is None or reply.status not in (200, 404):
            return Unknown(reply.said)
        return _became(answer)

    async def _send(self, base_url: str, path: str, body: Mapping[str, object]) -> Reply:
        """Post a body, signed where version 2 asks for it: over exactly the bytes that are sent."""
        content = msgspec.json.encode(body)
        signed = seal(content, await self._key(base_url)) if self._config.version == 2 else {}
        return await self._call(base_url, "POST", path, content, signed)

    async def _key(self, base_url: str) -> str:
        """Return Airtel's RSA key, asked for once. Raises Silence and TokenRefused, before anything was sent."""
        if base_url not in self._keys:
            try:
                reply = await self._call(base_url, "GET", "/v1/rsa/encryption-keys")
            except Silence as silence:
                raise Silence(f"no key: {silence}", may_have_arrived=False) from silence
            if reply.status == 401:
                raise TokenRefused(reply.said)
            keys = reply.read(_Keys) if reply.status == 200 else None
            if keys is None:
                raise Silence(f"no key: {reply.said}", may_have_arrived=False)
            self._keys[base_url] = keys.data.key
        return self._keys[base_url]

    async def _call(
        self,
        base_url: str,
        method: str,
        path: str,
        content: bytes | None = None,
        signed: Mapping[str, str] | None = None,
    ) -> Reply:
        common = {"Accept": "*/*", "X-Country": _COUNTRY, "X-Currency": "RWF", **(signed or {})}
        if content is not None:
            common["Content-Type"] = "application/json"
        return await self._wire.with_token(
            base_url,
            "airtel",
            lambda: self._token(base_url),
            lambda token: self._wire.send(
                base_url, method, path, {**common, "Authorization": f"Bearer {token}"}, content
            ),
        )

    async def _token(self, base_url: str) -> tuple[str, float]:
        said = self._config
        body = {"client_id": said.client_id, "client_secret": said.client_secret, "grant_type": "client_credentials"}
        headers = {"Content-Type": "application/json", "Accept": "*/*"}
        content = msgspec.json.encode(body)
        reply = await self._wire.send(base_url, "POST", "/auth/oauth2/token", headers, content, is_token=True)
        token = reply.read(_Token) or _Token()
        return token_of(reply, token.access_token, token.expires_in)


def _became(answer: _Answer) -> FetchAnswer:
    transaction = answer.transaction
    match transaction.status:
        case "TS":
            return _paid(transaction)
        case "TF":
            return Failed(airtel_reason(answer.code), answer.said)
        case "TE":
            return Failed(Reason.EXPIRED, answer.said)
        case "TIP" | "TI":
            return Waiting()
    return NotFound() if answer.code in _NOT_THERE else Unknown(answer.said or "no status")


def _paid(transaction: _Transaction) -> Paid | Unknown:
    """Return the payment with the amount that a message such as "Paid RWF 1,200 to …" names, if it names one."""
    message, reference = transaction.message or "", as_uuid(str(transaction.id)) or transaction.id
    found = re.search(r"\bPaid ([A-Z]{3}) ([0-9][0-9,]*)(\.[0-9]+)?", message)
    if found and (found[3] or "").strip(".0"):
        return Unknown(f"no whole amount: {message}")
    amount = Money(int(found[2].replace(",", "")), found[1]) if found else None
    return Paid(transaction.airtel_money_id or "", amount, str(reference), None)


def _unless_known(answer: _Answer) -> Rejected | Unknown:
    """Return what a POST's answer means that did not begin anything, or does not say."""
    if not answer.code or answer.code in _OPEN | _DONE:
        return Unknown(answer.said or "no code")
    return Rejected(airtel_reason(answer.code), answer.said)


def _refused(reply: Reply, answer: _Answer | None) -> Rejected | Unknown:
    """Return what an HTTP error to a POST means. A 5xx may have been carried out."""
    if reply.status == 429:
        return Rejected(Reason.PROVIDER_DOWN, reply.said)
    if 400 <= reply.status < 500:
        reason = airtel_reason(answer.code) if answer else Reason.OTHER
        return Rejected(Reason.MISCONFIGURED if reason is Reason.OTHER else reason, reply.said)
    return Unknown(reply.said)


def _troubled(trouble: Silence | TokenRefused) -> Rejected | Unknown:
    if isinstance(trouble, TokenRefused):
        return Rejected(Reason.MISCONFIGURED, str(trouble))
    said = str(trouble)
    return Unknown(said) if trouble.may_have_arrived else Rejected(Reason.PROVIDER_DOWN, said)
