"""Overrides, month by month: who, why, and whether they were used."""

from calendar import monthrange
from datetime import date

from litestar import Controller, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.clock import now
from dusangire.kernel.html import Html, language, whole
from dusangire.orders.rules import set_aside
from dusangire.reports import queries
from dusangire.reports.pages.answer import today
from dusangire.wards import queries as wards


class OverrideReport(Controller):
    """What a monthly review of overrides reads."""

    path = "/analytics/overrides"

    @get("/", opt=needs(Can.ANALYTICS_SEE, Can.NUTRITION_WORK))
    async def month(self, request: Request, actor: Acting) -> Html:
        first = _month(request.query_params.get("month", ""), today(actor))
        last = first.replace(day=monthrange(first.year, first.month)[1])
        found = await queries.overrides(actor, first, last)
        moment = now()
        return whole(
            request,
            "reports/overrides.html",
            first=first,
            found=[(row, set_aside(row.one), row.one.state(moment).value) for row in found],
            people=await wards.people(actor, [row.one.patient for row in found]),
            used=sum(bool(row.gates) for row in found),
            speaks=language(request),
        )


def _month(said: str, day: date) -> date:
    """Return the first day of the month asked for (2026-11); of this one where the address says nonsense."""
    try:
        asked = date.fromisoformat(f"{said}-01")
    except ValueError:
        asked = day
    return (asked if 2000 <= asked.year <= 9000 else day).replace(day=1)
