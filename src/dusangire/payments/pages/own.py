"""One's own money: every payment with what became of it, its receipt, and the numbers one pays from."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.settings import settings
from dusangire.payments import queries, service
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164, guess
from dusangire.payments.rules.receipts import pay_kind

PAYS = needs(Can.ORDER_OWN, Can.PLAN_OWN)


class Number(Struct, frozen=True):
    """A telephone number to keep; its network is guessed where none is named."""

    phone: Annotated[str, Limits(most=20)]
    network: Method | None = None


class OwnPayments(Controller):
    """What one paid, and what came back."""

    path = "/payments"

    @get("/", opt=PAYS)
    async def all(self, request: Request, actor: Acting) -> Html:
        found = await queries.own_payments(actor, _before(request))
        return whole(request, "payments/own.html", found=found, phones=len(await queries.saved_phones(actor)))

    @get("/{payment_id:uuid}/receipt", opt=PAYS)
    async def receipt(self, request: Request, actor: Acting, payment_id: UUID) -> Html:
        one = await queries.own_payment(actor, payment_id)
        if one.order_code is not None:
            return go(request, f"/orders/{one.subject}/receipt")
        fiscal = await queries.fiscal_of(actor, one.subject)
        is_reported = settings().ebm is not None and pay_kind(one.method, one.purpose) is not None
        return whole(
            request, "payments/own_receipt.html", one=one, fiscal=fiscal, is_due=is_reported and one.has_receipt
        )


class OwnPhones(Controller):
    """Saved numbers: only one's own."""

    path = "/payments/phones"

    @get("/", opt=PAYS)
    async def all(self, request: Request, actor: Acting) -> Html:
        return await _phones(request, actor, forms.empty(Number))

    @post("/", opt=PAYS)
    async def keep(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Number)
        said = form.value
        if said is not None and e164(said.phone) is None:
            form = form.refuse("phone", "payments.no_such_phone")
        if form.value is None or said is None:
            return await _phones(request, actor, form, status=422)
        try:
            await service.keep_phone(actor, said.phone, said.network or Method(guess(said.phone) or Method.MTN))
        except Refusal as refused:
            return await _phones(request, actor, form, status=refused.status, refused=refused)
        return go(request, "/payments/phones/")

    @post("/{phone_id:uuid}/delete", opt=PAYS)
    async def delete(self, request: Request, actor: Acting, phone_id: UUID) -> Html:
        await service.forget_phone(actor, phone_id)
        return go(request, "/payments/phones/")


async def _phones(
    request: Request, actor: Actor, form: Form[Number], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    found = await queries.saved_phones(actor)
    return whole(request, "payments/own_phones.html", status=status, found=found, form=form, refused=refused)


def _before(request: Request) -> datetime | None:
    try:
        said = datetime.fromisoformat(request.query_params.get("before", ""))
    except ValueError:
        return None
    return said if said.tzinfo else None
