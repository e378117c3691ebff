"""What a reader may ask a list for, read from the address of the page; nonsense is as if nothing was asked."""

from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from msgspec import Struct

from dusangire.orders.rules import Status

SHOWS = ("ordered", "called_off", "on_time", "late", "to_come")
WHYS = ("allergy", "npo", "texture", "limit", "unknown")
MISSES = ("wrong_bed", "wrong_tray", "unknown_code", "wrong_answer")


class OrderFilter(Struct, frozen=True):
    """Which trays: of one day, perhaps of one meal and status, or as a figure of the dashboard counts them."""

    day: date
    status: str = ""
    period: str = ""
    show: str = ""
    before: UUID | None = None

    def query(self, **other: object) -> str:
        """Return the address's query with these arguments changed; the place in the list is not kept."""
        return _query({"day": self.day, "status": self.status, "period": self.period, "show": self.show, **other})


class EventFilter(Struct, frozen=True):
    """Which stopped attempts."""

    day: date
    why: str = ""
    before: int | None = None

    def query(self, **other: object) -> str:
        return _query({"kind": "order:blocked", "day": self.day, "why": self.why, **other})


class AuditFilter(Struct, frozen=True):
    """Which entries: by whom, about which patient or thing, of which kind, from one day to another."""

    since: date
    until: date
    person: str = ""
    patient: str = ""
    about: str = ""
    kind: str = ""
    before: int | None = None

    def query(self, **other: object) -> str:
        kept = {"since": self.since, "until": self.until, "person": self.person, "patient": self.patient}
        return _query({**kept, "about": self.about, "kind": self.kind, **other})


def order_filter(said: Mapping[str, str], today: date) -> OrderFilter:
    return OrderFilter(
        day_of(said.get("day"), today),
        _one_of(said.get("status"), tuple(Status)),
        _word(said.get("period")),
        _one_of(said.get("show"), SHOWS),
        _uuid(said.get("before")),
    )


def event_filter(said: Mapping[str, str], today: date) -> EventFilter:
    return EventFilter(day_of(said.get("day"), today), _one_of(said.get("why"), WHYS), _whole(said.get("before")))


def audit_filter(said: Mapping[str, str], today: date) -> AuditFilter:
    """Return what the auditor asks for; without days, the last 30."""
    until = day_of(said.get("until") or said.get("day"), today)
    since = day_of(said.get("since") or said.get("day"), until - timedelta(days=29))
    return AuditFilter(
        min(since, until),
        until,
        (said.get("person") or "").strip()[:80],
        (said.get("patient") or "").strip()[:80],
        _word(said.get("about"), 120),
        _word(said.get("kind")),
        _whole(said.get("before")),
    )


def day_of(said: str | None, otherwise: date) -> date:
    """Return the day of an address, or the other one."""
    try:
        day = date.fromisoformat(said or "")
    except ValueError:
        return otherwise
    return day if 2000 <= day.year <= 2200 else otherwise


def _query(values: Mapping[str, object]) -> str:
    return urlencode({name: str(value) for name, value in values.items() if value not in ("", None)})


def _one_of(said: str | None, allowed: tuple[str, ...]) -> str:
    return said if said in allowed else ""


def _word(said: str | None, most: int = 40) -> str:
    """Return a word of our own spelling, '' for anything that cannot be one."""
    text = (said or "").strip()
    return text if len(text) <= most and all(c.isalnum() or c in "_:-." for c in text) else ""


def _uuid(said: str | None) -> UUID | None:
    try:
        return UUID(said or "")
    except ValueError:
        return None


def _whole(said: str | None) -> int | None:
    return int(said) if said and said.isascii() and said.isdigit() and len(said) <= 18 else None
