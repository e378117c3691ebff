"""What an auditor finds who has the books of the hospital, of the providers, and what every telephone was told."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from dusangire.payments.rules.providers import Provider
from dusangire.payments.rules.statement import Kind, StatementLine, parse_statement
from tests.payments.kills.phones import Phone
from tests.payments.kills.running import House


class Verdict(Struct, frozen=True):
    """Each of these is nought in a run where nothing was lost, doubled or left lying. unexplained: francs."""

    unheard: int
    refused: list[str]
    lost: int
    twice_by_key: int
    twice_by_wish: int
    captured_twice: int
    kept_unduly: int
    stuck: int
    not_ended: int
    uneven_entries: int
    postings_sum: int
    uneven_dues: int
    unexplained: int
    strangers: int
    phantoms: int
    untold: int
    told_twice: int

    @property
    def wrong(self) -> dict[str, Any]:
        return {name: said for name in self.__struct_fields__ if (said := getattr(self, name))}


async def audit(house: House, phones: Sequence[Phone]) -> Verdict:
    h = phones[0].crowd.hospital
    async with house.owner() as sql:

        async def count(query: str, *args: Any) -> int:
            return int(await sql.fetchval(query, h, *args) or 0)

        explained = await _providers(house, sql, phones)
        return Verdict(
            unheard=sum(not one.acks and not one.refused for one in phones),
            refused=[one.refused for one in phones if one.refused],
            lost=await _lost(sql, h, phones),
            twice_by_key=sum(len(set(one.acks)) > 1 for one in phones) + await _other_answers(sql, h, phones),
            twice_by_wish=await count(_TWICE),
            captured_twice=await count(_CAPTURED_TWICE),
            kept_unduly=await count(_KEPT_UNDULY),
            stuck=await count(_STUCK),
            not_ended=await count(_NOT_ENDED),
            uneven_entries=await count(_UNEVEN),
            postings_sum=await count("SELECT sum(amount_minor) FROM posting WHERE hospital = $1"),
            uneven_dues=await count(_DUES),
            untold=await count(_UNTOLD),
            told_twice=await count(_TOLD_TWICE),
            **explained,
        )


async def _lost(sql: asyncpg.Connection, hospital: int, phones: Sequence[Phone]) -> int:
    told = [one.order for one in phones if one.order]
    there = await sql.fetch("SELECT id FROM meal_order WHERE hospital = $1 AND id = ANY ($2::uuid[])", hospital, told)
    return len(set(told)) - len(there)


async def _other_answers(sql: asyncpg.Connection, hospital: int, phones: Sequence[Phone]) -> int:
    """Count the keys whose kept answer names another order than the telephone was told."""
    rows = await sql.fetch("SELECT key, answer FROM idempotency WHERE hospital = $1", hospital)
    kept = {row["key"]: json.loads(row["answer"]).get("order") for row in rows}
    return sum(kept.get(one.keys[-1]) != str(one.acks[-1]) for one in phones if one.acks)


async def _providers(house: House, sql: asyncpg.Connection, phones: Sequence[Phone]) -> dict[str, int]:
    """Compare the providers' statements of these days with our clearing accounts: line by line, and in francs."""
    h, digit = phones[0].crowd.hospital, str(phones[0].plan.digit)
    found = Counter[str](unexplained=0, strangers=0, phantoms=0)
    for provider, truth in (await house.truth()).items():
        mine = {one.reference: UUID(one.reference) for one in truth.payments if one.phone[-7:-6] == digit}
        refunds = {one.reference for one in truth.refunds if one.of in mine}
        lines = await _statement(house, Provider(provider))
        paid = [one for one in lines if one.kind is Kind.PAYMENT and UUID(one.reference) in mine.values()]
        back = [one for one in lines if one.kind is Kind.REFUND and one.reference in refunds]
        theirs = sum(one.amount.minor for one in paid) - sum(one.amount.minor for one in back)
        found["unexplained"] += abs(theirs - int(await sql.fetchval(_HELD, h, f"{provider}_clearing") or 0))
        taken = {UUID(one.reference) for one in paid}
        ours = {row["reference"] for row in await sql.fetch(_TAKEN, h, provider)}
        found["strangers"] += len(taken - ours)
        found["phantoms"] += len(ours - taken)
    return dict(found)


async def _statement(house: House, provider: Provider) -> list[StatementLine]:
    """Read the provider's lists of today and yesterday, as finance would."""
    today = datetime.now(UTC) + timedelta(hours=2)
    days = [f"{today - timedelta(days=n):%Y-%m-%d}" for n in (1, 0)]
    return [line for day in days for line in parse_statement(provider, await house.statement(provider, day))]


