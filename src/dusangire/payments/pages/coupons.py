"""Coupons: made, stopped, and what each one took off."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.payments.queries import coupons as queries
from dusangire.payments.rules.coupons import Audience, CouponKind, plain_code
from dusangire.payments.service import coupons
from dusangire.payments.service.coupons import NewCoupon

_DESK = needs(Can.FUND_MANAGE)


class Wanted(Struct, frozen=True):
    """What the form asks. value: percent or francs, as `kind` says."""

    code: Annotated[str, Limits(3, 16)]
    kind: CouponKind
    value: Annotated[int, Limits(1, 1_000_000)]
    uses: Annotated[int, Limits(1, 100_000)]
    valid_from: date
    valid_to: date | None = None
    least: Annotated[int, Limits(0, 1_000_000)] = 0
    most: Annotated[int | None, Limits(1, 1_000_000)] = None
    per_person: Annotated[int | None, Limits(1, 1000)] = None
    audience: Audience = Audience.EVERYONE


class Coupons(Controller):
    """The finance office's coupons."""

    path = "/admin/coupons"

    @get("/", opt=_DESK)
    async def all(self, request: Request, actor: Acting) -> Html:
        today = clock.local_day(clock.now(), actor.zone)
        return await _page(request, actor, forms.empty(Wanted, valid_from=str(today), uses="100"))

    @post("/", opt=_DESK)
    async def make(self, request: Request, actor: Acting) -> Html:
        form = _checked(await forms.read(request, Wanted))
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            made = await coupons.make(actor, _new(form.value))
        except Refusal as refused:
            return await _page(request, actor, form.refuse("code", refused.key), status=422)
        return go(request, f"/admin/coupons/{made}")

    @get("/{coupon:uuid}", opt=_DESK)
    async def one(self, request: Request, actor: Acting, coupon: UUID) -> Html:
        return whole(
            request,
            "payments/coupon.html",
            one=await queries.coupon(actor, coupon),
            uses=await queries.coupon_uses(actor, coupon),
        )

    @post("/{coupon:uuid}/stop", opt=_DESK)
    async def stop(self, request: Request, actor: Acting, coupon: UUID) -> Html:
        await coupons.stop(actor, coupon)
        return go(request, f"/admin/coupons/{coupon}")


async def _page(request: Request, actor: Actor, form: Form[Wanted], *, status: int = 200) -> Html:
    return whole(
        request, "payments/coupons.html", status=status, form=form, coupons=await queries.coupons(actor),
        kinds=list(CouponKind), audiences=list(Audience),
    )  # fmt: skip


def _checked(form: Form[Wanted]) -> Form[Wanted]:
    """Return the form with what only these fields together can be wrong about."""
    said = form.value
    if said is None:
        return form
    if len(plain_code(said.code)) < 3:
        form = form.refuse("code", "coupon.code_bad")
    if said.kind is CouponKind.PERCENT and said.value > 100:
        form = form.refuse("value", "coupon.percent_bad")
    if said.valid_to is not None and said.valid_to < said.valid_from:
        form = form.refuse("valid_to", "coupon.ends_first")
    return form


def _new(said: Wanted) -> NewCoupon:
    return NewCoupon(
        said.code, said.kind, said.value, said.uses, said.valid_from, said.valid_to, said.least, said.most,
        said.per_person, said.audience,
    )  # fmt: skip
