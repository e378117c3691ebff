"""The payment of a plan: how it stands, drawn afresh by every news of it, and paying another way."""

from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, go
from dusangire.kernel.html import draw as fragment
from dusangire.kernel.live import stream
from dusangire.payments import queries as payments
from dusangire.payments.rules.providers import masked
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.pages.shell import OWN, Paying, checked, draw, ways
from dusangire.subscriptions.queries import Held
from dusangire.subscriptions.rules import paying


class PayPlan(Controller):
    """What is due for one subscription of one's own."""

    path = "/plans/{subscription_id:uuid}/pay"

    @get("/", opt=OWN)
    async def show(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        return await _page(request, actor, subscription_id, forms.empty(Paying))

    @get("/live", opt=OWN | LIVE)
    async def live(self, request: Request, actor: Acting, subscription_id: UUID) -> ASGIApp:
        held = await queries.own(actor, subscription_id)
        bells = [held.subscription.about, *([f"plan:{held.due.id}"] if held.due else [])]

        async def redraw() -> str:
            return fragment(request, "subscriptions/_payment.html", **await _shown(actor, held.id))

        return stream(request.app.state.hub, *bells, draw=redraw)

    @post("/", opt=OWN)
    async def pay(self, request: Request, actor: Acting, subscription_id: UUID) -> Html:
        form = checked(await forms.read(request, Paying), actor)
        said = form.value
        if said is None:
            return await _page(request, actor, subscription_id, form, status=422)
        try:
            await service.pay(actor, subscription_id, said.method, said.number, insists=said.insists)
        except Refusal as refused:
            return await _page(request, actor, subscription_id, form, status=refused.status, refused=refused)
        return go(request, f"/plans/{subscription_id}/pay")


async def _page(
    request: Request, actor: Actor, sub: UUID, form: Form[Paying], *, status: int = 200, refused: Refusal | None = None
) -> Html:
    shown = {**await _shown(actor, sub), **await ways(actor)}
    return await draw(request, actor, "subscriptions/pay.html", status=status, form=form, refused=refused, **shown)


async def _shown(actor: Actor, sub: UUID) -> dict[str, Any]:
    held: Held = await queries.own(actor, sub)
    term = held.due or held.running
    found = await payments.payments_of(actor, term.id) if term else []
    last = found[-1] if found else None
    stands = paying.standing(last.method if last else None, last.state if last else None, is_due=held.due is not None)
    wanted = held.due and await queries.plan(actor, held.due.plan)
    return {
        "held": held,
        "plan": wanted or held.plan,
        "term": term,
        "last": last,
        "stands": stands,
        "retry": paying.may_retry(stands, last.state if last else None),
        "why": paying.why(last.reason) if last else None,
        "asked_phone": masked(last.phone) if last and last.phone else "",
    }
