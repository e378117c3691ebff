"""How a provider is spoken to: explicit limits, one token for many calls, no blind resend, and a circuit that opens."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import msgspec
from msgspec import Struct

USER_AGENT = "Dusangire/1 (hospital meals)"
_CALL_S, _TOKEN_S = 10.0, 20.0
_FAILURES, _COOL_S = 5, 30.0
_BODY_LIMIT = 1_000_000

T = TypeVar("T")


class Silence(Exception):
    """No usable answer. may_have_arrived: False where the request surely was not carried out."""

    def __init__(self, said: str, *, may_have_arrived: bool) -> None:
        super().__init__(said)
        self.may_have_arrived = may_have_arrived


class TokenRefused(Exception):
    """The provider does not know our credentials; nothing was asked of it."""


class Reply(Struct, frozen=True):
    """What came back."""

    status: int
    body: bytes

    @property
    def said(self) -> str:
        """The answer in short, for the log and for finance."""
        return f"HTTP {self.status} {self.body[:300].decode(errors='replace')}".strip()

    def read(self, shape: type[T]) -> T | None:
        """Return the body in this shape; None where it has another."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


class _Token(Struct, frozen=True):
    text: str
    renew_at: float


class Circuit:
    """After some failures in a row nothing is asked for a while; then one call may try."""

    def __init__(self, failures: int = _FAILURES, cool_s: float = _COOL_S) -> None:
        self._limit, self._cool_s = failures, cool_s
        self._failures = 0
        self._closed_at = 0.0

    def lets_through(self) -> bool:
        """Say whether a call may be made. The first one after the pause keeps the others waiting for another pause."""
        if self._failures < self._limit:
            return True
        if time.monotonic() < self._closed_at:
            return False
        self._closed_at = time.monotonic() + self._cool_s
        return True

    @property
    def is_open(self) -> bool:
        return self._failures >= self._limit and time.monotonic() < self._closed_at

    def note(self, *, is_well: bool) -> None:
        self._failures = 0 if is_well else self._failures + 1
        if self._failures >= self._limit:
            self._closed_at = time.monotonic() + self._cool_s


class Wire:
    """One provider's connections, tokens and circuits, by address."""

    def __init__(self, call_s: float = _CALL_S, token_s: float = _TOKEN_S, cool_s: float = _COOL_S) -> None:
        self._call_s, self._token_s, self._cool_s = call_s, token_s, cool_s
        self._client = httpx.AsyncClient(headers={"User-Agent": USER_AGENT}, follow_redirects=False, trust_env=False)
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._circuits: dict[str, Circuit] = {}

    def circuit(self, base_url: str) -> Circuit:
        return self._circuits.setdefault(base_url, Circuit(cool_s=self._cool_s))

    async def send(
        self,
        base_url: str,
        method: str,
        path: str,
        headers: dict[str, str],
        content: bytes | None = None,
        *,
        is_token: bool = False,
    ) -> Reply:
        """Ask once and return the answer, whatever its status. Raises Silence."""
        circuit = self.circuit(base_url)
        if not circuit.lets_through():
            raise Silence("not asked: it did not answer several times in a row", may_have_arrived=False)
        limit_s = self._token_s if is_token else self._call_s
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._client.request(
                    method, base_url + path, headers=headers, content=content, timeout=httpx.Timeout(limit_s)
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            circuit.note(is_well=False)
            never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.InvalidURL)
            raise Silence(f"{type(error).__name__} {error}".strip(), may_have_arrived=not never) from error
        circuit.note(is_well=answer.status_code not in (502, 503, 504))
        return Reply(answer.status_code, answer.content[:_BODY_LIMIT])

    async def token(
        self, base_url: str, product: str, fetch: Callable[[], Awaitable[tuple[str, float]]], *, refused: str = ""
    ) -> str:
        """Return the token kept for this product, fetched anew shortly before its end or where `refused` is still kept.

        fetch: returns the token and its life in seconds. One fetch at a time; the others wait for it.
        """
        place = (base_url, product)
        async with self._locks.setdefault(place, asyncio.Lock()):
            kept = self._tokens.get(place)
            if kept is None or kept.text == refused or time.monotonic() >= kept.renew_at:
                text, life_s = await fetch()
                kept = _Token(text, time.monotonic() + life_s - min(60.0, life_s / 5))
                self._tokens[place] = kept
        return kept.text

    async def with_token(
        self,
        base_url: str,
        product: str,
        fetch: Callable[[], Awaitable[tuple[str, float]]],
        ask: Callable[[str], Awaitable[Reply]],
    ) -> Reply:
        """Ask with the token; once more with a new one after a 401, which says that nothing was carried out."""
        token = await self._token_or_silence(base_url, product, fetch)
        reply = await ask(token)
        if reply.status != 401:
            return reply
        return await ask(await self._token_or_silence(base_url, product, fetch, refused=token))

    async def _token_or_silence(
        self, base_url: str, product: str, fetch: Callable[[], Awaitable[tuple[str, float]]], refused: str = ""
    ) -> str:
        try:
            return await self.token(base_url, product, fetch, refused=refused)
        except Silence as silence:
            raise Silence(f"no token: {silence}", may_have_arrived=False) from silence

    async def close(self) -> None:
        await self._client.aclose()


def token_of(reply: Reply, token: str, life_s: str | int | None) -> tuple[str, float]:
    """Return a token and its life in seconds as a token answer gives them. Raises TokenRefused, Silence."""
    if reply.status in (400, 401, 403):
        raise TokenRefused(reply.said)
    try:
        life = float(life_s or 0)
    except ValueError:
        life = 0.0
    if reply.status != 200 or not token:
        raise Silence(reply.said, may_have_arrived=False)
    return token, life
