"""The history of changes, for auditors: who did what to whom, and when."""

from uuid import UUID

from litestar import Controller, Response, get
from litestar.connection import Request
from msgspec import json

from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.clock import local_day
from dusangire.kernel.html import Html, whole
from dusangire.kernel.sheets import download, stamp
from dusangire.reports import queries, rules
from dusangire.reports.pages.answer import today
from dusangire.reports.queries import Entry, Named

_HEADS = (
    "reports.entry", "reports.time", "reports.who", "reports.role", "reports.kind", "reports.about", "reports.name",
    "reports.facts",
)  # fmt: skip


class Audit(Controller):
    """The journal: read only, and by auditors only."""

    path = "/analytics/audit"

    @get("/", opt=needs(Can.AUDIT_READ))
    async def show(self, request: Request, actor: Acting) -> Html:
        asked = rules.audit_filter(request.query_params, today(actor))
        rows, people, patients = await _read(actor, asked, queries.AUDIT_PAGE)
        return whole(
            request,
            "reports/audit.html",
            asked=asked,
            rows=rows,
            people=people,
            patients=patients,
            most=queries.AUDIT_PAGE,
            local_day=local_day,
        )

    @get("/sheet.csv", opt=needs(Can.AUDIT_READ, fresh=True))
    async def sheet(self, request: Request, actor: Acting) -> Response[str]:
        asked = rules.audit_filter(request.query_params, today(actor))
        rows, _, _ = await _read(actor, asked, queries.SHEET)
        return download(
            request,
            f"audit-{asked.since}-{asked.until}",
            _HEADS,
            (
                (
                    row.id, stamp(row.at, actor.zone), row.actor_name, row.actor_role, row.kind, row.about,
                    row.about_name, json.encode(row.facts).decode(),
                )
                for row in rows
            ),
        )  # fmt: skip


async def _read(
    actor: Actor, asked: rules.AuditFilter, most: int
) -> tuple[list[Entry], list[Named] | None, list[Named] | None]:
    """Return the entries, and whom the filter's words were taken to mean (None where it names nobody)."""
    people = await queries.people_like(actor, asked.person) if asked.person else None
    patients = await queries.patients_like(actor, asked.patient) if asked.patient else None
    rows = await queries.entries(actor, asked, _ids(people), _ids(patients), most)
    return rows, people, patients


def _ids(found: list[Named] | None) -> list[UUID] | None:
    return None if found is None else [one.id for one in found]
