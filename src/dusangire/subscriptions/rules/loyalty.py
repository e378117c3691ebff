"""Points for paid meals, the bonus meal they buy, and when they expire."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from msgspec import Struct


class LoyaltyRule(Struct, frozen=True):
    """A hospital's rule: francs for a point, points for a bonus meal, its highest price, months until points expire."""

    francs_per_point: int = 100
    bonus_points: int = 500
    bonus_minor: int = 5000
    months: int = 12
    is_on: bool = True

    @property
    def point_minor(self) -> int:
        """What the hospital owes for one point, in francs."""
        return self.bonus_minor // self.bonus_points


def problem(rule: LoyaltyRule) -> tuple[str, str] | None:
    """Return the field that is wrong and the key of why; None for a rule that can be kept."""
    if rule.bonus_minor % rule.bonus_points:
        return "bonus_minor", "plans.loyalty.uneven"
    return None


def points_for(rule: LoyaltyRule, paid_minor: int) -> int:
    """Return the points for what a person paid for a meal; none where the rule is off."""
    return max(0, paid_minor) // rule.francs_per_point if rule.is_on else 0


def expires_on(earned_on: date, months: int) -> date:
    """Return the first day on which the points are gone: the same day so many months later, or its month's last day."""
    month = earned_on.month - 1 + months
    year, month = earned_on.year + month // 12, month % 12 + 1
    return date(year, month, min(earned_on.day, monthrange(year, month)[1]))


class Lot(Struct, frozen=True):
    """Points earned at one time that are still there."""

    id: UUID
    left: int
    point_minor: int
    expires_on: date


class Take(Struct, frozen=True):
    """So many points of one lot, and what the hospital owed for each."""

    lot: UUID
    points: int
    point_minor: int

    @property
    def minor(self) -> int:
        return self.points * self.point_minor


def take(lots: Iterable[Lot], points: int) -> tuple[Take, ...]:
    """Return the points taken, those first that expire first. Raises ValueError where there are not so many."""
    taken = []
    for lot in sorted(lots, key=lambda one: (one.expires_on, one.id)):
        part = min(lot.left, points)
        if part:
            taken.append(Take(lot.id, part, lot.point_minor))
        points -= part
    if points:
        raise ValueError(f"{points} points too few")
    return tuple(taken)
