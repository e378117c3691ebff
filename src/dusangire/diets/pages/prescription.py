"""The prescription: six fields, what stands against them beside the form, and the signature."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.chart import NewHold
from dusangire.diets.pages.words import diet_choices, diet_names, drink_choices, food_choices, plain_words, rule_name
from dusangire.diets.pages.written import Written, asked, changed, readable, start
from dusangire.diets.queries import Chart, DietOrderRow, LeftToEat, Told
from dusangire.diets.rules import Conflict, Manual
from dusangire.diets.rules.limits import PER_KG
from dusangire.diets.rules.orders import diets_of
from dusangire.diets.rules.prescribing import Prescription, Signing, normal
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, decimal_attribute, draw, go, is_part, language, whole

_LINE = 360
_AS_ABOVE = "as above"
_FIELD_OF = {
    "account.password_wrong": "password",
    "diets.end_before_start": "end",
    "diets.end_past": "end",
    "diets.start_past": "start",
    "diets.no_diet": "diet",
    "diets.unknown_code": "diet",
}


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
    low_source: str = ""
    high_source: str = ""
    low_x: str = "0"
    high_x: str = "0"


class Way(Struct, frozen=True):
    """One way out of a clash, as a button: take a diet off the form, or write it instead of an order."""

    field: str
    value: str
    diet: str


class Before(Struct, frozen=True):
    """What stands beside the form before it is signed."""

    found: Signing | None
    clashes: tuple[Clash, ...]
    ways: tuple[Way, ...]
    told: Told
    left: LeftToEat | None


class PrescriptionPage(Controller):
    """Write a diet order, see what it does, sign it."""

    path = "/health-profiles/{patient_id:uuid}/diet-order"

    @get("/", opt=needs(Can.DIET_DRAFT))
    async def form(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        chart = await queries.chart(actor, patient_id)
        form = start(request, actor, chart)
        return await _page(request, actor, chart, form)

    @post("/preview", opt=needs(Can.DIET_DRAFT), status_code=200)
    async def preview(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = changed(await forms.read(request, Written))
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
                actor, patient_id, asked(written, actor), order=written.draft, revision=written.revision
            )
        except Refusal as refused:
            return await _refused(request, actor, patient_id, form, refused)
        return go(request, f"/health-profiles/{patient_id}?said=drafted")

    @post("/sign", opt=needs(Can.DIET_SIGN, Can.DIET_SIGN_PROTOCOL))
    async def sign(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Written)
        written = form.value
        if written is not None and not written.password:
            form = form.refuse("password", "doctor.sign_again")
        if written is not None and not written.allergies:
            form = form.refuse("allergies", "diets.ask_allergies")
        if form.value is None or written is None:
            chart = await queries.chart(actor, patient_id)
            return await _page(request, actor, chart, form, status=422, typed=written)
        try:
            await service.sign_with_password(
                actor,
                patient_id,
                asked(written, actor),
                written.password,
                order=written.draft,
                revision=written.revision,
                seen_rev=written.seen,
            )
        except Refusal as refused:
            return await _refused(request, actor, patient_id, form, refused)
        return go(request, f"/health-profiles/{patient_id}?said=signed")


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
        favourites=await queries.favourites_of(actor, chart.person.ward),
        npo=forms.empty(NewHold, npo_from=clock.local(chart.at, actor.zone).strftime("%Y-%m-%dT%H:%M")),
        diets=diet_choices(request, manual),
        foods=food_choices(request, manual),
        drinks=drink_choices(request),
        **beside,
    )


async def _beside(request: Request, actor: Actor, chart: Chart, form: Form[Written]) -> dict[str, Any]:
    """What the form and the aside both show: the chart, the names, and what stands against signing."""
    manual = await queries.manual(actor)
    written = form.value or readable(form)
    before = await _before(request, actor, chart, written, manual)
    return {
        "chart": chart,
        "names": diet_names(request, manual),
        "plain": plain_words(request, manual),
        "before": before,
        "oedema": written.oedema,
        "asks_oedema": _asks_oedema(written, manual, actor),
        "rulings": written.rulings,
        "is_beyond": sorted(before.found.loosens) if before.found else [],
    }


def _asks_oedema(written: Written, manual: Manual, actor: Actor) -> bool:
    codes = asked(written, actor).codes
    return any(rule.subject == "ml_per_kg" for diet in diets_of(codes, manual) for rule in diet.rules)


async def _before(request: Request, actor: Actor, chart: Chart, written: Written, manual: Manual) -> Before:
    wanted = normal(asked(written, actor), manual)
    if not wanted.codes:
        return Before(None, (), (), Told(), None)
    try:
        found = await service.preview(actor, chart.person.id, wanted)
    except Refusal:
        found = Signing()  # the order it names has changed; signing says so
    beside = [order for order in chart.now if order.id not in found.replaced]
    codes = [*wanted.codes, *(code for order in beside for code in order.codes)]
    told = msgspec.structs.replace(
        queries.told(beside, manual),
        codes=tuple(diet.code for diet in diets_of(codes, manual)),
    )
    own = ("food_level", "drink_level", "fluid_ml_day", "potassium_mg_meal")
    said = {name: value for name in own if (value := getattr(wanted, name)) is not None}
    told = msgspec.structs.replace(told, **said)
    left = await queries.left_to_eat(actor, chart.person.id, wanted, found.replaced)
    names = diet_names(request, manual)
    lang = language(request)
    against = (*found.hard, *found.soft, *found.decided)
    clashes = tuple(_clash(lang, names, one, manual) for one in against)
    torn = [code for one in against for code in (one.low, one.high)]
    ways = _ways([*torn, *found.doubled], wanted, beside, names)
    return Before(found, clashes, ways, told, left)


def _ways(
    torn: Iterable[str], wanted: Prescription, beside: list[DietOrderRow], names: dict[str, str]
) -> tuple[Way, ...]:
    """Return the buttons out of a clash: each diet of the form may go, each order in force may be replaced."""
    found: list[Way] = []
    for code in dict.fromkeys(torn):
        order = next((row for row in beside if code in row.codes), None)
        if code in wanted.codes:
            found.append(Way("drop", code, names.get(code, code)))
        if order is not None and wanted.replaces is None:
            found.append(Way("instead", str(order.id), " + ".join(names.get(one, one) for one in order.codes)))
    return tuple(sorted(dict.fromkeys(found), key=lambda way: way.field == "drop"))


def _clash(lang: str, names: dict[str, str], one: Conflict, manual: Manual) -> Clash:
    field = f"{one.low}|{one.high}|{one.nutrient}|{one.scope}"
    low_x, high_x = _places(one)
    return Clash(
        subject=rule_name(lang, one.nutrient),
        scope=one.scope,
        low=names.get(one.low, one.low),
        low_code=one.low,
        least=one.least,
        high=names.get(one.high, one.high),
        high_code=one.high,
        most=one.most,
        unit=f"{one.unit}/kg" if one.nutrient in PER_KG else one.unit,
        is_hard=one.hard,
        pair=(f"{field}|{one.low}", f"{field}|{one.high}"),
        low_source=_source(one.low_source, one.low, manual),
        high_source=_source(one.high_source, one.high, manual),
        low_x=decimal_attribute(low_x),
        high_x=decimal_attribute(high_x),
    )


def _source(said: str, code: str, manual: Manual) -> str:
    """Return where a rule comes from; one that points to the line above it is told by that line."""
    above = ""
    for diet in manual.diets.values():
        for rule in diet.rules:
            above = above if rule.source == _AS_ABOVE else rule.source
            if said == _AS_ABOVE and diet.code == code:
                return above
    return said


def _places(one: Conflict) -> tuple[Decimal, Decimal]:
    """Where the least and the most stand on a line of 360, so that the gap between them can be seen."""
    if one.least is None or one.most is None:
        return Decimal(0), Decimal(0)
    end = one.least * Decimal("1.4")
    return one.least / end * _LINE, one.most / end * _LINE
