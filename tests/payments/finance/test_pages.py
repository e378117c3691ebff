"""The finance office in the browser: every form ok, wrong and without JavaScript; who may see what; other hospitals."""

import re
from uuid import UUID

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import ROLES, Actor, Can, Role
from dusangire.kernel.db import acting_as, execute
from dusangire.kernel.ids import short_code
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import bank, cash
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import bank as bank_service
from tests.make import Make, element
from tests.orders.conftest import Bedside
from tests.payments.finance.conftest import Till
from tests.payments.finance.test_bank import row

OFFICE = "/admin/finance"
PAGES = (
    "/", "/payments", "/refunds", "/counter", "/cash", "/bank", "/invoices", "/statements", "/reconciliation", "/ledger",
    "/settings", "/payments.csv", "/cash/shifts.csv", "/bank/lines.csv", "/ledger/sheet.csv", "/ledger/new",
    "/ledger/accounts/meals",
)  # fmt: skip


@pytest.mark.req("J5", "J6", "J12", "J15")
@pytest.mark.parametrize("role", [Role.FINANCE, Role.ADMIN, Role.NURSE, Role.DELIVERY, Role.KITCHEN, Role.PATIENT])
async def test_the_office_opens_for_those_who_may_see_payments(make: Make, browser, role: Role) -> None:
    who = await make.patient() if role is Role.PATIENT else await make.user("Some Body", role)
    page = browser(who)
    for path in PAGES:
        asked = {"/counter": Can.CASH_COUNT, "/ledger/new": Can.MONEY_MOVE}.get(path, Can.PAYMENTS_SEE)
        answer = await page.get(OFFICE + path)
        assert answer.status_code == (200 if asked in ROLES[role] else 403), path


