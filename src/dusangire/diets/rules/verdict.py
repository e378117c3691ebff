"""The verdict: may this tray advance? Pure: the same facts give the same answer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct, field

from dusangire.menu.rules import DishFacts

from .allergy import avoided, unsettled
from .conflicts import Conflict, dish_conflicts, limit_conflicts, settled
from .facts import (
    Bound,
    DietOrderFacts,
    Gate,
    Kind,
    Meal,
    OtherTray,
    PatientFacts,
    Reason,
    Serving,
    Tray,
    TrayLine,
    Verdict,
    verdict_of,
)
from .feeds import beyond, ordered_dishes, with_feeds
from .feeds import counted as fed_on
from .holds import fasting, fasts
from .items import ItemRules, item_rules, judge_dish, judge_portion
from .limits import FEEDS, Limit, at_meal, limits_of, unreadable, usable_weight_kg, without
from .manual import Diet, DietKind, DietRule, Manual, RuleKind
from .medicines import Medicines, about_dish, about_tray, checked, medicines
from .orders import diets_of, in_force, overdue, unknown_codes
from .sums import Check, Sum, add_up, check, counted, judge_sums, unservable
from .texture import Texture, texture

_CLOCKS_AGREE_S = 60
_NOT_STAFF = frozenset({"patient", "caregiver", "carer", "relative", "visitor"})


class Prepared(Struct, frozen=True):
    """One patient's facts for one serving, resolved once so that many trays can be judged.

    `held` is what each dish is judged by alone, `checks` the limits on sums with what the other trays take of them.
    Good for as long as the facts are: from checkout on, prepare anew.
    """

    serving: Serving
    manual: Manual
    dishes: Mapping[str, DishFacts]
    diets: tuple[Diet, ...]
    about_patient: tuple[Reason, ...]
    held: ItemRules
    checks: tuple[Check, ...]
    bases: tuple[str, ...]
    medicines: Medicines = Medicines()
    seen: dict[str, tuple[Reason, ...]] = field(default_factory=dict)

    def judge(self, lines: Sequence[TrayLine], gate: Gate) -> Verdict:
        """Return the verdict on a tray with these lines at this gate. Edge: an empty tray is UNKNOWN."""
        found = list(self.about_patient)
        if not lines:
            found.append(Reason(Kind.UNKNOWN, "DISH", "empty_tray", "", "order"))
        served = []
        for line in lines:
            refused = unservable(line, self.dishes)
            found += refused or self.item(line.dish, line.portion)
            if not refused:
                served.append(line)
        found += about_tray(served, self.dishes, self.medicines)
        return verdict_of(found + judge_sums(self.checks, self._sums(served, is_fed=bool(lines)), gate))

    def item(self, dish: str, portion: Decimal) -> tuple[Reason, ...]:
        """Return what one portion of a dish breaks by itself; what no portion changes is worked out once."""
        facts = self.dishes[dish]
        if dish not in self.seen:
            self.seen[dish] = (*judge_dish(facts, self.held), *about_dish(facts, self.medicines))
        return self.seen[dish] + judge_portion(facts, portion, self.held) if self.held.limits else self.seen[dish]

    def sums(self, lines: Sequence[TrayLine]) -> dict[str, Sum]:
        """Return what some lines add to each limited nutrient; a tray with any line is one feed."""
        return self._sums([line for line in lines if not unservable(line, self.dishes)], is_fed=bool(lines))

    def _sums(self, served: Sequence[TrayLine], *, is_fed: bool) -> dict[str, Sum]:
        return {
            base: Sum(Decimal(is_fed)) if base == FEEDS else add_up(served, base, self.dishes) for base in self.bases
        }


def verdict(  # noqa: PLR0917 - six facts, read apart
    patient: PatientFacts,
    tray: Tray,
    other_trays: Sequence[OtherTray],
    manual: Manual,
    dishes: Mapping[str, DishFacts],
    now: datetime,
) -> Verdict:
    """Return whether this tray may advance: only ALLOW passes, and every reason is named."""
    return prepare(patient, tray.serving, other_trays, manual, dishes, now).judge(tray.lines, tray.gate)


def prepare(  # noqa: PLR0917 - six facts, read apart
    patient: PatientFacts,
    serving: Serving,
    other_trays: Sequence[OtherTray],
    manual: Manual,
    dishes: Mapping[str, DishFacts],
    now: datetime,
) -> Prepared:
    """Return the facts of one patient for one serving, with all that does not depend on the tray's lines decided."""
    holds, bad_holds = fasts(patient.holds, now)
    orders = in_force(patient.diets, holds, now, serving.serve_at)
    diets = diets_of((order.code for order in orders), manual)
    own = [limits_of(diet, patient.own_limits, usable_weight_kg(patient, diet, now.date())) for diet in diets]
    found = limit_conflicts(own) + dish_conflicts(diets)
    decided = settled(found, (ruling for order in orders for ruling in order.rulings))
    still_open = [conflict for conflict in found if conflict not in decided]
    avoids, unsure = avoided(patient.allergies, manual.groups, _ingredients(patient, manual, dishes))
    ordered = texture(diets, patient.iddsi_food, patient.iddsi_drink)
    others = counted(other_trays, serving)
    kept = [limit for limits in own for limit in _at_serving(limits, serving.meal, still_open, decided)]
    fed = fed_on(patient.feeds, serving.day, serving.serve_at.tzinfo or UTC, holds)
    checks = with_feeds(
        [check(limit, others, serving, dishes) for limit in kept if limit.scope != "item" and not limit.is_weightless],
        fed,
    )
    taken = medicines(patient.flags, manual.notes)
    reasons = [
        *_identity(patient),
        *unsettled(patient),
        *unsure,
        *bad_holds,
        *([Reason(Kind.BLOCK, "NPO", "hold", "", "order")] if fasting(holds, now, serving.serve_at) else []),
        *_orders(patient, orders, diets, manual, now),
        *unreadable(patient.own_limits, manual.diets),
        *_weightless(own),
        *(conflict.reason() for conflict in still_open),
        *ordered.contradictions,
        *ordered.unsure,
        *(reason for tray in others for line in tray.lines for reason in unservable(line, dishes)),
        *beyond(checks, fed),
        *_not_checked(diets, ordered),
        *checked(taken),
    ]
    return Prepared(
        serving=serving,
        manual=manual,
        dishes=dishes,
        diets=diets,
        about_patient=tuple(dict.fromkeys(reasons)),
        held=item_rules(
            manual,
            _rules(diets, still_open),
            tuple(kept),
            avoids,
            ordered,
            fed=ordered_dishes(patient.feeds, serving.serve_at),
        ),
        checks=checks,
        bases=tuple(dict.fromkeys(item.limit.base for item in checks)),
        medicines=taken,
    )


