"""Overrides: given on a stopped tray or a blocked dish, agreed to by a second person, withdrawn."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Reason
from dusangire.diets.rules.overrides import Override, expiry, refusal
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.kernel.phrase import Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import sitting
from dusangire.orders import queries, service
from dusangire.orders.pages.whom import Whom, whom_of
from dusangire.orders.rules import Why, period_phrase, set_aside, third_person, why
from dusangire.orders.service import Broken, Choice, Plate, Signature, Stopped
from dusangire.wards import queries as wards

GIVES = needs(Can.DIET_OVERRIDE)


class Giving(Struct, frozen=True):
    """Which rule, why, and the person's password. `at` says patient and sitting where there is no order yet."""

    which: Annotated[str, Limits(most=200)]
    words: Annotated[str, Limits(3, 200, is_multiline=True)]
    password: Annotated[str, Limits(most=200)]
    at: Annotated[str, Limits(most=100)] = ""
    portion: Annotated[str, Limits(most=4)] = ""


class Agreeing(Struct, frozen=True):
    """The second person's password."""

    password: Annotated[str, Limits(most=200)]


class Option(Struct, frozen=True):
    """One rule that stops the tray, for one dish: its words, and why nobody may override it where nobody may."""

    value: str
    told: Why
    say: Phrase
    plate: Plate
    no: str | None
    needs_second: bool
    is_sum: bool


class Given(Struct, frozen=True):
    """One override in words."""

    one: Override
    told: Why
    say: Phrase
    state: str


