"""Two weeks at a glance: how many trays, in time, liked, stopped, and of what."""

from datetime import date, timedelta

from litestar import Controller, Response, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.clock import now
from dusangire.kernel.html import Html, whole
from dusangire.kernel.sheets import download
from dusangire.reports import queries, rules
from dusangire.reports.pages.answer import Days, today
from dusangire.support.rules import meal_key, status_key

_DAYS = 14
_HEADS = (
    "reports.day", "reports.meal", "reports.status", "reports.trays", "reports.on_time", "reports.late",
    "reports.overdue",
)  # fmt: skip


_FAST_HEADS = (
    "reports.day", "reports.ward", "reports.fasting_count", "reports.fasting_median", "reports.fasting_p90",
)  # fmt: skip


class Analytics(Controller):
    """Reports over the 14 days that end with the day of the address."""

    path = "/analytics"

    @get("/", opt=needs(Can.ANALYTICS_SEE))
    async def show(self, request: Request, actor: Acting) -> Html:
        until = rules.day_of(request.query_params.get("until"), today(actor))
        since = until - timedelta(days=_DAYS - 1)
        by_day = await queries.trays(actor, since, until, now())
        every = [one for counts in by_day.values() for one in counts]
        rated = await queries.ratings(actor, since, until)
        dishes = await queries.top_dishes(actor, since, until)
        bars = rules.bars([_column(since + timedelta(days=number), by_day) for number in range(_DAYS)])
        return whole(
            request,
            "reports/analytics.html",
            since=since,
            days=Days(until, today(actor)),
            bars=bars,
            width=rules.width_of(bars),
            ordered=rules.ordered(every),
            share=rules.share(every),
            statuses=rules.lines(rules.by_status(every)),
            meals=rules.lines(rules.by_meal(every)),
            rated=rated.times,
            stars=rules.mean(rated.stars, rated.times),
            stops=rules.lines({one.why: one.times for one in await queries.stops(actor, since, until)}),
            dishes=list(zip(dishes, rules.lines({one.code: one.portions for one in dishes}), strict=True)),
            misses=rules.lines({one.kind: one.times for one in await queries.miss_counts(actor, since, until)}),
            recalls=await queries.recall_times(actor, since, until),
            fasts=await queries.fasting_hours(actor, since, until),
            meal_key=meal_key,
            status_key=status_key,
        )

    @get("/fasting.csv", opt=needs(Can.ANALYTICS_SEE))
    async def fasting_sheet(self, request: Request, actor: Acting) -> Response[str]:
        until = rules.day_of(request.query_params.get("until"), today(actor))
        found = await queries.fasting_hours(actor, until - timedelta(days=_DAYS - 1), until)
        rows = (
            (one.day.isoformat(), one.ward_code, one.fasts, round(one.median_h, 1), round(one.p90_h, 1))
            for one in found
        )
        return download(request, f"fasting-{until}", _FAST_HEADS, rows)

    @get("/sheet.csv", opt=needs(Can.ANALYTICS_SEE))
    async def sheet(self, request: Request, actor: Acting) -> Response[str]:
        until = rules.day_of(request.query_params.get("until"), today(actor))
        by_day = await queries.trays(actor, until - timedelta(days=_DAYS - 1), until, now())
        rows = (
            (day.isoformat(), one.period, one.status, one.trays, one.on_time, one.late, one.overdue)
            for day in sorted(by_day)
            for one in sorted(by_day[day], key=lambda one: (one.serve_from, one.status))
        )
        return download(request, f"reports-{until}", _HEADS, rows)


def _column(day: date, by_day: dict[date, list[rules.TrayCount]]) -> tuple[str, int, int, int]:
    """Return one day's bar: in time, late or missing, and what was not yet due."""
    trays = by_day.get(day, [])
    timed = rules.share(trays)
    return f"{day.day}.{day.month}.", timed.on_time, timed.late, rules.ordered(trays) - timed.due
