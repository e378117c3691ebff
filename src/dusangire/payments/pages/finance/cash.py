"""Cash: one's own shift on the phone, the counter, and the hand-over of a shift to the office."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.money import Money
from dusangire.kernel.sheets import download, stamp
from dusangire.payments.pages.finance.answer import (
    COUNT,
    EXPORT,
    HOME,
    MOST,
    SEE,
    days,
    page,
    status_of,
    text_of,
    words,
)
from dusangire.payments.queries import cash as queries
from dusangire.payments.queries import desk
from dusangire.payments.rules.cash import PIECES, Count, ShiftState, in_pieces
from dusangire.payments.rules.desk import uuid_of
from dusangire.payments.service import annulling
from dusangire.payments.service import cash as service

_TAKES = needs(Can.DELIVERY_WORK, Can.CASH_COUNT)
_HEADS = (
    "finance.cash.collector", "reports.state", "finance.cash.opened", "finance.cash.opening", "finance.cash.expected",
    "finance.cash.counted", "finance.cash.variance", "finance.reason", "finance.cash.received_by",
    "finance.cash.second", "finance.cash.closed",
)  # fmt: skip


class Counted(Struct, frozen=True):
    """What was counted: the sum, or how many of each note and coin (read beside this form)."""

    total: Annotated[int, Limits(0, MOST)] | None = None
    reason: Annotated[str, Limits(most=300)] = ""


class Opening(Struct, frozen=True):
    """Who gets change, and how much."""

    collector: UUID
    change: Annotated[int, Limits(0, MOST)] = 0


class Received(Struct, frozen=True):
    """What the receiver counted."""

    counted: Annotated[int, Limits(0, MOST)]


class OwnCash(Controller):
    """The cash in one's own hands."""

    path = "/cash"

    @get("/", opt=_TAKES)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _own(request, actor, forms.empty(Counted))

    @post("/{shift_id:uuid}/count", opt=_TAKES)
    async def count(self, request: Request, actor: Acting, shift_id: UUID) -> Html:
        form = await forms.read(request, Counted)
        said = _count(form, dict(await request.form()))
        if said is None:
            return await _own(request, actor, form if form.errors else form.refuse("total", "form.required"))
        try:
            await service.count(actor, shift_id, said)
        except Refusal as refused:
            wrong = form.refuse("reason", refused.key, **refused.facts) if refused.status == 422 else form
            return await _own(request, actor, wrong, None if refused.status == 422 else refused)
        return go(request, "/cash/")


class CashDesk(Controller):
    """The shifts of everybody."""

    path = f"{HOME}/cash"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _shifts(request, actor, forms.empty(Opening))

    @get("/shifts.csv", opt=EXPORT)
    async def sheet(self, request: Request, actor: Acting) -> Response[str]:
        of = days(request, actor)
        rows = await queries.shifts(actor, of.day, most=desk.SHEET)
        return download(
            request,
            f"cash-{of.day}",
            _HEADS,
            (
                (
                    row.collector_name, row.state, stamp(row.opened_at, actor.zone), row.opening_minor,
                    row.expected_minor, row.counted_minor, row.held.variance.minor, row.reason, row.received_name,
                    row.second_name, stamp(row.closed_at, actor.zone),
                )
                for row in rows
            ),
        )  # fmt: skip

    @post("/open", opt=COUNT)
    async def open(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Opening)
        if form.value is None:
            return await _shifts(request, actor, form)
        if form.value.collector not in [one.id for one in await desk.collectors(actor)]:
            raise NotHere
        try:
            made = await service.open_shift(actor, form.value.collector, Money(form.value.change))
        except Refusal as refused:
            return await _shifts(request, actor, form, refused)
        return go(request, f"{HOME}/cash/{made}")

    @get("/{shift_id:uuid}", opt=SEE)
    async def one(self, request: Request, actor: Acting, shift_id: UUID) -> Html:
        return await _shift(request, actor, shift_id, forms.empty(Received))

    @post("/{shift_id:uuid}/receive", opt=needs(Can.CASH_COUNT, fresh=True))
    async def receive(self, request: Request, actor: Acting, shift_id: UUID) -> Html:
        form = await forms.read(request, Received)
        if form.value is None:
            return await _shift(request, actor, shift_id, form)
        try:
            await service.receive(actor, shift_id, Money(form.value.counted))
        except Refusal as refused:
            return await _shift(request, actor, shift_id, form, refused)
        return go(request, f"{HOME}/cash/{shift_id}")


