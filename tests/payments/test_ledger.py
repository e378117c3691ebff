"""The ledger: whole entries that sum to nothing, each once, never changed; the database says so when the program forgets."""

import os
import random
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere
from dusangire.kernel.ids import uuid7
from dusangire.payments import queries, service
from dusangire.payments.rules.ledger import Account, EntryKind, kept, refunded_from
from tests.make import Make
from tests.unguarded import unguarded

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
LEDGER = ("dus_entry_balances", "dus_entry_closed")


async def _post(actor: Actor, lines: list[tuple[Account, UUID | None, int]], key: str | None = None) -> bool:
    async with transaction():
        return await service.post(actor, EntryKind.MANUAL, "order:x", lines, key=key or uuid4().hex)


async def _raw(actor: Actor, *amounts: int) -> UUID:
    """Write an entry and its postings past the program."""
    made = uuid7()
    await execute(
        "INSERT INTO entry (id, hospital, key, kind, about, posted_by) VALUES ($1, $2, $3, 'manual', 'x', $4)",
        made,
        actor.hospital,
        made.hex,
        actor.user,
    )
    await _lines(actor, made, *amounts)
    return made


async def _lines(actor: Actor, entry: UUID, *amounts: int) -> None:
    await execute(
        "INSERT INTO posting (hospital, entry, account, amount_minor) SELECT $1, $2, 'meals', unnest($3::bigint[])",
        actor.hospital,
        entry,
        list(amounts),
    )


async def test_an_entry_is_written_whole_and_its_balances_are_sums(make: Make) -> None:
    one, other = uuid4(), uuid4()
    await _post(make.actor, [(Account.ORDER_DUE, one, 2800), (Account.MEALS, None, -2800), (Account.DELIVERY, None, 0)])
    await _post(make.actor, [(Account.ORDER_DUE, other, 500), (Account.MEALS, None, -500)])
    assert (await queries.balance(make.actor, Account.ORDER_DUE)).minor == 3300
    assert (await queries.balance(make.actor, Account.ORDER_DUE, one)).minor == 2800
    assert {row.account: row.amount_minor for row in await queries.balances(make.actor)}[Account.MEALS] == -3300
    assert [row.party for row in await queries.parties(make.actor, Account.ORDER_DUE)] == [one, other]
    found = await queries.entries(make.actor, account=Account.ORDER_DUE, party=one)
    assert [[(p.account, p.amount_minor) for p in row.postings] for row in found] == [
        [(Account.ORDER_DUE, 2800), (Account.MEALS, -2800)]
    ]
    today = clock.local_day(clock.now(), make.actor.zone)
    assert len(await queries.entries(make.actor, day=today)) == 2


async def test_the_same_key_is_posted_once_and_an_entry_of_nothing_never(make: Make) -> None:
    lines: list[tuple[Account, UUID | None, int]] = [(Account.BANK, None, 100), (Account.MEALS, None, -100)]
    assert await _post(make.actor, lines, "paid:1")
    assert not await _post(make.actor, lines, "paid:1")
    assert not await _post(make.actor, [(Account.BANK, None, 0), (Account.MEALS, None, 0)])
    assert (await queries.balance(make.actor, Account.BANK)).minor == 100


async def test_an_entry_is_reversed_once_by_its_mirror_and_both_stay(make: Make, ines: Actor) -> None:
    await _post(make.actor, [(Account.BANK, None, 100), (Account.MEALS, None, -100)], "a")
    first = await queries.entry_of_key(make.actor, "a")
    assert first
    mirror = await service.reverse(make.actor, first, reason="typed wrong")
    assert await service.reverse(make.actor, first, reason="again") == mirror
    found = await queries.entry(make.actor, first)
    assert found
    assert found.mirror == mirror
    assert (await queries.balance(make.actor, Account.BANK)).minor == 0
    assert len(await queries.entries(make.actor, about="order:x")) == 2
    with pytest.raises(NotHere):
        await service.reverse(ines, first, reason="not mine")


def test_lines_that_do_not_sum_to_nothing_never_reach_the_database() -> None:
    with pytest.raises(ValueError, match="sum to 0"):
        kept([(Account.BANK, None, 100), (Account.MEALS, None, -99)])


