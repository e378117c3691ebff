"""The hospital's own page, and that its number of minutes is the one hand-overs are judged by."""

from collections.abc import Callable

from dusangire.accounts import queries
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.orders import queries as orders
from tests.make import Browser, Make

Open = Callable[[Actor | None], Browser]
_PAGE = "/admin/hospital/"


async def test_an_admin_sets_how_long_a_tray_may_stand(make: Make, grace: Actor, browser: Open) -> None:
    page = browser(grace)
    assert 'value="90"' in (await page.get(_PAGE)).text
    said = {"name": "Ibitaro bya Kibagabaga", "phone": "+250788000111", "tray_minutes": "45"}
    assert (await page.post(_PAGE, said)).status_code == 303
    assert "Saved" in (await page.get(_PAGE + "?saved=1")).text
    with acting_as(grace):
        assert await orders.tray_minutes(grace) == 45
    other = await make.other()
    with acting_as(other.actor):
        assert (await queries.hospital_facts(other.actor)).tray_minutes == 90


async def test_a_number_outside_what_is_safe_is_refused_and_kept(grace: Actor, browser: Open) -> None:
    refused = await browser(grace).post(_PAGE, {"name": "Ibitaro", "tray_minutes": "600"})
    assert refused.status_code == 422
    assert 'value="600"' in refused.text
    with acting_as(grace):
        assert await orders.tray_minutes(grace) == 90


async def test_nobody_else_changes_it(bosco: Actor, browser: Open) -> None:
    assert (await browser(bosco).get(_PAGE)).status_code == 403
    assert (await browser(bosco).post(_PAGE, {"name": "X hospital", "tray_minutes": "20"})).status_code == 403
