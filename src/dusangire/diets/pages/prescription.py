"""The prescription: six fields, what stands against them beside the form, and the signature."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.chart import moment
from dusangire.diets.pages.words import diet_choices, diet_names, drink_choices, food_choices, rule_name
from dusangire.diets.queries import Chart, DietOrderRow, LeftToEat, Told
from dusangire.diets.rules import Conflict, Manual
from dusangire.diets.rules.favourites import FAVOURITES, favourite
from dusangire.diets.rules.orders import diets_of
from dusangire.diets.rules.prescribing import OrderStatus, Prescription, Signing, normal, ruling_for
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, is_part, language, whole

_FORMAT = "%Y-%m-%dT%H:%M"
_FIELD_OF = {
    "account.password_wrong": "password",
    "diets.end_before_start": "end",
    "diets.end_past": "end",
    "diets.start_past": "start",
    "diets.no_diet": "diet",
    "diets.unknown_code": "diet",
}


class Written(Struct, frozen=True):
    """The form as typed. A texture is a code (`IDDSI5`) or 7 for regular food; `rulings` are `low|high|…` lines."""

    diet: Annotated[str, Limits(most=20)] = ""
    diet2: Annotated[str, Limits(most=20)] = ""
    diet3: Annotated[str, Limits(most=20)] = ""
    diet4: Annotated[str, Limits(most=20)] = ""
    food: Annotated[str, Limits(most=12)] = ""
    drink: Annotated[int, Limits(least=0, most=4)] | None = None
    fluid: Annotated[Decimal, Limits(least=1, most=10000)] | None = None
    potassium: Annotated[Decimal, Limits(least=1, most=10000)] | None = None
    oedema: Annotated[str, Limits(most=3)] = ""
    start: datetime | None = None
    end: datetime | None = None
    reason: Annotated[str, Limits(most=300)] = ""
    replaces: UUID | None = None
    allergies: bool = False
    rulings: list[Annotated[str, Limits(most=120)]] = []
    draft: UUID | None = None
    revision: int | None = None
    seen: int | None = None
    password: Annotated[str, Limits(most=200)] = ""


class Clash(Struct, frozen=True):
    """Two rules that no meal can meet together, in words; `name` is the form field of a soft one's decision."""

    subject: str
    scope: str
    low: str
    low_code: str
    least: Decimal | None
    high: str
    high_code: str
    most: Decimal | None
    unit: str
    is_hard: bool
    pair: tuple[str, str]


class Before(Struct, frozen=True):
    """What stands beside the form before it is signed."""

    found: Signing | None
    clashes: tuple[Clash, ...]
    told: Told
    left: LeftToEat | None


