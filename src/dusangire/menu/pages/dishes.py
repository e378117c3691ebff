"""The menu as those who keep it see it: found by typing, opened, changed, sold out and back."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, done, go, part, view, whole
from dusangire.menu import queries, service
from dusangire.menu.rules import LETTERS, NUTRIENTS, Card, matches
from dusangire.menu.service import DishChange

_EDIT = needs(Can.MENU_EDIT)


class DishForm(Struct, frozen=True):
    """What may be written about a dish."""

    name_en: Annotated[str, Limits(most=120)]
    name_fr: Annotated[str, Limits(most=120)]
    name_rw: Annotated[str, Limits(most=120)]
    price: Annotated[int, Limits(least=0, most=100_000)]
    meals: list[str] = []


class RecipeForm(Struct, frozen=True):
    """Raw grams in one serving, line by line; 0 takes a line out. `declared`: every label was looked at today."""

    ingredient: list[UUID]
    grams: Annotated[list[Decimal], Limits(least=0, most=2000)]
    declared: bool = False


class Stock(Struct, frozen=True):
    """Whether the kitchen has it."""

    available: bool = False


class Dishes(Controller):
    """The menu's desk."""

    path = "/menu"

    @get("/", opt=_EDIT)
    async def find(self, request: Request, actor: Acting) -> Html:
        return view(request, "menu/list.html", **await _found(request, actor))

    @get("/{code:str}", opt=_EDIT)
    async def show(self, request: Request, actor: Acting, code: str) -> Html:
        card = await queries.card(actor, code)
        return await dish_page(request, actor, card, filled(card))

    @post("/{code:str}", opt=_EDIT)
    async def change(self, request: Request, actor: Acting, code: str) -> Html:
        card = await queries.card(actor, code)
        form = await forms.read(request, DishForm)
        if form.value is None:
            return await dish_page(request, actor, card, form, status=422)
        said = form.value
        try:
            await service.change_dish(
                actor, card.id, DishChange(said.name_en, said.name_fr, said.name_rw, said.price, frozenset(said.meals))
            )
        except Refusal as refused:
            return await dish_page(request, actor, card, form.refuse("meals", refused.key), status=422)
        return go(request, f"/menu/{code}?saved=1")

    @post("/{code:str}/available", opt=_EDIT)
    async def stock(self, request: Request, actor: Acting, code: str) -> Html:
        form = await forms.read(request, Stock)
        card = await queries.card(actor, code)
        await service.set_available(actor, card.id, available=bool(form.value and form.value.available))
        return done(request, f"/menu/{code}", part("menu/_stock.html", card=await queries.card(actor, code)))

    @post("/{code:str}/recipe", opt=_EDIT)
    async def recipe(self, request: Request, actor: Acting, code: str) -> Html:
        card = await queries.card(actor, code)
        form = await forms.read(request, RecipeForm)
        if form.value is not None and len(form.value.ingredient) != len(form.value.grams):
            form = form.refuse("grams", "menu.recipe_lines")
        if form.value is None:
            return await dish_page(request, actor, card, filled(card), recipe_form=form, status=422)
        grams = dict(zip(form.value.ingredient, form.value.grams, strict=True))
        try:
            await service.change_recipe(actor, card.id, grams, is_declared=form.value.declared)
        except Refusal as refused:
            form = form.refuse("grams", refused.key, **refused.facts)
            return await dish_page(request, actor, card, filled(card), recipe_form=form, status=422)
        return go(request, f"/menu/{code}?saved=1#recipe")

    @post("/{code:str}/sign", opt=needs(Can.NUTRITION_WORK))
    async def sign(self, request: Request, actor: Acting, code: str) -> Html:
        await service.sign_values(actor, (await queries.card(actor, code)).id)
        return go(request, f"/menu/{code}?saved=1")


async def _found(request: Request, actor: Actor) -> dict[str, Any]:
    """Return the dishes that the words typed and the category leave, in the menu's order."""
    typed = str(request.query_params.get("q", ""))[:60]
    category = str(request.query_params.get("category", ""))
    menu = list((await queries.cards(actor)).values())
    kept = [card for card in menu if matches(card, typed) and category in ("", card.category)]
    return {
        "cards": kept,
        "count": len(menu),
        "typed": typed,
        "category": category,
        "categories": list(dict.fromkeys(card.category for card in menu)),
    }


def filled(card: Card) -> Form[DishForm]:
    return forms.empty(
        DishForm, name_en=card.name_en, name_fr=card.name_fr, name_rw=card.name_rw, price=str(card.price.minor)
    )


async def dish_page(
    request: Request,
    actor: Actor,
    card: Card,
    form: Form[DishForm],
    *,
    recipe_form: Form[RecipeForm] | None = None,
    refused: Refusal | None = None,
    status: int = 200,
) -> Html:
    return whole(
        request,
        "menu/dish.html",
        status=status,
        card=card,
        form=form,
        recipe_form=recipe_form or forms.empty(RecipeForm),
        refused=refused,
        lines=await queries.recipe(actor, card.id),
        ingredients=await queries.ingredients(actor),
        kitchen_lines=await queries.kitchen_lines(actor),
        nutrients=[(name, card.nutrients.of(name), name.rpartition("_")[2]) for name in NUTRIENTS],
        meals=list(LETTERS),
        saved=bool(request.query_params.get("saved")),
    )
