"""Feeds by bottle and tube: signed, stopped, resumed after a hold, and what was given of them."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.queries import FeedDay, Product
from dusangire.diets.rules import Allergy
from dusangire.diets.rules.allergy import avoided
from dusangire.diets.rules.feeds import clashes, do_agree
from dusangire.diets.service.feed_clashes import FEED_ALLERGY
from dusangire.diets.service.tasks import close_task
from dusangire.diets.tables import FeedGiven, FeedOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

_LATEST = timedelta(days=1)
_AHEAD = timedelta(minutes=5)


class FeedAsked(Struct, frozen=True):
    """What is asked of a feed. Continuous: `total_ml`, `hours`, `rate_ml_h`; else `amount` at each of `times`."""

    product: str
    is_tube: bool
    start_at: datetime
    end_at: datetime | None = None
    total_ml: Decimal | None = None
    hours: int | None = None
    rate_ml_h: Decimal | None = None
    amount: Decimal | None = None
    times: tuple[time, ...] = ()
    continues_in_npo: bool = False
    reason: str = ""

    @property
    def is_continuous(self) -> bool:
        return self.total_ml is not None


async def sign_feed(actor: Actor, patient: UUID, asked: FeedAsked) -> UUID:
    """Sign a feed; return its id.

    Raises NoRight, NotHere, and Refusal for what does not add up, a route the product is not for, an allergy to it,
    allergies nobody has asked for, and running through holds where no doctor says so.
    """
    if not (actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)):
        raise NoRight
    if asked.continues_in_npo and not actor.may(Can.DIET_SIGN):
        raise Refusal("feeds.only_doctor", status=403)
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        product = await queries.product(actor, asked.product)
        _refuse_bad(asked, product)
        known = await queries.safety(actor, patient)
        if known.admission is None:
            raise Refusal("diets.not_admitted")
        await _refuse_allergic(actor, patient, product)
        await FeedOrder.insert(FeedOrder(id=made, **_columns(actor, patient, known.admission, product, asked)))
        await record(actor, "feed:signed", f"patient:{patient}", feed=str(made), code=product.code)
        await wards.changed(actor, patient, why="feed:signed")
    return made


async def sign_feed_with_password(actor: Actor, patient: UUID, asked: FeedAsked, password: str) -> UUID:
    """Sign as a person does: with their own password, asked again. Raises Refusal("account.password_wrong") too."""
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
    return await sign_feed(actor, patient, asked)


async def stop_feed(actor: Actor, patient: UUID, feed: UUID, reason: str) -> None:
    """End a feed for good, with why. Raises NoRight, NotHere, Refusal("feeds.over")."""
    if not (actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)):
        raise NoRight
    now = clock.now()
    async with transaction():
        await wards.lock(actor, patient)
        one = await _feed(actor, patient, feed)
        if one.is_over:
            raise Refusal("feeds.over")
        await FeedOrder.update(
            {FeedOrder.stopped_at: now, FeedOrder.stopped_by: actor.user, FeedOrder.stop_reason: reason.strip()}
        ).where(mine(FeedOrder, actor), FeedOrder.id == feed, FeedOrder.stopped_at.is_null())
        code = one.row.product_code
        await close_task(actor, FEED_ALLERGY, patient=patient, about=f"feed:{feed}")
        await record(actor, "feed:stopped", f"patient:{patient}", feed=str(feed), code=code, reason=reason.strip())
        await wards.changed(actor, patient, why="feed:stopped")


async def resume_feed(actor: Actor, patient: UUID, feed: UUID) -> None:
    """Let a feed go on that a hold or an allergy, over by now, has left suspended.

    Raises NoRight, NotHere, Refusal while an allergy forbids it, and for one that does not wait.
    """
    if not (actor.may(Can.DIET_SIGN) or actor.may(Can.DIET_SIGN_PROTOCOL)):
        raise NoRight
    async with transaction():
        await wards.lock(actor, patient)
        one = await _feed(actor, patient, feed)
        if one.is_over or not one.waits:
            raise Refusal("feeds.not_waiting")
        await _refuse_allergic(actor, patient, await queries.product(actor, one.row.product_code))
        await close_task(actor, FEED_ALLERGY, patient=patient, about=f"feed:{feed}")
        await FeedOrder.update({FeedOrder.confirmed_at: clock.now()}).where(
            mine(FeedOrder, actor), FeedOrder.id == feed, FeedOrder.stopped_at.is_null()
        )
        await record(actor, "feed:resumed", f"patient:{patient}", feed=str(feed), code=one.row.product_code)
        await wards.changed(actor, patient, why="feed:resumed")


async def record_given(  # noqa: PLR0917 - what a nurse writes down
    actor: Actor, patient: UUID, feed: UUID, what: str, amount: Decimal, at: datetime, note: str = ""
) -> UUID:
    """Write down what was given, a stop, or a correction (which may be negative, and says why).

    Raises NoRight, NotHere, Refusal for a time to come or before the feed, or a correction below nothing.
    """
    if not actor.may(Can.CHART_SEE):
        raise NoRight
    made = uuid7()
    async with transaction():
        await wards.lock(actor, patient)
        one = await _feed(actor, patient, feed)
        _refuse_given(one, what, amount, at, note)
        await FeedGiven.insert(
            FeedGiven(
                id=made,
                hospital=actor.hospital,
                patient=patient,
                feed_order=feed,
                what=what,
                amount=amount,
                at=at,
                note=note.strip(),
                recorded_by=actor.user,
                recorded_at=clock.now(),
            )
        )
        await record(actor, "feed:recorded", f"patient:{patient}", feed=str(feed), code=one.row.product_code, what=what)
        await wards.changed(actor, patient, why="feed:recorded")
    return made


def _refuse_given(one: FeedDay, what: str, amount: Decimal, at: datetime, note: str) -> None:
    if at > clock.now() + _AHEAD:
        raise Refusal("feeds.not_yet", status=422)
    if at < one.row.start_at - _AHEAD:
        raise Refusal("feeds.before_start", status=422)
    if what == "correction":
        if not note.strip():
            raise Refusal("feeds.say_why", status=422)
        if amount + sum(record.amount for record in one.records) < 0:
            raise Refusal("feeds.below_nothing", status=422)
    elif amount < 0:
        raise Refusal("form.number_least", status=422, limit=0)


async def _feed(actor: Actor, patient: UUID, feed: UUID) -> FeedDay:
    shown = (await queries.feeds(actor, [patient]))[patient]
    found = next((one for one in shown.running + shown.past if one.row.id == feed), None)
    if found is None:
        raise NotHere
    return found


def _refuse_bad(asked: FeedAsked, product: Product) -> None:
    if not product.is_offered or not (product.by_tube if asked.is_tube else product.by_mouth):
        raise Refusal("feeds.wrong_route", status=422)
    if asked.is_continuous:
        if asked.total_ml is None or asked.hours is None or asked.rate_ml_h is None or not asked.is_tube:
            raise Refusal("feeds.needs_pump", status=422)
        if not do_agree(asked.total_ml, asked.hours, asked.rate_ml_h):
            raise Refusal(
                "feeds.disagree", status=422, total=asked.total_ml, hours=asked.hours, rate=asked.rate_ml_h,
                value=asked.rate_ml_h * asked.hours,
            )  # fmt: skip
    elif not asked.amount or not asked.times:
        raise Refusal("feeds.needs_times", status=422)
    if asked.end_at is not None and asked.end_at <= max(asked.start_at, clock.now()):
        raise Refusal("diets.end_before_start", status=422)
    if asked.start_at < clock.now() - _LATEST:
        raise Refusal("diets.start_past", status=422)


async def _refuse_allergic(actor: Actor, patient: UUID, product: Product) -> None:
    known = await queries.safety(actor, patient)
    if known.allergy_status == "not_asked" or known.uncoded_text:
        raise Refusal("feeds.ask_allergies")
    manual = await queries.manual(actor)
    rows = [Allergy(row.code, row.severity) for row in await queries.allergies(actor, patient)]
    for code in clashes(product.allergens, avoided(rows, manual.groups, manual.ingredients)[0]):
        raise Refusal("feeds.allergy", code=code)


def _columns(actor: Actor, patient: UUID, admission: UUID, product: Product, asked: FeedAsked) -> dict[str, Any]:
    now = clock.now()
    return {
        "hospital": actor.hospital,
        "patient": patient,
        "admission": admission,
        "product": product.id,
        "unit_ml": product.unit_ml,
        "unit_kcal": product.unit_kcal,
        "unit_protein_g": product.unit_protein_g,
        "dish_code": product.dish_code,
        "route": "tube" if asked.is_tube else "oral",
        "pace": "continuous" if asked.is_continuous else "bolus",
        "total_ml": asked.total_ml,
        "hours": asked.hours,
        "rate_ml_h": asked.rate_ml_h,
        "amount": None if asked.is_continuous else asked.amount,
        "times": [] if asked.is_continuous else sorted(set(asked.times)),
        "continues_in_npo": asked.continues_in_npo and asked.is_tube,
        "reason": asked.reason.strip(),
        "start_at": asked.start_at,
        "end_at": asked.end_at,
        "signed_by": actor.user,
        "signed_at": now,
        "confirmed_at": now,
    }
