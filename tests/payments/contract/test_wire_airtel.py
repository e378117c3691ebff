"""Airtel's contract byte by byte, both ways, so that client and simulator cannot be wrong together."""

import hmac
import json
from base64 import b64decode, b64encode
from hashlib import sha256
from uuid import uuid4

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Airtel
from dusangire.payments.gateways.airtel import AirtelGateway
from dusangire.payments.rules.providers import (
    Charge,
    Failed,
    NotFound,
    Paid,
    Reason,
    RefundWish,
    Rejected,
    Started,
    Unknown,
    Waiting,
)
from tests.payments.simulated import Listener, Providers

TOKEN = (200, b'{"access_token":"abc","expires_in":"180","token_type":"bearer"}')
CONFIG = Airtel("http://127.0.0.1", "id", "secret", 1, None, "1234")


@pytest.fixture
def wire(providers: Providers) -> httpx.Client:
    return httpx.Client(base_url=providers.airtel, trust_env=False)


def _token(wire: httpx.Client) -> dict[str, str]:
    said = {"client_id": "demo", "client_secret": "demo", "grant_type": "client_credentials"}
    answer = wire.post("/auth/oauth2/token", json=said)
    assert answer.json() | {"access_token": ""} == {"access_token": "", "expires_in": "180", "token_type": "bearer"}
    return {
        "Authorization": f"Bearer {answer.json()['access_token']}",
        "X-Country": "RW",
        "X-Currency": "RWF",
        "Accept": "*/*",
    }


def _body(id_: str, **changes: object) -> dict[str, object]:
    here = {"country": "RW", "currency": "RWF"}
    return {
        "reference": "Lunch012",
        "subscriber": {**here, "msisdn": "722000123"},
        "transaction": {"amount": 1200, **here, "id": id_},
    } | changes


def _ask(wire: httpx.Client, headers: dict[str, str], id_: str, **changes: object) -> httpx.Response:
    return wire.post("/merchant/v1/payments/", headers=headers, json=_body(id_, **changes))


def test_a_token_is_refused_to_strangers(wire: httpx.Client) -> None:
    said = {"client_id": "demo", "client_secret": "x", "grant_type": "client_credentials"}
    assert wire.post("/auth/oauth2/token", json=said).status_code == 401
    assert _ask(wire, {"Authorization": "Bearer x"}, uuid4().hex).status_code == 401


def test_a_payment_is_in_process_and_then_told(wire: httpx.Client, providers: Providers) -> None:
    providers.knobs("airtel", auto_s=None)
    headers, reference = _token(wire), uuid4().hex
    taken = _ask(wire, headers, reference)
    assert (taken.status_code, taken.json()["status"]) == (200, {
        "code": "200",
        "message": "SUCCESS",
        "result_code": "ESB000010",
        "response_code": "DP00800001006",
        "success": True,
    })  # fmt: skip
    assert taken.json()["data"]["transaction"]["status"] == "SUCCESS"
    place = f"/standard/v1/payments/{reference}"
    assert wire.get(place, headers=headers).json()["data"]["transaction"] == {"id": reference, "status": "TIP"}
    providers.press("airtel", reference, "approve")
    done = wire.get(place, headers=headers).json()
    assert done["status"]["response_code"] == "DP00800001001"
    assert list(done["data"]["transaction"]) == ["id", "status", "airtel_money_id", "message"]
    assert done["data"]["transaction"]["status"] == "TS"
    assert done["data"]["transaction"]["message"].startswith("Paid RWF 1,200 ")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reference": "x y"}, "ESB000008"),
        ({"subscriber": {"country": "RW", "currency": "RWF", "msisdn": "250722000123"}}, "ESB000033"),
        ({"subscriber": {"country": "RW", "currency": "UGX", "msisdn": "722000123"}}, "ESB000008"),
        ({"transaction": {"amount": "1200", "country": "RW", "currency": "RWF", "id": "abcd"}}, "ESB000008"),
        ({"transaction": {"amount": 1200, "country": "RW", "currency": "RWF", "id": str(uuid4())}}, "ESB000008"),
    ],
)
def test_a_request_that_breaks_the_contract(wire: httpx.Client, changes: dict, code: str) -> None:
    answer = _ask(wire, _token(wire), uuid4().hex, **changes)
    assert (answer.status_code, answer.json()["status"]["result_code"]) == (200, code)
    assert answer.json()["status"]["success"] is False


def test_a_taken_id_and_an_unknown_one(wire: httpx.Client) -> None:
    headers, reference = _token(wire), uuid4().hex
    _ask(wire, headers, reference)
    assert _ask(wire, headers, reference).json()["status"]["result_code"] == "ESB000041"
    unknown = wire.get(f"/standard/v1/payments/{uuid4().hex}", headers=headers).json()
    assert unknown["status"]["response_code"] == "DP00800001025"