class PrescriptionPage(Controller):
    """Write a diet order, see what it does, sign it."""

    path = "/health-profiles/{patient_id:uuid}/diet-order"

    @get("/", opt=needs(Can.DIET_DRAFT))
    async def form(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        chart = await queries.chart(actor, patient_id)
        form = await _start(request, actor, chart)
        return await _page(request, actor, chart, form)

    @post("/preview", opt=needs(Can.DIET_DRAFT), status_code=200)
    async def preview(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Written)
        chart = await queries.chart(actor, patient_id)
        if is_part(request):
            facts = await _beside(request, actor, chart, form)
            return Response(draw(request, "diets/_before.html", **facts), media_type="text/html")
        return await _page(request, actor, chart, form, status=422 if form.errors else 200)

    @post("/draft", opt=needs(Can.DIET_DRAFT))
    async def draft(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Written)
        if form.value is None:
            return await _page(request, actor, await queries.chart(actor, patient_id), form, status=422)
        written = form.value
        try:
            await service.draft(
                actor, patient_id, _asked(written, actor), order=written.draft, revision=written.revision
            )
        except Refusal as refused:
            return await _refused(request, actor, patient_id, form, refused)
        return go(request, f"/health-profiles/{patient_id}?said=drafted")

    @post("/sign", opt=needs(Can.DIET_SIGN, Can.DIET_SIGN_PROTOCOL))
    async def sign(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Written)
        written = form.value
        if written is not None and not written.password:
            form = form.refuse("password", "form.required")
        if written is not None and not written.allergies:
            form = form.refuse("allergies", "diets.ask_allergies")
        if form.value is None or written is None:
            chart = await queries.chart(actor, patient_id)
            return await _page(request, actor, chart, form, status=422, typed=written)
        try:
            await service.sign_with_password(
                actor,
                patient_id,
                _asked(written, actor),
                written.password,
                order=written.draft,
                revision=written.revision,
                seen_rev=written.seen,
            )
        except Refusal as refused:
            return await _refused(request, actor, patient_id, form, refused)
        return go(request, f"/health-profiles/{patient_id}?said=signed")


async def _start(request: Request, actor: Actor, chart: Chart) -> Form[Written]:
    """The form to begin with: a draft, an order to renew, a favourite, or nothing."""
    asked = request.query_params
    known = {str(order.id): order for order in (*chart.drafts, *chart.now, *chart.coming, *chart.past)}
    now = clock.local(chart.at, actor.zone)
    chosen = known.get(asked.get("draft", "")) or known.get(asked.get("renew", ""))
    wanted = favourite(asked.get("use", ""))
    typed = {"start": now.strftime(_FORMAT), "allergies": "1", "seen": str(chart.safety.safety_rev)}
    if chosen is not None:
        typed |= _typed_of(chosen, now, actor)
    elif wanted is not None:
        codes = {f"diet{number or ''}": code for number, code in zip(("", 2, 3, 4), wanted.codes, strict=False)}
        typed |= {**codes, "food": f"IDDSI{wanted.food}" if wanted.food else "", "drink": wanted.drink}
        if wanted.hours is not None:
            typed["end"] = (now + timedelta(hours=wanted.hours)).strftime(_FORMAT)
    return forms.empty(Written, **typed)


def _typed_of(order: DietOrderRow, now: datetime, actor: Actor) -> dict[str, str]:
    textures = [code for code in order.codes if code.startswith("IDDSI")]
    others = [code for code in order.codes if code not in textures]
    food = textures[0] if textures else "7" if order.food_level == 7 else ""
    start, end = clock.local(order.start_at, actor.zone), order.end_at
    typed = {
        **{f"diet{number}": code for number, code in zip(("", "2", "3", "4"), others, strict=False)},
        "food": food,
        "drink": "" if order.drink_level is None else str(order.drink_level),
        "fluid": _number(order.limits.fluid_ml_day),
        "potassium": _number(order.limits.potassium_mg_meal),
        "reason": order.reason,
        "oedema": {True: "yes", False: "no"}.get(order.limits.has_severe_oedema, ""),  # type: ignore[arg-type]
        "start": max(start, now).strftime(_FORMAT),
    }
    if end is not None and end > now:
        typed["end"] = clock.local(end, actor.zone).strftime(_FORMAT)
    if order.status == OrderStatus.DRAFT:
        typed |= {"draft": str(order.id), "revision": str(order.revision), "replaces": str(order.replaces or "")}
    elif order.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD):
        typed["replaces"] = str(order.id)
    return typed


def _asked(written: Written, actor: Actor) -> Prescription:
    codes = [written.diet, written.diet2, written.diet3, written.diet4]
    is_level = written.food.isascii() and written.food.isdigit()
    if not is_level:
        codes.append(written.food)
    rulings = [_ruling(line) for line in written.rulings]
    return Prescription(
        codes=tuple(code for code in codes if code),
        start_at=clock.now() if written.start is None else moment(written.start, actor.zone),
        end_at=None if written.end is None else moment(written.end, actor.zone),
        food_level=int(written.food) if is_level else None,
        drink_level=written.drink,
        fluid_ml_day=written.fluid,
        potassium_mg_meal=written.potassium,
        has_severe_oedema={"yes": True, "no": False}.get(written.oedema),
        reason=written.reason,
        replaces=written.replaces,
        rulings=tuple(ruling for ruling in rulings if ruling is not None),
    )


def _ruling(line: str) -> Any:
    parts = line.split("|")
    if len(parts) != 5 or parts[4] not in (parts[0], parts[1]):
        return None
    low, high, nutrient, scope, prevails = parts
    return ruling_for(Conflict(low, high, nutrient, scope, hard=False), prevails)


