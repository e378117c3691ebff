"""One's own account: where one is signed in, another role, a new password."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries, service
from dusangire.accounts.pages.sign_in import knock, signed_in_cookies
from dusangire.accounts.rules import HOME
from dusangire.kernel import forms
from dusangire.kernel.access import Actor, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go, whole


class Changed(Struct, frozen=True):
    """What changing one's password asks."""

    old: Annotated[str, Limits(most=200)]
    password: Annotated[str, Limits(most=200)]


class OwnAccount(Controller):
    """The page behind one's own name."""

    path = "/account"

    @get("/", opt=needs())
    async def show(self, request: Request, actor: Acting) -> Html:
        return await _page(request, actor, forms.empty(Changed))

    @post("/password", opt=needs())
    async def change(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Changed)
        if form.value is None:
            return await _page(request, actor, form, status=422)
        try:
            await service.change_password(actor, form.value.old, form.value.password)
        except Refusal as refused:
            field = "old" if refused.key == "account.password_wrong" else "password"
            return await _page(request, actor, form.refuse(field, refused.key, **refused.facts), status=422)
        return go(request, "/account/?saved=1")

    @post("/sessions/end", opt=needs())
    async def end_others(self, request: Request, actor: Acting) -> Html:
        await service.end_other_sessions(actor)
        return go(request, "/account/?saved=1")

    @post("/switch/{membership:uuid}", opt=needs())
    async def switch(self, request: Request, actor: Acting, membership: UUID) -> Html:
        cookie = await service.switch(actor, membership, knock(request))
        chosen = next(m for m in await queries.memberships_everywhere(actor.user) if m.id == membership)
        answer = go(request, HOME[chosen.role])
        for one in signed_in_cookies(request, cookie, actor.user):
            answer.set_cookie(one)
        return answer


async def _page(request: Request, actor: Actor, form: Form[Changed], *, status: int = 200) -> Html:
    return whole(
        request,
        "accounts/own.html",
        status=status,
        form=form,
        sessions=await queries.sessions_of(actor),
        memberships=await queries.memberships_everywhere(actor.user),
        saved=bool(request.query_params.get("saved")),
    )
