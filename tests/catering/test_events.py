"""An event from the request to the paid invoice, and what may not happen on the way."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from dusangire.catering import queries, service
from dusangire.catering.queries import Event
from dusangire.catering.rules import EventStatus, Offer
from dusangire.catering.service import Asked, Quote
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.menu import queries as menu
from dusangire.payments import queries as payments
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from tests.make import Browser, Make

Open = Callable[[Actor | None], Browser]


def asked(**changes: object) -> Asked:
    facts: dict[str, object] = {
        "key": uuid4().hex, "title": "Training of nurses", "starts_at": clock.now() + timedelta(days=3),
        "place": "Hall 2", "heads": 30, "bill_to": "Nursing directorate",
    }  # fmt: skip
    return Asked(**(facts | changes))  # type: ignore[arg-type]


async def offer(actor: Actor, price: int = 1500, quantity: int = 30) -> Quote:
    code = sorted(await menu.cards(actor))[0]
    until = clock.local_day(clock.now(), actor.zone) + timedelta(days=2)
    return Quote((Offer(code, quantity, Money(price)),), Money(5000), until)


async def quoted(bosco: Actor, didier: Actor, **changes: object) -> UUID:
    with acting_as(bosco):
        made = await service.ask(bosco, asked(**changes))
    with acting_as(didier):
        await service.quote(didier, made, await offer(didier))
    return made


async def seen(actor: Actor, event: UUID) -> Event:
    with acting_as(actor):
        return await queries.event(actor, event)


@pytest.mark.req("K8", "CHK-3.3.10")
async def test_an_event_goes_from_the_request_to_the_paid_invoice(make: Make, bosco: Actor, didier: Actor) -> None:
    await make.menu()
    made = await quoted(bosco, didier)
    with acting_as(bosco):
        await service.accept(bosco, made, 1)
    with acting_as(didier):
        await service.start_event(didier, made)
        await service.deliver(didier, made)
        await service.paid(didier, made)
        assert (await seen(didier, made)).status is EventStatus.DELIVERED
        assert await payments.balance(didier, Account.EVENT_DUE, made) == Money(50_000)
        assert await payments.balance(didier, Account.EVENTS) == Money(-50_000)
        (invoice,) = await payments.payments_of(didier, made)
    assert (invoice.method, invoice.amount_minor, invoice.state) == (Method.BANK, 50_000, State.PENDING)
    assert invoice.code


@pytest.mark.req("K8")
async def test_a_newer_quote_must_be_read_before_it_is_accepted(make: Make, bosco: Actor, didier: Actor) -> None:
    await make.menu()
    made = await quoted(bosco, didier)
    with acting_as(didier):
        await service.quote(didier, made, await offer(didier, price=2000))
    with acting_as(bosco):
        with pytest.raises(Refusal, match="quote_changed"):
            await service.accept(bosco, made, 1)
        assert (await queries.event(bosco, made)).total_minor == 65_000
        await service.accept(bosco, made, 2)
    assert (await seen(bosco, made)).status is EventStatus.ACCEPTED


@pytest.mark.req("K8")
async def test_the_same_request_sent_twice_is_one_event(make: Make, bosco: Actor) -> None:
    with acting_as(bosco):
        wanted = asked()
        first, again = await service.ask(bosco, wanted), await service.ask(bosco, wanted)
        assert first == again
        assert len(await queries.mine_of(bosco)) == 1


async def test_only_who_asked_accepts_and_only_the_hospital_sees(
    make: Make, bosco: Actor, didier: Actor, diane: Actor
) -> None:
    await make.menu()
    made = await quoted(bosco, didier)
    with acting_as(didier), pytest.raises(NotHere):
        await service.accept(didier, made, 1)
    with acting_as(diane), pytest.raises(NotHere):
        await queries.event(diane, made)
    other = await (await make.other()).user("Jeanne Kayitesi", Role.KITCHEN)
    with acting_as(other), pytest.raises(NotHere):
        await queries.event(other, made)
    assert (await seen(didier, made)).id == made


async def test_the_kitchen_calls_an_event_off_and_says_why_but_nobody_else_does(
    make: Make, bosco: Actor, didier: Actor, diane: Actor
) -> None:
    await make.menu()
    made = await quoted(bosco, didier)
    with acting_as(diane), pytest.raises(NotHere):
        await service.cancel(diane, made, "not mine")
    with acting_as(didier):
        await service.cancel(didier, made, "No gas that day")
    found = await seen(bosco, made)
    assert (found.status, found.reason) == (EventStatus.CANCELLED, "No gas that day")
    with acting_as(bosco), pytest.raises(Refusal):
        await service.accept(bosco, made, 1)


@pytest.mark.req("K8")
async def test_accepted_events_stand_on_the_production_of_their_day(make: Make, bosco: Actor, didier: Actor) -> None:
    await make.menu()
    made = await quoted(bosco, didier)
    day = clock.local_day((await seen(bosco, made)).starts_at, bosco.zone)
    with acting_as(didier):
        assert await queries.produced(didier, day) == []
    with acting_as(bosco):
        await service.accept(bosco, made, 1)
    with acting_as(didier):
        (row,) = await queries.produced(didier, day)
    assert (row.quantity, row.about.partition(" ")[2]) == (30, "Training of nurses")


async def test_a_request_is_sent_over_the_page_and_a_wrong_one_keeps_what_was_typed(
    make: Make, bosco: Actor, browser: Open
) -> None:
    page = browser(bosco)
    typed = {
        "key": uuid4().hex, "title": "Feast of the ward", "starts_at": "2020-01-01T12:00", "place": "Garden", "heads": "40",
        "bill_to": "Ward A",
    }  # fmt: skip
    refused = await page.post("/catering/", typed)
    assert refused.status_code == 422
    assert "Feast of the ward" in refused.text
    assert "24 hours" in refused.text
    soon = clock.local(clock.now() + timedelta(days=2), bosco.zone)
    sent = await page.post("/catering/", typed | {"starts_at": soon.strftime("%Y-%m-%dT%H:%M")})
    assert sent.status_code == 303
    shown = await page.get(sent.headers["location"])
    assert "Feast of the ward" in shown.text
    assert "waits for a quote" in shown.text


@pytest.mark.req("CHK-3.3.10")
async def test_the_kitchen_quotes_over_the_page_and_a_wrong_row_keeps_all_rows(
    make: Make, bosco: Actor, didier: Actor, browser: Open
) -> None:
    await make.menu()
    with acting_as(bosco):
        made = await service.ask(bosco, asked())
    with acting_as(didier):
        code = sorted(await menu.cards(didier))[0]
    kitchen, day = browser(didier), (clock.now() + timedelta(days=2)).date().isoformat()
    rows = {"dish": [code, code], "quantity": ["30", "x"], "price": ["1500", "100"], "valid_until": day, "service": "0"}
    refused = await kitchen.post(f"/catering/{made}/quote", rows)
    assert refused.status_code == 422
    assert 'value="x"' in refused.text
    sent = await kitchen.post(f"/catering/{made}/quote", rows | {"quantity": ["30", "2"]})
    assert sent.status_code == 303
    client = browser(bosco)
    page = await client.get(f"/catering/{made}")
    assert "45,200" in page.text
    assert (await client.post(f"/catering/{made}/accept", {"quote_rev": "1"})).status_code == 303
    assert (await client.post(f"/catering/{made}/decline", {"reason": ""})).status_code == 422
    for verb in ("start", "deliver"):
        assert (await kitchen.post(f"/catering/{made}/{verb}")).status_code == 303
    assert "to be paid" in (await client.get(f"/catering/{made}")).text
    assert (await browser(didier).get("/catering/")).text.count(f"/catering/{made}") == 0
