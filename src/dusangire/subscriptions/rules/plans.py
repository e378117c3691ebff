"""What a plan is: for whom, how many meals of which kinds, at what price. Data, not program."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Payer
from dusangire.subscriptions.rules.worth import discounted


class ForRole(StrEnum):
    """Whom a plan is for."""

    PATIENT = "patient"
    STAFF = "staff"


class Span(StrEnum):
    """What the period of a plan is called."""

    WEEK = "week"
    MONTH = "month"


Letter = Literal["B", "L", "D", "S"]
KINDS: dict[str, str] = {"B": "meal.breakfast", "L": "meal.lunch", "D": "meal.dinner", "S": "meal.snack"}
SPAN_DAYS = {Span.WEEK: 7, Span.MONTH: 30}


class Terms(Struct, frozen=True):
    """The terms of one version of a plan."""

    for_role: ForRole
    span: Span
    meals: int | None
    letters: tuple[str, ...]
    each_meal: int | None
    daily_cap: int
    regular_minor: int
    discount_percent: int
    needs_diet: tuple[str, ...] = ()

    @property
    def price(self) -> Money:
        return discounted(Money(self.regular_minor), self.discount_percent)


def problem(terms: Terms) -> tuple[str, str] | None:
    """Return the field that is wrong and the key of why; None for terms that can be kept."""
    most = SPAN_DAYS[terms.span] * terms.daily_cap
    if not terms.letters or not set(terms.letters) <= set(KINDS):
        return "letters", "form.choose_one"
    if terms.meals is not None and terms.meals > most:
        return "meals", "plans.form.too_many"
    if terms.each_meal is not None and (terms.meals is None or terms.each_meal * len(terms.letters) < terms.meals):
        return "each_meal", "plans.form.each_too_few"
    if terms.price.minor < 1:
        return "discount_percent", "plans.form.free"
    return None


def role_of(actor: Actor) -> ForRole:
    """Return which plans are sold to the person who asks: a relative buys for the patient."""
    return ForRole.PATIENT if actor.role in (Role.PATIENT, Role.CAREGIVER) else ForRole.STAFF


_METHODS = {
    ForRole.PATIENT: (Method.MTN, Method.AIRTEL, Method.CASH, Method.HOSPITAL_ACCOUNT, Method.BANK),
    ForRole.STAFF: (Method.MTN, Method.AIRTEL, Method.CASH, Method.BANK),
}


def methods(role: ForRole) -> tuple[Method, ...]:
    """Return how a plan can be paid for: the hospital's account is for who lies in a bed."""
    return _METHODS[role]


def payer(role: ForRole) -> Payer:
    return Payer.PATIENT if role is ForRole.PATIENT else Payer.STAFF
