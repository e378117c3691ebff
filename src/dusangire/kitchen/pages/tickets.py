"""Tray tickets on paper: as a page to print, and as a PDF for the label printer."""

from typing import Any
from uuid import UUID

import segno
from litestar import Controller, Response, get
from litestar.connection import Request
from msgspec import Struct

from dusangire.diets.queries import DietBrief
from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import Html, language, whole
from dusangire.kernel.ids import as_uuid
from dusangire.kernel.settings import settings
from dusangire.kitchen import queries, rules
from dusangire.kitchen.pages.paper import paper
from dusangire.kitchen.rules import Label
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import band, counting, tickets_of


class Code(Struct, frozen=True):
    """A QR code as one SVG path."""

    size: int
    path: str


class Tickets(Controller):
    """One tray's ticket; two where one is not enough."""

    path = "/kitchen/tickets"
    opt = needs(Can.KITCHEN_WORK)

    @get("/{name:str}")
    async def ticket(self, request: Request, actor: Acting, name: str) -> Response[Any]:
        """Serve `<order>` as a page and `<order>.pdf` as a PDF."""
        order_id = as_uuid(name.removesuffix(".pdf"))
        if order_id is None:
            raise NotHere
        label = await _label(actor, order_id, language(request))
        return _pdf(request, label) if name.endswith(".pdf") else _page(request, label, order_id)


def _page(request: Request, label: Label, order_id: UUID) -> Html:
    pages, code = rules.pages(label), _code(label.address)
    return whole(request, "kitchen/ticket.html", label=label, pages=pages, qr=code, order=order_id)


def _pdf(request: Request, label: Label) -> Response[bytes]:
    words = {key: text.say(language(request), f"kitchen.{key}") for key in ("born", "number")}
    headers = {"Content-Disposition": f'inline; filename="tray-{label.code}.pdf"'}
    return Response(paper(label, words), media_type="application/pdf", headers=headers)


async def _label(actor: Actor, order_id: UUID, lang: str) -> Label:
    tray = await orders.ticket(actor, order_id)
    around = await queries.around_of(actor, [tray])
    diet = around.diets.get(tray.patient)
    items = queries.items(tray, around, lang)
    checked = await queries.checked_by(actor, order_id)
    return Label(
        code=tray.label_code,
        who=tray.name,
        born=str(tray.birth_date.year),
        number=rules.number_tail(tray.mrn),
        bed=tray.bed_code or "–",
        ward=tray.ward_name(lang),
        stops=(*_stops(diet, lang), *_overrides(tray, around, lang), *_bands(tray, items, lang)),
        diet=_diet(tray, diet, lang),
        items=tuple(_item(item, lang) for item in items),
        notes=_notes(tray, around, lang),
        foot=_foot(tray, actor.zone, lang),
        checked=_checked(checked, await queries.safety_rev(actor, order_id), lang),
        address=f"{settings().public_url}/tray/{tray.tray_token}",
    )


def _stops(diet: DietBrief | None, lang: str) -> tuple[str, ...]:
    if diet is None or diet.allergy_status == "not_asked" or diet.uncoded_text:
        return (text.say(lang, "kitchen.not_declared"),)
    return tuple(f"{_never(one.code, lang)} · {_severity(one.severity, lang)}" for one in diet.allergies)


def _overrides(tray: Ticket, around: queries.Around, lang: str) -> tuple[str, ...]:
    """Return the band of each override that counts now; the ticket's notes say by whom and why."""
    given = counting(around.special.of(tray.patient), tray, clock.now())
    return tuple(text.shown(band(one), lang) for one in given)


def _bands(tray: Ticket, items: tuple[rules.Item, ...], lang: str) -> tuple[str, ...]:
    """Return what else must not be overlooked: a tray for isolation, and what is made apart from its line."""
    apart = dict.fromkeys(code for item in items for code in item.apart)
    said = [f"{text.say(lang, 'kitchen.apart')} · {_never(code, lang)}" for code in apart]
    return (*([text.say(lang, "kitchen.isolation")] if tray.is_isolation else []), *said)


def _never(code: str, lang: str) -> str:
    key = f"kitchen.no.{code}"
    return text.say(lang, key) if text.has(key) else text.say(lang, "kitchen.no", allergen=code.upper())


def _severity(severity: str, lang: str) -> str:
    key = f"kitchen.severity.{severity}"
    return text.say(lang, key) if text.has(key) else severity.upper()


def _diet(tray: Ticket, diet: DietBrief | None, lang: str) -> tuple[str, ...]:
    said = [text.say(lang, f"kitchen.meal.{tray.period}")]
    for code in rules.diets_to_name(diet.codes) if diet else ():
        key = f"diet.{code}.name"
        said.append(text.say(lang, key) if text.has(key) else code)
    food, drink = (diet.food_level, diet.drink_level) if diet else (None, None)
    return (" · ".join(said), _axis("food", 7 if food is None else food, lang), _axis("drink", drink or 0, lang))


def _axis(axis: str, level: int, lang: str) -> str:
    """Return one axis of the texture: its number, its colour in a word, for printers have none, and its name."""
    facts = {"level": level, "colour": text.say(lang, f"kitchen.colour.{level}")}
    return text.say(lang, f"kitchen.level_{axis}", word=text.say(lang, f"kitchen.{axis}.{level}"), **facts)


def _item(item: rules.Item, lang: str) -> str:
    said = f"{item.quantity} × {item.portion} {item.name}" if item.portion else f"{item.quantity}  {item.name}"
    return f"{said} {text.say(lang, 'kitchen.instead', dish=item.instead)}" if item.instead else said


def _notes(tray: Ticket, around: queries.Around, lang: str) -> tuple[str, ...]:
    given = tickets_of(around.special.of(tray.patient), tray, clock.now())
    said = tuple(text.shown(line, lang) for line in given)
    wish = text.say(lang, "kitchen.request", words=tray.printed_request) if tray.printed_request else ""
    return (*said, wish) if wish else said


def _foot(tray: Ticket, zone: str, lang: str) -> str:
    window = {"from": text.clock_time(tray.serve_from, zone), "to": text.clock_time(tray.serve_to, zone)}
    return f"{tray.label_code} · {tray.day:%d.%m} · {text.say(lang, 'kitchen.serve', **window)}"


def _checked(name: str, rev: int, lang: str) -> str:
    said = [text.say(lang, "kitchen.checked_by", name=name.split()[0])] if name else []
    return " · ".join([*said, text.say(lang, "kitchen.rev", rev=rev)])


def _code(address: str) -> Code:
    matrix = [list(row) for row in segno.make(address, error="m", micro=False).matrix]
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark)
    return Code(len(matrix), path)
