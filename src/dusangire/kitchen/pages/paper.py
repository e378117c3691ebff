"""The tray ticket as a PDF of 100 × 60 mm: black on white, allergies white on black for label printers."""

import logging
from collections.abc import Mapping
from pathlib import Path

import segno
from fpdf import FPDF
from msgspec import Struct

from dusangire.kitchen.rules import Label, LabelPage, pages

_WIDE, _HIGH, _EDGE = 100.0, 60.0, 3.0
_CODE = 22.0
_LINE = 4.7
_STOP = 6.2
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each step of embedding a font

_FONTS = Path(__file__).resolve().parents[1] / "fonts"


def paper(label: Label, words: Mapping[str, str]) -> bytes:
    """Return the PDF; `words` are `born` and `number` in the reader's language."""
    pdf = FPDF(orientation="L", unit="mm", format=(_HIGH, _WIDE))
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.add_font("label", "", _FONTS / "DejaVuSansCondensed.ttf")
    pdf.add_font("label", "B", _FONTS / "DejaVuSansCondensed-Bold.ttf")
    pdf.set_title(label.code)
    for page in pages(label):
        pdf.add_page()
        _head(pdf, label, words)
        below = _stops(pdf, page)
        _body(pdf, page, below)
        _qr(pdf, label.address, below + 1)
        _foot(pdf, label, page)
    return bytes(pdf.output())


class Box(Struct, frozen=True):
    """Where a line is written, in mm, and how large its letters are, in points."""

    x: float
    y: float
    wide: float
    size: float
    high: float = 4
    is_bold: bool = False
    align: str = "L"


def _head(pdf: FPDF, label: Label, words: Mapping[str, str]) -> None:
    said = f"{words['born']} {label.born} · {words['number']} {label.number} · {label.ward}"
    _text(pdf, label.who, Box(_EDGE, 2.5, 64, 14, high=6, is_bold=True))
    _text(pdf, label.bed, Box(66, 2.5, 31, 20, high=7, is_bold=True, align="R"))
    _text(pdf, said, Box(_EDGE, 8.8, 94, 8.5))


def _stops(pdf: FPDF, page: LabelPage) -> float:
    """Draw the black bands and return where they end."""
    top = 13.5
    for stop in page.stops:
        pdf.set_fill_color(0, 0, 0)
        pdf.rect(_EDGE, top, _WIDE - 2 * _EDGE, _STOP - 0.4, style="F")
        pdf.set_text_color(255, 255, 255)
        _text(pdf, stop, Box(_EDGE + 1.5, top, 90, 13, high=_STOP - 0.4, is_bold=True))
        pdf.set_text_color(0, 0, 0)
        top += _STOP
    return top


def _body(pdf: FPDF, page: LabelPage, top: float) -> None:
    for line in page.body:
        _text(pdf, line.text, Box(_EDGE, top, 70, 11.5 if line.is_dish else 8.5, high=_LINE, is_bold=line.is_dish))
        top += _LINE


def _qr(pdf: FPDF, address: str, top: float) -> None:
    matrix = [list(row) for row in segno.make(address, error="m", micro=False).matrix]
    side = _CODE / len(matrix)
    pdf.set_fill_color(0, 0, 0)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                pdf.rect(_WIDE - _EDGE - _CODE + x * side, top + y * side, side, side, style="F")


def _foot(pdf: FPDF, label: Label, page: LabelPage) -> None:
    pdf.line(_EDGE, 54.5, _WIDE - _EDGE, 54.5)
    _text(pdf, label.foot, Box(_EDGE, 55, 52, 7))
    _text(pdf, f"{label.checked} · {page.page}/{page.pages}", Box(56, 55, 41, 7, align="R"))


def _text(pdf: FPDF, text: str, box: Box) -> None:
    """Write one line that never leaves its box: too long a line is set smaller, not cut."""
    style = "B" if box.is_bold else ""
    pdf.set_font("label", style, box.size)
    width = pdf.get_string_width(text)
    if width > box.wide:
        pdf.set_font("label", style, max(5.0, box.size * box.wide / width))
    pdf.set_xy(box.x, box.y)
    pdf.cell(box.wide, box.high, text, align=box.align)
