"""Help with the cost of meals, in three taps at a bed: open, choose until when, done."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, own_path, whole
from dusangire.kernel.money import Money
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules.funds import Span, Why, spans_to_offer
from dusangire.payments.service import funds_grants
from dusangire.payments.service.funds_grants import NewGrant
from dusangire.wards import queries as wards

_GRANT = needs(Can.FUND_GRANT)


class Wanted(Struct, frozen=True):
    """What is chosen; meals, francs and a fund are for who wants to set a limit."""

    span: Span
    why: Why = Why.CANNOT_PAY
    meals: Annotated[int | None, Limits(1, 200)] = None
    francs: Annotated[int | None, Limits(1, 1_000_000)] = None
    fund: UUID | None = None
    back: Annotated[str, Limits(most=120)] = ""


class Help(Controller):
    """One patient's help."""

    path = "/help/{patient:uuid}"

    @get("/", opt=_GRANT)
    async def ask(self, request: Request, actor: Acting, patient: UUID) -> Html:
        return await _page(request, actor, patient, forms.empty(Wanted))

    @post("/", opt=_GRANT)
    async def give(self, request: Request, actor: Acting, patient: UUID) -> Html:
        form = await forms.read(request, Wanted)
        if form.value is None:
            return await _page(request, actor, patient, form, status=422)
        made = await funds_grants.grant(actor, patient, _new(actor, form.value))
        back = own_path(form.value.back) or ""
        said = "given" if made else "none"
        return go(request, f"/help/{patient}?said={said}&back={back}")

    @post("/grants/{grant:uuid}/end", opt=_GRANT)
    async def end(self, request: Request, actor: Acting, patient: UUID, grant: UUID) -> Html:
        found = await queries.grant(actor, grant, clock.local_day(clock.now(), actor.zone))
        if found.patient != patient:
            raise NotHere
        await funds_grants.end(actor, grant)
        return go(request, f"/help/{patient}?said=ended")


async def _page(request: Request, actor: Actor, patient: UUID, form: Form[Wanted], *, status: int = 200) -> Html:
    today = clock.local_day(clock.now(), actor.zone)
    person = await wards.person(actor, patient)
    found = await queries.grants_of(actor, patient, today)
    running = [one for one in found if not one.is_over]
    spans = spans_to_offer(one.last_day for one in running if one.is_whole)
    names = await accounts.names(actor, {one.granted_by for one in found})
    back = own_path(form.typed("back") or str(request.query_params.get("back", "")))
    home = f"/wards/bed/{person.bed_code}" if person.bed_code and actor.may(Can.WARD_SEE) else "/"
    limits: dict[str, Any] = {"funds": await queries.open_funds(actor)} if actor.may(Can.FUND_MANAGE) else {"funds": []}
    return whole(
        request, "payments/fund_help.html", status=status, person=person, form=form, whys=list(Why), spans=spans,
        running=running, over=[one for one in found if one.is_over][:10],
        names=names, said=str(request.query_params.get("said", "")), back=back or home, **limits,
    )  # fmt: skip


def _new(actor: Actor, said: Wanted) -> NewGrant:
    """A fund is named by who manages funds; from anybody else the choice is not taken."""
    fund = said.fund if actor.may(Can.FUND_MANAGE) else None
    return NewGrant(said.span, said.why, fund, said.meals, Money(said.francs) if said.francs else None)
