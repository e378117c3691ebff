"""Conflicts: two orders whose rules leave nothing that satisfies both."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations, permutations

from msgspec import Struct

from .facts import DietOrderFacts, Kind, Meal, OwnLimit, Reason, Ruling
from .limits import Limit, at_meal, limits_of
from .manual import Diet, DietRule, Manual, RuleKind
from .orders import diets_of

_PLACES = (Meal.BREAKFAST, Meal.LUNCH, Meal.SNACK)
"""Lunch stands for lunch and dinner, which have the same rules."""
_SNACKS_A_DAY = 3


Limits = tuple[Limit, ...]
"""The limits of one diet for one patient."""


class Conflict(Struct, frozen=True):
    """Two rules that cannot both hold. `least` of `low` is above `most` of `high`, both in `unit`.

    For rules about dishes or textures there are no numbers. `hard`: signing is refused; else the signer rules.
    `across`: a sum of meals against a day, which leaves the single meals judged as they are.
    """

    low: str
    high: str
    nutrient: str
    scope: str
    hard: bool
    least: Decimal | None = None
    most: Decimal | None = None
    unit: str = ""
    low_source: str = ""
    high_source: str = ""
    across: bool = False

    @property
    def diets(self) -> str:
        """Both diets by name, as verdicts write them."""
        return "+".join(sorted({self.low, self.high}))

    def reason(self) -> Reason:
        """Return the reason an unresolved conflict gives."""
        return Reason(
            Kind.UNKNOWN,
            "CONTRADICTION",
            self.diets,
            self.nutrient,
            self.scope,
            self.least,
            self.most,
            self.unit,
            hard=self.hard,
        )


def conflicts(
    orders: Iterable[DietOrderFacts],
    manual: Manual,
    weight_kg: Decimal | None,
    own: Mapping[str, OwnLimit] | None = None,
) -> list[Conflict]:
    """Return every pair of rules that signing these orders together would leave without a common ground.

    `orders` are those that would be in force at the same time. Hard conflicts refuse the
    signature; for each soft one the signer's Ruling is stored with the order.
    Edge: without a usable weight, limits per kg are compared with each other only.
    """
    diets = diets_of((order.code for order in orders), manual)
    return limit_conflicts([limits_of(diet, own or {}, weight_kg) for diet in diets]) + dish_conflicts(diets)


def limit_conflicts(limits: Sequence[Limits]) -> list[Conflict]:
    """Return the conflicts between the limits of some diets: within one scope, and of the day's meals with the day."""
    found: list[Conflict] = []
    for place in _PLACES:
        found += _within([limit for own in limits for limit in at_meal(own, place)], place)
    for scope in ("day", "item"):
        found += _within([limit for own in limits for limit in own if limit.scope == scope], scope)
    for one, other in permutations(limits, 2):
        found += _across(one, other)
    return list(dict.fromkeys(found))


def dish_conflicts(diets: Iterable[Diet]) -> list[Conflict]:
    """Return the conflicts between rules about dishes: "only" lists that share nothing, two food levels, a tag demanded
    and forbidden at once."""
    rules = [rule for diet in diets for rule in diet.rules if rule.kind is not RuleKind.LIMIT]
    clashes = [(one, other) for one, other in combinations(rules, 2) if _exclude_each_other(one, other)]
    return [Conflict(one.diet, other.diet, _subject(one), "item", one.hard and other.hard) for one, other in clashes]


def settled(found: Iterable[Conflict], rulings: Iterable[Ruling]) -> dict[Conflict, str]:
    """Return the conflicts that a stored ruling decides, with the diet whose bound gives way. Hard ones stay open."""
    stored = tuple(rulings)
    decided: dict[Conflict, str] = {}
    for conflict in found:
        for ruling in stored:
            if not conflict.hard and _is_about(ruling, conflict):
                decided[conflict] = ruling.over
    return decided


def _within(limits: list[Limit], scope: str) -> list[Conflict]:
    found: list[Conflict] = []
    for low in limits:
        if scope == Meal.SNACK and low.scope == "meal":
            continue
        found += [
            conflict for high in limits if low.base == high.base and (conflict := _empty(low, high, scope)) is not None
        ]
    return found


def _empty(low: Limit, high: Limit, scope: str) -> Conflict | None:
    if low.nutrient == high.nutrient:
        least, most, name = low.least, high.most, low.nutrient
    else:
        least, most, name = low.floor, high.ceiling, low.base
    if least is None or most is None or least <= most:
        return None
    return Conflict(
        low.diet, high.diet, name, scope, low.hard and high.hard, least, most, low.unit, low.source, high.source
    )


def _across(one: Limits, other: Limits) -> list[Conflict]:
    found: list[Conflict] = []
    for day in (limit for limit in one if limit.scope == "day"):
        theirs = [limit for limit in other if limit.base == day.base and limit.scope != "day"]
        if theirs:
            found += _too_little(day, theirs, one, other) + _too_much(day, theirs, other)
    return found


def _too_little(day: Limit, theirs: list[Limit], one: Limits, other: Limits) -> list[Conflict]:
    most = _most_of_meals(day.base, (one, other))
    alone = _most_of_meals(day.base, (one,))
    if day.floor is None or most is None or most >= day.floor or (alone is not None and alone < day.floor):
        return []
    return [_across_meals(day, theirs[0], day, theirs, least=day.floor, most=most)]


def _too_much(day: Limit, theirs: list[Limit], other: Limits) -> list[Conflict]:
    least = _least_of_meals(day.base, other)
    if day.ceiling is None or least <= day.ceiling:
        return []
    return [_across_meals(theirs[0], day, day, theirs, least=least, most=day.ceiling)]


def _across_meals(
    low: Limit, high: Limit, day: Limit, theirs: list[Limit], *, least: Decimal, most: Decimal
) -> Conflict:
    hard = day.hard and all(limit.hard for limit in theirs)
    return Conflict(
        low.diet, high.diet, day.base, "day", hard, least, most, day.unit, low.source, high.source, across=True
    )


def _most_of_meals(base: str, orders: Iterable[Limits]) -> Decimal | None:
    total = Decimal(0)
    for meal in Meal:
        tops = [
            limit.ceiling * (_SNACKS_A_DAY if limit.scope == Meal.SNACK else 1)
            for own in orders
            for limit in at_meal(own, meal)
            if limit.base == base and limit.ceiling is not None
        ]
        if not tops:
            return None
        total += min(tops)
    return total


def _least_of_meals(base: str, limits: Limits) -> Decimal:
    main = (Meal.BREAKFAST, Meal.LUNCH, Meal.DINNER)
    floors = [limit.floor for meal in main for limit in at_meal(limits, meal) if limit.base == base]
    return sum((floor for floor in floors if floor is not None), Decimal(0))


def _exclude_each_other(one: DietRule, other: DietRule) -> bool:
    kinds = {one.kind, other.kind}
    if kinds == {RuleKind.ONLY}:
        return not set(one.subject.split("|")) & set(other.subject.split("|"))
    if kinds == {RuleKind.IDDSI}:
        return one.subject != other.subject
    return kinds == {RuleKind.REQUIRE, RuleKind.FORBID} and one.subject == other.subject


def _subject(rule: DietRule) -> str:
    return str(rule.kind) if rule.kind in (RuleKind.ONLY, RuleKind.IDDSI) else rule.subject


def _is_about(ruling: Ruling, conflict: Conflict) -> bool:
    pair = {conflict.low, conflict.high}
    is_same = (ruling.nutrient, ruling.scope) == (conflict.nutrient, conflict.scope)
    return is_same and len(pair) == 2 and {ruling.prevails, ruling.over} == pair
