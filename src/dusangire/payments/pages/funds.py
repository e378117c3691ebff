"""Funds at the finance desk: made, changed, given to, and stopped; who is helped now."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.kernel.ids import token
from dusangire.kernel.money import Money
from dusangire.menu.rules import PeriodCode
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules import funds as rules
from dusangire.payments.rules.funds import CameBy, Fund
from dusangire.payments.service import funds_desk, funds_grants
from dusangire.payments.service.funds_desk import NewGift
from dusangire.wards import queries as wards

_DESK = needs(Can.FUND_MANAGE)
_SEE = needs(Can.FUND_MANAGE, Can.PAYMENTS_SEE)
# Money that came in from outside is entered by finance, signed in anew.
_MONEY = needs(Can.MONEY_MOVE, fresh=True)
_FRANCS = Limits(1, 100_000_000)


class Wanted(Struct, frozen=True):
    """What a fund is for and how far it goes."""

    name: Annotated[str, Limits(2, 80)]
    serves_from: date
    donor: Annotated[str, Limits(most=80)] = ""
    purpose: Annotated[str, Limits(most=300, is_multiline=True)] = ""
    most_meal: Annotated[int | None, _FRANCS] = None
    most_day: Annotated[int | None, _FRANCS] = None
    most_patient: Annotated[int | None, _FRANCS] = None
    periods: list[PeriodCode] = []
    wards: list[UUID] = []
    serves_to: date | None = None
    helps_at_once: bool = False


class GiftForm(Struct, frozen=True):
    """Money that came for the fund."""

    key: Annotated[str, Limits(16, 64)]
    amount: Annotated[int, _FRANCS]
    came_by: CameBy
    received_on: date
    reference: Annotated[str, Limits(most=60)] = ""


class Undo(Struct, frozen=True):
    """Why a gift is taken back."""

    why: Annotated[str, Limits(3, 200)]


class Funds(Controller):
    """Every fund, and one of them."""

    path = "/admin/funds"

    @get("/", opt=_SEE)
    async def all(self, request: Request, actor: Acting) -> Html:
        return await _list(request, actor, forms.empty(Wanted, serves_from=str(_today(actor))))

    @post("/", opt=_DESK)
    async def make(self, request: Request, actor: Acting) -> Html:
        form = _checked(await forms.read(request, Wanted))
        if form.value is None:
            return await _list(request, actor, form, status=422)
        try:
            made = await funds_desk.make(actor, _limits(form.value))
        except Refusal as refused:
            return await _list(request, actor, form.refuse("name", refused.key), status=422)
        return go(request, f"/admin/funds/{made}")

    @get("/{fund:uuid}", opt=_SEE)
    async def one(self, request: Request, actor: Acting, fund: UUID) -> Html:
        return await _one(request, actor, fund)

    @post("/{fund:uuid}", opt=_DESK)
    async def change(self, request: Request, actor: Acting, fund: UUID) -> Html:
        form = _checked(await forms.read(request, Wanted))
        if form.value is None:
            return await _one(request, actor, fund, status=422, form=form)
        try:
            await funds_desk.change(actor, fund, _limits(form.value))
        except Refusal as refused:
            return await _one(request, actor, fund, status=422, form=form.refuse("name", refused.key))
        return go(request, f"/admin/funds/{fund}?said=changed")

    @post("/{fund:uuid}/stop", opt=_DESK)
    async def stop(self, request: Request, actor: Acting, fund: UUID) -> Html:
        await funds_desk.stop(actor, fund)
        return go(request, f"/admin/funds/{fund}")

    @post("/{fund:uuid}/gifts", opt=_MONEY)
    async def receive(self, request: Request, actor: Acting, fund: UUID) -> Html:
        form = await forms.read(request, GiftForm)
        if form.value is None:
            return await _one(request, actor, fund, status=422, gift=form)
        try:
            await funds_desk.receive(actor, fund, _gift(form.value))
        except Refusal as refused:
            return await _one(request, actor, fund, status=422, gift=form.refuse("reference", refused.key))
        return go(request, f"/admin/funds/{fund}?said=received")

    @get("/{fund:uuid}/gifts/{gift:uuid}", opt=_SEE)
    async def receipt(self, request: Request, actor: Acting, fund: UUID, gift: UUID) -> Html:
        """The receipt that a donor gets, to print."""
        return whole(request, "payments/fund_gift.html", **await _given(actor, fund, gift), form=forms.empty(Undo))

    @post("/{fund:uuid}/gifts/{gift:uuid}/undo", opt=_MONEY)
    async def undo(self, request: Request, actor: Acting, fund: UUID, gift: UUID) -> Html:
        form = await forms.read(request, Undo)
        shown = await _given(actor, fund, gift)
        if form.value is None:
            return whole(request, "payments/fund_gift.html", status=422, **shown, form=form)
        await funds_desk.undo(actor, gift, form.value.why)
        return go(request, f"/admin/funds/{fund}/gifts/{gift}")

    @get("/grants", opt=_SEE)
    async def grants(self, request: Request, actor: Acting) -> Html:
        found = await queries.running_grants(actor, _today(actor))
        people = await wards.people(actor, {one.patient for one in found})
        names = await accounts.names(actor, {one.granted_by for one in found})
        funds: dict[UUID | None, str] = {one.id: one.name for one in await queries.funds(actor)}
        rows = [(one, people[one.patient], names.get(one.granted_by, "–"), funds.get(one.fund)) for one in found]
        return whole(request, "payments/fund_grants.html", rows=rows)

    @post("/grants/{grant:uuid}/end", opt=needs(Can.FUND_GRANT, Can.FUND_MANAGE))
    async def end(self, request: Request, actor: Acting, grant: UUID) -> Html:
        await funds_grants.end(actor, grant)
        return go(request, "/admin/funds/grants")


async def _list(request: Request, actor: Actor, form: Form[Wanted], *, status: int = 200) -> Html:
    return whole(
        request, "payments/funds.html", status=status, funds=await queries.funds(actor), form=form,
        chosen=await _ticked(request), **await _choices(actor),
    )  # fmt: skip


async def _one(
    request: Request,
    actor: Actor,
    fund_id: UUID,
    *,
    status: int = 200,
    form: Form[Wanted] | None = None,
    gift: Form[GiftForm] | None = None,
) -> Html:
    fund = await queries.fund(actor, fund_id)
    return whole(
        request, "payments/fund.html", status=status, fund=fund, gifts=await queries.gifts(actor, fund_id),
        form=form or _filled(fund), chosen=await _ticked(request) if form else _of(fund),
        gift=gift or forms.empty(GiftForm, received_on=str(_today(actor))),
        key=token()[:32], ways=list(CameBy), said=str(request.query_params.get("said", "")), **await _choices(actor),
    )  # fmt: skip


async def _choices(actor: Actor) -> dict[str, Any]:
    return {"wards": await wards.wards(actor), "periods": list(PeriodCode)}


async def _given(actor: Actor, fund_id: UUID, gift_id: UUID) -> dict[str, Any]:
    gift = await queries.gift(actor, gift_id)
    if gift.fund != fund_id:
        raise NotHere
    names = await accounts.names(actor, {gift.recorded_by})
    return {"fund": await queries.fund(actor, fund_id), "gift": gift, "by": names.get(gift.recorded_by, "–")}


def _checked(form: Form[Wanted]) -> Form[Wanted]:
    said = form.value
    if said is not None and said.serves_to is not None and said.serves_to < said.serves_from:
        return form.refuse("serves_to", "coupon.ends_first")
    return form


def _limits(said: Wanted) -> rules.Limits:
    return rules.Limits(
        said.name, said.donor, said.purpose, said.most_meal, said.most_day, said.most_patient,
        tuple(period.value for period in said.periods), tuple(said.wards), said.serves_from, said.serves_to,
        said.helps_at_once,
    )  # fmt: skip


def _gift(said: GiftForm) -> NewGift:
    return NewGift(said.key, Money(said.amount), said.came_by, said.received_on, said.reference)


def _filled(fund: Fund) -> Form[Wanted]:
    typed = {
        "name": fund.name, "donor": fund.donor, "purpose": fund.purpose, "most_meal": fund.most_meal_minor,
        "most_day": fund.most_day_minor, "most_patient": fund.most_patient_minor, "serves_from": fund.serves_from,
        "serves_to": fund.serves_to, "helps_at_once": "1" if fund.helps_at_once else None,
    }  # fmt: skip
    return forms.empty(Wanted, **{name: str(value) for name, value in typed.items() if value is not None})


async def _ticked(request: Request) -> frozenset[str]:
    """Return the boxes that were ticked, meals and wards, so that a form drawn again keeps them."""
    typed = await request.form() if request.method == "POST" else None
    return (
        frozenset(str(one) for name in ("periods", "wards") for one in typed.getall(name, [])) if typed else frozenset()
    )


def _of(fund: Fund) -> frozenset[str]:
    return frozenset(str(one) for one in (*fund.periods, *fund.wards))


def _today(actor: Actor) -> date:
    return clock.local_day(clock.now(), actor.zone)
