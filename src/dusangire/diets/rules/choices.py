"""Choices: what a patient may still put on a tray, judged for a whole menu at once."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from dusangire.menu.rules import DishFacts

from .facts import Gate, Kind, Meal, TrayLine, Verdict, verdict_of
from .limits import FEEDS
from .sums import PORTIONS, Check, Sum, judge_sum
from .verdict import Prepared

_STOPS = frozenset({Kind.BLOCK, Kind.UNKNOWN})
_PERIODS: Mapping[Meal, str] = {Meal.BREAKFAST: "B", Meal.LUNCH: "L", Meal.DINNER: "D", Meal.SNACK: "S"}
_ONE = Decimal(1)
_HALF = Decimal("0.5")
_NOTHING = Decimal(0)


class DishVerdict(Struct, frozen=True):
    """One dish added to the tray as it is: the verdict on a whole portion, and the portions that would pass."""

    verdict: Verdict
    portions: tuple[Decimal, ...]


class AlternativeDish(Struct, frozen=True):
    """What could be had instead of a dish: the nearest one that passes, and whether half of the dish itself would."""

    swap: str | None
    half_passes: bool


class Addition(Struct, frozen=True):
    """A dish that still fits on the tray, and in which portions."""

    dish: str
    portions: tuple[Decimal, ...]


class _Slack(Struct, frozen=True, gc=False):
    """What one limit leaves for another dish: at most `room`, and for the day's advice at least `need`."""

    check: Check
    base: str
    chosen: Decimal
    has_gap: bool
    room: Decimal | None
    need: Decimal | None


def menu(prepared: Prepared, dishes: Mapping[str, DishFacts], lines: Sequence[TrayLine]) -> dict[str, DishVerdict]:
    """Return the verdict on each dish as added to the tray's lines, by dish code, as the menu shows it.

    The lines count in the sums; what is wrong with one of them by itself is not held against the other dishes.
    """
    tray = prepared.sums(lines)
    if FEEDS in tray:
        tray[FEEDS] = Sum(_ONE)
    slack = _slack(prepared, tray)
    is_stopped = any(reason.kind in _STOPS for reason in prepared.about_patient)
    return {code: _choice(prepared, dish, slack, is_stopped=is_stopped) for code, dish in dishes.items()}


def alternative(
    prepared: Prepared, dish_code: str, lines: Sequence[TrayLine], gate: Gate = Gate.CART
) -> AlternativeDish | None:
    """Return what could replace a dish on the tray: the same category first, then the nearest in energy.

    `lines` may hold the dish already; it is taken off first. None when neither a swap nor half of it passes.
    """
    wanted = prepared.dishes[dish_code]
    rest = tuple(line for line in lines if line.dish != dish_code)
    others = [dish for dish in prepared.dishes.values() if dish.code != dish_code and _is_served(prepared, dish)]
    others.sort(key=lambda dish: (dish.category != wanted.category, _distance(dish, wanted), dish.code))
    swap = next((dish.code for dish in others if _passes(prepared, rest, TrayLine(dish.code), gate)), None)
    half_passes = _passes(prepared, rest, TrayLine(dish_code, _HALF), gate)
    return AlternativeDish(swap, half_passes) if swap is not None or half_passes else None


def can_still_add(prepared: Prepared, lines: Sequence[TrayLine], category: str) -> tuple[Addition, ...]:
    """Return the dishes of one category that still fit at this meal, in the order of the menu."""
    offered = {
        code: dish for code, dish in prepared.dishes.items() if dish.category == category and _is_served(prepared, dish)
    }
    judged = menu(prepared, offered, lines)
    return tuple(Addition(code, found.portions) for code, found in judged.items() if found.portions)


def _slack(prepared: Prepared, tray: Mapping[str, Sum]) -> tuple[_Slack, ...]:
    return tuple(_slack_of(item, tray[item.limit.base]) for item in prepared.checks)


def _slack_of(item: Check, added: Sum) -> _Slack:
    room, need = item.room, item.need if item.is_day else None
    return _Slack(
        check=item,
        base=item.limit.base,
        chosen=added.known,
        has_gap=added.has_gap or item.has_gap,
        room=None if room is None else room - added.known,
        need=None if need is None else need - added.known,
    )


def _choice(prepared: Prepared, dish: DishFacts, slack: Iterable[_Slack], *, is_stopped: bool) -> DishVerdict:
    amounts = {base: _NOTHING if base == FEEDS else dish.nutrients.of(base) for base in prepared.bases}
    found = [*prepared.about_patient, *prepared.item(dish.code, _ONE)]
    most = _NOTHING if is_stopped else PORTIONS[-1]
    for end in slack:
        amount = amounts[end.base]
        if amount is None or not _is_within(amount, end):
            more = _NOTHING if amount is None else amount
            has_gap = amount is None or end.has_gap
            found += judge_sum(end.check, end.chosen + more, has_gap=has_gap, gate=Gate.MENU)
        if most and end.room is not None and end.check.limit.hard:
            most = _most(amount, end.room, most, has_gap=end.has_gap)
    return DishVerdict(verdict_of(found), _portions(prepared, dish, most))


def _is_within(amount: Decimal, end: _Slack) -> bool:
    return not end.has_gap and (end.room is None or amount <= end.room) and (end.need is None or amount >= end.need)


def _most(amount: Decimal | None, room: Decimal, most: Decimal, *, has_gap: bool) -> Decimal:
    if amount is None or has_gap or room < 0:
        return _NOTHING
    while most and amount * most > room:
        most -= _HALF
    return most


def _portions(prepared: Prepared, dish: DishFacts, most: Decimal) -> tuple[Decimal, ...]:
    return tuple(
        portion
        for portion in PORTIONS
        if portion <= most and not any(reason.kind in _STOPS for reason in prepared.item(dish.code, portion))
    )


def _is_served(prepared: Prepared, dish: DishFacts) -> bool:
    return _PERIODS[prepared.serving.meal] in dish.periods


def _passes(prepared: Prepared, rest: Sequence[TrayLine], line: TrayLine, gate: Gate) -> bool:
    return prepared.judge((*rest, line), gate).is_allowed


def _distance(dish: DishFacts, wanted: DishFacts) -> Decimal:
    if dish.nutrients.kcal is None or wanted.nutrients.kcal is None:
        return Decimal("Infinity")
    return abs(dish.nutrients.kcal - wanted.nutrients.kcal)
