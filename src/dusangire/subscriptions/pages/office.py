"""The office of plans: prices and discounts as data, every subscription, cash at the counter, the rule of points."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.subscriptions import queries, service
from dusangire.subscriptions.queries import Plan
from dusangire.subscriptions.rules import KINDS, ForRole, LoyaltyRule, Span, SubState, Terms, loyalty, plans
from dusangire.subscriptions.service import Edit

EDIT = needs(Can.PLANS_EDIT)
Name = Annotated[str, Limits(1, 80)]
_Franc = Annotated[int, Limits(1, 10_000_000)]


class PlanForm(Struct, frozen=True):
    """A plan as the form asks for it."""

    code: Annotated[str, Limits(2, 20)]
    name_en: Name
    name_fr: Name
    name_rw: Name
    for_role: ForRole
    span: Span
    daily_cap: Annotated[int, Limits(1, 6)]
    regular_minor: _Franc
    discount_percent: Annotated[int, Limits(0, 90)]
    letters: list[str] = []
    meals: Annotated[int, Limits(1, 500)] | None = None
    each_meal: Annotated[int, Limits(1, 500)] | None = None
    needs_diet: Annotated[str, Limits(most=120)] = ""
    note: Annotated[str, Limits(most=200)] = ""

    @property
    def terms(self) -> Terms:
        diets = tuple(self.needs_diet.upper().replace(",", " ").split())
        return Terms(
            self.for_role, self.span, self.meals, tuple(self.letters), self.each_meal, self.daily_cap,
            self.regular_minor, self.discount_percent, diets,
        )  # fmt: skip

    @property
    def edit(self) -> Edit:
        return Edit(self.code, self.name_en, self.name_fr, self.name_rw, self.terms, self.note)


class RuleForm(Struct, frozen=True):
    """The rule of points as the form asks for it."""

    francs_per_point: _Franc
    bonus_points: Annotated[int, Limits(1, 100_000)]
    bonus_minor: _Franc
    months: Annotated[int, Limits(1, 60)]
    is_on: bool = False

    @property
    def rule(self) -> LoyaltyRule:
        return LoyaltyRule(self.francs_per_point, self.bonus_points, self.bonus_minor, self.months, self.is_on)


class Office(Controller):
    """Where admin and finance keep the plans."""

    path = "/admin/plans"

    @get("/", opt=EDIT)
    async def all(self, request: Request, actor: Acting) -> Html:
        rule = await queries.loyalty_rule(actor)
        return whole(request, "subscriptions/office.html", plans=await queries.current(actor), rule=rule)

    @get("/new", opt=EDIT)
    async def ask_new(self, request: Request) -> Html:
        return _form_page(request, forms.empty(PlanForm, for_role="patient", span="week", discount_percent="0"), None)

    @post("/new", opt=EDIT)
    async def add(self, request: Request, actor: Acting) -> Html:
        form = _checked(await forms.read(request, PlanForm))
        if form.value is None:
            return await _again(request, form, None)
        try:
            await service.add_plan(actor, form.value.edit)
        except Refusal as refused:
            return await _again(request, form.refuse("code", refused.key, **refused.facts), None)
        return go(request, "/admin/plans/")

    @get("/{code:str}/edit", opt=EDIT)
    async def ask_edit(self, request: Request, actor: Acting, code: str) -> Html:
        found = await queries.versions(actor, code)
        return _form_page(request, forms.empty(PlanForm, **_typed(found[0])), found, letters=found[0].letters)

    @post("/{code:str}/edit", opt=EDIT)
    async def edit(self, request: Request, actor: Acting, code: str) -> Html:
        found = await queries.versions(actor, code)
        form = _checked(await forms.read(request, PlanForm))
        if form.value is None or form.value.code != code:
            return await _again(request, form if form.errors else form.refuse("code", "form.choose_one"), found)
        await service.change_plan(actor, form.value.edit)
        return go(request, f"/admin/plans/{code}/edit")

    @post("/{code:str}/withdraw", opt=EDIT)
    async def withdraw(self, request: Request, actor: Acting, code: str) -> Html:
        await service.offer(actor, code, is_offered=False)
        return go(request, "/admin/plans/")

    @post("/{code:str}/offer", opt=EDIT)
    async def offer(self, request: Request, actor: Acting, code: str) -> Html:
        await service.offer(actor, code, is_offered=True)
        return go(request, "/admin/plans/")

    @get("/loyalty", opt=EDIT)
    async def ask_rule(self, request: Request, actor: Acting) -> Html:
        rule = await queries.loyalty_rule(actor)
        names = ("francs_per_point", "bonus_points", "bonus_minor", "months")
        typed = {name: str(getattr(rule, name)) for name in names}
        form = forms.empty(RuleForm, **typed, is_on="1" if rule.is_on else "")
        return whole(request, "subscriptions/loyalty.html", form=form)

    @post("/loyalty", opt=EDIT)
    async def keep_rule(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, RuleForm)
        wrong = loyalty.problem(form.value.rule) if form.value else None
        form = form.refuse(*wrong) if wrong else form
        if form.value is None:
            return whole(request, "subscriptions/loyalty.html", status=422, form=form)
        await service.keep_rule(actor, form.value.rule)
        return go(request, "/admin/plans/")


class Subscriptions(Controller):
    """Every subscription, those in trouble first."""

    path = "/admin/plans/subscriptions"

    @get("/", opt=needs(Can.PLANS_EDIT, Can.PAYMENTS_SEE))
    async def all(self, request: Request, actor: Acting) -> Html:
        said = request.query_params.get("state", "")
        state = SubState(said) if said in set(SubState) else None
        return whole(
            request, "subscriptions/subscriptions.html", state=state, lines=await queries.office.lines(actor, state),
            counts=await queries.office.counts(actor),
        )  # fmt: skip

    @post("/{term_id:uuid}/cash", opt=needs(Can.CASH_COUNT))
    async def take_cash(self, request: Request, actor: Acting, term_id: UUID) -> Html:
        await service.take_cash(actor, term_id, collector=actor.user)
        return go(request, "/admin/plans/subscriptions/")


def _checked(form: Form[PlanForm]) -> Form[PlanForm]:
    wrong = plans.problem(form.value.terms) if form.value is not None else None
    if form.value is not None and not form.value.code.replace("-", "").isalnum():
        return form.refuse("code", "plans.form.code_bad")
    return form.refuse(*wrong) if wrong else form


async def _again(request: Request, form: Form[PlanForm], versions: list[Plan] | None) -> Html:
    letters = tuple(str(one) for one in (await request.form()).getall("letters", []))
    return _form_page(request, form, versions, letters=letters, status=422)


def _form_page(
    request: Request,
    form: Form[PlanForm],
    found: list[Plan] | None,
    *,
    letters: tuple[str, ...] = (),
    status: int = 200,
) -> Html:
    shown: dict[str, Any] = {"form": form, "versions": found, "letters": letters, "kinds": KINDS}
    return whole(request, "subscriptions/plan_form.html", status=status, **shown)


def _typed(plan: Plan) -> dict[str, str]:
    names = (
        "code", "name_en", "name_fr", "name_rw", "for_role", "span", "daily_cap", "regular_minor", "discount_percent",
        "meals", "each_meal", "note",
    )  # fmt: skip
    typed = {name: str(value) for name in names if (value := getattr(plan, name)) is not None}
    return typed | {"needs_diet": " ".join(plan.needs_diet)}
