"""Who pays which part: rules by payer class, the class of an admission, and what insurers owe by month."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import clock, forms, journal
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.money import total
from dusangire.kernel.sheets import download
from dusangire.menu.rules import PeriodCode
from dusangire.payments.queries import funds as fund_queries
from dusangire.payments.queries import payers as queries
from dusangire.payments.service import payers
from dusangire.payments.service.payers import NewRule
from dusangire.wards import queries as wards
from dusangire.wards import service as ward_service
from dusangire.wards.rules import PayerClass

_DESK = needs(Can.FUND_MANAGE)
_SEE = needs(Can.FUND_MANAGE, Can.PAYMENTS_SEE)
_PERCENT = Limits(0, 100)
_HEADS = (
    "payer.day", "payer.meal", "payer.order", "payer.patient", "payer.mrn", "payer.insurance_no", "payer.price",
    "payer.owed",
)  # fmt: skip


class Wanted(Struct, frozen=True):
    """A rule: percents that make a hundred."""

    payer_class: PayerClass
    begins_on: date
    patient: Annotated[int, _PERCENT] = 0
    hospital: Annotated[int, _PERCENT] = 0
    insurer: Annotated[int, _PERCENT] = 0
    sponsor: Annotated[int, _PERCENT] = 0
    fund: UUID | None = None
    periods: list[PeriodCode] = []
    weekdays: list[Annotated[int, Limits(1, 7)]] = []


class ClassForm(Struct, frozen=True):
    """Who stands behind a stay, and why that changes."""

    payer_class: PayerClass
    why: Annotated[str, Limits(3, 200)]
    insurer: Annotated[str, Limits(most=80)] = ""
    insurance_no: Annotated[str, Limits(most=40)] = ""


class Payers(Controller):
    """Rules, stays and invoices."""

    path = "/admin/payers"

    @get("/", opt=_SEE)
    async def all(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, forms.empty(Wanted, begins_on=str(_today(actor)), patient="100"))

    @post("/", opt=_DESK)
    async def add(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Wanted)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            await payers.add_rule(actor, _new(form.value))
        except Refusal as refused:
            field = "fund" if refused.key == "payer.which_fund" else "patient"
            return await _page(request, actor, form.refuse(field, refused.key, **refused.facts), status=422)
        return go(request, "/admin/payers/")

    @post("/rules/{rule:uuid}/end", opt=_DESK)
    async def end(self, request: Request, actor: Acting, rule: UUID) -> Html:
        await payers.end_rule(actor, rule)
        return go(request, "/admin/payers/")

    @get("/stays/{patient:uuid}", opt=_SEE)
    async def stay(self, request: Request, actor: Acting, patient: UUID) -> Html:
        return await _stay(request, actor, patient)

    @post("/stays/{patient:uuid}", opt=_DESK)
    async def change(self, request: Request, actor: Acting, patient: UUID) -> Html:
        form = await forms.read(request, ClassForm)
        if form.value is None:
            return await _stay(request, actor, patient, form, status=422)
        said, admission = form.value, (await _insured(actor, patient)).admission
        try:
            await ward_service.set_payer(
                actor, admission, said.payer_class, insurer=said.insurer, insurance_no=said.insurance_no, why=said.why
            )
        except Refusal as refused:
            field = "insurer" if refused.key == "payer.insurer_missing" else "why"
            return await _stay(request, actor, patient, form.refuse(field, refused.key), status=422)
        return go(request, f"/admin/payers/stays/{patient}")

    @get("/invoices", opt=_SEE)
    async def invoices(self, request: Request, actor: Acting) -> Html:
        first, after = _month(request, actor)
        due = await queries.insurers_due(actor, first, after)
        issued = {(one.payer_class, one.insurer): one for one in await queries.insurer_invoices(actor, first)}
        return whole(
            request, "payments/payer_invoices.html", due=due, issued=issued, month=first.strftime("%Y-%m"),
            sum=total([one.amount for one in due]),
        )  # fmt: skip

    @get("/invoices/{payer_class:str}", opt=_SEE)
    async def invoice(self, request: Request, actor: Acting, payer_class: str) -> Html:
        return await _invoice(request, actor, payer_class)

    @post("/invoices/{payer_class:str}/issue", opt=needs(Can.MONEY_MOVE, fresh=True))
    async def issue(self, request: Request, actor: Acting, payer_class: str) -> Html:
        first, _ = _month(request, actor)
        try:
            made = await payers.issue_invoice(actor, first, payer_class, _insurer(request))
        except Refusal as refused:
            return await _invoice(request, actor, payer_class, refused)
        return go(request, f"/invoices/{made}")

    @get("/invoices/{payer_class:str}/sheet.csv", opt=needs(Can.FUND_MANAGE, Can.PAYMENTS_SEE, fresh=True))
    async def sheet(self, request: Request, actor: Acting, payer_class: str) -> Response[str]:
        first, after = _month(request, actor)
        lines = await queries.insured_trays(actor, first, after, payer_class, _insurer(request))
        return download(
            request,
            f"invoice-{first:%Y-%m}",
            _HEADS,
            (
                (one.day, one.period, one.order_code, one.patient, one.mrn, one.insurance_no, one.total_minor,
                 one.amount_minor)
                for one in lines
            ),
        )  # fmt: skip


async def _page(request: Request, actor: Actor, form: Form[Wanted], *, status: int = 200) -> Html:
    typed = str(request.query_params.get("q", ""))[:60].strip()
    found = [one for one in await wards.find_people(actor, typed) if one.admission] if typed else []
    return whole(
        request, "payments/payers.html", status=status, form=form, rules=await queries.payer_rules(actor),
        funds=await fund_queries.funds(actor), classes=list(PayerClass), periods=list(PeriodCode),
        ticked=await _ticked(request), typed=typed, found=found,
        insured=await queries.insured_now(actor, [one.id for one in found]),
    )  # fmt: skip


async def _invoice(request: Request, actor: Actor, payer_class: str, refused: Refusal | None = None) -> Html:
    (first, after), insurer = _month(request, actor), _insurer(request)
    lines = await queries.insured_trays(actor, first, after, payer_class, insurer)
    issued = {(one.payer_class, one.insurer): one for one in await queries.insurer_invoices(actor, first)}
    return whole(
        request, "payments/payer_invoice.html", status=refused.status if refused else 200, lines=lines,
        month=first.strftime("%Y-%m"), payer_class=payer_class, insurer=insurer, classes=list(PayerClass),
        sum=total([line.amount for line in lines]), issued=issued.get((payer_class, insurer)), refused=refused,
        is_over=after <= _today(actor),
    )  # fmt: skip


async def _stay(
    request: Request, actor: Actor, patient: UUID, form: Form[ClassForm] | None = None, *, status: int = 200
) -> Html:
    insured = await _insured(actor, patient)
    typed = {"payer_class": insured.payer_class, "insurer": insured.insurer, "insurance_no": insured.insurance_no}
    told = await journal.history(actor, f"admission:{insured.admission}")
    return whole(
        request, "payments/payer_stay.html", status=status, person=await wards.person(actor, patient),
        form=form or forms.empty(ClassForm, **typed), classes=list(PayerClass), now=insured.payer_class,
        told=[event for event in reversed(told) if event.kind == "admission:payer_changed"],
    )  # fmt: skip


async def _insured(actor: Actor, patient: UUID) -> queries.Insured:
    """Return who stands behind the stay under way. Raises NotHere, Refusal for somebody who went home."""
    person = await wards.person(actor, patient)
    if person.admission is None:
        raise Refusal("ward.not_admitted")
    return await queries.insured(actor, person.admission)


async def _ticked(request: Request) -> frozenset[str]:
    typed = await request.form() if request.method == "POST" else None
    names = ("periods", "weekdays")
    return frozenset(str(one) for name in names for one in typed.getall(name, [])) if typed else frozenset()


def _new(said: Wanted) -> NewRule:
    return NewRule(
        said.payer_class, said.patient, said.hospital, said.insurer, said.sponsor, said.begins_on,
        said.fund if said.sponsor else None, tuple(one.value for one in said.periods), tuple(said.weekdays),
    )  # fmt: skip


def _insurer(request: Request) -> str:
    return str(request.query_params.get("insurer", ""))[:80]


def _month(request: Request, actor: Actor) -> tuple[date, date]:
    """Return the first day of the month that the address names, and of the next; this one where it names none."""
    try:
        first = date.fromisoformat(f"{request.query_params.get('month', '')}-01")
    except ValueError:
        first = _today(actor).replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)