class Counter(Controller):
    """Cash that is brought to the office."""

    path = f"{HOME}/counter"

    @get("/", opt=COUNT)
    async def show(self, request: Request, actor: Acting) -> Html:
        return page(
            request,
            "counter",
            said=words(request),
            rows=await queries.cash_due(actor, words(request)),
            shift=await queries.open_shift(actor, actor.user),
            held=await queries.expected(actor, actor.user),
        )

    @post("/{payment_id:uuid}/take", opt=COUNT)
    async def take(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        if not await annulling.take_cash(actor, payment_id):
            raise Refusal("payments.moved_on")
        return go(request, f"{HOME}/counter")


def _count(form: Form[Counted], said: dict[str, Any]) -> Count | None:
    """What was counted; None where neither a sum nor pieces were given. Pieces go before the sum."""
    pieces = {piece: text_of(said, f"piece_{piece}") for piece in PIECES}
    if form.value is None or any(
        text and not (text.isascii() and text.isdigit() and len(text) < 6) for text in pieces.values()
    ):
        return None
    numbers = {piece: int(text) for piece, text in pieces.items() if text}
    if numbers:
        kept = {str(piece): times for piece, times in numbers.items()}
        return Count(in_pieces(numbers), kept, form.value.reason)
    return None if form.value.total is None else Count(Money(form.value.total), None, form.value.reason)


async def _own(request: Request, actor: Actor, form: Form[Any], refused: Refusal | None = None) -> Html:
    shift, counted = await queries.open_shift(actor, actor.user), await queries.uncollected(actor, actor.user)
    again = next((one.id for one in counted if request.url.path == f"/cash/{one.id}/count"), None)
    return whole(
        request,
        "payments/cash.html",
        status=status_of(form, refused),
        shift=shift,
        held=await queries.expected(actor, actor.user),
        takings=await queries.takings(actor, shift) if shift else [],
        counted=counted,
        again=again,
        first=form if again is None else forms.empty(Counted),
        pieces=PIECES,
        form=form,
        refused=refused,
    )


async def _shifts(request: Request, actor: Actor, form: Form[Any], refused: Refusal | None = None) -> Html:
    of, state = days(request, actor), words(request, "state")
    collector = uuid_of(request.query_params.get("collector"))
    return page(
        request,
        "cash",
        status=status_of(form, refused),
        days=of,
        state=state if state in tuple(ShiftState) else "",
        rows=await queries.shifts(actor, of.day, state if state in tuple(ShiftState) else "", collector),
        waiting=await queries.shifts(actor, None),
        collectors=await desk.collectors(actor),
        states=ShiftState,
        form=form,
        refused=refused,
    )


async def _shift(
    request: Request, actor: Actor, shift_id: UUID, form: Form[Any], refused: Refusal | None = None
) -> Html:
    shift = await queries.shift(actor, shift_id)
    is_open = shift.state is ShiftState.OPEN
    return page(
        request,
        "shift",
        status=status_of(form, refused),
        shift=shift,
        takings=await queries.takings(actor, shift),
        expected=await queries.expected(actor, shift.collector) if is_open else shift.held.expected,
        may_receive=shift.state in (ShiftState.COUNTED, ShiftState.CHECKED) and shift.collector != actor.user,
        form=form,
        refused=refused,
    )
