"""Coupons: what one takes off a total, and why one may not be used."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money


class CouponKind(StrEnum):
    """A part of the total, or so many francs."""

    PERCENT = "percent"
    AMOUNT = "amount"


class Audience(StrEnum):
    """For whom a coupon is."""

    EVERYONE = "everyone"
    PATIENTS = "patients"
    STAFF = "staff"


class Coupon(Struct, frozen=True):
    """One coupon as it stands. least_minor: the total it begins at; most_minor: the most it takes off, None for any."""

    id: UUID
    code: str
    kind: CouponKind
    value: int
    least_minor: int
    most_minor: int | None
    uses_left: int
    per_person: int | None
    audience: Audience
    valid_from: date
    valid_to: date | None
    is_stopped: bool
    used: int = 0
    given_minor: int = 0

    @property
    def least(self) -> Money:
        return Money(self.least_minor)

    @property
    def most(self) -> Money | None:
        return None if self.most_minor is None else Money(self.most_minor)

    @property
    def given(self) -> Money:
        return Money(self.given_minor)

    @property
    def off(self) -> Money:
        """The francs of a coupon over an amount."""
        return Money(self.value)


def discount(coupon: Coupon, total: Money) -> Money:
    """Return what the coupon takes off: whole francs rounded half up, never above its most, never above the total."""
    off = (total.minor * coupon.value + 50) // 100 if coupon.kind is CouponKind.PERCENT else coupon.value
    return Money(min(off, total.minor, off if coupon.most_minor is None else coupon.most_minor))


def objection(coupon: Coupon, total: Money, today: date, *, used_by_them: int, is_patient: bool) -> str:
    """Return the key of why this coupon may not be used now; '' where nothing stands against it."""
    wrong = {
        "coupon.stopped": coupon.is_stopped,
        "coupon.not_yet": today < coupon.valid_from,
        "coupon.over": coupon.valid_to is not None and today > coupon.valid_to,
        "coupon.not_for_you": coupon.audience is (Audience.STAFF if is_patient else Audience.PATIENTS),
        "coupon.used_up": coupon.uses_left < 1,
        "coupon.used_by_you": coupon.per_person is not None and used_by_them >= coupon.per_person,
        "coupon.least": total < coupon.least,
        "coupon.nothing_off": not discount(coupon, total),
    }
    return next((key for key, is_so in wrong.items() if is_so), "")


def plain_code(typed: str) -> str:
    """Return a code as it is stored, however it was typed: "lunch-10 " → "LUNCH10"."""
    return "".join(letter for letter in typed.upper() if letter.isascii() and letter.isalnum())
