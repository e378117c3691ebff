"""A meal that the hospital's fund pays for looks like any other: in the kitchen, on the label, on the way and at the bed."""

import io
import re
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest
from pypdf import PdfReader

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.money import Money
from dusangire.orders import queries, service
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, Verb
from dusangire.orders.service import helping
from dusangire.payments import queries as money
from dusangire.payments.queries import funds as fund_queries
from dusangire.payments.rules import Method, Payer, State
from dusangire.payments.rules.funds import CameBy, Limits, Span, Why
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import funds_desk, funds_grants
from dusangire.payments.service.funds_desk import NewGift
from dusangire.payments.service.funds_grants import NewGrant
from tests.kitchen.conftest import Bedside, Tray
from tests.make import Browser, Make

Open = Callable[[Actor | None], Browser]


async def _fund(make: Make, amount: int = 50000, **facts: object) -> UUID:
    today = clock.local_day(clock.now(), make.actor.zone)
    with acting_as(make.actor):
        made = await funds_desk.make(make.actor, Limits(**({"name": "Friends", "serves_from": today} | facts)))
        await funds_desk.receive(make.actor, made, NewGift(uuid4().hex, Money(amount), CameBy.CASH, today))
    return made


async def _grant(nurse: Actor, patient: UUID) -> None:
    with acting_as(nurse):
        await funds_grants.grant(nurse, patient, NewGrant(Span.STAY, Why.CANNOT_PAY))


def _plain(answer: httpx.Response) -> str:
    """Return what a person sees of an answer: without what is new in every drawing of a page."""
    assert answer.status_code == 200, answer.text[:200]
    text = re.sub(r'nonce="[^"]*"|name="_token" value="[^"]*"|data-judged="\d+"', "", answer.text)
    return re.sub(r"\b\d{1,2}:\d{2}(:\d{2})?\b", "", text)


async def _paper(cook: Browser, order: UUID) -> str:
    answer = await cook.get(f"/kitchen/tickets/{order}.pdf")
    assert answer.content.startswith(b"%PDF")
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)


async def _seen(people: dict[Role, Browser], shown: Ticket) -> dict[str, str]:
    """Return every page on which the kitchen, the carriers and other patients could see something of this tray."""
    cook, carrier, nurse, other = (people[one] for one in (Role.KITCHEN, Role.DELIVERY, Role.NURSE, Role.PATIENT))
    pages = {
        path: _plain(await cook.get(path))
        for path in (
            "/kitchen/", "/kitchen/history", f"/kitchen/tickets/{shown.id}", f"/tray/{shown.tray_token}",
            "/kitchen/production/", f"/kitchen/orders/{shown.id}/problem",
        )
    }  # fmt: skip
    pages["label"] = await _paper(cook, shown.id)
    pages |= {path: _plain(await carrier.get(path)) for path in ("/delivery/", f"/delivery/{shown.id}/hand-over")}
    pages["/wards/"] = _plain(await nurse.get("/wards/"))
    pages["/patient/"] = _plain(await other.get("/patient/"))
    return pages


@pytest.fixture
async def people(make: Make, browser: Open, didier: Actor, esther: Actor, bosco: Actor) -> dict[Role, Browser]:
    neighbour = await make.patient("Neighbour", "Bed")
    return {one.role: browser(one) for one in (didier, esther, bosco, neighbour)}


async def _carried(make: Make, tray: Tray, people: dict[Role, Browser], method: Method) -> Ticket:
    """A tray that its carrier has collected."""
    shown = await tray(status=Status.READY, method=method)
    with acting_as(make.actor):
        await service.advance(people[Role.DELIVERY].actor, shown.id, Verb.COLLECT)
        return await queries.ticket(make.actor, shown.id)


@pytest.mark.req("J10", "O2")
async def test_no_page_of_kitchen_carrier_or_label_tells_a_helped_tray_from_a_paid_one(
    make: Make, tray: Tray, people: dict[Role, Browser], bedside: Bedside
):
    fund = await _fund(make)
    shown = await _carried(make, tray, people, Method.HOSPITAL_ACCOUNT)
    paid = await _seen(people, shown)
    await _grant(bedside.nurse, bedside.id)
    with acting_as(make.actor):
        assert await helping.pay_by_grant(make.actor, bedside.id) == 1
    helped = await _seen(people, shown)
    assert [path for path in paid if paid[path] != helped[path]] == []
    with acting_as(make.actor):
        assert [one.source for one in await money.payments_of(make.actor, shown.id) if one.state is State.PAID] == [
            fund
        ]


@pytest.mark.req("J10")
async def test_the_same_look_does_see_that_cash_is_due(
    make: Make, tray: Tray, people: dict[Role, Browser], bedside: Bedside
):
    """Negative control: what the carrier has to collect is on the pages, and gone once the fund pays."""
    await _fund(make)
    shown = await _carried(make, tray, people, Method.CASH)
    due = await _seen(people, shown)
    await _grant(bedside.nurse, bedside.id)
    with acting_as(make.actor):
        await helping.pay_by_grant(make.actor, bedside.id)
    helped = await _seen(people, shown)
    assert f"/delivery/{shown.id}/hand-over" in [path for path in due if due[path] != helped[path]]


