"""The reconciliation page with the networks' own files: a franc too few has a name, and the day waits for it."""

import re
from datetime import date
from uuid import uuid4

import httpx
import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.money import Money
from dusangire.payments import queries, service
from dusangire.payments.queries import Payment, reconciling
from dusangire.payments.rules import Method, State
from dusangire.payments.rules.providers import Paid
from dusangire.payments.rules.reconciling import Difference
from tests.make import Browser, element
from tests.payments.finance.conftest import Till

PATH = "/admin/finance/reconciliation"
HEADS = {
    "mtn": "Id,External Transaction Id,Date,Type,Status,Amount,Currency",
    "airtel": "Transaction ID,Reference ID,Date & Time,Service Type,Status,Amount,Currency",
}
KIND = {"mtn": "Payment,Successful", "airtel": "Merchant Payment,Success"}


async def _paid(till: Till, method: str, amount: int) -> Payment:
    made = await till.ask(Method(method), amount)
    one = await service.mark_sent(till.actor, made, "http://here", clock.now())
    assert one
    answer = Paid(uuid4().hex, Money(amount), str(one.reference), "+250788000111")
    assert await service.confirm(till.actor, made, answer, clock.now()) is State.PAID
    return await queries.payment(till.actor, made)


def _sheet(method: str, *rows: tuple[Payment, int]) -> bytes:
    at = clock.now().replace(tzinfo=None).isoformat(" ", "seconds")
    lines = [f"{one.provider_ref},{one.reference.hex},{at},{KIND[method]},{amount},RWF" for one, amount in rows]
    return "\n".join([HEADS[method], *lines, ""]).encode()


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)


async def _send(office: Browser, method: str, content: bytes, day: date | str) -> httpx.Response:
    file = {"file": ("list.csv", content, "text/csv")}
    return await office.post(f"{PATH}/upload", {"day": str(day), "method": method}, files=file)


@pytest.mark.req("J12", "CHK-4.1.9", "CHK-4.2.8")
@pytest.mark.parametrize("method", ["mtn", "airtel"])
async def test_a_list_with_one_franc_less_names_the_difference_and_the_day_stays_open_until_somebody_explains_it(
    till: Till, browser, solange: Actor, next_morning, method: str
) -> None:
    day, office = _today(solange), browser(solange)
    next_morning()
    fits, lacks = await _paid(till, method, 2000), await _paid(till, method, 3000)
    close = (f"{PATH}/close", {"day": str(day)})
    assert (await office.post(*close)).status_code == 409
    sent = await _send(office, method, _sheet(method, (fits, 2000), (lacks, 2999)), day)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{PATH}?day={day}")
    page = (await office.get(f"{PATH}?day={day}")).text
    line = re.search(r"/lines/([0-9a-f-]{36})/resolve", page)
    assert line
    row = element(page, f"line-{line[1]}")
    for said in ("Another amount", str(lacks.reference), "3,000", "2,999"):
        assert said in row
    assert "-1<" in element(page, f"of-{method}").replace("\u2212", "-")
    assert page.count("Another amount") == 1
    assert (await office.post(*close)).status_code == 409
    resolve = f"{PATH}/lines/{line[1]}/resolve"
    for why in ("", "  ", "no"):
        assert (await office.post(resolve, {"why": why, "day": str(day)})).status_code == 422
    assert (await office.post(*close)).status_code == 409
    assert (await office.post(resolve, {"why": "The network's fee", "day": str(day)})).status_code == 303
    assert (await office.post(resolve, {"why": "Once more", "day": str(day)})).status_code == 409
    assert "The network&#39;s fee" in (await office.get(f"{PATH}?day={day}")).text
    assert (await office.post(*close)).status_code == 303
    assert "The day is closed" in (await office.get(f"{PATH}?day={day}")).text


@pytest.mark.req("J12")
async def test_the_same_file_again_finds_the_same_and_keeps_what_was_explained(
    till: Till, browser, solange: Actor
) -> None:
    day, office = _today(solange), browser(solange)
    sheet = _sheet("mtn", (await _paid(till, "mtn", 2000), 1999), (await _paid(till, "mtn", 500), 500))
    await _send(office, "mtn", sheet, day)
    run = await reconciling.recon_run(solange, day, Method.MTN)
    assert run
    found = await reconciling.recon_lines(solange, run.id)
    wrong = next(line for line in found if line.kind is Difference.AMOUNT)
    await office.post(f"{PATH}/lines/{wrong.id}/resolve", {"why": "The network's fee", "day": str(day)})
    assert (await _send(office, "mtn", sheet, day)).status_code == 303
    again = await reconciling.recon_run(solange, day, Method.MTN)
    assert again
    assert (again.id, again.runs, again.matched, again.left) == (run.id, 2, run.matched, 0)
    kept = await reconciling.recon_lines(solange, run.id)
    assert sorted(line.id for line in kept) == sorted(line.id for line in found)
    assert (await queries.books_balance(solange), (await queries.payment(solange, wrong.payment)).amount_minor) == (
        True,
        2000,
    )


@pytest.mark.req("J12")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"what,is,this\n1,2,3\n", "line 1: no column"),
        (b"\xff\xfe\x00\x01\x02", "line 1: no column"),
        (HEADS["mtn"].encode() + b"\n1,x,2026-11-21 10:00:00,Payment,Successful,12.5,RWF\n", "line 2: 12.5"),
        (HEADS["mtn"].encode() + b"\n1,x,yesterday,Payment,Successful,12,RWF\n", "line 2: Invalid isoformat"),
        (HEADS["mtn"].encode() + b"\n1,x,2026-11-21 10:00:00,Gift,Successful,12,RWF\n", "no known Type"),
        (HEADS["mtn"].encode() + b"\n1,x\n", "line 2: ends before Date"),
        (HEADS["airtel"].encode() + b"\n", "line 1: no column Id"),
    ],
)
async def test_a_broken_file_is_refused_with_the_line_the_reason_and_what_to_do(
    browser, solange: Actor, content: bytes, why: str
) -> None:
    day, office = _today(solange), browser(solange)
    answer = await _send(office, "mtn", content, day)
    assert answer.status_code == 422
    said = answer.text.replace("&#39;", "'")
    assert "This is not the network's list" in said
    assert why in said
    assert "Download" in said
    assert await reconciling.recon_run(solange, day, Method.MTN) is None


@pytest.mark.req("J12")
async def test_without_a_file_a_day_or_a_network_nothing_is_compared(till: Till, browser, solange: Actor) -> None:
    day, office = _today(solange), browser(solange)
    sheet = _sheet("mtn", (await _paid(till, "mtn", 2000), 2000))
    for answer in (
        await office.post(f"{PATH}/upload", {"day": str(day), "method": "mtn"}),
        await _send(office, "mtn", b"", day),
        await _send(office, "bank", sheet, day),
        await _send(office, "nonsense", sheet, day),
        await _send(office, "mtn", sheet, "some day"),
    ):
        assert answer.status_code == 422
    assert await reconciling.recon_runs(solange) == []
