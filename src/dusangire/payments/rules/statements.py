"""What a stay costs, who has paid which part of it, and what is still open."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from dusangire.kernel.money import Money, total
from dusangire.payments.rules.machine import ASKED, Method, Payer, State

_TAKEN = frozenset({State.PAID, State.CHARGED})


class Part(Struct, frozen=True):
    """One attempt to pay a part of something. refunded: what of it went back."""

    payer: Payer
    method: Method
    state: State
    amount: Money
    refunded: Money = Money(0)

    @property
    def kept(self) -> Money:
        """What was taken, or put on an account, and has not gone back."""
        return self.amount - self.refunded if self.state in _TAKEN else Money(0)


class Charge(Struct, frozen=True):
    """One thing on a bill: its price (nothing where it was called off) and every attempt to pay it."""

    charged: Money
    parts: tuple[Part, ...] = ()

    @property
    def kept(self) -> Money:
        return total([part.kept for part in self.parts])

    @property
    def waiting(self) -> Money:
        """What is asked for and not there yet."""
        return total([part.amount for part in self.parts if part.state in ASKED])

    @property
    def refunded(self) -> Money:
        return total([part.refunded for part in self.parts if part.state in _TAKEN])

    @property
    def free(self) -> Money:
        """What went back although it was due: the hospital gave that much of it for nothing."""
        lacking = self.charged - self.kept - self.waiting
        return max(Money(0), min(self.refunded, lacking))

    @property
    def open(self) -> Money:
        return self.charged - self.free - self.kept


class Totals(Struct, frozen=True):
    """A stay's account in sums. open: what is due of the meals themselves.

    on_account: charged to the stay, less what was paid towards it; both are what somebody still has to pay.
    """

    charged: Money
    free: Money
    kept: Money
    refunded: Money
    open: Money
    charged_to_account: Money
    paid_to_account: Money
    ceiling: Money

    @property
    def on_account(self) -> Money:
        return self.charged_to_account - self.paid_to_account

    @property
    def to_pay(self) -> Money:
        return self.open + self.on_account

    @property
    def is_settled(self) -> bool:
        return self.to_pay.minor <= 0

    @property
    def under_ceiling(self) -> Money:
        """How much more the stay's account may be charged."""
        return max(Money(0), self.ceiling - self.on_account)


def totals(charges: Sequence[Charge], towards: Iterable[Part], ceiling: Money) -> Totals:
    """Return the sums. towards: the payments to the stay's account itself."""
    return Totals(
        charged=total([one.charged for one in charges]),
        free=total([one.free for one in charges]),
        kept=total([one.kept for one in charges]),
        refunded=total([one.refunded for one in charges]),
        open=total([one.open for one in charges]),
        charged_to_account=total([
            part.kept for one in charges for part in one.parts if part.method is Method.HOSPITAL_ACCOUNT
        ]),
        paid_to_account=total([part.kept for part in towards]),
        ceiling=ceiling,
    )  # fmt: skip


def by_payer(charges: Iterable[Charge], towards: Iterable[Part]) -> dict[tuple[Payer, Method], Money]:
    """Return who paid how much and how, what was put on the stay's account included, the largest first."""
    found: dict[tuple[Payer, Method], Money] = {}
    parts = [part for one in charges for part in one.parts]
    for part in [*parts, *towards]:
        if part.kept:
            key = (part.payer, part.method)
            found[key] = found.get(key, Money(0)) + part.kept
    return dict(sorted(found.items(), key=lambda item: (-item[1].minor, item[0])))