@pytest.mark.req("J10", "J14")
async def test_a_grant_pays_what_was_ordered_before_it_and_nothing_twice(make: Make, bedside: Bedside, bosco: Actor):
    fund = await _fund(make)
    order = await bedside.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    await _grant(bosco, bedside.id)
    with acting_as(make.actor):
        assert await helping.pay_by_grant(make.actor, bedside.id) == 1
        assert await helping.pay_by_grant(make.actor, bedside.id) == 0
        live = [
            one for one in await money.payments_of(make.actor, order.id) if one.state in (State.PAID, State.CHARGED)
        ]
        assert [(one.method, one.payer, one.amount) for one in live] == [(Method.FUND, Payer.SPONSOR, order.total)]
        assert (await money.balance(make.actor, Account.ADMISSION_RECEIVABLE)).minor == 0
        left = (await fund_queries.fund(make.actor, fund)).left_minor
        assert left == 50000 - order.total.minor
        await service.cancel(bedside.nurse, order.id)
        assert (await fund_queries.fund(make.actor, fund)).left_minor == 50000
        assert -(await money.balance(make.actor, Account.SPONSOR_FUND, fund)).minor == 50000
        assert await money.books_balance(make.actor)


@pytest.mark.req("J10")
async def test_a_fund_that_cannot_pay_a_share_whole_leaves_it_and_itself_as_they_were(
    make: Make, bedside: Bedside, bosco: Actor
):
    fund = await _fund(make, 300)
    order = await bedside.order("CHK-STW")
    await _grant(bosco, bedside.id)
    with acting_as(make.actor):
        assert await helping.pay_by_grant(make.actor, bedside.id) == 0
        assert (await fund_queries.fund(make.actor, fund)).left_minor == 300
        live = await money.payments_of(make.actor, order.id)
        assert [(one.method, one.state) for one in live] == [(Method.CASH, State.PENDING)]


@pytest.mark.req("J10")
async def test_a_tray_that_waits_for_a_telephone_goes_to_the_kitchen_when_the_nurse_helps(
    make: Make, bedside: Bedside, bosco: Actor
):
    await _fund(make)
    order = await bedside.order("CHK-STW", method=Method.MTN, phone="0788000111")
    assert order.status is Status.AWAITING_PAYMENT
    await _grant(bosco, bedside.id)
    with acting_as(make.actor):
        assert await helping.pay_by_grant(make.actor, bedside.id) == 1
        assert (await queries.order(make.actor, order.id)).status is Status.CONFIRMED


@pytest.mark.req("J10")
async def test_a_patient_who_cannot_pay_orders_all_the_same(make: Make, bedside: Bedside):
    await _fund(make, helps_at_once=True)
    order = await bedside.order("CHK-STW", method=Method.FUND)
    assert order.status is Status.CONFIRMED
    with acting_as(make.actor):
        assert [one.method for one in await money.payments_of(make.actor, order.id)] == [Method.FUND]


@pytest.mark.req("J10")
async def test_where_no_fund_helps_by_itself_the_meal_comes_and_the_ward_is_asked(make: Make, bedside: Bedside):
    await _fund(make)
    order = await bedside.order("CHK-STW", method=Method.FUND)
    assert order.status is Status.CONFIRMED
    with acting_as(make.actor):
        assert [one.method for one in await money.payments_of(make.actor, order.id)] == [Method.HOSPITAL_ACCOUNT]
        sql = "SELECT count(*) FROM task WHERE hospital = $1 AND kind = 'help_with_cost' AND done_at IS NULL"
        assert await fetch_value(sql, make.actor.hospital) == 1
        await _grant(bedside.nurse, bedside.id)
        assert await fetch_value(sql, make.actor.hospital) == 0


@pytest.mark.req("J10")
async def test_a_patient_who_is_helped_is_told_so_and_pays_nothing_however_they_choose(
    make: Make, browser: Open, bedside: Bedside, bosco: Actor
):
    await _fund(make)
    sitting = await bedside.sitting()
    await bedside.choose("CHK-STW")
    own, path = browser(bedside.patient), f"/checkout/?day={sitting.day}&period=lunch"
    assert "meal fund pays for this meal" not in (await own.get(path)).text
    await _grant(bosco, bedside.id)
    page = await own.get(path)
    assert "meal fund pays for this meal" in page.text
    with acting_as(make.actor):
        await service.clear(bedside.patient, bedside.id, sitting)
    order = await bedside.order("CHK-STW", method=Method.CASH)
    with acting_as(make.actor):
        assert [one.method for one in await money.payments_of(make.actor, order.id)] == [Method.FUND]
