"""A provider from hell with books of its own, a clock that is wound by hand, and a crowd that pays through it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, fetch, fetch_value
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.gateways import hooks
from dusangire.payments.rules import Method, Purpose, State
from dusangire.payments.rules.ledger import Account
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
)

CLEARING = (Account.MTN_CLEARING, Account.AIRTEL_CLEARING)


class Clock:
    """Time that stands still until it is wound."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def wind(self, **step: float) -> None:
        self.at += timedelta(**step)


class Request(Struct):
    """What the provider has of one request, and what it will do with it."""

    charge: Charge
    fate: str
    ends_at: datetime
    number: str
    lies: int = 0


class Fate(Struct, frozen=True):
    name: str
    share: float


FATES = (
    Fate("approved", 0.55),
    Fate("declined", 0.08),
    Fate("forgotten", 0.06),
    Fate("silent", 0.01),
    Fate("late", 0.08),
    Fate("less", 0.04),
    Fate("more", 0.03),
    Fate("euros", 0.03),
    Fate("another_party", 0.04),
    Fate("another_reference", 0.04),
    Fate("nameless_amount", 0.04),
)
TRUE = frozenset({"approved", "late", "another_reference", "nameless_amount"})
MOVED = TRUE | {"less", "more", "another_party"}


class Hell:
    """Both networks. Answers get lost, arrive twice, contradict each other and lie; its books are the truth."""

    def __init__(self, luck: random.Random, time: Clock) -> None:
        self.luck, self.time = luck, time
        self.requests: dict[UUID, Request] = {}
        self.refunds: dict[UUID, int] = {}
        self.sent: Counter[UUID] = Counter()

    async def start(self, charge: Charge) -> StartAnswer:
        self.sent[charge.reference] += 1
        roll = self.luck.random()
        if roll < 0.04:
            return Rejected(Reason.PROVIDER_DOWN, "no connection")
        if roll < 0.10:
            return Unknown("never arrived")
        if charge.reference not in self.requests:
            fate = self.luck.choices([f.name for f in FATES], [f.share for f in FATES])[0]
            wait_s = self.luck.uniform(420, 1500) if fate == "late" else self.luck.uniform(1, 280)
            number = f"H{len(self.requests):07d}"
            self.requests[charge.reference] = Request(charge, fate, self.time.now() + timedelta(seconds=wait_s), number)
        return Unknown("answer lost") if roll < 0.18 else Started()

    async def fetch(self, reference: UUID, base_url: str) -> FetchAnswer:
        known = self.requests.get(reference)
        if known is None:
            return NotFound()
        if known.fate == "silent" or self.luck.random() < 0.08:
            return Unknown("timeout")
        if self.time.now() < known.ends_at or self.luck.random() < 0.05:
            return Waiting()
        return self._ended(known)

    def _ended(self, known: Request) -> FetchAnswer:
        asked, named = known.charge, str(known.charge.reference)
        match known.fate:
            case "declined":
                return Failed(Reason.DECLINED, "APPROVAL_REJECTED")
            case "forgotten":
                return Failed(Reason.EXPIRED, "EXPIRED")
            case "less" | "more":
                return Paid(known.number, self.money(known), named, asked.phone)
            case "euros":
                return Paid(known.number, Money(asked.amount.minor, "EUR"), named, asked.phone)
            case "another_party":
                return Paid(known.number, asked.amount, named, "+250788999999")
            case "another_reference" if known.lies < 1:
                known.lies += 1
                return Paid("H9" + known.number, asked.amount, str(uuid4()), asked.phone)
            case "nameless_amount":
                return Paid(known.number, None, named.replace("-", ""), None)
        return Paid(known.number, asked.amount, named, asked.phone)

    def money(self, known: Request) -> Money:
        more = {"less": -1, "more": 1}.get(known.fate, 0)
        return Money(known.charge.amount.minor + more)

    def taken(self, reference: UUID) -> int:
        """Return the francs that the books have under this reference."""
        known = self.requests.get(reference)
        if known is None or known.fate not in MOVED or self.time.now() < known.ends_at:
            return 0
        return self.money(known).minor

    def holds(self) -> int:
        return sum(self.taken(one) for one in self.requests) - sum(self.refunds.values())

    async def refund(self, wish: RefundWish) -> RefundAnswer:
        roll = self.luck.random()
        if roll < 0.1:
            return Unknown("never arrived")
        if self.taken(wish.of_reference) < wish.amount.minor:
            return Rejected(Reason.OTHER, "nothing to give back")
        self.refunds.setdefault(wish.reference, wish.amount.minor)
        return Unknown("answer lost") if roll < 0.3 else Started()

    async def fetch_refund(self, wish: RefundWish) -> FetchAnswer:
        if wish.reference not in self.refunds:
            return NotFound()
        if self.luck.random() < 0.2:
            return Waiting()
        return Paid(f"R{wish.reference.hex[:12]}", wish.amount, str(wish.reference), None)

    async def alive(self, base_url: str) -> bool:
        return True


