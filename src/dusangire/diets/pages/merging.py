"""The same person registered twice: found, compared side by side, and made one record."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries as wards

_MANAGE = needs(Can.ADMISSION_MANAGE)


class Same(Struct, frozen=True):
    """The other record of the same person; somebody has compared name, birth date and number."""

    other: UUID
    checked: bool = False


class Merging(Controller):
    """What the nurse does who finds a patient twice."""

    path = "/health-profiles/{patient_id:uuid}/merge"

    @get("/", opt=_MANAGE)
    async def ask(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id, forms.empty(Same))

    @post("/", opt=_MANAGE)
    async def merge(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Same)
        if form.value is None or not form.value.checked:
            asked = form if form.value is None else form.refuse("checked", "merge.compare_first")
            return await _page(request, actor, patient_id, asked, status=422)
        try:
            await service.merge(actor, patient_id, form.value.other)
        except Refusal as refused:
            wrong = form.refuse("other", refused.key, **refused.facts)
            return await _page(request, actor, patient_id, wrong, status=refused.status)
        return go(request, f"/health-profiles/{patient_id}?said=saved")


async def _page(request: Request, actor: Actor, patient: UUID, form: Form[Same], *, status: int = 200) -> Html:
    person = await wards.person(actor, patient)
    typed = str(request.query_params.get("q", ""))[:60].strip()
    found = await wards.find_people(actor, typed or person.family_name, most=10)
    others = [one for one in found if one.id != patient]
    people = [patient, *(one.id for one in others)]
    return whole(
        request,
        "diets/merge.html",
        status=status,
        person=person,
        typed=typed,
        others=others,
        allergies={one: await queries.allergies(actor, one) for one in people},
        form=form,
    )
