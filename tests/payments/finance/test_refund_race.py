"""Fifty refunds of one payment at once, by hand in the office: what goes back is never more than what was taken."""

import asyncio
import random
from typing import Any

import asyncpg
import pytest

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as, address, fetch_value
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.kernel.settings import settings
from dusangire.payments import queries, service
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import refunds
from tests.make import Make
from tests.payments.finance.conftest import Till

TAKEN, MANY = 10_000, 50
_CONDITION = "AND refunded_minor + $3 <= amount_minor"


async def _back(actor: Actor, till: Till) -> int:
    """Return what all refunds of the stay come to."""
    sql = (
        "SELECT coalesce(sum(r.amount_minor), 0) FROM refund r JOIN payment p ON p.id = r.payment WHERE p.subject = $1"
    )
    return int(await fetch_value(sql, till.stay))


@pytest.mark.req("J8", "J15")
async def test_fifty_refunds_at_once_from_the_office_stay_within_what_was_taken(
    till: Till, make: Make, browser, solange: Actor, mukunzi: Actor
) -> None:
    made, dice = await till.take(solange, TAKEN), random.Random(20261121)
    asked = [dice.randint(1, 1500) for _ in range(MANY)]
    assert sum(asked) > 2 * TAKEN
    desks = [browser(solange), browser(mukunzi), browser(await make.user("Third Desk", Role.FINANCE))]
    for desk in desks:
        await desk.get("/admin/finance/refunds")

    async def post(number: int) -> int:
        said = {"amount": str(asked[number]), "why": "Too cold"}
        return (await desks[number % 3].post(f"/admin/finance/payments/{made}/refund", said)).status_code

    answers = await asyncio.gather(*(post(number) for number in range(MANY)))
    assert set(answers) == {303, 409}
    given = sum(amount for amount, status in zip(asked, answers, strict=True) if status == 303)
    one = await queries.payment(solange, made)
    assert given == one.refunded_minor == await _back(solange, till) <= TAKEN
    least = min(amount for amount, status in zip(asked, answers, strict=True) if status == 409)
    assert least > TAKEN - given, "who was refused asked for more than was left"
    assert (await queries.balance(solange, Account.REFUNDS_PAYABLE)).minor == -given
    assert await queries.books_balance(solange)


async def _rush(actor: Actor, payment: Any) -> int:
    async def back() -> bool:
        with acting_as(actor):
            try:
                await service.give_back(actor, payment, Money(300), why="race")
            except (Refusal, asyncpg.CheckViolationError):
                return False
        return True

    return sum(await asyncio.gather(*(back() for _ in range(MANY))))


def _forget_the_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unconditional(sql: str, *args: Any) -> Any:
        return await fetch_value(sql.replace(_CONDITION, ""), *args)

    monkeypatch.setattr(refunds, "fetch_value", unconditional)


@pytest.mark.req("J8")
async def test_the_database_stops_at_the_last_franc_also_where_the_program_forgets_to(
    till: Till, solange: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await till.take(solange, TAKEN)
    _forget_the_condition(monkeypatch)
    assert await _rush(solange, made) == TAKEN // 300
    assert await _back(solange, till) == 9_900


@pytest.mark.req("J8")
async def test_without_the_condition_and_the_constraint_more_goes_back_than_was_taken(
    till: Till, solange: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    made = await till.take(solange, TAKEN)
    _forget_the_condition(monkeypatch)
    owner = await asyncpg.connect(**address(settings().owner_url), timeout=10)
    try:
        held = await owner.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'payment_refunded_check'"
        )
        await owner.execute("ALTER TABLE payment DROP CONSTRAINT payment_refunded_check")
        try:
            assert await _rush(solange, made) == MANY
            assert await _back(solange, till) == 15_000 > TAKEN
        finally:
            await owner.execute("UPDATE payment SET refunded_minor = amount_minor WHERE id = $1", made)
            await owner.execute(f"ALTER TABLE payment ADD CONSTRAINT payment_refunded_check {held}")
    finally:
        await owner.close()
