"""Numbers, reasons, statements and the clients that the settings make."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import SettingsError, settings
from dusangire.payments import gateways
from dusangire.payments.gateways import hooks
from dusangire.payments.rules.providers import (
    Charge,
    Provider,
    Reason,
    RefundWish,
    Rejected,
    Started,
    Unknown,
    airtel_reason,
    e164,
    guess,
    masked,
    mtn_reason,
)
from dusangire.payments.rules.statement import BadStatement, Kind, StatementLine, parse_statement
from tests.payments.simulated import Providers


@pytest.mark.parametrize(
    ("typed", "number", "network"),
    [
        ("0788 123 456", "+250788123456", Provider.MTN),
        ("+250 788-123-456", "+250788123456", Provider.MTN),
        ("250788123456", "+250788123456", Provider.MTN),
        ("788123456", "+250788123456", Provider.MTN),
        ("(079) 812.3456", "+250798123456", Provider.MTN),
        ("0722123456", "+250722123456", Provider.AIRTEL),
        ("073 212 3456", "+250732123456", Provider.AIRTEL),
        ("46733123453", "+46733123453", Provider.MTN),
        ("+46 733 123 453", "+46733123453", Provider.MTN),
        ("0252123456", None, None),
        ("0758123456", None, None),
        ("+254722123456", None, None),
        ("07881234567", None, None),
        ("078812345", None, None),
        ("lunch", None, None),
        ("", None, None),
    ],
)
def test_a_number_is_read_as_people_type_it(typed: str, number: str | None, network: Provider | None) -> None:
    assert (e164(typed), guess(typed)) == (number, network)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+250788123456", "078•\N{NO-BREAK SPACE}•••\N{NO-BREAK SPACE}456"),
        ("0722 000 123", "072•\N{NO-BREAK SPACE}•••\N{NO-BREAK SPACE}123"),
        ("12", "•••"),
        ("", "•••"),
    ],
)
def test_a_number_is_shown_masked(number: str, shown: str) -> None:
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NOT_ENOUGH_FUNDS", Reason.NO_FUNDS),
        ("LOW_BALANCE_OR_PAYEE_LIMIT_REACHED_OR_NOT_ALLOWED", Reason.NO_FUNDS),
        ("INTERNAL_PROCESSING_ERROR", Reason.NO_FUNDS),
        ("APPROVAL_REJECTED", Reason.DECLINED),
        ("PAYMENT_NOT_APPROVED", Reason.DECLINED),
        ("TRANSACTION_CANCELED", Reason.DECLINED),
        ("EXPIRED", Reason.EXPIRED),
        ("COULD_NOT_PERFORM_TRANSACTION", Reason.EXPIRED),
        ("PAYER_LIMIT_REACHED", Reason.OVER_LIMIT),
        ("PAYER_NOT_FOUND", Reason.NO_SUCH_PAYER),
        ("SENDER_ACCOUNT_NOT_ACTIVE", Reason.PAYER_BLOCKED),
        ("PAYEE_NOT_ALLOWED_TO_RECEIVE", Reason.PAYEE_BLOCKED),
        ("SERVICE_UNAVAILABLE", Reason.PROVIDER_DOWN),
        ("PAYEE_NOT_FOUND", Reason.MISCONFIGURED),
        ("NOT_ALLOWED", Reason.MISCONFIGURED),
        ("NOT_ALLOWED_TARGET_ENVIRONMENT", Reason.MISCONFIGURED),
        ("INVALID_CALLBACK_URL_HOST", Reason.MISCONFIGURED),
        ("INVALID_CURRENCY", Reason.MISCONFIGURED),
        ("RESOURCE_NOT_FOUND", Reason.OTHER),
        ("RESOURCE_ALREADY_EXIST", Reason.OTHER),
        ("SOMETHING_NEW", Reason.OTHER),
        (" expired ", Reason.EXPIRED),
    ],
)
def test_every_reason_of_mtn(code: str, reason: Reason) -> None:
    assert mtn_reason(code) is reason


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ("DP00800001002", Reason.WRONG_PIN),
        ("DP00800001003 DP00900001003", Reason.OVER_LIMIT),
        ("DP00800001005 DP00800001024 DP00800001029", Reason.EXPIRED),
        ("DP00800001007 DP00900001007", Reason.NO_FUNDS),
        ("DP00800001008 DP00900001013", Reason.DECLINED),
        ("DP00800001009 DP00900001009 DP00900001010", Reason.PAYER_BLOCKED),
        ("DP00800001010", Reason.PAYEE_BLOCKED),
        ("DP00900001012 ESB000033 ESB000036", Reason.NO_SUCH_PAYER),
        ("DP00800001026 DP00900001016 ROUTER116 ESB000008 ESB000035 ESB000039", Reason.MISCONFIGURED),
        ("DP00800001004 DP00800001025 DP00900001004 DP00900001005 DP00900001011 DP00900001015", Reason.OTHER),
        ("DP00900001017 ESB000011 ESB000014 ESB000041 ESB000045 NEW", Reason.OTHER),
    ],
)
def test_every_reason_of_airtel(codes: str, reason: Reason) -> None:
    assert {airtel_reason(code) for code in codes.split()} == {reason}


OURS = UUID("4b0f6d0a-95a4-4d4f-9d0e-0d1cbb4b6f11")


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        (
            Provider.MTN,
            "\ufeffId,External Transaction Id,Date,Type,Status,Amount,Currency\r\n"
            f'77,{OURS},2026-11-21 01:30:00,Payment,Successful,"1,200",RWF\r\n'
            f"78,{OURS},2026-11-21 01:31:00,Payment,Failed,500,RWF\r\n",
        ),
        (
            Provider.AIRTEL,
            "Transaction ID,Reference ID,Date & Time,Service Type,Status,Amount,Currency\n"
            f"77,{OURS.hex},2026-11-20T23:30:00+00:00,Merchant Payment,SUCCESS,1200.00,RWF\n",
        ),
    ],
)
def test_a_statement_is_read_in_kigalis_time_without_what_failed(provider: Provider, text: str) -> None:
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert parse_statement(provider, text) == [StatementLine("77", str(OURS), Money(1200), at, Kind.PAYMENT)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("Id,Date\n", "line 1: no column External Transaction Id, Type"),
        ("{head}1,x,2026-11-21,Payment,Successful,12.5,RWF\n", "line 2: 12.5 is no whole amount"),
        ("{head}1,x,2026-11-21,Payment,Successful,NaN,RWF\n", "line 2: NaN"),
        ("{head}1,x,yesterday,Payment,Successful,12,RWF\n", "line 2"),
        ("{head}1,x,2026-11-21,Present,Successful,12,RWF\n", "line 2: 'Present' is no known Type"),
        ("{head}1,x\n", "line 2: ends before Date"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_by_line(text: str, said: str) -> None:
    head = "Id,External Transaction Id,Date,Type,Status,Amount,Currency\n"
    with pytest.raises(BadStatement, match=f"^{said}"):
        parse_statement(Provider.MTN, text.replace("{head}", head))


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings that a test may change."""
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_news_is_believed_to_be_ours_by_the_address_of_its_payment_only(installation: pytest.MonkeyPatch) -> None:
    payment, other = uuid4(), uuid4()
    token = hooks.mtn_hook_url(payment).rpartition("/")[2]
    assert hooks.is_token(payment, token)
    assert not hooks.is_token(other, token)
    assert not hooks.is_token(payment, token[:-1])
    assert not hooks.is_token(payment, "é")
    assert hooks.is_portal_token(hooks.airtel_hook_url().rpartition("/")[2])
    assert not hooks.is_portal_token(token)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"externalId":"%s","status":"SUCCESSFUL"}' % str(OURS).encode(), OURS),
        (b'{"transaction":{"id":"%s","status_code":"TS"}}' % OURS.hex.encode(), OURS),
        (b'{"transaction":{"id":"lunch"}}', None),
        (b'{"transaction":null}', None),
        (b"[1]", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b'{"externalId":5}', None),
    ],
)
def test_news_names_a_payment_or_nothing(body: bytes, named: UUID | None) -> None:
    assert hooks.named_in(body) == named


