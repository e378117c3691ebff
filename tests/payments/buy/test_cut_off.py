"""At the cut-off of a tray that nobody has paid: who is told, who decides, and money that comes after all."""

from collections.abc import Callable

import pytest

from dusangire.diets.queries import open_tasks
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.orders import service
from dusangire.orders.rules import Status, Verb
from dusangire.payments import jobs as payment_jobs
from dusangire.payments import queries as money
from dusangire.payments.rules.ledger import Account
from tests.make import Browser, Make
from tests.payments.buy.conftest import MTN_NUMBER, Till, subjects
from tests.payments.buy.test_trouble import NEVER, at_cutoff, keep_late_money, late, states
from tests.payments.simulated import Providers


async def ceiling(till: Till, minor: int) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = $2 WHERE hospital = $1", till.actor.hospital, minor)


@pytest.mark.req("J8", "J14", "J2")
@pytest.mark.parametrize("gives_back", [True, False])
@pytest.mark.parametrize(
    ("room", "becomes", "paid"), [(2000, Status.CONFIRMED, ["late", "charged"]), (1999, Status.EXPIRED, ["late"])]
)
async def test_money_that_comes_after_the_cut_off_goes_back_whatever_was_decided(
    till: Till,
    providers: Providers,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    becomes: Status,
    paid: list[str],
    *,
    gives_back: bool,
) -> None:
    await ceiling(till, room)
    order = await till.place("mtn", phone=NEVER)
    await till.work()
    await payment_jobs.poll_payments(till.actor)
    await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert (await till.order(order.id)).status is becomes
    if not gives_back:
        keep_late_money(monkeypatch)
    providers.press("mtn", str((await till.payments(order.id))[0].reference), "approve")
    await late(till, order.id)
    assert (await till.order(order.id)).status is becomes
    assert await states(till, order.id) == paid
    back = [(one.kind, one.amount_minor) for one in await money.refunds_of(till.actor, order.id)]
    assert back == ([("late", 2000)] if gives_back else [])
    if gives_back:
        assert await till.due(order.id) == 0
        assert await till.balance(Account.MEALS) == (-2000 if becomes is Status.CONFIRMED else 0)
        assert await money.books_balance(till.actor)


@pytest.mark.req("J10", "J14")
async def test_the_relative_who_ordered_is_told_and_the_nurses_of_the_ward_are_asked_once(
    till: Till,
    make: Make,
    browser: Callable[[Actor | None], Browser],
    bosco: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ceiling(till, 0)
    relative = await make.caregiver(till.bedside.patient)
    order = await Till(till.bedside, browser(relative)).place("mtn", phone=MTN_NUMBER)
    await at_cutoff(till, monkeypatch, order.id, minutes=-9)
    for _ in range(2):
        await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert await subjects(relative.user) == [
        f"Order {order.code} waits for its payment",
        f"Order {order.code} was not paid",
    ]
    assert await subjects(till.bedside.patient.user) == []
    asked = [one for one in await subjects(bosco.user) if one.endswith("a meal was not paid")]
    assert len(asked) == 1
    assert [task.kind for task in await open_tasks(bosco, till.bedside.id)] == ["help_with_cost"]


@pytest.mark.req("A13", "J14")
@pytest.mark.parametrize(("room", "becomes"), [(2000, Status.HELD), (1999, Status.EXPIRED)])
async def test_a_held_tray_is_decided_like_any_other_and_money_lets_none_of_them_go_on(
    till: Till, bosco: Actor, monkeypatch: pytest.MonkeyPatch, room: int, becomes: Status
) -> None:
    await ceiling(till, room)
    order = await till.place("mtn", phone=MTN_NUMBER)
    await service.advance(bosco, order.id, Verb.HOLD)
    await at_cutoff(till, monkeypatch, order.id, minutes=-9)
    assert await subjects(till.bedside.patient.user) == [], "to pay would not bring it"
    await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert (await till.order(order.id)).status is becomes


@pytest.mark.req("J14")
async def test_what_needs_no_telephone_is_never_decided(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    await ceiling(till, 10_000)
    placed = [await till.place("cash"), await till.place("bank", period="dinner")]
    for order in placed:
        await at_cutoff(till, monkeypatch, order.id, hours=1)
        assert (await till.order(order.id)).status is Status.CONFIRMED
        assert await states(till, order.id) == ["pending"]
