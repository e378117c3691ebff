"""When a payment does not simply succeed: told honestly, tried again, paid once, and decided at the cut-off."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from dusangire.diets import service as diets
from dusangire.diets.queries import open_tasks
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.kernel.errors import Refusal
from dusangire.orders import service
from dusangire.orders.rules import Status, Verb
from dusangire.orders.service import Otherwise, unpaid
from dusangire.payments import jobs as payment_jobs
from dusangire.payments import queries as money
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import Provider
from dusangire.payments.service import intents
from tests.payments.buy.conftest import MTN_NUMBER, Till, subjects, text_of
from tests.payments.simulated import Providers

NO_FUNDS, REFUSES, NEVER = "0788123465", "0788123451", "0788123453"


async def states(till: Till, order_id: UUID) -> list[str]:
    return [one.state.value for one in await till.payments(order_id)]


async def captured(till: Till, order_id: UUID) -> int:
    return sum(
        one.amount_minor - one.refunded_minor for one in await till.payments(order_id) if one.state is State.PAID
    )


@pytest.mark.req("J2", "J14", "CHK-4.1.6")
async def test_a_failed_payment_says_why_and_the_same_number_or_another_pays_once(
    till: Till, providers: Providers
) -> None:
    order = await till.place("mtn", phone=NO_FUNDS)
    await till.work()
    await till.answers(order.id)
    page = text_of(await till.browser.get(f"/orders/{order.id}/pay"))
    assert "There is not enough money" in page
    assert "No money was taken" in page
    assert (await till.order(order.id)).status is Status.AWAITING_PAYMENT
    failed = (await till.payments(order.id))[0]
    again = {"attempt": str(failed.id), "method": "mtn", "phone": MTN_NUMBER}
    answers = await asyncio.gather(*(till.browser.post(f"/orders/{order.id}/pay/other", again) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    await till.work()
    await till.answers(order.id)
    assert await states(till, order.id) == ["failed", "paid"]
    assert (await till.order(order.id)).status is Status.CONFIRMED
    taken = [one for one in providers.money("mtn")["payments"] if one["state"] == "successful"]
    assert len(taken) == 1
    assert await till.due(order.id) == 0


@pytest.mark.req("J14", "CHK-4.1.6")
async def test_a_failed_payment_is_paid_in_cash_instead_and_the_kitchen_starts(
    till: Till, providers: Providers
) -> None:
    order = await till.place("mtn", phone=REFUSES)
    await till.work()
    await till.answers(order.id)
    failed = (await till.payments(order.id))[0]
    form = await till.browser.get(f"/orders/{order.id}/pay/other")
    assert str(failed.id) in form.text
    await till.browser.post(f"/orders/{order.id}/pay/other", {"attempt": str(failed.id), "method": "cash"})
    assert (await till.order(order.id)).status is Status.CONFIRMED
    assert "Pay in cash when it comes" in (await till.browser.get(f"/orders/{order.id}/pay")).text


@pytest.mark.req("J14")
async def test_no_failed_or_forgotten_payment_lets_a_tray_into_the_kitchen(till: Till, bosco: Actor) -> None:
    order = await till.place("mtn", phone=MTN_NUMBER)
    for state in ("created", "pending", "unknown", "failed", "expired", "quarantined"):
        await execute("UPDATE payment SET state = $2 WHERE hospital = $1", bosco.hospital, state)
        assert not await service.confirm_paid(bosco, order.id)
        with pytest.raises(Refusal, match=r"order\.unpaid"):
            await service.advance(bosco, order.id, Verb.CONFIRM)
        assert (await till.order(order.id)).status is Status.AWAITING_PAYMENT
    await execute("UPDATE payment SET state = 'paid' WHERE hospital = $1", bosco.hospital)
    assert await service.confirm_paid(bosco, order.id), "with the money there the same question has another answer"


@pytest.mark.req("J14")
async def test_while_nobody_knows_the_page_says_so_and_another_way_wants_a_second_word(
    till: Till, providers: Providers
) -> None:
    order = await till.place("mtn", phone=NEVER)
    await till.work()
    await payment_jobs.poll_payments(till.actor)
    one = (await till.payments(order.id))[0]
    way = {"attempt": str(one.id), "method": "cash"}
    asked = await till.browser.post(f"/orders/{order.id}/pay/other", way)
    assert asked.status_code == 409
    assert "has not answered yet about the first payment" in asked.text
    await execute("UPDATE payment SET state = 'unknown' WHERE hospital = $1", till.actor.hospital)
    page = text_of(await till.browser.get(f"/orders/{order.id}/pay"))
    assert "We are asking MTN or Airtel whether the money was received. Please do not pay again." in page
    assert await states(till, order.id) == ["unknown"]
    sure = await till.browser.post(f"/orders/{order.id}/pay/other", way | {"insists": "1"})
    assert sure.status_code == 303
    assert await states(till, order.id) == ["cancelled", "pending"]


def keep_late_money(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control taken away: what comes too late is kept."""

    async def keep(actor: Actor, *_: object, **__: object) -> UUID:
        return UUID(int=0)

    monkeypatch.setattr(intents, "give_back", keep)


