"""The first page of the office, and its list of payments."""

from litestar import Controller, Response, get
from litestar.connection import Request

from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, go
from dusangire.kernel.money import Money, total
from dusangire.kernel.sheets import download, stamp
from dusangire.payments import queries
from dusangire.payments.pages.finance.answer import EXPORT, HOME, SEE, Days, days, page, today
from dusangire.payments.queries import desk
from dusangire.payments.queries.desk import Sum
from dusangire.payments.rules import Method, Purpose, State
from dusangire.payments.rules.desk import Counts, PaymentFilter, payment_filter, tone

_HEADS = (
    "finance.what", "finance.label", "finance.name", "reports.bed", "finance.payer", "reports.method", "reports.state",
    "reports.amount_frw", "finance.refunded", "reports.opened", "reports.settled_at", "reports.settled_by",
    "finance.counts", "finance.money_taken",
)  # fmt: skip


class Overview(Controller):
    """What came in today, and what waits for somebody."""

    path = HOME

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        of = days(request, actor)
        sums = await desk.sums(actor, PaymentFilter(of.day))
        return page(
            request,
            "overview",
            days=of,
            sums=sums,
            came_to=_came_to(sums),
            waiting=await desk.attention(actor),
            balances=[one for one in await queries.balances(actor) if one.amount],
            is_balanced=await queries.books_balance(actor),
            tone=tone,
        )

    @get("/payments", opt=SEE)
    async def payments(self, request: Request, actor: Acting) -> Html:
        asked = payment_filter(request.query_params, today(actor))
        sums = await desk.sums(actor, asked)
        return page(
            request,
            "payments",
            asked=asked,
            days=Days(asked.day, today(actor)),
            rows=await desk.payment_rows(actor, asked),
            sums=sums,
            came_to=_came_to(sums),
            most=desk.PAGE,
            methods=Method,
            states=State,
            purposes=Purpose,
            tone=tone,
        )

    @get("/payments.csv", opt=EXPORT)
    async def payments_sheet(self, request: Request, actor: Acting) -> Response[str]:
        asked = payment_filter(request.query_params, today(actor))
        rows = await desk.payment_rows(actor, asked, desk.SHEET)
        return download(
            request,
            f"payments-{asked.day}",
            _HEADS,
            (
                (
                    row.purpose, row.label, row.name, row.bed, row.payer, row.method, row.state, row.amount_minor,
                    row.refunded_minor, stamp(row.created_at, actor.zone), stamp(row.settled_at, actor.zone),
                    row.settled_by, row.counts, row.taken_minor,
                )
                for row in rows
            ),
        )  # fmt: skip


class OldAddress(Controller):
    """Where payments were listed before there was an office."""

    path = "/admin/payments"

    @get("/", opt=SEE)
    async def show(self, request: Request) -> Html:
        return go(request, f"{HOME}/payments" + (f"?{request.url.query}" if request.url.query else ""))


def _came_to(sums: list[Sum]) -> dict[Counts, Money]:
    """Return the money taken, what stands on bills, and what was paid for before, each for itself."""
    return {kind: total([one.kept for one in sums if one.counts is kind]) for kind in Counts}
