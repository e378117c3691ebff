"""What some words about an allergy mean: suggested from the words, saved with one tap on how bad it is."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.words import Choice, allergy_choices
from dusangire.diets.rules import GROUPS, Severity
from dusangire.diets.rules.naming import Term
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.wards import queries as wards

CODES = needs(Can.ALLERGY_RECORD)


class Meaning(Struct, frozen=True):
    """What the words mean: one of the suggestions, or something else of the list, and how bad it is."""

    words: Annotated[str, Limits(most=500)]
    severity: Severity
    code: Annotated[str, Limits(most=80)] = ""
    other: Annotated[str, Limits(most=80)] = ""


class Nothing(Struct, frozen=True):
    """Which words mean no allergy."""

    words: Annotated[str, Limits(most=500)]


class Said(Struct, frozen=True):
    """Some uncoded words and what they seem to name, the likeliest first."""

    words: str
    likely: tuple[Term, ...]


class Uncoded(Controller):
    """The words of one patient that nobody has coded."""

    path = "/health-profiles/{patient_id:uuid}/uncoded"

    @get("/", opt=CODES)
    async def ask(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        return await _page(request, actor, patient_id, forms.empty(Meaning))

    @post("/", opt=CODES)
    async def code(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Meaning)
        said = form.value
        if said is not None and not (said.other or said.code):
            form, said = form.refuse("other", "form.choose_one"), None
        if said is None:
            return await _page(request, actor, patient_id, form, status=422)
        try:
            await service.code_uncoded(actor, patient_id, said.words, said.other or said.code, said.severity)
        except Refusal as refused:
            return await _page(request, actor, patient_id, form.refuse("other", refused.key), status=refused.status)
        return go(request, f"/health-profiles/{patient_id}?said=saved")

    @post("/none", opt=CODES)
    async def none(self, request: Request, actor: Acting, patient_id: UUID) -> Html:
        form = await forms.read(request, Nothing)
        if form.value is None:
            return await _page(request, actor, patient_id, form, status=422)
        await service.not_an_allergy(actor, patient_id, form.value.words)
        return go(request, f"/health-profiles/{patient_id}?said=saved")


async def _page(
    request: Request, actor: Actor, patient: UUID, form: Form[Meaning] | Form[Nothing], *, status: int = 200
) -> Html:
    person = await wards.person(actor, patient)
    text = (await queries.safety(actor, patient)).uncoded_text or ""
    likely = {one: await queries.named_in(actor, one) for one in text.split("; ") if one}
    said = [Said(one, tuple(term for term in found if term.code)) for one, found in likely.items()]
    choices: list[Choice] = allergy_choices(request, await queries.ingredient_names(actor))
    return whole(
        request, "diets/uncoded.html", status=status, person=person, found=said, form=form, choices=choices,
        severities=list(Severity), groups=GROUPS,
    )  # fmt: skip