async def late(till: Till, order_id: UUID) -> None:
    """Wait until the first payment of the order is known to have come too late."""
    first = (await till.payments(order_id))[0]
    for _ in range(40):
        await payments.ask_soon(till.actor, first.id)
        await payment_jobs.poll_payments(till.actor)
        await till.work()
        if (await till.payments(order_id))[0].state is State.LATE:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the late money was not seen")


@pytest.mark.req("J14", "J2", "J8")
@pytest.mark.parametrize("gives_back", [True, False])
async def test_money_that_comes_after_switching_is_given_back(
    till: Till, providers: Providers, monkeypatch: pytest.MonkeyPatch, *, gives_back: bool
) -> None:
    order = await till.place("mtn", phone=NEVER)
    await till.work()
    await payment_jobs.poll_payments(till.actor)
    first = (await till.payments(order.id))[0]
    await service.pay_otherwise(
        till.bedside.patient, order.id, Otherwise(first.id, Method.HOSPITAL_ACCOUNT, insists=True)
    )
    assert (await till.order(order.id)).status is Status.CONFIRMED
    providers.press("mtn", str(first.reference), "approve")
    if not gives_back:
        keep_late_money(monkeypatch)
    await late(till, order.id)
    refunds = await money.refunds_of(till.actor, order.id)
    assert [one.kind for one in refunds] == (["late"] if gives_back else [])
    if gives_back:
        assert [one.state.value for one in await till.payments(order.id)] == ["late", "charged"]
        assert await till.due(order.id) == 0


@pytest.mark.req("J14")
async def test_a_provider_that_is_down_is_shown_closed_and_the_others_stay_open(
    till: Till, providers: Providers
) -> None:
    for _ in range(3):
        await payments.note_provider(till.actor, Provider.MTN, clock.now(), is_well=False, said="silence")
    await till.bedside.choose("CHK-STW")
    sitting = await till.bedside.sitting()
    page = await till.browser.get("/checkout/", params={"day": str(sitting.day), "period": "lunch"})
    assert "MTN MoMo is not answering now" in page.text
    assert 'value="mtn" disabled' in " ".join(page.text.split())
    assert 'value="airtel" disabled' not in " ".join(page.text.split())


async def at_cutoff(till: Till, monkeypatch: pytest.MonkeyPatch, order_id: UUID, **shift: float) -> None:
    order = await till.order(order_id)
    until = max(order.cutoff_at, order.placed_at + timedelta(minutes=10))
    # The clock of this chore alone: a verdict on facts that look a day old would rightly say that it does not know.
    monkeypatch.setattr(unpaid, "clock", SimpleNamespace(now=lambda: until + timedelta(**shift)))
    await service.look_after_unpaid(till.actor)


