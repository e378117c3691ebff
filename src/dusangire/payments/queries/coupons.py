"""Reads of coupons and their uses."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules.coupons import Coupon

_COUPON = """
    SELECT c.id, c.code, c.kind, c.value, c.least_minor, c.most_minor, c.uses_left, c.per_person, c.audience,
           c.valid_from, c.valid_to, c.stopped_at IS NOT NULL AS is_stopped, u.used, u.given_minor
    FROM coupon c, LATERAL (
        SELECT count(*)::int AS used, coalesce(sum(amount_minor), 0)::int AS given_minor FROM coupon_use u
        WHERE u.hospital = c.hospital AND u.coupon = c.id AND u.given_back_at IS NULL) u
"""


class CouponUse(Struct, frozen=True):
    """One use: for which order, when, how much, and when it was given back."""

    order: UUID
    order_code: str
    amount_minor: int
    used_at: datetime
    given_back_at: datetime | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


async def coupons(actor: Actor) -> list[Coupon]:
    """Return every coupon, those that can be used first, the newest of them first."""
    return await fetch(
        Coupon, f"{_COUPON} WHERE c.hospital = $1 ORDER BY c.stopped_at IS NOT NULL, c.made_at DESC", actor.hospital
    )


async def coupon(actor: Actor, coupon_id: UUID) -> Coupon:
    """Return one coupon. Raises NotHere."""
    found = await fetch_one(Coupon, f"{_COUPON} WHERE c.hospital = $1 AND c.id = $2", actor.hospital, coupon_id)
    if found is None:
        raise NotHere
    return found


async def coupon_of_code(actor: Actor, code: str) -> Coupon | None:
    return await fetch_one(
        Coupon,
        """
        SELECT id, code, kind, value, least_minor, most_minor, uses_left, per_person, audience, valid_from, valid_to,
               stopped_at IS NOT NULL AS is_stopped
        FROM coupon WHERE hospital = $1 AND code = $2
        """,
        actor.hospital,
        code,
    )


async def times_used(actor: Actor, coupon_id: UUID, person: UUID) -> int:
    """Return how many orders of this person the coupon stands on."""
    return int(
        await fetch_value(
            """
            SELECT count(*) FROM coupon_use
            WHERE hospital = $1 AND coupon = $2 AND person = $3 AND given_back_at IS NULL
            """,
            actor.hospital,
            coupon_id,
            person,
        )
    )


async def coupon_uses(actor: Actor, coupon_id: UUID) -> list[CouponUse]:
    """Return the uses of a coupon, the latest first, without a name: the order says whose it was."""
    return await fetch(
        CouponUse,
        """
        SELECT u.meal_order AS order, o.code AS order_code, u.amount_minor, u.used_at, u.given_back_at FROM coupon_use u
        JOIN meal_order o ON o.hospital = u.hospital AND o.id = u.meal_order
        WHERE u.hospital = $1 AND u.coupon = $2 ORDER BY u.used_at DESC LIMIT 500
        """,
        actor.hospital,
        coupon_id,
    )
