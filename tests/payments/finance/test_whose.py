"""A refund says whose it is and for what, and why it failed in the reader's own language; no sum counts a franc twice."""

import csv
import io
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from dusangire.kernel import db
from dusangire.kernel.access import Actor
from dusangire.kernel.clock import local_day, now
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.pages import own
from dusangire.payments.queries import cash, desk
from dusangire.payments.queries.refunds import paid_back
from dusangire.payments.rules import Method
from dusangire.payments.rules.desk import Counts, PaymentFilter, counts_as
from dusangire.payments.rules.providers import Reason, Rejected
from tests.make import Browser, Make, element
from tests.orders.conftest import Bedside
from tests.payments.finance.conftest import Till
from tests.payments.test_intents import Scripted, far  # noqa: F401  a fixture
from tests.payments.test_refunds import _paid
from tests.unguarded import rewrite

OFFICE = "/admin/finance"
Open = Callable[[Actor | None], Browser]


@pytest.mark.req("J8")
async def test_a_refund_says_whose_it_is_and_opens_what_it_was_for(
    bedside: Bedside, till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    tray = await bedside.order("CHK-STW")
    (of_tray,) = await queries.payments_of(solange, tray.id)
    office = browser(solange)
    await office.post(f"{OFFICE}/counter/{of_tray.id}/take")
    for payment in (of_tray.id, await till.take(esther, 700)):
        await service.give_back(solange, payment, Money(100), why="Too cold")
    page = element((await office.get(f"{OFFICE}/refunds")).text, "pending")
    bought = dict(re.findall(r'<td><a href="([^"]+)">(.+?)</a></td>', page))
    assert bought[f"/orders/{tray.id}"] == f'Meal <span class="when">{tray.code}</span>'
    assert bought[f"{OFFICE}/statements/{till.stay}"] == "Stay&#39;s account"
    bed = (await desk.payment_rows(solange, PaymentFilter(local_day(now(), solange.zone))))[0].bed
    assert bed
    assert page.count("Amina ") == 2
    assert page.count(bed) == 2


@pytest.mark.req("J8")
async def test_many_refunds_are_named_with_as_many_statements_as_one(
    till: Till, browser: Open, esther: Actor, solange: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, asked = browser(solange), await till.take(esther, 2000)
    said: list[str] = []
    await office.get(f"{OFFICE}/refunds")
    connection = db.connection
    monkeypatch.setattr(db, "connection", lambda: said.append("one") or connection())
    counts = []
    for _ in range(3):
        await service.give_back(solange, asked, Money(100), why="Too cold")
        said.clear()
        page = (await office.get(f"{OFFICE}/refunds")).text
        counts.append(len(said))
    assert page.count("Amina ") == 3
    assert counts[0] == counts[1] == counts[2] > 5


@pytest.mark.req("M3")
async def test_another_hospitals_payments_have_no_row_here(till: Till, make: Make, esther: Actor) -> None:
    made, other = await till.take(esther, 700), await make.other()
    assert set(await desk.rows_of(esther, [made])) == {made}
    assert await desk.rows_of(other.actor, [made]) == {}


async def test_the_last_of_many_paid_refunds_is_still_in_the_list(till: Till, esther: Actor, solange: Actor) -> None:
    taken = await till.take(esther, 2000)
    made = []
    for days in (3, 2, 1):
        one = await service.give_back(solange, taken, Money(10), why="Too cold")
        await service.pay_out(solange, one)
        await rewrite("UPDATE refund SET asked_at = asked_at - make_interval(days => $2) WHERE id = $1", one, days)
        made.append(one)
    assert [one.id for one in await paid_back(solange, most=2)] == [made[2], made[1]]


@pytest.mark.req("J6", "J8")
@pytest.mark.parametrize(
    ("lang", "why", "label"),
    [
        ("en", "The account cannot receive money", "The network's own words"),
        ("fr", "Ce compte ne peut pas recevoir", "Mots du réseau"),
        ("rw", "Iyi konti ntishobora kwakira amafaranga", "Amagambo y'umuyoboro"),
    ],
)
async def test_what_the_network_answered_is_said_in_the_readers_language(
    make: Make,
    far: Scripted,  # noqa: F811
    browser: Open,
    solange: Actor,
    lang: str,
    why: str,
    label: str,
) -> None:
    one = await _paid(make.actor)
    back = await service.give_back(make.actor, one.id, Money(800), why="cold")
    far.refund_answer = Rejected(Reason.PAYEE_BLOCKED, "RESOURCE_LOCKED payee is blocked")
    await jobs.send_refund(make.actor, back)
    office = browser(solange)
    for path in ("refunds", f"payments/{one.id}"):
        page = (await office.get(f"{OFFICE}/{path}?lang={lang}")).text.replace("&#39;", "'")
        assert why in page, path
        assert f'<summary>{label}</summary><p class="quiet" lang="en">RESOURCE_LOCKED payee is blocked</p>' in page, (
            path
        )
        assert "payee_blocked" not in page, path


@pytest.mark.parametrize("method", list(Method))
def test_only_what_a_person_or_a_network_hands_over_is_money(method: Method) -> None:
    money = {Method.CASH, Method.BANK, Method.MTN, Method.AIRTEL}
    assert (counts_as(method) is Counts.MONEY) == (method in money)


@pytest.mark.req("CHK-4.2.3", "J6")
async def test_a_meal_on_the_bill_and_the_money_for_that_bill_are_not_counted_twice(
    bedside: Bedside, till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    tray = await bedside.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    await till.take(esther, tray.total_minor)
    office, francs = browser(solange), f"FRW\u00a0{tray.total_minor:,}"
    for path in ("/", "/payments"):
        page = (await office.get(OFFICE + path)).text
        assert f"<h1>{francs} taken</h1>" in page, path
        assert f"{francs} put on bills" in element(page, "apart-on_account"), path
        assert "Hospital bill" in element(page, "sum-on_account"), path
        assert "Hospital bill" not in element(page, "sum-money"), path
    listed = (await office.get(f"{OFFICE}/payments")).text
    assert listed.count("on the bill, not taken yet") == 1
    assert "Cash" in element(listed, "sum-money")
    assert sum(await _taken(office)) == tray.total_minor


@pytest.mark.req("K2", "J6")
async def test_a_plan_is_money_once_and_the_meals_eaten_from_it_are_none(
    till: Till, browser: Open, esther: Actor, solange: Actor, bedside: Bedside
) -> None:
    tray = await bedside.order("CHK-STW")
    (meal,) = await queries.payments_of(solange, tray.id)
    await rewrite("UPDATE payment SET method = 'subscription', state = 'paid' WHERE id = $1", meal.id)
    await till.take(esther, 9000)
    office = browser(solange)
    page = (await office.get(f"{OFFICE}/payments")).text
    assert "<h1>FRW\u00a09,000 taken</h1>" in page
    assert f"FRW\u00a0{tray.total_minor:,} eaten from plans" in element(page, "apart-prepaid")
    assert page.count("from the plan, not new money") == 1
    assert sorted(await _taken(office)) == [0, 9000]


async def _taken(office: Browser) -> list[int]:
    """The last column of the sheet, which may be summed."""
    rows = list(csv.reader(io.StringIO((await office.get(f"{OFFICE}/payments.csv")).text)))
    assert rows[0][-2:] == ["Counts as", "Money taken (FRW)"]
    return [int(row[-1]) for row in rows[1:]]


@pytest.mark.req("J6", "CHK-4.2.3")
async def test_the_payments_of_every_day_are_left_by_unticking_a_box(
    till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    old = await till.take(esther, 900)
    await rewrite("UPDATE payment SET created_at = created_at - interval '9 days' WHERE id = $1", old)
    office, today = browser(solange), local_day(now(), solange.zone)
    every = (await office.get(f"{OFFICE}/payments?of=all&day={today}")).text
    assert f"{OFFICE}/payments/{old}" in every
    assert '<input type="checkbox" name="of" value="all" checked>' in every
    assert '<input type="hidden" name="of"' not in every
    assert f"{OFFICE}/payments/{old}" not in (await office.get(f"{OFFICE}/payments?day={today}&until={today}")).text


@pytest.mark.req("J15", "J8")
async def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_beside_it(
    till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    made, office = await till.take(esther, 2000), browser(solange)
    path = f"{OFFICE}/payments/{made}"
    too_much = (await office.post(f"{path}/refund", {"amount": "2001", "why": "Too cold"})).text
    assert 'value="2001"' in too_much
    assert too_much.count('value="Too cold"') == 1
    for verb, at in (("refund", ""), ("compensate", "-free"), ("annul", "-annul")):
        page = (await office.post(f"{path}/{verb}", {"amount": "5", "why": "x"})).text
        assert f'href="#why{at}"' in page, verb
        assert f'aria-describedby="why{at}-error"' in page, verb
        assert page.count('name="why"') == 3
        assert page.count('value="x"') == 1, verb
    back = await service.give_back(solange, made, Money(100), why="Too cold")
    long = "7" * 81
    page = (await office.post(f"{OFFICE}/refunds/{back}/pay-out", {"reference": long})).text
    assert f'href="#reference-{back}"' in page
    assert f'id="reference-{back}" name="reference" value="{long}"' in page


@pytest.mark.req("J6")
async def test_a_payment_says_whose_it_is(bedside: Bedside, browser: Open, solange: Actor) -> None:
    tray = await bedside.order("CHK-STW")
    (one,) = await queries.payments_of(solange, tray.id)
    page = (await browser(solange).get(f"{OFFICE}/payments/{one.id}")).text
    row = (await desk.rows_of(solange, [one.id]))[one.id]
    assert row.bed
    assert f'<th scope="row">Whose</th><td>{row.name}, <span class="when">{row.bed}</span></td>' in page


@pytest.mark.req("J14", "J6")
async def test_ones_own_payments_say_why_one_failed_and_open_the_bill_of_a_transfer(
    till: Till, browser: Open, amina: Actor, solange: Actor
) -> None:
    failed, transfer = await till.ask(Method.MTN, 300), await till.ask(Method.BANK, 700)
    await rewrite("UPDATE payment SET payer_user = $2 WHERE id = ANY($1::uuid[])", [failed, transfer], amina.user)
    await rewrite("UPDATE payment SET state = 'failed', reason = 'no_funds' WHERE id = $1", failed)
    # Half past one in the morning of Kigali is the day before in the database's own zone.
    await rewrite("UPDATE payment SET created_at = '2026-11-20T23:30:00Z' WHERE id = $1", failed)
    page = (await browser(amina).get("/payments/")).text
    assert "Not enough money on the account." in element(page, f"payment-{failed}")
    assert "21 November 2026 01:30" in element(page, f"payment-{failed}")
    assert f'href="/invoices/{transfer}"' in element(page, f"payment-{transfer}")
    assert (await browser(amina).get(f"/invoices/{transfer}")).status_code == 200
    await rewrite("UPDATE payment SET purpose = 'plan' WHERE id = $1", failed)
    assert 'href="/plans/"' in element((await browser(amina).get("/payments/")).text, f"payment-{failed}")


@pytest.mark.req("J11")
async def test_a_fiscal_receipt_is_promised_only_for_what_is_reported(
    till: Till, browser: Open, esther: Actor, amina: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "settings", lambda: SimpleNamespace(ebm=object()))
    bill = await till.take(esther, 700)
    await rewrite("UPDATE payment SET payer_user = $2 WHERE id = $1", bill, amina.user)
    page = browser(amina)
    assert "pending" not in (await page.get(f"/payments/{bill}/receipt")).text
    await rewrite("UPDATE payment SET purpose = 'plan' WHERE id = $1", bill)
    assert "Fiscal receipt pending" in (await page.get(f"/payments/{bill}/receipt")).text
    await rewrite("UPDATE payment SET method = 'points' WHERE id = $1", bill)
    assert "pending" not in (await page.get(f"/payments/{bill}/receipt")).text


@pytest.mark.req("J7")
async def test_a_statement_says_that_the_bill_and_the_money_for_it_are_not_added(
    bedside: Bedside, till: Till, browser: Open, esther: Actor, solange: Actor
) -> None:
    await bedside.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    office, path = browser(solange), f"{OFFICE}/statements/{till.stay}"
    assert "Do not add the two" not in (await office.get(path)).text
    await till.take(esther, 500)
    assert "Do not add the two" in (await office.get(path)).text


@pytest.mark.req("J5")
async def test_a_wrong_second_count_is_kept_beside_its_shift_and_not_in_the_next_one(
    till: Till, browser: Open, esther: Actor
) -> None:
    await till.take(esther, 2000)
    first = await cash.open_shift(esther, esther.user)
    assert first
    phone = browser(esther)
    assert '<details class="fold">' in (await phone.get("/cash/")).text
    unclear = await phone.post(f"/cash/{first.id}/count", {"piece_50": "many"})
    assert '<details class="fold" open>' in unclear.text
    assert 'name="piece_50" inputmode="numeric" autocomplete="off" value="many"' in unclear.text
    await phone.post(f"/cash/{first.id}/count", {"total": "1900", "reason": "A coin was lost"})
    await till.take(esther, 700)
    wrong = await phone.post(f"/cash/{first.id}/count", {"total": "1800", "reason": ""})
    assert wrong.status_code == 422
    assert f'href="#reason-{first.id}"' in wrong.text
    assert f'id="total-{first.id}"' in wrong.text
    assert wrong.text.count('value="1800"') == 1
    assert '<details class="fold" open>' in wrong.text
    assert 'id="reason-error"' not in wrong.text
    assert "<title>Error:" in wrong.text


@pytest.mark.req("J15")
async def test_an_entry_without_accounts_says_so_beside_each(browser: Open, solange: Actor) -> None:
    page = (await browser(solange).post(f"{OFFICE}/ledger/new", {})).text
    assert "<title>Error:" in page
    for name in ("debit", "credit", "amount", "why"):
        assert f'id="{name}-error"' in page, name


@pytest.mark.req("J7")
async def test_a_wrong_number_for_a_stays_account_is_said_beside_it(till: Till, browser: Open, solange: Actor) -> None:
    office, path = browser(solange), f"{OFFICE}/statements/{till.stay}/pay"
    for phone in ("", "12"):
        wrong = await office.post(path, {"amount": "100", "method": "mtn", "phone": phone})
        assert wrong.status_code == 422
        assert 'id="phone-error"' in wrong.text
        assert '<option value="mtn" selected>' in wrong.text
    points = await office.post(path, {"amount": "100", "method": "points"})
    assert 'id="method-error"' in points.text
    assert await queries.payments_of(solange, till.stay) == []


async def test_the_rooms_say_where_one_is_also_inside_one(till: Till, browser: Open, solange: Actor) -> None:
    made, office = await till.ask(Method.CASH, 400), browser(solange)
    for path, room, kind in (
        ("/", "/", "page"), ("/payments", "/payments", "page"), (f"/payments/{made}", "/payments", "true"),
        ("/ledger/new", "/ledger", "true"),
    ):  # fmt: skip
        page = (await office.get(OFFICE + path)).text
        assert f'href="{OFFICE}{room}" aria-current="{kind}"' in page, path
        assert page.partition('class="chips rooms"')[2].partition("</nav>")[0].count("aria-current") == 1, path
