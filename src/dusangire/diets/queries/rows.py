"""Rows as the diets package reads them: allergies, diet orders, holds, and the row that guards a patient."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import GROUPS, DietOrderFacts, HoldFacts, Ruling
from dusangire.diets.rules.prescribing import Standing, StoredLimits, StoredRulings, hold_fact

_TEXTURES = {3: "IDDSI3", 4: "IDDSI4", 5: "IDDSI5", 6: "IDDSI6"}


class AllergyRow(Struct, frozen=True):
    """One recorded allergy, with who recorded and ended it."""

    id: UUID
    hospital: int
    patient: UUID
    code: str
    severity: str
    note: str
    recorded_by: UUID
    recorded_by_name: str
    recorded_at: datetime
    ended_at: datetime | None
    end_reason: str | None

    @property
    def is_group(self) -> bool:
        """Whether it is one of the 14 declared groups, which have words of their own."""
        return self.code in GROUPS


class OrderFacts(Struct, frozen=True):
    """One diet order as far as a verdict asks."""

    hospital: int
    admission: UUID
    status: str
    codes: tuple[str, ...]
    food_level: int | None
    drink_level: int | None
    limits: StoredLimits
    prevails: StoredRulings
    start_at: datetime
    end_at: datetime | None
    signed_at: datetime | None

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        return self.prevails.rulings

    def facts(self) -> tuple[DietOrderFacts, ...]:
        """Return one fact per diet code; a texture kept only as a level is a diet too."""
        codes = list(self.codes)
        texture = _TEXTURES.get(self.food_level or 0)
        if texture is not None and not any(code.startswith("IDDSI") for code in codes):
            codes.append(texture)
        return tuple(
            DietOrderFacts(code, self.status, self.signed_at, self.start_at, self.end_at, self.rulings)
            for code in codes
        )

    def covers(self, at: datetime) -> bool:
        """Whether it has begun by then and is not over."""
        return self.start_at <= at and (self.end_at is None or at < self.end_at)


class DietOrderRow(OrderFacts, frozen=True, kw_only=True):
    """One diet order, with who drafted, signed and ended it."""

    id: UUID
    patient: UUID
    reason: str
    revision: int
    replaces: UUID | None
    drafted_by: UUID
    drafted_by_name: str
    drafted_at: datetime
    signed_by: UUID | None
    signed_by_name: str | None
    is_under_protocol: bool
    ended_by_name: str | None
    ended_at: datetime | None

    def standing(self) -> Standing:
        """Return what a new order would stand beside."""
        return Standing(
            self.id,
            self.codes,
            self.start_at,
            self.end_at,
            self.food_level,
            self.drink_level,
            self.is_under_protocol,
            self.limits.own,
            self.rulings,
        )


class HoldTimes(Struct, frozen=True):
    """One time without food or drink as far as a verdict asks."""

    hospital: int
    start_at: datetime
    end_at: datetime | None
    set_at: datetime
    cancelled_at: datetime | None

    def fact(self) -> HoldFacts:
        return hold_fact(self.start_at, self.end_at, self.set_at, self.cancelled_at)


class HoldRow(HoldTimes, frozen=True, kw_only=True):
    """One time without food or drink, with who set and ended it."""

    id: UUID
    patient: UUID
    reason: str
    set_by_name: str
    cancelled_by_name: str | None
    procedure_at: datetime | None = None
    extended_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it is under way or to come."""
        return self.cancelled_at is None and (self.end_at is None or self.end_at > now)

    def has_begun(self, now: datetime) -> bool:
        return self.start_at <= now


class Safety(Struct, frozen=True):
    """The row that guards one patient, with the running stay and the latest weight."""

    hospital: int
    patient: UUID
    safety_rev: int
    constraint_count: int
    allergy_status: str
    allergies_asked_at: datetime | None
    asked_by_name: str | None
    uncoded_text: str | None
    admission: UUID | None
    was_admitted: bool
    weight_kg: Decimal | None
    weighed_at: datetime | None
    height_cm: Decimal | None
    measured_at: datetime | None
    database_now: datetime
