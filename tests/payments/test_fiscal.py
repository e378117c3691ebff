"""Fiscal receipts: one for each sale, in order and one at a time; pending while the authority is away."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.kernel.money import Money
from dusangire.payments import jobs, queries, service
from dusangire.payments.queries import Payment
from dusangire.payments.rules import Method, Purpose
from dusangire.payments.rules.fiscal import (
    AlreadySigned,
    FiscalAnswer,
    NotNow,
    NotSigned,
    PayKind,
    Receipt,
    Sale,
    SaleKind,
    TaxClass,
)
from tests.make import Make, element
from tests.payments.simulated import Providers


class Authority:
    """The revenue authority: signs, or answers what the test says."""

    def __init__(self) -> None:
        self.sales: list[Sale] = []
        self.says: FiscalAnswer | None = None

    async def sign(self, sale: Sale) -> FiscalAnswer:
        self.sales.append(sale)
        if self.says is not None:
            return self.says
        return Receipt(len(self.sales), len(self.sales), "A" * 26, "B" * 16, "SDC1", "MRC1", sale.at)


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority()
    monkeypatch.setattr(jobs, "fiscal", lambda: made)
    return made


async def _sold(actor: Actor, method: Method = Method.CASH, amount: int = 2360) -> Payment:
    made = await service.open_payment(
        actor, Purpose.PLAN, uuid4(), service.Share(method, Money(amount), source=uuid4())
    )
    one = await queries.payment(actor, made)
    if method is Method.CASH:
        await service.settle_cash(actor, one.subject, collector=None)
    await service.queue_sale(actor, made)
    return await queries.payment(actor, made)


async def _later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    later = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: later)


def _states(receipts: Sequence[queries.FiscalReceipt]) -> list[str]:
    return [one.state for one in receipts]


@pytest.mark.req("J11")
async def test_a_sale_is_queued_once_pending_and_then_signed_with_everything_a_receipt_prints(
    make: Make, authority: Authority
) -> None:
    one = await _sold(make.actor)
    assert not await service.queue_sale(make.actor, one.id)
    waiting = (await queries.fiscal_of(make.actor, one.subject))[0]
    assert (waiting.is_pending, waiting.tax_class, waiting.paid_by) == (True, TaxClass.EXEMPT, PayKind.CASH)
    await jobs.sign_receipts(make.actor)
    signed = (await queries.fiscal_of(make.actor, one.subject))[0]
    zone = make.actor.zone
    assert signed.is_signed
    assert signed.counter(zone) == "1/1 NS"
    assert signed.signature_dashed == "BBBB-BBBB-BBBB-BBBB"
    assert signed.qr(zone).endswith("#SDC1#1#" + "A" * 26 + "#" + "B" * 16)
    assert signed.tin
    assert signed.vat(zone) == "0.00"


@pytest.mark.req("J11")
async def test_while_the_authority_is_away_receipts_wait_in_order_and_one_at_a_time(
    make: Make, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = [await _sold(make.actor, amount=1000 + n) for n in range(4)]
    authority.says = NotNow("no connection")
    await jobs.sign_receipts(make.actor)
    await jobs.sign_receipts(make.actor)
    assert [sale.total.minor for sale in authority.sales] == [1000]
    authority.says = None
    await _later(monkeypatch, 30)

    async def sign() -> None:
        with acting_as(make.actor):
            await jobs.sign_receipts(make.actor)

    await asyncio.gather(sign(), sign(), sign())
    assert [sale.total.minor for sale in authority.sales] == [1000, 1000, 1001, 1002, 1003]
    assert [sale.invoice_no for sale in authority.sales] == [1, 1, 2, 3, 4]
    for one in sold:
        assert _states(await queries.fiscal_of(make.actor, one.subject)) == ["signed"]


@pytest.mark.req("J11")
async def test_many_sales_at_once_get_numbers_without_gaps(make: Make, authority: Authority) -> None:
    opened = [
        await service.open_payment(
            make.actor, Purpose.PLAN, uuid4(), service.Share(Method.HOSPITAL_ACCOUNT, Money(100), source=uuid4())
        )
        for _ in range(8)
    ]

    async def queue(made: UUID) -> bool:
        with acting_as(make.actor):
            return await service.queue_sale(make.actor, made)

    assert sum(await asyncio.gather(*(queue(made) for made in opened * 2))) == 8
    assert [one.invoice_no for one in await queries.fiscal_unsigned(make.actor)] == list(range(1, 9))


@pytest.mark.req("J11", "J8")
async def test_a_refund_has_a_receipt_that_names_the_sale(make: Make, authority: Authority) -> None:
    one = await _sold(make.actor)
    back = await service.give_back(make.actor, one.id, Money(360), why="cold")
    await service.pay_out(make.actor, back)
    assert await service.queue_refund(make.actor, back)
    assert not await service.queue_refund(make.actor, back)
    charged = await _sold(make.actor, Method.HOSPITAL_ACCOUNT)
    await service.cancel(make.actor, charged.subject)
    assert await service.queue_cancelled(make.actor, charged.id)
    await jobs.sign_receipts(make.actor)
    assert [(sale.kind, sale.original_no, sale.total.minor) for sale in authority.sales] == [
        (SaleKind.SALE, 0, 2360),
        (SaleKind.REFUND, 1, 360),
        (SaleKind.SALE, 0, 2360),
        (SaleKind.REFUND, 3, 2360),
    ]


@pytest.mark.req("J11")
async def test_the_accountant_sets_the_class_and_what_was_queued_keeps_its_own(
    make: Make, authority: Authority, ines: Actor
) -> None:
    before = await _sold(make.actor)
    await service.set_tax_class(make.actor, TaxClass.STANDARD)
    after = await _sold(make.actor)
    found = [(await queries.fiscal_of(make.actor, one.subject))[0] for one in (before, after)]
    assert [(one.tax_class, one.vat(make.actor.zone)) for one in found] == [("A", "0.00"), ("B", "360.00")]
    with acting_as(ines):
        assert await queries.tax_class(ines) is TaxClass.EXEMPT
        assert await queries.fiscal_of(ines, before.subject) == []


@pytest.mark.req("J11")
async def test_a_refused_receipt_and_a_lost_answer_do_not_hold_up_the_others(make: Make, authority: Authority) -> None:
    one, two = await _sold(make.actor), await _sold(make.actor)
    authority.says = NotSigned("881", "purchase code")
    receipt = await service.claim_receipt(make.actor, clock.now())
    assert receipt
    assert await service.signed(make.actor, receipt, authority.says, clock.now())
    authority.says = AlreadySigned("994")
    await jobs.sign_receipts(make.actor)
    assert _states(await queries.fiscal_of(make.actor, one.subject)) == ["refused"]
    assert _states(await queries.fiscal_of(make.actor, two.subject)) == ["at_authority"]


@pytest.mark.req("J11")
@pytest.mark.parametrize("method", [Method.SUBSCRIPTION, Method.POINTS, Method.HOSPITAL])
async def test_what_is_no_sale_is_not_reported(make: Make, method: Method, authority: Authority) -> None:
    one = await _sold(make.actor, method)
    assert await queries.fiscal_of(make.actor, one.subject) == []


@pytest.mark.req("J11")
async def test_the_simulated_authority_signs_over_http(make: Make, providers: Providers) -> None:
    one = await _sold(make.actor)
    await jobs.sign_receipts(make.actor)
    signed = (await queries.fiscal_of(make.actor, one.subject))[0]
    assert signed.is_signed, signed.said
    assert len(signed.signature) == 16


@pytest.mark.req("J11")
async def test_a_refused_receipt_is_seen_and_sent_again_under_its_own_number(
    make: Make, browser, authority: Authority
) -> None:
    solange = await make.user("Solange Iradukunda", Role.FINANCE)
    office, carrier = browser(solange), browser(await make.user("Esther", Role.DELIVERY))
    authority.says = NotSigned("834", "Wrong item class")
    one = await _sold(make.actor)
    await jobs.sign_receipts(make.actor)
    refused = (await queries.fiscal_of(make.actor, one.subject))[0]
    assert "1</b>" in element((await office.get("/admin/finance/")).text, "waits-fiscal_pending")
    row = element((await office.get("/admin/finance/receipts")).text, f"receipt-{refused.id}")
    assert "Refused" in row
    assert "834 Wrong item class" in row
    again = f"/admin/finance/receipts/{refused.id}/again"
    assert (await carrier.post(again)).status_code == 403
    assert (await office.post(again)).status_code == 303
    assert (await office.post(again)).status_code == 409
    authority.says = None
    await jobs.sign_receipts(make.actor)
    assert [sale.invoice_no for sale in authority.sales] == [1, 1]
    assert _states(await queries.fiscal_of(make.actor, one.subject)) == ["signed"]
    assert "Every receipt is signed" in (await office.get("/admin/finance/receipts")).text
