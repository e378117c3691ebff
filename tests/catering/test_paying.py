"""The money of staff trays and of events: an invoice that is paid closes its event, a meal called off is back on its plan."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from dusangire import wiring
from dusangire.catering import queries, service
from dusangire.catering.rules import EventStatus, TrayStatus
from dusangire.kernel import clock, jobs, journal
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries as subscriptions
from dusangire.subscriptions import service as plans
from dusangire.subscriptions.queries import Held
from dusangire.subscriptions.service import Buying
from tests.catering.test_events import quoted
from tests.catering.test_trays import lunches
from tests.make import Browser, Make

Open = Callable[[Actor | None], Browser]
OFFICE = "/admin/finance"
DUE = Money(50_000)


@pytest.fixture(autouse=True)
def _wired() -> None:
    wiring.install()
    wiring.load_jobs()


@pytest.fixture
async def solange(make: Make) -> Actor:
    return await make.user("Solange Iradukunda", Role.FINANCE)


@pytest.fixture
async def event(make: Make, bosco: Actor, didier: Actor, browser: Open) -> UUID:
    """Quoted, accepted, cooked and delivered: 50,000 francs are due."""
    await make.menu()
    made = await quoted(bosco, didier)
    accepted = await browser(bosco).post(f"/catering/{made}/accept", {"quote_rev": "1"})
    assert accepted.status_code == 303
    kitchen = browser(didier)
    for verb in ("start", "deliver"):
        assert (await kitchen.post(f"/catering/{made}/{verb}")).status_code == 303
    return made


async def _status(actor: Actor, event: UUID) -> EventStatus:
    with acting_as(actor):
        return (await queries.event(actor, event)).status


async def _invoice(actor: Actor, event: UUID) -> Payment:
    with acting_as(actor):
        return (await payments.payments_of(actor, event))[-1]


async def _work(make: Make, payment: UUID) -> None:
    """Run every job that the program's own wiring names for the news of this payment, twice: it comes at least once."""
    for _ in range(2):
        for told in await journal.history(make.actor, f"payment:{payment}"):
            for name in wiring.REACTIONS.get(told.kind, ()):
                await jobs._reactions[name](make.actor, told)


async def _import(office: Browser, code: str | None, amount: int, number: str) -> None:
    day = clock.now().date().isoformat()
    sheet = f"Date,Reference,Description,Credit\n{day},{number},EVENT {code},{amount}\n"
    sent = await office.post(f"{OFFICE}/bank/import", files={"file": ("nov.csv", sheet.encode(), "text/csv")})
    assert sent.status_code == 200


@pytest.mark.req("K8", "J6")
async def test_a_bank_line_with_the_invoices_reference_closes_the_event(
    make: Make, event: UUID, browser: Open, bosco: Actor, didier: Actor, solange: Actor
) -> None:
    bill = await _invoice(solange, event)
    assert (bill.method, bill.amount, bill.state) == (Method.BANK, DUE, State.PENDING)
    assert str(bill.code) in (await browser(bosco).get(f"/invoices/{bill.id}")).text
    opens = f'href="/invoices/{bill.id}"'
    for who, may_read in ((bosco, True), (solange, True), (didier, False)):
        assert (opens in (await browser(who).get(f"/catering/{event}")).text) is may_read, who.name
    await _import(browser(solange), bill.code, DUE.minor, "FT77")
    assert (await _invoice(solange, event)).state is State.PAID
    assert await _status(bosco, event) is EventStatus.DELIVERED
    await _work(make, bill.id)
    assert await _status(bosco, event) is EventStatus.SETTLED
    assert "to be paid" not in (await browser(bosco).get(f"/catering/{event}")).text
    with acting_as(solange):
        assert await payments.balance(solange, Account.EVENT_DUE, event) == Money(0)
        assert await payments.balance(solange, Account.EVENTS) == Money(-DUE.minor)
        assert await payments.balance(solange, Account.BANK) == DUE
        assert await payments.books_balance(solange)


@pytest.mark.req("K8", "J5")
async def test_an_event_paid_in_cash_at_the_counter_is_closed_too(
    make: Make, event: UUID, browser: Open, bosco: Actor, solange: Actor
) -> None:
    bill = await _invoice(solange, event)
    paid = await browser(solange).post(
        f"{OFFICE}/payments/{bill.id}/record", {"method": "cash", "why": "Paid at the counter"}
    )
    assert paid.status_code == 303
    cash = await _invoice(solange, event)
    assert (cash.method, cash.state, cash.amount) == (Method.CASH, State.PAID, DUE)
    await _work(make, cash.id)
    assert await _status(bosco, event) is EventStatus.SETTLED
    with acting_as(solange):
        assert await payments.balance(solange, Account.CASH_FLOAT, solange.user) == DUE
        assert await payments.balance(solange, Account.EVENT_DUE, event) == Money(0)


