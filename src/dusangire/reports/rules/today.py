"""The day in figures: what counts as on time, the sentence at the top, and what needs somebody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from dusangire.kernel.money import Money, total
from dusangire.kernel.phrase import Phrase
from dusangire.menu.rules import PeriodCode
from dusangire.orders.rules import GONE

# The share of trays that should be handed over before their sitting ends.
ON_TIME_GOAL = 95
RELAY_LAG_S = 10


class TrayCount(Struct, frozen=True):
    """How many trays of one sitting and status: handed over in time, too late, or not yet though the time is over."""

    period: str
    serve_from: datetime
    status: str
    trays: int
    on_time: int
    late: int
    overdue: int


class Share(Struct, frozen=True):
    """A part of a whole: trays handed over by the end of their sitting, of all whose time it was.

    `due` counts the trays handed over, and those still missing after the end of their sitting.
    """

    on_time: int
    due: int

    @property
    def percent(self) -> int | None:
        """Whole percent, rounded down so that one late tray never reads as 100; None while nothing was due."""
        return self.on_time * 100 // self.due if self.due else None

    @property
    def late(self) -> int:
        return self.due - self.on_time

    @property
    def is_good(self) -> bool:
        return self.percent is None or self.percent >= ON_TIME_GOAL


class Now(Struct, frozen=True):
    """What waits for somebody at this moment, and whether news travels."""

    in_bed: int
    ordering: int
    near_misses: int
    held: int
    problem: int
    undelivered: int
    tasks: int
    oldest_task: datetime | None
    lagging: int
    oldest_news: datetime | None


class Stop(Struct, frozen=True):
    """How often one kind of reason stopped an order."""

    why: str
    times: int


class Paid(Struct, frozen=True):
    """Payments of one method and state; `unpaid` of them are pending although the tray was handed over."""

    method: str
    state: str
    payments: int
    amount_minor: int
    unpaid: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Need(Struct, frozen=True):
    """One thing that waits for the reader: how many, since when, and where to look."""

    key: str
    count: int
    link: str
    icon: str
    since: datetime | None = None


def ordered(trays: Sequence[TrayCount]) -> int:
    """Return how many trays were ordered and not called off."""
    return sum(one.trays for one in trays if one.status not in GONE)


def called_off(trays: Sequence[TrayCount]) -> int:
    return sum(one.trays for one in trays if one.status in GONE)


def share(trays: Sequence[TrayCount], period: str | None = None) -> Share:
    """Return how much came in time, of the day or of one meal."""
    counted = [one for one in trays if period in (None, one.period)]
    in_time = sum(one.on_time for one in counted)
    return Share(in_time, in_time + sum(one.late + one.overdue for one in counted))


def by_status(trays: Sequence[TrayCount]) -> dict[str, int]:
    """Return how many trays stand where, the most first."""
    found: dict[str, int] = {}
    for one in trays:
        found[one.status] = found.get(one.status, 0) + one.trays
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def meal_now(trays: Sequence[TrayCount], now: datetime) -> str | None:
    """Return the meal the day has reached: the last whose serving began, else the first of the day."""
    live = sorted((one for one in trays if one.status not in GONE), key=lambda one: one.serve_from)
    begun = [one for one in live if one.serve_from <= now]
    chosen = begun[-1:] or live[:1]
    return chosen[0].period if chosen else None


def headline(trays: Sequence[TrayCount], now: datetime) -> tuple[str, str | None, int]:
    """Return the key of the first sentence, its meal and how many of its trays are late or missing."""
    meal = meal_now(trays, now)
    if meal is None:
        return "reports.head.nothing", None, 0
    so_far = share(trays, meal)
    if so_far.percent is None:
        return "reports.head.to_come", meal, 0
    return ("reports.head.on_time" if so_far.is_good else "reports.head.late"), meal, so_far.late


def by_meal(trays: Sequence[TrayCount]) -> dict[str, int]:
    """Return how many trays were ordered for each meal and not called off, in the day's order."""
    live = [one for one in trays if one.status not in GONE]
    found: dict[str, int] = {}
    for one in live:
        found[one.period] = found.get(one.period, 0) + one.trays
    order = {period: place for place, period in enumerate(PeriodCode)}
    return dict(sorted(found.items(), key=lambda item: order.get(PeriodCode(item[0]), 9)))


def needs(now: Now, payments: Sequence[Paid], day: str, *, may_see_payments: bool) -> list[Need]:
    """Return what needs somebody, the most pressing first; what is at nought is left out.

    Cash is taken at the bed, so it waits for nobody until the tray is there.
    """
    unpaid = sum(one.unpaid for one in payments) if may_see_payments else 0
    found = [
        Need("reports.need.held", now.held, f"/admin/orders?day={day}&status=held", "stop"),
        Need("reports.need.problem", now.problem, f"/admin/orders?day={day}&status=problem", "alert"),
        Need("reports.need.undelivered", now.undelivered, f"/admin/orders?day={day}&status=undelivered", "tray"),
        Need("reports.need.tasks", now.tasks, "/admin/tasks", "list", now.oldest_task),
        Need(
            "reports.need.payments",
            unpaid,
            f"/admin/finance/payments?of=trays&day={day}&state=pending",
            "cash",
        ),
        Need("reports.need.news", now.lagging, "/admin/system", "clock", now.oldest_news),
    ]
    return [one for one in found if one.count]


def money_needs(counts: Mapping[str, int]) -> list[Need]:
    """Return what the money waits for somebody with; counts by what it is, what is at nought is left out."""
    office = "/admin/finance"
    found = [
        Need("finance.need.quarantined", counts["quarantined"], f"{office}/payments?of=all&state=quarantined", "stop"),
        Need("finance.need.failed_refunds", counts["failed_refunds"], f"{office}/refunds", "alert"),
        Need("finance.need.providers", counts["providers_down"], f"{office}/", "alert"),
        Need("finance.need.variances", counts["variances"], f"{office}/cash", "cash"),
        Need("finance.need.unmatched", counts["unmatched_lines"], f"{office}/bank", "cash"),
        Need("finance.need.fiscal", counts["fiscal_pending"], f"{office}/receipts", "clock"),
    ]
    return [one for one in found if one.count]


def things_key(count: int) -> Phrase:
    """Return how many things need somebody, as a sentence."""
    match count:
        case 0:
            return Phrase("reports.things.none")
        case 1:
            return Phrase("reports.things.one")
        case _:
            return Phrase("reports.things.many", {"count": count})


def money_by_method(payments: Sequence[Paid]) -> dict[str, Money]:
    """Return what is paid, charged or still to come by each method; what was cancelled is nobody's money."""
    live = [one for one in payments if one.state != "cancelled"]
    methods = dict.fromkeys(one.method for one in sorted(live, key=lambda one: -one.amount_minor))
    return {method: total([one.amount for one in live if one.method == method]) for method in methods}


def settled(payments: Sequence[Paid]) -> Money:
    """Return what is in: cash taken, and charges on hospital accounts."""
    return total([one.amount for one in payments if one.state in ("paid", "charged")])


def still_pending(payments: Sequence[Paid]) -> Money:
    return total([one.amount for one in payments if one.state == "pending"])


def mean(whole: int, parts: int) -> Decimal | None:
    """Return the mean to one place, None of nothing."""
    return (Decimal(whole) / parts).quantize(Decimal("0.1")) if parts else None
