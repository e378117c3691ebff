"""One payment with its history and what may be done about it; refunds, the failed ones first; quarantined money."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import forms, journal
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go
from dusangire.kernel.money import Money
from dusangire.payments import queries, service
from dusangire.payments.pages.finance.answer import HOME, MOVE, SEE, Francs, Why, Words, page, status_of
from dusangire.payments.queries import bank, desk
from dusangire.payments.queries.own import receipt_number
from dusangire.payments.queries.refunds import paid_back
from dusangire.payments.rules import CAPTURED, Method, RefundState, State
from dusangire.payments.rules.desk import Decision, decisions, tone
from dusangire.payments.service import annulling, asking, confirming
from dusangire.payments.service.refund_asking import decide_unknown

_WRITTEN_BY_PEOPLE = frozenset({Method.CASH, Method.BANK})
# What somebody must do something about stands first.
_OPEN = (RefundState.FAILED, RefundState.UNKNOWN, RefundState.PENDING, RefundState.CREATED)


class PayBack(Struct, frozen=True):
    """How much goes back, and why."""

    amount: Francs
    why: Words


class Found(Struct, frozen=True):
    """The number under which the network's list has a refund."""

    number: Annotated[str, Limits(3, 80)]


class Recorded(Struct, frozen=True):
    """How it was paid instead, and why that is written down by hand."""

    method: Method
    why: Words


_DECISIONS: dict[Decision, Callable[..., Awaitable[object]]] = {
    Decision.ACCEPT: confirming.accept_quarantined,
    Decision.RETURN: confirming.return_quarantined,
    Decision.KEEP: confirming.keep_quarantined,
}


class Decided(Struct, frozen=True):
    """A decision about quarantined money, and why."""

    decision: Decision
    why: Words


class PaidOut(Struct, frozen=True):
    """What the bank, or the one who took the cash, was given as a sign."""

    reference: Annotated[str, Limits(most=80)] = ""