def test_a_refund_says_success_without_a_response_code(wire: httpx.Client, providers: Providers) -> None:
    providers.knobs("airtel", is_early=True, says_success_false=True)
    headers, reference = _token(wire), uuid4().hex
    _ask(wire, headers, reference)
    paid = wire.get(f"/standard/v1/payments/{reference}", headers=headers).json()["data"]["transaction"]
    body = {"transaction": {"airtel_money_id": paid["airtel_money_id"]}}
    back = wire.post("/standard/v1/payments/refund", headers=headers, json=body).json()
    assert back["data"]["transaction"]["status"] == "SUCCESS"
    assert back["status"] == {"code": "200", "message": "SUCCESS", "result_code": "ESB000010", "success": False}


def test_a_body_that_is_not_what_was_signed(wire: httpx.Client) -> None:
    headers = _token(wire)
    key = wire.get("/v1/rsa/encryption-keys", headers=headers).json()["data"]["key"]
    public = load_der_public_key(b64decode(key))
    body = json.dumps(_body(uuid4().hex)).encode()
    aes, start = b"k" * 32, b"i" * 16
    padder = PKCS7(128).padder()
    writer = Cipher(algorithms.AES256(aes), modes.CBC(start)).encryptor()
    signature = b64encode(writer.update(padder.update(body) + padder.finalize()) + writer.finalize()).decode()
    assert isinstance(public, rsa.RSAPublicKey)
    pair = b64encode(public.encrypt(b64encode(aes) + b":" + b64encode(start), padding.PKCS1v15())).decode()
    signed = headers | {"x-signature": signature, "x-key": pair, "Content-Type": "application/json"}
    other = wire.post("/merchant/v2/payments/", headers=signed, content=body + b" ")
    assert other.json()["status"]["response_code"] == "DP00800001026"
    assert wire.post("/merchant/v2/payments/", headers=headers, content=body).json() == other.json()
    good = wire.post("/merchant/v2/payments/", headers=signed, content=body)
    assert good.json()["status"]["response_code"] == "DP00800001006"


def test_the_small_calls(wire: httpx.Client) -> None:
    headers = _token(wire)
    assert wire.get("/standard/v1/users/722000123", headers=headers).json()["data"]["msisdn"] == "722000123"
    assert wire.get("/standard/v1/users/balance", headers=headers).json()["data"]["balance"] == "0"
    assert wire.get("/standard/v1/users/balance", headers=headers | {"X-Country": "UG"}).status_code == 400


@pytest.mark.parametrize("form", ["whole", "transaction"])
def test_news_as_documented(wire: httpx.Client, providers: Providers, listener: Listener, form: str) -> None:
    url = f"{listener.address}/hooks/airtel/secret"
    providers.knobs("airtel", is_early=True, callback_url=url, hash_key="portal", hash_form=form)
    reference = uuid4().hex
    _ask(wire, _token(wire), reference)
    [news] = listener.heard
    said = json.loads(news.body)
    assert list(said) == ["transaction", "hash"]
    assert list(said["transaction"]) == ["id", "message", "status_code", "airtel_money_id"]
    assert (said["transaction"]["id"], said["transaction"]["status_code"]) == (reference, "TS")
    inner = news.body[len(b'{"transaction":') : news.body.index(b',"hash"')]
    payload = inner if form == "transaction" else b'{"transaction":' + inner + b"}"
    assert said["hash"] == b64encode(hmac.new(b"portal", payload, sha256).digest()).decode()


def _charge(listener: Listener) -> Charge:
    return Charge(uuid4(), Money(1200), "+250722000123", "Order A-012", listener.address, "")


async def test_the_client_sends_the_documented_bytes(listener: Listener) -> None:
    listener.answers = [TOKEN, (200, b'{"status":{"response_code":"DP00800001006","success":false}}')]
    charge = _charge(listener)
    assert await AirtelGateway(CONFIG).start(charge) == Started()
    token, asked = listener.heard
    assert (token.path, json.loads(token.body)) == (
        "/auth/oauth2/token",
        {"client_id": "id", "client_secret": "secret", "grant_type": "client_credentials"},
    )
    assert (asked.method, asked.path) == ("POST", "/merchant/v1/payments/")
    assert (asked.headers["authorization"], asked.headers["x-country"], asked.headers["x-currency"]) == (
        "Bearer abc", "RW", "RWF",
    )  # fmt: skip
    assert "x-signature" not in asked.headers
    assert json.loads(asked.body) == {
        "reference": "OrderA012",
        "subscriber": {"country": "RW", "currency": "RWF", "msisdn": "722000123"},
        "transaction": {"amount": 1200, "country": "RW", "currency": "RWF", "id": charge.reference.hex},
    }


