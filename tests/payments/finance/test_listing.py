"""What came in, as the office looks at it: by days, by method, by what was sold, each sale for itself, and by whom."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from dusangire.catering import service as catering
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kernel.ids import short_code
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from tests.catering.test_events import quoted
from tests.make import Browser, element
from tests.orders.conftest import Bedside
from tests.payments.finance.conftest import Till
from tests.unguarded import rewrite

OFFICE = "/admin/finance"
Open = Callable[[Actor | None], Browser]


async def listed(office: Browser, query: str) -> tuple[str, set[UUID]]:
    """The page, and which payments its rows open."""
    page = (await office.get(f"{OFFICE}/payments?{query}")).text
    return page, {UUID(part[:36]) for part in page.split(f'<td><a href="{OFFICE}/payments/')[1:]}


@pytest.mark.req("CHK-4.2.3", "CHK-4.1.8")
async def test_payments_of_a_range_of_days_are_listed_summed_and_taken_home_as_a_sheet(
    till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    today, office = clock.local_day(clock.now(), solange.zone), browser(solange)
    old, older, new = [await till.take(esther, francs) for francs in (3000, 500, 2000)]
    for made, days in ((old, 9), (older, 12)):
        await rewrite(
            "UPDATE payment SET created_at = created_at - make_interval(days => $2) WHERE id = $1", made, days
        )
    since = f"day={today - timedelta(days=9)}"
    for query, found, taken in (
        ("", {new}, "2,000"),
        (since, {old}, "3,000"),
        (f"{since}&until={today}", {old, new}, "5,000"),
        (f"{since}&until={today - timedelta(days=1)}", {old}, "3,000"),
        (f"{since}&until=2020-01-01", {old}, "3,000"),
    ):
        page, rows = await listed(office, query)
        assert rows == found, query
        assert f"FRW\u00a0{taken} taken<" in page, query
    sheet = (await office.get(f"{OFFICE}/payments.csv?{since}&until={today}")).text
    assert len(sheet.strip().splitlines()) == 3


@pytest.mark.req("CHK-4.2.4")
async def test_payments_are_filtered_by_method(till: Till, browser: Open, esther: Actor, solange: Actor) -> None:
    office, in_cash, by_bank = browser(solange), await till.take(esther, 2000), await till.ask(Method.BANK, 700)
    assert (await listed(office, ""))[1] == {in_cash, by_bank}
    assert (await listed(office, "method=cash"))[1] == {in_cash}
    assert (await listed(office, "method=bank"))[1] == {by_bank}
    assert (await listed(office, "method=mtn"))[1] == set()


@pytest.mark.req("CHK-4.2.2")
async def test_meals_and_events_are_two_streams_in_the_list_and_in_the_books(
    bedside: Bedside, browser: Open, bosco: Actor, didier: Actor, solange: Actor
) -> None:
    tray = await bedside.order("CHK-STW")
    event = await quoted(bosco, didier)
    with acting_as(bosco):
        await catering.accept(bosco, event, 1)
    with acting_as(didier):
        await catering.start_event(didier, event)
        await catering.deliver(didier, event)
    office = browser(solange)
    for purpose, subject in (("order", tray.id), ("event", event)):
        (one,) = await payments.payments_of(solange, subject)
        assert (await listed(office, f"purpose={purpose}"))[1] == {one.id}
    ledger = (await office.get(f"{OFFICE}/ledger")).text
    for account in (Account.MEALS, Account.EVENTS):
        came_to = -(await payments.balance(solange, account)).minor
        row = ledger.partition(f"/ledger/accounts/{account}")[2].partition("</tr>")[0]
        assert came_to > 0
        assert f"{came_to:,}" in row


@pytest.mark.req("CHK-4.2.6", "CHK-4.2.2")
async def test_the_year_to_date_is_summed_by_stream_and_so_are_other_days(browser: Open, solange: Actor) -> None:
    office, today = browser(solange), clock.local_day(clock.now(), solange.zone)
    for credit, amount in (("meals", "9000"), ("events", "5000"), ("meals", "700")):
        said = {"debit": "bank", "credit": credit, "amount": amount, "why": "A day's takings", "key": short_code(12)}
        entry = (await office.post(f"{OFFICE}/ledger/new", said)).headers["location"].rpartition("/")[2]
        if amount == "700":
            await rewrite("UPDATE entry SET posted_at = posted_at - interval '400 days' WHERE id = $1", UUID(entry))
    long_ago = today - timedelta(days=401)
    for query, earned, meals in (
        ("", "14,000", "9,000"),
        (f"?since={today}&until={today}", "14,000", "9,000"),
        (f"?since={long_ago}", "14,700", "9,700"),
        (f"?since={long_ago}&until={today - timedelta(days=399)}", "700", "700"),
    ):
        shown = element((await office.get(f"{OFFICE}/ledger{query}")).text, "income")
        assert f"Earned: FRW\u00a0{earned}" in shown, query
        assert f'<td class="number">{meals}</td>' in shown.partition("/accounts/meals")[2][:120], query


@pytest.mark.req("CHK-4.2.1")
async def test_each_tray_is_a_sale_of_its_own_on_the_account_of_meals(
    bedside: Bedside, browser: Open, solange: Actor
) -> None:
    trays = [await bedside.order("CHK-STW", period=period) for period in ("lunch", "dinner")]
    office = browser(solange)
    page = (await office.get(f"{OFFICE}/ledger/accounts/{Account.MEALS}")).text
    for tray in trays:
        (sale,) = await payments.entries(solange, about=f"order:{tray.id}", account=Account.MEALS)
        due = [line.amount for line in sale.postings if line.account is Account.ORDER_DUE]
        assert due == [Money(tray.total_minor)]
        assert f"{OFFICE}/ledger/entries/{sale.id}" in page
        assert tray.code in (await office.get(f"{OFFICE}/ledger/entries/{sale.id}")).text


@pytest.mark.req("CHK-4.2.10")
async def test_who_moved_money_by_hand_and_why_stays_to_be_read(
    till: Till, browser: Open, esther: Actor, solange: Actor, grace: Actor
) -> None:
    office, reads = browser(solange), browser(grace)
    said = {
        "debit": "bank",
        "credit": "cash_safe",
        "amount": "900",
        "why": "Brought to the bank",
        "key": short_code(12),
    }
    entry = (await office.post(f"{OFFICE}/ledger/new", said)).headers["location"]
    made = await till.take(esther, 2000)
    await office.post(f"{OFFICE}/payments/{made}/annul", {"why": "It was another bed"})
    for path, why in ((entry, "Brought to the bank"), (f"{OFFICE}/payments/{made}", "It was another bed")):
        page = (await reads.get(path)).text
        assert why in page
        assert solange.name in page
