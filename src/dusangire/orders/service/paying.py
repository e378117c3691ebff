"""The money of a tray at checkout: its bill, and the shares of those who pay; what is refused leaves no trace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import text
from dusangire.kernel.access import Actor
from dusangire.kernel.db import savepoint
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.kernel.money import total as sum_of
from dusangire.orders import queries
from dusangire.orders.rules import Place
from dusangire.orders.rules.paying import Bill, charge, vat_of
from dusangire.payments import queries as money
from dusangire.payments.queries import StayAccount
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164
from dusangire.payments.service import Share, coupons, funds, funds_grants, payers
from dusangire.subscriptions import service as subscriptions

# Ways and words that write before the whole is decided, so that a refusal must undo something.
_WHOLE_TRAY = frozenset({Method.SUBSCRIPTION, Method.POINTS})
_MAY_UNDO = frozenset({Method.HOSPITAL_ACCOUNT, Method.SUBSCRIPTION, Method.POINTS, Method.FUND})


class Wish(Struct, frozen=True):
    """How a tray is to be paid: the order, for whom and which meal, where to, and the way that was chosen."""

    order: UUID
    patient: UUID
    day: date
    period: str
    method: Method
    place: Place = Place.BED
    phone: str = ""
    coupon: str = ""
    expects_minor: int | None = None
    may_pass_ceiling: bool = False


class Paying(Struct, frozen=True):
    """The bill of a tray, the tax inside it, and who pays what of it; the shares sum to its total."""

    bill: Bill
    vat: Money = Money(0)
    shares: tuple[Share, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether the kitchen waits for a telephone to answer."""
        return any(share.method.is_mobile for share in self.shares)


async def divide(actor: Actor, wish: Wish, items: Money, account: StayAccount) -> Paying:
    """Decide who pays what, in the transaction that orders; a refusal leaves nothing of it behind.

    The patient's row is locked. Raises Refusal in plain words.
    """
    if wish.method.is_mobile and e164(wish.phone) is None:
        raise Refusal("payments.no_such_phone", status=422)
    terms = await queries.terms(actor, wish.place)
    delivery = charge(terms.charge_minor, wish.place)
    if delivery is None:
        raise Refusal("order.no_such_place", status=422)
    try:
        async with _undone_if_refused(wish):
            bill = Bill(items, delivery, await _discount(actor, wish, items + delivery))
            if wish.expects_minor not in (None, bill.total.minor):
                raise Refusal("cart.price_changed", amount=text.money(bill.total))
            shares = await _shares(actor, wish, bill.total, account)
    except Refusal:
        if wish.method is Method.FUND:
            await funds_grants.ask_ward(actor, wish.patient, f"patient:{wish.patient}")
        raise
    _whole(shares, bill.total)
    return Paying(bill, vat_of(bill.total, terms.tax_class), shares)


@asynccontextmanager
async def _undone_if_refused(wish: Wish) -> AsyncIterator[None]:
    if wish.coupon or wish.method in _MAY_UNDO:
        async with savepoint():
            yield
    else:
        yield


async def _discount(actor: Actor, wish: Wish, total: Money) -> Money:
    return await coupons.use(actor, wish.coupon, wish.order, wish.patient, total) if wish.coupon else Money(0)


async def _shares(actor: Actor, wish: Wish, total: Money, account: StayAccount) -> tuple[Share, ...]:
    """Grants come first, then the rules of the payer class; what is left is paid as the person chose."""
    if not total:
        return ()
    shares = await _of_others(actor, wish, total, account)
    rest = total - sum_of([share.amount for share in shares])
    if rest:
        shares.append(await _own(actor, wish, rest))
    await _refuse_over_ceiling(actor, wish, shares, account)
    return tuple(shares)


async def _of_others(actor: Actor, wish: Wish, total: Money, account: StayAccount) -> list[Share]:
    if wish.method in _WHOLE_TRAY:
        return []
    if wish.method is Method.FUND:
        await funds_grants.ask(actor, wish.patient, day=wish.day, period=wish.period)
    granted = await funds.cover(actor, wish.patient, wish.order, total, day=wish.day, period=wish.period)
    shares = [granted] if granted else []
    rest = total - granted.amount if granted else total
    if rest:
        shares += await payers.divide(
            actor, account.admission, rest, order=wish.order, day=wish.day, period=wish.period
        )
    return shares


async def _own(actor: Actor, wish: Wish, rest: Money) -> Share:
    """Return the share of the person themselves; who cannot pay now eats on the account of the stay."""
    if wish.method is Method.SUBSCRIPTION:
        return await subscriptions.use_meal(actor, wish.patient, wish.period, wish.day, wish.order, rest)
    if wish.method is Method.POINTS:
        return await subscriptions.use_bonus(actor, wish.patient, wish.order, rest)
    if wish.method is Method.FUND:
        await funds_grants.ask_ward(actor, wish.patient, f"order:{wish.order}")
        return Share(Method.HOSPITAL_ACCOUNT, rest)
    return Share(wish.method, rest, phone=wish.phone if wish.method.is_mobile else None)


async def _refuse_over_ceiling(actor: Actor, wish: Wish, shares: list[Share], account: StayAccount) -> None:
    """Plans are charged to the same account, and not under the patient's lock: it is kept before it is looked at."""
    more = sum_of([share.amount for share in shares if share.method is Method.HOSPITAL_ACCOUNT])
    if not more:
        return
    kept = await money.locked_stay_account(actor, account.admission)
    if kept is None or not (wish.may_pass_ceiling or kept.has_room(more)):
        raise Refusal("pay.ceiling")


def _whole(shares: tuple[Share, ...], total: Money) -> None:
    paid = sum_of([share.amount for share in shares])
    if paid != total or any(share.amount.minor <= 0 for share in shares):
        raise RuntimeError(f"shares of {paid} do not pay {total}")
