"""Payments of a day: totals by method and state, and each of them."""

from litestar import Controller, Response, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, whole
from dusangire.reports import queries, rules
from dusangire.reports.pages.answer import Days, download, stamp, today

_HEADS = (
    "reports.code", "reports.bed", "reports.patient", "reports.method", "reports.state", "reports.amount_frw",
    "reports.opened", "reports.settled_at", "reports.settled_by",
)  # fmt: skip


class Payments(Controller):
    """The first page of the finance office."""

    path = "/admin/payments"

    @get("/", opt=needs(Can.PAYMENTS_SEE))
    async def show(self, request: Request, actor: Acting) -> Html:
        asked = rules.payment_filter(request.query_params, today(actor))
        totals = await queries.payments(actor, asked.day)
        return whole(
            request,
            "reports/payments.html",
            asked=asked,
            days=Days(asked.day, today(actor)),
            rows=await queries.payment_rows(actor, asked),
            totals=totals,
            settled=rules.settled(totals),
            pending=rules.still_pending(totals),
            most=queries.PAGE,
            methods=rules.METHODS,
            states=rules.STATES,
        )

    @get("/sheet.csv", opt=needs(Can.PAYMENTS_SEE, fresh=True))
    async def download_all(self, request: Request, actor: Acting) -> Response[str]:
        asked = rules.payment_filter(request.query_params, today(actor))
        rows = await queries.payment_rows(actor, asked, queries.SHEET)
        return download(
            request,
            f"payments-{asked.day}",
            _HEADS,
            (
                (
                    row.code, row.bed, row.patient, row.method, row.state, row.amount_minor,
                    stamp(row.created_at, actor.zone), stamp(row.settled_at, actor.zone), row.settled_by,
                )
                for row in rows
            ),
        )  # fmt: skip
