import asyncio

from dusangire.kernel import journal
from dusangire.kernel.db import transaction
from dusangire.kernel.live import Hub, stream
from dusangire.kernel.settings import settings


async def _hub(*, hears_notify=True):
    hub = Hub(settings().app_url())
    hub.hears_notify = hears_notify
    await hub.start()
    for _ in range(200):
        if hub.is_listening:
            return hub
        await asyncio.sleep(0.02)
    raise AssertionError("the hub does not listen")


async def _rung(hub, make, bell):
    with hub.listening(bell) as ear:
        ear.rung.clear()
        async with transaction():
            await journal.record(make.actor, "tray:moved", "tray:7", also=[bell])
        await asyncio.wait_for(ear.rung.wait(), 4)
        return True


async def test_a_bell_rings_after_the_commit(make):
    hub = await _hub()
    try:
        assert await _rung(hub, make, f"{make.actor.hospital}:bell")
    finally:
        await hub.stop()


async def test_a_lost_notify_is_made_good_by_the_poll(make):
    hub = await _hub(hears_notify=False)
    try:
        assert await _rung(hub, make, f"{make.actor.hospital}:quiet")
    finally:
        await hub.stop()


async def test_a_new_hub_ends_no_stream_for_what_happened_before_it_came(make, bosco):
    async with transaction():
        await journal.record(make.actor, "right:changed", f"user:{bosco.user}")
    hub = await _hub()
    try:
        with hub.listening(f"user:{bosco.user}") as ear:
            await asyncio.sleep(1.5)
            assert not ear.is_closed
            async with transaction():
                await journal.record(make.actor, "right:changed", f"user:{bosco.user}")
            await asyncio.wait_for(ear.rung.wait(), 4)
            assert ear.is_closed
    finally:
        await hub.stop()


async def test_a_stream_draws_at_once_and_again_for_each_ring_and_ends_when_told(make):
    hub = await _hub()
    drawn = []

    async def draw():
        drawn.append(len(drawn))
        return f"<p>{len(drawn)}</p>"

    answer = stream(hub, "shelf", draw=draw, gap_s=0)
    messages = answer.body_iterator
    try:
        assert "<p>1</p>" in str((await anext(messages)).data)
        asyncio.get_running_loop().call_later(0.05, hub.ring, "shelf")
        assert "<p>2</p>" in str((await asyncio.wait_for(anext(messages), 2)).data)
        asyncio.get_running_loop().call_later(0.05, hub.close, "shelf")
        assert [m async for m in messages] == []
    finally:
        await hub.stop()


async def test_viewers_of_the_same_thing_share_one_drawing_until_the_bell_rings():
    hub, drawn = Hub(""), []

    async def draw():
        drawn.append(1)
        await asyncio.sleep(0.01)
        return str(len(drawn))

    with hub.listening("board"):
        first = await asyncio.gather(*(hub.drawn_once("k", ("board",), draw) for _ in range(50)))
        hub.ring("board")
        assert (set(first), await hub.drawn_once("k", ("board",), draw)) == ({"1"}, "2")
    with hub.listening("board"):
        assert await hub.drawn_once("k", ("board",), draw) == "3"
