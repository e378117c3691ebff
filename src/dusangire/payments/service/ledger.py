"""The only way into the ledger: whole entries that sum to nothing, each once, never changed, only reversed."""

from collections.abc import Sequence
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, transaction
from dusangire.kernel.errors import NotHere
from dusangire.kernel.ids import uuid7
from dusangire.payments import queries
from dusangire.payments.rules.ledger import Account, EntryKind, Line, kept


async def post(
    actor: Actor,
    kind: str,
    about: str,
    lines: Sequence[Line],
    *,
    key: str,
    reason: str = "",
    reverses: UUID | None = None,
) -> bool:
    """Write one entry in the caller's transaction; False where this key was posted before, or every line is zero.

    Debits are positive and must equal the credits. One statement. Raises ValueError where they do not.
    """
    said = kept(tuple(lines))
    if not said:
        return False
    made = await fetch_value(
        """
        WITH made AS (
            INSERT INTO entry (id, hospital, key, kind, about, reason, reverses, posted_by)
            VALUES ($2, $1, $3, $4, $5, $6, $7, $8) ON CONFLICT (hospital, key) DO NOTHING RETURNING id
        ), lines AS (
            INSERT INTO posting (hospital, entry, account, party, amount_minor)
            SELECT $1, made.id, said.* FROM made, unnest($9::text[], $10::uuid[], $11::bigint[]) AS said
        )
        SELECT id FROM made
        """,
        actor.hospital,
        uuid7(),
        key,
        kind,
        about,
        reason,
        reverses,
        actor.user,
        [account.value for account, _, _ in said],
        [party for _, party, _ in said],
        [amount for _, _, amount in said],
    )
    return made is not None


async def sell(actor: Actor, order_id: UUID, *, items: int, vat: int, delivery: int, discount: int, total: int) -> bool:
    """Post what a tray was sold for, once, when it is first confirmed; francs, VAT inside the items."""
    lines: list[Line] = [
        (Account.ORDER_DUE, order_id, total),
        (Account.DISCOUNTS, None, discount),
        (Account.MEALS, None, vat - items),
        (Account.VAT_PAYABLE, None, -vat),
        (Account.DELIVERY, None, -delivery),
    ]
    return await post(actor, EntryKind.SALE, f"order:{order_id}", lines, key=f"sale:{order_id}")


async def reverse(actor: Actor, entry_id: UUID, *, reason: str) -> UUID:
    """Post the mirror of an entry and return its id; of one that was reversed before, the mirror made then.

    Raises NotHere for an entry of nobody's.
    """
    async with transaction():
        entry = await queries.entry(actor, entry_id)
        if entry is None:
            raise NotHere
        lines: list[Line] = [(line.account, line.party, -line.amount_minor) for line in entry.postings]
        key = f"reverse:{entry_id}"
        await post(actor, EntryKind.REVERSAL, entry.about, lines, key=key, reason=reason, reverses=entry_id)
        mirror = await queries.entry_of_key(actor, key)
    assert mirror is not None  # noqa: S101  posted just now, or before
    return mirror


async def reverse_key(actor: Actor, key: str, *, reason: str) -> UUID | None:
    """Post the mirror of the entry with this key; None where nothing was posted under it."""
    entry_id = await queries.entry_of_key(actor, key)
    return None if entry_id is None else await reverse(actor, entry_id, reason=reason)
