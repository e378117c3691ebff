"""Diet orders: which of them are in force for one serving."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from .facts import Bound, DietOrderFacts, Kind, OwnLimit, Reason
from .holds import Fast, is_suspended
from .limits import bounds
from .manual import REGULAR, Diet, DietKind, DietRule, Manual, RuleKind

ACTIVE = "active"
_REPLACES_REGULAR = frozenset({DietKind.THERAPEUTIC, DietKind.LIQUID, DietKind.PAEDIATRIC})
_HOUR_S = 3600


def in_force(
    orders: Iterable[DietOrderFacts], holds: Iterable[Fast], now: datetime, serve_at: datetime
) -> tuple[DietOrderFacts, ...]:
    """Return the signed, active orders that cover both now and the serving and that no hold left suspended."""
    fasts = tuple(holds)
    return tuple(
        order
        for order in orders
        if _is_signed(order, now)
        and _covers(order, now)
        and _covers(order, serve_at)
        and not is_suspended(order, fasts, now)
    )


def diets_of(codes: Iterable[str], manual: Manual) -> tuple[Diet, ...]:
    """Return the diets of some orders, each once; the base diet only where no therapeutic order replaces it."""
    found = [manual.diets[code] for code in dict.fromkeys(codes) if code in manual.diets]
    if any(diet.kind in _REPLACES_REGULAR for diet in found):
        return tuple(diet for diet in found if diet.code != REGULAR)
    return tuple(found)


def unknown_codes(orders: Iterable[DietOrderFacts], manual: Manual) -> list[Reason]:
    """Return a reason for every order whose diet the manual does not hold."""
    strangers = {order.code for order in orders} - manual.diets.keys()
    return [Reason(Kind.UNKNOWN, "DIET", "unknown_code", code, "order") for code in sorted(strangers)]


def overdue(
    orders: Iterable[DietOrderFacts], manual: Manual, own: Mapping[str, OwnLimit], now: datetime
) -> list[Reason]:
    """Return an ask for every order that has lasted longer than its diet is meant to."""
    found: list[Reason] = []
    for order in orders:
        diet = manual.diets.get(order.code)
        if diet is not None:
            found += _overdue(order, diet, own, now)
    return found


def _overdue(order: DietOrderFacts, diet: Diet, own: Mapping[str, OwnLimit], now: datetime) -> list[Reason]:
    lasted_h = Decimal(int((now - order.start).total_seconds())) / _HOUR_S
    found: list[Reason] = []
    for rule in diet.rules:
        if rule.kind is RuleKind.LIMIT and rule.scope == "order":
            _, most = bounds(rule, own.get(f"{rule.diet}.{rule.subject}.{rule.scope}"))
            if most is not None and lasted_h > most:
                found.append(_passed(rule, lasted_h, most))
    return found


def _passed(rule: DietRule, lasted_h: Decimal, most: Decimal) -> Reason:
    return Reason(
        Kind.ASK, rule.diet, "limit", rule.subject, rule.scope, lasted_h, most, "h", Bound.MAX, hard=rule.hard
    )


def _is_signed(order: DietOrderFacts, now: datetime) -> bool:
    return order.status == ACTIVE and order.signed_at is not None and order.signed_at <= now


def _covers(order: DietOrderFacts, at: datetime) -> bool:
    return order.start <= at and (order.end is None or at < order.end)
