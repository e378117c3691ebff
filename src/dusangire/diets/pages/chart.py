"""One patient's page: allergies, weight, diet orders, nothing by mouth, and everything that happened."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.flags import good_to_know
from dusangire.diets.pages.words import allergy_choices, diet_names, history_lines, plain_words, severities, task_key
from dusangire.diets.rules import Severity
from dusangire.diets.rules.fasting import hints
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, is_part, whole
from dusangire.kernel.journal import history
from dusangire.kernel.live import stream
from dusangire.wards import service as wards


class NewAllergy(Struct, frozen=True):
    """What is asked of an allergy."""

    code: Annotated[str, Limits(most=80)]
    severity: Severity
    note: Annotated[str, Limits(most=200)] = ""


class Why(Struct, frozen=True):
    """Why something ends."""

    end_reason: Annotated[str, Limits(least=2, most=200)]


class NewHold(Struct, frozen=True):
    """What is asked of nothing by mouth. Without an end somebody must say that it is not known."""

    npo_reason: Annotated[str, Limits(least=2, most=200)]
    npo_from: datetime
    npo_until: datetime | None = None
    npo_open: bool = False
    npo_procedure: datetime | None = None


class Measured(Struct, frozen=True):
    """What was measured; one of the two is enough."""

    weight_kg: Decimal | None = None
    height_cm: Decimal | None = None


class ChartPage(Controller):
    """Everything a diet stands on, for one patient."""

    path = "/health-profiles/{patient_id:uuid}"

    @get("/", opt=needs(Can.CHART_SEE))
    async def chart(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id)

    @get("/live", opt=needs(Can.CHART_SEE) | LIVE)
    async def live(self, request: Request, actor: Acting, patient_id: UUID) -> ASGIApp:
        async def fragment() -> str:
            names = diet_names(request, await queries.manual(actor))
            chart = await queries.chart(actor, patient_id)
            feeds = (await queries.feeds(actor, [patient_id]))[patient_id]
            return draw(request, "diets/_now.html", chart=chart, names=names, feeds=feeds)

        await queries.safety(actor, patient_id)
        return stream(request.app.state.hub, f"patient:{patient_id}", draw=fragment)

    @post("/allergies", opt=needs(Can.ALLERGY_RECORD))
    async def add_allergy(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, NewAllergy)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, allergy=form)
        asked = form.value
        try:
            made = await service.add_allergy(actor, patient_id, asked.code, asked.severity, asked.note)
        except Refusal as refused:
            wrong = form.refuse("code", refused.key, **refused.facts)
            return await _page(request, actor, patient_id, status=refused.status, allergy=wrong)
        return _back(request, patient_id, "uncoded" if made is None else "saved")

    @post("/allergies/none", opt=needs(Can.ALLERGY_RECORD))
    async def none_known(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        await service.no_known_allergies(actor, patient_id)
        return _back(request, patient_id)

    @post("/allergies/settle", opt=needs(Can.ALLERGY_RECORD))
    async def settle(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        await service.settle_uncoded(actor, patient_id)
        return _back(request, patient_id)

    @post("/allergies/{allergy_id:uuid}/end", opt=needs(Can.ALLERGY_RECORD))
    async def end_allergy(self, request: Request, actor: Acting, patient_id: UUID, allergy_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, why=form, ending=allergy_id)
        await service.end_allergy(actor, patient_id, allergy_id, form.value.end_reason)
        return _back(request, patient_id)

    @post("/measurements", opt=needs(Can.CHART_SEE))
    async def measure(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Measured)
        if form.value is not None and form.value == Measured():
            form = form.refuse("weight_kg", "form.required")
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, measured=form)
        for kind in ("weight_kg", "height_cm"):
            value = getattr(form.value, kind)
            try:
                if value is not None:
                    await wards.measure(actor, patient_id, kind, value)
            except Refusal as refused:
                wrong = form.refuse(kind, refused.key, **refused.facts)
                return await _page(request, actor, patient_id, status=refused.status, measured=wrong)
        return _back(request, patient_id)

    @post("/npo", opt=needs(Can.HOLD_SET))
    async def hold(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, NewHold)
        if form.value is not None and form.value.npo_until is None and not form.value.npo_open:
            form = form.refuse("npo_until", "diets.npo_end_needed")
        if form.value is None:
            return await _npo_again(request, actor, patient_id, form, status=422)
        asked = form.value
        begins, ends = moment(asked.npo_from, actor.zone), None
        if asked.npo_until is not None:
            ends = moment(asked.npo_until, actor.zone)
        operation = None if asked.npo_procedure is None else moment(asked.npo_procedure, actor.zone)
        try:
            await service.hold(actor, patient_id, asked.npo_reason, begins, ends, procedure_at=operation)
        except Refusal as refused:
            field = "npo_procedure" if refused.key == "fasting.procedure_before" else "npo_until"
            wrong = form.refuse(field, refused.key, **refused.facts)
            return await _npo_again(request, actor, patient_id, wrong, status=refused.status)
        if is_part(request):
            return await _npo_again(request, actor, patient_id, _new_hold(actor))
        return _back(request, patient_id)

    @post("/npo/{hold_id:uuid}/release", opt=needs(Can.HOLD_SET))
    async def release(self, request: Request, actor: Acting, patient_id: UUID, hold_id: UUID) -> Html:
        await service.release(actor, patient_id, hold_id)
        return _back(request, patient_id)

    @post("/diet-orders/{order_id:uuid}/revoke", opt=needs(Can.DIET_DRAFT))
    async def revoke(self, request: Request, actor: Acting, patient_id: UUID, order_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, why=form, ending=order_id)
        await service.revoke(actor, patient_id, order_id, form.value.end_reason)
        return _back(request, patient_id)


def moment(wall: datetime, zone: str) -> datetime:
    """Return the moment at which clocks of the hospital show this."""
    return clock.at(wall.date(), wall.time(), zone)


def _back(request: Request, patient: UUID, said: str = "saved") -> Html:
    return go(request, f"/health-profiles/{patient}?said={said}")


def _new_hold(actor: Actor) -> Form[NewHold]:
    return forms.empty(NewHold, npo_from=clock.local(clock.now(), actor.zone).strftime("%Y-%m-%dT%H:%M"))


async def _npo_again(request: Request, actor: Actor, patient: UUID, npo: Form[NewHold], *, status: int = 200) -> Html:
    """Draw nothing by mouth again, beside a prescription only its own part: what is written there stays."""
    if not is_part(request):
        return await _page(request, actor, patient, status=status, npo=npo)
    content = draw(request, "diets/_npo_beside.html", chart=await queries.chart(actor, patient), npo=npo)
    return Response(content, status_code=status, media_type="text/html")


async def _page(
    request: Request,
    actor: Actor,
    patient: UUID,
    *,
    status: int = 200,
    ending: UUID | None = None,
    allergy: Form[NewAllergy] | None = None,
    measured: Form[Measured] | None = None,
    npo: Form[NewHold] | None = None,
    why: Form[Why] | None = None,
) -> Html:
    """Draw the page; a form that was sent wrong comes back with what was typed."""
    chart = await queries.chart(actor, patient)
    manual = await queries.manual(actor)
    return whole(
        request,
        "diets/chart.html",
        status=status,
        chart=chart,
        allergy=allergy or forms.empty(NewAllergy),
        measured=measured or forms.empty(Measured),
        npo=npo or _new_hold(actor),
        why=why or forms.empty(Why),
        ending=ending,
        choices=allergy_choices(request, await queries.ingredient_names(actor)),
        severities=severities(request),
        names=diet_names(request, manual),
        plain=plain_words(request, manual),
        hints={hold.id: hints(hold.procedure_at, chart.at) for hold in chart.open_holds if hold.procedure_at},
        task_words={task.kind: task_key(task.kind) for task in chart.tasks},
        history=history_lines(request, await history(actor, f"patient:{patient}")),
        said=request.query_params.get("said", ""),
        **await good_to_know(actor, patient),
    )
