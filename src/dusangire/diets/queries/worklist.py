"""Reads for desks: whom a doctor, a nurse or the nutritionist should look at, and what a diet leaves to eat."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets.queries.boards import DietBrief, in_patients, ward_diets
from dusangire.diets.queries.known import facts, facts_of
from dusangire.diets.queries.manual import manual
from dusangire.diets.queries.patients import active_orders, drafts, safety
from dusangire.diets.queries.rows import DietOrderRow
from dusangire.diets.queries.tasks import Task, open_tasks
from dusangire.diets.rules import DietOrderFacts, Meal, Prepared, Serving, menu, prepare
from dusangire.diets.rules.prescribing import OrderStatus, Prescription, own_limits, tightest
from dusangire.diets.rules.worklist import Need, is_overdue, needs
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu_queries
from dusangire.wards import queries as wards
from dusangire.wards.rules import Person

_SAID = 6
_MEALS = {"breakfast": ("B", Meal.BREAKFAST), "lunch": ("L", Meal.LUNCH), "dinner": ("D", Meal.DINNER)}


class ChartRow(Struct, frozen=True):
    """One patient on a list: who, where, what they may eat, and the draft that waits for a signature."""

    person: Person
    brief: DietBrief
    draft: UUID | None

    @property
    def has_draft(self) -> bool:
        return self.draft is not None


class WorkRow(Struct, frozen=True):
    """One patient who needs the nutritionist: why, since when, and the tasks behind it."""

    person: Person
    brief: DietBrief
    needs: tuple[Need, ...]
    since: datetime | None


class Worklist(Struct, frozen=True):
    """Everybody who needs somebody, the most pressing first, and every open task."""

    rows: list[WorkRow]
    tasks: list[Task]
    people: dict[UUID, Person]
    overdue: frozenset[UUID] = frozenset()


class LeftToEat(Struct, frozen=True):
    """How many of a meal's dishes a diet leaves, before anything is chosen, and the names of a few of each kind."""

    meal: str
    passing: int
    offered: int
    examples: tuple[Named, ...]
    refused: tuple[Named, ...]


async def charts(actor: Actor, *, show: str = "all", text: str = "") -> list[ChartRow]:
    """Return the in-patients of a list by bed, or everybody whom the text finds.

    show: mine (the actor's wards), all, no_order, drafts.
    """
    found = await _people(actor, text)
    waiting = {order.patient: order.id for order in await drafts(actor)}
    briefs = await ward_diets(actor, (person.id for person in found))
    rows = [ChartRow(person, briefs[person.id], waiting.get(person.id)) for person in found if person.id in briefs]
    return [row for row in rows if text or _is_shown(row, show, actor)]


async def worklist(actor: Actor) -> Worklist:
    """Return the nutritionist's list. A handful of statements, however many patients."""
    ids = await in_patients(actor)
    people = await wards.people(actor, ids)
    tasks = await open_tasks(actor)
    briefs = await ward_diets(actor, ids)
    about = await _about(actor, ids)
    rows = [
        WorkRow(people[one], briefs[one], found, _since(tasks, one))
        for one in ids
        if one in people and one in briefs and (found := needs(about[one].about_patient, _kinds(tasks, one)))
    ]
    rows.sort(key=lambda row: (list(Need).index(row.needs[0]), row.person.bed_code))
    now = clock.now()
    overdue = frozenset(task.id for task in tasks if is_overdue(task.kind, task.opened_at, now))
    return Worklist(rows, tasks, people, overdue)


async def left_to_eat(actor: Actor, patient: UUID, asked: Prescription, replaced: Iterable[UUID]) -> LeftToEat | None:
    """Return what the prescription would leave of the next main meal; None where no dish is offered at all."""
    now = clock.local(clock.now(), actor.zone)
    known = await safety(actor, patient)
    gone = set(replaced)
    beside = [
        order for order in await active_orders(actor, patient)
        if order.id not in gone and order.admission == known.admission
    ]  # fmt: skip
    book = await manual(actor)
    new = [DietOrderFacts(code, OrderStatus.ACTIVE, now, now, None, asked.rulings) for code in asked.codes]
    supposed = msgspec.structs.replace(
        await facts(actor, patient, ordered_by="nurse"),
        diets=(*new, *(fact for order in beside for fact in order.facts())),
        holds=(),
        iddsi_food=asked.food_level,
        iddsi_drink=asked.drink_level if asked.drink_level is not None else _drink(beside),
        own_limits=tightest([own_limits(asked, book, by_doctor=True), *(order.limits.own for order in beside)]),
    )
    name, (letter, meal) = _next_meal(now)
    offered = {code: dish for code, dish in (await menu_queries.dishes(actor)).items() if letter in dish.periods}
    prepared = prepare(supposed, Serving(meal, now.date(), now), (), book, offered, now)
    judged = menu(prepared, offered, ())
    names = {code: card.named for code, card in (await menu_queries.cards(actor)).items() if code in judged}
    may = [names[code] for code, said in judged.items() if said.portions and code in names]
    not_may = [names[code] for code, said in judged.items() if not said.portions and code in names]
    return LeftToEat(name, len(may), len(offered), tuple(may[:_SAID]), tuple(not_may[:_SAID])) if offered else None


async def _people(actor: Actor, text: str) -> list[Person]:
    if text:
        return await wards.find_people(actor, text)
    found = await wards.people(actor, await in_patients(actor))
    return sorted(found.values(), key=lambda person: (person.walk_order, person.bed_code))


def _is_shown(row: ChartRow, show: str, actor: Actor) -> bool:
    match show:
        case "mine":
            return not actor.wards or row.person.ward in actor.wards
        case "no_order":
            return not row.brief.codes
        case "drafts":
            return row.has_draft
        case _:
            return True


async def _about(actor: Actor, ids: list[UUID]) -> dict[UUID, Prepared]:
    now = clock.local(clock.now(), actor.zone)
    book = await manual(actor)
    dishes = await menu_queries.dishes(actor)
    serving = Serving(Meal.LUNCH, now.date(), now)
    found = await facts_of(actor, ids, ordered_by="nurse")
    return {one: prepare(patient, serving, (), book, dishes, now) for one, patient in found.items()}


def _kinds(tasks: list[Task], patient: UUID) -> list[str]:
    return [task.kind for task in tasks if task.patient == patient]


def _since(tasks: list[Task], patient: UUID) -> datetime | None:
    return min((task.opened_at for task in tasks if task.patient == patient), default=None)


def _drink(beside: list[DietOrderRow]) -> int | None:
    return next((order.drink_level for order in beside if order.drink_level is not None), None)


def _next_meal(now: datetime) -> tuple[str, tuple[str, Meal]]:
    name = "breakfast" if now.hour < 9 or now.hour >= 20 else "lunch" if now.hour < 14 else "dinner"
    return name, _MEALS[name]
