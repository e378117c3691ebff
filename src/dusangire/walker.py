"""A person without a browser: opens pages over HTTP, finds forms by the words on their buttons, and presses them.

What it can do, a phone without JavaScript can do; the demo lunch and the flow tests use it.
"""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


class Button:
    """One way to send a form: its words as a screen reader says them, and what it adds."""

    def __init__(self, name: str, value: str, label: str, action: str) -> None:
        self.name, self.value, self.label, self.action = name, value, label, action


class PageForm:
    """One form of a page with what it holds before anybody types."""

    def __init__(self, action: str, method: str, encoding: str) -> None:
        self.action, self.method, self.encoding = action, method, encoding
        self.fields: dict[str, list[str]] = {}
        self.buttons: list[Button] = []

    def button(self, label: str) -> Button | None:
        """Return the button whose words begin with the label."""
        return next((one for one in self.buttons if one.label.startswith(label)), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.by_id: dict[str, PageForm] = {}
        self.links: list[tuple[str, str]] = []
        self._open: PageForm | None = None
        self._button: tuple[PageForm | str, dict[str, str]] | None = None
        self._late: list[tuple[str, Button]] = []
        self._select: tuple[PageForm, str] | None = None
        self._area: tuple[PageForm, str] | None = None
        self._link: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = PageForm(said.get("action", ""), said.get("method", "get"), said.get("enctype", ""))
            self.forms.append(self._open)
            self.by_id[said.get("id", "")] = self._open
        elif tag == "button" and "disabled" not in said:
            self._button, self._words = (self._open or said.get("form", ""), said), []
        elif tag == "a":
            self._link, self._words = said.get("href"), []
        elif self._open is not None:
            self._field(tag, said)

    def _field(self, tag: str, said: dict[str, str]) -> None:
        assert self._open is not None  # noqa: S101  only called inside a form
        name = said.get("name", "")
        if tag == "input" and name:
            kind = said.get("type", "text")
            if kind in ("radio", "checkbox") and "checked" not in said:
                return
            if kind not in ("submit", "file", "image"):
                self._open.fields.setdefault(name, []).append(
                    said.get("value", "on" if kind in ("radio", "checkbox") else "")
                )
        elif tag == "select" and name:
            self._select = (self._open, name)
        elif tag == "option" and self._select is not None:
            form, chosen = self._select
            if "selected" in said or chosen not in form.fields:
                form.fields[chosen] = [said.get("value", "")]
        elif tag == "textarea" and name:
            self._area, self._words = (self._open, name), []

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "button" and self._button is not None:
            self._end_button()
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._area is not None:
            form, name = self._area
            form.fields[name] = ["".join(self._words)]
            self._area = None
        elif tag == "a" and self._link is not None:
            self.links.append((" ".join("".join(self._words).split()), self._link))
            self._link = None

    def _end_button(self) -> None:
        assert self._button is not None  # noqa: S101  the caller looked
        where, said = self._button
        label = said.get("aria-label") or " ".join("".join(self._words).split())
        button = Button(said.get("name", ""), said.get("value", ""), label, said.get("formaction", ""))
        self._button = None
        if said.get("type") == "button":
            return
        form = said.get("form")
        if form:
            self._late.append((form, button))
        elif isinstance(where, PageForm):
            where.buttons.append(button)

    def close(self) -> None:
        super().close()
        for form, button in self._late:
            if form in self.by_id:
                self.by_id[form].buttons.append(button)


class Walker:
    """One person's way through the program."""

    def __init__(self, address: str, **client: Any) -> None:
        self.http = httpx.AsyncClient(base_url=address, follow_redirects=True, timeout=30, **client)
        self.status, self.text, self.url = 0, "", ""
        self.pressed = ""
        self._page = _Reader()

    async def open(self, path: str) -> "Walker":
        return self._seen(await self.http.get(path))

    async def press(self, label: str, *, within: str = "", **typed: str) -> "Walker":
        """Press the first button whose words begin with the label, in a form whose action holds `within`.

        Raises LookupError when the page has no such button.
        """
        form, button = self.find(label, within=within)
        fields = {name: list(values) for name, values in form.fields.items()}
        if button.name:
            fields[button.name] = [button.value]
        fields |= {name: [value] for name, value in typed.items()}
        action = urljoin(self.url, button.action or form.action)
        self.pressed = action
        if form.method.lower() == "get":
            return self._seen(await self.http.get(action, params={k: v[-1] for k, v in fields.items() if v}))
        if "multipart" in form.encoding:
            parts = [(name, (None, value)) for name, values in fields.items() for value in values]
            return self._seen(await self.http.post(action, files=parts))
        return self._seen(await self.http.post(action, data=fields))

    def find(self, label: str, *, within: str = "") -> tuple[PageForm, Button]:
        for form in self._page.forms:
            button = form.button(label)
            if button is not None and within in (button.action or form.action):
                return form, button
        raise LookupError(f"{self.url} has no button {label!r}" + (f" in a form to {within!r}" if within else ""))

    def forms(self) -> list[PageForm]:
        return self._page.forms

    def buttons(self, label: str) -> list[str]:
        """Return the words of every button that begins with the label."""
        return [one.label for form in self._page.forms for one in form.buttons if one.label.startswith(label)]

    def has(self, label: str) -> bool:
        return bool(self.buttons(label))

    def links(self, part: str) -> list[str]:
        """Return the addresses that hold the part, each once, in order."""
        return list(dict.fromkeys(href for _, href in self._page.links if part in href))

    async def sign_in(self, who: str, password: str) -> "Walker":
        await self.open("/sign-in?lang=en")
        return await self.press("Sign in", who=who, secret=password)

    async def close(self) -> None:
        await self.http.aclose()

    def _seen(self, answer: httpx.Response) -> "Walker":
        self.status, self.text, self.url = answer.status_code, answer.text, str(answer.url)
        self._page = _Reader()
        self._page.feed(answer.text)
        self._page.close()
        return self