@pytest.mark.req("J5", "CHK-4.1.3")
async def test_a_carrier_counts_on_the_phone_and_the_office_receives(
    till: Till, browser, esther: Actor, solange: Actor
) -> None:
    await till.take(esther, 7000)
    phone, office = browser(esther), browser(solange)
    page = await phone.get("/cash/")
    assert "FRW\u00a07,000" in page.text
    shift = await cash.open_shift(esther, esther.user)
    assert shift
    for said, problem in (({}, "#total"), ({"total": "6999"}, "#reason"), ({"piece_5000": "x"}, "#total")):
        wrong = await phone.post(f"/cash/{shift.id}/count", said)
        assert wrong.status_code == 422
        assert f'href="{problem}"' in wrong.text
    answer = await phone.post(f"/cash/{shift.id}/count", {"piece_5000": "1", "piece_2000": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cash/")
    assert (await phone.post(f"/cash/{shift.id}/count", {"total": "7000"}, htmx=True)).headers[
        "hx-redirect"
    ] == "/cash/"
    assert (await office.post(f"{OFFICE}/cash/{shift.id}/receive", {"counted": "6999"})).status_code == 422
    done = await office.post(f"{OFFICE}/cash/{shift.id}/receive", {"counted": "7000"})
    assert done.status_code == 303
    assert "Handed over" in (await office.get(f"{OFFICE}/cash/{shift.id}")).text


@pytest.mark.req("J5")
async def test_change_is_given_once_and_only_to_somebody_of_this_hospital(
    browser, solange: Actor, esther: Actor, ines: Actor
) -> None:
    office = browser(solange)
    assert (await office.post(f"{OFFICE}/cash/open", {"collector": "", "change": "x"})).status_code == 422
    assert (await office.post(f"{OFFICE}/cash/open", {"collector": str(ines.user)})).status_code == 404
    made = await office.post(f"{OFFICE}/cash/open", {"collector": str(esther.user), "change": "2000"})
    assert made.status_code == 303
    again = await office.post(f"{OFFICE}/cash/open", {"collector": str(esther.user), "change": "2000"})
    assert again.status_code == 409
    assert await payments.balance(solange, Account.CASH_FLOAT, esther.user) == Money(2000)


@pytest.mark.req("J5")
async def test_the_counter_takes_the_cash_of_a_tray_once(bedside: Bedside, browser, solange: Actor) -> None:
    order = await bedside.order("CHK-STW")
    paid = (await payments.payments_of(solange, order.id))[0]
    office = browser(solange)
    page = await office.get(f"{OFFICE}/counter?q={order.code}")
    assert f'action="{OFFICE}/counter/{paid.id}/take"' in page.text
    assert (await office.post(f"{OFFICE}/counter/{paid.id}/take")).status_code == 303
    assert (await office.post(f"{OFFICE}/counter/{paid.id}/take")).status_code == 409
    assert await cash.expected(solange, solange.user) == Money(2000)


@pytest.mark.req("J8", "J15", "CHK-4.1.7")
async def test_a_refund_is_never_above_what_was_taken_and_wants_a_reason(
    till: Till, browser, esther: Actor, solange: Actor
) -> None:
    made = await till.take(esther, 2000)
    office, path = browser(solange), f"{OFFICE}/payments/{made}"
    assert (await office.post(f"{path}/refund", {"amount": "500"})).status_code == 422
    assert (await office.post(f"{path}/refund", {"amount": "2001", "why": "Too cold"})).status_code == 409
    assert (await office.post(f"{path}/refund", {"amount": "500", "why": "Too cold"})).status_code == 303
    assert (await office.post(f"{path}/refund", {"amount": "1501", "why": "Too cold"})).status_code == 409
    page = await office.get(path)
    assert "Too cold" in page.text
    refund = (await payments.refunds_of(solange, till.stay))[0]
    assert (await office.post(f"{OFFICE}/refunds/{refund.id}/pay-out", {"reference": "R-7"})).status_code == 303
    assert (await payments.refund(solange, refund.id)).state == "paid"
    assert await payments.books_balance(solange)


@pytest.mark.req("J15", "N1")
async def test_moving_money_asks_for_a_fresh_sign_in(till: Till, browser, esther: Actor, solange: Actor) -> None:
    made = await till.take(esther, 2000)
    office = browser(solange)
    assert (await office.get(f"{OFFICE}/payments/{made}")).status_code == 200
    with acting_as(None):
        await execute(
            "UPDATE session SET signed_in_at = signed_in_at - interval '11 minutes' WHERE app_user = $1", solange.user
        )
    for path in (f"payments/{made}/refund", f"payments/{made}/annul", "bank/lines", "ledger/new", "settings"):
        answer = await office.post(f"{OFFICE}/{path}", {"amount": "500", "why": "Too cold"})
        assert answer.headers["location"].startswith("/sign-in?again=1"), path
    assert (await payments.payment(solange, made)).refunded_minor == 0


@pytest.mark.req("J15", "CHK-4.2.9")
async def test_finance_marks_a_payment_invalid_records_another_and_makes_a_meal_free(
    bedside: Bedside, browser, solange: Actor
) -> None:
    order = await bedside.order("CHK-STW")
    first = (await payments.payments_of(solange, order.id))[0]
    office = browser(solange)
    await office.post(f"{OFFICE}/counter/{first.id}/take")
    path = f"{OFFICE}/payments/{first.id}"
    assert (await office.post(f"{path}/annul", {"why": ""})).status_code == 422
    assert (await office.post(f"{path}/annul", {"why": "Wrong tray"})).status_code == 303
    assert (await office.post(f"{path}/annul", {"why": "Wrong tray"})).status_code == 409
    assert (await office.post(f"{path}/record", {"method": "mtn", "why": "By phone"})).status_code == 422
    done = await office.post(f"{path}/record", {"method": "cash", "why": "Paid at the counter"})
    assert done.status_code == 303
    second = UUID(done.headers["location"].rpartition("/")[2])
    assert (await payments.payment(solange, second)).state is State.PAID
    assert (await office.post(f"{OFFICE}/payments/{second}/compensate", {})).status_code == 422
    answer = await office.post(f"{OFFICE}/payments/{second}/compensate", {"why": "Hair in the soup"})
    assert answer.status_code == 303
    assert (await payments.balance(solange, Account.COMPENSATION)).minor == 2000
    assert await payments.books_balance(solange)


@pytest.mark.req("J6", "CHK-4.1.4")
async def test_a_list_of_the_bank_comes_in_by_upload_and_a_repeated_line_is_named(
    till: Till, browser, solange: Actor
) -> None:
    bill = await bank.invoice(solange, await till.ask(Method.BANK, 5000))
    sheet = f"Date,Reference,Description,Credit\n2026-11-20,FT9,MEALS {bill.code},5000\n2026-11-20,FT8,gift,70\n"
    office = browser(solange)
    for _ in range(2):
        answer = await office.post(f"{OFFICE}/bank/import", files={"file": ("nov.csv", sheet.encode(), "text/csv")})
        assert answer.status_code == 200
    assert "FT9, FT8" in answer.text
    assert (await payments.payment(solange, bill.payment)).state is State.PAID
    bad = await office.post(f"{OFFICE}/bank/import", files={"file": ("x.csv", b"what,is,this\n", "text/csv")})
    assert bad.status_code == 422
    assert "no column for" in bad.text
    assert (await office.post(f"{OFFICE}/bank/import", {})).status_code == 422


@pytest.mark.req("J6")
async def test_a_line_is_typed_matched_by_hand_undone_and_sent_back(till: Till, browser, solange: Actor) -> None:
    bill = await bank.invoice(solange, await till.ask(Method.BANK, 5000))
    office = browser(solange)
    said = {"bank_ref": "FT5", "booked_on": "2026-11-20", "amount": "5200"}
    assert (await office.post(f"{OFFICE}/bank/lines", said | {"amount": "no"})).status_code == 422
    line = (await office.post(f"{OFFICE}/bank/lines", said)).headers["location"]
    twice = await office.post(f"{OFFICE}/bank/lines", said)
    assert twice.status_code == 422
    assert "came in before" in twice.text
    assert str(bill.code) in (await office.get(f"{line}?q=Amina")).text
    assert (await office.post(f"{line}/match", {"payment": ""})).status_code == 422
    assert (await office.post(f"{line}/match", {"payment": str(bill.payment)})).status_code == 303
    assert (await office.post(f"{line}/match", {"payment": str(bill.payment)})).status_code == 409
    assert (await office.post(f"{line}/send-back", {"amount": "201", "why": "Too much"})).status_code == 422
    assert (await office.post(f"{line}/send-back", {"amount": "200", "why": "Too much"})).status_code == 303
    used = [one for one in await bank.uses(solange, line_id=UUID(line.rpartition("/")[2])) if one.payment]
    assert (await office.post(f"{OFFICE}/bank/uses/{used[0].id}/undo", {"why": ""})).status_code == 422
    assert (await office.post(f"{OFFICE}/bank/uses/{used[0].id}/undo", {"why": "Wrong one"})).status_code == 303
    assert "Wrong one" in (await office.get(line)).text


@pytest.mark.req("J6", "N7")
async def test_an_invoice_is_read_by_its_payer_and_the_office_and_by_nobody_else(
    till: Till, browser, amina: Actor, solange: Actor, bosco: Actor, make: Make
) -> None:
    bill = await bank.invoice(solange, await till.ask(Method.BANK, 5000))
    neighbour = await make.patient("Vestine", "Kamikazi")
    for who, status in ((amina, 200), (solange, 200), (bosco, 404), (neighbour, 404)):
        assert (await browser(who).get(f"/invoices/{bill.payment}")).status_code == status, who.name
    assert bill.code in (await browser(amina).get(f"/invoices/{bill.payment}")).text


@pytest.mark.req("J7")
async def test_a_statement_adds_up_to_the_ledger_and_is_settled_at_the_counter(
    bedside: Bedside, browser, solange: Actor, bosco: Actor, stay: UUID
) -> None:
    await bedside.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    office, path = browser(solange), f"{OFFICE}/statements/{stay}"
    page = await office.get(path)
    assert "Not settled" in page.text
    booked = await payments.balance(solange, Account.ADMISSION_RECEIVABLE, stay)
    assert booked == Money(2000)
    ward = await browser(bosco).get(f"/stay-account/{bedside.id}")
    assert "Ask the finance office" in ward.text
    assert "2,000" not in ward.text
    assert (await office.post(f"{path}/pay", {"amount": "0", "method": "cash"})).status_code == 422
    assert (await office.post(f"{path}/pay", {"amount": "5", "method": "points"})).status_code == 422
    assert (await office.post(f"{path}/pay", {"amount": "500", "method": "cash"})).status_code == 303
    billed = await office.post(f"{path}/pay", {"amount": "500", "method": "bank"})
    assert billed.headers["location"].startswith("/invoices/")
    assert (await office.post(f"{path}/pay", {"amount": "1500", "method": "cash"})).status_code == 303
    assert "Settled" in (await browser(bosco).get(f"/stay-account/{bedside.id}")).text
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, stay) == Money(0)
    assert (await office.get(f"{OFFICE}/statements/patient/{bedside.id}")).status_code == 200
    assert (await office.get(f"{path}/sheet.csv")).text.count("2000") >= 1


@pytest.mark.req("J8", "J15")
async def test_the_trial_balance_sums_to_nothing_and_an_entry_by_hand_is_reversed(browser, solange: Actor) -> None:
    office = browser(solange)
    said = {
        "debit": "bank",
        "credit": "cash_safe",
        "amount": "9000",
        "why": "Brought to the bank",
        "key": short_code(12),
    }
    assert (await office.post(f"{OFFICE}/ledger/new", said | {"why": ""})).status_code == 422
    assert (await office.post(f"{OFFICE}/ledger/new", said | {"credit": "bank"})).status_code == 422
    assert (await office.post(f"{OFFICE}/ledger/new", said | {"credit": "order_due"})).status_code == 422
    first, second = [await office.post(f"{OFFICE}/ledger/new", said) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    page = await office.get(f"{OFFICE}/ledger")
    assert element(page.text, "sum").startswith('<td id="sum">0<')
    assert (await payments.balance(solange, Account.BANK)).minor == 9000
    entry = first.headers["location"]
    assert "Brought to the bank" in (await office.get(entry)).text
    assert (await office.post(f"{entry}/reverse", {"why": ""})).status_code == 422
    assert (await office.post(f"{entry}/reverse", {"why": "It was yesterday"})).status_code == 303
    assert (await office.post(f"{entry}/reverse", {"why": "Again"})).status_code == 409
    assert (await payments.balance(solange, Account.BANK)).minor == 0


@pytest.mark.req("J8")
async def test_an_entry_that_something_else_made_is_not_reversed_by_hand(
    till: Till, browser, esther: Actor, solange: Actor
) -> None:
    made = await till.take(esther, 2000)
    entry = (await payments.entries(solange, about=f"payment:{made}"))[0]
    answer = await browser(solange).post(f"{OFFICE}/ledger/entries/{entry.id}/reverse", {"why": "I want it gone"})
    assert answer.status_code == 409
    assert (await payments.balance(solange, Account.CASH_FLOAT, esther.user)).minor == 2000


@pytest.mark.req("J12")
async def test_a_day_is_closed_only_when_every_difference_has_a_name(
    till: Till, browser, esther: Actor, solange: Actor, next_morning
) -> None:
    next_morning()
    await till.take(esther, 7000)
    shift = await cash.open_shift(esther, esther.user)
    assert shift
    day = clock.local_day(clock.now(), solange.zone)
    office, path = browser(solange), f"{OFFICE}/reconciliation"
    assert (await office.post(f"{path}/close", {"day": str(day)})).status_code == 409
    await browser(esther).post(f"/cash/{shift.id}/count", {"total": "6999", "reason": "A coin was lost"})
    assert (await office.post(f"{path}/compare", {"day": str(day), "method": "cash"})).status_code == 303
    page = await office.get(f"{path}?day={day}")
    assert "-1" in element(page.text, "of-cash")
    assert "Another amount" in page.text
    assert (await office.post(f"{path}/close", {"day": str(day)})).status_code == 409
    line = re.search(r"/lines/([0-9a-f-]{36})/resolve", page.text)
    assert line
    assert (await office.post(f"{path}/lines/{line[1]}/resolve", {"why": ""})).status_code == 422
    assert (await office.post(f"{path}/lines/{line[1]}/resolve", {"why": "The lost coin"})).status_code == 303
    assert (await office.post(f"{path}/close", {"day": str(day)})).status_code == 303
    assert "The day is closed" in (await office.get(f"{path}?day={day}")).text


@pytest.mark.req("J12")
async def test_the_banks_day_fits_its_lines_and_an_unknown_line_stands_out(
    till: Till, browser, solange: Actor, next_morning
) -> None:
    next_morning()
    day = clock.local_day(clock.now(), solange.zone)
    bill = await bank.invoice(solange, await till.ask(Method.BANK, 5000))
    await bank_service.import_lines(solange, [row("FT1", 5000, bill.code)], source="a.csv")
    office, path = browser(solange), f"{OFFICE}/reconciliation"
    await office.post(f"{path}/compare", {"day": str(day), "method": "bank"})
    assert (await office.post(f"{path}/close", {"day": str(day)})).status_code == 303
    stranger = {"bank_ref": "FT2", "booked_on": str(day), "amount": "1"}
    await office.post(f"{OFFICE}/bank/lines", stranger)
    await office.post(f"{path}/compare", {"day": str(day), "method": "bank"})
    assert "Only in their list" in (await office.get(f"{path}?day={day}")).text


@pytest.mark.req("J11")
async def test_the_office_sets_where_money_goes_and_the_tax_class(browser, solange: Actor, till: Till) -> None:
    said = {
        "payee": "Ibitaro", "bank_name": "BK", "bank_account": "0001-22", "variance_limit": "500", "tax_class": "B",
    }  # fmt: skip
    office = browser(solange)
    assert (await office.post(f"{OFFICE}/settings", said | {"tax_class": "Z"})).status_code == 422
    assert (await office.post(f"{OFFICE}/settings", said)).status_code == 303
    page = await office.get(f"{OFFICE}/settings?saved=1")
    assert 'value="0001-22"' in page.text
    assert '<option value="B" selected>' in page.text
    assert await cash.variance_limit(solange) == Money(500)
    made = await till.ask(Method.BANK, 700)
    assert "0001-22" in (await office.get(f"/invoices/{made}")).text


@pytest.mark.req("J5", "J6", "J7", "N7")
async def test_the_other_hospitals_office_finds_nothing_of_ours(
    till: Till, browser, esther: Actor, solange: Actor, make: Make, stay: UUID
) -> None:
    made = await till.take(esther, 2000)
    line = await bank_service.type_line(solange, row("FT1", 5000))
    shift = await cash.open_shift(esther, esther.user)
    assert shift
    entry = (await payments.entries(solange, about=f"payment:{made}"))[0]
    other = await make.other()
    stranger = await other.user("Olive Other", Role.FINANCE)
    paths = [f"payments/{made}", f"bank/{line}", f"cash/{shift.id}", f"statements/{stay}", f"ledger/entries/{entry.id}"]
    page = browser(stranger)
    for path in paths:
        assert (await page.get(f"{OFFICE}/{path}")).status_code == 404, path
        assert (await browser(solange).get(f"{OFFICE}/{path}")).status_code == 200, path
    assert (await page.post(f"{OFFICE}/cash/{shift.id}/receive", {"counted": "2000"})).status_code == 404
    assert (await page.post(f"{OFFICE}/payments/{made}/refund", {"amount": "5", "why": "Theirs"})).status_code == 404
    assert (await payments.payment(solange, made)).refunded_minor == 0
