"""The tray ticket as a PDF of 100 × 60 mm: black on white, allergies white on black, so that a label printer shows them."""

from collections.abc import Mapping
from pathlib import Path

import segno
from fpdf import FPDF

from dusangire.kitchen.rules import Label, LabelPage, pages

_WIDE, _HIGH, _EDGE = 100.0, 60.0, 3.0
_CODE = 22.0
_LINE = 4.7
_STOP = 6.2
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


def _head(pdf: FPDF, label: Label, words: Mapping[str, str]) -> None:
    _text(pdf, label.who, _EDGE, 2.5, 64, 14, bold=True, high=6)
    _text(pdf, label.bed, 66, 2.5, 31, 20, bold=True, align="R", high=7)
    _text(pdf, f"{words['born']} {label.born} · {words['number']} {label.number} · {label.ward}", _EDGE, 8.8, 94, 8.5)


def _stops(pdf: FPDF, page: LabelPage) -> float:
    """Draw the black bands and return where they end."""
    top = 13.5
    for stop in page.stops:
        pdf.set_fill_color(0, 0, 0)
        pdf.rect(_EDGE, top, _WIDE - 2 * _EDGE, _STOP - 0.4, style="F")
        pdf.set_text_color(255, 255, 255)
        _text(pdf, stop, _EDGE + 1.5, top, 90, 13, bold=True, high=_STOP - 0.4)
        pdf.set_text_color(0, 0, 0)
        top += _STOP
    return top


def _body(pdf: FPDF, page: LabelPage, top: float) -> None:
    for line in page.body:
        _text(pdf, line.text, _EDGE, top, 70, 11.5 if line.is_dish else 8.5, bold=line.is_dish, high=_LINE)
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
    _text(pdf, label.foot, _EDGE, 55, 52, 7)
    _text(pdf, f"{label.checked} · {page.page}/{page.pages}", 56, 55, 41, 7, align="R")


def _text(
    pdf: FPDF, text: str, x: float, y: float, wide: float, size: float, *, bold: bool = False, align: str = "L", high: float = 4
) -> None:
    """Write one line that never leaves its box: too long a line is set smaller, not cut."""
    pdf.set_font("label", "B" if bold else "", size)
    width = pdf.get_string_width(text)
    if width > wide:
        pdf.set_font("label", "B" if bold else "", max(5.0, size * wide / width))
    pdf.set_xy(x, y)
    pdf.cell(wide, high, text, align=align)
