"""Feeds by bottle and tube of one patient: ordered with their hours, signed, written down, and summed for the day."""

from datetime import datetime, time
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.chart import moment
from dusangire.diets.rules.facts import FeedFacts
from dusangire.diets.rules.feeds import Slot, Totals, cycle, do_agree, totals
from dusangire.diets.service import FeedAsked
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.wards import queries as wards

_SEES = needs(Can.CHART_SEE)
_SIGNS = needs(Can.DIET_SIGN, Can.DIET_SIGN_PROTOCOL)
_FIELDS = {
    "account.password_wrong": "password", "feeds.disagree": "rate", "feeds.needs_pump": "total_ml",
    "feeds.needs_times": "times", "feeds.wrong_route": "route", "feeds.only_doctor": "npo", "feeds.allergy": "product",
    "diets.end_before_start": "feed_end", "diets.start_past": "feed_start",
}  # fmt: skip


class Route(StrEnum):
    """How it goes in and how fast: a pump, a syringe into the tube, or by mouth."""

    PUMP = "pump"
    BOLUS = "bolus"
    ORAL = "oral"


class Written(Struct, frozen=True):
    """A feed as typed. Times are hours of the day, `08:00, 12:00`; without a rate it is the volume over the hours."""

    product: Annotated[str, Limits(most=20)]
    route: Route
    total_ml: Annotated[Decimal, Limits(least=1, most=6000)] | None = None
    hours: Annotated[int, Limits(least=1, most=24)] | None = None
    rate: Annotated[Decimal, Limits(least=1, most=400)] | None = None
    amount: Annotated[Decimal, Limits(least=0, most=1000)] | None = None
    times: Annotated[str, Limits(most=120)] = ""
    npo: bool = False
    feed_start: datetime | None = None
    feed_end: datetime | None = None
    feed_reason: Annotated[str, Limits(most=200)] = ""
    password: Annotated[str, Limits(most=200)] = ""


class What(StrEnum):
    GIVEN = "given"
    STOPPED = "stopped"
    CORRECTION = "correction"


class GivenWritten(Struct, frozen=True):
    """What a nurse writes down."""

    what: What
    given_amount: Decimal
    given_at: datetime
    given_note: Annotated[str, Limits(most=200)] = ""


class Why(Struct, frozen=True):
    stop_reason: Annotated[str, Limits(least=2, most=200)]


class Preview(Struct, frozen=True):
    """The hours of a feed before it is signed, with what they add up to."""

    slots: tuple[Slot, ...]
    total: Decimal
    fed: Totals


