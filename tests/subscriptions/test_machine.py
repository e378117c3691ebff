"""Every state, every verb, every kind of person: what the machine does not allow is refused and changes nothing."""

import pytest

from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.payments.rules import Method
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.rules import SUBSCRIPTION, SubState, SubVerb, TermState
from dusangire.subscriptions.service import terms
from dusangire.subscriptions.service.moving import move
from dusangire.subscriptions.tables import Subscription as Row


async def _put(held, state: SubState) -> None:
    await execute(
        "UPDATE subscription SET state = $2, paused_on = CASE WHEN $2 = 'paused' THEN current_date END WHERE id = $1",
        held.id,
        state.value,
    )


async def _row(held) -> str:
    return str(await fetch_value("SELECT subscription::text FROM subscription WHERE id = $1", held.id))


@pytest.mark.req("K3")
@pytest.mark.parametrize("state", list(SubState))
@pytest.mark.parametrize("verb", list(SubVerb))
async def test_a_verb_moves_out_of_its_states_and_no_others(plans, amina, state, verb):
    held = await plans.buy(amina, "PAT-WEEK-7")
    await _put(held, state)
    before, seen = await _row(held), await queries.subscription(amina, held.id)
    values = {Row.paused_on: plans.today} if verb is SubVerb.PAUSE else None
    if state in SUBSCRIPTION.sources(verb):
        async with transaction():
            await move(amina, seen, verb, values)
        assert (await queries.subscription(amina, held.id)).state is SUBSCRIPTION.after(state, verb)
    else:
        with pytest.raises(Refusal, match=r"plans\.moved_on"):
            async with transaction():
                await move(amina, seen, verb, values)
        assert await _row(held) == before


def _acts(plans, month):
    return {
        SubVerb.PAUSE: service.pause,
        SubVerb.RESUME: service.resume,
        SubVerb.CANCEL: service.cancel,
        SubVerb.CANCEL_NOW: service.cancel_now,
        SubVerb.KEEP: service.keep,
        SubVerb.CHANGE: lambda who, sub: service.change(who, sub, month, Method.CASH, None),
        SubVerb.REACTIVATE: lambda who, sub: service.reactivate(who, sub, Method.CASH, None),
    }


@pytest.mark.req("K3")
@pytest.mark.parametrize("state", list(SubState))
async def test_a_stranger_moves_nothing_and_an_owner_only_what_the_machine_allows(plans, make, amina, bosco, state):
    held = await plans.buy(amina, "PAT-WEEK-7")
    month = (await plans.plan("PAT-DAY-L")).id
    neighbour = await make.patient("Other", "Patient")
    await _put(held, state)
    before = await _row(held)
    for verb, act in _acts(plans, month).items():
        for stranger in (neighbour, bosco):
            with pytest.raises(NotHere):
                await act(stranger, held.id)
        if state not in SUBSCRIPTION.sources(verb):
            with pytest.raises(Refusal):
                await act(amina, held.id)
        assert await _row(held) == before


async def test_a_period_begins_once_and_ends_once(plans, amina):
    held = await plans.buy(amina, "PAT-WEEK-7")
    term, before = await plans.term(held), await plans.books()
    async with transaction():
        assert not await terms.begin(amina, term, plans.today)
    assert await plans.books() == before
    for _ in range(2):
        async with transaction():
            await terms.close(amina, term, term.window[1])
    assert (await queries.term(amina, term.id)).state is TermState.OVER
    after = await plans.books()
    assert after == {"admission_receivable": 30_000, "meals": -30_000}


async def test_the_control_without_the_machine_moves_anything(plans, amina):
    """What the refusals stand for: a plain write takes an ended plan back to life."""
    held = await plans.buy(amina, "PAT-WEEK-7")
    await _put(held, SubState.ENDED)
    await _put(held, SubState.RUNNING)
    assert (await plans.again(amina, held)).state is SubState.RUNNING
