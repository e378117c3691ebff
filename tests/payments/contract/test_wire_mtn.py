"""MTN's contract byte by byte, both ways, so that client and simulator cannot be wrong together."""

import json
from base64 import b64encode
from uuid import uuid4

import httpx
import msgspec
import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Mtn, Product
from dusangire.payments.gateways.mtn import MtnGateway
from dusangire.payments.rules.providers import Charge, Paid, RefundWish, Started, Unknown
from tests.payments.simulated import Listener, Providers

KEY = {"Ocp-Apim-Subscription-Key": "demo", "X-Target-Environment": "mtnrwanda"}
BODY = {
    "amount": "1200",
    "currency": "RWF",
    "externalId": "ours",
    "payer": {"partyIdType": "MSISDN", "partyId": "250788000123"},
    "payerMessage": "Lunch",
    "payeeNote": "Lunch",
}


@pytest.fixture
def wire(providers: Providers) -> httpx.Client:
    return httpx.Client(base_url=providers.mtn, trust_env=False)


def _token(wire: httpx.Client, product: str = "collection", **changes: str) -> dict[str, str]:
    answer = wire.post(f"/{product}/token/", headers=KEY | changes, auth=("demo", "demo"))
    assert answer.status_code == 200
    return {**KEY, **changes, "Authorization": f"Bearer {answer.json()['access_token']}"}


def _ask(wire: httpx.Client, headers: dict[str, str], reference: str, **changes: object) -> httpx.Response:
    return wire.post(
        "/collection/v1_0/requesttopay", headers=headers | {"X-Reference-Id": reference}, json=BODY | changes
    )


def test_a_token_as_documented(wire: httpx.Client) -> None:
    answer = wire.post("/collection/token/", headers=KEY, auth=("demo", "demo"))
    assert (answer.status_code, list(answer.json())) == (200, ["access_token", "token_type", "expires_in"])
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("access_token", 3600)


@pytest.mark.parametrize(
    ("headers", "content", "auth", "status", "body"),
    [
        (KEY, b"{}", ("demo", "demo"), 400, None),
        (KEY, b"", ("demo", "wrong"), 401, {"error": "login_failed"}),
        (
            {"Ocp-Apim-Subscription-Key": "demo"}, b"", ("demo", "demo"), 400,
            {"error": "Invalid or missing X-Target-Environment header"},
        ),
    ],
)  # fmt: skip
def test_a_token_is_refused_as_documented(
    wire: httpx.Client, headers: dict, content: bytes, auth: tuple, status: int, body: dict | None
) -> None:
    answer = wire.post("/collection/token/", headers=headers, content=content, auth=auth)
    assert answer.status_code == status
    assert body is None or answer.json() == body


def test_a_key_that_is_no_subscription(wire: httpx.Client) -> None:
    answer = _ask(wire, {**_token(wire), "Ocp-Apim-Subscription-Key": "x"}, str(uuid4()))
    assert answer.status_code == 401
    assert answer.json()["statusCode"] == 401
    assert answer.json()["message"].startswith("Access denied due to invalid subscription key")


