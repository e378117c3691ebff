"""A closed day stays as it was closed: it is over, and whatever is written has the moment at which it is written."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.kernel.ids import short_code, uuid7
from dusangire.payments import queries
from tests.payments.finance.conftest import Till
from tests.unguarded import rewrite

OFFICE = "/admin/finance"


def _said(**more: str) -> dict[str, str]:
    form = {"debit": "bank", "credit": "cash_safe", "amount": "900", "why": "Brought to the bank"}
    return {**form, "key": short_code(12), **more}


async def _close(office, day) -> int:
    return (await office.post(f"{OFFICE}/reconciliation/close", {"day": str(day)})).status_code


@pytest.mark.req("J12", "J15")
async def test_an_entry_by_hand_has_todays_date_whatever_the_form_says(browser, solange: Actor) -> None:
    today, office = clock.local_day(clock.now(), solange.zone), browser(solange)
    before = today - timedelta(days=1)
    assert await _close(office, before) == 303
    made = await office.post(f"{OFFICE}/ledger/new", _said(day=str(before), posted_at=str(before), at=str(before)))
    entry = await queries.entry(solange, UUID(made.headers["location"].rpartition("/")[2]))
    assert entry
    assert clock.local_day(entry.posted_at, solange.zone) == today
    undone = await office.post(f"{made.headers['location']}/reverse", {"why": "It was not", "day": str(before)})
    assert undone.status_code == 303
    assert await queries.entries(solange, day=before) == []
    assert len(await queries.entries(solange, day=today)) == 2


@pytest.mark.req("J12", "J15")
async def test_the_mirror_of_an_older_entry_is_of_today_and_the_closed_day_keeps_its_sums(
    browser, solange: Actor
) -> None:
    today, office = clock.local_day(clock.now(), solange.zone), browser(solange)
    before = today - timedelta(days=1)
    made = (await office.post(f"{OFFICE}/ledger/new", _said())).headers["location"]
    entry = UUID(made.rpartition("/")[2])
    await rewrite("UPDATE entry SET posted_at = posted_at - interval '1 day' WHERE id = $1", entry)
    assert await _close(office, before) == 303
    kept = await queries.entries(solange, day=before)
    assert (await office.post(f"{made}/reverse", {"why": "It was wrong"})).status_code == 303
    assert [(one.id, one.postings) for one in await queries.entries(solange, day=before)] == [
        (one.id, one.postings) for one in kept
    ]
    (mirror,) = await queries.entries(solange, day=today)
    assert mirror.reverses == entry


@pytest.mark.req("J12", "J15")
async def test_a_day_is_closed_when_it_is_over_and_not_before(browser, solange: Actor, next_morning) -> None:
    today, office = clock.local_day(clock.now(), solange.zone), browser(solange)
    page = (await office.get(f"{OFFICE}/reconciliation?day={today}")).text
    assert "Close it tomorrow" in page
    assert f'action="{OFFICE}/reconciliation/close"' not in page
    for day in (today, today + timedelta(days=1)):
        refused = await office.post(f"{OFFICE}/reconciliation/close", {"day": str(day)}, htmx=True)
        assert refused.status_code == 409
        assert "Close it tomorrow" in refused.text
    next_morning()
    assert await _close(office, today) == 303


@pytest.mark.req("J12", "J15")
async def test_cash_taken_back_after_its_day_was_closed_has_the_date_of_today(
    till: Till, browser, esther: Actor, solange: Actor
) -> None:
    made, office = await till.take(esther, 2000), browser(solange)
    today = clock.local_day(clock.now(), solange.zone)
    before = today - timedelta(days=1)
    await rewrite("UPDATE entry SET posted_at = posted_at - interval '1 day' WHERE about = $1", f"payment:{made}")
    assert await _close(office, before) == 303
    kept = await queries.entries(solange, day=before)
    assert kept
    assert (await office.post(f"{OFFICE}/payments/{made}/annul", {"why": "It was another bed"})).status_code == 303
    assert [one.id for one in await queries.entries(solange, day=before)] == [one.id for one in kept]
    assert [one.about for one in await queries.entries(solange, day=today)] == [f"payment:{made}"]


@pytest.mark.req("J12")
@pytest.mark.parametrize("column", ["posted_at", "txid"])
async def test_the_program_may_not_even_name_the_time_of_an_entry(solange: Actor, column: str) -> None:
    value = {"posted_at": "now() - interval '1 day'", "txid": "'1'::xid8"}[column]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(
            f"INSERT INTO entry (id, hospital, key, kind, about, posted_by, {column}) "
            f"VALUES ($1, $2, 'x', 'manual', 'x', $3, {value})",
            uuid7(),
            solange.hospital,
            solange.user,
        )
