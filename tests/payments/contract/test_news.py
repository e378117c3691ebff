"""News of the providers: late, early, twice, never, in the wrong order. It names a payment; the truth is fetched."""

import msgspec
import pytest

from dusangire.payments.gateways.hooks import named_in
from dusangire.payments.gateways.sealing import is_hashed
from dusangire.payments.rules.providers import Charge, Paid, Started, Waiting
from tests.payments.contract.conftest import Side
from tests.payments.simulated import Heard, Listener, until


def _address(side: Side, listener: Listener, charge: Charge, **knobs: object) -> Charge:
    """Let news of this charge go to the listener: MTN is told with the charge, Airtel in its portal."""
    url = f"{listener.address}/hooks/{side.provider}"
    side.knobs(**knobs, **({} if side.is_mtn else {"callback_url": url}))
    return msgspec.structs.replace(charge, hook_url=url if side.is_mtn else "")


async def _heard(listener: Listener, count: int) -> list[Heard]:
    async def heard() -> list[Heard] | None:
        return listener.heard if len(listener.heard) >= count else None

    return await until(heard)


async def test_news_names_the_payment_and_fetching_tells_the_truth(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge())
    await side.gateway.start(charge)
    [news] = await _heard(listener, 1)
    assert (news.method, news.path) == ("PUT" if side.is_mtn else "POST", f"/hooks/{side.provider}")
    assert named_in(news.body) == charge.reference
    assert isinstance(await side.fetch(charge), Paid)


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_news_comes_by_either_method(side: Side, listener: Listener, method: str) -> None:
    charge = _address(side, listener, side.charge(), callback_method=method)
    await side.gateway.start(charge)
    [news] = await _heard(listener, 1)
    assert (news.method, named_in(news.body)) == (method, charge.reference)


async def test_news_that_comes_before_the_answer_is_about_a_payment_we_know(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(), is_early=True)
    assert await side.gateway.start(charge) == Started()
    assert [named_in(news.body) for news in listener.heard] == [charge.reference]
    assert isinstance(await side.fetch(charge), Paid)


async def test_news_that_comes_five_times_says_the_same(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(), callbacks=5)
    await side.gateway.start(charge)
    heard = await _heard(listener, 5)
    assert {news.body for news in heard} == {heard[0].body}
    assert len(side.payments()) == 1


async def test_news_that_is_dropped_is_not_missed(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(), callbacks=0)
    await side.gateway.start(charge)
    assert isinstance(await side.end(charge), Paid)
    assert (listener.heard, side.providers.sent()) == ([], [])


async def test_an_older_pending_after_the_end_changes_nothing(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(), is_reordered=True)
    await side.gateway.start(charge)
    final, older = await _heard(listener, 2)
    assert named_in(final.body) == named_in(older.body) == charge.reference
    assert b"PENDING" in older.body or b"TIP" in older.body
    assert isinstance(await side.fetch(charge), Paid)


async def test_news_that_is_late_finds_the_payment_settled(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(), callback_delay_s=0.5)
    await side.gateway.start(charge)
    assert isinstance(await side.end(charge), Paid)
    assert listener.heard == []
    await _heard(listener, 1)


async def test_news_is_sent_once_even_where_nobody_takes_it(side: Side, listener: Listener) -> None:
    listener.answers = [(503, b"")]
    charge = _address(side, listener, side.charge())
    await side.gateway.start(charge)
    await _heard(listener, 1)

    async def sent() -> list[dict] | None:
        return side.providers.sent() or None

    assert [one["status"] for one in await until(sent)] == [503]


@pytest.mark.parametrize("form", ["whole", "transaction"])
async def test_airtels_hash_is_checked_over_the_bytes_in_either_form(side: Side, listener: Listener, form: str) -> None:
    charge = _address(side, listener, side.charge(), hash_key="portal key", hash_form=form)
    await side.gateway.start(charge)
    [news] = await _heard(listener, 1)
    assert is_hashed(news.body, "portal key") is not side.is_mtn
    assert not is_hashed(news.body, "another key")
    assert not is_hashed(news.body.replace(charge.reference.hex[:8].encode(), b"00000000"), "portal key")


async def test_a_waiting_payment_has_sent_no_news(side: Side, listener: Listener) -> None:
    charge = _address(side, listener, side.charge(digits="453"))
    await side.gateway.start(charge)
    assert await side.fetch(charge) == Waiting()
    assert listener.heard == []