class OrderOverride(Controller):
    """On a held order's page."""

    path = "/orders/{order_id:uuid}/override"

    @get("/", opt=GIVES)
    async def ask(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _order_page(request, actor, order_id, forms.empty(Giving))

    @post("/", opt=GIVES)
    async def give(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Giving)
        if form.value is not None:
            try:
                said = form.value
                made = await service.override_tray(
                    actor, order_id, _broken(said.which), Signature(said.words, said.password)
                )
            except Refusal as refused:
                form = _refused(form, refused)
            else:
                return go(request, f"/overrides/{made}?said=saved")
        return await _order_page(request, actor, order_id, form, status=422)


class DishOverride(Controller):
    """On the page of a dish that staff would choose for a patient."""

    path = "/patient/dish/{code:str}/override"

    @get("/", opt=GIVES)
    async def ask(self, request: Request, actor: Acting, code: str) -> Html:
        said = request.query_params
        about = whom_of(actor, f"{said.get('day', '')}.{said.get('period', '')}.{said.get('for', '')}")
        return await _dish_page(request, actor, about, code, forms.empty(Giving, portion=said.get("portion", "")))

    @post("/", opt=GIVES)
    async def give(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, Giving)
        about = whom_of(actor, form.typed("at"))
        if form.value is not None:
            try:
                choice = await _choice(actor, about, code, form.value.portion)
                signed = Signature(form.value.words, form.value.password)
                made = await service.override_dish(actor, choice, _broken(form.value.which), signed)
            except Refusal as refused:
                form = _refused(form, refused)
            else:
                return go(request, f"/overrides/{made}?said=saved&portion={choice.portion}")
        return await _dish_page(request, actor, about, code, form, status=422)


class Overrides(Controller):
    """Those that stand open, and one of them with its second person."""

    path = "/overrides"

    @get("/", opt=GIVES)
    async def open(self, request: Request, actor: Acting) -> Html:
        found = _told(await diet_queries.open_overrides(actor))
        people = await wards.people(actor, [given.one.patient for given in found])
        return whole(request, "orders/overrides.html", found=found, people=people, speaks=language(request))

    @get("/{override_id:uuid}", opt=GIVES)
    async def one(self, request: Request, actor: Acting, override_id: UUID) -> Html:
        return await _one_page(request, actor, override_id, forms.empty(Agreeing))

    @post("/{override_id:uuid}/second", opt=GIVES)
    async def second(self, request: Request, actor: Acting, override_id: UUID) -> Html:
        form = await forms.read(request, Agreeing)
        if form.value is not None:
            try:
                await diets.second_override(actor, override_id, form.value.password)
            except Refusal as refused:
                if refused.key != "account.password_wrong":
                    raise
                form = form.refuse("password", refused.key)
            else:
                return go(request, f"/overrides/{override_id}?said=saved")
        return await _one_page(request, actor, override_id, form, status=422)

    @post("/{override_id:uuid}/withdraw", opt=GIVES)
    async def withdraw(self, request: Request, actor: Acting, override_id: UUID) -> Html:
        await diets.withdraw_override(actor, override_id)
        return go(request, f"/overrides/{override_id}")


async def given_at(actor: Actor, patient: UUID, day: date, period: str) -> list[Given]:
    """Return every override of one meal in words, the oldest first."""
    return _told(await diet_queries.overrides_at(actor, patient, day, period))


async def _order_page(request: Request, actor: Actor, order_id: UUID, form: Form[Giving], *, status: int = 200) -> Html:
    order = await queries.order(actor, order_id)
    stopped = await service.stopped_tray(actor, order_id)
    return await _giving(
        request, actor, stopped, form, status=status, action=f"/orders/{order_id}/override",
        back=f"/orders/{order_id}", code=order.code, at="",
    )  # fmt: skip


async def _dish_page(
    request: Request, actor: Actor, about: Whom, code: str, form: Form[Giving], *, status: int = 200
) -> Html:
    choice = await _choice(actor, about, code, form.typed("portion"))
    stopped = await service.stopped_dish(actor, choice)
    return await _giving(
        request, actor, stopped, form, status=status, action=f"/patient/dish/{quote(choice.dish)}/override",
        back=about.url(f"/patient/dish/{choice.dish}"), code="", at=about.at,
    )  # fmt: skip


async def _giving(
    request: Request, actor: Actor, stopped: Stopped, form: Form[Giving], *, status: int, **more: Any
) -> Html:
    now = clock.now()
    options = [_option(broken, reason, plate, stopped) for broken, reason, plate in service.choices(stopped)]
    open_ones = [one for one in options if one.no is None]
    return whole(
        request,
        "orders/override.html",
        status=status,
        person=await wards.person(actor, stopped.patient),
        meal=period_phrase(stopped.period),
        day=stopped.day,
        options=open_ones,
        chosen=form.typed("which") or (open_ones[0].value if len(open_ones) == 1 else ""),
        never=list({one.told.rule: one for one in options if one.no is not None}.values()),
        asks=[third_person(why(one, stopped.named(one.dish or "")).why) for one in stopped.verdict.asks],
        allergies=await diet_queries.allergies(actor, stopped.patient),
        orders=await diet_queries.diet_now(actor, stopped.patient),
        given=await given_at(actor, stopped.patient, stopped.day, stopped.period),
        until=expiry(now, stopped.serve_to),
        is_over=stopped.serve_to <= now,
        form=form,
        speaks=language(request),
        **more,
    )


async def _one_page(
    request: Request, actor: Actor, override_id: UUID, form: Form[Agreeing], *, status: int = 200
) -> Html:
    one = await diet_queries.override(actor, override_id)
    given = _told([one])[0]
    trays = [tray for tray in await queries.trays(actor, one.patient, one.day, one.day) if tray.period == one.period]
    return whole(
        request,
        "orders/override_one.html",
        status=status,
        given=given,
        person=await wards.person(actor, one.patient),
        meal=period_phrase(one.period),
        trays=[tray for tray in trays if one.dish in tray.dishes],
        about=Whom(one.patient, is_for_other=True, day=one.day, period=one.period),
        portion=str(service.one_portion(request.query_params.get("portion", ""))),
        may_second=given.state == "waits" and one.given_by != actor.user,
        may_add=given.state == "counts" and actor.may(Can.ORDER_FOR_PATIENT),
        form=form,
        said=request.query_params.get("said", ""),
        speaks=language(request),
    )


def _told(found: Iterable[Override]) -> list[Given]:
    now = clock.now()
    told = [(one, set_aside(one)) for one in found]
    return [Given(one, words, third_person(words.why), one.state(now).value) for one, words in told]


def _option(broken: Broken, reason: Reason, plate: Plate, stopped: Stopped) -> Option:
    said = (broken.source, broken.rule, broken.subject, broken.scope, broken.bound, broken.dish)
    no = refusal(reason, stopped.allergies)
    told = why(reason, plate.named)
    return Option(
        "|".join(said),
        told,
        third_person(told.why),
        plate,
        no,
        reason.source == "ALLERGY" and no is None,
        reason.dish is None,
    )


def _broken(which: str) -> Broken:
    parts = which.split("|")
    if len(parts) != 6:
        raise Refusal("override.gone", status=422)
    return Broken(*parts)


async def _choice(actor: Actor, about: Whom, code: str, portion: str) -> Choice:
    found = sitting(await menu.periods(actor), about.day, about.period, actor.zone) if about.day else None
    if found is None:
        raise Refusal("order.no_such_meal", status=422)
    return Choice(about.patient, found, code.upper(), service.one_portion(portion))


def _refused(form: Form[Giving], refused: Refusal) -> Form[Giving]:
    field = {"account.password_wrong": "password", "override.say_why": "words"}.get(refused.key, "which")
    return form.refuse(field, refused.key, **refused.facts)
