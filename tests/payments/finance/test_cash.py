"""Cash from hand to hand: shifts that open themselves, counts, hand-overs, and what two people at once may do."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.money import Money
from dusangire.payments import queries as payments
from dusangire.payments.queries import cash as queries
from dusangire.payments.rules.cash import Count, ShiftState
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import annulling, cash
from tests.make import Make
from tests.payments.finance.conftest import Till


async def _balances(actor: Actor) -> dict[str, int]:
    return {one.account.value: one.amount_minor for one in await payments.balances(actor) if one.amount_minor}


@pytest.mark.req("J5")
async def test_a_shift_opens_with_the_first_franc_and_its_number_opens_its_rows(till: Till, esther: Actor) -> None:
    assert await queries.open_shift(esther, esther.user) is None
    await till.take(esther, 2000)
    await till.take(esther, 1500)
    shift = await queries.open_shift(esther, esther.user)
    assert shift is not None
    assert await queries.expected(esther, esther.user) == Money(3500)
    assert [one.amount_minor for one in await queries.takings(esther, shift)] == [2000, 1500]


@pytest.mark.req("J5", "CHK-4.1.3")
async def test_a_hand_over_closes_the_shift_and_empties_the_float(till: Till, esther: Actor, solange: Actor) -> None:
    opened = await cash.open_shift(solange, esther.user, Money(500))
    await till.take(esther, 2000)
    await cash.count(esther, opened, Count(Money(2500)))
    closed = await cash.receive(solange, opened, Money(2500))
    assert (closed.state, closed.received_name, closed.held.variance) == (ShiftState.CLOSED, solange.name, Money(0))
    assert await payments.balance(solange, Account.CASH_FLOAT, esther.user) == Money(0)
    assert (await _balances(solange))["cash_safe"] == 2000
    assert await payments.books_balance(solange)


@pytest.mark.req("J5")
async def test_a_difference_wants_a_reason_and_is_posted_to_the_franc(
    till: Till, esther: Actor, solange: Actor
) -> None:
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    with pytest.raises(Refusal) as refused:
        await cash.count(esther, shift.id, Count(Money(1999)))
    assert refused.value.key == "finance.cash.why_variance"
    await cash.count(esther, shift.id, Count(Money(1999), reason="One coin fell into the lift shaft"))
    with pytest.raises(Refusal) as refused:
        await cash.receive(solange, shift.id, Money(2000))
    assert refused.value.key == "finance.cash.counts_differ"
    await cash.receive(solange, shift.id, Money(1999))
    found = await _balances(solange)
    assert (found["cash_safe"], found["cash_variance"], found.get("cash_float", 0)) == (1999, 1, 0)


@pytest.mark.req("J5")
async def test_nobody_receives_their_own_cash_and_a_large_difference_wants_two(
    till: Till, esther: Actor, solange: Actor, mukunzi: Actor
) -> None:
    await till.take(solange, 5000)
    shift = await queries.open_shift(solange, solange.user)
    assert shift
    await cash.count(solange, shift.id, Count(Money(5000)))
    with pytest.raises(Refusal, match="own_shift"):
        await cash.receive(solange, shift.id, Money(5000))
    await cash.count(solange, shift.id, Count(Money(3000), reason="Robbed on the stairs"))
    assert (await cash.receive(mukunzi, shift.id, Money(3000))).state is ShiftState.CHECKED
    assert (await _balances(solange)).get("cash_safe", 0) == 0
    with pytest.raises(Refusal, match="second_person"):
        await cash.receive(mukunzi, shift.id, Money(3000))
    assert (await cash.receive(esther, shift.id, Money(3000))).second_name == esther.name
    assert (await _balances(solange))["cash_variance"] == 2000


@pytest.mark.req("J5")
async def test_what_is_taken_after_the_count_belongs_to_the_next_shift(
    till: Till, esther: Actor, solange: Actor
) -> None:
    await till.take(esther, 2000)
    first = await queries.open_shift(esther, esther.user)
    assert first
    await cash.count(esther, first.id, Count(Money(2000)))
    await till.take(esther, 700)
    second = await queries.open_shift(esther, esther.user)
    assert second
    assert second.id != first.id
    assert await queries.expected(esther, esther.user) == Money(700)
    await cash.receive(solange, first.id, Money(2000))
    assert await queries.expected(esther, esther.user) == Money(700)
    assert [one.amount_minor for one in await queries.takings(esther, second)] == [700]


@pytest.mark.req("J5")
async def test_a_closed_shift_stays_as_it_is(till: Till, esther: Actor, solange: Actor) -> None:
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    await cash.count(esther, shift.id, Count(Money(2000)))
    await cash.receive(solange, shift.id, Money(2000))
    for again in (cash.count(esther, shift.id, Count(Money(1))), cash.receive(solange, shift.id, Money(2000))):
        with pytest.raises(Refusal, match="is_closed"):
            await again
    with pytest.raises(asyncpg.PostgresError, match="stays as it is"):
        await execute("UPDATE cash_shift SET counted_minor = 1, reason = 'x' WHERE id = $1", shift.id)


@pytest.mark.req("J5")
async def test_two_people_who_receive_a_shift_at_once_post_it_once(
    till: Till, esther: Actor, solange: Actor, mukunzi: Actor
) -> None:
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    await cash.count(esther, shift.id, Count(Money(2000)))
    answers = await asyncio.gather(
        *(cash.receive(who, shift.id, Money(2000)) for who in (solange, mukunzi)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Refusal", "Shift"]
    assert (await _balances(solange))["cash_safe"] == 2000


@pytest.mark.req("J5")
async def test_a_count_waits_for_cash_that_is_being_taken(till: Till, esther: Actor) -> None:
    assert await _counted_while_taking(till, esther) == 2500


@pytest.mark.req("J5")
async def test_without_the_shifts_lock_that_cash_is_missed(
    till: Till, esther: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a count that does not wait sees the float without the money that is on its way."""

    async def no_lock(actor: Actor, shift_id: UUID) -> queries.Shift:
        return await queries.shift(actor, shift_id)

    monkeypatch.setattr(cash, "_locked", no_lock)
    with pytest.raises((Refusal, asyncpg.PostgresError)):
        await _counted_while_taking(till, esther)


