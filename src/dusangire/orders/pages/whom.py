"""For whom a page is: the patient themselves, or the one a nurse or nutritionist orders for (`?for=`)."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel.access import Actor, Can
from dusangire.kernel.errors import NotHere
from dusangire.kernel.ids import as_uuid
from dusangire.menu.rules import Sitting

# Days outside these cannot be told in every zone, and nobody eats on them.
_FIRST, _LAST = date(2000, 1, 1), date(9999, 12, 1)


class Whom(Struct, frozen=True):
    """The patient a page is about, whether somebody else orders, and the sitting that is open on it."""

    patient: UUID
    is_for_other: bool
    day: date | None = None
    period: str = ""

    def url(self, path: str, **more: Any) -> str:
        """Return the address of a page about the same patient and sitting; None takes an argument out."""
        said: dict[str, Any] = {"for": self.patient if self.is_for_other else None}
        said |= {"day": self.day, "period": self.period or None} | more
        kept = {name: str(value) for name, value in said.items() if value is not None and value != ""}
        return path + ("?" + urlencode(kept) if kept else "")

    @property
    def at(self) -> str:
        """Patient and sitting in one hidden field."""
        return f"{self.day or ''}.{self.period}.{self.patient if self.is_for_other else ''}"

    def open(self, sitting: Sitting | None) -> "Whom":
        """Return the same with this sitting open."""
        day, period = (sitting.day, str(sitting.period)) if sitting else (self.day, self.period)
        return Whom(self.patient, self.is_for_other, day, period)


def whom(actor: Actor, request: Request) -> Whom:
    """Return for whom the address asks. Raises NotHere where the person has no patient and names none."""
    said = request.query_params
    return _whom(actor, said.get("for", ""), said.get("day", ""), said.get("period", ""))


def whom_of(actor: Actor, at: str) -> Whom:
    """Return what the hidden field `at` says. Raises NotHere."""
    day, _, rest = at.partition(".")
    period, _, other = rest.partition(".")
    return _whom(actor, other, day, period)


def _whom(actor: Actor, other: str, day: str, period: str) -> Whom:
    on = _day(day)
    named = as_uuid(other)
    if named is not None and actor.may(Can.ORDER_FOR_PATIENT):
        return Whom(named, True, on, period)
    if actor.patient is None or (named is not None and named != actor.patient):
        raise NotHere
    return Whom(actor.patient, False, on, period)


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if _FIRST <= day <= _LAST else None
