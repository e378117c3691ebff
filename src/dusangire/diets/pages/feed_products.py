"""The formulary: products for bottle and tube, their values, and who signed them."""

from decimal import Decimal
from typing import Annotated, Any

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct, structs

from dusangire.diets import queries, service
from dusangire.diets.pages.words import Choice
from dusangire.diets.queries import Product
from dusangire.diets.service import ProductAsked
from dusangire.kernel import forms, text
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, language, whole
from dusangire.menu.rules import EU_ALLERGENS

_EDITS = needs(Can.MANUAL_EDIT)
_Name = Annotated[str, Limits(least=2, most=120)]
_Amount = Annotated[Decimal, Limits(least=0, most=10000)]


class ProductWritten(Struct, frozen=True):
    """One product as typed; `revision` is empty for a new one."""

    name_en: _Name
    name_fr: _Name
    name_rw: _Name
    unit: Annotated[str, Limits(least=1, most=20)]
    unit_ml: _Amount
    unit_kcal: _Amount
    unit_protein_g: _Amount
    source: Annotated[str, Limits(least=3, most=300)]
    allergens: list[str] = []
    by_mouth: bool = False
    by_tube: bool = False
    is_offered: bool = False
    dish_code: Annotated[str, Limits(most=20)] = ""
    code: Annotated[str, Limits(most=20)] = ""
    revision: int | None = None

    def asked(self) -> ProductAsked:
        values = {name: getattr(self, name) for name in ProductAsked.__struct_fields__ if name != "allergens"}
        return ProductAsked(allergens=tuple(one for one in self.allergens if one in EU_ALLERGENS), **values)


class ValuesSigned(Struct, frozen=True):
    revision: int
    password: Annotated[str, Limits(most=200)]


class FeedProducts(Controller):
    """Products for bottle and tube."""

    path = "/manual/feeds"

    @get("/", opt=_EDITS)
    async def all(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor)

    @post("/", opt=_EDITS)
    async def add(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, ProductWritten)
        if form.value is not None and not _is_code(form.value.code):
            form = form.refuse("code", "form.required")
        if form.value is None:
            return await _page(request, actor, status=422, form=form)
        return await _save(request, actor, form, form.value, form.value.code.upper())

    @get("/{code:str}", opt=_EDITS)
    async def one(self, request: Request, actor: Acting, code: str) -> Html:
        return await _page(request, actor, code=code)

    @post("/{code:str}", opt=_EDITS)
    async def write(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, ProductWritten)
        if form.value is None:
            return await _page(request, actor, code=code, status=422, form=form)
        return await _save(request, actor, form, form.value, code, is_new=False)

    @post("/{code:str}/sign", opt=needs(Can.MANUAL_SIGN))
    async def sign(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, ValuesSigned)
        if form.value is None:
            return await _page(request, actor, code=code, status=422, signing=form)
        try:
            await service.sign_product(actor, code, form.value.revision, form.value.password)
        except Refusal as refused:
            wrong = form.refuse("password", refused.key, **refused.facts)
            return await _page(request, actor, code=code, status=refused.status, signing=wrong)
        return go(request, "/manual/feeds")


async def _save(
    request: Request, actor: Actor, form: Form[ProductWritten], asked: ProductWritten, code: str, *, is_new: bool = True
) -> Html:
    try:
        await service.save_product(actor, code, asked.asked(), revision=None if is_new else asked.revision or 0)
    except Refusal as refused:
        wrong = form.refuse("code" if refused.key == "feeds.taken" else "unit_ml", refused.key, **refused.facts)
        return await _page(request, actor, code="" if is_new else code, status=refused.status, form=wrong)
    return go(request, "/manual/feeds")


def _is_code(said: str) -> bool:
    return len(said) > 1 and said.isascii() and said.replace("-", "").isalnum()


def _typed(one: Product | None) -> dict[str, str]:
    if one is None:
        return {"is_offered": "1"}
    kept = structs.asdict(one)
    typed = {name: str(value) for name, value in kept.items() if isinstance(value, str | Decimal | int)}
    marks = {name: "1" if kept[name] else "" for name in ("by_mouth", "by_tube", "is_offered")}
    return {**typed, **{name: text.number(kept[name], 3).replace(",", "") for name in _NUMBERS}, **marks}


_NUMBERS = ("unit_ml", "unit_kcal", "unit_protein_g")


async def _page(
    request: Request,
    actor: Actor,
    *,
    code: str = "",
    status: int = 200,
    form: Form[ProductWritten] | None = None,
    signing: Form[ValuesSigned] | None = None,
) -> Html:
    product = await queries.product(actor, code) if code else None
    lang = language(request)
    groups: list[Choice] = [(one, text.say(lang, f"allergen.{one}")) for one in EU_ALLERGENS]
    context: dict[str, Any] = {
        "products": await queries.products(actor),
        "product": product,
        "form": form or forms.empty(ProductWritten, **_typed(product)),
        "signing": signing or forms.empty(ValuesSigned),
        "allergens": groups,
        "chosen": product.allergens if product else frozenset(),
    }
    return whole(request, "diets/feed_products.html", status=status, **context)
