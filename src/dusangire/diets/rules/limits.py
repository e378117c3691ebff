"""Limits: what the orders in force allow of each nutrient, per item, meal, snack and day."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from dusangire.menu.rules import NUTRIENTS

from .facts import Bound, Kind, Meal, OwnLimit, PatientFacts, Reason, Slot
from .manual import Diet, DietKind, DietRule, RuleKind

PER_KG: Mapping[str, str] = {"protein_g_per_kg": "protein_g", "kcal_per_kg": "kcal", "ml_per_kg": "fluid_ml"}
FEEDS = "feeds"
_DURATION = "duration_h"
_SCOPES = frozenset({"item", "breakfast", "meal", "snack", "day"})
_OWN = "set for this patient"
_EVENING_SNACK_MIN = frozenset({("HEPATIC", "carb_g")})
"""The late-evening snack of cirrhosis. Source: ESPEN/EASL 2019, as in the diet manual."""

LEAST_WEIGHT_KG = Decimal("0.4")
MOST_WEIGHT_KG = Decimal(400)
_WEIGHT_DAYS = 14
_WEIGHT_DAYS_SAM = 2
_NOON = 12
_EVENING = 18


class Limit(Struct, frozen=True):
    """One limit of one diet for this patient.

    `nutrient` is as the manual names it and `base` what is summed for it. `least` and `most` are in the manual's unit,
    `floor` and `ceiling` in that of `base`, None where the manual sets no bound or the weight is missing.
    """

    diet: str
    nutrient: str
    base: str
    scope: str
    least: Decimal | None
    most: Decimal | None
    floor: Decimal | None
    ceiling: Decimal | None
    hard: bool
    evening_only: bool = False
    source: str = ""

    @property
    def is_weightless(self) -> bool:
        """Whether the limit is per kg and the weight is not usable."""
        return self.nutrient in PER_KG and self.floor is None and self.ceiling is None

    @property
    def unit(self) -> str:
        """The unit of `floor`, `ceiling` and of what is summed."""
        return unit_of(self.base)


def limits_of(diet: Diet, own: Mapping[str, OwnLimit], weight_kg: Decimal | None) -> tuple[Limit, ...]:
    """Return the limits of one diet, the patient's own bounds in place of the manual's where they may be."""
    rules = [rule for rule in diet.rules if rule.kind is RuleKind.LIMIT and rule.subject != _DURATION]
    known = {_name(rule) for rule in rules}
    added = [_own_rule(name) for name in own if name.startswith(f"{diet.code}.") and name not in known]
    rules += [rule for rule in added if rule is not None]
    return tuple(_limit(rule, own.get(_name(rule)), weight_kg) for rule in rules)


def unreadable(own: Mapping[str, OwnLimit], known_diets: Iterable[str]) -> list[Reason]:
    """Return a reason for each of the patient's own limits that names no diet, nutrient or scope we know."""
    codes = frozenset(known_diets)
    strange = [name for name in own if name.partition(".")[0] not in codes or _is_strange(name)]
    return [Reason(Kind.UNKNOWN, "PATIENT", "unknown_limit", name, "order") for name in strange]


def usable_weight_kg(patient: PatientFacts, diet: Diet, today: date) -> Decimal | None:
    """Return the weight a diet may count with; None when there is none, it is too old, or it cannot be a weight."""
    weight, on = patient.weight_kg, patient.weight_on
    if weight is None or on is None or not LEAST_WEIGHT_KG <= weight <= MOST_WEIGHT_KG:
        return None
    age = (today - on).days
    oldest = _WEIGHT_DAYS_SAM if diet.kind is DietKind.PAEDIATRIC else _WEIGHT_DAYS
    return weight if 0 <= age <= oldest else None


def at_meal(limits: Iterable[Limit], meal: Meal) -> tuple[Limit, ...]:
    """Return the limits of one diet at a meal: its own breakfast or snack rule replaces its meal rule there."""
    found = tuple(limits)
    if meal in (Meal.LUNCH, Meal.DINNER):
        return tuple(limit for limit in found if limit.scope == "meal")
    own = [limit for limit in found if limit.scope == meal]
    replaced = {limit.base for limit in own}
    general = [limit for limit in found if limit.scope == "meal" and limit.base not in replaced]
    return tuple(own + general)


def has_floor_at(limit: Limit, meal: Meal, slot: Slot | None) -> bool:
    """Return whether the MIN of a limit counts at a meal; a meal's MIN does not hold for snacks."""
    if limit.floor is None:
        return False
    if limit.scope == "meal":
        return meal is not Meal.SNACK
    if limit.evening_only:
        return slot is Slot.EVENING
    return True


def slot_of(at: datetime) -> Slot:
    """Return the snack slot of a time of day in the offset it carries."""
    if at.hour < _NOON:
        return Slot.MORNING
    return Slot.AFTERNOON if at.hour < _EVENING else Slot.EVENING


def unit_of(base: str) -> str:
    """Return the unit a nutrient is summed in."""
    if base == FEEDS:
        return FEEDS
    return "kcal" if base == "kcal" else base.rpartition("_")[2]


def without(limit: Limit, bound: Bound) -> Limit:
    """Return a limit that has lost one bound."""
    least, floor = (None, None) if bound is Bound.MIN else (limit.least, limit.floor)
    most, ceiling = (None, None) if bound is Bound.MAX else (limit.most, limit.ceiling)
    return Limit(
        limit.diet,
        limit.nutrient,
        limit.base,
        limit.scope,
        least,
        most,
        floor,
        ceiling,
        limit.hard,
        limit.evening_only,
        limit.source,
    )


def _name(rule: DietRule) -> str:
    return f"{rule.diet}.{rule.subject}.{rule.scope}"


def _own_rule(name: str) -> DietRule | None:
    if _is_strange(name) or name.endswith(f".{_DURATION}.order"):
        return None
    diet, nutrient, scope = name.split(".")
    return DietRule(diet, RuleKind.LIMIT, nutrient, scope, None, None, hard=True, source=_OWN)


def _is_strange(name: str) -> bool:
    parts = name.split(".")
    if len(parts) != 3:
        return True
    _, nutrient, scope = parts
    if nutrient == _DURATION:
        return scope != "order"
    return scope not in _SCOPES or (nutrient not in NUTRIENTS and nutrient not in PER_KG and nutrient != FEEDS)


def _limit(rule: DietRule, own: OwnLimit | None, weight_kg: Decimal | None) -> Limit:
    least, most = bounds(rule, own)
    is_per_kg = rule.subject in PER_KG
    factor = weight_kg if is_per_kg else Decimal(1)
    return Limit(
        diet=rule.diet,
        nutrient=rule.subject,
        base=PER_KG.get(rule.subject, rule.subject),
        scope=rule.scope,
        least=least,
        most=most,
        floor=None if least is None or factor is None else least * factor,
        ceiling=None if most is None or factor is None else most * factor,
        hard=rule.hard,
        evening_only=(rule.diet, rule.subject) in _EVENING_SNACK_MIN and rule.scope == Meal.SNACK,
        source=rule.source,
    )


def bounds(rule: DietRule, own: OwnLimit | None) -> tuple[Decimal | None, Decimal | None]:
    if own is None:
        return rule.least, rule.most
    least = rule.least if own.least is None else own.least
    most = rule.most if own.most is None else own.most
    if own.by_doctor:
        return least, most
    tight_least = least if rule.least is None or least is None else max(least, rule.least)
    tight_most = most if rule.most is None or most is None else min(most, rule.most)
    return tight_least, tight_most