async def test_the_client_signs_exactly_the_bytes_it_sends(listener: Listener) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    keys = b'{"data":{"key_id":"1","key":"' + public + b'"},"status":{}}'
    listener.answers = [TOKEN, (200, keys), (200, b'{"status":{"response_code":"DP00800001006"}}')]
    await AirtelGateway(msgspec.structs.replace(CONFIG, version=2)).start(_charge(listener))
    asked = listener.heard[2]
    assert asked.path == "/merchant/v2/payments/"
    key, _, start = private.decrypt(b64decode(asked.headers["x-key"]), padding.PKCS1v15()).partition(b":")
    reader = Cipher(algorithms.AES256(b64decode(key)), modes.CBC(b64decode(start))).decryptor()
    opener = PKCS7(128).unpadder()
    plain = opener.update(reader.update(b64decode(asked.headers["x-signature"])) + reader.finalize())
    assert plain + opener.finalize() == asked.body


def _status(status: str, code: str, message: str = "") -> bytes:
    said = {"data": {"transaction": {"status": status, "id": "x", "airtel_money_id": "MP1", "message": message}}}
    return json.dumps(said | {"status": {"response_code": code, "success": False}}).encode()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (_status("TS", "DP00800001001", "Paid RWF 1,200 to X, Trans ID MP1"), Paid("MP1", Money(1200), "x", None)),
        (_status("TS", "DP00800001001", "success"), Paid("MP1", None, "x", None)),
        (_status("TS", "DP00800001001", "Paid RWF 1,200.00 to X"), Paid("MP1", Money(1200), "x", None)),
        (_status("TIP", "DP00800001006"), Waiting()),
        (_status("TI", "DP00800001006"), Waiting()),
        (b'{"status":{"response_code":"DP00800001025"}}', NotFound()),
        (b'{"status":{"result_code":"ESB000045"}}', NotFound()),
    ],
)
async def test_what_a_status_means(listener: Listener, said: bytes, answer: object) -> None:
    listener.answers = [TOKEN, (200, said)]
    assert await AirtelGateway(CONFIG).fetch(uuid4(), listener.address) == answer


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (_status("TA", "DP00800001000"), Unknown), (_status("TF", "DP00800001002"), Failed),
        (_status("TS", "DP00800001001", "Paid RWF 1,200.50 to X"), Unknown), (_status("TE", "DP00800001029"), Failed), (_status("XX", "DP00800001001"), Unknown), (b"<html>", Unknown),
        (b"", Unknown), (b"[]", Unknown), (b"\xff", Unknown), (b'{"status":{"response_code":"DP00800001000"}}', Unknown),
    ],
)  # fmt: skip
async def test_what_else_a_status_may_be(listener: Listener, said: bytes, kind: type) -> None:
    listener.answers = [TOKEN, (200, said)]
    assert isinstance(await AirtelGateway(CONFIG).fetch(uuid4(), listener.address), kind)


@pytest.mark.parametrize("code", ["DP00800001000", "DP00800001024", "ESB000014", ""])
async def test_a_start_that_nobody_can_judge_is_unknown(listener: Listener, code: str) -> None:
    listener.answers = [TOKEN, (200, json.dumps({"status": {"response_code": code}}).encode())]
    assert isinstance(await AirtelGateway(CONFIG).start(_charge(listener)), Unknown)


async def test_a_start_that_names_a_reason_is_refused(listener: Listener) -> None:
    listener.answers = [TOKEN, (200, b'{"status":{"response_code":"DP00800001003","message":"limit"}}')]
    answer = await AirtelGateway(CONFIG).start(_charge(listener))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.OVER_LIMIT


async def test_a_refund_that_says_false_beside_success_is_done(listener: Listener) -> None:
    said = {
        "data": {"transaction": {"airtel_money_id": "CI29", "status": "SUCCESS"}},
        "status": {"code": "200", "message": "SUCCESS", "result_code": "ESB000010", "success": False},
    }
    listener.answers = [TOKEN, (200, json.dumps(said).encode())]
    wish = RefundWish(uuid4(), uuid4(), "CI18", Money(1200), Money(1200), "+250722000123", listener.address)
    assert await AirtelGateway(CONFIG).refund(wish) == Paid("CI29", Money(1200), str(wish.reference), None)
    assert json.loads(listener.heard[1].body) == {"transaction": {"airtel_money_id": "CI18"}}
