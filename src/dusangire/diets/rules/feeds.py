"""Feeds by bottle and tube: their hours, what they add up to, and what of it counts in the day of the trays."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from msgspec import Struct, structs

from .allergy import Avoided
from .facts import Bound, FeedFacts, Kind, Reason
from .holds import Fast
from .limits import Limit
from .sums import Check

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_ZERO = Decimal(0)
_FLUID = "fluid_ml"
_FED = ("kcal", "protein_g")
_LAST_HOUR = Decimal("1.5")


class Totals(Struct, frozen=True):
    """What is fed: volume, energy and protein."""

    ml: Decimal = _ZERO
    kcal: Decimal = _ZERO
    protein_g: Decimal = _ZERO

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.ml + other.ml, self.kcal + other.kcal, self.protein_g + other.protein_g)


class Slot(Struct, frozen=True):
    """One hour of a pump, or one bolus (`end` is its start). `is_suspended`: nothing by mouth stops it."""

    start: datetime
    end: datetime
    amount: Decimal
    is_suspended: bool = False


def hourly(total_ml: Decimal, hours: int, rate_ml_h: Decimal) -> tuple[Decimal, ...]:
    """Return what a pump gives in each hour: the rate, and in the last hour what is left of the order."""
    return (rate_ml_h,) * (hours - 1) + (total_ml - rate_ml_h * (hours - 1),)


def do_agree(total_ml: Decimal, hours: int, rate_ml_h: Decimal) -> bool:
    """Whether volume, hours and rate agree: the last hour gives something, at most half more than the others."""
    last = hourly(total_ml, hours, rate_ml_h)[-1]
    return _ZERO < last <= rate_ml_h * _LAST_HOUR


def a_day(feed: FeedFacts) -> Decimal:
    """Return what the order says for one day, in its own measure."""
    if feed.total_ml is not None:
        return feed.total_ml
    return (feed.amount or _ZERO) * len(feed.times)


def totals(feed: FeedFacts, amount: Decimal) -> Totals:
    """Return what an amount of a feed holds: ml by tube, units by mouth."""
    units = amount / feed.unit_ml if feed.is_tube else amount
    ml = amount if feed.is_tube else amount * feed.unit_ml
    return Totals(ml, units * feed.unit_kcal, units * feed.unit_protein_g)


def cycle(feed: FeedFacts, zone: tzinfo) -> tuple[Slot, ...]:
    """Return one whole day of the order from its start on, as signed: its amounts sum to the order exactly."""
    begins = feed.start.astimezone(zone)
    if feed.total_ml is not None:
        return _pump(feed, begins)
    days = (begins.date(), begins.date() + _DAY)
    slots = [_bolus(feed, day, at, zone) for day in days for at in sorted(feed.times)]
    return tuple([slot for slot in slots if slot.start >= begins][: len(feed.times)])


def slots(feed: FeedFacts, day: date, zone: tzinfo, held: Iterable[Fast]) -> tuple[Slot, ...]:
    """Return what is due on a day of the hospital, each hour by its beginning, with what a hold suspends."""
    first = datetime.combine(day, time.min, zone)
    fasts = tuple(held)
    due = [
        slot
        for slot in _due(feed, day, first, zone)
        if first <= slot.start < first + _DAY
        and slot.start >= feed.start
        and (feed.end is None or slot.start < feed.end)
    ]
    return tuple(structs.replace(slot, is_suspended=is_suspended(feed, slot, fasts)) for slot in due)


def is_suspended(feed: FeedFacts, slot: Slot, held: Iterable[Fast]) -> bool:
    """Return whether an allergy or a hold stops one slot: it lies in it, or nobody has resumed the feed since."""
    if _is_in_suspension(feed, slot):
        return True
    if feed.is_tube and feed.continues_in_npo:
        return False
    return any(_covers(fast, slot) or _left_suspended(fast, feed, slot) for fast in held)


def waits_for_resumption(feed: FeedFacts, now: datetime, held: Iterable[Fast]) -> bool:
    """Return whether a hold that is over, or an allergy, keeps a feed suspended until somebody says that it goes on."""
    if is_stopped(feed):
        return feed.end is None or now < feed.end
    moment = Slot(now, now, _ZERO)
    fasts = [fast for fast in held if not _covers(fast, moment)]
    return is_running(feed, now) and is_suspended(feed, moment, fasts)


def is_stopped(feed: FeedFacts) -> bool:
    """Return whether an allergy has suspended the feed and nobody has resumed it since."""
    return feed.suspended_at is not None and feed.suspended_at >= feed.confirmed_at


def clashes(allergens: AbstractSet[str], avoids: Iterable[Avoided]) -> tuple[str, ...]:
    """Return the patient's allergies that a product with these allergens must not meet."""
    return tuple(one.code for one in avoids if one.names & allergens)


