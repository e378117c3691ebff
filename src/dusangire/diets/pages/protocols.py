"""Diet step by step: a doctor signs the way, nurses take its steps, and the page says when the next one is possible."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.words import Choice, diet_choices, diet_names, drink_choices, food_choices
from dusangire.diets.queries import Protocol
from dusangire.diets.rules.protocols import (
    MOST_HOURS,
    MOST_STEPS,
    USUAL,
    Step,
    against_advancing,
    against_stepping_back,
)
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.kernel.text import say

_Code = Annotated[str, Limits(most=20)]
_Hours = Annotated[int, Limits(least=0, most=MOST_HOURS)]
_HOUR_S = 3600


class Written(Struct, frozen=True):
    """A protocol as typed: up to six diets with the least hours of each; an empty diet is no step."""

    password: Annotated[str, Limits(most=200)]
    step1: _Code = ""
    step2: _Code = ""
    step3: _Code = ""
    step4: _Code = ""
    step5: _Code = ""
    step6: _Code = ""
    hours1: _Hours = 0
    hours2: _Hours = 0
    hours3: _Hours = 0
    hours4: _Hours = 0
    hours5: _Hours = 0
    hours6: _Hours = 0
    drink: Annotated[int, Limits(least=0, most=4)] | None = None
    reason: Annotated[str, Limits(most=200)] = ""

    def steps(self) -> tuple[Step, ...]:
        typed = [(getattr(self, f"step{n}"), getattr(self, f"hours{n}")) for n in range(1, MOST_STEPS + 1)]
        kept = [(code, hours) for code, hours in typed if code]
        return tuple(
            Step(position, code, hours, self.drink if code.startswith("IDDSI") else None)
            for position, (code, hours) in enumerate(kept, 1)
        )


class Tap(Struct, frozen=True):
    """One step, on or back: the position that was looked at, and the password."""

    password: Annotated[str, Limits(most=200)]
    seen: int


class Taken(Struct, frozen=True):
    """One line of the history."""

    code: str
    who: str
    at: datetime
    hours: int


_Walk = Callable[..., Awaitable[Step]]


class ProtocolPage(Controller):
    """One patient's way from liquids to regular food."""

    path = "/health-profiles/{patient_id:uuid}/steps"

    @get("/", opt=needs(Can.CHART_SEE))
    async def show(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id)

    @post("/", opt=needs(Can.DIET_SIGN))
    async def sign(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Written)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, form=form)
        asked = form.value
        try:
            await service.sign_protocol(actor, patient_id, asked.steps(), asked.reason, asked.password)
        except Refusal as refused:
            field = "password" if refused.key == "account.password_wrong" else "step1"
            wrong = form.refuse(field, refused.key, **refused.facts)
            return await _page(request, actor, patient_id, status=refused.status, form=wrong)
        return _back(request, patient_id, "signed")

    @post("/advance", opt=needs(Can.DIET_ADVANCE, Can.DIET_SIGN))
    async def advance(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _walk(request, actor, patient_id, service.advance_step)

    @post("/back", opt=needs(Can.DIET_ADVANCE, Can.DIET_SIGN))
    async def step_back(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _walk(request, actor, patient_id, service.step_back)

    @post("/stop", opt=needs(Can.DIET_SIGN))
    async def stop(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        await service.stop_protocol(actor, patient_id)
        return _back(request, patient_id, "stopped")


async def _walk(request: Request, actor: Actor, patient: UUID, walk: _Walk) -> Html:
    form = await forms.read(request, Tap)
    if form.value is None:
        return await _page(request, actor, patient, status=422, tap=form)
    try:
        await walk(actor, patient, form.value.password, seen=form.value.seen)
    except Refusal as refused:
        if refused.key != "account.password_wrong":
            return await _page(request, actor, patient, status=refused.status, tap=form, refused=refused)
        return await _page(request, actor, patient, status=422, tap=form.refuse("password", refused.key))
    return _back(request, patient, "moved")


def _back(request: Request, patient: UUID, said: str) -> Html:
    return go(request, f"/health-profiles/{patient}/steps?said={said}")


async def _page(
    request: Request,
    actor: Actor,
    patient: UUID,
    *,
    status: int = 200,
    form: Form[Written] | None = None,
    tap: Form[Tap] | None = None,
    refused: Refusal | None = None,
) -> Html:
    chart = await queries.chart(actor, patient)
    way = await queries.protocol(actor, patient)
    manual = await queries.manual(actor)
    course = way.course if way is not None else None
    past = await queries.past_protocols(actor, patient)
    wants_new = way is None or form is not None or request.query_params.get("new") == "1"
    return whole(
        request,
        "diets/steps.html",
        status=status,
        chart=chart,
        way=way,
        course=course,
        stops_on=against_advancing(course, chart.at) if course is not None else None,
        stops_back=against_stepping_back(course) if course is not None else None,
        taken=_taken(way, chart.at) if way is not None else [],
        past=[(one, _taken(one, one.ended_at or chart.at)) for one in past],
        form=form or _empty(),
        tap=tap or forms.empty(Tap),
        refused=refused,
        writes=wants_new and actor.may(Can.DIET_SIGN),
        numbers=range(1, MOST_STEPS + 1),
        diets=_choices(request, diet_choices(request, manual), food_choices(request, manual)),
        drinks=drink_choices(request),
        names=diet_names(request, manual),
        said=request.query_params.get("said", ""),
    )


def _empty() -> Form[Written]:
    typed: dict[str, str] = {}
    for number, (code, hours) in enumerate(USUAL, 1):
        typed |= {f"step{number}": code, f"hours{number}": str(hours)}
    return forms.empty(Written, **typed)


def _choices(request: Request, diets: list[Choice], foods: list[Choice]) -> list[Choice]:
    """Return the diets a step may be: no step, the diets of the manual, the textures."""
    none = ("", say(language(request), "steps.none"))
    return [none, *diets[1:], *((code, words) for code, words in foods if code.startswith("IDDSI"))]


def _taken(way: Protocol, until: datetime) -> list[Taken]:
    """Return the steps taken, the first on top, each with how long it lasted."""
    ends = [*(one.moved_at for one in way.taken[1:]), until]
    return [
        Taken(way.step(one.position).code, one.moved_by_name, one.moved_at, _hours(one.moved_at, end))
        for one, end in zip(way.taken, ends, strict=True)
    ]


def _hours(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()) // _HOUR_S)
