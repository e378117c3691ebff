"""Builders: what a test needs to exist, in one call each. `Browser` is a person with a cookie."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar

from dusangire.accounts import queries as account_queries
from dusangire.accounts import service as accounts
from dusangire.accounts.queries import Membership
from dusangire.accounts.service import Knock
from dusangire.accounts.tables import AppUser, Hospital
from dusangire.diets import service as diets
from dusangire.kernel.access import ROLES, Actor, Role, system
from dusangire.kernel.db import acting_as, transaction
from dusangire.kernel.ids import fingerprint, short_code, uuid7
from dusangire.kernel.settings import settings
from dusangire.menu import service as menu
from dusangire.orders import service as orders
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards

PASSWORD = "healing-through-nutrition"
_numbers = count(1)


class Make:
    """One hospital and the means to fill it. Every method acts as the program itself in that hospital."""

    def __init__(self, app: Litestar, actor: Actor) -> None:
        self.app, self.actor = app, actor
        self.has_menu = False
        self._beds: list[UUID] = []
        self._other: Make | None = None

    @classmethod
    @asynccontextmanager
    async def hospital(cls, app: Litestar) -> AsyncIterator["Make"]:
        made = await cls._new(app)
        with acting_as(made.actor):
            yield made

    @classmethod
    async def _new(cls, app: Litestar) -> "Make":
        with acting_as(None):
            row = await Hospital.insert(Hospital(code="T" + short_code(10), name="Ibitaro bya Test")).returning(
                Hospital.id
            )
        return cls(app, system(row[0]["id"]))

    async def other(self) -> "Make":
        """A second hospital, made once per test."""
        if self._other is None:
            self._other = await Make._new(self.app)
        return self._other

    async def user(self, name: str, role: Role, *, email: str | None = None, password: str | None = None) -> Actor:
        """Somebody with a role; with a password where the test types it."""
        user = uuid7()
        hashed = await accounts.hash_secret(password or PASSWORD)
        with acting_as(self.actor):
            async with transaction():
                address = email or f"{name.split()[0].lower()}.{user.hex[-8:]}@test.example"
                await AppUser.insert(AppUser(id=user, name=name, email=address, password_hash=hashed, language="en"))
                await accounts.add_membership(self.actor, user, role)
        return Actor(user, self.actor.hospital, role, ROLES[role], name=name, language="en", zone=self.actor.zone)

    async def menu(self) -> None:
        """The 68 dishes, the diet manual and the meal periods."""
        if not self.has_menu:
            with acting_as(self.actor):
                await menu.load_starter(self.actor)
                await diets.load_starter(self.actor)
                await orders.load_starter(self.actor)
            self.has_menu = True

    async def ward(self, code: str = "A", beds: int = 20, **facts: Any) -> UUID:
        """A ward with beds A-001…; the beds are used by `patient` in turn."""
        with acting_as(self.actor):
            ward = await wards.add_ward(
                self.actor,
                code=code,
                name_en=f"Ward {code}",
                name_fr=f"Service {code}",
                name_rw=f"Serivisi {code}",
                **facts,
            )
            self._beds += await wards.add_beds(self.actor, ward, beds)
        return ward

    async def patient(self, given: str = "Aline", family: str = "Uwase", *, weight_kg: str | None = None) -> Actor:
        """A patient admitted to the next free bed, as the actor they are when signed in."""
        if not self._beds:
            await self.ward()
        with acting_as(self.actor):
            patient = await wards.register(
                self.actor,
                mrn=f"K-{next(_numbers):05d}",
                given_name=given,
                family_name=family,
                birth_date=date(1988, 4, 12),
                sex="female",
                phone=None,
                language="en",
            )
            await wards.admit(self.actor, patient, self._beds.pop(0))
            person = await ward_queries.person(self.actor, patient)
            if weight_kg:
                nurse = await self.user("Weigher", Role.NURSE)
                await wards.measure(nurse, patient, "weight_kg", Decimal(weight_kg))
        return Actor(
            user=person.app_user,
            hospital=self.actor.hospital,
            role=Role.PATIENT,
            rights=ROLES[Role.PATIENT],
            name=person.name,
            language="en",
            zone=self.actor.zone,
            patient=patient,
        )

    async def caregiver(self, patient: Actor, name: str = "Claudine Mutesi") -> Actor:
        """Somebody who orders for the patient."""
        user = uuid7()
        with acting_as(self.actor):
            async with transaction():
                await AppUser.insert(AppUser(id=user, name=name, language="en"))
                await accounts.add_membership(self.actor, user, Role.CAREGIVER, patient=patient.patient)
        return Actor(
            user,
            self.actor.hospital,
            Role.CAREGIVER,
            ROLES[Role.CAREGIVER],
            name=name,
            language="en",
            zone=self.actor.zone,
            patient=patient.patient,
        )


class Browser:
    """A person's browser: keeps cookies, adds the form token, and finds things in HTML by id and label."""

    def __init__(self, app: Litestar, actor: Actor | None, *, address: str = "127.0.0.1") -> None:
        self.actor = actor
        transport = httpx.ASGITransport(app, client=(address, 40000), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://localhost:8000")
        self._token: str | None = None

    async def get(self, path: str, *, htmx: bool = False, **kwargs: Any) -> httpx.Response:
        await self._sign_in()
        return await self.http.get(path, headers=_htmx(htmx), **kwargs)

    async def post(
        self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = False, token: bool = True, **kwargs: Any
    ) -> httpx.Response:
        """Send a form as a page of ours would, and again where the server is too busy and says when to come back."""
        await self._sign_in()
        body = {**({"_token": self._token or await self._visitor_token()} if token else {}), **(data or {})}
        for _ in range(20):
            answer = await self.http.post(path, data=body, headers=_htmx(htmx), **kwargs)
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                break
            await asyncio.sleep(0.1)
        return answer

    async def close(self) -> None:
        await self.http.aclose()

    async def _sign_in(self) -> None:
        if self.actor is None or self._token is not None:
            return
        with acting_as(None):
            membership = await self._membership()
            cookie = await accounts.open_session(self.actor.user, membership, Knock("127.0.0.1", ""))
        self.http.cookies.set("sid", cookie)
        hashed = fingerprint(cookie.partition(".")[2])
        self._token = blake2b(hashed, key=settings().derive("form token"), digest_size=16).hexdigest()

    async def _membership(self) -> Membership:
        assert self.actor is not None
        found = await account_queries.memberships_everywhere(self.actor.user)
        return next(m for m in found if m.hospital == self.actor.hospital and m.role == self.actor.role)

    async def _visitor_token(self) -> str:
        page = await self.http.get("/sign-in")
        match = re.search(r'name="_token" value="([0-9a-f]+)"', page.text)
        assert match, page.text[:300]
        return match.group(1)


def _htmx(wanted: bool) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Request-Type": "partial"} if wanted else {}


def element(html: str, id_: str) -> str:
    """Return the HTML of the element with this id; '' when there is none. Good enough for well-nested fragments."""
    start = re.search(rf'<([a-z0-9]+)[^>]*\bid="{re.escape(id_)}"', html)
    if start is None:
        return ""
    tag, depth = start.group(1), 0
    for match in re.finditer(rf"<(/?){tag}\b", html[start.start() :]):
        depth += -1 if match.group(1) else 1
        if depth == 0:
            return html[start.start() : start.start() + match.end()]
    return html[start.start() :]
