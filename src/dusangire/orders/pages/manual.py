"""Before a draft of the diet manual is signed: old beside new, what it would do to dishes and trays, the signature."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets import service as diet_service
from dusangire.diets.pages.manual import named
from dusangire.diets.rules.book import changes, problems
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole
from dusangire.menu import queries as menu
from dusangire.orders import service


class Signature(Struct, frozen=True):
    """The draft as it was looked at, and the signer's own password."""

    draft: UUID
    revision: int
    password: Annotated[str, Limits(most=200)]


class ManualSigning(Controller):
    """What a draft would do, and signing it."""

    path = "/manual/draft"

    @get("/preview", opt=needs(Can.MANUAL_EDIT, Can.MANUAL_SIGN))
    async def preview(self, request: Request, actor: Acting) -> Html:
        if await diets.open_draft(actor) is None:
            return go(request, "/manual/versions")
        return await _page(request, actor, forms.empty(Signature))

    @post("/sign", opt=needs(Can.MANUAL_SIGN))
    async def sign(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Signature)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        seen = form.value
        try:
            made = await diet_service.sign_draft(actor, seen.draft, seen.revision, seen.password)
        except Refusal as refused:
            wrong = form.refuse("password", refused.key, **refused.facts)
            return await _page(request, actor, wrong, status=refused.status)
        return go(request, f"/manual/versions/{made}")


async def _page(request: Request, actor: Actor, form: Form[Signature], *, status: int = 200) -> Html:
    draft = await diets.open_draft(actor)
    if draft is None:
        raise NotHere
    now = await diets.book(actor)
    faults = problems(draft.book)
    context: dict[str, Any] = {
        "draft": draft,
        "now": await diets.manual_revision(actor),
        "changes": changes(now, draft.book),
        "faults": faults,
        "trial": None if faults else await service.trial(actor, draft.book),
        "cards": await menu.cards(actor),
        "named": named(request, now, draft.book),
        "form": form,
    }
    return whole(request, "orders/manual_preview.html", status=status, **context)
