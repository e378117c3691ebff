"""P1: everything is killed at random while patients order and pay over HTTP, and every franc and every tray is accounted for.

A whole installation of its own: embedded PostgreSQL (fsync on), web server, worker and the simulated providers under
the supervisor of `dusangire serve`. The seams at which answers get lost are named in kills/seams.py.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.payments.kills.audit import Verdict, audit, mails
from tests.payments.kills.lasting import AUTO_S
from tests.payments.kills.phones import Phone, Plan
from tests.payments.kills.running import House, running
from tests.payments.kills.seams import SEAMS, Seams

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
_NAME = f"test_{os.environ.get('DUSANGIRE_TEST_DB', 'suite')}_kills"
IN_CI, AT_LENGTH, IN_CONTROL = 100, 5000, 24
_LINES = 24


class Share(Struct, frozen=True):
    """How long a run is and what dies in it. rate: of each seam, or of `seam` alone; auto_s: how long a telephone takes to pay;
    quiet_s: how long the worker may take until nothing is left to do.
    """

    window_s: float
    kills: dict[str, int]
    rate: float = 0.01
    seam: str = ""
    auto_s: float = AUTO_S
    callbacks: tuple[int, ...] = (0, 1, 2, 3)
    is_cut_short: bool = False
    quiet_s: float = 300


CI = Share(24, {"postgres": 2, "web": 1, "web worker": 1, "worker": 3, "provider": 1})
LONG = Share(420, {"postgres": 6, "web": 5, "web worker": 4, "worker": 7, "provider": 3}, quiet_s=1500)
DEAF = Share(3, {}, rate=0.5, seam="order: answer lost")
FORGETFUL = Share(3, {}, auto_s=6, callbacks=(0,), is_cut_short=True)


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    crowds = {"keys kept": IN_CI, "kept, deaf": IN_CONTROL, "fresh, deaf": IN_CONTROL, "forgetful": IN_CONTROL}
    async with running(_NAME, crowds, Seams(SEED)) as there:
        yield there


async def _play(house: House, plans: dict[str, Plan], share: Share) -> dict[str, tuple[list[Phone], Verdict]]:
    """Let crowds order while things die, wait until all is quiet, and look at the books."""
    luck, began, crowds = random.Random(SEED), time.monotonic(), house.crowds()
    print(f"\nseed {SEED}: {', '.join(plans)}")
    limits = httpx.Limits(max_connections=_LINES, max_keepalive_connections=_LINES)
    async with httpx.AsyncClient(base_url=house.address, timeout=httpx.Timeout(20, pool=120), limits=limits) as http:
        key = house.said.derive("form token")
        phones = {
            name: [
                Phone(http, crowds[name], who, key, plan, random.Random(luck.random())) for who in crowds[name].people
            ]
            for name, plan in plans.items()
        }
        house.seams.begin(share.rate, share.seam)
        weather = asyncio.create_task(_weather(house, share, luck))
        reapers = [_reap(house, share, luck), *([_reap_in_the_middle(house)] if share.is_cut_short else [])]
        await asyncio.gather(*reapers, *(one.live() for each in phones.values() for one in each))
        house.seams.calm()
        weather.cancel()
        ordered_s = time.monotonic() - began
        await house.knobs(callbacks=1, auto_s=share.auto_s)
        await house.until_ready()
        await _quiet(house, [crowds[name].hospital for name in plans], share.quiet_s)
        await asyncio.gather(*(one.think_twice() for each in phones.values() for one in each))
        await _quiet(house, [crowds[name].hospital for name in plans], share.quiet_s)
    house.seams.end()
    _tell(house, ordered_s, time.monotonic() - began)
    found = {name: (each, await audit(house, each)) for name, each in phones.items()}
    for name, (each, verdict) in found.items():
        ways = dict(Counter(phone.way for phone in each))
        print(f"{name}: {len(each)} checkouts {ways}, {sum(one.tries for one in each)} tries, wrong: {verdict.wrong}")
    return found


def _tell(house: House, ordered_s: float, quiet_s: float) -> None:
    back = [round(one, 2) for one in house.database_s]
    print(f"{len(house.kills)} kills {dict(Counter(house.kills))}, PostgreSQL back after {back} s")
    print(f"seams struck {dict(house.seams.struck)}, mails and second mails {mails(house)}")
    print(f"ordered in {ordered_s:.0f} s, quiet after {quiet_s:.0f} s")


async def _reap(house: House, share: Share, luck: random.Random) -> None:
    """Kill at random moments, one after the other."""
    names = [name for name, many in share.kills.items() for _ in range(many)]
    luck.shuffle(names)
    moments = sorted(luck.uniform(1, share.window_s) for _ in names)
    began = time.monotonic()
    for name, moment in zip(names, moments, strict=True):
        await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
        while not await house.kill(name):  # noqa: ASYNC110  who starts it again tells nobody
            await asyncio.sleep(0.1)


async def _reap_in_the_middle(house: House) -> None:
    """Kill the worker once, while telephones ask for a PIN on its behalf."""
    async with asyncio.timeout(90):
        while await house.waiting() < 3:  # noqa: ASYNC110  the provider tells nobody
            await asyncio.sleep(0.2)
    await house.kill("worker")


async def _weather(house: House, share: Share, luck: random.Random) -> None:
    """News is lost, comes once, twice or three times."""
    while True:
        await house.knobs(callbacks=luck.choice(share.callbacks), lost_rate=0.01, auto_s=share.auto_s)
        await asyncio.sleep(1)


async def _quiet(house: House, hospitals: list[int], limit_s: float) -> None:
    """Wait until nobody has anything left to do. Waiting times are shortened: what is due later is due now."""
    async with house.owner() as sql, asyncio.timeout(limit_s):
        while await sql.fetchval(_UNDONE, hospitals):
            for table in ("payment", "refund"):
                await sql.execute(
                    f"UPDATE {table} SET next_poll_at = now() WHERE hospital = ANY ($1::int[]) AND next_poll_at > now() + interval '3 s'",
                    hospitals,
                )
            await asyncio.sleep(1)


_UNDONE = """
    SELECT (SELECT count(*) FROM payment WHERE hospital = ANY ($1::int[]) AND next_poll_at IS NOT NULL)
         + (SELECT count(*) FROM refund WHERE hospital = ANY ($1::int[]) AND next_poll_at IS NOT NULL)
         + (SELECT count(*) FROM event WHERE relayed_at IS NULL)
         + (SELECT count(*) FROM jobs.saq_jobs WHERE key ~ '^[0-9]+:' AND status IN ('new', 'queued', 'active'))
         + (SELECT count(*) FROM meal_order o WHERE o.hospital = ANY ($1::int[]) AND status = 'awaiting_payment' AND EXISTS (
                SELECT FROM payment p WHERE p.hospital = o.hospital AND p.subject = o.id AND p.state = 'paid'))
