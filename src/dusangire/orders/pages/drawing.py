"""What the templates of the menu and the tray are given: one reading of the portal, and the answer to a tap."""

from datetime import datetime
from typing import Any

import msgspec
from litestar.connection import Request
from markupsafe import Markup
from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.html import Part, language, part
from dusangire.kernel.phrase import Phrase
from dusangire.menu.rules import Sitting, minutes_left
from dusangire.orders import queries
from dusangire.orders.pages import kept
from dusangire.orders.pages.whom import Whom
from dusangire.orders.queries import Order, Portal
from dusangire.orders.rules import (
    Room,
    Shelf,
    bar,
    changed,
    is_late,
    main_nutrient,
    narrowed,
    nutrient_key,
    ordered_by,
    period_phrase,
    reworded,
    unit_key,
)

_EARLY = 3
_PARTS = ("hello", "strip", "portal", "bar", "shelves")
OOB = Markup(' hx-swap-oob="true"')


class Meal(Struct, frozen=True):
    """One sitting in the row of meals: until when, what is chosen, and whether a tray is ordered already."""

    sitting: Sitting
    name: Phrase
    is_tomorrow: bool
    is_open: bool
    is_late: bool
    chosen: int
    ordered: Order | None


class Fast(Struct, frozen=True):
    """Nothing by mouth, as the patient is told."""

    since: datetime
    until: datetime | None
    reason: str
    by: str
    hours: int


class Search(Struct, frozen=True):
    """What was typed to narrow the menu."""

    text: str = ""
    category: str = ""


async def menu_of(request: Request, actor: Actor, about: Whom, *, dish: str = "") -> dict[str, Any]:
    """Return everything the templates of the menu ask for."""
    shown = await queries.portal(actor, about.patient, about.day, about.period, dish=dish)
    search = _searched(request)
    shelf = narrowed(shown.shelf, search.text, search.category)
    return {
        **_frame(request, actor, about, shown),
        "search": search,
        "shelf": shelf,
        "categories": list(dict.fromkeys(offer.card.category for offer in shown.shelf.all())),
    }


def _frame(request: Request, actor: Actor, about: Whom, shown: Portal) -> dict[str, Any]:
    nutrient = main_nutrient(shown.meters)
    return {
        "p": shown,
        "w": about.open(shown.sitting),
        "meals": _meals(actor, shown),
        "bars": [bar(meter) for meter in shown.meters],
        "room": shown.room if shown.meters else Room(),
        "textures": shown.textures,
        "minutes": minutes_left(shown.sitting, shown.now) if shown.sitting else 0,
        "meal": period_phrase(str(shown.sitting.period)) if shown.sitting else None,
        "nutrient": nutrient,
        "nutrient_name": Phrase(nutrient_key(nutrient)),
        "nutrient_unit": Phrase(unit_key(nutrient.rpartition("_")[2])),
        "speaks": language(request),
        "fast": None,
        "fast_from": None,
    }


async def page_of(request: Request, actor: Actor, about: Whom) -> dict[str, Any]:
    """Return the drawn parts of a patient's menu: hello, strip, portal, bar and shelves.

    Two statements where nothing has changed since this minute began.
    """
    now = clock.now()
    search = _searched(request)
    stamp = await queries.stamp(actor, about.patient, clock.local_day(now, actor.zone))
    key = msgspec.msgpack.encode((
        actor.hospital, str(about.patient), str(actor.user) if about.is_for_other else "", ordered_by(actor),
        language(request), actor.zone, str(about.day), about.period, search.text, search.category,
    ))  # fmt: skip
    mark = f"{stamp}/{now:%H:%M}".encode()
    parts = kept.find(key, mark)
    if parts is None:
        parts = await _drawn(request, actor, about)
        kept.keep(key, mark, parts)
    return {name: kept.sent(request, drawn) for name, drawn in parts.items()}


async def _drawn(request: Request, actor: Actor, about: Whom) -> dict[str, Markup]:
    shown = await _with_fast(actor, await menu_of(request, actor, about))
    shelf: Shelf = shown["shelf"]
    lines = shown | {
        "suits": [kept.line(request, shown, offer, early=n < _EARLY) for n, offer in enumerate(shelf.suits)],
        "off": [kept.line(request, shown, offer) for offer in shelf.off],
    }
    drawn = {name: kept.part(request, f"orders/_{name}.html", lines) for name in _PARTS}
    return drawn | {"bar_oob": kept.part(request, "orders/_bar.html", lines | {"oob": OOB})}


async def _with_fast(actor: Actor, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the same, with the fast the patient is in or will be in, where that is why nothing can be ordered."""
    found: Portal = shown["p"]
    if found.stop is None or not found.stop.is_harm:
        return shown
    rows = await diets.holds(actor, found.person.id)
    held = [row for row in rows if row.is_open(found.now) and row.has_begun(found.now)]
    if not held:
        return shown | {"fast_from": _fast_ahead(found, [row.start_at for row in rows if row.is_open(found.now)])}
    ends = [row.end_at for row in held if row.end_at is not None]
    first = min(held, key=lambda row: row.start_at)
    hours = int((found.now - first.start_at).total_seconds()) // 3600
    until = max(ends) if len(ends) == len(held) else None
    return shown | {"fast": Fast(first.start_at, until, first.reason, first.set_by_name, hours)}


def _fast_ahead(found: Portal, starts: list[datetime]) -> datetime | None:
    """Return when the first fast begins that is planned before this meal ends; None where something else stops it."""
    if found.stop is None or found.stop.what.key != "order.what.npo" or found.sitting is None:
        return None
    return min((start for start in starts if start < found.sitting.serve_to), default=None)


def after_tap(request: Request, shown: dict[str, Any], before: Shelf | None) -> list[Part]:
    """Return the meter, the bar, and each line of the menu that looks different since the tap."""
    found: Portal = shown["p"]
    offers = changed(before, found.shelf) if before is not None else []
    lines = [kept.sent(request, kept.line(request, shown, offer, oob=OOB)) for offer in offers]
    told = reworded(before, found.shelf) if before is not None else []
    lines += [kept.part(request, "orders/_why.html", shown | {"offer": offer, "oob": OOB}) for offer in told]
    return [
        part("orders/_meter.html", **shown),
        part("orders/_bar.html", **shown),
        part("orders/_lines_again.html", lines=lines),
    ]


def _searched(request: Request) -> Search:
    said = request.query_params
    return Search(said.get("q", "").replace("\x00", "").strip()[:60], said.get("category", "")[:30])


def _meals(actor: Actor, shown: Portal) -> list[Meal]:
    today = clock.local_day(shown.now, actor.zone)
    return [
        Meal(
            sitting=one,
            name=period_phrase(str(one.period)),
            is_tomorrow=one.day > today,
            is_open=one == shown.sitting,
            is_late=is_late(one.cutoff_at, shown.now),
            chosen=shown.cart_of(one).count,
            ordered=shown.tray_of(one),
        )
        for one in shown.sittings
    ]
