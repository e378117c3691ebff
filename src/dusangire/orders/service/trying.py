"""What a draft of the diet manual would do, tried on today's dishes and open trays. Nothing is written."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from dusangire.diets import queries as diets
from dusangire.diets.rules import (
    DietOrderFacts,
    Gate,
    Manual,
    Meal,
    PatientFacts,
    Serving,
    TrayLine,
    prepare,
)
from dusangire.diets.rules.book import Book, Changes, changes, manual_of
from dusangire.kernel.access import Actor
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import OPEN, serving_of
from dusangire.orders.service.judging import Ground, ground, judge

_WEIGHT_KG = Decimal(60)


class DietTrial(Struct, frozen=True):
    """One diet: the dishes that somebody on it alone could no longer have, and those they could have again."""

    code: str
    blocked: tuple[str, ...]
    freed: tuple[str, ...]


class Trial(Struct, frozen=True):
    """What would happen: dishes diet by diet, and open trays that would be held or could go again."""

    diets: tuple[DietTrial, ...]
    trays: int
    trays_held: int
    trays_freed: int


async def trial(actor: Actor, book: Book) -> Trial:
    """Return what signing this text would do now. Raises ValueError for a text the verdict cannot read."""
    differs = changes(await diets.book(actor), book)
    on = await ground(actor)
    later = manual_of(book, on.manual.ingredients)
    dishes = [_dishes(code, on, later) for code in differs.codes]
    trays, held, freed = await _trays(actor, differs, on, later)
    return Trial(tuple(dishes), trays, held, freed)


def _dishes(code: str, on: Ground, later: Manual) -> DietTrial:
    before, after = _served(code, on.manual, on), _served(code, later, on)
    return DietTrial(code, tuple(sorted(before - after)), tuple(sorted(after - before)))


def _served(code: str, manual: Manual, on: Ground) -> frozenset[str]:
    """Return the dishes that pass, each alone, for 60 kg on this diet alone; all where there is no such diet."""
    if code not in manual.diets:
        return frozenset(on.dishes)
    served: set[str] = set()
    for meal, at in ((Meal.BREAKFAST, 8), (Meal.LUNCH, 12), (Meal.SNACK, 16)):
        serving = Serving(meal, on.now.date(), on.now.replace(hour=at, minute=0))
        judged = prepare(_anybody(code, on.now), serving, [], manual, on.dishes, on.now.replace(hour=0, minute=1))
        served |= {dish for dish in on.dishes if judged.judge((TrayLine(dish),), Gate.MENU).is_allowed}
    return frozenset(served)


def _anybody(code: str, now: datetime) -> PatientFacts:
    since = now - timedelta(days=1)
    return PatientFacts(
        admission="active",
        hospitals=(1,),
        allergy_status="none_known",
        diets=(DietOrderFacts(code, "active", since, since),),
        weight_kg=_WEIGHT_KG,
        weight_on=now.date(),
        active_constraint_count=1,
        rows_read=1,
    )


async def _trays(actor: Actor, differs: Changes, on: Ground, later: Manual) -> tuple[int, int, int]:
    now_on = structs.replace(on, manual=later)
    seen = held = freed = 0
    for patient in await diets.patients_with_diets(actor, differs.codes):
        found = await queries.trays(actor, patient, on.now.date() - timedelta(days=1))
        for tray in (one for one in found if one.status in OPEN):
            facts = await diets.facts(actor, patient, ordered_by=tray.placed_as)
            before = _passes(actor, tray, found, facts, on)
            after = _passes(actor, tray, found, facts, now_on)
            seen, held, freed = seen + 1, held + (before and not after), freed + (after and not before)
    return seen, held, freed


def _passes(actor: Actor, tray: Order, found: Iterable[Order], facts: PatientFacts, on: Ground) -> bool:
    serving = serving_of(tray, actor.zone, on.now)
    beside = queries.others(found, tray.id, actor.zone)
    return judge(facts, serving, beside, tray.tray(), on=on, gate=Gate.FIRE).is_allowed