def mails(house: House) -> tuple[int, int]:
    """Return how many confirmations were mailed, and how many of them a second time."""
    sent = Counter[tuple[str, str]]()
    for path in (house.home / "mail").glob("*.eml"):
        one = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        sent[str(one["To"]), str(one["Subject"])] += 1
    return len(sent), sum(n - 1 for n in sent.values())


_HELD = "SELECT sum(amount_minor) FROM posting WHERE hospital = $1 AND account = $2"
_TAKEN = "SELECT reference FROM payment WHERE hospital = $1 AND method = $2 AND state IN ('paid', 'late')"
_MOBILE = "method IN ('mtn', 'airtel')"
_TWICE = (
    "SELECT count(*) FROM (SELECT patient FROM meal_order WHERE hospital = $1 GROUP BY patient HAVING count(*) > 1) x"
)
_CAPTURED_TWICE = f"""
    SELECT count(*) FROM (SELECT subject FROM payment WHERE hospital = $1 AND {_MOBILE} AND state = 'paid'
                          GROUP BY subject HAVING count(*) > 1) x
"""
# Money of a tray that was called off, or that came too late, and was not given back to the franc.
_KEPT_UNDULY = f"""
    SELECT count(*) FROM payment p JOIN meal_order o ON o.hospital = p.hospital AND o.id = p.subject
    WHERE p.hospital = $1 AND p.{_MOBILE} AND p.state IN ('paid', 'late')
      AND (p.state = 'late' OR o.status IN ('cancelled', 'expired', 'refused'))
      AND p.amount_minor <> (SELECT coalesce(sum(r.amount_minor), 0) FROM refund r
                             WHERE r.hospital = p.hospital AND r.payment = p.id AND r.state = 'paid')
"""
_STUCK = """
    SELECT count(*) FROM meal_order o WHERE o.hospital = $1 AND o.status = 'awaiting_payment'
      AND EXISTS (SELECT FROM payment p WHERE p.hospital = $1 AND p.subject = o.id AND p.state = 'paid')
"""
_NOT_ENDED = f"""
    SELECT (SELECT count(*) FROM payment WHERE hospital = $1 AND {_MOBILE} AND state IN ('created', 'pending', 'unknown'))
         + (SELECT count(*) FROM refund WHERE hospital = $1 AND state IN ('created', 'pending', 'unknown'))
"""
_UNEVEN = """
    SELECT count(*) FROM (SELECT entry FROM posting WHERE hospital = $1 GROUP BY entry HAVING sum(amount_minor) <> 0) x
"""
# What is due for a tray: nothing once it is paid or gone, all of it while nobody paid.
_DUES = """
    SELECT count(*) FROM meal_order o WHERE o.hospital = $1 AND (
        SELECT coalesce(sum(amount_minor), 0) FROM posting WHERE hospital = $1 AND account = 'order_due' AND party = o.id
    ) <> CASE WHEN o.status IN ('cancelled', 'expired', 'refused', 'awaiting_payment') THEN 0 ELSE o.total_minor - (
        SELECT coalesce(sum(amount_minor), 0) FROM payment WHERE hospital = $1 AND subject = o.id AND state IN ('paid', 'charged')
    ) END
"""
# For each event that its reader is to hear of there is a message in the inbox.
_UNTOLD = """
    SELECT sum(n) FROM (
    SELECT count(*) AS n FROM event e JOIN payment p ON p.hospital = e.hospital AND e.about = 'payment:' || p.id
    WHERE e.hospital = $1 AND e.kind IN ('payment:paid', 'payment:failed', 'payment:late') AND p.payer_user IS NOT NULL
      AND NOT EXISTS (SELECT FROM message m WHERE m.hospital = e.hospital AND m.app_user = p.payer_user
                      AND m.channel = 'inbox' AND m.key = e.kind || ':' || e.id || ':' || p.payer_user)
    UNION ALL
    SELECT count(*) FROM event e JOIN meal_order o ON o.hospital = e.hospital AND e.about = 'order:' || o.id
    JOIN patient t ON t.hospital = o.hospital AND t.id = o.patient CROSS JOIN (VALUES ('inbox'), ('mail')) c (channel)
    WHERE e.hospital = $1 AND e.kind = 'order:confirmed'
      AND NOT EXISTS (SELECT FROM message m WHERE m.hospital = e.hospital AND m.app_user = t.app_user
                      AND m.channel = c.channel AND m.key = 'order:confirmed:' || o.id || ':')
    ) x
"""
_TOLD_TWICE = """
    SELECT count(*) FROM (SELECT FROM message WHERE hospital = $1 AND kind IN ('order:confirmed', 'payment:paid')
                          GROUP BY app_user, channel, kind, about HAVING count(*) > 1) x
"""
