"""The tray ticket, 100 × 60 mm: what stands on it, and what goes onto a second one rather than being cut off."""

from collections.abc import Sequence
from textwrap import wrap

from msgspec import Struct

_STOP_LETTERS = 34
_FOOD_LETTERS = 31
_BODY_MM = 35.0
_STOP_MM = 6.2
_LINE_MM = 4.7
_STOPS_A_PAGE = 2
_NUMBER_LETTERS = 8


class Label(Struct, frozen=True):
    """Everything a tray ticket says, in the words of one language."""

    code: str
    who: str
    born: str
    number: str
    bed: str
    ward: str
    stops: tuple[str, ...]
    diet: tuple[str, ...]
    items: tuple[str, ...]
    notes: tuple[str, ...]
    foot: str
    checked: str
    address: str


class LabelPage(Struct, frozen=True):
    """One printed ticket: `body` are lines, those that start a dish marked bold; `page` of `pages`."""

    stops: tuple[str, ...]
    body: tuple["Line", ...]
    page: int
    pages: int


class Line(Struct, frozen=True):
    """One printed line."""

    text: str
    is_dish: bool = False


def pages(label: Label) -> list[LabelPage]:
    """Return the tickets to print: every line stands on one of them, every allergy on the first that has room for it.

    A later ticket repeats the first allergies, so that none is ever without a warning.
    """
    bands = _chunks([part for stop in label.stops for part in wrap(stop, _STOP_LETTERS) or [""]], _STOPS_A_PAGE)
    lines = _lines(label)
    bodies: list[tuple[Line, ...]] = []
    while lines or len(bodies) < max(1, len(bands)):
        room = _room(len(_band(bands, len(bodies))))
        bodies.append(tuple(lines[:room]))
        lines = lines[room:]
    return [LabelPage(_band(bands, at), body, at + 1, len(bodies)) for at, body in enumerate(bodies)]


def number_tail(mrn: str) -> str:
    """Return as much of a patient's number as tells two people of one ward apart."""
    return mrn if len(mrn) <= _NUMBER_LETTERS else f"…{mrn[-6:]}"


def _lines(label: Label) -> list[Line]:
    said = [Line(part) for text in label.diet for part in wrap(text, _FOOD_LETTERS + 6)]
    dishes = [part for text in label.items for part in wrap(text, _FOOD_LETTERS, subsequent_indent="   ")]
    said += [Line(part, is_dish=True) for part in dishes]
    return said + [Line(part) for text in label.notes for part in wrap(text, _FOOD_LETTERS + 6)]


def _room(stops: int) -> int:
    return int((_BODY_MM - stops * _STOP_MM) / _LINE_MM)


def _band(bands: Sequence[tuple[str, ...]], at: int) -> tuple[str, ...]:
    if not bands:
        return ()
    return bands[at] if at < len(bands) else bands[0]


def _chunks(items: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(items[at : at + size]) for at in range(0, len(items), size)]
