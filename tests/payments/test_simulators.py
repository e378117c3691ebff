"""The desk of the simulators: what a person trying the demo sees and presses."""

from uuid import uuid4

import httpx
import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import DEMO_SECRET, settings
from dusangire.payments import gateways
from dusangire.payments.gateways import hooks
from dusangire.payments.rules.providers import Charge, Failed, Paid, Provider, Reason, Waiting
from tests.payments.simulated import Providers, until


@pytest.fixture
def desk(providers: Providers) -> httpx.Client:
    return httpx.Client(base_url=providers.address, trust_env=False)


async def _waiting(providers: Providers) -> Charge:
    providers.knobs("mtn", auto_s=None)
    charge = Charge(uuid4(), Money(1200), "+250788000123", "Lunch", str(gateways.base_url(Provider.MTN)), "")
    await gateways.gateway(Provider.MTN).start(charge)
    return charge


@pytest.mark.parametrize(("verb", "kind"), [("Approve", Paid), ("Refuse", Failed)])
async def test_a_person_answers_the_telephone_on_the_page(providers: Providers, verb: str, kind: type) -> None:
    charge = await _waiting(providers)
    page = providers.page()
    assert "MTN 250788000123: 1,200 RWF · Lunch" in page
    assert f'action="/_prompts/mtn/{charge.reference}/{verb.lower()}"><button>{verb}</button>' in page
    providers.press("mtn", str(charge.reference), verb.lower())

    async def ended() -> object:
        answer = await gateways.gateway(Provider.MTN).fetch(charge.reference, charge.base_url)
        return None if answer == Waiting() else answer

    answer = await until(ended)
    assert isinstance(answer, kind)
    assert not isinstance(answer, Failed) or answer.reason is Reason.DECLINED
    assert "Nothing waits." in providers.page()


def test_what_is_not_there_is_404(desk: httpx.Client) -> None:
    assert desk.post(f"/_prompts/mtn/{uuid4()}/approve").status_code == 404
    assert desk.post(f"/_prompts/visa/{uuid4()}/approve").status_code == 404
    assert desk.get("/_statement", params={"provider": "ebm", "day": "2026-11-21"}).status_code == 404
    assert desk.get("/visa/v1").status_code == 404
    assert desk.get("/mtn/collection/v2_0/anything").status_code == 404
    assert desk.post("/_knobs", json={"visa": {}}).status_code == 400


def test_a_statement_of_another_day_is_empty(desk: httpx.Client) -> None:
    said = desk.get("/_statement", params={"provider": "airtel", "day": "2020-01-01"})
    assert said.text.count("\n") == 1
    assert said.headers["content-disposition"] == 'attachment; filename="airtel-2020-01-01.csv"'


def test_a_reset_forgets_knobs_and_money(desk: httpx.Client, providers: Providers) -> None:
    providers.knobs("mtn", callbacks=7, lost_rate=0.5)
    assert desk.get("/_knobs").json()["mtn"]["callbacks"] == 7
    desk.post("/_reset")
    assert (desk.get("/_knobs").json()["mtn"]["callbacks"], providers.money("mtn")["payments"]) == (1, [])


async def test_a_share_of_the_answers_is_lost_after_the_work_is_done(providers: Providers) -> None:
    await gateways.gateway(Provider.MTN).fetch(
        (await _waiting(providers)).reference, providers.mtn
    )  # a token that holds
    before = len(providers.money("mtn")["payments"])
    providers.knobs("mtn", lost_rate=1.0)
    charge = await _waiting(providers)
    assert await gateways.gateway(Provider.MTN).fetch(charge.reference, charge.base_url) == Waiting()
    kept = [one["reference"] for one in providers.money("mtn")["payments"]]
    assert len(kept) == before + 1
    assert str(charge.reference) in kept


def test_the_simulators_are_told_where_airtels_portal_sends_news(desk: httpx.Client) -> None:
    desk.post("/_reset")
    assert desk.get("/_knobs").json()["airtel"]["callback_url"] == hooks.airtel_hook_url()
    assert settings().mtn is not None
    assert settings().mtn.collection.key == DEMO_SECRET