class OnePayment(Controller):
    """One payment."""

    path = f"{HOME}/payments"

    @get("/{payment_id:uuid}", opt=SEE)
    async def show(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        return await _one(request, actor, payment_id, forms.empty(PayBack))

    @post("/{payment_id:uuid}/refund", opt=MOVE)
    async def refund(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        form = await forms.read(request, PayBack)
        if form.value is None:
            return await _one(request, actor, payment_id, form)
        try:
            await service.give_back(actor, payment_id, Money(form.value.amount), why=form.value.why)
        except Refusal as refused:
            return await _one(request, actor, payment_id, form, refused)
        return _back(request, payment_id)

    @post("/{payment_id:uuid}/compensate", opt=MOVE)
    async def compensate(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _one(request, actor, payment_id, form)
        try:
            await service.compensate(actor, payment_id, why=form.value.why)
        except Refusal as refused:
            return await _one(request, actor, payment_id, form, refused)
        return _back(request, payment_id)

    @post("/{payment_id:uuid}/annul", opt=MOVE)
    async def annul(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _one(request, actor, payment_id, form)
        try:
            await annulling.annul(actor, payment_id, why=form.value.why)
        except Refusal as refused:
            return await _one(request, actor, payment_id, form, refused)
        return _back(request, payment_id)

    @post("/{payment_id:uuid}/record", opt=MOVE)
    async def record(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        form = await forms.read(request, Recorded)
        if form.value is None:
            return await _one(request, actor, payment_id, form)
        try:
            made = await annulling.record_payment(actor, payment_id, form.value.method, why=form.value.why)
        except Refusal as refused:
            return await _one(request, actor, payment_id, form, refused)
        return _back(request, made)

    @post("/{payment_id:uuid}/ask", opt=MOVE)
    async def ask(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        await asking.ask_soon(actor, (await queries.payment(actor, payment_id)).id)
        return _back(request, payment_id)

    @post("/{payment_id:uuid}/decide", opt=MOVE)
    async def decide(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        form = await forms.read(request, Decided)
        if form.value is None:
            return await _one(request, actor, payment_id, form)
        try:
            await _DECISIONS[form.value.decision](actor, payment_id, why=form.value.why)
        except Refusal as refused:
            return await _one(request, actor, payment_id, form, refused)
        return _back(request, payment_id)


class Refunds(Controller):
    """What goes back, and to whom; what failed stands first."""

    path = f"{HOME}/refunds"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _refunds(request, actor)

    @post("/{refund_id:uuid}/pay-out", opt=MOVE)
    async def pay_out(self, request: Request, actor: Acting, refund_id: UUID) -> Html:
        form = await forms.read(request, PaidOut)
        if form.value is None:
            return await _refunds(request, actor, form)
        one = await queries.refund(actor, refund_id)
        if one.method not in _WRITTEN_BY_PEOPLE:
            raise Refusal("finance.refund.provider_pays")
        await service.pay_out(actor, refund_id, provider_ref=form.value.reference or None)
        return go(request, f"{HOME}/refunds")

    @post("/{refund_id:uuid}/found", opt=MOVE)
    async def found(self, request: Request, actor: Acting, refund_id: UUID) -> Html:
        form = await forms.read(request, Found)
        if form.value is None:
            return await _refunds(request, actor, form)
        return await _decided(request, actor, form, refund_id, provider_ref=form.value.number)

    @post("/{refund_id:uuid}/not-found", opt=MOVE)
    async def not_found(self, request: Request, actor: Acting, refund_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _refunds(request, actor, form)
        return await _decided(request, actor, form, refund_id, why=form.value.why)

    @post("/{refund_id:uuid}/otherwise", opt=MOVE)
    async def otherwise(self, request: Request, actor: Acting, refund_id: UUID) -> Html:
        form = await forms.read(request, Recorded)
        if form.value is None:
            return await _refunds(request, actor, form)
        try:
            await service.pay_otherwise(actor, refund_id, form.value.method, why=form.value.why)
        except Refusal as refused:
            return await _refunds(request, actor, form, refused)
        return go(request, f"{HOME}/refunds")


async def _decided(request: Request, actor: Actor, form: Form[Any], refund_id: UUID, **said: str) -> Html:
    try:
        await decide_unknown(actor, refund_id, **said)
    except Refusal as refused:
        return await _refunds(request, actor, form, refused)
    return go(request, f"{HOME}/refunds")


async def _one(
    request: Request, actor: Actor, payment_id: UUID, form: Form[Any], refused: Refusal | None = None
) -> Html:
    one = await queries.payment(actor, payment_id)
    refunds = [row for row in await queries.refunds_of(actor, one.subject) if row.payment == one.id]
    entries = await queries.entries(actor, about=one.about)
    for row in refunds:
        entries += await queries.entries(actor, about=row.about)
    people = {one.settled_by, one.payer_user, *(row.asked_by for row in refunds), *(row.posted_by for row in entries)}
    return page(
        request,
        "payment",
        status=status_of(form, refused),
        one=one,
        refunds=refunds,
        entries=entries,
        history=await journal.history(actor, one.about),
        rivals=[row for row in await queries.payments_of(actor, one.subject) if row.id != one.id],
        uses=await bank.uses(actor, payment=one.id) if one.method is Method.BANK else [],
        names=await accounts.names(actor, [person for person in people if person]),
        subject=(await desk.parties(actor, [one.subject])).get(one.subject),
        whose=(await desk.rows_of(actor, [one.id]))[one.id],
        number=receipt_number(one.reference),
        left=one.amount - one.refunded if one.state in CAPTURED else Money(0),
        may_ask=one.method.is_mobile and one.sent_at is not None and one.state is not State.PAID,
        may_annul=one.state is State.PAID and one.method in _WRITTEN_BY_PEOPLE and not one.refunded_minor,
        may_record=one.state not in CAPTURED and one.state is not State.QUARANTINED,
        is_quarantined=one.state is State.QUARANTINED,
        manual=annulling.MANUAL,
        decisions=decisions(one.amount, one.answered, is_wanted=one.unwanted_at is None),
        tone=tone,
        form=form,
        refused=refused,
    )


async def _refunds(
    request: Request, actor: Actor, form: Form[Any] | None = None, refused: Refusal | None = None
) -> Html:
    form = form or forms.empty(PaidOut)
    found = [(state, await queries.refunds_in(actor, [state])) for state in _OPEN]
    found.append((RefundState.PAID, await paid_back(actor)))
    groups = [(state, rows) for state, rows in found if rows]
    return page(
        request,
        "refunds",
        status=status_of(form, refused),
        groups=groups,
        whose=await desk.rows_of(actor, {row.payment for _, rows in groups for row in rows}),
        by_people=_WRITTEN_BY_PEOPLE,
        form=form,
        refused=refused,
    )


def _back(request: Request, payment_id: UUID) -> Html:
    return go(request, f"{HOME}/payments/{payment_id}")