def test_airtels_news_must_be_hashed_where_hashing_is_on(installation: pytest.MonkeyPatch) -> None:
    news = b'{"transaction":{"id":"x"}}'
    assert hooks.is_airtel_signed(news)
    installation.setenv("AIRTEL_HASH_KEY", "portal")
    settings.cache_clear()
    assert not hooks.is_airtel_signed(news)


async def test_the_client_of_the_settings_is_made_once(providers: Providers) -> None:
    charge = Charge(uuid4(), Money(500), "+250788000123", "x", str(gateways.base_url(Provider.MTN)), "")
    assert await gateways.gateway(Provider.MTN).start(charge) == Started()
    assert gateways.gateway(Provider.MTN) is gateways.gateway(Provider.MTN)
    assert await gateways.gateway(Provider.AIRTEL).alive(str(gateways.base_url(Provider.AIRTEL)))
    assert providers.money("mtn")["payments"][0]["amount"] == 500


async def test_a_provider_without_an_account_takes_nothing(installation: pytest.MonkeyPatch) -> None:
    installation.setenv("DUSANGIRE_ENV", "production")
    installation.setenv("DUSANGIRE_SECRET", "s" * 32)
    settings.cache_clear()
    absent = gateways.gateway(Provider.AIRTEL)
    wish = RefundWish(uuid4(), uuid4(), "x", Money(1), Money(1), "+250722000123", "https://x")
    assert gateways.base_url(Provider.AIRTEL) is gateways.fiscal() is None
    assert isinstance(await absent.start(Charge(uuid4(), Money(1), "+250722000123", "x", "https://x", "")), Rejected)
    assert isinstance(await absent.refund(wish), Rejected)
    assert isinstance(await absent.fetch(uuid4(), "https://x"), Unknown)
    assert isinstance(await absent.fetch_refund(wish), Unknown)
    assert not await absent.alive("https://x")


