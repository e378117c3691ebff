"""What a provider remembers: payments, refunds, tokens, and the news it sent. In memory, bounded."""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

from dusangire.simulators.answers import Answer
from dusangire.simulators.knobs import EXPIRED, SUCCESS, Fault, Knobs, On, Outcome

T = TypeVar("T")
_KEPT = 20_000
KIGALI = timezone(timedelta(hours=2))


class Payment(Struct):
    """One request to pay. external: the caller's name for it. state: pending, successful or failed."""

    reference: str
    external: str
    amount: int
    currency: str
    phone: str
    note: str
    hook_url: str
    outcome: Outcome
    state: str = "pending"
    provider_ref: str = ""
    ended_at: datetime | None = None
    refunded: int = 0
    is_ignored: bool = False
    began_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))


class Refund(Struct):
    """Money given back. of: the payment's reference. outcome: how it ends."""

    reference: str
    of: str
    amount: int
    currency: str
    provider_ref: str
    outcome: Outcome
    at: datetime


class News(Struct, frozen=True):
    """A callback that was sent. status: of the answer, 0 where nobody answered."""

    provider: str
    reference: str
    method: str
    url: str
    body: str
    status: int
    at: datetime


class Sender:
    """Sends news and remembers it."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=5, trust_env=False)
        self.sent: deque[News] = deque(maxlen=_KEPT)

    async def send(self, provider: str, reference: str, method: str, url: str, body: bytes) -> None:
        status = 0
        try:
            answer = await self._client.request(method, url, content=body, headers={"Content-Type": "application/json"})
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            pass  # news is sent once; whoever missed it asks
        self.sent.append(News(provider, reference, method, url, body.decode(), status, datetime.now(UTC)))


class Till:
    """One provider's memory and its behaviour under the knobs."""

    def __init__(self, name: str, sender: Sender, defaults: Knobs, tell: Callable[[Payment], bytes]) -> None:
        self.name, self._sender, self._defaults, self._tell = name, sender, defaults, tell
        self._tasks: set[asyncio.Task[None]] = set()
        self.forget()

    def forget(self) -> None:
        """Begin anew, with every knob where it was."""
        for task in self._tasks:
            task.cancel()
        self.knobs = self._defaults
        self._faults: list[Fault] = []
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._random = random.Random(1)  # noqa: S311  which answers are lost is no secret

    def turn(self, knobs: Knobs) -> None:
        """Set the knobs; faults begin to count anew."""
        self.knobs = knobs
        self._faults = list(knobs.faults)

    async def answer(self, on: On, act: Callable[[], Awaitable[Answer]], fail: Callable[[int], Answer]) -> Answer:
        """Answer a call as the knobs want it: late, not at all, or after doing what was asked."""
        await asyncio.sleep(self.knobs.token_latency_s if on is On.TOKEN else self.knobs.latency_s)
        fault = self._take(on)
        if fault is not None and not fault.is_done:
            await asyncio.sleep(fault.wait_s)
            return fail(fault.status)
        done = await act()
        if fault is not None:
            await asyncio.sleep(fault.wait_s)
            return fail(fault.status)
        is_lost = on in (On.START, On.REFUND) and self._random.random() < self.knobs.lost_rate
        return fail(503) if is_lost else done

    def give_token(self, product: str, life_s: float) -> tuple[str, float]:
        """Return a new token of a product and its life in seconds: as documented, or the knob's."""
        token = secrets.token_urlsafe(24)
        life = life_s if self.knobs.token_s is None else self.knobs.token_s
        self._tokens[token] = (product, datetime.now(UTC) + timedelta(seconds=life))
        _bound(self._tokens)
        return token, life

    def is_token(self, header: str, product: str) -> bool:
        """Say whether an Authorization header carries a live token of this product."""
        known = self._tokens.get(header.removeprefix("Bearer "))
        return known is not None and known[0] == product and datetime.now(UTC) < known[1]

    async def take(self, payment: Payment) -> None:
        """Begin a payment: the prompt appears on the phone, and time runs."""
        self.payments[payment.reference] = payment
        _bound(self.payments)
        if self.knobs.is_early:
            await self.end(payment, payment.outcome)
        else:
            self._later(self._run(payment))

    def decide(self, payment: Payment, outcome: Outcome) -> None:
        """End a payment as the person at the phone says."""
        self._later(self.end(payment, outcome))

    async def end(self, payment: Payment, outcome: Outcome) -> None:
        """End a payment, once, and send the news."""
        if payment.state != "pending" or outcome.is_open:
            return
        self._set(payment, outcome)
        await self._send_news(payment)
        if payment.state == "failed" and self.knobs.late_success_s is not None:
            self._later(self._succeed_late(payment, self.knobs.late_success_s))

    def _set(self, payment: Payment, outcome: Outcome) -> None:
        payment.outcome = outcome
        payment.state = "failed" if outcome.mtn or outcome.airtel else "successful"
        payment.ended_at = datetime.now(UTC)
        if payment.state == "successful":
            payment.provider_ref = provider_ref(self.name)

    async def _run(self, payment: Payment) -> None:
        knobs, outcome = self.knobs, payment.outcome
        if outcome.is_open:
            return
        if knobs.auto_s is not None:
            await asyncio.sleep(knobs.auto_s * outcome.slowness)
        if knobs.auto_s is None or payment.is_ignored:
            await asyncio.sleep(knobs.expire_s)
            outcome = EXPIRED
        await self.end(payment, outcome)

    async def _succeed_late(self, payment: Payment, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._set(payment, SUCCESS)
        await self._send_news(payment)

    async def _send_news(self, payment: Payment) -> None:
        knobs, url = self.knobs, payment.hook_url or self.knobs.callback_url
        if not url:
            return
        method = knobs.callback_method or ("PUT" if self.name == "mtn" else "POST")
        await asyncio.sleep(knobs.callback_delay_s)
        bodies = [self._tell(payment)] * knobs.callbacks
        if knobs.is_reordered and bodies:
            state, payment.state = payment.state, "pending"
            bodies.append(self._tell(payment))
            payment.state = state
        for body in bodies:
            await self._sender.send(self.name, payment.reference, method, url, body)

    def _take(self, on: On) -> Fault | None:
        for place, fault in enumerate(self._faults):
            if fault.on is on:
                left = Fault(fault.on, fault.status, fault.times - 1, fault.is_done, fault.wait_s)
                self._faults[place : place + 1] = [left] if left.times > 0 else []
                return fault
        return None

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def provider_ref(name: str) -> str:
    """Return a new transaction number as the provider writes them."""
    if name == "mtn":
        return str(1_000_000_000 + secrets.randbelow(9_000_000_000))
    return f"MP{datetime.now(KIGALI):%y%m%d.%H%M}.{secrets.token_hex(3).upper()}"


def _bound(kept: dict[str, T]) -> None:
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))