async def _counted_while_taking(till: Till, esther: Actor) -> int:
    """Esther counts 2,500 while the second payment of 500 is still in its transaction; return what was expected."""
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    taken, counting = asyncio.Event(), asyncio.Event()

    async def take() -> None:
        async with transaction():
            await till.take(esther, 500)
            taken.set()
            await counting.wait()
            await asyncio.sleep(0.1)

    async def count() -> queries.Shift:
        await taken.wait()
        counting.set()
        return await cash.count(esther, shift.id, Count(Money(2500)))

    _, counted = await asyncio.gather(take(), count())
    return counted.held.expected.minor


@pytest.mark.req("J5", "J15")
async def test_cash_written_down_by_mistake_is_due_again_and_leaves_the_float(
    till: Till, esther: Actor, solange: Actor
) -> None:
    made = await till.take(esther, 2000)
    await annulling.annul(solange, made, why="Typed for the wrong patient")
    assert await payments.balance(solange, Account.CASH_FLOAT, esther.user) == Money(0)
    assert await payments.balance(solange, Account.ADMISSION_RECEIVABLE, till.stay) == Money(0)
    assert (await payments.payment(solange, made)).state == "cancelled"
    with pytest.raises(Refusal):
        await annulling.annul(solange, made, why="Once more")
    assert await payments.books_balance(solange)


@pytest.mark.req("J5", "N7")
async def test_the_other_hospital_neither_sees_nor_counts_a_shift(
    till: Till, esther: Actor, make: Make, ines: Actor
) -> None:
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    with acting_as(ines):
        with pytest.raises(NotHere):
            await queries.shift(ines, shift.id)
        assert await fetch_value("SELECT count(*) FROM cash_shift") == 0
    assert await queries.shift(esther, shift.id) == shift


@pytest.mark.req("J5")
@pytest.mark.parametrize("state", list(ShiftState))
async def test_every_step_from_every_state_by_everybody_does_only_what_the_machine_allows(
    till: Till, esther: Actor, solange: Actor, mukunzi: Actor, state: ShiftState
) -> None:
    """Every state × verb × person: what is refused changes nothing, to the franc."""
    opened = await _shift_in(state, till, esther, solange, mukunzi)
    before = await queries.shift(esther, opened)
    refused = {
        ShiftState.OPEN: {"count by another", "receive by collector", "receive by first", "receive by second"},
        ShiftState.COUNTED: {"count by another", "receive by collector"},
        ShiftState.CHECKED: {"count by another", "receive by collector", "receive by first"},
        ShiftState.CLOSED: {
            "count by another", "count by collector", "receive by collector", "receive by first", "receive by second",
        },
    }[state]  # fmt: skip
    counted = Count(Money(100), reason="Lost")
    tries = {
        "count by another": lambda: cash.count(solange, opened, counted),
        "count by collector": lambda: cash.count(esther, opened, counted),
        "receive by collector": lambda: cash.receive(esther, opened, Money(100)),
        "receive by first": lambda: cash.receive(solange, opened, Money(100)),
        "receive by second": lambda: cash.receive(mukunzi, opened, Money(100)),
    }
    books = await _balances(esther)
    for name in refused:
        with pytest.raises((Refusal, NotHere)):
            await tries[name]()
        assert await queries.shift(esther, opened) == before, name
    assert await _balances(esther) == books
    for name in tries.keys() - refused:
        with pytest.raises(_Undone):
            async with transaction():
                await tries[name]()
                raise _Undone


class _Undone(Exception):
    pass


async def _shift_in(state: ShiftState, till: Till, esther: Actor, solange: Actor, mukunzi: Actor) -> UUID:
    """A shift of 5,000 of which 100 were counted, so that two people receive it."""
    await till.take(esther, 5000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    if state is not ShiftState.OPEN:
        await cash.count(esther, shift.id, Count(Money(100), reason="Lost"))
    if state in (ShiftState.CHECKED, ShiftState.CLOSED):
        await cash.receive(solange, shift.id, Money(100))
    if state is ShiftState.CLOSED:
        await cash.receive(mukunzi, shift.id, Money(100))
    return shift.id


@pytest.mark.req("J5")
async def test_without_the_lock_two_receivers_are_still_stopped_by_the_frozen_row(
    till: Till, esther: Actor, solange: Actor, mukunzi: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: both read a counted shift; the second close is what the database refuses."""
    await till.take(esther, 2000)
    shift = await queries.open_shift(esther, esther.user)
    assert shift
    await cash.count(esther, shift.id, Count(Money(2000)))
    both = asyncio.Barrier(2)

    async def no_lock(actor: Actor, shift_id: UUID) -> queries.Shift:
        found = await queries.shift(actor, shift_id)
        await asyncio.wait_for(both.wait(), 5)
        return found

    monkeypatch.setattr(cash, "_locked", no_lock)
    answers = await asyncio.gather(
        *(cash.receive(who, shift.id, Money(2000)) for who in (solange, mukunzi)), return_exceptions=True
    )
    assert sum(isinstance(one, asyncpg.PostgresError) for one in answers) == 1
    assert (await _balances(solange))["cash_safe"] == 2000
