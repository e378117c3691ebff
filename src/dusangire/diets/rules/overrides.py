"""Overrides: one dish, at one meal, for one patient, in spite of one rule.

An override only ever turns a BLOCK that its giver saw into an ask. What is not known stays not known.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.phrase import Named

from .facts import Allergy, Bound, Kind, Reason, Severity, TrayLine, Verdict, verdict_of

LASTS = timedelta(hours=2)
ALLERGY = "ALLERGY"
_NO: dict[str, str] = {
    "NPO": "override.no.npo",
    "PATIENT": "override.no.patient",
    "DIET": "override.no.patient",
    "CONTRADICTION": "override.no.contradiction",
    "DISH": "override.no.dish",
}
# The severities that two people together may set aside; any other word is taken for the worst.
_BEARABLE = frozenset({Severity.SEVERE, Severity.MODERATE, Severity.INTOLERANCE})


class State(StrEnum):
    """How an override stands; only COUNTS relieves anything."""

    COUNTS = "counts"
    WAITS = "waits"
    EXPIRED = "expired"
    VOIDED = "voided"
    WITHDRAWN = "withdrawn"


class Override(Struct, frozen=True, kw_only=True):
    """One override as stored. `dish` is a dish's code; `rev_now` the patient's safety revision as read with it.

    `value` is what its giver saw of a limit, `most` the limit itself: it holds up to that value and not beyond.
    """

    id: UUID
    patient: UUID
    day: date
    period: str
    dish: str
    dish_id: UUID
    name_en: str
    name_fr: str
    name_rw: str
    source: str
    rule: str
    subject: str
    scope: str
    bound: str = ""
    value: Decimal | None = None
    most: Decimal | None = None
    unit: str = ""
    reason: str
    given_by: UUID
    given_name: str
    given_at: datetime
    seconded_by: UUID | None = None
    seconded_name: str | None = None
    seconded_at: datetime | None = None
    safety_rev: int
    rev_now: int
    expires_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_name: str | None = None

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def needs_second(self) -> bool:
        """Whether a second person must agree before it counts."""
        return self.source == ALLERGY

    def broken(self) -> Reason:
        """Return the rule it sets aside, as the verdict named it."""
        bound = Bound(self.bound) if self.bound else None
        dish = None if self.value is not None and self.scope != "item" else self.dish
        return Reason(
            Kind.BLOCK, self.source, self.rule, self.subject, self.scope, self.value, self.most, self.unit, bound, dish
        )

    def state(self, now: datetime) -> State:
        """Return how it stands at this moment."""
        if self.withdrawn_at is not None:
            return State.WITHDRAWN
        if self.safety_rev != self.rev_now:
            return State.VOIDED
        if now >= self.expires_at:
            return State.EXPIRED
        return State.COUNTS if not self.needs_second or self._is_seconded else State.WAITS

    @property
    def _is_seconded(self) -> bool:
        return self.seconded_by is not None and self.seconded_by != self.given_by


def expiry(now: datetime, serve_to: datetime) -> datetime:
    """Return until when an override given now counts: two hours, and no longer than the meal is served."""
    return min(now + LASTS, serve_to)


def refusal(reason: Reason, allergies: Iterable[Allergy]) -> str | None:
    """Return why nobody may override this, as a key of the catalogue; None where somebody with the right may."""
    if reason.kind is not Kind.BLOCK:
        return "override.no.unknown"
    if reason.source in _NO:
        return _NO[reason.source]
    if reason.rule == "none":
        return "override.no.npo"
    if reason.scope == "order":
        return "override.no.patient"
    if reason.source == ALLERGY and not _is_bearable(reason.subject, allergies):
        return "override.no.anaphylaxis"
    return None


def relieved(
    verdict: Verdict,
    given: Iterable[Override],
    tray: Sequence[TrayLine],
    allergies: Iterable[Allergy],
    now: datetime,
) -> Verdict:
    """Return the verdict with exactly the overridden blocks as recorded asks; everything else stands.

    `given` are the overrides for this patient, day and period. An override of a limit on a sum is for the dish it
    names and counts only while that dish is on the tray.
    """
    standing = [one for one in given if one.state(now) is State.COUNTS]
    if not standing:
        return verdict
    on_tray, known = {line.dish for line in tray}, tuple(allergies)
    told = [_told(reason, standing, on_tray, known) for reason in verdict.reasons]
    return verdict_of([*told, *verdict.asks, *verdict.advice])


def for_meal(given: Iterable[Override], day: date, period: str) -> tuple[Override, ...]:
    """Return the overrides of one meal."""
    return tuple(one for one in given if (one.day, one.period) == (day, str(period)))


def _told(reason: Reason, standing: Sequence[Override], on_tray: set[str], allergies: tuple[Allergy, ...]) -> Reason:
    if refusal(reason, allergies) is not None:
        return reason
    found = next((one for one in standing if one.dish in on_tray and _covers(one, reason)), None)
    return reason if found is None else msgspec.structs.replace(reason, kind=Kind.ASK, override=found.id)


def _covers(one: Override, reason: Reason) -> bool:
    is_same = reason.key() == [one.source, one.rule, one.subject, one.scope] and (reason.bound or "") == one.bound
    return is_same and reason.dish in (None, one.dish) and _is_within(one, reason)


def _is_within(one: Override, reason: Reason) -> bool:
    if one.value is None or reason.value is None:
        return one.value is None and reason.value is None
    return reason.value >= one.value if reason.bound is Bound.MIN else reason.value <= one.value


def _is_bearable(code: str, allergies: Iterable[Allergy]) -> bool:
    """An allergy whose severity is not on record, or is not one of ours, is held as the worst."""
    found = [one.severity for one in allergies if one.code == code]
    return bool(found) and all(severity in _BEARABLE for severity in found)
