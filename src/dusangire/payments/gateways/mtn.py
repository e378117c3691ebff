"""MTN MoMo: request to pay, and refunds by the disbursement product."""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Mtn, Product
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
    e164,
    mtn_reason,
)

_HOME = "RWF"
_TEXT_LIMIT = 160


class _Token(Struct):
    access_token: str = ""
    expires_in: int | str = 0


class _Party(Struct):
    partyId: str = ""


class _Why(Struct):
    code: str = ""
    message: str = ""


class _Fault(Struct):
    """An answer that is none: two shapes, one of MTN and one of the doorman before it."""

    code: str = ""
    message: str = ""


class _State(Struct, rename="camel"):
    status: str
    amount: str | int = ""
    currency: str = ""
    financial_transaction_id: str | int = ""
    external_id: str = ""
    payer: _Party | None = None
    reason: str | _Why | None = None


class MtnGateway:
    """One installation's account at MTN."""

    def __init__(self, config: Mtn, wire: Wire | None = None) -> None:
        self._config = config
        self._wire = wire or Wire()

    async def start(self, charge: Charge) -> StartAnswer:
        """Ask the payer's phone for money."""
        body = {
            **self._said(charge.amount, charge.reference, charge.note),
            "payer": {"partyIdType": "MSISDN", "partyId": charge.phone.lstrip("+")},
        }
        news = charge.hook_url if charge.hook_url.startswith("https://") or _is_here(charge.base_url) else ""
        headers = {"X-Reference-Id": str(charge.reference)} | ({"X-Callback-Url": news} if news else {})
        return await self._begin(
            lambda: self._call("collection", charge.base_url, "requesttopay", headers, body),
            lambda: self.fetch(charge.reference, charge.base_url),
        )

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        """Ask what became of it."""
        return await self._look("collection", base_url, f"requesttopay/{reference}")

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        """Give back all or part of a payment."""
        body = {
            **self._said(wish.amount, wish.reference, "Refund"),
            "referenceIdToRefund": str(wish.of_reference),
        }
        headers = {"X-Reference-Id": str(wish.reference)}
        return await self._begin(
            lambda: self._call("disbursement", wish.base_url, "refund", headers, body),
            lambda: self.fetch_refund(wish),
        )

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        """Ask what became of a refund."""
        return await self._look("disbursement", wish.base_url, f"refund/{wish.reference}")

    async def alive(self, base_url: str) -> bool:
        """Say whether MTN answers; at once, without asking, while the circuit is open."""
        if self._wire.circuit(base_url).is_open:
            return False
        try:
            reply = await self._call("collection", base_url, "account/balance")
        except (Silence, TokenRefused):
            return False
        return reply.status == 200

    async def close(self) -> None:
        await self._wire.close()

    def _said(self, amount: Money, reference: UUID, note: str) -> dict[str, object]:
        plain = re.sub(r"[^A-Za-z0-9]+", " ", note).strip()[:_TEXT_LIMIT]
        return {
            "amount": str(amount.minor),
            "currency": self._config.currency if amount.currency == _HOME else amount.currency,
            "externalId": str(reference),
            "payerMessage": plain,
            "payeeNote": plain,
        }

    async def _begin(
        self, send: Callable[[], Awaitable[Reply]], ask: Callable[[], Awaitable[FetchAnswer]]
    ) -> StartAnswer:
        try:
            reply = await send()
        except TokenRefused as error:
            return Rejected(Reason.MISCONFIGURED, str(error))
        except Silence as silence:
            said = str(silence)
            return Unknown(said) if silence.may_have_arrived else Rejected(Reason.PROVIDER_DOWN, said)
        return await _begun(reply, ask)

    async def _look(self, product: str, base_url: str, path: str) -> FetchAnswer:
        try:
            reply = await self._call(product, base_url, path)
        except (Silence, TokenRefused) as trouble:
            return Unknown(str(trouble))
        if reply.status == 404:
            fault = reply.read(_Fault)
            return NotFound() if fault and fault.code == "RESOURCE_NOT_FOUND" else Unknown(reply.said)
        state = reply.read(_State) if reply.status == 200 else None
        return Unknown(reply.said) if state is None else self._became(state)

    def _became(self, state: _State) -> FetchAnswer:
        if state.status == "PENDING":
            return Waiting()
        if state.status == "FAILED":
            code = state.reason.code if isinstance(state.reason, _Why) else state.reason or ""
            said = state.reason.message if isinstance(state.reason, _Why) else ""
            return Failed(mtn_reason(code), f"{code} {said}".strip())
        amount = self._amount(state)
        if state.status != "SUCCESSFUL" or amount is None:
            return Unknown(f"status {state.status!r}, amount {state.amount!r}")
        phone = state.payer and e164(state.payer.partyId)
        return Paid(str(state.financial_transaction_id), amount, state.external_id, phone or None)

    def _amount(self, state: _State) -> Money | None:
        """Return the amount in our money: what the sandbox calls euros are francs there."""
        try:
            amount = Decimal(str(state.amount))
        except InvalidOperation:
            return None
        if not amount.is_finite() or amount != int(amount):
            return None
        return Money(int(amount), _HOME if state.currency == self._config.currency else state.currency)

    async def _call(
        self, product: str, base_url: str, path: str, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Reply:
        """Post the body, or get where there is none."""
        account = self._account(product)
        content = None if body is None else msgspec.json.encode(body)
        common = {
            "Ocp-Apim-Subscription-Key": account.key,
            "X-Target-Environment": self._config.environment,
            **({"Content-Type": "application/json"} if content is not None else {}),
            **(headers or {}),
        }
        return await self._wire.with_token(
            base_url,
            product,
            lambda: self._token(base_url, product, account),
            lambda token: self._wire.send(
                base_url,
                "GET" if content is None else "POST",
                f"/{product}/v1_0/{path}",
                {**common, "Authorization": f"Bearer {token}"},
                content,
            ),
        )

    def _account(self, product: str) -> Product:
        account = self._config.collection if product == "collection" else self._config.refunds
        if account is None:
            raise TokenRefused(
                "MTN_DISBURSEMENT_KEY, _USER and _SECRET are not set, so nothing can be given back by MTN"
            )
        return account

    async def _token(self, base_url: str, product: str, account: Product) -> tuple[str, float]:
        basic = b64encode(f"{account.user}:{account.secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {basic}",
            "Ocp-Apim-Subscription-Key": account.key,
            "X-Target-Environment": self._config.environment,
        }
        reply = await self._wire.send(base_url, "POST", f"/{product}/token/", headers, is_token=True)
        said = reply.read(_Token) or _Token()
        return token_of(reply, said.access_token, said.expires_in)


async def _begun(reply: Reply, ask: Callable[[], Awaitable[FetchAnswer]]) -> StartAnswer:
    """Return what the answer to a POST means. A 5xx is never believed: MTN is asked whether it has the request."""
    if reply.status in (202, 409):
        return Started()
    fault = reply.read(_Fault) or _Fault()
    reason = mtn_reason(fault.code)
    if reply.status >= 500:
        is_named = reason not in (Reason.OTHER, Reason.PROVIDER_DOWN) and fault.code != "INTERNAL_PROCESSING_ERROR"
        return Rejected(reason, reply.said) if is_named and await ask() == NotFound() else Unknown(reply.said)
    if reply.status == 429:
        return Rejected(Reason.PROVIDER_DOWN, reply.said)
    if 400 <= reply.status < 500:
        return Rejected(Reason.MISCONFIGURED if reason is Reason.OTHER else reason, reply.said)
    return Unknown(reply.said)


def _is_here(base_url: str) -> bool:
    return urlsplit(base_url).hostname in ("127.0.0.1", "localhost")
