"""Fiscal receipts: the arithmetic of the authority, its answers, and what is printed."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import httpx
import msgspec
import pytest

from dusangire.kernel.money import Money
from dusangire.kernel.settings import Ebm, settings
from dusangire.payments.gateways.ebm import EbmGateway
from dusangire.payments.gateways.wire import Wire
from dusangire.payments.rules.fiscal import (
    AlreadySigned,
    NotNow,
    NotSigned,
    PayKind,
    Receipt,
    Sale,
    SaleKind,
    SaleLine,
    TaxClass,
    counter,
    dashed,
    qr_text,
    tax_sums,
    vat_inside,
)
from tests.payments.simulated import Listener, Providers

KIGALI = timezone(timedelta(hours=2))
AT = datetime(2026, 11, 21, 12, 30, 5, tzinfo=KIGALI)
LINES = (
    SaleLine("ISOMBE", "Isombe", TaxClass.STANDARD, 3, Money(333)),
    SaleLine("WATER", "Water", TaxClass.STANDARD, 1, Money(500)),
    SaleLine("F75", "Therapeutic milk", TaxClass.EXEMPT, 2, Money(1000)),
)


def _sale(number: int = 1, **changes: object) -> Sale:
    return msgspec.structs.replace(Sale(number, 0, SaleKind.SALE, PayKind.MOBILE_MONEY, AT, LINES), **changes)


@pytest.mark.req("J11")
@pytest.mark.parametrize(
    ("francs", "tax", "vat"),
    [
        (118, "B", "18.00"),
        (1000, "B", "152.54"),
        (1200, "B", "183.05"),
        (1, "B", "0.15"),
        (59, "B", "9.00"),
        (999, "B", "152.39"),
        (50, "B", "7.63"),
        (3_750_000, "B", "572033.90"),
        (0, "B", "0.00"),
        (1000, "A", "0.00"),
        (1000, "C", "0.00"),
        (1000, "D", "0.00"),
    ],
)
def test_the_tax_inside_a_price_is_eighteen_parts_of_a_hundred_and_eighteen(francs: int, tax: str, vat: str) -> None:
    assert vat_inside(Money(francs), TaxClass(tax)) == Decimal(vat)


def test_a_sale_sums_by_class() -> None:
    sums = tax_sums(_sale())
    assert (sums[TaxClass.STANDARD].taxable, sums[TaxClass.STANDARD].tax) == (Decimal("1499.00"), Decimal("228.66"))
    assert (sums[TaxClass.EXEMPT].taxable, sums[TaxClass.EXEMPT].tax) == (Decimal("2000.00"), Decimal("0.00"))
    assert _sale().total == Money(3499)


RECEIPT = Receipt(12, 345, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCD2345EFGH6722", "SDC010000001", "WIS01000001", AT)


@pytest.mark.req("J11")
def test_what_is_printed_under_a_receipt() -> None:
    assert dashed(RECEIPT.internal_data) == "ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ"
    assert dashed(RECEIPT.signature) == "ABCD-2345-EFGH-6722"
    assert counter(RECEIPT, SaleKind.SALE) == "12/345 NS"
    assert counter(RECEIPT, SaleKind.REFUND) == "12/345 NR"
    assert counter(RECEIPT, SaleKind.SALE, is_copy=True) == "12/345 CS"
    assert qr_text(RECEIPT) == "21112026#123005#SDC010000001#12#ABCDEFGHIJKLMNOPQRSTUVWXYZ#ABCD2345EFGH6722"


@pytest.fixture
async def device(providers: Providers) -> AsyncIterator[EbmGateway]:
    """Our device at the simulated authority."""
    config = settings().ebm
    assert config is not None
    made = EbmGateway(config, Wire(call_s=0.5))
    yield made
    await made.close()


@pytest.mark.req("J11")
async def test_a_sale_is_signed_and_counted(device: EbmGateway) -> None:
    first, second = await device.sign(_sale(1)), await device.sign(_sale(2))
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert (first.rcpt_no, first.total_no, second.rcpt_no, second.total_no) == (1, 1, 2, 2)
    assert (len(first.internal_data), len(first.signature)) == (26, 16)
    assert first.sdc_id
    assert first.mrc_no
    assert abs(first.at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_refund_is_positive_and_names_its_sale(device: EbmGateway) -> None:
    await device.sign(_sale(1))
    back = await device.sign(_sale(2, original_no=1, kind=SaleKind.REFUND, lines=LINES[:1]))
    assert isinstance(back, Receipt)
    assert (back.rcpt_no, back.total_no) == (1, 2)
    lost = await device.sign(_sale(3, original_no=77, kind=SaleKind.REFUND))
    assert isinstance(lost, NotSigned)


@pytest.mark.req("J11")
async def test_the_same_invoice_is_signed_once_even_when_the_answer_is_lost(
    device: EbmGateway, providers: Providers
) -> None:
    providers.knobs("ebm", faults=[{"on": "sign", "is_done": True, "wait_s": 2}])
    assert isinstance(await device.sign(_sale(1)), NotNow)
    assert isinstance(await device.sign(_sale(1)), AlreadySigned)
    after = await device.sign(_sale(2))
    assert isinstance(after, Receipt)
    assert after.total_no == 2


@pytest.mark.req("J11")
async def test_no_receipt_is_made_up_while_the_authority_is_away(device: EbmGateway, providers: Providers) -> None:
    providers.knobs("ebm", faults=[{"on": "sign", "status": 503, "times": 3}])
    assert [type(await device.sign(_sale(1))) for _ in range(3)] == [NotNow] * 3
    assert isinstance(await device.sign(_sale(1)), Receipt)
    assert await device.alive()
    away = EbmGateway(Ebm("http://127.0.0.1:9/ebm", "999000099", "00", "DEMO0001", "demo"))
    assert isinstance(await away.sign(_sale(1)), NotNow)
    assert not await away.alive()


@pytest.mark.parametrize(("result", "kind"), [("881", NotSigned), ("921", NotNow), ("922", NotNow), ("910", NotSigned)])
async def test_a_refusal_is_final_or_for_later(
    device: EbmGateway, providers: Providers, result: str, kind: type
) -> None:
    providers.knobs("ebm", result=result)
    assert isinstance(await device.sign(_sale(1)), kind)


async def test_a_company_needs_a_purchase_code(device: EbmGateway) -> None:
    refused = await device.sign(_sale(1, customer_tin="100000001"))
    assert isinstance(refused, NotSigned)
    assert refused.code == "881"
    assert isinstance(await device.sign(_sale(1, customer_tin="100000001", purchase_code="12345")), Receipt)


async def test_the_authority_checks_the_sums(providers: Providers, listener: Listener) -> None:
    await EbmGateway(Ebm(listener.address, "999000099", "00", "DEMO0001", "demo")).sign(_sale(1))
    body = json.loads(listener.heard[0].body)
    headers = {"tin": "999000099", "bhfId": "00", "cmcKey": "demo"}
    place = f"{providers.ebm}/trnsSales/saveTrnsSalesOsdc"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as wire:
        for name, value in {"taxAmtB": 228.65, "totAmt": 3498, "totTaxAmt": 0, "totItemCnt": 2}.items():
            assert (await wire.post(place, json=body | {name: value})).json()["resultCd"] == "910", name
        assert (await wire.post(place, json=body)).json()["resultCd"] == "000"
        stranger = await wire.post(place, json=body, headers={"cmcKey": "x"})
    assert stranger.json()["resultCd"] == "901"


async def test_the_client_sends_the_documented_fields(listener: Listener) -> None:
    await EbmGateway(Ebm(listener.address, "999000099", "00", "DEMO0001", "key")).sign(_sale(7))
    [asked] = listener.heard
    assert (asked.method, asked.path, asked.headers["cmckey"]) == ("POST", "/trnsSales/saveTrnsSalesOsdc", "key")
    body = json.loads(asked.body)
    lines = body.pop("itemList")
    assert body == {
        "tin": "999000099", "bhfId": "00", "invcNo": 7, "orgInvcNo": 0, "custTin": None, "prcOrdCd": None,
        "salesTyCd": "N", "rcptTyCd": "S", "pmtTyCd": "06", "salesSttsCd": "02", "cfmDt": "20261121123005",
        "salesDt": "20261121", "totItemCnt": 3,
        "taxblAmtA": 2000.0, "taxRtA": 0, "taxAmtA": 0.0, "taxblAmtB": 1499.0, "taxRtB": 18, "taxAmtB": 228.66,
        "taxblAmtC": 0.0, "taxRtC": 0, "taxAmtC": 0.0, "taxblAmtD": 0.0, "taxRtD": 0, "taxAmtD": 0.0,
        "totTaxblAmt": 3499.0, "totTaxAmt": 228.66, "totAmt": 3499.0,
        "receipt": {"custTin": None, "rptNo": 0, "prchrAcptcYn": "N"},
    }  # fmt: skip
    assert [(line["itemSeq"], line["taxTyCd"], line["totAmt"], line["taxAmt"]) for line in lines] == [
        (1, "B", 999, 152.39), (2, "B", 500, 76.27), (3, "A", 2000, 0),
    ]  # fmt: skip


SIGNED = {
    "curRcptNo": 5, "totRcptNo": 6, "intrlData": "A" * 26, "rcptSign": "B" * 16,
    "vsdcRcptPbctDate": "20261121123006", "sdcId": "S1", "mrcNo": "M1",
}  # fmt: skip


async def test_both_spellings_of_the_receipt_are_read(listener: Listener) -> None:
    listener.answers = [(200, json.dumps({"resultCd": "000", "data": SIGNED}).encode())]
    device = EbmGateway(Ebm(listener.address, "999000099", "00", "DEMO0001", "key"))
    at = AT.replace(second=6)
    assert await device.sign(_sale()) == Receipt(5, 6, "A" * 26, "B" * 16, "S1", "M1", at)


@pytest.mark.parametrize("lacking", ["curRcptNo", "intrlData", "rcptSign", "vsdcRcptPbctDate", "sdcId"])
async def test_half_a_receipt_is_none(listener: Listener, lacking: str) -> None:
    said = {name: value for name, value in SIGNED.items() if name != lacking}
    listener.answers = [(200, json.dumps({"resultCd": "000", "data": said}).encode())]
    device = EbmGateway(Ebm(listener.address, "999000099", "00", "DEMO0001", "key"))
    assert isinstance(await device.sign(_sale()), NotNow)


async def test_a_device_is_registered_before_it_signs(device: EbmGateway) -> None:
    config = settings().ebm
    assert config is not None
    unknown = EbmGateway(msgspec.structs.replace(config, key=None))
    assert isinstance(await unknown.sign(_sale()), NotNow)
    assert await device.register() == "demo"
    refused = await EbmGateway(msgspec.structs.replace(config, tin="1")).register()
    assert isinstance(refused, NotNow)
