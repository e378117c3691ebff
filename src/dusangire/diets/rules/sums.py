"""Sums: what the trays of a meal and of a day add up to, and which limits that passes."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from dusangire.menu.rules import DishFacts

from .facts import Bound, Gate, Kind, Meal, OtherTray, Reason, Serving, TrayLine
from .limits import FEEDS, Limit, has_floor_at, slot_of

ZERO = Decimal(0)
PORTIONS = (Decimal("0.5"), Decimal(1), Decimal("1.5"))
NOT_EATEN = frozenset({"cancelled", "refused", "expired"})
_BEFORE_CHECKOUT = frozenset({Gate.MENU, Gate.CART})


class Sum(Struct, frozen=True):
    """A known part, and whether anything in it is not known."""

    known: Decimal = ZERO
    has_gap: bool = False


class Check(Struct, frozen=True):
    """One limit with what other trays already take of it. `sure` is the part that certainly counts towards its MIN.

    `is_day`: it is on the day, whose MIN is only advice. `room` is what one tray may still hold, None without a MAX;
    `need` what it must still bring, None without a MIN that counts. Worked out once, for every dish is held to them.
    """

    limit: Limit
    counts_floor: bool
    known: Decimal
    has_gap: bool
    sure: Decimal
    is_day: bool
    room: Decimal | None
    need: Decimal | None

    def is_met(self, added: Decimal) -> bool:
        """Whether a tray that adds exactly so much leaves nothing to say."""
        room, need = self.room, self.need
        return not self.has_gap and (room is None or added <= room) and (need is None or added >= need)


def unservable(line: TrayLine, dishes: Mapping[str, DishFacts]) -> list[Reason]:
    """Return why a line is refused before it is judged: an unknown dish, a portion or a quantity we do not serve."""
    found: list[Reason] = []
    if line.dish not in dishes:
        found.append(_refused("unknown_dish", line.dish))
    if line.portion not in PORTIONS:
        found.append(_refused("unknown_portion", str(line.portion)))
    if line.quantity < 1 or line.quantity != int(line.quantity):
        found.append(_refused("unknown_quantity", str(line.quantity)))
    return found


def counted(others: Iterable[OtherTray], serving: Serving) -> tuple[OtherTray, ...]:
    """Return the other trays of the same day that the patient may eat from, earlier and later ones."""
    return tuple(
        tray for tray in others if tray.day == serving.day and tray.status not in NOT_EATEN and not tray.for_carer
    )


def add_up(lines: Iterable[TrayLine], base: str, dishes: Mapping[str, DishFacts]) -> Sum:
    """Return the sum of one nutrient over some lines; refused lines leave a gap."""
    known, has_gap = ZERO, False
    for line in lines:
        dish, portion = dishes.get(line.dish), line.portion
        amount = None if dish is None else dish.nutrients.of(base)
        if amount is None or portion not in PORTIONS:
            has_gap = True
        else:
            known += amount * portion * line.quantity
    return Sum(known, has_gap)


def check(limit: Limit, others: Sequence[OtherTray], serving: Serving, dishes: Mapping[str, DishFacts]) -> Check:
    """Return one limit with the part of it that the other trays of its scope take.

    Edge: a snack whose hour is not known counts against every slot's MAX and towards no slot's MIN.
    """
    slot = slot_of(serving.serve_at) if serving.meal is Meal.SNACK else None
    near = [tray for tray in others if limit.scope == "day" or tray.meal is serving.meal]
    if limit.scope == Meal.SNACK:
        near = [tray for tray in near if tray.serve_at is None or slot_of(tray.serve_at) is slot]
    total = _trays(near, limit.base, dishes)
    dated = [tray for tray in near if limit.scope != Meal.SNACK or tray.serve_at is not None]
    sure = _trays(dated, limit.base, dishes).known
    counts_floor = has_floor_at(limit, serving.meal, slot)
    return Check(
        limit=limit,
        counts_floor=counts_floor,
        known=total.known,
        has_gap=total.has_gap,
        sure=sure,
        is_day=limit.scope == "day",
        room=None if limit.ceiling is None else limit.ceiling - total.known,
        need=limit.floor - sure if counts_floor and limit.floor is not None else None,
    )


def judge_sums(checks: Iterable[Check], tray: Mapping[str, Sum], gate: Gate) -> list[Reason]:
    """Return every limit that the tray passes together with the other trays; `tray` holds its sums by nutrient."""
    found: list[Reason] = []
    for item in checks:
        added = tray[item.limit.base]
        if added.has_gap or not item.is_met(added.known):
            found += judge_sum(item, added.known, has_gap=added.has_gap, gate=gate)
    return found


def judge_sum(item: Check, added: Decimal, *, has_gap: bool, gate: Gate) -> list[Reason]:
    """Return whether one limit is passed when a tray adds so much; `has_gap`: and perhaps more."""
    limit, room, need = item.limit, item.room, item.need
    if room is not None and added > room:
        return [_stop(limit, item.known + added, limit.ceiling, Bound.MAX)]
    is_short = need is not None and added < need
    counts = item.is_day or gate not in _BEFORE_CHECKOUT
    if (has_gap or item.has_gap) and (room is not None or (is_short and counts)):
        return [_gap(item)]
    if is_short and item.is_day:
        return [_reason(Kind.ADVICE, limit, "limit", value=item.known + added, bound=limit.floor, end=Bound.MIN)]
    if is_short and counts:
        return [_stop(limit, item.sure + added, limit.floor, Bound.MIN)]
    return []


def _gap(item: Check) -> Reason:
    is_only_advice = item.is_day and item.limit.ceiling is None
    kind = Kind.UNKNOWN if item.limit.hard and not is_only_advice else Kind.ASK
    return _reason(kind, item.limit, "nutrient_unknown")


def _stop(limit: Limit, value: Decimal, bound: Decimal | None, end: Bound) -> Reason:
    return _reason(Kind.BLOCK if limit.hard else Kind.ASK, limit, "limit", value=value, bound=bound, end=end)


def _reason(
    kind: Kind,
    limit: Limit,
    rule: str,
    *,
    value: Decimal | None = None,
    bound: Decimal | None = None,
    end: Bound | None = None,
) -> Reason:
    return Reason(kind, limit.diet, rule, limit.nutrient, limit.scope, value, bound, limit.unit, end, hard=limit.hard)


def _trays(trays: Sequence[OtherTray], base: str, dishes: Mapping[str, DishFacts]) -> Sum:
    if base == FEEDS:
        return Sum(Decimal(len(trays)))
    return add_up((line for tray in trays for line in tray.lines), base, dishes)


def _refused(rule: str, subject: str) -> Reason:
    return Reason(Kind.UNKNOWN, "DISH", rule, subject, "item")
