"""The rows behind the figures: trays, stopped attempts, near misses, waiting work."""

from litestar import Controller, Response, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.clock import day_bounds, now
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import Html, whole
from dusangire.kernel.sheets import download, stamp
from dusangire.reports import queries, rules
from dusangire.reports.pages.answer import Days, task_key, today
from dusangire.support.rules import meal_key, status_key

_SEE = needs(Can.DASHBOARD_SEE)
_EXPORT = needs(Can.DASHBOARD_SEE, fresh=True)
_ORDER_HEADS = (
    "reports.code", "reports.bed", "reports.patient", "reports.meal", "reports.status", "reports.is_late",
    "reports.placed", "reports.started", "reports.ready", "reports.left", "reports.handed_over", "reports.serve_to",
    "reports.amount_frw",
)  # fmt: skip


class Lists(Controller):
    """What each number of the dashboard opens."""

    path = "/admin"

    @get("/orders", opt=_SEE)
    async def orders(self, request: Request, actor: Acting) -> Html:
        asked, moment = rules.order_filter(request.query_params, today(actor)), now()
        return whole(
            request,
            "reports/orders.html",
            asked=asked,
            days=Days(asked.day, today(actor)),
            rows=await queries.orders(actor, asked, moment),
            count=await queries.orders_count(actor, asked, moment),
            most=queries.PAGE,
            meal_key=meal_key,
            status_key=status_key,
            shows=rules.SHOWS,
        )

    @get("/orders.csv", opt=_EXPORT)
    async def orders_sheet(self, request: Request, actor: Acting) -> Response[str]:
        asked = rules.order_filter(request.query_params, today(actor))
        rows = await queries.orders(actor, asked, now(), queries.SHEET)
        return download(
            request,
            f"orders-{asked.day}",
            _ORDER_HEADS,
            (
                (
                    row.code, row.bed, row.patient, row.period, row.status, int(row.is_late),
                    *(stamp(at, actor.zone) for at in (
                        row.placed_at, row.started_at, row.ready_at, row.left_at, row.delivered_at, row.serve_to)),
                    row.total_minor,
                )
                for row in rows
            ),
        )  # fmt: skip

    @get("/events", opt=_SEE)
    async def events(self, request: Request, actor: Acting) -> Html:
        """Show the attempts that were stopped; other entries of the journal are for auditors alone."""
        if request.query_params.get("kind", "order:blocked") != "order:blocked":
            raise NotHere
        asked = rules.event_filter(request.query_params, today(actor))
        rows = await queries.stopped(actor, asked)
        days = Days(asked.day, today(actor))
        return whole(
            request, "reports/stopped.html", asked=asked, days=days, rows=rows, most=queries.PAGE, whys=rules.WHYS
        )

    @get("/near-misses", opt=_SEE)
    async def near_misses(self, request: Request, actor: Acting) -> Html:
        day = rules.day_of(request.query_params.get("day"), today(actor))
        rows = await queries.near_misses(actor, *day_bounds(day, actor.zone))
        return whole(request, "reports/near_misses.html", days=Days(day, today(actor)), rows=rows)

    @get("/tasks", opt=_SEE)
    async def tasks(self, request: Request, actor: Acting) -> Html:
        return whole(request, "reports/tasks.html", rows=await queries.open_tasks(actor), task_key=task_key)
