"""Kitchen lines: where dishes are made, and which lines leave the allergens of one dish for the others."""

import re
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
from dusangire.menu.queries import LineRow
from dusangire.menu.service import LineChange

_EDIT = needs(Can.MENU_EDIT)
_CODE = re.compile(r"[a-z0-9_]{2,24}")
_Name = Annotated[str, Limits(most=80)]


class LineForm(Struct, frozen=True):
    """What may be said of a line."""

    name_en: _Name
    name_fr: _Name
    name_rw: _Name
    carries_over: bool = False


class NewLine(LineForm, frozen=True, kw_only=True):
    """A line that is new, with the short name it keeps."""

    code: Annotated[str, Limits(most=24)]


class Placed(Struct, frozen=True):
    """Where a dish is made; nothing for a place of its own."""

    line: UUID | None = None


class KitchenLines(Controller):
    """The lines of one kitchen."""

    path = "/menu/lines"

    @get("/", opt=_EDIT)
    async def all(self, request: Request, actor: Acting) -> Html:
        return await _all(request, actor, forms.empty(NewLine))

    @post("/", opt=_EDIT)
    async def add(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, NewLine)
        if form.value is not None and not _CODE.fullmatch(form.value.code):
            form = form.refuse("code", "menu.line_code_bad")
        if form.value is None:
            return await _all(request, actor, form, status=422)
        try:
            await service.add_line(actor, form.value.code, _change(form.value))
        except Refusal as refused:
            return await _all(request, actor, form.refuse("code", refused.key, **refused.facts), status=422)
        return go(request, "/menu/lines?saved=1")

    @get("/{line_id:uuid}", opt=_EDIT)
    async def show(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        line = await queries.kitchen_line(actor, line_id)
        return await _one(request, actor, line, _filled(line))

    @post("/{line_id:uuid}", opt=_EDIT)
    async def change(self, request: Request, actor: Acting, line_id: UUID) -> Html:
        line = await queries.kitchen_line(actor, line_id)
        form = await forms.read(request, LineForm)
        if form.value is None:
            return await _one(request, actor, line, form, status=422)
        await service.change_line(actor, line_id, _change(form.value))
        return go(request, f"/menu/lines/{line_id}?saved=1")


class DishLine(Controller):
    """The line of one dish."""

    path = "/menu/{code:str}/line"

    @post("/", opt=_EDIT)
    async def place(self, request: Request, actor: Acting, code: str) -> Html:
        card = await queries.card(actor, code)
        form = await forms.read(request, Placed)
        if form.value is None:
            raise Refusal("form.choose_one", status=422)
        await service.place_dish(actor, card.id, form.value.line)
        return go(request, f"/menu/{code}?saved=1")


def _change(said: LineForm) -> LineChange:
    return LineChange(said.name_en, said.name_fr, said.name_rw, said.carries_over)


def _filled(line: LineRow) -> Form[LineForm]:
    ticked = {"carries_over": "1"} if line.carries_over else {}
    return forms.empty(LineForm, name_en=line.name_en, name_fr=line.name_fr, name_rw=line.name_rw, **ticked)


async def _all(request: Request, actor: Actor, form: Form[NewLine], *, status: int = 200) -> Html:
    lines = await queries.kitchen_lines(actor)
    saved = bool(request.query_params.get("saved"))
    return whole(request, "menu/lines.html", status=status, lines=lines, form=form, saved=saved)


async def _one(request: Request, actor: Actor, line: LineRow, form: Form[LineForm], *, status: int = 200) -> Html:
    cards = [card for card in (await queries.cards(actor)).values() if card.kitchen_line == line.id]
    saved = bool(request.query_params.get("saved"))
    return whole(request, "menu/line.html", status=status, line=line, form=form, cards=cards, saved=saved)
