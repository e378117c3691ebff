"""What the finance office writes itself: an entry by hand, and its settings."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments import queries
from dusangire.payments.queries.bank import Payee
from dusangire.payments.rules.desk import BY_HAND
from dusangire.payments.rules.ledger import Account, EntryKind, move
from dusangire.payments.service.ledger import post, reverse


class Manual(Struct, frozen=True):
    """An entry by hand: an amount that one account gets from another, and why. key: of the form, so it counts once."""

    key: str
    debit: Account
    credit: Account
    amount: Money
    why: str


async def enter(actor: Actor, said: Manual) -> UUID:
    """Post an entry by hand; sent twice, it is posted once. Raises Refusal for accounts that others keep."""
    if said.debit is said.credit:
        raise Refusal("finance.entry.same_account", status=422)
    if said.debit not in BY_HAND or said.credit not in BY_HAND or not said.why.strip():
        raise Refusal("finance.entry.not_by_hand", status=422)
    key = f"manual:{actor.user}:{said.key}"
    async with transaction():
        if (before := await queries.entry_of_key(actor, key)) is not None:
            return before
        lines = move((said.debit, None), (said.credit, None), said.amount.minor)
        is_new = await post(actor, EntryKind.MANUAL, "ledger:manual", lines, key=key, reason=said.why)
        made = await queries.entry_of_key(actor, key)
        if made is None:
            raise Refusal("finance.entry.nothing", status=422)
        if is_new:
            await record(actor, "entry:by_hand", f"entry:{made}", amount=said.amount.minor, why=said.why)
    return made


async def undo_entry(actor: Actor, entry_id: UUID, *, why: str) -> UUID:
    """Reverse an entry by hand; every other entry is undone where what it is about is undone. Raises Refusal."""
    async with transaction():
        found = await queries.entry(actor, entry_id)
        if found is None or found.kind != EntryKind.MANUAL:
            raise Refusal("finance.entry.not_by_hand")
        if found.mirror is not None:
            raise Refusal("payments.moved_on")
        mirror = await reverse(actor, entry_id, reason=why)
        await record(actor, "entry:reversed", f"entry:{entry_id}", why=why)
    return mirror


class Settings(Struct, frozen=True):
    """What the office sets: where transfers go, when two people receive cash, and the tax class of meals."""

    payee: Payee
    tax_class: str


async def save_settings(actor: Actor, said: Settings) -> None:
    """Write the office's settings."""
    async with transaction():
        await execute(
            """
            INSERT INTO finance_setting (id, hospital, payee, bank_name, bank_account, variance_limit_minor, changed_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (hospital) DO UPDATE SET payee = $3, bank_name = $4, bank_account = $5,
                variance_limit_minor = $6, changed_by = $7, changed_at = now()
            """,
            uuid7(),
            actor.hospital,
            said.payee.payee,
            said.payee.bank_name,
            said.payee.bank_account,
            said.payee.variance_limit_minor,
            actor.user,
        )
        await execute(
            """
            INSERT INTO fiscal_setting (hospital, tax_class) VALUES ($1, $2)
            ON CONFLICT (hospital) DO UPDATE SET tax_class = $2
            """,
            actor.hospital,
            said.tax_class,
        )
        await record(
            actor, "finance:settings_saved", f"hospital:{actor.hospital}", tax_class=said.tax_class,
            limit=said.payee.variance_limit_minor,
        )  # fmt: skip
