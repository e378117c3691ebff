"""The office reads names and numbers that people use, not the program's own ids; a network's reference stays whole."""

import re
from uuid import UUID

import pytest

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.payments import queries
from dusangire.payments.queries import cash, desk
from dusangire.payments.queries.own import receipt_number
from dusangire.payments.rules import Method
from tests.make import Make
from tests.payments.finance.conftest import Till

OFFICE = "/admin/finance"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}")


def _said(page: str) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"<[^>]+>", " ", page)


@pytest.mark.req("J6")
async def test_a_payment_is_called_by_its_receipt_and_by_whose_it_is(
    till: Till, browser, solange: Actor, esther: Actor
) -> None:
    made, asked = await till.take(esther, 700), await till.ask(Method.MTN, 300)
    one, sent = await queries.payment(solange, made), await queries.payment(solange, asked)
    office = browser(solange)
    page = _said((await office.get(f"{OFFICE}/payments/{made}")).text)
    assert receipt_number(one.reference) in page
    assert "Amina" in page
    assert _ID.search(page) is None
    assert str(sent.reference) in (await office.get(f"{OFFICE}/payments/{asked}")).text  # found in the network's list


@pytest.mark.req("J6")
async def test_every_party_of_an_entry_has_a_name(till: Till, browser, solange: Actor, esther: Actor) -> None:
    made = await till.take(esther, 700)
    one = await queries.payment(solange, made)
    entry = (await queries.entries(solange, about=one.about))[0]
    office = browser(solange)
    page = _said((await office.get(f"{OFFICE}/ledger/entries/{entry.id}")).text)
    assert receipt_number(one.reference) in page
    assert "Esther" in page
    assert "Amina" in page
    for account in ("cash_float", "admission_receivable"):
        page += _said((await office.get(f"{OFFICE}/ledger/accounts/{account}")).text)
    assert _ID.search(page) is None


@pytest.mark.req("J6")
async def test_the_bills_say_the_payer_class_in_words(stay: UUID, browser, solange: Actor) -> None:
    assert "Pays for themselves" in (await browser(solange).get(f"{OFFICE}/statements")).text


@pytest.mark.req("M3")
async def test_another_hospital_learns_no_name_of_ours(
    till: Till, make: Make, solange: Actor, esther: Actor, stay: UUID
) -> None:
    made = await till.take(esther, 700)
    stranger = await (await make.other()).user("Olive Other", Role.FINANCE)
    ids = [made, stay, esther.user]
    with acting_as(solange):
        assert set(await desk.parties(solange, ids)) == set(ids)
    with acting_as(stranger):
        assert await desk.parties(stranger, ids) == {}


async def test_a_bill_at_the_counter_is_found_by_the_name_of_its_patient(till: Till, solange: Actor) -> None:
    made = await till.ask(Method.CASH, 400)
    with acting_as(solange):
        found = await cash.cash_due(solange, "amina")
        assert [one.payment for one in found] == [made]
        assert "Amina" in found[0].name
        assert await cash.cash_due(solange, "nobody of that name") == []
