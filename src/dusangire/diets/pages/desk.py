"""The nutritionist's desk: who needs somebody today, the open tasks, and the diet manual to read."""

from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.connection import Request
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.diets import queries, service
from dusangire.diets.pages.words import diet_name, diet_names, rule_name, task_key
from dusangire.diets.queries import DietRow, RuleRow
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.html import Html, done, draw, language, part, view, whole
from dusangire.kernel.live import stream


class ManualEntry(Struct, frozen=True):
    """One diet of the manual with its rules, as people read it."""

    diet: DietRow
    name: str
    rules: list[tuple[str, RuleRow]]


class NutritionistDesk(Controller):
    """Work by need, not by ward."""

    path = "/nutritionist"

    @get("/", opt=needs(Can.NUTRITION_WORK))
    async def worklist(self, request: Request, actor: Acting) -> Html:
        return view(request, "diets/worklist.html", **await _worklist(request, actor))

    @get("/live", opt=needs(Can.NUTRITION_WORK) | LIVE)
    async def live(self, request: Request, actor: Acting) -> ASGIApp:
        async def fragment() -> str:
            return draw(request, "diets/_worklist.html", **await _worklist(request, actor))

        here = actor.hospital
        return stream(request.app.state.hub, f"{here}:tasks", f"{here}:wards", draw=fragment, gap_s=0.5)

    @post("/tasks/{task_id:uuid}/done", opt=needs(Can.NUTRITION_WORK))
    async def finish(self, request: Request, actor: Acting, task_id: UUID) -> Html:
        await service.finish_task(actor, task_id)
        return done(request, "/nutritionist/", part("diets/_worklist.html", **await _worklist(request, actor)))

    @get("/manual", opt=needs(Can.NUTRITION_WORK, Can.CHART_SEE))
    async def manual(self, request: Request, actor: Acting) -> Html:
        entries = _entries(request, await queries.diet_rows(actor), await queries.rule_rows(actor))
        waiting = sum(not entry.diet.is_signed_off for entry in entries)
        revision = await queries.manual_revision(actor)
        return whole(
            request,
            "diets/manual.html",
            entries=entries,
            waiting=waiting,
            revision=revision,
            notes=await queries.note_rows(actor),
            draft=await queries.open_draft(actor),
        )


async def _worklist(request: Request, actor: Actor) -> dict[str, Any]:
    found = await queries.worklist(actor)
    return {
        "work": found,
        "names": diet_names(request, await queries.manual(actor)),
        "task_words": {task.kind: task_key(task.kind) for task in found.tasks},
    }


def _entries(request: Request, diets: list[DietRow], rules: list[RuleRow]) -> list[ManualEntry]:
    lang = language(request)
    named = [(rule_name(lang, rule.subject or rule.rule_kind), rule) for rule in rules]
    return [
        ManualEntry(
            diet,
            diet_name(lang, diet.code, diet.name_en),
            [(name, rule) for name, rule in named if rule.diet_code == diet.code],
        )
        for diet in diets
    ]