"""


def _assert_clean(house: House, phones: Sequence[Phone], found: Verdict) -> None:
    assert not found.wrong
    assert len({phone.order for phone in phones}) == len(phones)
    assert not [pid for pid in house.left_behind if Path(f"/proc/{pid}").exists()], "a killed web server left a worker"
    assert set(house.seams.struck) == set(SEAMS)
    assert mails(house)[1] <= len(house.kills)


@pytest.mark.req("J2", "J3")
async def test_whatever_is_killed_no_tray_and_no_franc_is_lost_or_doubled(house: House) -> None:
    played = await _play(house, {"keys kept": Plan(CI.window_s)}, CI)
    _assert_clean(house, *played["keys kept"])


@pytest.mark.req("J2")
async def test_who_asks_again_with_a_fresh_key_orders_twice(house: House) -> None:
    """The negative control of the key: every other answer is lost on its way to two crowds, one keeps its keys."""
    kept, fresh = Plan(DEAF.window_s, digit=4), Plan(DEAF.window_s, fresh_keys=True, digit=2)
    played = await _play(house, {"kept, deaf": kept, "fresh, deaf": fresh}, DEAF)
    assert played["kept, deaf"][1].twice_by_wish == 0
    assert played["fresh, deaf"][1].twice_by_wish > 0


@pytest.mark.req("J3")
async def test_a_reference_that_is_not_committed_before_it_is_sent_charges_twice(house: House) -> None:
    """The negative control of the reference: a worker that alone knows under which name it asked for money."""
    await house.forget(on=True)
    try:
        found = await _play(house, {"forgetful": Plan(FORGETFUL.window_s, only="mtn", digit=3)}, FORGETFUL)
    finally:
        await house.forget(on=False)
    assert found["forgetful"][1].unexplained > 0


@pytest.mark.long
@pytest.mark.req("J2", "J3")
async def test_whatever_is_killed_for_long_no_tray_and_no_franc_is_lost_or_doubled() -> None:
    async with running(f"{_NAME}_long", {"long": AT_LENGTH}, Seams(SEED)) as house:
        played = await _play(house, {"long": Plan(LONG.window_s)}, LONG)
        _assert_clean(house, *played["long"])
        assert max(house.database_s) <= 5
