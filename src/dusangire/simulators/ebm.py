"""The revenue authority's OSDC: registers devices, checks the arithmetic of sales and signs receipts."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dusangire.kernel.settings import DEMO_SECRET
from dusangire.simulators.answers import Answer, Call, as_json
from dusangire.simulators.knobs import Knobs, On
from dusangire.simulators.till import KIGALI, Payment, Sender, Till

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CENT = Decimal("0.01")
_RATES = {"A": Decimal(0), "B": Decimal(18), "C": Decimal(0), "D": Decimal(0)}


class Ebm:
    """One device of one taxpayer."""

    def __init__(self, sender: Sender, knobs: Knobs) -> None:
        self.till = Till("ebm", sender, knobs, _no_news)
        self.forget()

    def forget(self) -> None:
        self.till.forget()
        self.sales: dict[int, dict[str, Any]] = {}
        self._counts = {"S": 0, "R": 0}

    async def answer(self, call: Call) -> Answer:
        """Answer one call."""
        match call.method, call.path:
            case "POST", ["initializer", "selectInitOsdcInfo"]:
                return self._register(call)
            case "POST", ["trnsSales", "saveTrnsSalesOsdc"]:

                async def act() -> Answer:
                    return self._sign(call)

                return await self.till.answer(On.SIGN, act, _broken)
            case "GET", []:
                return Answer(200)
        return as_json(404, {"resultCd": "999", "resultMsg": "Unknown address", "data": None})

    def _register(self, call: Call) -> Answer:
        said = call.read(dict[str, Any]) or {}
        if not (len(str(said.get("tin", ""))) == 9 and said.get("bhfId") and said.get("dvcSrlNo")):
            return _result("910", "Request parameter error")
        info = {"tin": said["tin"], "bhfId": said["bhfId"], "sdcId": "SDC010000001", "cmcKey": DEMO_SECRET}
        return _result("000", "It is succeeded", {"info": info})

    def _sign(self, call: Call) -> Answer:
        """Sign a sale, once; check what the authority checks first."""
        sale = call.read(dict[str, Any])
        code = self.till.knobs.result or ("910" if sale is None else self._trouble(call, sale))
        if code or sale is None:
            return _result(code, _MESSAGES.get(code, "Refused"))
        kind = sale["rcptTyCd"]
        self._counts[kind] += 1
        self.sales[sale["invcNo"]] = sale
        signed = {
            "rcptNo": self._counts[kind],
            "totRcptNo": sum(self._counts.values()),
            "intrlData": _letters(26),
            "rcptSign": _letters(16),
            "sdcDateTime": datetime.now(KIGALI).strftime("%Y%m%d%H%M%S"),
            "sdcId": "SDC010000001",
            "mrcNo": "WIS01000001",
        }
        return _result("000", "It is succeeded", signed)

    def _trouble(self, call: Call, sale: Mapping[str, Any]) -> str:
        """Return the code of what is wrong with a sale; empty for nothing."""
        if call.header("cmckey") != DEMO_SECRET or call.header("tin") != sale.get("tin"):
            return "901"
        if not isinstance(sale.get("invcNo"), int) or sale.get("rcptTyCd") not in self._counts:
            return "910"
        if sale["invcNo"] in self.sales:
            return "994"
        if sale.get("custTin") and not sale.get("prcOrdCd"):
            return "881"
        if sale["rcptTyCd"] == "R" and sale.get("orgInvcNo") not in self.sales:
            return "910"
        return "" if _adds_up(sale) else "910"


_MESSAGES = {
    "881": "Purchase code is mandatory",
    "901": "It is not a valid device",
    "910": "Request parameter error",
    "921": "Sales data which is declared cannot be received",
    "922": "Sales invoice data can be received after receiving the sales data",
    "994": "Overlapped data",
}


def _adds_up(sale: Mapping[str, Any]) -> bool:
    """Say whether the taxes are 18/118 where they must be, no amount is negative and the sums are sums."""
    try:
        taxable = {tax: Decimal(str(sale[f"taxblAmt{tax}"])) for tax in _RATES}
        taxes = {tax: Decimal(str(sale[f"taxAmt{tax}"])) for tax in _RATES}
        lines = [Decimal(str(line["totAmt"])) for line in sale["itemList"]]
        whole, tax_sum = Decimal(str(sale["totAmt"])), Decimal(str(sale["totTaxAmt"]))
    except (KeyError, ArithmeticError, TypeError):
        return False
    inside = {tax: (taxable[tax] * rate / (100 + rate)).quantize(_CENT, ROUND_HALF_UP) for tax, rate in _RATES.items()}
    is_positive = min([*taxable.values(), *lines], default=Decimal(-1)) >= 0
    is_summed = sum(taxable.values()) == sum(lines) == whole and sum(taxes.values()) == tax_sum
    return is_positive and is_summed and taxes == inside and len(lines) == sale.get("totItemCnt")


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def _result(code: str, message: str, data: object = None) -> Answer:
    return as_json(200, {"resultCd": code, "resultMsg": message, "data": data})


def _broken(status: int) -> Answer:
    return Answer(status, b"", "text/plain")


def _no_news(_: Payment) -> bytes:
    return b""
