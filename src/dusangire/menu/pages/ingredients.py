"""What the kitchen buys: nutrients per 100 g and the dated allergen declaration of each ingredient."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.menu import queries, service
from dusangire.menu.queries import IngredientRow
from dusangire.menu.rules import EU_ALLERGENS, RECIPE_NUTRIENTS
from dusangire.menu.service import IngredientChange

_EDIT = needs(Can.MENU_EDIT)
_Grams = Annotated[Decimal | None, Limits(least=0, most=100)]
_Milligrams = Annotated[Decimal | None, Limits(least=0, most=100_000)]


class IngredientForm(Struct, frozen=True):
    """The label of an ingredient, per 100 g; what is left empty is not known."""

    carb_g: _Grams = None
    sugar_g: _Grams = None
    protein_g: _Grams = None
    fat_g: _Grams = None
    satfat_g: _Grams = None
    sodium_mg: _Milligrams = None
    potassium_mg: _Milligrams = None
    phosphorus_mg: _Milligrams = None
    fibre_g: _Grams = None
    allergens: list[str] = []
    may_contain: list[str] = []
    declared_on: date | None = None


class Ingredients(Controller):
    """The store room's labels."""

    path = "/menu/ingredients"

    @get("/", opt=_EDIT)
    async def all(self, request: Request, actor: Acting) -> Html:
        return whole(request, "menu/ingredients.html", ingredients=await queries.ingredients(actor))

    @get("/{ingredient_id:uuid}", opt=_EDIT)
    async def show(self, request: Request, actor: Acting, ingredient_id: UUID) -> Html:
        row = await queries.ingredient(actor, ingredient_id)
        return await _page(request, actor, row, _filled(row), _ticked(row))

    @post("/{ingredient_id:uuid}", opt=_EDIT)
    async def change(self, request: Request, actor: Acting, ingredient_id: UUID) -> Html:
        row = await queries.ingredient(actor, ingredient_id)
        form = await forms.read(request, IngredientForm)
        sent = await request.form()
        ticked = {name: frozenset(str(one) for one in sent.getall(name, [])) for name in ("allergens", "may_contain")}
        if form.value is None:
            return await _page(request, actor, row, form, ticked, status=422)
        try:
            await service.change_ingredient(actor, ingredient_id, _change(form.value))
        except Refusal as refused:
            form = form.refuse("declared_on", refused.key, **refused.facts)
            return await _page(request, actor, row, form, ticked, status=422)
        return go(request, f"/menu/ingredients/{ingredient_id}?saved=1")


def _change(said: IngredientForm) -> IngredientChange:
    return IngredientChange(
        **{name: getattr(said, name) for name in RECIPE_NUTRIENTS},
        allergens=frozenset(said.allergens),
        may_contain=frozenset(said.may_contain),
        declared_on=said.declared_on,
    )


def _filled(row: IngredientRow) -> Form[IngredientForm]:
    amounts = {name: getattr(row, name) for name in RECIPE_NUTRIENTS}
    typed = {name: f"{amount.normalize():f}" for name, amount in amounts.items() if amount is not None}
    return forms.empty(IngredientForm, **typed, declared_on=row.declared_on.isoformat() if row.declared_on else "")


def _ticked(row: IngredientRow) -> dict[str, frozenset[str]]:
    return {"allergens": frozenset(row.allergens or ()), "may_contain": frozenset(row.may_contain or ())}


async def _page(
    request: Request,
    actor: Actor,
    row: IngredientRow,
    form: Form[IngredientForm],
    ticked: dict[str, frozenset[str]],
    *,
    status: int = 200,
) -> Html:
    held_by = set(await queries.dishes_with(actor, row.id))
    return whole(
        request,
        "menu/ingredient.html",
        status=status,
        row=row,
        form=form,
        ticked=ticked,
        nutrients=RECIPE_NUTRIENTS,
        allergens=EU_ALLERGENS,
        cards=[card for card in (await queries.cards(actor)).values() if card.id in held_by],
        saved=bool(request.query_params.get("saved")),
    )