def _identity(patient: PatientFacts) -> list[Reason]:
    found: list[Reason] = []
    if patient.admission != "active":
        found.append(_unknown("PATIENT", "no_active_admission", ""))
    if len(set(patient.hospitals)) != 1:
        found.append(_unknown("PATIENT", "hospitals", ""))
    if abs(patient.clock_skew_s) > _CLOCKS_AGREE_S:
        found.append(_unknown("PATIENT", "clock_skew", ""))
    if patient.rows_read != patient.active_constraint_count:
        found.append(_unknown("PATIENT", "rows_read", ""))
    return found


def _orders(
    patient: PatientFacts,
    orders: Sequence[DietOrderFacts],
    diets: Sequence[Diet],
    manual: Manual,
    now: datetime,
) -> list[Reason]:
    found = unknown_codes(orders, manual) + overdue(orders, manual, patient.own_limits, now)
    if not orders and patient.admission == "active":
        found.append(_unknown("DIET", "no_active_order", ""))
    if patient.ordered_by in _NOT_STAFF:
        found += [
            Reason(Kind.BLOCK, diet.code, "ordered_by", patient.ordered_by, "order")
            for diet in diets
            if diet.kind is DietKind.PAEDIATRIC
        ]
    return found


def _weightless(own: Iterable[tuple[Limit, ...]]) -> list[Reason]:
    return [
        Reason(Kind.UNKNOWN, limit.diet, "weight_unknown", limit.nutrient, limit.scope, hard=limit.hard)
        for limits in own
        for limit in limits
        if limit.is_weightless
    ]


def _not_checked(diets: Sequence[Diet], ordered: Texture) -> list[Reason]:
    found = [Reason(Kind.ADVICE, diet.code, "not_checked", "note", "order") for diet in diets if diet.note]
    if ordered.food:
        found.append(Reason(Kind.ADVICE, "IDDSI", "not_checked", "particle_size_child", "order"))
    return found


def _ingredients(patient: PatientFacts, manual: Manual, dishes: Mapping[str, DishFacts]) -> frozenset[str]:
    if not patient.allergies:
        return frozenset()
    return manual.ingredients.union(*(dish.ingredients or () for dish in dishes.values()))


def _rules(diets: Sequence[Diet], still_open: Sequence[Conflict]) -> tuple[DietRule, ...]:
    clashing = {(code, conflict.nutrient) for conflict in still_open for code in (conflict.low, conflict.high)}
    return tuple(
        rule
        for diet in diets
        for rule in diet.rules
        if rule.kind is not RuleKind.LIMIT
        and (rule.diet, str(rule.kind)) not in clashing
        and (rule.diet, rule.subject) not in clashing
    )


def _at_serving(
    limits: tuple[Limit, ...], meal: Meal, still_open: Sequence[Conflict], decided: Mapping[Conflict, str]
) -> list[Limit]:
    place = Meal.LUNCH if meal is Meal.DINNER else meal
    kept = [*at_meal(limits, meal), *(limit for limit in limits if limit.scope in ("day", "item"))]
    found: list[Limit] = []
    for limit in kept:
        where = limit.scope if limit.scope in ("day", "item") else str(place)
        if not any(_is_torn(limit, where, conflict) for conflict in still_open):
            found.append(_yielded(limit, where, decided))
    return found


def _is_torn(limit: Limit, where: str, conflict: Conflict) -> bool:
    is_same = conflict.scope == where and conflict.nutrient in (limit.nutrient, limit.base)
    return is_same and not conflict.across and limit.diet in (conflict.low, conflict.high)


def _yielded(limit: Limit, where: str, decided: Mapping[Conflict, str]) -> Limit:
    for conflict, loser in decided.items():
        if loser == limit.diet and conflict.scope == where and conflict.nutrient in (limit.nutrient, limit.base):
            limit = without(limit, Bound.MIN if conflict.low == loser else Bound.MAX)
    return limit


def _unknown(source: str, rule: str, subject: str) -> Reason:
    return Reason(Kind.UNKNOWN, source, rule, subject, "order")
