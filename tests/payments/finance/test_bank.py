"""The bank: lines come in once, pay what they name, and no franc of them is ever lost or counted twice."""

import asyncio
from datetime import date

import asyncpg
import pytest

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import bank as queries
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.bank import BankRow
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import bank
from tests.payments.finance.conftest import Till

DAY = date(2026, 11, 20)


def row(ref: str, amount: int, message: str = "") -> BankRow:
    return BankRow(ref, DAY, Money(amount), "UWASE A", message)


async def _code(till: Till, amount: int) -> tuple[queries.Invoice, str]:
    made = await till.ask(Method.BANK, amount)
    bill = await queries.invoice(till.actor, made)
    return bill, f"MEALS {bill.code}"


async def _unmatched(actor: Actor) -> int:
    return (await payments.balance(actor, Account.BANK_UNMATCHED)).minor


@pytest.mark.req("J6")
async def test_a_transfer_that_names_its_invoice_pays_it_by_itself(till: Till, solange: Actor) -> None:
    bill, message = await _code(till, 5000)
    done = await bank.import_lines(solange, [row("FT1", 5000, message), row("FT2", 300)], source="november.csv")
    assert (done.lines, done.matched, done.repeated) == (2, 1, ())
    assert (await payments.payment(solange, bill.payment)).state is State.PAID
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, till.stay) == Money(-5000)
    assert (await payments.balance(solange, Account.BANK)).minor == 5300
    assert await _unmatched(solange) == -300
    assert await payments.books_balance(solange)


@pytest.mark.req("J6")
async def test_the_same_line_comes_in_once_and_the_second_is_named(till: Till, solange: Actor) -> None:
    rows = [row("FT1", 5000), row("FT2", 400)]
    await bank.import_lines(solange, rows, source="a.csv")
    again = await bank.import_lines(solange, [*rows, row("FT3", 1)], source="b.csv")
    assert (again.lines, again.repeated) == (1, ("FT1", "FT2"))
    with pytest.raises(Refusal) as refused:
        await bank.type_line(solange, row("FT1", 9999))
    assert refused.value.key == "finance.bank.duplicate"
    assert (await payments.balance(solange, Account.BANK)).minor == 5401


@pytest.mark.req("J6")
async def test_the_unique_index_is_what_blocks_a_second_line(till: Till, solange: Actor) -> None:
    """The negative control: what two imports at once would write without it, PostgreSQL refuses."""
    answers = await asyncio.gather(
        *(bank.type_line(solange, row("FT1", 5000)) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in answers) == ["Refusal"] * 4 + ["UUID"]
    assert (await payments.balance(solange, Account.BANK)).minor == 5000
    with pytest.raises(asyncpg.UniqueViolationError):
        await fetch_value(
            "INSERT INTO bank_line (id, hospital, bank_ref, booked_on, amount_minor, imported_by)"
            " VALUES ($1, $2, 'FT1', $3, 5000, $4) RETURNING id",
            uuid7(),
            solange.hospital,
            DAY,
            solange.user,
        )


@pytest.mark.req("J6")
async def test_a_part_leaves_the_rest_due_and_the_second_part_settles_it(till: Till, solange: Actor) -> None:
    bill, message = await _code(till, 5000)
    await bank.import_lines(solange, [row("FT1", 3000, message)], source="a.csv")
    half = await queries.invoice(solange, bill.payment)
    assert (half.state, half.received, half.due) == (State.PENDING, Money(3000), Money(2000))
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, till.stay) == Money(0)
    await bank.import_lines(solange, [row("FT2", 2000, message)], source="a.csv")
    whole = await queries.invoice(solange, bill.payment)
    assert (whole.state, whole.due) == (State.PAID, Money(0))
    assert await _unmatched(solange) == 0