@pytest.mark.req("K8", "J6")
async def test_an_event_of_which_a_part_is_paid_stays_open_until_the_rest_comes(
    make: Make, event: UUID, browser: Open, bosco: Actor, solange: Actor
) -> None:
    bill, office = await _invoice(solange, event), browser(solange)
    await _import(office, bill.code, 49_999, "FT1")
    await _work(make, bill.id)
    with acting_as(make.actor):
        await service.paid(make.actor, event)
    assert await _status(bosco, event) is EventStatus.DELIVERED
    assert (await _invoice(solange, event)).state is State.PENDING
    await _import(office, bill.code, 1, "FT2")
    await _work(make, bill.id)
    assert (await _invoice(solange, event)).state is State.PAID
    assert await _status(bosco, event) is EventStatus.SETTLED
    with acting_as(solange):
        assert await payments.balance(solange, Account.EVENT_DUE, event) == Money(0)
        assert await payments.books_balance(solange)


async def _plan(make: Make, actor: Actor) -> Held:
    """A running plan of ten meals a week, paid in cash."""
    with acting_as(make.actor):
        await plans.load_starter(make.actor)
        plan = next(one for one in await subscriptions.current(make.actor) if one.code == "STAFF-WEEK-10")
        made = await plans.subscribe(actor, Buying(plan.id, Method.CASH, None))
        held = await subscriptions.own(actor, made)
        assert held.due
        await plans.take_cash(make.actor, held.due.id)
        return await subscriptions.own(actor, made)


async def _used(actor: Actor, held: Held) -> int:
    with acting_as(actor):
        running = (await subscriptions.own(actor, held.id)).running
    assert running
    return running.used


async def _order(actor: Actor, page: Browser) -> UUID:
    with acting_as(actor):
        dish = (await lunches(actor))[0].id
        day = clock.local_day(clock.now(), actor.zone) + timedelta(days=1)
    form = {"day": day.isoformat(), "period": "lunch", "dish": [str(dish)], "area": "Lounge", "pay": "subscription"}
    assert (await page.post("/staff-meals/", form)).status_code == 303
    with acting_as(actor):
        return next(one.id for one in await queries.my_trays(actor, day) if one.status is TrayStatus.ORDERED)


@pytest.mark.req("K4", "K6")
async def test_a_staff_tray_on_a_plan_called_off_in_time_gives_the_meal_back_exactly_once(
    make: Make, bosco: Actor, browser: Open
) -> None:
    await make.menu()
    held, page = await _plan(make, bosco), browser(bosco)
    with acting_as(make.actor):
        before = {row.account: row.amount_minor for row in await payments.balances(make.actor) if row.amount_minor}
    made = await _order(bosco, page)
    assert await _used(bosco, held) == 1
    with acting_as(make.actor):
        assert await payments.balance(make.actor, Account.ORDER_DUE, made) == Money(0)
    answers = [(await page.post(f"/staff-meals/{made}/cancel")).status_code for _ in range(3)]
    assert answers[0] == 303
    assert await _used(bosco, held) == 0
    with acting_as(make.actor):
        await plans.returned(make.actor, f"payment:{(await payments.payments_of(make.actor, made))[0].id}")
        assert await _used(bosco, held) == 0
        assert await payments.balance(make.actor, Account.ORDER_DUE, made) == Money(0)
        after = {row.account: row.amount_minor for row in await payments.balances(make.actor) if row.amount_minor}
        assert after == before
        assert await payments.books_balance(make.actor)
    assert await _order(bosco, page) != made
    assert await _used(bosco, held) == 1


@pytest.mark.req("K4")
async def test_a_staff_tray_called_off_after_its_cut_off_keeps_the_meal_used(
    make: Make, bosco: Actor, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make.menu()
    held, page = await _plan(make, bosco), browser(bosco)
    made = await _order(bosco, page)
    with acting_as(bosco):
        late = (await queries.tray(bosco, made)).cutoff_at
    with monkeypatch.context() as time:
        time.setattr("dusangire.catering.service.trays.clock.now", lambda: late)
        with acting_as(bosco), pytest.raises(Refusal, match="cancel_closed"):
            await service.cancel_tray(bosco, made)
    assert await _used(bosco, held) == 1
