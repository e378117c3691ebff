"""The first page of those who answer for the whole: is lunch on time, and what needs somebody."""

from datetime import date
from typing import Any

from litestar import Controller, get
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec.structs import asdict

from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.clock import now
from dusangire.kernel.html import Html, draw, language, view
from dusangire.kernel.live import Hub, stream
from dusangire.payments.queries.desk import attention
from dusangire.reports import queries, rules
from dusangire.reports.pages.answer import Days, today
from dusangire.support.rules import meal_key, status_key

_SHELVES = ("orders", "tasks", "near_misss", "payments", "refunds", "shifts", "banks")
_LINKS = (Can.PAYMENTS_SEE, Can.USERS_MANAGE, Can.ANALYTICS_SEE, Can.PLATFORM_SEE)


class Today(Controller):
    """The dashboard."""

    path = "/admin"

    @get("/", opt=needs(Can.DASHBOARD_SEE))
    async def show(self, request: Request, actor: Acting) -> Html:
        day = rules.day_of(request.query_params.get("day"), today(actor))
        return view(request, "reports/today.html", **await _figures(actor, day, request.app.state.hub))

    @get("/live", opt=needs(Can.DASHBOARD_SEE) | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        day = rules.day_of(request.query_params.get("day"), today(actor))
        hub: Hub = request.app.state.hub

        async def fragment() -> str:
            return draw(request, "reports/_today.html", **await _figures(actor, day, hub))

        seen = "".join(str(int(actor.may(right))) for right in _LINKS)
        bells = (f"{actor.hospital}:{shelf}" for shelf in _SHELVES)
        key = f"dashboard:{actor.hospital}:{day}:{language(request)}:{seen}"
        return stream(hub, *bells, draw=fragment, key=key, gap_s=1)


async def _figures(actor: Actor, day: date, hub: Hub) -> dict[str, Any]:
    """Return what the page and its fragment need. Cost: four statements, and one for who may see payments."""
    moment = now()
    trays = (await queries.trays(actor, day, day, moment)).get(day, [])
    stops = await queries.stops(actor, day, day)
    payments = await queries.payments(actor, day)
    waiting = await queries.now_waiting(actor, day, moment)
    days = Days(day, today(actor))
    wants = rules.needs(waiting, payments, day.isoformat(), may_see_payments=actor.may(Can.PAYMENTS_SEE))
    if actor.may(Can.PAYMENTS_SEE):
        wants += rules.money_needs(asdict(await attention(actor)))
    bars = rules.by_hour(trays, actor.zone)
    money = rules.money_by_method(payments)
    return {
        "days": days,
        "moment": moment,
        "head": rules.headline(trays, moment),
        "things": rules.things_key(len(wants)),
        "needs": wants,
        "now": waiting,
        "share": rules.share(trays),
        "goal": rules.ON_TIME_GOAL,
        "ordered": rules.ordered(trays),
        "called_off": rules.called_off(trays),
        "statuses": rules.lines(rules.by_status(trays)),
        "stops": rules.lines({stop.why: stop.times for stop in stops}),
        "stopped": sum(stop.times for stop in stops),
        "money": [(method, amount, line.width) for (method, amount), line in zip(
            money.items(), rules.lines({method: amount.minor for method, amount in money.items()}), strict=True
        )],
        "settled": rules.settled(payments),
        "pending": rules.still_pending(payments),
        "bars": bars,
        "width": rules.width_of(bars),
        "is_listening": hub.is_listening,
        "streams": hub.count(),
        "meal_key": meal_key,
        "status_key": status_key,
    }  # fmt: skip
