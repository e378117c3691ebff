"""News from providers: a reason to ask, at most; forged or not, it tells nothing and credits nothing."""

from uuid import uuid4

import httpx
import pytest

from dusangire.kernel import clock
from dusangire.kernel.db import fetch_value
from dusangire.kernel.money import Money
from dusangire.payments import queries, service
from dusangire.payments.gateways import hooks
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, Purpose, State
from tests.make import Make


async def _sent(make: Make, method: Method = Method.MTN) -> Payment:
    share = service.Share(method, Money(900), phone="0788123456")
    made = await service.open_payment(make.actor, Purpose.PLAN, uuid4(), share)
    await service.mark_sent(make.actor, made, "http://here", clock.now())
    return await queries.payment(make.actor, made)


def _http(make: Make) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(make.app), base_url="http://localhost:8000")


def _momo(one: Payment) -> str:
    return f"/hooks/momo/{one.id}/{hooks.token_of(one.id)}"


async def _calls(make: Make, outcome: str) -> int:
    return int(
        await fetch_value(
            "SELECT count(*) FROM hook_call WHERE hospital = $1 AND outcome = $2", make.actor.hospital, outcome
        )
    )


@pytest.mark.req("J2", "J3")
@pytest.mark.parametrize("verb", ["POST", "PUT"])
async def test_news_only_lets_the_provider_be_asked_now(make: Make, verb: str) -> None:
    one = await _sent(make)
    body = {"externalId": str(one.reference), "amount": "900", "currency": "RWF", "status": "SUCCESSFUL"}
    async with _http(make) as http:
        answer = await http.request(verb, _momo(one), json=body)
    after = await queries.payment(make.actor, one.id)
    assert (answer.status_code, answer.content, after.state) == (200, b"", State.CREATED)
    assert after.next_poll_at
    assert after.next_poll_at <= clock.now()
    assert await _calls(make, "heard") == 1


@pytest.mark.req("J2", "J4")
async def test_airtels_news_names_our_reference_under_one_secret_address(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await _sent(make, Method.AIRTEL)
    path = hooks.airtel_hook_url().partition("/hooks")[2]
    body = {"transaction": {"id": one.reference.hex, "status_code": "TS"}}
    async with _http(make) as http:
        assert (await http.post(f"/hooks{path}", json=body)).status_code == 200
        for said in ({"transaction": {"id": uuid4().hex}}, {"transaction": {}}, [], "x"):
            assert (await http.post(f"/hooks{path}", json=said)).status_code == 404
        assert (await http.post(f"/hooks/airtel/{'0' * 64}", json=body)).status_code == 404
        monkeypatch.setattr(hooks, "is_airtel_signed", lambda _: False)
        assert (await http.post(f"/hooks{path}", json=body)).status_code == 404
    assert (await _calls(make, "heard"), await _calls(make, "forged")) == (1, 1)


@pytest.mark.req("J2")
async def test_a_wrong_address_an_unknown_payment_and_another_ones_token_read_the_same(make: Make) -> None:
    one, other = await _sent(make), await _sent(make)
    before = await queries.payment(make.actor, one.id)
    async with _http(make) as http:
        answers = [
            await http.post(path, json={"status": "SUCCESSFUL"})
            for path in (
                f"/hooks/momo/{one.id}/{'0' * 64}",
                f"/hooks/momo/{one.id}/{hooks.token_of(other.id)}",
                f"/hooks/momo/{uuid4()}/{'0' * 64}",
            )
        ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"")}
    assert await queries.payment(make.actor, one.id) == before
    assert await _calls(make, "forged") == 2


@pytest.mark.req("J2")
async def test_a_storm_of_news_is_answered_and_not_counted(make: Make) -> None:
    one = await _sent(make)
    async with _http(make) as http:
        for _ in range(40):
            assert (await http.post(_momo(one), json={})).status_code == 200
    assert await _calls(make, "heard") == 20


async def test_a_body_that_is_too_large_is_not_read(make: Make) -> None:
    path = hooks.airtel_hook_url().partition("/hooks")[2]
    async with _http(make) as http:
        assert (await http.post(f"/hooks{path}", content=b"x" * 20_000)).status_code == 413


async def test_old_news_is_forgotten(make: Make) -> None:
    one = await _sent(make)
    async with _http(make) as http:
        await http.post(_momo(one), json={})
    await service.forget_hooks(make.actor, clock.now())
    assert await _calls(make, "heard") == 0
