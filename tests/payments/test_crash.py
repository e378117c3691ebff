"""Death at every seam of asking a provider, before and after each commit and each answer: the poller finds everything."""

import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from dusangire.kernel import clock
from dusangire.payments import jobs, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules.providers import Charge
from tests.make import Make
from tests.payments.hell import Clock, Crowd, Hell, Verdict, audit

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
CI, LONG = 70, 1500
_DIES = 0.12
# The seams: each is died at before it and after it.
SEAMS = (
    "mark_sent", "started", "confirm", "mark_refund_sent", "confirm_refund", "claim_payment", "claim_refund",
    "note_provider",
)  # fmt: skip


class Killed(BaseException):
    """The worker is gone, in the middle of what it did."""


class Reaper:
    """Lets calls die before they begin, or after they are done and committed and before anybody hears of it.

    The more intents a worker looks after in one round, the rarer each death: a round still gets as far as the refunds.
    """

    def __init__(self, luck: random.Random, intents: int) -> None:
        self.luck, self.deaths = luck, Counter[str]()
        self.dies = _DIES * min(1.0, CI / intents)
        self.is_busy = True

    def around(self, name: str, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def seam(*args: Any, **kwargs: Any) -> Any:
            self._perhaps(f"before {name}")
            answer = await act(*args, **kwargs)
            self._perhaps(f"after {name}")
            return answer

        return seam

    def _perhaps(self, seam: str) -> None:
        if self.is_busy and self.luck.random() < self.dies / 2:
            self.deaths[seam] += 1
            raise Killed(seam)


def _survived(act: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run a worker until it dies; the next one begins anew."""

    async def run(*args: Any) -> None:
        try:
            await act(*args)
        except Killed:
            return

    return run


async def _crash(make: Make, monkeypatch: pytest.MonkeyPatch, count: int) -> tuple[Verdict, Reaper]:
    print(f"seed {SEED}, {count} intents")
    luck, time = random.Random(SEED), Clock()
    hell, reaper = Hell(luck, time), Reaper(random.Random(SEED + 1), count)
    monkeypatch.setattr(clock, "now", time.now)
    for name in SEAMS:
        monkeypatch.setattr(service, name, reaper.around(name, getattr(service, name)))
    for name in ("start", "fetch", "refund", "fetch_refund"):
        setattr(hell, name, reaper.around(f"provider {name}", getattr(hell, name)))
    monkeypatch.setattr(jobs, "gateway", lambda _: hell)
    monkeypatch.setattr(jobs, "send", _survived(jobs.send))
    monkeypatch.setattr(jobs, "poll_payments", _survived(jobs.poll_payments))
    crowd = Crowd(make.app, luck, time, hell, [make.actor, (await make.other()).actor], is_doubling=False)
    try:
        await crowd.open(count)
        await crowd.live(24, 25)
        reaper.is_busy = False
        await crowd.settle_down()
        found = await audit(crowd)
    finally:
        await crowd.close()
    print(found, dict(reaper.deaths))
    return found, reaper


def _assert_clean(found: Verdict, reaper: Reaper) -> None:
    assert len(reaper.deaths) >= 16
    assert found.wrong_credits == found.without_effect == found.more_than_one_effect == 0
    assert found.not_ended == 0
    assert found.sent_more_than_asked == 0
    assert found.books_balance
    assert found.unexplained == 0


@pytest.mark.req("J2", "J3")
async def test_workers_that_die_at_every_seam_lose_and_repeat_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assert_clean(*await _crash(make, monkeypatch, CI))


@pytest.mark.long
@pytest.mark.req("J2", "J3")
async def test_workers_that_die_at_every_seam_lose_and_repeat_nothing_for_long(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assert_clean(*await _crash(make, monkeypatch, LONG))


@pytest.mark.req("J2")
async def test_who_sends_again_under_a_new_reference_charges_twice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: each sending mints a reference of its own, so that nobody can ask about it."""
    charge = jobs._charge

    def minted(one: Payment) -> Charge:
        return msgspec.structs.replace(charge(one), reference=uuid4())

    monkeypatch.setattr(jobs, "_charge", minted)
    found, _ = await _crash(make, monkeypatch, 30)
    assert found.sent_more_than_asked > 30
    assert found.unexplained != 0
