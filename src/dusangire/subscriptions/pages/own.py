"""One's own plans: what is offered, what one has, and everything that can be done about it."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request

from dusangire.kernel import clock, forms, journal
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, go
from dusangire.kernel.money import Money
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.pages.shell import OWN, Paying, checked, draw, ways
from dusangire.subscriptions.queries import Held
from dusangire.subscriptions.rules.plans import role_of
from dusangire.subscriptions.service import Buying


class Changing(Paying, frozen=True, kw_only=True):
    """Which plan one wants instead."""

    plan: UUID


class Plans(Controller):
    """The first page of plans, and buying one."""

    path = "/plans"

    @get("/", opt=OWN)
    async def all(self, request: Request, actor: Acting) -> Html:
        held = await queries.mine(actor)
        taken = {one.plan.code for one in held if one.is_open}
        card = await queries.card(actor, queries.owner_of(actor))
        offered = await queries.offered(actor, role_of(actor))
        return await draw(
            request, actor, "subscriptions/plans.html", held=held, offered=offered, taken=taken, card=card,
            left={one.id: await queries.allowance_of(actor, one) for one in held if one.is_open},
        )  # fmt: skip

    @get("/points", opt=OWN)
    async def points(self, request: Request, actor: Acting) -> Html:
        owner = queries.owner_of(actor)
        card, moves = await queries.card(actor, owner), await queries.moves(actor, owner)
        return await draw(request, actor, "subscriptions/points.html", card=card, moves=moves)

    @get("/buy/{plan_id:uuid}", opt=OWN)
    async def ask(self, request: Request, actor: Acting, plan_id: UUID) -> Html:
        return await _buy_page(request, actor, plan_id, forms.empty(Paying))

    @post("/buy/{plan_id:uuid}", opt=OWN)
    async def buy(self, request: Request, actor: Acting, plan_id: UUID) -> Html:
        form = checked(await forms.read(request, Paying), actor)
        if form.value is None:
            return await _buy_page(request, actor, plan_id, form, status=422)
        try:
            made = await service.subscribe(actor, Buying(plan_id, form.value.method, form.value.number))
        except Refusal as refused:
            return await _buy_page(request, actor, plan_id, form, status=refused.status, refused=refused)
        return go(request, f"/plans/{made}/pay")


class OnePlan(Controller):
    """One subscription of one's own."""

    path = "/plans/{subscription_id:uuid}"

    @get("/", opt=OWN)
    async def show(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        return await _one_page(request, actor, await queries.own(actor, subscription_id))

    @post("/pause", opt=OWN)
    async def pause(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        await service.pause(actor, subscription_id)
        return go(request, f"/plans/{subscription_id}")

    @post("/resume", opt=OWN)
    async def resume(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        await service.resume(actor, subscription_id)
        return go(request, f"/plans/{subscription_id}")

    @post("/cancel", opt=OWN)
    async def cancel(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        await service.cancel(actor, subscription_id)
        return go(request, f"/plans/{subscription_id}")

    @post("/keep", opt=OWN)
    async def keep(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        await service.keep(actor, subscription_id)
        return go(request, f"/plans/{subscription_id}")

    @get("/cancel_now", opt=OWN)
    async def ask_to_end(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        held, back = await queries.own(actor, subscription_id), await service.refund_today(actor, subscription_id)
        return await draw(request, actor, "subscriptions/end.html", held=held, back=back)

    @post("/cancel_now", opt=OWN)
    async def end(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        back = await service.cancel_now(actor, subscription_id)
        return go(request, f"/plans/{subscription_id}?back={back.minor}")

    @get("/reactivate", opt=OWN)
    async def ask_again(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        return await _again_page(request, actor, subscription_id, forms.empty(Paying))

    @post("/reactivate", opt=OWN)
    async def reactivate(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        form = checked(await forms.read(request, Paying), actor)
        if form.value is None:
            return await _again_page(request, actor, subscription_id, form, status=422)
        try:
            await service.reactivate(actor, subscription_id, form.value.method, form.value.number)
        except Refusal as refused:
            return await _again_page(request, actor, subscription_id, form, status=refused.status, refused=refused)
        return go(request, f"/plans/{subscription_id}/pay")

    @get("/change", opt=OWN)
    async def ask_change(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        return await _change_page(request, actor, subscription_id, forms.empty(Changing))

    @post("/change", opt=OWN)
    async def change(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        form = checked(await forms.read(request, Changing), actor)
        said = form.value
        if not isinstance(said, Changing):
            return await _change_page(request, actor, subscription_id, form, status=422)
        try:
            await service.change(actor, subscription_id, said.plan, said.method, said.number)
        except Refusal as refused:
            return await _change_page(request, actor, subscription_id, form, status=refused.status, refused=refused)
        return go(request, f"/plans/{subscription_id}/pay")


async def _one_page(request: Request, actor: Actor, held: Held) -> Html:
    terms = await queries.terms(actor, held.id)
    said = request.query_params.get("back", "")
    return await draw(
        request, actor, "subscriptions/plan.html", held=held, terms=terms,
        history=list(reversed(await journal.history(actor, held.subscription.about)))[:30],
        today=clock.local_day(clock.now(), actor.zone),
        allowance=await queries.allowance_of(actor, held),
        back=Money(int(said)) if said.isdecimal() and len(said) < 9 else None,
    )  # fmt: skip


async def _buy_page(
    request: Request,
    actor: Actor,
    plan: UUID,
    form: Form[Paying],
    *,
    status: int = 200,
    refused: Refusal | None = None,
) -> Html:
    wanted = await queries.offered_plan(actor, plan)
    return await draw(
        request, actor, "subscriptions/buy.html", status=status, plan=wanted, form=form, refused=refused,
        action=f"/plans/buy/{plan}", back="/plans/", **await ways(actor),
    )  # fmt: skip


async def _again_page(
    request: Request, actor: Actor, sub: UUID, form: Form[Paying], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    held = await queries.own(actor, sub)
    plan = (await queries.versions(actor, held.plan.code))[0]
    return await draw(
        request, actor, "subscriptions/buy.html", status=status, plan=plan, form=form, refused=refused,
        action=f"/plans/{sub}/reactivate", back=f"/plans/{sub}", **await ways(actor),
    )  # fmt: skip


async def _change_page(
    request: Request, actor: Actor, sub: UUID, form: Form[Paying], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    held, left = await queries.own(actor, sub), await service.refund_today(actor, sub)
    others = [plan for plan in await queries.offered(actor, role_of(actor)) if plan.id != held.plan.id]
    return await draw(
        request, actor, "subscriptions/change.html", status=status, held=held, left=left, offered=others, form=form,
        refused=refused, **await ways(actor),
    )  # fmt: skip
