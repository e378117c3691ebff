"""Money that came otherwise than it was asked: what the office decides in the browser, and what the books say after."""

from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.money import Money
from dusangire.payments import queries, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, RefundState, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import Paid
from tests.make import element
from tests.payments.finance.conftest import Till

OFFICE = "/admin/finance"
PHONE = "+250788000111"
WHY = "Seen in the network's portal"


async def _quarantined(till: Till, *, amount: int = 2000, phone: str = PHONE, currency: str = "RWF") -> Payment:
    """2,000 francs are asked for; something about the answer is not as it was asked."""
    actor, made = till.actor, await till.ask(Method.MTN, 2000)
    one = await service.mark_sent(actor, made, "http://here", clock.now())
    assert one
    answer = Paid(uuid4().hex, Money(amount, currency), str(one.reference), phone)
    assert await service.confirm(actor, made, answer, clock.now()) is State.QUARANTINED
    return await queries.payment(actor, made)


async def _paid(till: Till) -> Payment:
    made = await till.ask(Method.MTN, 2000)
    one = await service.mark_sent(till.actor, made, "http://here", clock.now())
    assert one
    answer = Paid(uuid4().hex, Money(2000), str(one.reference), PHONE)
    assert await service.confirm(till.actor, made, answer, clock.now()) is State.PAID
    return one


async def _sums(actor: Actor, stay: UUID) -> tuple[int, int, int]:
    """Return what the network holds for us, what the stay owes, and what is held for nobody known."""
    return (
        (await queries.balance(actor, Account.MTN_CLEARING)).minor,
        (await queries.balance(actor, Account.ADMISSION_RECEIVABLE, stay)).minor,
        (await queries.balance(actor, Account.QUARANTINE)).minor,
    )


@pytest.mark.req("J6", "J8")
async def test_quarantined_money_is_in_no_account_until_the_office_accepts_it_with_a_reason(
    till: Till, browser, solange: Actor
) -> None:
    one = await _quarantined(till, phone="+250788999999")
    other = await _quarantined(till, phone="+250788999999")
    office, path = browser(solange), f"{OFFICE}/payments/{one.id}"
    page = await office.get(path)
    for button in ("Accept as paid", "Pay it back", "Keep it apart"):
        assert button in page.text
    assert await _sums(solange, till.stay) == (0, 0, 0)
    for said in ({"decision": "accept"}, {"decision": "accept", "why": "  "}, {"decision": "burn", "why": WHY}):
        assert (await office.post(f"{path}/decide", said)).status_code == 422
    assert await _sums(solange, till.stay) == (0, 0, 0)
    said = {"decision": "accept", "why": WHY}
    assert (await office.post(f"{path}/decide", said)).headers["location"] == path
    assert (await office.post(f"{path}/decide", said)).status_code == 409
    assert (await queries.payment(solange, one.id)).state is State.PAID
    assert (await queries.payment(solange, other.id)).state is State.QUARANTINED
    assert await _sums(solange, till.stay) == (2000, -2000, 0)
    assert "Decide about this money" not in (await office.get(path)).text
    assert await queries.books_balance(solange)


@pytest.mark.req("J6", "J8")
@pytest.mark.parametrize(("amount", "currency"), [(1999, "RWF"), (2001, "RWF"), (2000, "EUR")])
async def test_money_of_another_amount_is_never_accepted_as_what_was_asked(
    till: Till, browser, solange: Actor, amount: int, currency: str
) -> None:
    one = await _quarantined(till, amount=amount, currency=currency)
    answer = await browser(solange).post(
        f"{OFFICE}/payments/{one.id}/decide", {"decision": "accept", "why": WHY}, htmx=True
    )
    assert answer.status_code == 409
    assert "The amount is not the one that was asked for" in answer.text
    assert (await queries.payment(solange, one.id)).state is State.QUARANTINED
    assert await _sums(solange, till.stay) == (0, 0, 0)
    page = (await browser(solange).get(f"{OFFICE}/payments/{one.id}")).text
    assert "Accept as paid" not in page
    assert ("Pay it back" in page) is (amount == 1999)
    assert ("Keep it apart" in page) is (currency == "RWF")
    assert ("It came in another currency" in page) is (currency == "EUR")


