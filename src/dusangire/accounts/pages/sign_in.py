"""Signing in with e-mail or phone, forgotten passwords, signing out, and the way to each role's first page."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.datastructures import Cookie
from msgspec import Struct

from dusangire.accounts import service
from dusangire.accounts.rules import HOME
from dusangire.accounts.service import Knock, SignedIn
from dusangire.kernel import forms
from dusangire.kernel.access import PUBLIC, Actor, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Limits
from dusangire.kernel.guard import end_session, keep_session
from dusangire.kernel.html import Html, go, own_path, whole
from dusangire.kernel.settings import settings


class Credentials(Struct, frozen=True):
    """What the sign-in page asks."""

    who: Annotated[str, Limits(most=120)]
    secret: Annotated[str, Limits(most=200)]
    next: str = ""


class Forgotten(Struct, frozen=True):
    who: Annotated[str, Limits(most=120)]


class NewPassword(Struct, frozen=True):
    password: Annotated[str, Limits(most=200)]
    repeated: Annotated[str, Limits(most=200)]


class SignIn(Controller):
    """Everything in front of the door."""

    @get("/", opt=needs(PUBLIC))
    async def start(self, request: Request) -> Html:
        """Lead everybody to their own first page."""
        actor: Actor | None = request.user
        return go(request, HOME[actor.role] if actor else "/sign-in")

    @get("/sign-in", opt=needs(PUBLIC))
    async def ask(self, request: Request) -> Html:
        form = forms.empty(Credentials, next=own_path(request.query_params.get("next")) or "")
        return whole(request, "accounts/sign_in.html", form=form, refused=None)

    @post("/sign-in", opt=needs(PUBLIC))
    async def sign_in(self, request: Request) -> Html:
        form = await forms.read(request, Credentials)
        if form.value is None:
            return whole(request, "accounts/sign_in.html", status=422, form=form, refused=None)
        try:
            signed = await service.sign_in(form.value.who, form.value.secret, knock(request))
        except Refusal as refused:
            return whole(request, "accounts/sign_in.html", status=refused.status, form=form, refused=refused)
        return _welcome(request, signed, own_path(form.value.next))

    @post("/sign-out", opt=needs())
    async def sign_out(self, request: Request, actor: Acting) -> Html:
        await service.sign_out(actor)
        answer = go(request, "/sign-in")
        answer.set_cookie(end_session())
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
        return answer

    @get("/forgot", opt=needs(PUBLIC))
    async def forgot(self, request: Request) -> Html:
        return whole(request, "accounts/forgot.html", form=forms.empty(Forgotten), is_sent=False)

    @post("/forgot", opt=needs(PUBLIC))
    async def send_reset(self, request: Request) -> Html:
        form = await forms.read(request, Forgotten)
        if form.value is None:
            return whole(request, "accounts/forgot.html", status=422, form=form, is_sent=False)
        await service.forget_password(form.value.who)
        return whole(request, "accounts/forgot.html", form=form, is_sent=True)

    @get("/reset/{secret:str}", opt=needs(PUBLIC))
    async def ask_new(self, request: Request, secret: str) -> Html:
        return whole(request, "accounts/reset.html", form=forms.empty(NewPassword), secret=secret)

    @post("/reset/{secret:str}", opt=needs(PUBLIC))
    async def set_new(self, request: Request, secret: str) -> Html:
        form = await forms.read(request, NewPassword)
        if form.value is not None and form.value.password != form.value.repeated:
            form = form.refuse("repeated", "account.password_differs")
        if form.value is None:
            return whole(request, "accounts/reset.html", status=422, form=form, secret=secret)
        try:
            await service.reset_password(secret, form.value.password)
        except Refusal as refused:
            form = form.refuse("password", refused.key)
            return whole(request, "accounts/reset.html", status=422, form=form, secret=secret)
        return go(request, "/sign-in?reset=1")


def knock(request: Request) -> Knock:
    """Return from where the request comes."""
    address = request.client.host if request.client else ""
    return Knock(address, request.cookies.get("device", ""), request.headers.get("user-agent", ""))


def signed_in_cookies(request: Request, cookie: str, user: UUID) -> list[Cookie]:
    """Return the cookies of a new session and of the device that has now proved itself."""
    device = service.device_cookie(request.cookies.get("device", ""), user)
    return [
        keep_session(cookie),
        Cookie(
            key="device", value=device, path="/", max_age=180 * 86400, httponly=True, samesite="lax",
            secure=settings().is_behind_tls,
        ),
    ]  # fmt: skip


def _welcome(request: Request, signed: SignedIn, wanted: str | None) -> Html:
    answer = go(request, wanted or HOME[signed.membership.role])
    for cookie in signed_in_cookies(request, signed.cookie, signed.user):
        answer.set_cookie(cookie)
    return answer
