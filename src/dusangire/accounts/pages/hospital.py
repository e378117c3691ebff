"""The hospital's own page: its name, its phone, and how long a tray may stand before it is too old."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries, service
from dusangire.accounts.service import HospitalFacts
from dusangire.kernel import forms
from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole


class HospitalForm(Struct, frozen=True):
    """What may be said of a hospital."""

    name: Annotated[str, Limits(2, 80)]
    tray_minutes: Annotated[int, Limits(10, 240)]
    phone: Annotated[str, Limits(most=20)] = ""


class HospitalPages(Controller):
    """What the program knows of the hospital itself."""

    path = "/admin/hospital"

    @get("/", opt=needs(Can.USERS_MANAGE))
    async def show(self, request: Request, actor: Acting) -> Html:
        found = await queries.hospital_facts(actor)
        filled = forms.empty(HospitalForm, name=found.name, phone=found.phone, tray_minutes=str(found.tray_minutes))
        return _page(request, filled)

    @post("/", opt=needs(Can.USERS_MANAGE, fresh=True))
    async def change(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, HospitalForm)
        if form.value is None:
            return _page(request, form, status=422)
        said = form.value
        await service.change_hospital(actor, HospitalFacts(said.name, said.phone, said.tray_minutes))
        return go(request, "/admin/hospital/?saved=1")


def _page(request: Request, form: Form[HospitalForm], *, status: int = 200) -> Html:
    saved = bool(request.query_params.get("saved"))
    return whole(request, "accounts/hospital.html", status=status, form=form, saved=saved)
