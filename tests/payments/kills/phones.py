"""The patients' telephones: each wants one lunch, and asks with the same key until it hears an answer."""

import asyncio
import random
import re
import time
from hashlib import blake2b
from uuid import UUID, uuid4

import httpx
from msgspec import Struct

from dusangire.kernel.ids import fingerprint
from tests.payments.kills.house import DISH, Crowd, Patient

PATIENCE_S = 120.0
_WAYS = ("mtn", "airtel", "cash", "hospital_account")
_SHARES = (55, 20, 15, 10)
# What the last three digits of a number play at the simulator: most pay, some are slow, some refuse.
_ENDS, _END_SHARES = ("123", "454", "451"), (90, 5, 5)
_CALLED_OFF = 0.15


class Plan(Struct, frozen=True):
    """How a crowd behaves. fresh_keys: a new key for each try; only: one way to pay for all; digit: of all its numbers."""

    window_s: float
    fresh_keys: bool = False
    only: str = ""
    digit: int = 1


class Phone:
    """One patient and what became of their wish. acks: the order named by each answer they heard."""

    def __init__(self, http: httpx.AsyncClient, crowd: Crowd, who: Patient, form_key: bytes, plan: Plan, luck: random.Random) -> None:  # fmt: skip
        self.http, self.crowd, self.who, self.plan, self.luck = http, crowd, who, plan, luck
        self.token = blake2b(fingerprint(who.cookie.partition(".")[2]), key=form_key, digest_size=16).hexdigest()
        self.way = plan.only or luck.choices(_WAYS, _SHARES)[0]
        self.number = f"07{3 if self.way == 'airtel' else 8}{plan.digit}{luck.randrange(1000):03d}{luck.choices(_ENDS, _END_SHARES)[0]}"
        self.starts_s = luck.uniform(0, plan.window_s)
        self.calls_off = not plan.only and self.way == "mtn" and luck.random() < _CALLED_OFF
        self.thinks_twice = not plan.only and self.way == "mtn" and luck.random() < _CALLED_OFF
        self.keys: list[str] = []
        self.acks: list[UUID] = []
        self.tries = 0
        self.refused = ""

    @property
    def order(self) -> UUID | None:
        return self.acks[0] if self.acks else None

    async def live(self) -> None:
        await asyncio.sleep(self.starts_s)
        key, ends = uuid4().hex, time.monotonic() + PATIENCE_S
        while not self.acks and not self.refused and time.monotonic() < ends:
            if self.tries:
                await asyncio.sleep(self.luck.uniform(0.3, 1.2))
                await self._fill_if_empty()
                key = uuid4().hex if self.plan.fresh_keys else key
            await self._try(key)
        if self.order and self.luck.random() < 0.2:
            await self._try(key)  # a second tap after all was well
        if self.order and self.calls_off:
            await asyncio.sleep(self.luck.uniform(0, 6))
            await self._call_off(self.order)

    async def think_twice(self) -> None:
        """Call a tray off that was paid long ago."""
        if self.order and self.thinks_twice:
            await self._call_off(self.order)

    async def _try(self, key: str) -> None:
        self.tries += 1
        self.keys.append(key)
        form = {"key": key, "at": self.crowd.lunch, "pay": self.way, "phone": self.number}
        answer = await self._post("/checkout/", form)
        if answer is None or answer.status_code >= 500:
            return
        found = re.search(r"/orders/([0-9a-f-]{36})", answer.headers.get("location", ""))
        if found:
            self.acks.append(UUID(found.group(1)))
        else:
            self.refused = f"{answer.status_code} {answer.headers.get('location', '')} {_words(answer.text)}"

    async def _fill_if_empty(self) -> None:
        """A phone that heard nothing shows the tray again; who finds it empty chooses again."""
        try:
            page = await self.http.get("/checkout/", params=self.crowd.asked, headers=self._headers)
        except httpx.HTTPError:
            return
        if page.status_code == 303 and "/cart" in page.headers["location"]:
            await self._post("/cart/add", {"at": self.crowd.lunch, "dish": DISH})

    async def _call_off(self, order: UUID) -> None:
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            answer = await self._post(f"/orders/{order}/cancel", {})
            if answer is not None and answer.status_code < 500:
                return
            await asyncio.sleep(self.luck.uniform(0.3, 1.2))

    @property
    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"sid={self.who.cookie}"}

    async def _post(self, path: str, form: dict[str, str]) -> httpx.Response | None:
        try:
            return await self.http.post(path, data={"_token": self.token, **form}, headers=self._headers)
        except httpx.HTTPError:
            return None


def _words(html: str) -> str:
    found = re.search(r"<main.*?</main>", html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group(0) if found else html))[:300]
