"""A refund that the network never answered for: its list settles it, or finance looks it up, and it is never paid twice."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.rules import Method, RefundState
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import Unknown
from dusangire.payments.rules.statement import Kind, StatementLine
from tests.make import Make
from tests.payments.test_intents import Scripted, far  # noqa: F401  a fixture
from tests.payments.test_refunds import _paid

REFUNDS = "/admin/finance/refunds"
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


async def _unknown(actor: Actor, far: Scripted, *, is_asked: bool = False) -> UUID:  # noqa: F811
    """800 of 2,000 francs go back; the answer is lost, and by now nobody asks for it unless `is_asked`."""
    one = await _paid(actor)
    made = await service.give_back(actor, one.id, Money(800), why="cold")
    far.refund_answer = Unknown("timeout")
    await jobs.send_refund(actor, made)
    if not is_asked:
        await execute("UPDATE refund SET next_poll_at = NULL WHERE hospital = $1 AND id = $2", actor.hospital, made)
    return made


async def _compare(actor: Actor, lines: list[StatementLine]) -> None:
    await service.reconcile(actor, clock.local_day(clock.now(), actor.zone), Method.MTN, lines)


async def _state(actor: Actor, refund: UUID) -> RefundState:
    return (await queries.refund(actor, refund)).state


@pytest.mark.req("J8", "J12")
async def test_the_networks_own_list_settles_what_it_never_answered(make: Make, far: Scripted) -> None:  # noqa: F811
    made = await _unknown(make.actor, far)
    reference = (await queries.refund(make.actor, made)).reference
    for number, amount, kind in (
        (reference, 799, Kind.REFUND), (uuid4(), 800, Kind.REFUND), (reference, 800, Kind.PAYMENT),
    ):  # fmt: skip
        await _compare(make.actor, [StatementLine("R9", str(number), Money(amount), AT, kind)])
        assert await _state(make.actor, made) is RefundState.UNKNOWN
    for _ in range(2):
        await _compare(make.actor, [StatementLine("R9", reference.hex, Money(800), AT, Kind.REFUND)])
    back = await queries.refund(make.actor, made)
    assert (back.state, back.provider_ref) == (RefundState.PAID, "R9")
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE)).minor == 0
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 1200


@pytest.mark.req("J8")
async def test_finance_finds_it_in_the_list_and_writes_its_number_down_once(
    make: Make,
    far: Scripted,  # noqa: F811
    browser,
    solange: Actor,
    amina: Actor,
) -> None:
    made = await _unknown(make.actor, far, is_asked=True)
    office, path = browser(solange), f"{REFUNDS}/{made}"
    page = (await office.get(REFUNDS)).text
    assert f'action="{path}/found"' in page
    assert f'action="{path}/not-found"' not in page, "while the network is asked nobody says that it never paid"
    early = await office.post(f"{path}/not-found", {"why": "I do not see it"})
    assert early.status_code == 409
    assert "still being asked" in early.text
    assert (await browser(amina).post(f"{path}/found", {"number": "R-77"})).status_code == 403
    assert (await office.post(f"{path}/found", {"number": " "})).status_code == 422
    assert await _state(make.actor, made) is RefundState.UNKNOWN
    assert (await office.post(f"{path}/found", {"number": "R-77"})).status_code == 303
    assert (await office.post(f"{path}/found", {"number": "R-78"})).status_code == 409
    back = await queries.refund(make.actor, made)
    assert (back.state, back.provider_ref) == (RefundState.PAID, "R-77")
    assert (await queries.balance(make.actor, Account.MTN_CLEARING)).minor == 1200
    history = (await office.get(f"/admin/finance/payments/{back.payment}")).text
    assert "Looked up in the network" in history


@pytest.mark.req("J8")
async def test_what_the_list_has_not_is_owed_again_and_paid_another_way_once(
    make: Make,
    far: Scripted,  # noqa: F811
    browser,
    solange: Actor,
) -> None:
    made = await _unknown(make.actor, far)
    office, path = browser(solange), f"{REFUNDS}/{made}"
    assert f'action="{path}/not-found"' in (await office.get(REFUNDS)).text
    with pytest.raises(Refusal, match="moved_on"):
        await service.pay_otherwise(make.actor, made, Method.CASH, why="while it is unknown")
    assert (await office.post(f"{path}/not-found", {"why": ""})).status_code == 422
    assert (await office.post(f"{path}/not-found", {"why": "Not in three lists"})).status_code == 303
    assert await _state(make.actor, made) is RefundState.FAILED
    assert (await queries.balance(make.actor, Account.REFUNDS_PAYABLE, made)).minor == -800
    for again in ("found", "not-found"):
        form = {"why": "Not in three lists", "number": "R-77"}
        assert (await office.post(f"{path}/{again}", form)).status_code == 409
    way = {"method": "cash", "why": "Came to the counter"}
    assert (await office.post(f"{path}/otherwise", way)).status_code == 303
    assert (await office.post(f"{path}/otherwise", way)).status_code == 409
    assert len(await queries.refunds_in(make.actor, [RefundState.PENDING])) == 1
    assert await queries.books_balance(make.actor)
