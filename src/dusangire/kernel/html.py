"""Pages and fragments: one template for both, drawn by `view`, `done`, `go` and `draw`."""

import gzip
import mimetypes
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import Response
from litestar.connection import ASGIConnection, Request
from litestar.datastructures import Cookie
from markupsafe import Markup
from msgspec import Struct

from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor
from dusangire.kernel.db import statements
from dusangire.kernel.guard import form_token, visitor
from dusangire.kernel.settings import ROOT, settings
from dusangire.kernel.summary import named

TEMPLATES, STATIC = ROOT / "templates", ROOT / "static"
Html = Response[str]


class Part(Struct, frozen=True):
    """A fragment to send: its template (`kitchen/_board.html`) and what it needs."""

    template: str
    context: dict[str, Any]


def part(template: str, **context: Any) -> Part:
    return Part(template, context)


def view(request: Request, page: str, *, status: int = 200, **context: Any) -> Html:
    """Draw the page, or only its fragment where htmx asked for a part of a page."""
    if is_part(request):
        folder, _, name = page.rpartition("/")
        content = draw(request, f"{folder}/_{name}", **context)
        return Response(
            content, status_code=status, media_type="text/html", headers={"Vary": "HX-Request-Type, Cookie"}
        )
    return _whole(request, page, status, context)


def whole(request: Request, page: str, *, status: int = 200, **context: Any) -> Html:
    """Draw the whole page, whoever asks: for pages that have no fragment of their own."""
    return _whole(request, page, status, context)


def _whole(request: Request, page: str, status: int, context: dict[str, Any]) -> Html:
    nonce = token_urlsafe(12)
    content = draw(request, page, nonce=nonce, **context)
    return Response(
        content,
        status_code=status,
        media_type="text/html",
        headers={"Vary": "HX-Request-Type, Cookie", "Content-Security-Policy": _policy(nonce)},
        cookies=_cookies(request),
    )


def done(request: Request, to: str, *parts: Part) -> Html:
    """Answer a write that stays on the screen: the parts, the first as target and the rest out of band; else 303."""
    if not is_htmx(request) or not parts:
        return _see_other(to) if not is_htmx(request) else go(request, to)
    first, *rest = parts
    content = draw(request, first.template, **first.context)
    for other in rest:
        content += draw(request, other.template, **{**other.context, "oob": Markup(' hx-swap-oob="true"')})
    return Response(content, status_code=200, media_type="text/html")


def go(request: Request, to: str) -> Html:
    """Answer a write that leads elsewhere."""
    if is_htmx(request):
        return Response("", status_code=200, media_type="text/html", headers={"HX-Redirect": to})
    return _see_other(to)


def _see_other(to: str) -> Html:
    return Response("", status_code=303, media_type="text/html", headers={"Location": to})


def draw(request: ASGIConnection, template: str, **context: Any) -> str:
    """Return the template as text, in the viewer's language, with what every template may use."""
    return named(environment().get_template(template).render({**common(request), **context}))


def common(request: ASGIConnection) -> dict[str, Any]:
    """Return what every template may use: t, lang, actor, token, path, and an empty `oob`."""
    actor: Actor | None = request.scope.get("user")
    lang = language(request)
    return {
        "t": text.speaker(lang),
        "lang": lang,
        "actor": actor,
        "zone": actor.zone if actor else "Africa/Kigali",
        "token": Markup(f'<input type="hidden" name="_token" value="{form_token(request)}">'),  # noqa: S704  a digest
        "token_value": form_token(request),
        "path": request.scope["path"],
        "here": _here(request),
        "oob": Markup(""),
        "nonce": "",
    }


def language(request: ASGIConnection) -> str:
    """Return the language to speak: the one just chosen, this device's, the person's, the browser's, English."""
    chosen = request.query_params.get("lang") or request.cookies.get("lang")
    if chosen in text.LANGUAGES:
        return str(chosen)
    actor: Actor | None = request.scope.get("user")
    if actor is not None:
        return actor.language
    for said in request.headers.get("accept-language", "").split(","):
        if said[:2].lower() in text.LANGUAGES:
            return said[:2].lower()
    return "en"


def is_htmx(request: ASGIConnection) -> bool:
    return request.headers.get("hx-request") == "true"


def is_part(request: ASGIConnection) -> bool:
    """True when htmx 4 asks for a fragment rather than for the page."""
    return is_htmx(request) and request.headers.get("hx-request-type") == "partial"


