"""What a person sees when something cannot be done: designed pages, and a notice in place for htmx."""

import logging
import traceback
from typing import Any
from urllib.parse import quote

import asyncpg
from litestar import Response
from litestar.connection import Request
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)

from dusangire.kernel import html
from dusangire.kernel.errors import Busy, NoRight, NotHere, OldPage, Refusal, SignInAgain, SignInFirst

log = logging.getLogger("dusangire")

# A refused row of ours (constraint, policy) is a bug in the page; these are the passing ones.
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    ConnectionError,
    TimeoutError,
)


def refused_by_database(error: Exception) -> bool:
    """Whether one of our own triggers refused a write: what the page acted on is no longer so, or was never allowed."""
    return isinstance(error, asyncpg.PostgresError) and str(error.sqlstate).startswith("DUS")


def handlers() -> dict[Any, Any]:
    """Return Litestar's exception handlers: nothing reaches a person as a stack trace or as JSON."""
    return {
        Refusal: _refusal,
        NotHere: lambda request, _: _answer(request, 404, "error.not_found"),
        NotFoundException: lambda request, _: _answer(request, 404, "error.not_found"),
        MethodNotAllowedException: lambda request, _: _answer(request, 405, "error.not_found"),
        ValidationException: lambda request, _: _answer(request, 404, "error.not_found"),
        NoRight: lambda request, _: _answer(request, 403, "error.forbidden"),
        OldPage: lambda request, _: _answer(request, 403, "error.old_page"),
        SignInFirst: _sign_in,
        SignInAgain: _sign_in_again,
        Busy: _busy,
        HTTPException: _http,
        Exception: _broken,
    }


def _refusal(request: Request, refusal: Refusal) -> Response[str]:
    return _answer(request, refusal.status, refusal.key, **refusal.facts)


def _sign_in(request: Request, _: SignInFirst) -> Response[str]:
    to = "/sign-in"
    if request.method == "GET" and not html.is_htmx(request):
        to += "?next=" + quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
    return html.secure(html.go(request, to))


def _sign_in_again(request: Request, _: SignInAgain) -> Response[str]:
    return html.secure(html.go(request, "/sign-in?again=1&next=" + quote(request.headers.get("referer", "/"), safe="")))


def _busy(request: Request, busy: Busy) -> Response[str]:
    answer = _answer(request, 503, "error.busy", value=busy.after_s)
    answer.headers["Retry-After"] = str(busy.after_s)
    return answer


def _http(request: Request, error: HTTPException) -> Response[str]:
    if error.status_code == 413:
        return _answer(request, 413, "error.too_big")
    if error.status_code >= 500:
        return _broken(request, error)
    return _answer(request, error.status_code, "error.bad_request")


def _broken(request: Request, error: Exception) -> Response[str]:
    if refused_by_database(error):
        log.error("%s %s: the database refused: %s", request.method, request.url.path, error)
        return _answer(request, 409, "error.changed")
    if isinstance(error, _PASSING):
        log.warning("database not reachable: %s", type(error).__name__)
        answer = _answer(request, 503, "error.busy", value=2)
        answer.headers["Retry-After"] = "2"
        return answer
    log.error("%s %s\n%s", request.method, request.url.path, "".join(traceback.format_exception(error)))
    return _answer(request, 500, "error.server")


def _answer(request: Request, status: int, key: str, **facts: Any) -> Response[str]:
    """Draw the sentence: into the page's notice for htmx (nothing typed is lost), as a whole page otherwise."""
    if html.is_htmx(request):
        response = Response(
            html.draw(request, "errors/_notice.html", code=status, key=key, facts=facts),
            status_code=status,
            media_type="text/html",
            headers={"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"},
        )
    else:
        response = html.whole(request, "errors/error.html", status=status, code=status, key=key, facts=facts)
    return html.secure(response)