def test_a_client_library_that_mtn_turns_away(wire: httpx.Client) -> None:
    answer = wire.post("/collection/token/", headers=KEY | {"User-Agent": "python-requests/2.32"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (403, "text/html")


def test_a_request_to_pay_is_taken_with_an_empty_202_and_told_in_full(wire: httpx.Client, providers: Providers) -> None:
    providers.knobs("mtn", auto_s=None)
    headers, reference = _token(wire), str(uuid4())
    taken = _ask(wire, headers, reference)
    assert (taken.status_code, taken.content) == (202, b"")
    shown = wire.get(f"/collection/v1_0/requesttopay/{reference}", headers=headers)
    assert (shown.status_code, shown.json()) == (200, BODY | {"status": "PENDING"})
    providers.press("mtn", reference, "approve")
    done = wire.get(f"/collection/v1_0/requesttopay/{reference}", headers=headers).json()
    assert done.pop("financialTransactionId").isdigit()
    assert done == BODY | {"status": "SUCCESSFUL"}


def test_a_reference_that_is_taken_or_unknown(wire: httpx.Client) -> None:
    headers, reference = _token(wire), str(uuid4())
    _ask(wire, headers, reference)
    twice = _ask(wire, headers, reference)
    assert twice.status_code == 409
    assert twice.json() == {
        "code": "RESOURCE_ALREADY_EXIST",
        "message": "Duplicated reference id. Creation of resource failed.",
    }
    unknown = wire.get(f"/collection/v1_0/requesttopay/{uuid4()}", headers=headers)
    assert unknown.status_code == 404
    assert unknown.json() == {"code": "RESOURCE_NOT_FOUND", "message": "Requested resource was not found."}


@pytest.mark.parametrize(
    ("reference", "changes"),
    [
        ("0193f2f2-7b5e-7aaa-8aaa-0123456789ab", {}),
        ("nothing", {}),
        ("6f1c2a8e-3b5d-4c7f-9e21-0a4b6c8d1e01", {"amount": 1200}),
        ("6f1c2a8e-3b5d-4c7f-9e21-0a4b6c8d1e02", {"amount": "-5"}),
        ("6f1c2a8e-3b5d-4c7f-9e21-0a4b6c8d1e03", {"payerMessage": "today's lunch"}),
        ("6f1c2a8e-3b5d-4c7f-9e21-0a4b6c8d1e04", {"payer": None}),
    ],
)
def test_a_malformed_request_is_400(wire: httpx.Client, reference: str, changes: dict) -> None:
    assert _ask(wire, _token(wire), reference, **changes).status_code == 400


def test_the_sandbox_takes_euros_only(wire: httpx.Client) -> None:
    headers = _token(wire, **{"X-Target-Environment": "sandbox"})
    assert _ask(wire, headers, str(uuid4())).json()["code"] == "INVALID_CURRENCY"
    assert _ask(wire, headers, str(uuid4()), currency="EUR").status_code == 202


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        ("46733123450", "FAILED", "INTERNAL_PROCESSING_ERROR"),
        ("46733123451", "FAILED", "APPROVAL_REJECTED"),
        ("46733123452", "FAILED", "EXPIRED"),
        ("46733123453", "PENDING", None),
        ("46733123455", "FAILED", "PAYER_NOT_FOUND"),
        ("46733123456", "FAILED", "PAYEE_NOT_ALLOWED_TO_RECEIVE"),
        ("46733123457", "FAILED", "NOT_ALLOWED"),
        ("46733123458", "FAILED", "NOT_ALLOWED_TARGET_ENVIRONMENT"),
        ("46733123459", "FAILED", "INVALID_CALLBACK_URL_HOST"),
        ("46733123460", "FAILED", "INVALID_CURRENCY"),
        ("46733123461", "FAILED", "INTERNAL_PROCESSING_ERROR"),
        ("46733123462", "FAILED", "SERVICE_UNAVAILABLE"),
        ("46733123463", "FAILED", "COULD_NOT_PERFORM_TRANSACTION"),
        ("46733123499", "SUCCESSFUL", None),
    ],
)
def test_the_sandbox_payers_play_their_outcome(
    wire: httpx.Client, providers: Providers, number: str, status: str, reason: str | None
) -> None:
    providers.knobs("mtn", is_early=True, reason_as="text")
    headers, reference = _token(wire, **{"X-Target-Environment": "sandbox"}), str(uuid4())
    payer = {"partyIdType": "MSISDN", "partyId": number}
    assert _ask(wire, headers, reference, currency="EUR", payer=payer).status_code == 202
    shown = wire.get(f"/collection/v1_0/requesttopay/{reference}", headers=headers).json()
    assert (shown["status"], shown.get("reason")) == (status, reason)


