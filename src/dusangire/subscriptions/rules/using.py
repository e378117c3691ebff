"""Which plan pays for a meal, and in plain words why one does not."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.phrase import Named

LETTERS = {
    "breakfast": "B", "lunch": "L", "dinner": "D",
    "morning_snack": "S", "afternoon_snack": "S", "evening_snack": "S",
}  # fmt: skip
"""How plans abbreviate the periods of the day: a snack is a snack, whichever of the three."""


class Running(Struct, frozen=True):
    """One running period of a plan as far as one meal asks.

    used_kind: meals of this kind had from it; used_day: meals had from it on this day.
    """

    term: UUID
    subscription: UUID
    code: str
    name: Named
    letters: tuple[str, ...]
    starts_on: date
    ends_on: date
    price_minor: int
    meals: int | None
    used: int
    recognised_minor: int
    each_meal: int | None
    used_kind: int
    daily_cap: int
    used_day: int
    needs_diet: tuple[str, ...]

    @property
    def meals_left(self) -> int | None:
        return None if self.meals is None else self.meals - self.used


class No(Struct, frozen=True):
    """Why a plan does not pay for a meal: a key of the catalogue and its facts."""

    key: str
    facts: dict[str, Named | str | int] = {}


def refusal(plan: Running, period: str, day: date, diets: frozenset[str]) -> No | None:
    """Return why this plan does not pay for this meal; None where it does. diets: the patient's codes in force."""
    letter = LETTERS.get(period)
    if letter not in plan.letters:
        return No("plans.why.meal", {"plan": plan.name})
    if not plan.starts_on <= day < plan.ends_on:
        return No("plans.why.day", {"plan": plan.name, "day": plan.ends_on.strftime("%d.%m.%Y")})
    if plan.meals is not None and plan.used >= plan.meals:
        return No("plans.why.used_up", {"plan": plan.name})
    if plan.each_meal is not None and plan.used_kind >= plan.each_meal:
        return No("plans.why.used_kind", {"plan": plan.name, "count": plan.each_meal})
    if plan.used_day >= plan.daily_cap:
        return No("plans.why.cap", {"plan": plan.name, "count": plan.daily_cap})
    if plan.needs_diet and not diets & set(plan.needs_diet):
        return No("plans.why.diet", {"plan": plan.name})
    return None


def choose(plans: Iterable[Running], period: str, day: date, diets: frozenset[str]) -> Running | No:
    """Return the plan that pays for this meal: of those that may, the one that ends first. Else why none does."""
    found = sorted(plans, key=lambda one: (one.ends_on, one.term))
    answers = [(one, refusal(one, period, day, diets)) for one in found]
    for one, why in answers:
        if why is None:
            return one
    return next((why for _, why in answers if why), No("plans.why.none"))
