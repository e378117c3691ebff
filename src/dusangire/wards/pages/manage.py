"""Keeping wards and beds: opened, renamed, closed; beds many at once, and one away."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries, service
from dusangire.wards.rules import Ward, WardKind
from dusangire.wards.service import WardFacts

_MANAGE = needs(Can.BEDS_MANAGE)


class WardForm(Struct, frozen=True):
    """What may be written about a ward."""

    name_en: Annotated[str, Limits(most=60)]
    name_fr: Annotated[str, Limits(most=60)]
    name_rw: Annotated[str, Limits(most=60)]
    kind: WardKind = WardKind.GENERAL
    phone: Annotated[str, Limits(most=20)] = ""
    walk_order: Annotated[int, Limits(least=1, most=999)] = 100
    is_isolation: bool = False
    is_emergency: bool = False


class NewWard(WardForm, frozen=True, kw_only=True):
    """A ward and the letters that will stand on its beds."""

    code: Annotated[str, Limits(most=6)]


class NewBeds(Struct, frozen=True):
    """From which number to which."""

    first: Annotated[int, Limits(least=1, most=999)]
    last: Annotated[int, Limits(least=1, most=999)]
    room: Annotated[str, Limits(most=20)] = ""


class ManageWards(Controller):
    """Wards and beds as the administrator keeps them."""

    path = "/wards/manage"

    @get("/", opt=_MANAGE)
    async def all_wards(self, request: Request, actor: Acting) -> Html:
        return await _list(request, actor, forms.empty(NewWard))

    @post("/", opt=_MANAGE)
    async def add(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, NewWard)
        if form.value is None:
            return await _list(request, actor, form, status=422)
        try:
            await service.add_ward(actor, **{**msgspec.structs.asdict(form.value), "code": form.value.code.upper()})
        except Refusal as refused:
            return await _list(request, actor, form.refuse("code", refused.key, **refused.facts), status=422)
        return go(request, f"/wards/manage/{form.value.code.upper()}")

    @get("/{code:str}", opt=_MANAGE)
    async def show(self, request: Request, actor: Acting, code: str) -> Html:
        ward = await queries.ward_of_code(actor, code)
        return await _page(request, actor, ward, _filled(ward), forms.empty(NewBeds))

    @post("/{code:str}", opt=_MANAGE)
    async def change(self, request: Request, actor: Acting, code: str) -> Html:
        ward = await queries.ward_of_code(actor, code)
        form = await forms.read(request, WardForm)
        if form.value is None:
            return await _page(request, actor, ward, form, forms.empty(NewBeds), status=422)
        await service.change_ward(actor, ward.id, WardFacts(**msgspec.structs.asdict(form.value)))
        return go(request, f"/wards/manage/{code}?saved=1")

    @post("/{code:str}/beds", opt=_MANAGE)
    async def add_beds(self, request: Request, actor: Acting, code: str) -> Html:
        ward = await queries.ward_of_code(actor, code)
        form = await forms.read(request, NewBeds)
        if form.value is not None and form.value.last < form.value.first:
            form = form.refuse("last", "ward.bed_numbers", most=999)
        if form.value is None:
            return await _page(request, actor, ward, _filled(ward), form, status=422)
        said = form.value
        await service.add_beds(actor, ward.id, said.last - said.first + 1, first=said.first, room=said.room)
        return go(request, f"/wards/manage/{code}?saved=1#beds")

    @post("/{code:str}/close", opt=_MANAGE)
    async def close(self, request: Request, actor: Acting, code: str) -> Html:
        await service.close_ward(actor, (await queries.ward_of_code(actor, code)).id)
        return go(request, "/wards/manage")

    @post("/{code:str}/beds/{bed:uuid}/remove", opt=_MANAGE)
    async def remove_bed(self, request: Request, actor: Acting, code: str, bed: UUID) -> Html:
        await service.remove_bed(actor, bed)
        return go(request, f"/wards/manage/{code}?saved=1#beds")


_TEXTS = ("name_en", "name_fr", "name_rw", "kind", "phone", "walk_order")


def _filled(ward: Ward) -> Form[WardForm]:
    """Return the form with what is written about the ward now; flags that are off are not typed at all."""
    texts = {name: str(getattr(ward, name)) for name in _TEXTS}
    flags = {name: "1" for name in ("is_isolation", "is_emergency") if getattr(ward, name)}
    return forms.empty(WardForm, **texts, **flags)


async def _list(request: Request, actor: Actor, form: Form[NewWard], *, status: int = 200) -> Html:
    wards = await queries.wards(actor)
    return whole(request, "wards/manage.html", status=status, wards=wards, form=form, kinds=list(WardKind))


async def _page(
    request: Request, actor: Actor, ward: Ward, form: Form[WardForm], beds_form: Form[NewBeds], *, status: int = 200
) -> Html:
    return whole(
        request,
        "wards/ward.html",
        status=status,
        ward=ward,
        form=form,
        beds_form=beds_form,
        beds=await queries.bedsides(actor, ward.id),
        kinds=list(WardKind),
        saved=bool(request.query_params.get("saved")),
    )
