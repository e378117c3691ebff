"""The bank: its lines come in once, pay what they name, and what nobody knows stays in a liability of its own.

A line's money is in `bank_unmatched` under the line; matched, it is held there under the payment until that is whole;
then it pays. So a part that came early, or too much, is never income and never lost.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import bank as queries
from dusangire.payments.queries.bank import BankLine, Invoice, Use
from dusangire.payments.rules import State
from dusangire.payments.rules.bank import BankRow, codes_in, divide
from dusangire.payments.rules.ledger import Account, EntryKind, Line, due, move
from dusangire.payments.service.annulling import annul
from dusangire.payments.service.intents import settle_bank
from dusangire.payments.service.ledger import post, reverse
from dusangire.payments.tables import BankUse


class Imported(Struct, frozen=True):
    """What became of a list: lines that came in, their payments, and the references that were here before."""

    lines: int
    matched: int
    repeated: tuple[str, ...]


async def import_lines(actor: Actor, rows: Sequence[BankRow], *, source: str) -> Imported:
    """Take in the lines of a list that are new, and match those that name an invoice; the others wait."""
    matched, repeated, new = 0, [], 0
    async with transaction():
        for row in rows:
            made = await _take_in(actor, row, source)
            if made is None:
                repeated.append(row.bank_ref)
                continue
            new += 1
            matched += await _match_by_code(actor, made)
        await record(actor, "bank:imported", f"bank:{source}", lines=new, matched=matched, repeated=len(repeated))
    return Imported(new, matched, tuple(repeated))


async def type_line(actor: Actor, row: BankRow) -> UUID:
    """Take in one line that somebody typed. Raises Refusal where the bank's reference came in before."""
    async with transaction():
        made = await _take_in(actor, row, "")
        if made is None:
            raise Refusal("finance.bank.duplicate", status=422, value=row.bank_ref)
        await _match_by_code(actor, made)
        await record(actor, "bank:line_typed", f"bank_line:{made.id}", amount=row.amount.minor)
    return made.id


async def match(actor: Actor, line_id: UUID, payment_id: UUID, *, how: str = "hand") -> Use:
    """Let a line pay what is still due of an invoice; what is over stays on the line, what lacks stays due.

    Raises Refusal where nothing is left on the line, or the invoice is no longer waiting.
    """
    async with transaction():
        await _lock(line_id)
        await payments.locked(actor, payment_id)
        line, bill = await queries.line(actor, line_id), await queries.invoice(actor, payment_id)
        parts = divide(line.left, bill.due)
        if not parts.used:
            raise Refusal("finance.bank.nothing_due" if line.left else "finance.bank.nothing_left")
        lines = move((Account.BANK_UNMATCHED, line_id), (Account.BANK_UNMATCHED, payment_id), parts.used.minor)
        made = await _use(actor, line_id, payment_id, parts.used, lines, how=how)
        if not parts.still_due:
            await _settle(actor, bill)
        also = [f"payment:{payment_id}"]
        await record(actor, "bank:matched", f"bank_line:{line_id}", also=also, amount=parts.used.minor, how=how)
        return await queries.use(actor, made)


async def send_back(actor: Actor, line_id: UUID, amount: Money, *, why: str) -> UUID:
    """Write down that money nobody is owed was sent back to the sender. Raises Refusal where the line has less."""
    async with transaction():
        await _lock(line_id)
        line = await queries.line(actor, line_id)
        if amount.minor > line.left_minor:
            raise Refusal("finance.bank.too_much", status=422, left=line.left)
        lines = move((Account.BANK_UNMATCHED, line_id), (Account.BANK, None), amount.minor)
        made = await _use(actor, line_id, None, amount, lines, how="return", why=why)
        await record(actor, "bank:sent_back", f"bank_line:{line_id}", amount=amount.minor, why=why)
    return made


async def undo(actor: Actor, use_id: UUID, *, why: str) -> None:
    """Take a match or a return back by reversing its entry; a payment it had settled is due again.

    Raises Refusal where it was undone before, or the payment has been refunded since.
    """
    async with transaction():
        await _lock((await queries.use(actor, use_id)).line)
        found = await queries.use(actor, use_id)
        if found.undone_at is not None:
            raise Refusal("finance.bank.undone")
        if found.payment is not None and found.state is State.PAID:
            await annul(actor, found.payment, why=why)
        await reverse(actor, found.entry, reason=why)
        await BankUse.update({
            BankUse.undone_at: clock.now(), BankUse.undone_by: actor.user, BankUse.undone_why: why
        }).where(mine(BankUse, actor), BankUse.id == use_id)  # fmt: skip
        await record(actor, "bank:undone", f"bank_line:{found.line}", amount=found.amount_minor, why=why)


async def _take_in(actor: Actor, row: BankRow, source: str) -> BankLine | None:
    """None where the bank's reference is known: one statement decides, whoever imports at the same time."""
    made = await fetch_value(
        """
        INSERT INTO bank_line (id, hospital, bank_ref, booked_on, amount_minor, sender, message, source, imported_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (hospital, bank_ref) DO NOTHING RETURNING id
        """,
        uuid7(),
        actor.hospital,
        row.bank_ref,
        row.booked_on,
        row.amount.minor,
        row.sender,
        row.message,
        source,
        actor.user,
    )
    if made is None:
        return None
    lines = move((Account.BANK, None), (Account.BANK_UNMATCHED, made), row.amount.minor)
    await post(actor, EntryKind.BANK, f"bank_line:{made}", lines, key=f"bank_line:{made}")
    return await queries.line(actor, made)


async def _match_by_code(actor: Actor, line: BankLine) -> int:
    """Match a new line with the one open invoice it names; a line that names two is for a person to divide."""
    codes = codes_in(f"{line.message} {line.sender}")
    named = [one for one in await queries.invoices_of_codes(actor, codes) if one.due] if codes else []
    if len(named) != 1:
        return 0
    await match(actor, line.id, named[0].payment, how="auto")
    return 1


async def _use(
    actor: Actor, line_id: UUID, payment: UUID | None, amount: Money, lines: list[Line], *, how: str, why: str = ""
) -> UUID:
    made = uuid7()
    key = f"bank_use:{made}"
    await post(actor, EntryKind.BANK, f"bank_line:{line_id}", lines, key=key, reason=why)
    await BankUse.insert(
        BankUse(
            id=made,
            hospital=actor.hospital,
            line=line_id,
            payment=payment,
            amount_minor=amount.minor,
            how=how,
            why=why,
            entry=await payments.entry_of_key(actor, key),
            made_by=actor.user,
            made_at=clock.now(),
        )
    )
    return made


async def _settle(actor: Actor, bill: Invoice) -> None:
    """Pay what is due from the money held for it. The key is that of every payment's entry, so nothing posts it twice:
    the transfer is at the bank already, and settling would bring it there once more."""
    to = due(bill.purpose, bill.subject)
    lines = move((Account.BANK_UNMATCHED, bill.payment), to, bill.amount_minor)
    await post(actor, EntryKind.PAID, f"payment:{bill.payment}", lines, key=f"paid:{bill.payment}")
    await settle_bank(actor, bill.payment)


async def _lock(line_id: UUID) -> None:
    """One at a time on a line; a statement of its own, so that what is read next is as the last one left it."""
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 52))", str(line_id))