def _here(request: ASGIConnection) -> str:
    """The page's own address with `lang` left out, ready for another query argument at its end."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return request.scope["path"] + "?" + (urlencode(kept) + "&" if kept else "")


def _cookies(request: Request) -> list[Cookie]:
    made = []
    chosen = request.query_params.get("lang")
    if chosen in text.LANGUAGES:
        made.append(_cookie("lang", str(chosen), 365 * 86400))
    if request.scope.get("user") is None and "visitor" not in request.cookies:
        made.append(_cookie("visitor", visitor(request), 86400))
    return made


def _cookie(key: str, value: str, age_s: int) -> Cookie:
    return Cookie(
        key=key, value=value, path="/", max_age=age_s, httponly=True, samesite="lax", secure=settings().is_behind_tls
    )


def _policy(nonce: str) -> str:
    """What a page may load and do: ours alone, and only scripts and styles this very answer names."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' blob: data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "manifest-src 'self'; worker-src 'self'; media-src 'self' blob:"
    )


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


def secure(response: Response[Any]) -> Response[Any]:
    """Add the headers every answer carries; personal pages are never kept by a cache."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    if not settings().is_production:
        response.headers["Server-Timing"] = f"db;desc={statements()}"
    if settings().is_behind_tls:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


@cache
def environment() -> Environment:
    """Return the one Jinja environment: autoescape on, undefined names are errors."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=not settings().is_production,
        cache_size=-1,
    )
    env.globals.update(
        icon=icon,
        asset=asset,
        css=inline_css,
        has=text.has,
        money=text.money,
        number=text.number,
        qr=qr,
        clock_time=text.clock_time,
        show_day=_show_day,
        show_month=text.month,
        languages=text.LANGUAGES,
        is_demo=not settings().is_production,
    )
    return env


@pass_context
def _show_day(context: Context, when: date, lang: str) -> str:
    """Return the day as people write it; of a moment, the day it is then where the hospital stands."""
    if isinstance(when, datetime):
        when = clock.local_day(when, context.get("zone", "Africa/Kigali"))
    return text.day(when, lang)


def icon(name: str, css_class: str = "") -> Markup:
    """Return an icon of the sprite; the words beside it carry the meaning."""
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        f"icon {css_class}".strip(), asset("icons.svg"), name
    )


def qr(said: str) -> Markup:
    """Return a QR code as a picture in the page, dark on light whatever the scheme of the device."""
    drawn = segno.make(said, error="m", micro=False)
    return Markup(drawn.svg_inline(scale=3, border=2, dark="#000", light="#fff"))  # noqa: S704  drawn by us


class Asset(Struct, frozen=True):
    """A static file as it is sent: whole, and gzipped where that is shorter."""

    content: bytes
    gzipped: bytes | None
    media_type: str
    version: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return every static file by its path below static/, read and compressed once per process."""
    made = {}
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            name = path.relative_to(STATIC).as_posix()
            content = minified(path.read_text()).encode() if path.suffix == ".css" else path.read_bytes()
            zipped = gzip.compress(content, 9, mtime=0) if path.suffix in (".css", ".js", ".svg", ".txt") else None
            made[name] = Asset(
                content,
                zipped if zipped is not None and len(zipped) < len(content) else None,
                _MEDIA.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
                blake2b(content, digest_size=6).hexdigest(),
            )
    return made


_MEDIA = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def asset(name: str) -> str:
    """Return the address of a static file, with its version, so that browsers keep it for a year. Raises KeyError."""
    return f"/static/{name}?v={assets()[name].version}"


@cache
def inline_css(*names: str) -> Markup:
    """Return style sheets for the head of the page: on slow networks an extra request costs two seconds."""
    return Markup("".join(assets()[f"css/{name}.css"].content.decode() for name in names))  # noqa: S704  our own files


def minified(css: str) -> str:
    """Return the style sheet without comments and needless space; space that selectors or calc() need stays."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    return re.sub(r"\s*([{};,])\s*", r"\1", css).replace(";}", "}").strip()


def own_path(said: str | None) -> str | None:
    """Return the address if it is a path on this very site, None for anything that leads elsewhere."""
    if not said or not said.startswith("/") or said.startswith(("//", "/\\")) or "\\" in said or "\n" in said:
        return None
    parts = urlsplit(said)
    return said if not parts.scheme and not parts.netloc else None


def with_query(path: str, **arguments: Any) -> str:
    """Return the address with these query arguments set."""
    parts = urlsplit(path)
    kept = {
        **dict(parse_qsl(parts.query)),
        **{name: str(value) for name, value in arguments.items() if value is not None},
    }
    return parts._replace(query=urlencode(kept)).geturl()


def decimal_attribute(value: Decimal | float | int) -> str:
    """Return a number as SVG attributes want it."""
    return f"{float(value):.1f}".rstrip("0").rstrip(".")
