"""Drawings that are kept: a line of the menu for all who see the same, a patient's menu until anything changes.

The menu is advice; nothing kept here is ever asked whether a tray may go. Form tokens are put in when it is sent.
"""

from collections import OrderedDict
from typing import Any

import msgspec
from litestar.connection import Request
from markupsafe import Markup

from dusangire.kernel.guard import form_token
from dusangire.kernel.html import draw
from dusangire.orders.pages.whom import Whom
from dusangire.orders.rules import Offer

_LINES, _PAGES = 6000, 150
_TOKEN = "\x02token\x02"  # noqa: S105  a mark in the drawing, never sent
_PLACE = Markup(f'<input type="hidden" name="_token" value="{_TOKEN}">')  # noqa: S704  a mark of ours

_HERE = Markup("")

_lines: OrderedDict[bytes, Markup] = OrderedDict()
_pages: OrderedDict[bytes, tuple[bytes, dict[str, Markup]]] = OrderedDict()


def line(request: Request, shown: dict[str, Any], offer: Offer, *, early: bool = False, oob: Markup = _HERE) -> Markup:
    """Return one dish of the menu as drawn for this state, language and sitting; the token is still a mark."""
    about: Whom = shown["w"]
    codes = (offer.card.code, offer.swap.code if offer.swap else "")
    levels = [shown["textures"].get(code) for code in codes]
    seen = (shown["speaks"], about.at, shown["nutrient"], early, bool(oob), levels)
    key = msgspec.msgpack.encode((*seen, offer.card, offer.swap, *offer.mark))
    kept = _lines.get(key)
    if kept is None:
        drawn = draw(request, "orders/_dish.html", **shown, offer=offer, early=early, oob=oob, token=_PLACE)
        kept = _lines[key] = Markup(drawn)  # noqa: S704  our own drawing
        while len(_lines) > _LINES:
            _lines.popitem(last=False)
    return kept


def find(key: bytes, stamp: bytes) -> dict[str, Markup] | None:
    """Return what was drawn under this key, if nothing it shows has changed since."""
    kept = _pages.get(key)
    if kept is None or kept[0] != stamp:
        return None
    _pages.move_to_end(key)
    return kept[1]


def keep(key: bytes, stamp: bytes, parts: dict[str, Markup]) -> None:
    _pages[key] = (stamp, parts)
    _pages.move_to_end(key)
    while len(_pages) > _PAGES:
        _pages.popitem(last=False)


def part(request: Request, template: str, shown: dict[str, Any]) -> Markup:
    """Return a fragment drawn with the mark in place of the form token."""
    return Markup(draw(request, template, **shown, token=_PLACE))  # noqa: S704  our own drawing


def sent(request: Request, drawn: Markup) -> Markup:
    """Return the drawing as this session may send it."""
    return Markup(str(drawn).replace(_TOKEN, form_token(request)))  # noqa: S704  our own drawing and a digest