class FeedsPage(Controller):
    """Everything one patient is fed by bottle and tube."""

    path = "/health-profiles/{patient_id:uuid}/feeds"

    @get("/", opt=_SEES)
    async def feeds(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id)

    @post("/preview", opt=_SIGNS, status_code=200)
    async def preview(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = _timed(await forms.read(request, Written))
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, form=form)
        wrong = form.refuse("rate", "feeds.disagree_short") if not _adds_up(form.value) else form
        shown = await _preview(actor, form.value) if wrong.value else None
        return await _page(request, actor, patient_id, status=200 if shown else 422, form=wrong, preview=shown)

    @post("/", opt=_SIGNS)
    async def sign(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = _timed(await forms.read(request, Written))
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, form=form)
        asked = _asked(form.value, actor)
        try:
            await service.sign_feed_with_password(actor, patient_id, asked, form.value.password)
        except Refusal as refused:
            wrong = form.refuse(_FIELDS.get(refused.key, "product"), refused.key, **refused.facts)
            return await _page(request, actor, patient_id, status=refused.status, form=wrong)
        return _back(request, patient_id)

    @post("/{feed_id:uuid}/given", opt=_SEES)
    async def given(self, request: Request, actor: Acting, patient_id: UUID, feed_id: UUID) -> Html:
        form = await forms.read(request, GivenWritten)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, given=form, about=feed_id)
        said = form.value
        at = moment(said.given_at, actor.zone)
        try:
            await service.record_given(actor, patient_id, feed_id, said.what, said.given_amount, at, said.given_note)
        except Refusal as refused:
            field = "given_note" if refused.key == "feeds.say_why" else "given_at"
            field = "given_amount" if refused.key in ("feeds.below_nothing", "form.number_least") else field
            wrong = form.refuse(field, refused.key, **refused.facts)
            return await _page(request, actor, patient_id, status=refused.status, given=wrong, about=feed_id)
        return _back(request, patient_id)

    @post("/{feed_id:uuid}/stop", opt=_SIGNS)
    async def stop(self, request: Request, actor: Acting, patient_id: UUID, feed_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _page(request, actor, patient_id, status=422, why=form, about=feed_id)
        await service.stop_feed(actor, patient_id, feed_id, form.value.stop_reason)
        return _back(request, patient_id)

    @post("/{feed_id:uuid}/resume", opt=_SIGNS)
    async def resume(self, request: Request, actor: Acting, patient_id: UUID, feed_id: UUID) -> Html:
        await service.resume_feed(actor, patient_id, feed_id)
        return _back(request, patient_id)


def _timed(form: Form[Written]) -> Form[Written]:
    """The form with its times read, so that what cannot be read shows beside the others."""
    if form.value is not None and form.value.route is not Route.PUMP and _times(form.value.times) is None:
        return form.refuse("times", "form.time_bad")
    return form


def _times(said: str) -> tuple[time, ...] | None:
    try:
        return tuple(
            time.fromisoformat(one.strip().zfill(5)) for one in said.replace(";", ",").split(",") if one.strip()
        )
    except ValueError:
        return None


def _rate(written: Written) -> Decimal | None:
    if written.rate is not None or written.total_ml is None or written.hours is None:
        return written.rate
    return max(Decimal(1), (written.total_ml / written.hours).quantize(Decimal(1), ROUND_DOWN))


def _adds_up(written: Written) -> bool:
    rate = _rate(written)
    if written.route is not Route.PUMP:
        return bool(written.amount and _times(written.times))
    if written.total_ml is None or written.hours is None or rate is None:
        return False
    return do_agree(written.total_ml, written.hours, rate)


def _asked(written: Written, actor: Actor) -> FeedAsked:
    is_pump = written.route is Route.PUMP
    return FeedAsked(
        product=written.product,
        is_tube=written.route is not Route.ORAL,
        start_at=clock.now() if written.feed_start is None else moment(written.feed_start, actor.zone),
        end_at=None if written.feed_end is None else moment(written.feed_end, actor.zone),
        total_ml=(written.total_ml or Decimal(0)) if is_pump else None,
        hours=written.hours if is_pump else None,
        rate_ml_h=_rate(written) if is_pump else None,
        amount=None if is_pump else written.amount,
        times=() if is_pump else _times(written.times) or (),
        continues_in_npo=written.npo,
        reason=written.feed_reason,
    )


async def _preview(actor: Actor, written: Written) -> Preview | None:
    asked = _asked(written, actor)
    try:
        product = await queries.product(actor, asked.product)
    except NotHere:
        return None
    facts = FeedFacts(
        asked.start_at, None, clock.now(), asked.is_tube, product.unit_ml, product.unit_kcal, product.unit_protein_g,
        asked.hours, asked.total_ml, asked.rate_ml_h, asked.amount, asked.times,
    )  # fmt: skip
    slots = cycle(facts, ZoneInfo(actor.zone))
    total = sum((slot.amount for slot in slots), Decimal(0))
    return Preview(slots, total, totals(facts, total))


def _back(request: Request, patient: UUID) -> Html:
    return go(request, f"/health-profiles/{patient}/feeds?said=saved")


async def _page(
    request: Request,
    actor: Actor,
    patient: UUID,
    *,
    status: int = 200,
    form: Form[Written] | None = None,
    preview: Preview | None = None,
    given: Form[GivenWritten] | None = None,
    why: Form[Why] | None = None,
    about: UUID | None = None,
) -> Html:
    chart = await queries.chart(actor, patient)
    products = await queries.products(actor, offered=True)
    now = clock.local(chart.at, actor.zone).strftime("%Y-%m-%dT%H:%M")
    context: dict[str, Any] = {
        "person": await wards.person(actor, patient),
        "feeds": (await queries.feeds(actor, [patient]))[patient],
        "fluid_limit": chart.told.fluid_ml_day,
        "products": [(one.code, one.name(language(request)), one) for one in products],
        "written": form or forms.empty(Written, feed_start=now, route=Route.PUMP.value),
        "preview": preview,
        "given": given or forms.empty(GivenWritten, given_at=now, what=What.GIVEN.value),
        "given_now": now,
        "why": why or forms.empty(Why),
        "about": about,
        "said": request.query_params.get("said", ""),
        "may_sign": actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL),
    }
    return whole(request, "diets/feeds.html", status=status, **context)
