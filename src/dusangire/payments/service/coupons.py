"""Coupons: made, stopped, used with an order and given back with it."""

from datetime import date
from uuid import UUID

from asyncpg import UniqueViolationError
from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.queries import coupons as queries
from dusangire.payments.rules.coupons import Audience, CouponKind, discount, objection, plain_code
from dusangire.payments.rules.coupons import Coupon as Fitting
from dusangire.payments.tables import Coupon


class NewCoupon(Struct, frozen=True):
    """What a coupon is to be. most_minor: the most it takes off; per_person: how often one person may use it."""

    code: str
    kind: CouponKind
    value: int
    uses: int
    valid_from: date
    valid_to: date | None = None
    least_minor: int = 0
    most_minor: int | None = None
    per_person: int | None = None
    audience: Audience = Audience.EVERYONE


# The last use goes to one of many buyers: the condition and the write are one statement, and so is the trace of it.
TAKE = """
    WITH taken AS (
        UPDATE coupon SET uses_left = uses_left - 1
        WHERE hospital = $1 AND id = $2 AND uses_left > 0 AND stopped_at IS NULL RETURNING id
    )
    INSERT INTO coupon_use (id, hospital, coupon, meal_order, person, amount_minor, used_by)
    SELECT $3, $1, taken.id, $4, $5, $6, $7 FROM taken RETURNING id
"""


async def make(actor: Actor, wanted: NewCoupon) -> UUID:
    """Make a coupon. Raises Refusal where the code is taken."""
    made = uuid7()
    try:
        async with transaction():
            await Coupon.insert(
                Coupon(
                    id=made,
                    hospital=actor.hospital,
                    code=plain_code(wanted.code),
                    kind=wanted.kind.value,
                    value=wanted.value,
                    least_minor=wanted.least_minor,
                    most_minor=wanted.most_minor,
                    uses_left=wanted.uses,
                    per_person=wanted.per_person,
                    audience=wanted.audience.value,
                    valid_from=wanted.valid_from,
                    valid_to=wanted.valid_to,
                    made_by=actor.user,
                    made_at=clock.now(),
                )
            )
            await record(actor, "coupon:made", f"coupon:{made}", code=plain_code(wanted.code), value=wanted.value)
    except UniqueViolationError:
        raise Refusal("coupon.code_taken", status=422) from None
    return made


async def stop(actor: Actor, coupon_id: UUID) -> None:
    """Stop a coupon; what was ordered with it stays as it is. Raises NotHere where it is stopped already."""
    async with transaction():
        stopped = (
            await Coupon.update({Coupon.stopped_at: clock.now(), Coupon.stopped_by: actor.user})
            .where(mine(Coupon, actor), Coupon.id == coupon_id, Coupon.stopped_at.is_null())
            .returning(Coupon.id)
        )
        if not stopped:
            raise NotHere
        await record(actor, "coupon:stopped", f"coupon:{coupon_id}")


async def use(actor: Actor, code: str, order: UUID, patient: UUID | None, total: Money) -> Money:
    """Use a coupon for an order in the caller's transaction; return what it takes off.

    patient None: staff, for themselves. The order's row may be written later in the transaction. The caller holds the
    patient's lock. Raises Refusal, and has written nothing then.
    """
    coupon = await _fitting(actor, code, patient, total)
    off, person = discount(coupon, total), patient or actor.user
    taken = await fetch_value(TAKE, actor.hospital, coupon.id, uuid7(), order, person, off.minor, actor.user)
    if taken is None:
        raise Refusal("coupon.used_up", status=409)
    return off


async def worth(actor: Actor, code: str, patient: UUID | None, total: Money) -> Money:
    """Return what a coupon would take off now; nothing is used. Raises Refusal as `use` does."""
    return discount(await _fitting(actor, code, patient, total), total)


async def _fitting(actor: Actor, code: str, patient: UUID | None, total: Money) -> Fitting:
    coupon = await queries.coupon_of_code(actor, plain_code(code))
    if coupon is None:
        raise Refusal("coupon.unknown", status=422)
    before = await queries.times_used(actor, coupon.id, patient or actor.user) if coupon.per_person else 0
    today = clock.local_day(clock.now(), actor.zone)
    why = objection(coupon, total, today, used_by_them=before, is_patient=patient is not None)
    if why:
        raise Refusal(why, status=422, least=coupon.least_minor)
    return coupon


async def give_back(actor: Actor, about: str) -> None:
    """Give the use back when its order is called off; `about` is "order:<id>". Once: a second call finds nothing."""
    await execute(
        """
        WITH back AS (
            UPDATE coupon_use SET given_back_at = now()
            WHERE hospital = $1 AND meal_order = $2 AND given_back_at IS NULL RETURNING coupon
        )
        UPDATE coupon c SET uses_left = uses_left + 1 FROM back WHERE c.hospital = $1 AND c.id = back.coupon
        """,
        actor.hospital,
        UUID(about.partition(":")[2]),
    )


async def follow_merged(actor: Actor, about: str) -> None:
    """Let the coupons that a merged record used count for the kept one. "patient:<kept>"."""
    await execute(
        """
        UPDATE coupon_use u SET person = gone.merged_into FROM patient gone
        WHERE u.hospital = $1 AND gone.hospital = $1 AND gone.merged_into = $2 AND u.person = gone.id
        """,
        actor.hospital,
        UUID(about.partition(":")[2]),
    )