@pytest.mark.req("J8")
async def test_quarantined_money_goes_back_to_the_phone_it_came_from_and_no_franc_stays(
    till: Till, browser, solange: Actor
) -> None:
    one = await _quarantined(till, amount=1500)
    office, path = browser(solange), f"{OFFICE}/payments/{one.id}"
    assert (await office.post(f"{path}/decide", {"decision": "return", "why": WHY})).status_code == 303
    assert (await office.post(f"{path}/decide", {"decision": "return", "why": WHY})).status_code == 409
    back = (await queries.refunds_of(solange, till.stay))[0]
    assert (back.payment, back.amount, back.method, back.state) == (one.id, Money(1500), Method.MTN, "created")
    await office.post(f"{OFFICE}/refunds/{back.id}/pay-out", {"reference": "I say so"})
    assert (await queries.refund(solange, back.id)).state is RefundState.CREATED
    assert await _sums(solange, till.stay) == (1500, 0, 0)
    await service.confirm_refund(solange, back.id, Paid("R1", Money(1500), str(back.reference), None), clock.now())
    assert await _sums(solange, till.stay) == (0, 0, 0)
    assert (await queries.balance(solange, Account.REFUNDS_PAYABLE)).minor == 0


@pytest.mark.req("J8")
async def test_money_that_is_kept_apart_is_held_for_nobody_and_may_still_be_accepted(
    till: Till, browser, solange: Actor
) -> None:
    one = await _quarantined(till, phone="+250788999999")
    office, path = browser(solange), f"{OFFICE}/payments/{one.id}/decide"
    for _ in range(2):
        assert (await office.post(path, {"decision": "keep", "why": WHY})).status_code == 303
        assert await _sums(solange, till.stay) == (2000, 0, -2000)
    assert (await office.post(path, {"decision": "accept", "why": "It was Amina's brother"})).status_code == 303
    assert await _sums(solange, till.stay) == (2000, -2000, 0)
    assert await queries.books_balance(solange)


@pytest.mark.req("J3")
async def test_ask_now_lets_the_worker_ask_at_once_and_stands_only_where_something_was_sent(
    till: Till, browser, solange: Actor
) -> None:
    made = await till.ask(Method.MTN, 2000)
    office, path = browser(solange), f"{OFFICE}/payments/{made}"
    assert "Ask now" not in (await office.get(path)).text
    await service.mark_sent(solange, made, "http://here", clock.now())
    assert "Ask now" in (await office.get(path)).text
    for _ in range(2):
        assert (await office.post(f"{path}/ask")).headers["location"] == path
    due = (await queries.payment(solange, made)).next_poll_at
    assert due
    assert due <= clock.now()
    assert (await queries.payment(solange, made)).state is State.CREATED
    assert "Ask now" not in (await office.get(f"{OFFICE}/payments/{(await _paid(till)).id}")).text


@pytest.mark.req("J8", "J15")
async def test_paid_out_is_pressed_once_and_only_for_what_a_person_pays(till: Till, browser, solange: Actor) -> None:
    cash = await till.take(solange, 2000)
    mobile = await _paid(till)
    by_hand = await service.give_back(solange, cash, Money(700), why="Too cold")
    by_network = await service.give_back(solange, mobile.id, Money(700), why="Too cold")
    office = browser(solange)
    page = element((await office.get(f"{OFFICE}/refunds")).text, "pending")
    assert f'action="{OFFICE}/refunds/{by_hand}/pay-out"' in page
    assert f"{by_network}/pay-out" not in (await office.get(f"{OFFICE}/refunds")).text
    assert "Paid out" in page
    refused = await office.post(f"{OFFICE}/refunds/{by_network}/pay-out", {"reference": "x"}, htmx=True)
    assert refused.status_code == 409
    assert "The network pays this refund itself" in refused.text
    long = await office.post(f"{OFFICE}/refunds/{by_hand}/pay-out", {"reference": "x" * 81})
    assert long.status_code == 422
    for _ in range(2):
        done = await office.post(f"{OFFICE}/refunds/{by_hand}/pay-out", {"reference": "Signed by Amina"})
        assert done.headers["location"] == f"{OFFICE}/refunds"
    back = await queries.refund(solange, by_hand)
    assert (back.state, back.provider_ref, back.settled_by) == (RefundState.PAID, "Signed by Amina", solange.user)
    assert (await queries.balance(solange, Account.REFUNDS_PAYABLE, by_hand)).minor == 0
    assert (await queries.balance(solange, Account.REFUNDS_PAYABLE, by_network)).minor == -700