@pytest.mark.req("J14", "J7")
async def test_at_the_cut_off_an_unpaid_tray_goes_on_the_account_and_its_payer_is_told(
    till: Till, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await till.place("mtn", phone=NEVER)
    await till.work()
    await at_cutoff(till, monkeypatch, order.id, minutes=-11)
    assert await subjects(till.bedside.patient.user) == []
    for _ in range(2):
        await at_cutoff(till, monkeypatch, order.id, minutes=-9)
    told = await subjects(till.bedside.patient.user)
    assert told == [f"Order {order.code} waits for its payment"]
    assert (await till.order(order.id)).status is Status.AWAITING_PAYMENT
    await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert (await till.order(order.id)).status is Status.CONFIRMED
    assert await states(till, order.id) == ["cancelled", "charged"]
    assert f"Order {order.code} is on your hospital account" in await subjects(till.bedside.patient.user)
    assert await till.due(order.id) == 0


@pytest.mark.req("J10", "J14")
async def test_where_the_account_is_full_the_tray_is_let_go_and_the_ward_feeds_the_patient(
    till: Till, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = 1999 WHERE hospital = $1", bosco.hospital)
    order = await till.place("mtn", phone=MTN_NUMBER)
    for _ in range(2):
        await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert (await till.order(order.id)).status is Status.EXPIRED
    assert await states(till, order.id) == ["cancelled"]
    assert [task.kind for task in await open_tasks(bosco, till.bedside.id)] == ["help_with_cost"]
    assert f"Order {order.code} was not paid" in await subjects(till.bedside.patient.user)
    assert await till.balance(Account.MEALS) == 0


@pytest.mark.req("J14")
async def test_what_is_paid_is_never_decided_at_the_cut_off(
    till: Till, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await till.place("mtn", phone=MTN_NUMBER)
    await execute("UPDATE payment SET state = 'paid', settled_at = now() WHERE hospital = $1", till.actor.hospital)
    await at_cutoff(till, monkeypatch, order.id, seconds=1)
    assert (await till.order(order.id)).status is Status.CONFIRMED
    assert await states(till, order.id) == ["paid"]


@pytest.mark.req("A13", "J14")
async def test_a_paid_tray_that_became_unsafe_is_held_and_calling_it_off_gives_the_money_back(
    till: Till, providers: Providers, bosco: Actor
) -> None:
    order = await till.place("mtn", "TIL", phone=MTN_NUMBER)
    await till.work()
    await diets.add_allergy(bosco, till.bedside.id, "fish", "severe")
    assert (await till.order(order.id)).status is Status.HELD
    await till.answers(order.id)
    assert await states(till, order.id) == ["paid"]
    assert (await till.order(order.id)).status is Status.HELD
    await service.cancel(bosco, order.id)
    refunds = await money.refunds_of(bosco, order.id)
    assert [(one.kind, one.amount_minor) for one in refunds] == [("cancelled", 2500)]
    assert "Back to you by MTN MoMo" in text_of(await till.browser.get(f"/orders/{order.id}"))


@pytest.mark.req("J14")
async def test_a_held_tray_is_not_let_into_the_kitchen_before_it_is_paid(
    till: Till, bosco: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await till.place("mtn", phone=MTN_NUMBER)
    await service.advance(bosco, order.id, Verb.HOLD)
    with pytest.raises(Refusal, match=r"order\.unpaid"):
        await service.release(bosco, order.id)
    one = (await till.payments(order.id))[0]
    await service.pay_otherwise(bosco, order.id, Otherwise(one.id, Method.HOSPITAL_ACCOUNT, insists=True))
    assert (await service.release(bosco, order.id)).status is Status.CONFIRMED
    second = await till.place("mtn", period="dinner", phone=MTN_NUMBER)
    await service.advance(bosco, second.id, Verb.HOLD)

    async def covered(*_: object) -> bool:
        return True

    monkeypatch.setattr(payments, "is_covered", covered)  # the control taken away
    assert (await service.release(bosco, second.id)).status is Status.CONFIRMED


@pytest.mark.req("C10", "J8", "CHK-4.1.7")
async def test_calling_off_a_paid_tray_refunds_it_and_the_sale_is_mirrored(till: Till, providers: Providers) -> None:
    order = await till.place("mtn", phone=MTN_NUMBER)
    await till.work()
    await till.answers(order.id)
    await till.browser.post(f"/orders/{order.id}/cancel")
    await till.work()
    assert (await till.order(order.id)).status is Status.CANCELLED
    assert await till.balance(Account.MEALS) == 0
    assert await till.due(order.id) == 0
    for _ in range(40):
        await payment_jobs.poll_payments(till.actor)
        if {one.state.value for one in await money.refunds_of(till.actor, order.id)} == {"paid"}:
            break
        await execute("UPDATE refund SET next_poll_at = now() WHERE hospital = $1 AND next_poll_at IS NOT NULL",
                      till.actor.hospital)  # fmt: skip
        await asyncio.sleep(0.05)
    assert await captured(till, order.id) == 0
    assert await till.balance(Account.MTN_CLEARING) == 0
    shown = text_of(await till.browser.get("/payments/"))
    assert "Back to you by MTN MoMo FRW 2,000 : paid back" in shown
