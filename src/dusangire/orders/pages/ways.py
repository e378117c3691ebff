"""The ways to pay a tray as they are offered: which one first, what each would mean, and honestly why one is closed."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import text
from dusangire.kernel.access import Actor
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Phrase
from dusangire.orders import queries
from dusangire.orders.rules.paying import CHOSEN, offered
from dusangire.payments import queries as payments
from dusangire.payments.queries import StayAccount
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import guess
from dusangire.subscriptions import queries as subscriptions
from dusangire.subscriptions.queries import Allowance, Card

NAMES: dict[Method, Phrase] = {
    Method.MTN: Phrase("pay.momo"),
    Method.AIRTEL: Phrase("pay.airtel"),
    Method.CASH: Phrase("order.pay.cash"),
    Method.HOSPITAL_ACCOUNT: Phrase("order.pay.account"),
    Method.SUBSCRIPTION: Phrase("pay.plan"),
    Method.POINTS: Phrase("paying.points"),
    Method.BANK: Phrase("pay.bank"),
    Method.FUND: Phrase("checkout.cannot_pay"),
    Method.INSURER: Phrase("paying.insurer"),
    Method.HOSPITAL: Phrase("paying.covered"),
}
_ICONS = {
    Method.MTN: "mobile", Method.AIRTEL: "mobile", Method.CASH: "cash", Method.HOSPITAL_ACCOUNT: "ward",
    Method.SUBSCRIPTION: "heart", Method.POINTS: "mark", Method.BANK: "bank", Method.FUND: "users",
}  # fmt: skip


class Way(Struct, frozen=True):
    """One way to pay: its name, what it would mean, and whether it is closed now."""

    method: Method
    name: Phrase
    hint: Phrase
    icon: str
    is_closed: bool = False


class Known(Struct, frozen=True):
    """What the ways depend on, read once. providers: those there are, and whether they answer."""

    total: Money
    account: StayAccount | None
    providers: dict[Method, bool]
    allowance: Allowance | None
    card: Card
    last: Method | None
    phone: str
    is_for_other: bool


async def known(actor: Actor, patient: UUID, day: date, period: str, total: Money) -> Known:
    """Return what there is to pay with, as of now."""
    networks = await payments.providers(actor)
    return Known(
        total=total,
        account=await payments.stay_account(actor, patient),
        providers={Method(one.provider): one.is_up for one in networks},
        allowance=await subscriptions.allowance(actor, patient, day=day, period=period),
        card=await subscriptions.card(actor, patient),
        last=await queries.last_method(actor, patient),
        phone=await queries.own_phone(actor, patient),
        is_for_other=actor.patient != patient,
    )


def ways(by: Known, methods: tuple[Method, ...] = CHOSEN) -> list[Way]:
    """Return the ways that make sense for this tray, the one used last first, closed ones with their reason."""
    return [way for method in offered(by.last) if method in methods and (way := _way(by, method)) is not None]


def first(by: Known, found: list[Way]) -> Method:
    """Return the way to begin with: the plan that covers the meal, else as last time, the phone's network, or cash."""
    open_now = [way.method for way in found if not way.is_closed]
    if Method.SUBSCRIPTION in open_now:
        return Method.SUBSCRIPTION
    if by.last in open_now:
        return by.last
    network = guess(by.phone) if by.phone else None
    guessed = Method(network) if network else Method.CASH
    return guessed if guessed in open_now else Method.CASH


def _way(by: Known, method: Method) -> Way | None:
    if method.is_mobile:
        return _mobile(by, method)
    if method is Method.HOSPITAL_ACCOUNT:
        return _account(by)
    if method is Method.SUBSCRIPTION:
        return _plan(by)
    if method is Method.POINTS:
        return _points(by)
    if method is Method.FUND:
        return None if by.is_for_other else _made(method, Phrase("checkout.cannot_pay_ok"))
    return _made(method, Phrase("order.pay.cash_hint" if method is Method.CASH else "paying.bank_hint"))


def _mobile(by: Known, method: Method) -> Way | None:
    is_up = by.providers.get(method)
    if is_up is None:
        return None
    if not is_up:
        return _made(method, Phrase("pay.provider_down", {"provider": NAMES[method]}), is_closed=True)
    return _made(method, Phrase("paying.used_last" if by.last is method else f"paying.{method}_hint"))


def _account(by: Known) -> Way | None:
    if by.account is None:
        return None
    is_full = not by.account.has_room(by.total)
    facts = {"charged": text.money(by.account.charged), "ceiling": text.money(by.account.ceiling)}
    hint = Phrase("pay.ceiling") if is_full else Phrase("order.pay.account_hint", facts)
    return _made(Method.HOSPITAL_ACCOUNT, hint, is_closed=is_full)


def _plan(by: Known) -> Way | None:
    plan = by.allowance
    if plan is None:
        return None
    name = Phrase("paying.plan", {"plan": plan.name})
    if plan.why is not None:
        return Way(Method.SUBSCRIPTION, name, Phrase(plan.why.key, plan.why.facts), _ICONS[Method.SUBSCRIPTION], True)
    if plan.left is None or plan.meals is None or plan.after is None:
        hint = Phrase("paying.plan_any", {"count": plan.left_today})
    else:
        hint = Phrase("paying.plan_left", {"left": plan.left, "of": plan.meals, "after": plan.after})
    return Way(Method.SUBSCRIPTION, name, hint, _ICONS[Method.SUBSCRIPTION])


def _points(by: Known) -> Way | None:
    rule = by.card.rule
    if not rule.is_on or not by.card.balance:
        return None
    facts = {"balance": by.card.balance, "points": rule.bonus_points}
    if not by.card.bonus_meals:
        return _made(
            Method.POINTS, Phrase("paying.points_missing", facts | {"missing": by.card.missing}), is_closed=True
        )
    if by.total > by.card.bonus:
        return _made(Method.POINTS, Phrase("paying.points_most", {"most": text.money(by.card.bonus)}), is_closed=True)
    return _made(Method.POINTS, Phrase("paying.points_hint", facts | {"after": by.card.balance - rule.bonus_points}))


def _made(method: Method, hint: Phrase, *, is_closed: bool = False) -> Way:
    return Way(method, NAMES[method], hint, _ICONS[method], is_closed)