async def _refused(request: Request, actor: Actor, patient: UUID, form: Form[Written], refused: Refusal) -> Html:
    """Draw the form again, nothing typed lost, with what is against it; a newer order is shown as it now is."""
    chart = await queries.chart(actor, patient)
    field = _FIELD_OF.get(refused.key)
    raw = {**form.raw, "seen": str(chart.safety.safety_rev)}
    if field is not None:
        wrong = Form(raw, form.value, form.errors).refuse(field, refused.key, **refused.facts)
        return await _page(request, actor, chart, wrong, status=refused.status, typed=form.value)
    again = Form(raw, form.value, form.errors)
    return await _page(request, actor, chart, again, status=refused.status, refused=refused)


async def _page(
    request: Request,
    actor: Actor,
    chart: Chart,
    form: Form[Written],
    *,
    status: int = 200,
    refused: Refusal | None = None,
    typed: Written | None = None,
) -> Html:
    manual = await queries.manual(actor)
    if typed is not None:
        form = Form(form.raw, typed, form.errors)
    beside = await _beside(request, actor, chart, form)
    return whole(
        request,
        "diets/diet_order.html",
        status=status,
        form=form,
        refused=refused,
        favourites=FAVOURITES,
        diets=diet_choices(request, manual),
        foods=food_choices(request, manual),
        drinks=drink_choices(request),
        **beside,
    )


async def _beside(request: Request, actor: Actor, chart: Chart, form: Form[Written]) -> dict[str, Any]:
    """What the form and the aside both show: the chart, the names, and what stands against signing."""
    manual = await queries.manual(actor)
    written = form.value or _readable(form)
    before = await _before(request, actor, chart, written, manual)
    return {
        "chart": chart,
        "names": diet_names(request, manual),
        "before": before,
        "oedema": written.oedema,
        "asks_oedema": _asks_oedema(written, manual, actor),
        "rulings": written.rulings,
        "is_beyond": sorted(before.found.loosens) if before.found else [],
    }


def _readable(form: Form[Written]) -> Written:
    """What can be understood of a form with mistakes in it."""
    kept = {name: [text] for name, text in form.raw.items() if name not in form.errors}
    return forms.convert(kept, Written).value or Written()


def _asks_oedema(written: Written, manual: Manual, actor: Actor) -> bool:
    codes = _asked(written, actor).codes
    return any(rule.subject == "ml_per_kg" for diet in diets_of(codes, manual) for rule in diet.rules)


async def _before(request: Request, actor: Actor, chart: Chart, written: Written, manual: Manual) -> Before:
    asked = normal(_asked(written, actor), manual)
    if not asked.codes:
        return Before(None, (), Told(), None)
    try:
        found = await service.preview(actor, chart.person.id, asked)
    except Refusal:
        found = Signing()  # the order it names has changed; signing says so
    beside = [order for order in chart.now if order.id not in found.replaced]
    codes = [*asked.codes, *(code for order in beside for code in order.codes)]
    told = msgspec.structs.replace(
        queries.told(beside, manual),
        codes=tuple(diet.code for diet in diets_of(codes, manual)),
    )
    told = Told(
        told.codes,
        asked.food_level if asked.food_level is not None else told.food_level,
        asked.drink_level if asked.drink_level is not None else told.drink_level,
        asked.fluid_ml_day if asked.fluid_ml_day is not None else told.fluid_ml_day,
        asked.potassium_mg_meal if asked.potassium_mg_meal is not None else told.potassium_mg_meal,
    )
    left = await queries.left_to_eat(actor, chart.person.id, asked, found.replaced)
    names = diet_names(request, manual)
    lang = language(request)
    clashes = tuple(_clash(lang, names, one) for one in (*found.hard, *found.soft, *found.decided))
    return Before(found, clashes, told, left)


def _clash(lang: str, names: dict[str, str], one: Conflict) -> Clash:
    field = f"{one.low}|{one.high}|{one.nutrient}|{one.scope}"
    return Clash(
        subject=rule_name(lang, one.nutrient),
        scope=one.scope,
        low=names.get(one.low, one.low),
        low_code=one.low,
        least=one.least,
        high=names.get(one.high, one.high),
        high_code=one.high,
        most=one.most,
        unit=one.unit,
        is_hard=one.hard,
        pair=(f"{field}|{one.low}", f"{field}|{one.high}"),
    )


def _number(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"
