"""The open page of a payment: drawn at once and at each bell of its own tray, to its end, and nothing of anybody else."""

from collections.abc import Callable
from uuid import UUID

import pytest

from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record
from dusangire.payments.service import news
from tests.make import Browser, Make
from tests.payments.buy.conftest import MTN_NUMBER, Till
from tests.payments.buy.test_trouble import NEVER, NO_FUNDS
from tests.payments.simulated import Providers
from tests.streams import listening


@pytest.mark.req("J14", "N7")
async def test_the_page_follows_a_payment_from_the_prompt_to_the_kitchen_in_one_stream(
    till: Till, providers: Providers
) -> None:
    order = await till.place("mtn", phone=NEVER)
    async with listening(till.bedside.make.app, till.browser, f"/orders/{order.id}/pay/live") as page:
        assert "Check your phone" in await page.next()
        await till.work()
        assert "Check your phone" in await page.next()
        one = (await till.payments(order.id))[0]
        providers.press("mtn", str(one.reference), "approve")
        await till.answers(order.id)
        assert "Nothing is left to pay" in await page.until(lambda said: "Nothing is left to pay" in said)


@pytest.mark.req("J14")
async def test_why_a_payment_failed_comes_to_the_open_page(till: Till, providers: Providers) -> None:
    order = await till.place("mtn", phone=NO_FUNDS)
    async with listening(till.bedside.make.app, till.browser, f"/orders/{order.id}/pay/live") as page:
        await till.work()
        await till.answers(order.id)
        told = await page.until(lambda said: "There is not enough money" in said)
        assert 'value="mtn"' in told, "the same number once more is one tap away"


@pytest.mark.req("J14")
async def test_a_bell_of_ones_account_would_end_the_stream_before_it_says_anything(
    till: Till, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: news of money that also rang for its payer's rights closed the page that waited for it."""
    order = await till.place("mtn", phone=NEVER)

    async def rings_for_rights(actor: Actor, kind: str, about: str, *, also: list[str], **facts: object) -> int:
        return await record(actor, kind, about, also=[*also, f"user:{till.bedside.patient.user}"], **facts)

    monkeypatch.setattr(news, "record", rings_for_rights)
    async with listening(till.bedside.make.app, till.browser, f"/orders/{order.id}/pay/live") as page:
        assert "Check your phone" in await page.next()
        await till.work()
        assert await page.is_quiet()


@pytest.mark.req("N7", "J14")
async def test_nothing_of_another_patients_money_comes_to_the_page(
    till: Till, providers: Providers, make: Make, browser: Callable[[Actor | None], Browser], ines: Actor
) -> None:
    order = await till.place("mtn", phone=NEVER)
    neighbour, relative = await make.patient("Other", "Patient"), await make.caregiver(till.bedside.patient)
    for stranger in (neighbour, ines):
        async with listening(make.app, browser(stranger), f"/orders/{order.id}/pay/live") as page:
            assert await page.started() == 404
    async with listening(make.app, browser(relative), f"/orders/{order.id}/pay/live") as page:
        assert order.code in await page.next(), "who may order for the patient may also see how it is paid"
    async with listening(make.app, till.browser, f"/orders/{order.id}/pay/live") as page:
        assert order.code in await page.next()
        other = await till.place("mtn", period="dinner", phone=MTN_NUMBER)
        await _ring(till.actor, other.id)
        assert await page.is_quiet(), "the bell of another tray"
        await _ring(till.actor, order.id)
        told = await page.next()
        assert order.code in told
        assert other.code not in told


async def _ring(actor: Actor, order: UUID) -> None:
    async with transaction():
        await record(actor, "payment:looked_at", f"payment:{order}", also=[f"order:{order}"])
