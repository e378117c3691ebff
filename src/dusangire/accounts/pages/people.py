"""The people of a hospital: who works here, as what, and with which single rights more or less."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries, service
from dusangire.accounts.rules import STAFF, Language, RightVerb, may_give, may_manage
from dusangire.kernel import forms
from dusangire.kernel.access import ROLES, Actor, Can, Role, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, done, go, part, view, whole

_SEE = needs(Can.USERS_MANAGE)
_CHANGE = needs(Can.USERS_MANAGE, fresh=True)
_FIELD_OF = {"people.email_bad": "email", "people.phone_bad": "phone", "people.role_above": "role"}


class Newcomer(Struct, frozen=True):
    """What the page for a new colleague asks."""

    name: Annotated[str, Limits(least=2, most=80)]
    role: Role
    email: Annotated[str, Limits(most=120)] | None = None
    phone: Annotated[str, Limits(most=30)] | None = None
    language: Language = Language.RW


class RoleAsked(Struct, frozen=True):
    role: Role


class EmailAsked(Struct, frozen=True):
    email: Annotated[str, Limits(most=120)]


class RightAsked(Struct, frozen=True):
    """Which right of which post, and what is done to it."""

    membership: UUID
    right: Can
    verb: RightVerb


class People(Controller):
    """Who works in this hospital."""

    path = "/admin/users"

    @get("/", opt=_SEE)
    async def list_all(self, request: Request, actor: Acting) -> Html:
        said = request.query_params.get("q", "")[:80]
        role = next((one for one in Role if one == request.query_params.get("role")), None)
        people = await queries.colleagues(actor, said, role)
        return view(request, "accounts/people.html", people=people, q=said, chosen=role, roles=list(Role))

    @get("/new", opt=_SEE)
    async def ask(self, request: Request, actor: Acting) -> Html:
        return _newcomer(request, actor, forms.empty(Newcomer))

    @post("/new", opt=_CHANGE)
    async def create(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Newcomer)
        if form.value is None:
            return _newcomer(request, actor, form, status=422)
        new = form.value
        try:
            user = await service.create_person(
                actor, name=new.name, email=new.email, phone=new.phone, role=new.role, language=new.language
            )
        except Refusal as refused:
            field = _FIELD_OF.get(refused.key, "email" if new.email else "phone")
            return _newcomer(request, actor, form.refuse(field, refused.key, **refused.facts), status=refused.status)
        return go(request, f"/admin/users/{user}?made=1")

    @get("/{user:uuid}", opt=_SEE)
    async def show(self, request: Request, actor: Acting, user: UUID) -> Html:
        return whole(
            request, "accounts/people_one.html", **await _person(actor, user), made="made" in request.query_params
        )

    @post("/{user:uuid}/invite", opt=_CHANGE)
    async def invite(self, request: Request, actor: Acting, user: UUID) -> Html:
        await service.invite(actor, user)
        return go(request, f"/admin/users/{user}?made=1")

    @post("/{user:uuid}/email", opt=_CHANGE)
    async def give_email(self, request: Request, actor: Acting, user: UUID) -> Html:
        form = await forms.read(request, EmailAsked)
        if form.value is not None:
            try:
                await service.give_email(actor, user, form.value.email)
            except Refusal as refused:
                form = form.refuse("email", refused.key, **refused.facts)
        if form.value is None:
            shown = await _person(actor, user)
            return whole(request, "accounts/people_one.html", status=422, **{**shown, "email_form": form}, made=False)
        return go(request, f"/admin/users/{user}?made=1")

    @post("/{user:uuid}/disable", opt=_CHANGE)
    async def disable(self, request: Request, actor: Acting, user: UUID) -> Html:
        await service.disable(actor, user)
        return await _again(request, actor, user)

    @post("/{user:uuid}/enable", opt=_CHANGE)
    async def enable(self, request: Request, actor: Acting, user: UUID) -> Html:
        await service.enable(actor, user)
        return await _again(request, actor, user)

    @post("/{user:uuid}/roles", opt=_CHANGE)
    async def add_role(self, request: Request, actor: Acting, user: UUID) -> Html:
        form = await forms.read(request, RoleAsked)
        if form.value is None:
            raise Refusal("form.choose_one", status=422)
        await service.add_role(actor, user, form.value.role)
        return await _again(request, actor, user)

    @post("/{user:uuid}/roles/{membership:uuid}/end", opt=_CHANGE)
    async def end_role(self, request: Request, actor: Acting, user: UUID, membership: UUID) -> Html:
        await service.end_role(actor, user, membership)
        return await _again(request, actor, user)

    @post("/{user:uuid}/rights", opt=_CHANGE)
    async def change_right(self, request: Request, actor: Acting, user: UUID) -> Html:
        form = await forms.read(request, RightAsked)
        if form.value is None:
            raise Refusal("form.choose_one", status=422)
        asked = form.value
        await service.change_right(actor, user, asked.membership, asked.right, asked.verb)
        return await _again(request, actor, user)


class Roles(Controller):
    """What each role may do, on one screen."""

    path = "/admin/roles"

    @get("/", opt=_SEE)
    async def matrix(self, request: Request) -> Html:
        return whole(request, "accounts/people_roles.html", roles=ROLES, rights=list(Can))


def _newcomer(request: Request, actor: Actor, form: Form[Newcomer], *, status: int = 200) -> Html:
    return whole(request, "accounts/people_new.html", status=status, form=form, roles=_may_give(actor))


async def _person(actor: Actor, user: UUID) -> dict[str, Any]:
    """Return what the page and the fragment of one person need. Raises NotHere."""
    person = await queries.colleague(actor, user)
    held = {post.role for post in person.posts}
    return {
        "person": person,
        "rights": list(Can),
        "may_change": user != actor.user and may_manage(actor.role, [post.role for post in person.posts]),
        "roles": [role for role in _may_give(actor) if role not in held],
        "staff": STAFF,
        "email_form": forms.empty(EmailAsked),
    }


async def _again(request: Request, actor: Actor, user: UUID) -> Html:
    return done(request, f"/admin/users/{user}", part("accounts/_people_one.html", **await _person(actor, user)))


def _may_give(actor: Actor) -> list[Role]:
    return [role for role in Role if may_give(actor.role, role)]