class Intent(Struct):
    id: UUID
    actor: Actor
    subject: UUID
    reference: UUID
    method: Method
    amount: Money
    is_cancelled: bool = False


Body = Callable[[Intent], object]


class Crowd:
    """Everybody who pays, calls off, forges news and asks at once; and what became of it."""

    def __init__(
        self,
        app: Litestar,
        luck: random.Random,
        time: Clock,
        hell: Hell,
        actors: list[Actor],
        *,
        is_doubling: bool = True,
    ) -> None:
        self.is_doubling = is_doubling
        self.luck, self.time, self.hell, self.actors = luck, time, hell, actors
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000")
        self.intents: list[Intent] = []
        self.forged = self.heard = 0
        self.believes: Callable[[Intent], Paid] | None = None

    async def open(self, count: int) -> None:
        for _ in range(count):
            actor = self.luck.choice(self.actors)
            method = self.luck.choice([Method.MTN, Method.AIRTEL])
            amount, subject = Money(self.luck.randint(300, 9000)), uuid4()
            share = service.Share(method, amount, phone=f"+25078{self.luck.randint(1000000, 9999999)}")
            with acting_as(actor):
                made = await service.open_payment(actor, Purpose.PLAN, subject, share)
                one = await queries.payment(actor, made)
                self.intents.append(Intent(made, actor, subject, one.reference, method, amount))
                roll = self.luck.random()
                if roll < 0.9:
                    await jobs.send(actor, made)
                elif roll < 0.93:
                    await service.cancel(actor, subject)

    async def live(self, ticks: int, step_s: float) -> None:
        for _ in range(ticks):
            self.time.wind(seconds=step_s)
            await self._tick()

    async def settle_down(self) -> None:
        """Wind the clock on until everything that could be asked was asked."""
        for step in [60] * 12 + [180] * 8 + [3600] * 26:
            self.time.wind(seconds=step)
            for actor in self.actors:
                await self._workers(actor)
            if await self._is_quiet():
                return

    async def close(self) -> None:
        await self.http.aclose()

    async def _tick(self) -> None:
        for one in self.luck.sample(self.intents, max(1, len(self.intents) // 12)):
            await self._news(one)
        for one in self.luck.sample(self.intents, max(1, len(self.intents) // 60)):
            if not one.is_cancelled:
                one.is_cancelled = True
                with acting_as(one.actor):
                    await service.cancel(one.actor, one.subject)
        for actor in self.actors:
            await self._workers(actor)
            if self.is_doubling:
                await self._twice(actor)

    async def _workers(self, actor: Actor) -> None:
        """Two workers poll at once."""

        async def work() -> None:
            with acting_as(actor):
                await jobs.poll_payments(actor)

        await asyncio.gather(work(), work())

    async def _twice(self, actor: Actor) -> None:
        """The same answer comes three times at once."""
        mine = [one for one in self.intents if one.actor is actor and one.reference in self.hell.requests]

        async def again(one: Intent, answer: FetchAnswer) -> None:
            with acting_as(actor):
                await service.confirm(actor, one.id, answer, self.time.now())

        for one in self.luck.sample(mine, min(3, len(mine))):
            answer = await self.hell.fetch(one.reference, "")
            if not isinstance(answer, NotFound):
                await asyncio.gather(*(again(one, answer) for _ in range(3)))

    async def _news(self, one: Intent) -> None:
        """Send news: a third is lost, a third is forged or meant for somebody else, and bodies say what they like."""
        roll = self.luck.random()
        if roll < 0.3:
            return
        body = {"externalId": str(one.reference), "status": "SUCCESSFUL", "amount": "1", "currency": "EUR"}
        verb = self.luck.choice(["POST", "PUT"])
        if roll < 0.6:
            await self._forge(one, verb, body)
        elif one.method is Method.MTN:
            await self._send(verb, f"/hooks/momo/{one.id}/{hooks.token_of(one.id)}", body, 200)
            self.heard += 1
        else:
            path = hooks.airtel_hook_url().partition("/hooks")[2]
            await self._send(verb, f"/hooks{path}", {"transaction": {"id": one.reference.hex}}, 200)
            self.heard += 1
        if self.believes is not None:
            with acting_as(one.actor):
                await service.confirm(one.actor, one.id, self.believes(one), self.time.now())

    async def _forge(self, one: Intent, verb: str, body: dict[str, str]) -> None:
        other = self.luck.choice(self.intents)
        path = self.luck.choice(
            [
                f"/hooks/momo/{one.id}/{'0' * 64}",
                f"/hooks/momo/{uuid4()}/{hooks.token_of(one.id)}",
                f"/hooks/momo/{one.id}/{hooks.token_of(other.id if other is not one else uuid4())}",
                f"/hooks/airtel/{'f' * 64}",
            ]
        )
        await self._send(verb, path, body, 404)
        self.forged += 1

    async def _send(self, verb: str, path: str, body: object, status: int) -> None:
        answer = await self.http.request(verb, path, json=body)
        assert (answer.status_code, answer.content) == (status, b""), path

    async def _is_quiet(self) -> bool:
        return (
            await self._count("SELECT count(*) FROM payment WHERE hospital = $1 AND next_poll_at IS NOT NULL")
            == 0
            == (await self._count("SELECT count(*) FROM refund WHERE hospital = $1 AND next_poll_at IS NOT NULL"))
        )

    async def _count(self, sql: str) -> int:
        found = 0
        for actor in self.actors:
            with acting_as(actor):
                found += await fetch_value(sql, actor.hospital)
        return found


class Verdict(Struct, frozen=True):
    """What an auditor finds who has both books."""

    states: dict[str, int]
    wrong_credits: int
    without_effect: int
    more_than_one_effect: int
    not_ended: int
    unexplained: int
    sent_more_than_asked: int
    books_balance: bool


class _Effect(Struct, frozen=True):
    about: str
    n: int


async def audit(crowd: Crowd) -> Verdict:
    """Compare every payment with the provider's books, and both sums."""
    hell, states = crowd.hell, Counter[str]()
    wrong = lacking = doubled = open_ones = 0
    ours = quarantined = 0
    balanced = True
    for actor in crowd.actors:
        with acting_as(actor):
            effects = {
                row.about: row.n
                for row in await fetch(
                    _Effect,
                    """
                    SELECT about, count(*)::int AS n FROM (
                        SELECT about FROM entry WHERE hospital = $1 AND kind = 'paid'
                        UNION ALL SELECT 'payment:' || payment FROM refund WHERE hospital = $1 AND kind = 'late') AS x
                    GROUP BY about
                    """,
                    actor.hospital,
                )
            }
            for intent in (one for one in crowd.intents if one.actor is actor):
                one = await queries.payment(actor, intent.id)
                states[one.state] += 1
                credited = one.state in (State.PAID, State.LATE)
                taken = hell.taken(one.reference)
                is_true = taken == one.amount_minor and hell.requests[one.reference].fate in TRUE
                wrong += credited and not is_true
                lacking += is_true and not effects.get(one.about)
                doubled += effects.get(one.about, 0) > 1
                open_ones += one.state in (State.CREATED, State.PENDING, State.UNKNOWN) or one.next_poll_at is not None
                if one.state is State.QUARANTINED and one.answered_currency == "RWF":
                    quarantined += taken
            ours += sum([(await queries.balance(actor, account)).minor for account in CLEARING])
            open_ones += await fetch_value(
                "SELECT count(*) FROM refund WHERE hospital = $1 AND state IN ('created', 'pending')", actor.hospital
            )
            balanced = balanced and await queries.books_balance(actor)
    return Verdict(
        dict(states),
        wrong,
        lacking,
        doubled,
        open_ones,
        hell.holds() - ours - quarantined,
        sum(reference not in {one.reference for one in crowd.intents} for reference in hell.sent),
        balanced,
    )