@pytest.mark.parametrize(
    ("overpaid", "amount", "lines"),
    [(2000, 2000, [2000, 0]), (0, 500, [0, 500]), (300, 500, [300, 200]), (-1000, 500, [0, 500])],
)
def test_a_refund_is_taken_from_what_was_paid_too_much_and_then_from_the_hospital(
    overpaid: int, amount: int, lines: list[int]
) -> None:
    found = refunded_from((Account.ORDER_DUE, None), overpaid, amount)
    assert [(line[0], line[2]) for line in found] == [
        (Account.ORDER_DUE, lines[0]),
        (Account.COMPENSATION, lines[1]),
    ]


async def test_random_entries_and_reversals_always_sum_to_nothing(make: Make) -> None:
    print(f"seed {SEED}")
    luck, keys = random.Random(SEED), []
    accounts = list(Account)
    for number in range(60):
        if keys and luck.random() < 0.3:
            found = await queries.entry_of_key(make.actor, luck.choice(keys))
            assert found
            await service.reverse(make.actor, found, reason="luck")
            continue
        amounts = [luck.randint(-5000, 5000) for _ in range(luck.randint(1, 5))]
        lines: list[tuple[Account, UUID | None, int]] = [
            (luck.choice(accounts), luck.choice([None, uuid4()]), amount) for amount in [*amounts, -sum(amounts)]
        ]
        if await _post(make.actor, lines, f"luck:{number}"):
            keys.append(f"luck:{number}")
    assert len(keys) > 30
    assert await queries.books_balance(make.actor)
    assert sum(row.amount_minor for row in await queries.balances(make.actor)) == 0


async def _unbalanced(actor: Actor) -> None:
    async with transaction():
        await _raw(actor, 100, -99)


async def _one_line(actor: Actor) -> None:
    async with transaction():
        await _raw(actor, 100)


async def _no_line(actor: Actor) -> None:
    async with transaction():
        await _raw(actor)


async def _added_later(actor: Actor) -> None:
    async with transaction():
        made = await _raw(actor, 100, -100)
    async with transaction():
        await _lines(actor, made, 50, -50)


async def _half_by_half(actor: Actor) -> None:
    async with transaction():
        made = await _raw(actor)
        await _lines(actor, made, 100)
        await _lines(actor, made, -100)


async def _after_the_check(actor: Actor) -> None:
    """The checks of the end of the transaction are called early, and what would fail them comes after."""
    async with transaction():
        made = await _raw(actor, 100, -100)
        await execute("SET CONSTRAINTS ALL IMMEDIATE")
        await execute("SET CONSTRAINTS ALL DEFERRED")
        await _lines(actor, made, 50)


CROOKED: list[Callable[[Actor], Awaitable[None]]] = [
    _unbalanced, _one_line, _no_line, _added_later, _half_by_half, _after_the_check,
]  # fmt: skip


@pytest.mark.parametrize("write", CROOKED)
async def test_postgresql_refuses_a_crooked_entry_at_commit(
    make: Make, write: Callable[[Actor], Awaitable[None]]
) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await write(make.actor)
    assert refused.value.sqlstate == "DUS07"
    assert await queries.books_balance(make.actor)


@pytest.mark.parametrize("write", CROOKED)
async def test_without_the_triggers_the_same_entry_is_kept(
    make: Make, write: Callable[[Actor], Awaitable[None]]
) -> None:
    """The negative control: it is the triggers that refuse, and the books that show it."""
    async with unguarded(*LEDGER):
        await write(make.actor)
    kept_ = await fetch_value("SELECT count(*) FROM entry WHERE hospital = $1", make.actor.hospital)
    assert kept_ == 1
    assert await queries.books_balance(make.actor) == (write in (_added_later, _half_by_half))


@pytest.mark.req("CHK-4.2.10")
@pytest.mark.parametrize("table", ["entry", "posting"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET hospital = hospital", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_program_can_only_add_to_the_ledger(make: Make, table: str, verb: str) -> None:
    await _post(make.actor, [(Account.BANK, None, 100), (Account.MEALS, None, -100)])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(verb.format(table))


async def test_nobody_reads_another_hospitals_ledger(make: Make, ines: Actor) -> None:
    await _post(make.actor, [(Account.BANK, None, 100), (Account.MEALS, None, -100)])
    assert (await queries.balance(ines, Account.BANK)).minor == 0
    assert await queries.entries(ines) == []
