"""Reconciliation: a day by every method, what does not fit and why, and the day closed."""

from datetime import date
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.datastructures import UploadFile
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, go
from dusangire.payments.pages.finance.answer import HOME, MOVE, SEE, Days, Why, page, status_of, today
from dusangire.payments.queries import closing as queries
from dusangire.payments.queries import reconciling
from dusangire.payments.rules import Method
from dusangire.payments.rules.desk import day_of, uuid_of
from dusangire.payments.rules.providers import Provider
from dusangire.payments.rules.statement import BadStatement, parse_statement
from dusangire.payments.service import closing
from dusangire.payments.service import reconciling as service

_LARGEST = 4 * 2**20
_METHODS = (Method.CASH, Method.MTN, Method.AIRTEL, Method.BANK)


class OfDay(Struct, frozen=True):
    """A day and, but for closing it, a method."""

    day: date
    method: Method | None = None


class Reconciliation(Controller):
    """Day by method."""

    path = f"{HOME}/reconciliation"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, day_of(request.query_params.get("day")) or today(actor))

    @post("/upload", opt=MOVE, request_max_body_size=_LARGEST)
    async def upload(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, OfDay)
        sent = (await request.form()).get("file")
        if form.value is None or form.value.method not in (Method.MTN, Method.AIRTEL):
            return await _page(request, actor, today(actor), form.refuse("method", "form.choose_one"))
        if not isinstance(sent, UploadFile) or not (content := await sent.read()):
            return await _page(request, actor, form.value.day, form.refuse("file", "form.required"))
        try:
            lines = parse_statement(Provider(form.value.method.value), content.decode("utf-8-sig", errors="replace"))
        except BadStatement as wrong:
            refused = form.refuse("file", "finance.recon.bad_file", value=str(wrong))
            return await _page(request, actor, form.value.day, refused)
        await service.reconcile(actor, form.value.day, form.value.method, lines)
        return _back(request, form.value.day)

    @post("/compare", opt=MOVE)
    async def compare(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, OfDay)
        if form.value is None or form.value.method is None:
            return await _page(request, actor, today(actor), form.refuse("method", "form.choose_one"))
        await closing.compare_own(actor, form.value.day, form.value.method)
        return _back(request, form.value.day)

    @post("/lines/{line_id:uuid}/resolve", opt=MOVE)
    async def resolve(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        form = await forms.read(request, Why)
        day = day_of(form.typed("day")) or today(actor)
        if form.value is None:
            return await _page(request, actor, day, form)
        try:
            await service.resolve(actor, line_id, why=form.value.why)
        except Refusal as refused:
            return await _page(request, actor, day, form, refused)
        return _back(request, day)

    @post("/close", opt=MOVE)
    async def close(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, OfDay)
        if form.value is None:
            return await _page(request, actor, today(actor), form)
        try:
            await closing.close_day(actor, form.value.day)
        except Refusal as refused:
            return await _page(request, actor, form.value.day, form, refused)
        return _back(request, form.value.day)


async def _page(
    request: Request, actor: Actor, day: date, form: Form | None = None, refused: Refusal | None = None
) -> Html:
    form = form or forms.empty(OfDay)
    runs = {method: await reconciling.recon_run(actor, day, method) for method in _METHODS}
    lines = [line for run in runs.values() if run for line in await reconciling.recon_lines(actor, run.id)]
    names = await queries.names_of(actor, [who for line in lines if (who := uuid_of(line.reference))])
    return page(
        request,
        "reconciliation",
        status=status_of(form, refused),
        days=Days(day, today(actor)),
        runs=runs,
        moved={one.method: one for one in await queries.moved(actor, day)},
        lines=sorted(lines, key=lambda line: line.resolved_at is not None),
        collectors={str(who): name for who, name in names.items()},
        people=await accounts.names(actor, [line.resolved_by for line in lines if line.resolved_by]),
        closed=await queries.closed(actor, day),
        own=(Method.CASH, Method.BANK),
        form=form,
        refused=refused,
    )


def _back(request: Request, day: date) -> Html:
    return go(request, f"{HOME}/reconciliation?day={day}")
