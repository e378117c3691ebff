"""A provider that loses, repeats, delays, contradicts and lies, and strangers who forge its news: no franc is wrong."""

import os
import random

import pytest

from dusangire.kernel import clock
from dusangire.kernel.money import Money
from dusangire.payments import jobs
from dusangire.payments.rules.providers import Paid
from dusangire.payments.service import confirming
from tests.make import Make
from tests.payments.hell import Clock, Crowd, Hell, Intent, Verdict, audit

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
CI, LONG = 160, 5000


async def _hell(make: Make, monkeypatch: pytest.MonkeyPatch, count: int, *, believes: bool = False) -> Verdict:
    print(f"seed {SEED}, {count} intents")
    luck, time = random.Random(SEED), Clock()
    hell = Hell(luck, time)
    monkeypatch.setattr(clock, "now", time.now)
    monkeypatch.setattr(jobs, "gateway", lambda _: hell)
    crowd = Crowd(make.app, luck, time, hell, [make.actor, (await make.other()).actor])
    if believes:
        crowd.believes = _as_the_body_says
    try:
        await crowd.open(count)
        await crowd.live(12, 10)
        await crowd.live(12, 45)
        await crowd.settle_down()
        found = await audit(crowd)
    finally:
        await crowd.close()
    print(found, f"{crowd.forged} forged, {crowd.heard} heard")
    return found


def _as_the_body_says(one: Intent) -> Paid:
    return Paid(f"B{one.id.hex}", Money(one.amount.minor), str(one.reference), None)


def _assert_clean(found: Verdict) -> None:
    assert found.wrong_credits == 0
    assert found.without_effect == 0
    assert found.more_than_one_effect == 0
    assert found.not_ended == 0
    assert found.sent_more_than_asked == 0
    assert found.books_balance
    assert found.unexplained == 0
    assert {"paid", "late", "failed", "expired", "cancelled", "quarantined"} <= set(found.states)


@pytest.mark.req("J2", "J3", "J14")
async def test_no_franc_is_credited_wrongly_lost_or_credited_twice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_clean(await _hell(make, monkeypatch, CI))


@pytest.mark.long
@pytest.mark.req("J2", "J3", "J14")
async def test_no_franc_is_wrong_among_thousands(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_clean(await _hell(make, monkeypatch, LONG))


@pytest.mark.req("J2")
async def test_who_believes_the_body_of_the_news_credits_what_was_never_paid(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the same crowd, but news is taken at its word."""
    found = await _hell(make, monkeypatch, 60, believes=True)
    assert found.wrong_credits > 0
    assert found.unexplained != 0


@pytest.mark.req("J2")
async def test_who_does_not_compare_credits_other_amounts_and_other_peoples_money(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the provider is asked, but its answer is not compared."""
    monkeypatch.setattr(confirming, "mismatch", lambda asked, answer: None)
    found = await _hell(make, monkeypatch, 100)
    assert found.wrong_credits > 0
