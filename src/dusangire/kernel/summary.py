"""What is wrong with a form, above it: each problem is said with the label its field has further down the page.

The summary is drawn before the fields it speaks of, so `ui.problems` leaves a place for each label and `named` fills
them in from the finished page. A page that labels its fields needs nothing else.
"""

import re
from html.parser import HTMLParser

from markupsafe import escape

_PLACE = re.compile(r'<b data-field="([^"]+)">(.*?)</b> ')


def named(page: str) -> str:
    """Return the page with every problem of its summary named; a field without a label is left unnamed."""
    if not _PLACE.search(page):
        return page
    labels = _Labels()
    labels.feed(page)
    return _PLACE.sub(lambda place: _said(place, labels.said.get(place[1])), page)


def _said(place: re.Match[str], label: str | None) -> str:
    return f"<b>{place[2].replace('{label}', escape(label))}</b> " if label else ""


class _Labels(HTMLParser):
    """Read what each field is called: by its label, or by the legend where it is one choice of several."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self._legends: list[str] = []
        self._of: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "fieldset":
            self._legends.append("")
        elif tag in ("label", "legend"):
            self._of, self._words = found.get("for") or "", []
        elif tag in ("input", "select", "textarea"):
            self._field(found)

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        words = " ".join("".join(self._words).split())
        if tag == "legend" and self._legends:
            self._legends[-1] = words
        elif tag == "label" and self._of:
            self.said.setdefault(self._of, words)
        elif tag == "fieldset" and self._legends:
            self._legends.pop()
        if tag in ("label", "legend"):
            self._of = None

    def _field(self, found: dict[str, str | None]) -> None:
        name = found.get("id") or found.get("name") or ""
        is_choice = found.get("type") == "radio" or (found.get("type") == "checkbox" and found.get("value") != "1")
        if is_choice and self._legends:
            self.said.setdefault(found.get("name") or "", self._legends[-1])
        elif self._of == "":
            self._of = name
        elif found.get("aria-label"):
            self.said.setdefault(name, found["aria-label"] or "")