def test_the_demo_has_its_own_providers(installation: pytest.MonkeyPatch) -> None:
    for name in ("MTN_BASE_URL", "AIRTEL_BASE_URL", "EBM_BASE_URL", "PROVIDERS_PORT"):
        installation.delenv(name, raising=False)
    installation.setenv("PORT", "8000")
    settings.cache_clear()
    said = settings()
    assert said.simulates
    assert said.mtn is not None
    assert (said.providers_port, said.mtn.base_url) == (9055, "http://127.0.0.1:9055/mtn")


@pytest.mark.parametrize(
    "place", ["https://sandbox.momodeveloper.mtn.com", "http://127.0.0.1:9055/mtn", "http://momo.example"]
)
def test_production_refuses_addresses_where_nobody_is_charged(installation: pytest.MonkeyPatch, place: str) -> None:
    real = {
        "DUSANGIRE_ENV": "production", "DUSANGIRE_SECRET": "s" * 32, "MTN_BASE_URL": "https://proxy.momoapi.mtn.com",
        "MTN_COLLECTION_KEY": "k", "MTN_COLLECTION_USER": "u", "MTN_COLLECTION_SECRET": "s",
    }  # fmt: skip
    for name, value in real.items():
        installation.setenv(name, value)
    settings.cache_clear()
    assert settings().mtn is not None
    assert not settings().simulates
    installation.setenv("MTN_BASE_URL", place)
    settings.cache_clear()
    with pytest.raises(SettingsError, match="MTN_BASE_URL"):
        settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MTN_BASE_URL", "https://proxy.momoapi.mtn.com", "MTN_COLLECTION_KEY"),
        ("MTN_BASE_URL", "momo", "whole address"),
        ("AIRTEL_BASE_URL", "https://openapi.airtel.africa", "AIRTEL_CLIENT_ID"),
        ("EBM_BASE_URL", "https://api-ebm.rra.gov.rw", "EBM_TIN"),
        ("AIRTEL_VERSION", "3", "AIRTEL_VERSION"),
    ],
)
def test_a_setting_that_lacks_its_other_half_is_named(
    installation: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    installation.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(SettingsError, match=said):
        settings()


def test_the_sandbox_speaks_of_euros(installation: pytest.MonkeyPatch) -> None:
    facts = {"BASE_URL": "https://sandbox.momodeveloper.mtn.com", "COLLECTION_KEY": "k", "COLLECTION_USER": "u"}
    for name, value in {**facts, "COLLECTION_SECRET": "s"}.items():
        installation.setenv(f"MTN_{name}", value)
    settings.cache_clear()
    mtn = settings().mtn
    assert mtn is not None
    assert (mtn.environment, mtn.currency, mtn.refunds) == ("sandbox", "EUR", None)