def is_running(feed: FeedFacts, at: datetime) -> bool:
    return feed.start <= at and (feed.end is None or at < feed.end)


def planned(feed: FeedFacts, day: date, zone: tzinfo, held: Iterable[Fast]) -> Totals:
    """Return what is due on a day, suspended slots left out."""
    due = sum((slot.amount for slot in slots(feed, day, zone, held) if not slot.is_suspended), _ZERO)
    return totals(feed, due)


def counted(feeds: Iterable[FeedFacts], day: date, zone: tzinfo, held: Iterable[Fast]) -> Totals:
    """Return what the day's limits count of all feeds: of each what is due, or what was given if that is more."""
    fasts = tuple(held)
    found = Totals()
    for feed in feeds:
        due, given = planned(feed, day, zone, fasts), totals(feed, feed.given.get(day, _ZERO))
        found += Totals(max(due.ml, given.ml), max(due.kcal, given.kcal), max(due.protein_g, given.protein_g))
    return found


def ordered_dishes(feeds: Iterable[FeedFacts], at: datetime) -> frozenset[str]:
    """Return the dishes of the menu that an order by mouth names: they may be served without a diet that names them."""
    return frozenset(
        feed.dish for feed in feeds if feed.dish and not feed.is_tube and is_running(feed, at) and not is_stopped(feed)
    )


def with_feeds(checks: Sequence[Check], fed: Totals) -> tuple[Check, ...]:
    """Return the day's limits with what is fed in them: fluid as any drink; energy and protein stop no tray."""
    return tuple(_fed(item, fed) for item in checks)


def beyond(checks: Iterable[Check], fed: Totals) -> list[Reason]:
    """Return the advice that feeds together with the other trays pass a day's limit on energy or protein."""
    return [
        _beyond(item.limit, item.known, item.limit.ceiling)
        for item in checks
        if item.is_day and item.limit.base in _FED and _amount(item.limit, fed)
        if item.limit.ceiling is not None and item.known > item.limit.ceiling
    ]


def _beyond(limit: Limit, value: Decimal, most: Decimal) -> Reason:
    return Reason(
        Kind.ADVICE, limit.diet, "feeds", limit.nutrient, "day", value, most, limit.unit, Bound.MAX, hard=False
    )


def _fed(item: Check, fed: Totals) -> Check:
    amount = _amount(item.limit, fed) if item.is_day else _ZERO
    if not amount:
        return item
    stops = item.limit.base == _FLUID
    return structs.replace(
        item,
        known=item.known + amount,
        sure=item.sure + amount,
        room=item.room - amount if stops and item.room is not None else item.room,
        need=None if item.need is None else item.need - amount,
    )


def _amount(limit: Limit, fed: Totals) -> Decimal:
    return {_FLUID: fed.ml, "kcal": fed.kcal, "protein_g": fed.protein_g}.get(limit.base, _ZERO)


def _due(feed: FeedFacts, day: date, first: datetime, zone: tzinfo) -> list[Slot]:
    if feed.total_ml is None:
        return [_bolus(feed, day, at, zone) for at in sorted(feed.times)]
    since = (first - feed.start) // _DAY
    starts = [feed.start + _DAY * number for number in (since - 1, since, since + 1) if number >= 0]
    return [slot for start in starts for slot in _pump(feed, start)]


def _pump(feed: FeedFacts, begins: datetime) -> tuple[Slot, ...]:
    amounts = hourly(feed.total_ml or _ZERO, feed.hours or 1, feed.rate_ml_h or _ZERO)
    return tuple(
        Slot(begins + _HOUR * hour, begins + _HOUR * (hour + 1), amount) for hour, amount in enumerate(amounts)
    )


def _bolus(feed: FeedFacts, day: date, at: time, zone: tzinfo) -> Slot:
    begins = datetime.combine(day, at, zone)
    return Slot(begins, begins, feed.amount or _ZERO)


def _covers(fast: Fast, slot: Slot) -> bool:
    begins_in_time = fast.start < slot.end or fast.start <= slot.start
    return begins_in_time and (fast.end is None or fast.end > slot.start)


def _is_in_suspension(feed: FeedFacts, slot: Slot) -> bool:
    since = feed.suspended_at
    if since is None or (slot.end <= since and slot.start < since):
        return False
    return is_stopped(feed) or slot.end <= feed.confirmed_at


def _left_suspended(fast: Fast, feed: FeedFacts, slot: Slot) -> bool:
    is_over = fast.end is not None and fast.end <= slot.start
    return is_over and feed.confirmed_at < fast.began and fast.end is not None and feed.start < fast.end
