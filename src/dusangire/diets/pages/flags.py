"""Good to know: the flags of one patient that others must see, and the page that sets and ends them."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.rules.flags import Flag, settable
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries as wards


class NewFlag(Struct, frozen=True):
    """What is asked of a flag."""

    flag_kind: Flag
    flag_note: Annotated[str, Limits(most=200)] = ""


class FlagsPage(Controller):
    """Care flags of one patient."""

    path = "/health-profiles/{patient_id:uuid}/flags"

    @get("/", opt=needs(Can.CHART_SEE))
    async def flags(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id, forms.empty(NewFlag))

    @post("/", opt=needs(Can.ALLERGY_RECORD))
    async def set_flag(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, NewFlag)
        if form.value is None:
            return await _page(request, actor, patient_id, form, status=422)
        try:
            await service.set_flag(actor, patient_id, form.value.flag_kind, form.value.flag_note)
        except Refusal as refused:
            wrong = form.refuse("flag_kind", refused.key, **refused.facts)
            return await _page(request, actor, patient_id, wrong, status=refused.status)
        return go(request, f"/health-profiles/{patient_id}?said=saved#good-to-know")

    @post("/{flag_id:uuid}/end", opt=needs(Can.ALLERGY_RECORD))
    async def end_flag(self, request: Request, actor: Acting, patient_id: UUID, flag_id: UUID) -> Html:
        await service.end_flag(actor, patient_id, flag_id)
        return go(request, f"/health-profiles/{patient_id}?said=saved#good-to-know")


async def good_to_know(actor: Actor, patient: UUID, form: Form[NewFlag] | None = None) -> dict[str, Any]:
    """Return what the section "Good to know" is drawn from."""
    known = await queries.care(actor, patient)
    by_signer = actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)
    may = settable(by_signer=by_signer) if actor.may(Can.ALLERGY_RECORD) else ()
    is_set = {row.kind for row in known.open}
    return {
        "care": known,
        "flag": form or forms.empty(NewFlag),
        "may_set": [kind for kind in may if kind not in is_set],
        "may_end": frozenset(may),
    }


async def _page(request: Request, actor: Actor, patient: UUID, form: Form[NewFlag], *, status: int = 200) -> Html:
    person = await wards.person(actor, patient)
    known = await good_to_know(actor, patient, form)
    return whole(request, "diets/flags.html", status=status, person=person, **known)