@pytest.mark.req("J6")
async def test_what_is_over_stays_with_the_line_until_it_is_sent_back(till: Till, solange: Actor) -> None:
    bill, message = await _code(till, 5000)
    await bank.import_lines(solange, [row("FT1", 5800, message)], source="a.csv")
    line = (await queries.lines(solange, None, None, only_open=True))[0]
    assert (line.left, await _unmatched(solange)) == (Money(800), -800)
    with pytest.raises(Refusal, match="too_much"):
        await bank.send_back(solange, line.id, Money(801), why="Paid too much")
    await bank.send_back(solange, line.id, Money(800), why="Paid too much")
    assert await queries.lines(solange, None, None, only_open=True) == []
    assert (await payments.balance(solange, Account.BANK)).minor == 5000
    assert (await payments.payment(solange, bill.payment)).state is State.PAID


@pytest.mark.req("J6", "J15")
async def test_a_wrong_match_is_undone_by_the_mirror_of_its_entry(till: Till, solange: Actor) -> None:
    bill, _ = await _code(till, 5000)
    line = await bank.type_line(solange, row("FT1", 5000))
    used = await bank.match(solange, line, bill.payment)
    await bank.undo(solange, used.id, why="Another patient's transfer")
    assert (await queries.line(solange, line)).left == Money(5000)
    assert (await payments.payment(solange, bill.payment)).state is State.CANCELLED
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, till.stay) == Money(0)
    assert await _unmatched(solange) == -5000
    mirrors = [one for one in await payments.entries(solange, about=f"bank_line:{line}") if one.reverses]
    assert [one.reason for one in mirrors] == ["Another patient's transfer"]
    with pytest.raises(Refusal, match="undone"):
        await bank.undo(solange, used.id, why="Twice")


@pytest.mark.req("J6")
async def test_a_line_that_names_two_invoices_waits_for_a_person(till: Till, solange: Actor) -> None:
    (_, first), (_, second) = await _code(till, 1000), await _code(till, 2000)
    done = await bank.import_lines(solange, [row("FT1", 3000, f"{first} {second}")], source="a.csv")
    assert done.matched == 0
    assert await _unmatched(solange) == -3000


@pytest.mark.req("J6")
async def test_two_who_match_the_same_line_at_once_use_it_once(till: Till, solange: Actor, mukunzi: Actor) -> None:
    (first, _), (second, _) = await _code(till, 5000), await _code(till, 5000)
    line = await bank.type_line(solange, row("FT1", 5000))
    answers = await asyncio.gather(
        bank.match(solange, line, first.payment), bank.match(mukunzi, line, second.payment), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in answers) == ["Refusal", "Use"]
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, till.stay) == Money(-5000)


@pytest.mark.req("J6")
async def test_without_the_programs_lock_the_database_refuses_the_second_use(
    till: Till, solange: Actor, mukunzi: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the lock: both read the line as free, and the trigger is what is left."""

    async def no_lock(line_id: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(bank, "_lock", no_lock)
    real = queries.line
    both = asyncio.Barrier(2)

    async def together(actor: Actor, line_id: object) -> queries.BankLine:
        found = await real(actor, line_id)
        await asyncio.wait_for(both.wait(), 5)
        return found

    (first, _), (second, _) = await _code(till, 5000), await _code(till, 5000)
    line = await bank.type_line(solange, row("FT1", 5000))
    monkeypatch.setattr(queries, "line", together)
    answers = await asyncio.gather(
        bank.match(solange, line, first.payment), bank.match(mukunzi, line, second.payment), return_exceptions=True
    )
    assert sum(isinstance(one, asyncpg.PostgresError) for one in answers) == 1
    monkeypatch.setattr(queries, "line", real)
    assert (await queries.line(solange, line)).left == Money(0)


@pytest.mark.req("J6", "N7")
async def test_the_other_hospital_sees_no_line_and_its_reference_is_its_own(
    till: Till, solange: Actor, ines: Actor
) -> None:
    line = await bank.type_line(solange, row("FT1", 5000))
    with acting_as(ines):
        with pytest.raises(NotHere):
            await queries.line(ines, line)
        assert await queries.known_refs(ines, ["FT1"]) == frozenset()
        await bank.type_line(ines, row("FT1", 5000))
    assert await queries.known_refs(solange, ["FT1"]) == {"FT1"}
