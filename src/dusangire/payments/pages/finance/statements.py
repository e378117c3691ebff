"""What a patient or a stay was charged, who paid, and the account settled before somebody goes home."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.money import Money, total
from dusangire.kernel.sheets import download
from dusangire.payments import queries as payments
from dusangire.payments.pages.finance.answer import EXPORT, HOME, SEE, Francs, page, status_of, words
from dusangire.payments.queries import statements as queries
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from dusangire.payments.rules.providers import e164
from dusangire.payments.service import Share, annulling
from dusangire.wards import queries as wards

_METHODS = (Method.CASH, Method.MTN, Method.AIRTEL, Method.BANK)
_HEADS = (
    "finance.bill.day", "reports.meal", "reports.code", "reports.status", "finance.bill.charged", "finance.bill.kept",
    "finance.bill.free", "finance.refunded", "finance.bill.open",
)  # fmt: skip


class Towards(Struct, frozen=True):
    """A payment towards the account of a stay."""

    amount: Francs
    method: Method
    phone: Annotated[str, Limits(most=20)] = ""


class Statements(Controller):
    """Bills."""

    path = f"{HOME}/statements"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        rows = await queries.find_stays(actor, words(request))
        return page(request, "statements", rows=rows, said=words(request))

    @get("/{admission:uuid}", opt=SEE)
    async def one(self, request: Request, actor: Acting, admission: UUID) -> Html:
        return await _statement(request, actor, admission, forms.empty(Towards))

    @get("/{admission:uuid}/sheet.csv", opt=EXPORT)
    async def sheet(self, request: Request, actor: Acting, admission: UUID) -> Response[str]:
        found = await queries.statement(actor, admission)
        return download(request, f"statement-{found.stay.mrn}", _HEADS, (_cells(tray) for tray in found.trays))

    @post("/{admission:uuid}/pay", opt=needs(Can.CASH_COUNT))
    async def pay(self, request: Request, actor: Acting, admission: UUID) -> Html:
        form = await forms.read(request, Towards)
        if form.value is None:
            return await _statement(request, actor, admission, form)
        await queries.stay(actor, admission)
        said = form.value
        if said.method not in _METHODS:
            return await _statement(request, actor, admission, form.refuse("method", "form.choose_one"))
        if said.method.is_mobile and e164(said.phone) is None:
            return await _statement(request, actor, admission, form.refuse("phone", "payments.no_such_phone"))
        try:
            share = Share(said.method, Money(said.amount), phone=said.phone or None)
            made = await annulling.pay_account(actor, admission, share)
        except Refusal as refused:
            return await _statement(request, actor, admission, form, refused)
        return go(request, _after(made, admission, said.method))

    @get("/patient/{patient:uuid}", opt=SEE)
    async def patient(self, request: Request, actor: Acting, patient: UUID) -> Html:
        person = await wards.person(actor, patient)
        bills = [await queries.statement(actor, one.admission) for one in await queries.stays_of(actor, patient)]
        return page(
            request, "patient", person=person, bills=bills, to_pay=total([bill.totals.to_pay for bill in bills])
        )


class Settled(Controller):
    """For the ward: whether a stay's account is settled, and nothing more."""

    path = "/stay-account"

    @get("/{patient:uuid}", opt=needs(Can.ADMISSION_MANAGE, Can.PAYMENTS_SEE))
    async def show(self, request: Request, actor: Acting, patient: UUID) -> Html:
        person = await wards.person(actor, patient)
        stays = await queries.stays_of(actor, patient)
        is_settled = await queries.is_settled(actor, stays[0].admission) if stays else True
        return whole(request, "payments/settled.html", person=person, is_settled=is_settled)


async def _statement(
    request: Request, actor: Actor, admission: UUID, form: Form[Any], refused: Refusal | None = None
) -> Html:
    found = await queries.statement(actor, admission)
    return page(
        request,
        "statement",
        status=status_of(form, refused),
        found=found,
        sums=found.totals,
        booked=await payments.balance(actor, Account.ADMISSION_RECEIVABLE, admission),
        methods=_METHODS,
        form=form,
        refused=refused,
    )


def _cells(tray: Any) -> tuple[date, str, str, str, int, int, int, int, int]:
    one = tray.charge
    return (
        tray.day, tray.period, tray.code, tray.status, one.charged.minor, one.kept.minor, one.free.minor,
        one.refunded.minor, one.open.minor,
    )  # fmt: skip


def _after(payment: UUID, admission: UUID, method: Method) -> str:
    """Cash is taken, a transfer has an invoice to hand out, and of a telephone its page says how it goes."""
    if method is Method.CASH:
        return f"{HOME}/statements/{admission}"
    return f"/invoices/{payment}" if method is Method.BANK else f"{HOME}/payments/{payment}"
