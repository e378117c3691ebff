"""The door of every route: who knocks, whether the form is ours, and whether the right is there.

A route without a declaration stops the start: permission is data on the route (`opt=needs(…)`), never code in it.
"""

import hmac
from hashlib import blake2b
from typing import Protocol
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.connection import ASGIConnection, Request
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from dusangire.kernel.access import Actor, Needs
from dusangire.kernel.db import acting_as, counting
from dusangire.kernel.errors import NoRight, OldPage, SignInAgain, SignInFirst
from dusangire.kernel.ids import token
from dusangire.kernel.settings import settings


class FindActor(Protocol):
    async def __call__(self, cookie: str, *, is_active: bool) -> Actor | None: ...


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT = 64 * 1024


class Undeclared(Exception):
    """A route does not say who may use it."""


def check_routes(app: Litestar) -> None:
    """Refuse to start when any route lacks its declaration. Raises Undeclared naming each."""
    missing = [
        f"{route.path} ({handler.handler_name})"
        for route in app.routes
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)])
        if isinstance(handler, BaseRouteHandler) and not isinstance(handler.opt.get("needs"), Needs)
        if not _is_options_only(handler)
    ]
    if missing:
        raise Undeclared("these routes do not declare what they need: " + ", ".join(sorted(missing)))


def _is_options_only(handler: BaseRouteHandler) -> bool:
    return isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}


class Doorkeeper(ASGIMiddleware):
    """Finds the actor behind the session cookie and lets the request act as them."""

    def __init__(self, find_actor: FindActor) -> None:
        self.find_actor = find_actor

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if scope["route_handler"].opt.get("no_session"):
            await next_app(scope, receive, send)
            return
        with counting():
            await self._admit(scope, receive, send, next_app)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        cookie = ASGIConnection(scope).cookies.get(session_cookie())
        is_active = not scope["route_handler"].opt.get("skip_compression")
        actor = await self.find_actor(cookie, is_active=is_active) if cookie else None
        scope["user"] = actor
        with acting_as(actor):
            await next_app(scope, receive, send)


async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Let the request through only as the route declares. Raises SignInFirst, NoRight, SignInAgain, OldPage."""
    asked: Needs = handler.opt["needs"]
    actor: Actor | None = connection.scope.get("user")
    if not asked.is_public:
        if actor is None:
            raise SignInFirst
        if not asked.met_by(actor.rights):
            raise NoRight
        if asked.is_fresh and not actor.is_fresh:
            raise SignInAgain
    if isinstance(connection, Request) and connection.method not in _SAFE and not handler.opt.get("no_form_token"):
        await _check_form(connection)


async def _check_form(request: Request) -> None:
    """Refuse a form that did not come from a page of ours, drawn for this very session."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise OldPage
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise OldPage
    said = request.headers.get("x-form-token")
    if said is None:
        said = str((await request.form()).get("_token", ""))
    if not hmac.compare_digest(said.encode(), form_token(request).encode()):
        raise OldPage


def form_token(request: ASGIConnection) -> str:
    """Return the token that forms of this session carry; before sign-in it is bound to a cookie of its own."""
    actor: Actor | None = request.scope.get("user")
    bound = actor.session if actor is not None else visitor(request).encode()
    return blake2b(bound, key=settings().derive("form token"), digest_size=16).hexdigest()


def visitor(request: ASGIConnection) -> str:
    """Return the random name of a browser that is not signed in; made once per request, kept by a cookie."""
    known = request.cookies.get("visitor") or request.scope["state"].get("visitor")
    if not known:
        known = token()
    request.scope["state"]["visitor"] = known
    return known


def session_cookie() -> str:
    """Return the cookie's name: with the `__Host-` fence wherever TLS is in front of us."""
    return "__Host-sid" if settings().is_behind_tls else "sid"


def keep_session(value: str) -> Cookie:
    """Return the cookie of a new session; it lives as long as the browser does, the table says for how long at most."""
    return Cookie(
        key=session_cookie(), value=value, path="/", httponly=True, secure=settings().is_behind_tls, samesite="lax"
    )


def end_session() -> Cookie:
    return Cookie(
        key=session_cookie(),
        value="",
        path="/",
        max_age=0,
        httponly=True,
        secure=settings().is_behind_tls,
        samesite="lax",
    )
