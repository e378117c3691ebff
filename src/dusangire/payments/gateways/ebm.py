"""The revenue authority's OSDC: a sale goes in, a signed receipt comes out. One sale at a time, in order."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from dusangire.kernel.settings import Ebm
from dusangire.payments.gateways.wire import Reply, Silence, Wire
from dusangire.payments.rules.fiscal import (
    AlreadySigned,
    FiscalAnswer,
    NotNow,
    NotSigned,
    Receipt,
    Sale,
    SaleLine,
    tax_sums,
    vat_inside,
)

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CENT = Decimal("0.01")
_DONE, _DUPLICATE = "000", "994"
# Trouble of the authority's own, after which the same sale may go through.
_LATER = {"894", "896", "899", "921", "922", "999"}


class _Signed(Struct):
    intrlData: str = ""
    rcptSign: str = ""
    totRcptNo: int = 0
    rcptNo: int = 0
    curRcptNo: int = 0
    sdcDateTime: str = ""
    vsdcRcptPbctDate: str = ""
    sdcId: str = ""
    mrcNo: str = ""


class _Answer(Struct):
    resultCd: str
    resultMsg: str = ""
    data: _Signed | None = None


class _Device(Struct):
    cmcKey: str = ""


class _About(Struct):
    info: _Device


class _Registered(Struct):
    resultCd: str
    resultMsg: str = ""
    data: _About | None = None


class EbmGateway:
    """One taxpayer's device at the authority."""

    def __init__(self, config: Ebm, wire: Wire | None = None) -> None:
        self._config = config
        self._wire = wire or Wire()

    async def register(self) -> str | NotNow:
        """Register the device and return the key it is given, which must be kept as EBM_KEY: it is given once."""
        body = {"tin": self._config.tin, "bhfId": self._config.branch, "dvcSrlNo": self._config.device}
        try:
            reply = await self._post("/initializer/selectInitOsdcInfo", body, {})
        except Silence as silence:
            return NotNow(str(silence))
        answer = reply.read(_Registered) if reply.status == 200 else None
        if answer is None or answer.resultCd != _DONE or answer.data is None:
            return NotNow(f"{answer.resultCd} {answer.resultMsg}" if answer else reply.said)
        return answer.data.info.cmcKey

    async def sign(self, sale: Sale) -> FiscalAnswer:
        """Report a sale. One at a time and in the order of their numbers: the caller's queue sees to it."""
        if self._config.key is None:
            return NotNow("EBM_KEY is not set; `dusangire register-fiscal-device` gives one")
        known = {"tin": self._config.tin, "bhfId": self._config.branch, "cmcKey": self._config.key}
        try:
            reply = await self._post("/trnsSales/saveTrnsSalesOsdc", self._said(sale), known)
        except Silence as silence:
            return NotNow(str(silence))
        answer = reply.read(_Answer) if reply.status == 200 else None
        if answer is None:
            return NotNow(reply.said)
        return _became(answer, sale)

    async def alive(self) -> bool:
        """Say whether the authority answers; at once, without asking, while the circuit is open."""
        if self._wire.circuit(self._config.base_url).is_open:
            return False
        try:
            reply = await self._wire.send(self._config.base_url, "GET", "/", {})
        except Silence:
            return False
        return reply.status < 500

    async def close(self) -> None:
        await self._wire.close()

    def _said(self, sale: Sale) -> dict[str, object]:
        sums = tax_sums(sale)
        total = Decimal(sale.total.minor).quantize(_CENT)
        of_class = {
            f"{word}{tax}": value
            for tax, one in sums.items()
            for word, value in (("taxblAmt", one.taxable), ("taxRt", one.rate), ("taxAmt", one.tax))
        }
        return {
            "tin": self._config.tin,
            "bhfId": self._config.branch,
            "invcNo": sale.invoice_no,
            "orgInvcNo": sale.original_no,
            "custTin": sale.customer_tin or None,
            "prcOrdCd": sale.purchase_code or None,
            "salesTyCd": "N",
            "rcptTyCd": sale.kind.value,
            "pmtTyCd": sale.paid_by.value,
            "salesSttsCd": "02",
            "cfmDt": sale.at.strftime("%Y%m%d%H%M%S"),
            "salesDt": sale.at.strftime("%Y%m%d"),
            "totItemCnt": len(sale.lines),
            **of_class,
            "totTaxblAmt": total,
            "totTaxAmt": sum((one.tax for one in sums.values()), Decimal("0.00")),
            "totAmt": total,
            "receipt": {"custTin": sale.customer_tin or None, "rptNo": 0, "prchrAcptcYn": "N"},
            "itemList": [_item(line, number) for number, line in enumerate(sale.lines, start=1)],
        }

    async def _post(self, path: str, body: dict[str, object] | dict[str, str], headers: dict[str, str]) -> Reply:
        content = _ENCODER.encode(body)
        said = {"Content-Type": "application/json", **headers}
        return await self._wire.send(self._config.base_url, "POST", path, said, content)


def _item(line: SaleLine, number: int) -> dict[str, object]:
    total = Decimal(line.total.minor).quantize(_CENT)
    return {
        "itemSeq": number,
        "itemCd": line.code,
        "itemClsCd": line.class_code,
        "itemNm": line.name,
        "pkgUnitCd": "NT",
        "pkg": line.quantity,
        "qtyUnitCd": "U",
        "qty": line.quantity,
        "prc": Decimal(line.price.minor).quantize(_CENT),
        "splyAmt": total,
        "dcRt": 0,
        "dcAmt": 0,
        "taxTyCd": line.tax.value,
        "taxblAmt": total,
        "taxAmt": vat_inside(line.total, line.tax),
        "totAmt": total,
    }


def _became(answer: _Answer, sale: Sale) -> FiscalAnswer:
    said = f"{answer.resultCd} {answer.resultMsg}".strip()
    if answer.resultCd == _DUPLICATE:
        return AlreadySigned(said)
    if answer.resultCd != _DONE:
        return NotNow(said) if answer.resultCd in _LATER else NotSigned(answer.resultCd, answer.resultMsg)
    data = answer.data or _Signed()
    number, when = data.rcptNo or data.curRcptNo, data.sdcDateTime or data.vsdcRcptPbctDate
    try:
        at = datetime.strptime(when, "%Y%m%d%H%M%S").replace(tzinfo=sale.at.tzinfo)
    except ValueError:
        at = None
    if at is None or not (number and data.intrlData and data.rcptSign and data.sdcId):
        return NotNow(f"an incomplete receipt: {said}")
    return Receipt(number, data.totRcptNo, data.intrlData, data.rcptSign, data.sdcId, data.mrcNo, at)
