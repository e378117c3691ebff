"""The bank: its lines, what they pay, and the invoices that say how to pay."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from litestar.datastructures import UploadFile
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.money import Money
from dusangire.kernel.sheets import download
from dusangire.payments import queries as payments
from dusangire.payments.pages.finance.answer import EXPORT, HOME, MOVE, SEE, Francs, Why, Words, page, status_of, words
from dusangire.payments.queries import bank as queries
from dusangire.payments.queries import desk
from dusangire.payments.rules.bank import BadSheet, BankRow, codes_in, read_sheet
from dusangire.payments.rules.desk import day_of
from dusangire.payments.service import bank as service

_LARGEST = 2 * 2**20
_HEADS = (
    "finance.bank.day", "finance.bank.ref", "reports.amount_frw", "finance.bank.left", "finance.bank.sender",
    "finance.bank.message", "finance.bank.source",
)  # fmt: skip


class Typed(Struct, frozen=True):
    """One line of the bank, typed."""

    bank_ref: Annotated[str, Limits(1, 80)]
    booked_on: date
    amount: Francs
    sender: Annotated[str, Limits(most=120)] = ""
    message: Annotated[str, Limits(most=200)] = ""


class Matched(Struct, frozen=True):
    """The invoice that a line pays."""

    payment: UUID


class SentBack(Struct, frozen=True):
    amount: Francs
    why: Words


class Bank(Controller):
    """What came in at the bank."""

    path = f"{HOME}/bank"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _lines(request, actor, forms.empty(Typed))

    @get("/lines.csv", opt=EXPORT)
    async def sheet(self, request: Request, actor: Acting) -> Response[str]:
        rows = await _found(request, actor, desk.SHEET)
        return download(
            request,
            "bank",
            _HEADS,
            (
                (
                    str(row.booked_on),
                    row.bank_ref,
                    row.amount_minor,
                    row.left_minor,
                    row.sender,
                    row.message,
                    row.source,
                )
                for row in rows
            ),
        )

    @post("/import", opt=MOVE, request_max_body_size=_LARGEST)
    async def take_in(self, request: Request, actor: Acting) -> Html:
        sent = (await request.form()).get("file")
        empty = forms.empty(Typed)
        if not isinstance(sent, UploadFile) or not (content := await sent.read()):
            return await _lines(request, actor, empty.refuse("file", "form.required"))
        try:
            rows = read_sheet(content.decode("utf-8-sig", errors="replace"))
        except BadSheet as wrong:
            return await _lines(request, actor, empty.refuse("file", "finance.bank.bad_sheet", value=str(wrong)))
        done = await service.import_lines(actor, rows, source=(sent.filename or "")[:80])
        return await _lines(request, actor, empty, done=done)

    @post("/lines", opt=MOVE)
    async def type_line(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Typed)
        if form.value is None:
            return await _lines(request, actor, form)
        said = form.value
        row = BankRow(said.bank_ref, said.booked_on, Money(said.amount), said.sender, said.message)
        try:
            made = await service.type_line(actor, row)
        except Refusal as refused:
            return await _lines(request, actor, form.refuse("bank_ref", refused.key, **refused.facts))
        return go(request, f"{HOME}/bank/{made}")

    @get("/{line_id:uuid}", opt=SEE)
    async def one(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        return await _line(request, actor, line_id, forms.empty(SentBack))

    @post("/{line_id:uuid}/match", opt=MOVE)
    async def match(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        form = await forms.read(request, Matched)
        if form.value is None:
            return await _line(request, actor, line_id, form)
        try:
            await service.match(actor, line_id, form.value.payment)
        except Refusal as refused:
            return await _line(request, actor, line_id, form, refused)
        return go(request, f"{HOME}/bank/{line_id}")

    @post("/{line_id:uuid}/send-back", opt=MOVE)
    async def send_back(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        form = await forms.read(request, SentBack)
        if form.value is None:
            return await _line(request, actor, line_id, form)
        try:
            await service.send_back(actor, line_id, Money(form.value.amount), why=form.value.why)
        except Refusal as refused:
            return await _line(request, actor, line_id, form, refused)
        return go(request, f"{HOME}/bank/{line_id}")

    @post("/uses/{use_id:uuid}/undo", opt=MOVE)
    async def undo(self, request: Request, actor: Acting, use_id: UUID) -> Html:
        form, used = await forms.read(request, Why), await queries.use(actor, use_id)
        if form.value is None:
            return await _line(request, actor, used.line, form)
        try:
            await service.undo(actor, use_id, why=form.value.why)
        except Refusal as refused:
            return await _line(request, actor, used.line, form, refused)
        return go(request, f"{HOME}/bank/{used.line}")


class Invoices(Controller):
    """Who pays by bank transfer, and what is still to come."""

    path = f"{HOME}/invoices"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        is_all = request.query_params.get("show") == "all"
        rows = await queries.invoices(actor, words(request), only_open=not is_all)
        return page(request, "invoices", rows=rows, said=words(request), is_all=is_all)


class Invoice(Controller):
    """An invoice on paper, for whoever pays it."""

    path = "/invoices"

    @get("/{payment_id:uuid}", opt=needs())
    async def show(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        """Draw one's own invoice, or anybody's for the office; another one is not here."""
        bill = await queries.invoice(actor, payment_id)
        if not actor.may(Can.PAYMENTS_SEE) and not await queries.is_own(actor, payment_id):
            raise NotHere
        uses = [one for one in await queries.uses(actor, payment=payment_id) if one.undone_at is None]
        payee = await queries.payee(actor)
        return whole(request, "payments/invoice.html", bill=bill, uses=uses, payee=payee)


async def _found(request: Request, actor: Actor, most: int = queries.PAGE) -> list[queries.BankLine]:
    said = request.query_params
    is_open = said.get("show") != "all"
    return await queries.lines(
        actor, day_of(said.get("since")), day_of(said.get("until")), only_open=is_open, most=most
    )


async def _lines(request: Request, actor: Actor, form: Form[Any], *, done: service.Imported | None = None) -> Html:
    said = request.query_params
    return page(
        request,
        "bank",
        status=status_of(form, None),
        rows=await _found(request, actor),
        dead=await queries.held_for_dead(actor),
        waiting=await desk.attention(actor),
        is_all=said.get("show") == "all",
        since=day_of(said.get("since")),
        until=day_of(said.get("until")),
        done=done,
        form=form,
    )


async def _line(request: Request, actor: Actor, line_id: UUID, form: Form[Any], refused: Refusal | None = None) -> Html:
    line = await queries.line(actor, line_id)
    said = words(request)
    named = await queries.invoices_of_codes(actor, codes_in(f"{line.message} {line.sender}"))
    found = await queries.invoices(actor, said, most=30) if line.left else []
    return page(
        request,
        "line",
        status=status_of(form, refused),
        line=line,
        uses=await queries.uses(actor, line_id=line_id),
        entries=await payments.entries(actor, about=f"bank_line:{line_id}"),
        named=[one for one in named if one.due],
        invoices=[one for one in found if one.payment not in {other.payment for other in named}],
        said=said,
        form=form,
        refused=refused,
    )