@pytest.mark.parametrize(
    ("of", "status", "reason"),
    [
        ("1", "FAILED", "RESOURCE_NOT_FOUND"),
        ("2", "FAILED", "INTERNAL_PROCESSING_ERROR"),
        ("3", "FAILED", "APPROVAL_REJECTED"),
        ("4", "FAILED", "EXPIRED"),
        ("5", "PENDING", None),
        ("6", "PENDING", None),
        ("7", "FAILED", "NOT_ALLOWED"),
        ("12", "FAILED", "SERVICE_UNAVAILABLE"),
        ("13", "FAILED", "COULD_NOT_PERFORM_TRANSACTION"),
    ],
)
def test_the_sandbox_refunds_play_their_outcome(wire: httpx.Client, of: str, status: str, reason: str | None) -> None:
    headers, reference = _token(wire, "disbursement"), str(uuid4())
    body = {"amount": "5", "currency": "RWF", "externalId": "x", "payerMessage": "", "payeeNote": ""}
    taken = wire.post(
        "/disbursement/v1_0/refund",
        headers=headers | {"X-Reference-Id": reference},
        json=body | {"referenceIdToRefund": of},
    )
    assert (taken.status_code, taken.content) == (202, b"")
    shown = wire.get(f"/disbursement/v1_0/refund/{reference}", headers=headers).json()
    assert (shown["status"], shown.get("reason", {}).get("code")) == (status, reason)


def test_a_token_of_one_product_opens_no_other(wire: httpx.Client) -> None:
    answer = wire.get(f"/disbursement/v1_0/refund/{uuid4()}", headers=_token(wire))
    assert answer.status_code == 401


def test_the_small_calls(wire: httpx.Client) -> None:
    headers, reference = _token(wire), str(uuid4())
    assert wire.get("/collection/v1_0/account/balance", headers=headers).json() == {
        "availableBalance": "0",
        "currency": "RWF",
    }
    active = wire.get("/collection/v1_0/accountholder/msisdn/250788000123/active", headers=headers)
    assert active.json() == {"result": True}
    _ask(wire, headers, reference)
    told = wire.post(f"/collection/v1_0/requesttopay/{reference}/deliverynotification", headers=headers)
    assert told.status_code == 200


def test_a_sandbox_user_is_made_and_gets_a_key_that_gives_tokens(wire: httpx.Client) -> None:
    user = str(uuid4())
    made = [
        wire.post("/v1_0/apiuser", headers=KEY | {"X-Reference-Id": user}, json={"providerCallbackHost": "a.rw"})
        for _ in "12"
    ]
    assert [one.status_code for one in made] == [201, 409]
    assert wire.get(f"/v1_0/apiuser/{user}", headers=KEY).json() == {
        "providerCallbackHost": "a.rw",
        "targetEnvironment": "sandbox",
    }
    assert wire.get(f"/v1_0/apiuser/{uuid4()}", headers=KEY).status_code == 404
    key = wire.post(f"/v1_0/apiuser/{user}/apikey", headers=KEY).json()["apiKey"]
    assert len(key) == 32
    assert wire.post("/collection/token/", headers=KEY, auth=(user, key)).status_code == 200


def test_knobs_of_the_host_and_of_https(wire: httpx.Client, providers: Providers) -> None:
    headers = _token(wire)
    providers.knobs("mtn", is_https_only=True, callback_host="hospital.rw")
    codes = []
    for url in ("http://hospital.rw/x", "https://other.rw/x", "https://hospital.rw/x"):
        answer = _ask(wire, headers | {"X-Callback-Url": url}, str(uuid4()))
        codes.append((answer.status_code, answer.json()["code"] if answer.content else ""))
    assert codes == [(500, "INVALID_CALLBACK_URL_HOST")] * 2 + [(202, "")]


def test_a_knob_that_is_none_is_refused(providers: Providers) -> None:
    answer = httpx.post(f"{providers.address}/_knobs", json={"mtn": {"laziness": 1}}, trust_env=False)
    assert answer.status_code == 400
    assert "laziness" in answer.text


CONFIG = Mtn("http://127.0.0.1", "mtnrwanda", "RWF", Product("key", "user", "secret"), Product("dkey", "duser", "ds"))
TOKEN = (200, b'{"access_token":"abc","token_type":"access_token","expires_in":3600}')


def _charge(listener: Listener, hook: str = "") -> Charge:
    return Charge(uuid4(), Money(1200), "+250788000123", "Order A-012: today's lunch", listener.address, hook)


