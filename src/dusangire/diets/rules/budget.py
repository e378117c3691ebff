"""The budget: how much of each limited nutrient is chosen, and how much is left. What the patient's meter shows."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from .facts import Gate, Kind, Reason, TrayLine
from .sums import Check, Sum, judge_sums
from .verdict import Prepared


class Meter(Struct, frozen=True):
    """One nutrient at one scope: `meal` (this meal or snack) or `day`.

    `least` is the largest MIN and `most` the smallest MAX of all orders; `stops_at` the smallest MAX that blocks, None
    where passing `most` only asks. `room_left` is what still fits under `most`, never below zero. `has_gap`: a chosen
    dish does not say how much it holds, so `chosen` is only the known part.
    """

    nutrient: str
    scope: str
    unit: str
    chosen: Decimal
    least: Decimal | None
    most: Decimal | None
    stops_at: Decimal | None
    room_left: Decimal | None
    has_gap: bool
    diets: tuple[str, ...]

    @property
    def is_over(self) -> bool:
        """Whether more is chosen than the orders allow."""
        return self.most is not None and self.chosen > self.most

    @property
    def missing(self) -> Decimal:
        """What is still needed to reach `least`."""
        return max(Decimal(0), (self.least or Decimal(0)) - self.chosen)


def budget(prepared: Prepared, lines: Sequence[TrayLine]) -> list[Meter]:
    """Return a meter per limited nutrient, the meal's before the day's, in the order of the manual."""
    tray = prepared.sums(lines)
    places = dict.fromkeys((_place(item), item.limit.base) for item in prepared.checks)
    ordered = sorted(places, key=lambda place: place[0] == "day")
    return [_meter(prepared, scope, base, tray[base]) for scope, base in ordered]


def unmet(prepared: Prepared) -> list[Reason]:
    """Return the hard MINs of the day that the day's trays do not reach: a task in the evening, never a stop."""
    found = judge_sums(prepared.checks, prepared.sums(()), Gate.MENU)
    return [reason for reason in found if reason.kind is Kind.ADVICE and reason.hard]


def _meter(prepared: Prepared, scope: str, base: str, added: Sum) -> Meter:
    found = [item for item in prepared.checks if (_place(item), item.limit.base) == (scope, base)]
    chosen = max(item.known for item in found) + added.known
    ceilings = [item.limit.ceiling for item in found if item.limit.ceiling is not None]
    most = min(ceilings, default=None)
    return Meter(
        nutrient=base,
        scope=scope,
        unit=found[0].limit.unit,
        chosen=chosen,
        least=max((item.limit.floor for item in found if item.counts_floor and item.limit.floor), default=None),
        most=most,
        stops_at=min((item.limit.ceiling for item in found if item.limit.hard and item.limit.ceiling), default=None),
        room_left=None if most is None else max(Decimal(0), most - chosen),
        has_gap=added.has_gap or any(item.has_gap for item in found),
        diets=tuple(dict.fromkeys(item.limit.diet for item in found)),
    )


def _place(item: Check) -> str:
    return "day" if item.is_day else "meal"
