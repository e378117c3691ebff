"""The money of a tray in the words of the one who pays: how it stands, each part of it, and what goes back."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.money import Money as Amount
from dusangire.kernel.money import total
from dusangire.kernel.phrase import Phrase
from dusangire.kernel.settings import settings
from dusangire.orders.pages.ways import NAMES
from dusangire.orders.rules.paying import Standing, latest, missing, standing
from dusangire.payments import queries
from dusangire.payments.queries import Payment, Refund
from dusangire.payments.rules import Method, Payer, State
from dusangire.payments.rules.providers import Reason, masked
from dusangire.payments.rules.receipts import pay_kind

_OWN = frozenset({Payer.PATIENT, Payer.STAFF})
_WHY: dict[str, str] = {
    Reason.NO_FUNDS: "pay.fail_funds", Reason.DECLINED: "pay.fail_declined", Reason.WRONG_PIN: "pay.fail_pin",
    Reason.EXPIRED: "pay.fail_expired", Reason.OVER_LIMIT: "pay.fail_limit", Reason.NO_SUCH_PAYER: "pay.fail_number",
    Reason.PAYER_BLOCKED: "paying.fail_blocked", Reason.PROVIDER_DOWN: "pay.provider_down",
}  # fmt: skip


class Part(Struct, frozen=True):
    """One part of a bill: what it is called, how much, and how it stands."""

    name: Phrase
    amount: Amount
    state: Phrase
    phone: str = ""
    number: str = ""


class Money(Struct, frozen=True):
    """How the money of one tray stands. What others pay is one line without a name.

    is_reported: the revenue authority hears of something that was paid.
    """

    standing: Standing
    missing: Payment | None
    why: Phrase | None
    transfer: Payment | None
    parts: tuple[Part, ...]
    refunds: tuple[Part, ...]
    own: frozenset[UUID]
    is_reported: bool

    @property
    def phone(self) -> str:
        """The number that is asked, as it may be shown."""
        return masked(self.missing.phone) if self.missing and self.missing.phone else ""


async def seen(actor: Actor, order_id: UUID) -> Money:
    """Return how it stands with the money of one tray. Two statements."""
    tried = await queries.payments_of(actor, order_id)
    back = await queries.refunds_of(actor, order_id)
    counted, lacking = latest(tried), missing(tried)
    due = (one for one in counted if one.method is Method.BANK and one.state is State.PENDING)
    return Money(
        standing=standing(tried),
        missing=lacking,
        why=_why(lacking) if lacking else None,
        transfer=next(due, None),
        parts=_parts(counted),
        own=frozenset(one.id for one in tried if one.payer in _OWN),
        is_reported=any(one.payer in _OWN and _is_done(one) and pay_kind(one.method, one.purpose) for one in counted),
        refunds=tuple(_refund(one) for one in back if one.replaced_by is None and _is_own(tried, one)),
    )


def is_fiscal_due(money: Money) -> bool:
    """Return whether the revenue authority's receipt is to come: it hears of what was paid, and a device is set up."""
    return settings().ebm is not None and money.is_reported


def _parts(counted: Sequence[Payment]) -> tuple[Part, ...]:
    own = [_part(one) for one in counted if one.payer in _OWN]
    others = total([one.amount for one in counted if one.payer not in _OWN])
    return (*own, Part(Phrase("paying.covered"), others, Phrase("payment.state.paid"))) if others else tuple(own)


def _part(one: Payment) -> Part:
    return Part(
        name=Phrase(f"payment.{one.method}"),
        amount=one.amount,
        state=Phrase(f"payment.state.{one.state}"),
        phone=masked(one.phone) if one.phone else "",
        number=queries.receipt_number(one.reference) if _is_done(one) else "",
    )


def _is_done(one: Payment) -> bool:
    return one.state in (State.PAID, State.CHARGED)


def _why(lacking: Payment) -> Phrase | None:
    """Return why it did not go through; None where it may still, or where nobody said."""
    if lacking.state is not State.FAILED:
        return None
    return Phrase(_WHY.get(lacking.reason or "", "paying.fail_other"), {"provider": NAMES[lacking.method]})


def _refund(one: Refund) -> Part:
    return Part(
        name=Phrase(f"payment.{one.method}"),
        amount=one.amount,
        state=Phrase(f"refund.state.{one.state}"),
        phone=masked(one.phone) if one.phone else "",
    )


def _is_own(tried: Sequence[Payment], back: Refund) -> bool:
    return any(one.id == back.payment and one.payer in _OWN for one in tried)
