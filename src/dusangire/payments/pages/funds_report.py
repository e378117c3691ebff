"""What a donor is told: meals and francs by month, ward and meal, and nothing by which anybody could be recognised."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.connection import Request

from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, language, whole
from dusangire.kernel.money import Money
from dusangire.kernel.sheets import download
from dusangire.kernel.text import say
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules.funds import LEAST_GROUP, Group, grouped
from dusangire.wards import queries as wards

_SEE = needs(Can.FUND_MANAGE, Can.PAYMENTS_SEE)
_HEADS = ("fund.month", "fund.by", "fund.group", "fund.meals", "fund.francs")


class FundReport(Controller):
    """One month of one fund."""

    path = "/admin/funds/{fund:uuid}"

    @get("/report", opt=_SEE)
    async def show(self, request: Request, actor: Acting, fund: UUID) -> Html:
        return whole(request, "payments/fund_report.html", **await _report(request, actor, fund))

    @get("/report.csv", opt=_SEE)
    async def sheet(self, request: Request, actor: Acting, fund: UUID) -> Response[str]:
        told = await _report(request, actor, fund)
        month, lang = told["month"], language(request)
        rows: list[tuple[object, ...]] = []
        if told["is_told"]:
            rows.append((month, say(lang, "fund.total"), "", told["meals"], told["given"].minor))
        for by in ("ward", "period"):
            rows += [(month, say(lang, f"fund.by_{by}"), name, one.meals, one.given_minor) for name, one in told[by]]
        rows += [(gift.received_on.strftime("%Y-%m"), say(lang, "fund.gift"), gift.number, "", gift.amount_minor)
                 for gift in told["gifts"]]  # fmt: skip
        return download(request, f"fund-{month}", _HEADS, rows)


async def _report(request: Request, actor: Actor, fund_id: UUID) -> dict[str, Any]:
    fund = await queries.fund(actor, fund_id)
    first = _month(str(request.query_params.get("month", "")), clock.local_day(clock.now(), actor.zone))
    given = await queries.given(actor, fund_id, first, (first + timedelta(days=32)).replace(day=1))
    lang = language(request)
    names = {one.code: one.name(lang) for one in await wards.wards(actor)}
    return {
        "fund": fund,
        "month": first.strftime("%Y-%m"),
        "is_told": len({one.who for one in given}) >= LEAST_GROUP,
        "least": LEAST_GROUP,
        "meals": len(given),
        "given": Money(sum(one.amount_minor for one in given)),
        "ward": [(names.get(one.name) or say(lang, "fund.other_wards"), one) for one in grouped(given, "ward")],
        "period": [(_meal(lang, one), one) for one in grouped(given, "period")],
        "gifts": [gift for gift in await queries.gifts(actor, fund_id) if gift.undone_at is None],
    }


def _meal(lang: str, group: Group) -> str:
    return say(lang, f"support.meal.{group.name}") if group.name else say(lang, "fund.other_meals")


def _month(said: str, today: date) -> date:
    """Return the first day of the month that the address names; of this one where it names none."""
    try:
        return date.fromisoformat(f"{said}-01")
    except ValueError:
        return today.replace(day=1)
