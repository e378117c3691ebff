"""The end of a fast: prolonged, released, and the diet as before signed again with one password."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.chart import moment
from dusangire.diets.pages.words import diet_names
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole


class Signature(Struct, frozen=True):
    """What is asked before the suspended diet counts again; `seen` is the safety revision that was looked at."""

    password: Annotated[str, Limits(most=200)]
    seen: int | None = None


class Prolonged(Struct, frozen=True):
    """What is asked of a fast that lasts longer."""

    npo_end: datetime
    npo_moved: datetime | None = None


class FastingPage(Controller):
    """May this patient eat again?"""

    path = "/health-profiles/{patient_id:uuid}"

    @get("/may-eat", opt=needs(Can.CHART_SEE))
    async def ask(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id, forms.empty(Signature))

    @post("/may-eat", opt=needs(Can.HOLD_SET))
    async def release(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        await service.release_all(actor, patient_id)
        return go(request, f"/health-profiles/{patient_id}/may-eat?said=released")

    @post("/may-eat/sign", opt=needs(Can.DIET_SIGN))
    async def sign(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Signature)
        if form.value is None:
            return await _page(request, actor, patient_id, form, status=422)
        try:
            await service.resume(actor, patient_id, form.value.password, seen_rev=form.value.seen)
        except Refusal as refused:
            if refused.key != "account.password_wrong":
                return await _page(request, actor, patient_id, form, status=refused.status, refused=refused)
            return await _page(request, actor, patient_id, form.refuse("password", refused.key), status=422)
        return go(request, f"/health-profiles/{patient_id}/may-eat?said=signed")

    @get("/npo/{hold_id:uuid}/extend", opt=needs(Can.HOLD_SET))
    async def longer(self, request: Request, actor: Acting, patient_id: UUID, hold_id: UUID) -> Html:
        return await _prolong(request, actor, patient_id, hold_id, forms.empty(Prolonged))

    @post("/npo/{hold_id:uuid}/extend", opt=needs(Can.HOLD_SET))
    async def prolong(self, request: Request, actor: Acting, patient_id: UUID, hold_id: UUID) -> Html:
        form = await forms.read(request, Prolonged)
        if form.value is None:
            return await _prolong(request, actor, patient_id, hold_id, form, status=422)
        moved = form.value.npo_moved
        try:
            await service.extend(
                actor,
                patient_id,
                hold_id,
                moment(form.value.npo_end, actor.zone),
                None if moved is None else moment(moved, actor.zone),
            )
        except Refusal as refused:
            wrong = form.refuse("npo_end", refused.key, **refused.facts)
            return await _prolong(request, actor, patient_id, hold_id, wrong, status=refused.status)
        return go(request, f"/health-profiles/{patient_id}?said=saved")


async def _page(
    request: Request,
    actor: Actor,
    patient: UUID,
    form: Form[Signature],
    *,
    status: int = 200,
    refused: Refusal | None = None,
) -> Html:
    chart = await queries.chart(actor, patient)
    return whole(
        request,
        "diets/may_eat.html",
        status=status,
        chart=chart,
        form=form,
        refused=refused,
        running=[hold for hold in chart.open_holds if hold.has_begun(chart.at)],
        waiting=await queries.suspended_orders(actor, patient),
        names=diet_names(request, await queries.manual(actor)),
        said=request.query_params.get("said", ""),
    )


async def _prolong(
    request: Request, actor: Actor, patient: UUID, hold: UUID, form: Form[Prolonged], *, status: int = 200
) -> Html:
    return whole(
        request,
        "diets/prolong.html",
        status=status,
        chart=await queries.chart(actor, patient),
        hold=await queries.open_hold(actor, patient, hold),
        form=form,
        names=diet_names(request, await queries.manual(actor)),
    )