async def test_the_client_sends_the_documented_bytes(listener: Listener) -> None:
    listener.answers = [TOKEN, (202, b"")]
    charge = _charge(listener, "https://hospital.rw/hooks/momo/1/2")
    assert await MtnGateway(CONFIG).start(charge) == Started()
    token, asked = listener.heard
    assert (token.method, token.path, token.body) == ("POST", "/collection/token/", b"")
    assert token.headers["authorization"] == "Basic " + b64encode(b"user:secret").decode()
    assert (asked.method, asked.path) == ("POST", "/collection/v1_0/requesttopay")
    assert {name: asked.headers[name] for name in (
        "authorization", "ocp-apim-subscription-key", "x-target-environment", "x-reference-id", "x-callback-url", "content-type"
    )} == {
        "authorization": "Bearer abc",
        "ocp-apim-subscription-key": "key",
        "x-target-environment": "mtnrwanda",
        "x-reference-id": str(charge.reference),
        "x-callback-url": "https://hospital.rw/hooks/momo/1/2",
        "content-type": "application/json",
    }  # fmt: skip
    assert asked.headers["user-agent"].startswith("Dusangire/")
    assert json.loads(asked.body) == {
        "amount": "1200",
        "currency": "RWF",
        "externalId": str(charge.reference),
        "payer": {"partyIdType": "MSISDN", "partyId": "250788000123"},
        "payerMessage": "Order A 012 today s lunch",
        "payeeNote": "Order A 012 today s lunch",
    }


async def test_the_client_refunds_by_the_disbursement_product(listener: Listener) -> None:
    listener.answers = [TOKEN, (202, b"")]
    wish = RefundWish(uuid4(), uuid4(), "987", Money(400), Money(1200), "+250788000123", listener.address)
    assert await MtnGateway(CONFIG).refund(wish) == Started()
    token, asked = listener.heard
    assert (token.path, asked.path) == ("/disbursement/token/", "/disbursement/v1_0/refund")
    assert asked.headers["ocp-apim-subscription-key"] == "dkey"
    body = json.loads(asked.body)
    assert (body["amount"], body["externalId"], body["referenceIdToRefund"]) == (
        "400", str(wish.reference), str(wish.of_reference),
    )  # fmt: skip


async def test_the_client_keeps_its_token_for_the_next_call(listener: Listener) -> None:
    listener.answers = [TOKEN, (202, b""), (202, b"")]
    client = MtnGateway(CONFIG)
    await client.start(_charge(listener))
    await client.start(_charge(listener))
    assert [one.path.rpartition("/")[0] for one in listener.heard] == ["/collection/token"] + ["/collection/v1_0"] * 2


async def test_a_sandbox_euro_is_our_franc(listener: Listener) -> None:
    said = {"amount": "1200", "currency": "EUR", "status": "SUCCESSFUL", "externalId": "x", "financialTransactionId": 7}
    listener.answers = [TOKEN, (200, json.dumps(said).encode())]
    client = MtnGateway(msgspec.structs.replace(CONFIG, environment="sandbox", currency="EUR"))
    answer = await client.fetch(uuid4(), listener.address)
    assert answer == Paid("7", Money(1200), "x", None)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"<html>", b"[]", b'{"status":"SUCCESSFUL"}', b'{"status":"SUCCESSFUL","amount":"12.50","currency":"RWF"}',
        b'{"status":"SUCCESSFUL","amount":"NaN","currency":"RWF"}', b'{"status":"DANCING","amount":"1","currency":"RWF"}',
        b'\xff\xfe{"status":',
    ],
)  # fmt: skip
async def test_an_answer_that_cannot_be_read_is_unknown(listener: Listener, said: bytes) -> None:
    listener.answers = [TOKEN, (200, said)]
    assert isinstance(await MtnGateway(CONFIG).fetch(uuid4(), listener.address), Unknown)


async def test_a_404_of_the_doorman_is_not_a_payment_that_is_not_there(listener: Listener) -> None:
    listener.answers = [TOKEN, (404, b'{"statusCode":404,"message":"Resource not found"}')]
    assert isinstance(await MtnGateway(CONFIG).fetch(uuid4(), listener.address), Unknown)


@pytest.mark.parametrize(("host", "is_told"), [("127.0.0.1", True), ("127.0.0.2", False)])
async def test_news_over_plain_http_is_ordered_on_this_machine_only(host: str, is_told: bool) -> None:
    ear = Listener(host)
    ear.answers = [TOKEN, (202, b"")]
    await MtnGateway(CONFIG).start(_charge(ear, "http://hospital.rw/x"))
    ear.close()
    assert ("x-callback-url" in ear.heard[1].headers) is is_told
