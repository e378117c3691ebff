"""Reads of the ledger. A balance is the sum of its postings: debits positive, credits negative."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.money import Money
from dusangire.payments.rules.ledger import Account


class Balance(Struct, frozen=True):
    """What one account comes to."""

    account: Account
    kind: str
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class PartyBalance(Struct, frozen=True):
    """What one party's part of an account comes to."""

    party: UUID | None
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Posting(Struct, frozen=True):
    """One line of an entry."""

    account: Account
    party: UUID | None
    amount_minor: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Entry(Struct, frozen=True):
    """One entry with its lines. mirror: the entry that reversed it."""

    id: UUID
    key: str
    kind: str
    about: str
    reason: str
    reverses: UUID | None
    mirror: UUID | None
    posted_by: UUID
    posted_at: datetime
    postings: tuple[Posting, ...]


_ENTRIES = """
    SELECT e.id, e.key, e.kind, e.about, e.reason, e.reverses, m.id AS mirror, e.posted_by, e.posted_at,
           jsonb_agg(jsonb_build_object('account', p.account, 'party', p.party, 'amount_minor', p.amount_minor)
                     ORDER BY p.id) AS postings
    FROM entry e
    JOIN posting p ON p.hospital = e.hospital AND p.entry = e.id
    LEFT JOIN entry m ON m.hospital = e.hospital AND m.reverses = e.id
"""


async def balance(actor: Actor, account: Account, party: UUID | None = None) -> Money:
    """Return what an account comes to; one party's part of it where one is named."""
    return Money(
        await fetch_value(
            """
            SELECT coalesce(sum(amount_minor), 0)::bigint FROM posting
            WHERE hospital = $1 AND account = $2 AND ($3::uuid IS NULL OR party = $3)
            """,
            actor.hospital,
            account.value,
            party,
        )
    )


async def balances(actor: Actor) -> list[Balance]:
    """Return every account of the chart, those with nothing on them too."""
    return await fetch(
        Balance,
        """
        SELECT a.code AS account, a.kind, coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor
        FROM ledger_account a LEFT JOIN posting p ON p.hospital = $1 AND p.account = a.code
        GROUP BY a.code, a.kind ORDER BY a.kind, a.code
        """,
        actor.hospital,
    )


async def income(actor: Actor, since: date, until: date) -> list[Balance]:
    """Return what each account of income earned on these days: credits positive, discounts negative. One statement."""
    return await fetch(
        Balance,
        """
        SELECT a.code AS account, a.kind, coalesce(sum(-p.amount_minor), 0)::bigint AS amount_minor
        FROM ledger_account a
        LEFT JOIN (posting p JOIN entry e ON e.hospital = $1 AND e.id = p.entry AND e.posted_at >= $2
                                         AND e.posted_at < $3) ON p.hospital = $1 AND p.account = a.code
        WHERE a.kind = 'income' GROUP BY a.code, a.kind ORDER BY amount_minor DESC, a.code
        """,
        actor.hospital,
        day_bounds(since, actor.zone)[0],
        day_bounds(until, actor.zone)[1],
    )


async def parties(actor: Actor, account: Account) -> list[PartyBalance]:
    """Return whose parts of an account are not nothing, the largest first."""
    return await fetch(
        PartyBalance,
        """
        SELECT party, sum(amount_minor)::bigint AS amount_minor FROM posting WHERE hospital = $1 AND account = $2
        GROUP BY party HAVING sum(amount_minor) <> 0 ORDER BY abs(sum(amount_minor)) DESC
        """,
        actor.hospital,
        account.value,
    )


async def entries(
    actor: Actor,
    *,
    about: str | None = None,
    account: Account | None = None,
    party: UUID | None = None,
    day: date | None = None,
    limit: int = 1000,
) -> list[Entry]:
    """Return the entries about one thing, on one account or of one day of the hospital's, the latest first."""
    first, last = day_bounds(day, actor.zone) if day else (None, None)
    return await fetch(
        Entry,
        f"""
        {_ENTRIES}
        WHERE e.hospital = $1 AND ($2::text IS NULL OR e.about = $2)
          AND ($3::text IS NULL OR EXISTS (
                SELECT FROM posting q WHERE q.hospital = $1 AND q.entry = e.id AND q.account = $3
                AND ($4::uuid IS NULL OR q.party = $4)))
          AND ($5::timestamptz IS NULL OR e.posted_at >= $5 AND e.posted_at < $6)
        GROUP BY e.id, m.id ORDER BY e.posted_at DESC, e.id DESC LIMIT $7
        """,
        actor.hospital,
        about,
        None if account is None else account.value,
        party,
        first,
        last,
        limit,
    )


async def entry(actor: Actor, entry_id: UUID) -> Entry | None:
    return await fetch_one(
        Entry,
        f"{_ENTRIES} WHERE e.hospital = $1 AND e.id = $2 GROUP BY e.id, m.id",
        actor.hospital,
        entry_id,
    )


async def entry_of_key(actor: Actor, key: str) -> UUID | None:
    """Return the entry posted under this key."""
    found: UUID | None = await fetch_value("SELECT id FROM entry WHERE hospital = $1 AND key = $2", actor.hospital, key)
    return found


async def books_balance(actor: Actor) -> bool:
    """Say whether every entry, and so the whole ledger, sums to nothing."""
    crooked = await fetch_value(
        """
        SELECT count(*) FROM (
            SELECT e.id FROM entry e LEFT JOIN posting p ON p.hospital = e.hospital AND p.entry = e.id
            WHERE e.hospital = $1 GROUP BY e.id HAVING count(p.id) < 2 OR sum(p.amount_minor) <> 0
        ) AS wrong
        """,
        actor.hospital,
    )
    whole = await fetch_value("SELECT coalesce(sum(amount_minor), 0) FROM posting WHERE hospital = $1", actor.hospital)
    return bool(crooked == 0 and whole == 0)
