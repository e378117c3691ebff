"""Everything that can happen to three patients of two hospitals, one rule at a time, beside what the oracle knows.

A rule does one thing through the services and, where it was done, tells the oracle. After every rule all trays are read
from the database and held against the oracle.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.menu import service as menu
from dusangire.menu.rules import RECIPE_NUTRIENTS, Sitting
from dusangire.orders import queries, service
from dusangire.orders.rules import Verb, WhyChanged
from dusangire.orders.service.overriding import choices, stopped_tray
from dusangire.orders.service.substituting import Substitution, substitute
from dusangire.payments.rules import Method
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.make import PASSWORD
from tests.safety import arena as ground
from tests.safety.arena import Arena, Lying
from tests.safety.oracle import OPEN, Chart, Diet, Fast, Kitchen, Pardon, Tray, objections

T = TypeVar("T")
Rule = Callable[["World", int, int], Awaitable[None]]

ALLERGENS = ("peanuts", "milk", "fish", "celery", "soya", "gluten", "tomato", "whey", "groundnut")
SEVERITIES = ("anaphylaxis", "severe", "moderate", "intolerance")
CODES = ("REG", "VEGAN", "GF", "IDDSI4", "IDDSI6", "FLUID1200")
DISHES = ground.DISHES
_THERAPEUTIC = {"GF", "NAS"}
"""Diets that replace plain regular food when they are signed; the others stand beside it."""
_OVERRIDDEN = {"ALLERGY", "IDDSI", "VEGAN", "GF"}
ADDED = ("groundnuts", "celery leaf", "whole milk", "wheat flour")
CHANGED = ("onion", "papaya", "apple", "sweet banana", "salt")
_GATES = {
    "confirmed": {"", "held", "problem", "awaiting_payment"},
    "preparing": {"confirmed"},
    "ready": {"preparing"},
    "out_for_delivery": {"ready", "undelivered"},
    "arrived": {"out_for_delivery"},
    "delivered": {"out_for_delivery", "arrived"},
}
"""The steps that are gates; from ready back to preparing is none."""


class Violation(AssertionError):
    """A tray is where the oracle says that it may not be."""


@dataclass
class Person:
    """One patient with the hospital they are in and what the oracle knows of them."""

    arena: Arena
    kitchen: Kitchen
    lying: Lying
    chart: Chart
    spare: list[UUID]

    @property
    def id(self) -> UUID:
        return self.lying.patient


@dataclass
class World:
    """The people of one run, the trays as last read, and what was done."""

    people: list[Person]
    sql: asyncpg.Connection
    meals: dict[str, Sitting]
    trays: dict[UUID, Tray] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    is_menu_touched: bool = False
    acting: ExitStack = field(default_factory=ExitStack)

    async def step(self, rule: Rule, a: int, b: int) -> None:
        """Do one thing, read every tray, and hold it against the oracle. Raises Violation."""
        before = clock.now()
        name = rule.__name__.lstrip("_")
        with ExitStack() as self.acting:
            try:
                await rule(self, a, b)
                said = "done"
            except (Refusal, NoRight, NotHere) as refused:
                said = f"refused ({refused})"
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, TimeoutError) as busy:
                said = f"busy ({busy})"  # rolled back, and told as 503: nothing was done
        self.done.append(f"{name}({a}, {b}): {said}")
        self.counts[f"{name} {said.partition(' ')[0]}"] += 1
        await self._look(before)

    async def read(self) -> list[Tray]:
        """Read every tray of the people."""
        return await read_trays(self.sql, [one.id for one in self.people])

    async def _look(self, before: datetime) -> None:
        now = clock.now()
        seen = {one.id: one for one in await self.read()}
        for tray in seen.values():
            last = self.trays.get(tray.id)
            was = last.status if last else ""
            is_gate = tray.status != was and was in _GATES.get(tray.status, set())
            if not is_gate and tray.status not in OPEN:
                continue
            person = next(one for one in self.people if one.id == tray.patient)
            if is_gate:
                self.counts[f"gate {tray.status}"] += 1
                if person.kitchen.is_stopped:
                    raise self._violation(tray, was, ["all trays are stopped"])
            beside = list(seen.values())
            found = objections(person.kitchen, person.chart, tray, beside, now)
            # Near the turn of a minute both moments must object: the program decided somewhere between them.
            if found and objections(person.kitchen, person.chart, tray, beside, before):
                raise self._violation(tray, was, found)
        self.trays = seen

    def _violation(self, tray: Tray, was: str, found: list[str]) -> Violation:
        done = "\n  ".join(self.done)
        return Violation(f"{tray.status} (was {was or 'new'}) with {tray.lines}: {found}, after\n  {done}")

    def person(self, a: int) -> Person:
        """Choose somebody; what follows happens in their hospital."""
        return self._of(self.people[a % len(self.people)])

    def _of(self, person: Person) -> Person:
        self.acting.enter_context(acting_as(person.arena.actor))
        return person

    def tray(self, a: int, *statuses: str) -> tuple[Person, Tray]:
        """Choose one of the trays in these states. Raises NotHere where there is none."""
        found = [one for one in self.trays.values() if one.status in statuses]
        one = pick(sorted(found, key=lambda tray: tray.id), a)
        return self._of(next(person for person in self.people if person.id == one.patient)), one


def pick(found: list[T], a: int) -> T:
    """Choose by number. Raises NotHere where there is nothing to choose from."""
    if not found:
        raise NotHere
    return found[a % len(found)]


_READ = """
SELECT o.id, o.patient, o.admission, o.status, o.period, o.serve_from AS serve,
       (SELECT array_agg(l.dish_code || '*' || l.portion * l.quantity ORDER BY l.position) FROM order_line l
        WHERE l.hospital = o.hospital AND l.meal_order = o.id AND l.replaced_at IS NULL) AS lines
FROM meal_order o WHERE o.patient = ANY ($1::uuid[])
"""


async def read_trays(sql: asyncpg.Connection, patients: list[UUID]) -> list[Tray]:
    """Read every tray of these patients."""
    found = []
    for row in await sql.fetch(_READ, patients):
        pairs = (line.split("*") for line in row["lines"])
        found.append(Tray(**{**row, "lines": tuple((code, Decimal(many)) for code, many in pairs)}))
    return found


# --- what changes facts ---


async def _wait(_: World, __: int, ___: int) -> None:
    """Nothing."""


async def _add_allergy(world: World, a: int, b: int) -> None:
    one = world.person(a)
    code, severity = ALLERGENS[b % len(ALLERGENS)], SEVERITIES[b // 16 % len(SEVERITIES)]
    made = await diets.add_allergy(one.arena.nurse, one.id, code, severity)
    if made is None:
        one.chart.uncoded = code
    else:
        for old in [key for key, (known, _) in one.chart.allergies.items() if known == code]:
            del one.chart.allergies[old]
        one.chart.allergies[made] = (code, severity)
    one.chart.asked, one.chart.facts = "recorded", one.chart.facts + 1


async def _end_allergy(world: World, a: int, b: int) -> None:
    one = world.person(a)
    which = pick(list(one.chart.allergies), b)
    await diets.end_allergy(one.arena.nurse, one.id, which, "tested negative")
    del one.chart.allergies[which]
    one.chart.facts += 1


async def _uncoded(world: World, a: int, b: int) -> None:
    one = world.person(a)
    await diets.add_uncoded(one.arena.nurse, one.id, f"ibintu {b} byo mu murima")
    one.chart.asked, one.chart.uncoded, one.chart.facts = "recorded", "said", one.chart.facts + 1


async def _settle_uncoded(world: World, a: int, _: int) -> None:
    one = world.person(a)
    await diets.settle_uncoded(one.arena.nurse, one.id)
    one.chart.uncoded, one.chart.facts = "", one.chart.facts + 1


async def _none_known(world: World, a: int, _: int) -> None:
    one = world.person(a)
    await diets.no_known_allergies(one.arena.nurse, one.id)
    one.chart.asked, one.chart.facts = "none_known", one.chart.facts + 1


async def _sign(one: Person, codes: tuple[str, ...], **more: Any) -> None:
    now = clock.now()
    asked = Prescription(codes, now, **more)
    made = await diets.sign(one.arena.doctor, one.id, asked)
    if codes[0] in _THERAPEUTIC:
        for old in one.chart.diets.values():
            if old.codes == ("REG",):
                old.is_active = False
    if asked.replaces in one.chart.diets:
        one.chart.diets[asked.replaces].is_active = False
    one.chart.diets[made] = Diet(codes, now, clock.now(), None, asked.drink_level, asked.fluid_ml_day)
    one.chart.facts += 1


async def _sign_diet(world: World, a: int, b: int) -> None:
    code = CODES[b % len(CODES)]
    await _sign(world.person(a), (code,), drink_level=2 if code == "IDDSI4" else None)


async def _replace_diet(world: World, a: int, b: int) -> None:
    one = world.person(a)
    old = pick([key for key, diet in one.chart.diets.items() if diet.is_active], b)
    await _sign(one, (CODES[b // 8 % len(CODES)],), replaces=old)


async def _limit_fluid(world: World, a: int, b: int) -> None:
    await _sign(world.person(a), ("NAS",), fluid_ml_day=Decimal(300 + b % 4 * 200))


async def _revoke_diet(world: World, a: int, b: int) -> None:
    one = world.person(a)
    which = pick([key for key, diet in one.chart.diets.items() if diet.is_active], b)
    await diets.revoke(one.arena.doctor, one.id, which, "no longer needed")
    one.chart.diets[which].is_active = False
    one.chart.facts += 1


async def _npo(world: World, a: int, b: int) -> None:
    one = world.person(a)
    start = clock.now() + timedelta(hours=b % 3)
    end = start + timedelta(hours=30) if b // 4 % 2 else None
    made = await diets.hold(one.arena.nurse, one.id, "theatre", start, end)
    began = start.replace(second=0, microsecond=0)
    one.chart.fasts[made] = Fast(max(began, clock.now()) if b % 3 == 0 else began, end)
    one.chart.facts += 1


def _running(one: Person, b: int) -> UUID:
    now = clock.now()
    open_ones = [key for key, f in one.chart.fasts.items() if not f.cancelled and (not f.ends or f.ends > now)]
    return pick(open_ones, b)


async def _release_npo(world: World, a: int, b: int) -> None:
    one = world.person(a)
    which = _running(one, b)
    await diets.release(one.arena.nurse, one.id, which)
    fast = one.chart.fasts[which]
    fast.cancelled = clock.now()
    for diet in one.chart.diets.values():
        if fast.suspends(diet, fast.cancelled + timedelta(minutes=1)):
            diet.is_active = False
    one.chart.facts += 1


async def _extend_npo(world: World, a: int, b: int) -> None:
    one = world.person(a)
    which = pick([key for key, fast in one.chart.fasts.items() if fast.end and not fast.cancelled], b)
    end = (one.chart.fasts[which].end or clock.now()) + timedelta(hours=1 + b % 5)
    await diets.extend(one.arena.nurse, one.id, which, end)
    one.chart.fasts[which].end = end
    one.chart.facts += 1


async def _expire_npo(world: World, a: int, b: int) -> None:
    """Time passes: the hold lies an hour back, from before the diets were signed or after."""
    one = world.person(a)
    which = _running(one, b)
    end = clock.now().replace(second=0, microsecond=0)
    start = end - timedelta(minutes=1) if b % 2 else end - timedelta(days=2)
    async with transaction():
        await wards.lock(one.arena.nurse, one.id)
        await execute(
            "UPDATE npo_hold SET start_at = $3, set_at = $3, end_at = $4 WHERE hospital = $1 AND id = $2",
            one.arena.hospital, which, start, end,
        )  # fmt: skip
        await wards.changed(one.arena.nurse, one.id, why="npo_hold:over")
    one.chart.fasts[which] = Fast(start, end)
    one.chart.facts += 1


async def _transfer(world: World, a: int, _: int) -> None:
    one = world.person(a)
    free = one.spare.pop(0) if one.spare else pick([], 0)
    await wards.transfer(one.arena.nurse, one.id, free)
    one.chart.facts += 1


async def _discharge(world: World, a: int, b: int) -> None:
    one = world.person(a)
    await wards.discharge(one.arena.nurse, one.id, EndReason.DIED if b % 4 == 0 else EndReason.DISCHARGED)
    one.chart.admission = None
    _stop_diets(one.chart)


def _stop_diets(chart: Chart) -> None:
    for diet in chart.diets.values():
        diet.is_active = False
    chart.facts += 1


async def _readmit(world: World, a: int, _: int) -> None:
    one = world.person(a)
    free = one.spare.pop(0) if one.spare else pick([], 0)
    one.chart.admission = await wards.admit(one.arena.nurse, one.id, free)
    one.chart.facts += 1


async def _change_recipe(world: World, a: int, b: int, *, is_declared: bool = True) -> None:
    one = world.person(a)
    food = one.kitchen.foods[DISHES[b % len(DISHES)]]
    more = ADDED[b // 16 % len(ADDED)]
    made_of = food.made_of - {more} if more in food.made_of and len(food.made_of) > 1 else food.made_of | {more}
    grams = {one.arena.ingredients[name]: Decimal(20) for name in made_of}
    await menu.change_recipe(one.arena.editor, one.arena.dishes[food.code], grams, is_declared=is_declared)
    world.is_menu_touched = True
    food.made_of, food.recipe_on = made_of, _today(one)
    for name in made_of if is_declared else ():
        if one.kitchen.stuff[name].allergens is not None:
            one.kitchen.stuff[name].declared_on = food.recipe_on


async def _change_recipe_undeclared(world: World, a: int, b: int) -> None:
    await _change_recipe(world, a, b, is_declared=False)


async def _change_declaration(world: World, a: int, b: int) -> None:
    one = world.person(a)
    name = CHANGED[b % len(CHANGED)]
    allergens = {"milk"} if b // 8 % 2 else set()
    traces = {"peanuts"} if b // 16 % 2 else set()
    on = None if b // 32 % 3 == 0 else _today(one)
    change = menu.IngredientChange(
        **dict.fromkeys(RECIPE_NUTRIENTS, Decimal(1)), allergens=frozenset(allergens), may_contain=frozenset(traces),
        declared_on=on,
    )  # fmt: skip
    await menu.change_ingredient(one.arena.editor, one.arena.ingredients[name], change)
    world.is_menu_touched = True
    stuff = one.kitchen.stuff[name]
    stuff.allergens, stuff.traces, stuff.declared_on = (allergens, traces, on) if on else (None, set(), None)


async def _carry_over(world: World, a: int, b: int) -> None:
    one = world.person(a)
    code = ("main_hot", "cold", "grill")[b % 3]
    (row,) = await ground.rows(
        one.arena, "SELECT id FROM kitchen_line WHERE hospital = $1 AND code = $2", one.arena.hospital, code
    )
    turns_on = code not in one.kitchen.carrying
    await menu.change_line(one.arena.editor, row["id"], menu.LineChange(code, code, code, carries_over=turns_on))
    world.is_menu_touched = True
    one.kitchen.carrying ^= {code}


def _today(one: Person) -> date:
    return clock.local_day(clock.now(), one.arena.actor.zone)


# --- what moves trays ---


async def _choose(world: World, a: int, b: int) -> None:
    one = world.person(a)
    at = world.meals["lunch" if b % 4 else "dinner"]
    portion = (Decimal("0.5"), Decimal(1), Decimal("1.5"))[b // 64 % 3]
    await service.add(one.lying.actor, service.Choice(one.id, at, DISHES[b // 4 % len(DISHES)], portion))


async def _checkout(world: World, a: int, b: int) -> None:
    one = world.person(a)
    at = world.meals["lunch" if b % 4 else "dinner"]
    by = one.lying.actor if b // 4 % 2 else one.arena.nurse
    await service.place(by, service.Checkout(uuid4().hex, one.id, at.day, str(at.period), Method.CASH))


async def _order_at_once(world: World, a: int, b: int) -> None:
    """A nurse chooses a dish and orders it."""
    one = world.person(a)
    at = world.meals["lunch" if b % 3 else "dinner"]
    await service.add(one.arena.nurse, service.Choice(one.id, at, DISHES[b // 4 % len(DISHES)], Decimal(1)))
    await _checkout(world, a, 1 if b % 3 else 0)


async def _sibling(world: World, a: int, b: int) -> None:
    """The program orders what fits, as after a recall."""
    one = world.person(a)
    at = world.meals["dinner" if b % 2 else "lunch"]
    await service.order_for(one.arena.actor, one.id, at.day, str(at.period), why=f"test:{uuid4().hex}")


def _move(verb: Verb, *statuses: str, note: str = "") -> Rule:
    async def move(world: World, a: int, b: int) -> None:
        person, tray = world.tray(a, *statuses)
        arena = person.arena
        by = arena.cook if statuses[0] in ("confirmed", "preparing", "problem") else arena.carrier
        await service.advance(by, tray.id, verb, note=note)

    move.__name__ = str(verb)
    return move


async def _forward(world: World, a: int, b: int) -> None:
    """Whatever comes next for one of the trays."""
    verbs = {
        "confirmed": Verb.START, "preparing": Verb.PLATE, "ready": Verb.COLLECT, "out_for_delivery": Verb.ARRIVE,
        "arrived": Verb.HAND_OVER, "undelivered": Verb.REOFFER, "problem": Verb.REMAKE, "held": Verb.RELEASE,
        "delivered": Verb.COMPLETE,
    }  # fmt: skip
    person, tray = world.tray(a, *verbs)
    await service.advance(person.arena.cook, tray.id, verbs[tray.status])


async def _cancel(world: World, a: int, _: int) -> None:
    person, tray = world.tray(a, "confirmed", "preparing", "ready", "held", "undelivered")
    await service.cancel(person.arena.nurse, tray.id)


async def _substitute(world: World, a: int, b: int) -> None:
    person, tray = world.tray(a, "confirmed", "preparing")
    order = await queries.order(person.arena.cook, tray.id)
    line = pick(list(order.lines), b)
    await substitute(
        person.arena.cook, tray.id, Substitution(line.id, DISHES[b // 4 % len(DISHES)], WhyChanged.SOLD_OUT)
    )


async def _stranger(world: World, a: int, b: int) -> None:
    """Somebody of the other hospital reaches for the tray."""
    person, tray = world.tray(a, *OPEN)
    other = next(one.arena for one in world.people if one.arena is not person.arena)
    with acting_as(other.actor):
        await service.advance(other.cook, tray.id, Verb.START if b % 2 else Verb.HAND_OVER)
    raise Violation("a cook of another hospital moved a tray")


async def _stop_meals(world: World, a: int, _: int) -> None:
    one = world.person(a)
    await diets.hold_all_trays(one.arena.doctor, "water is off", PASSWORD)
    one.kitchen.is_stopped = True


async def _let_meals_go(world: World, a: int, _: int) -> None:
    stopped = [one for one in world.people if one.kitchen.is_stopped]
    one = world.person(world.people.index(pick(stopped, a)))
    await diets.let_trays_go(one.arena.doctor, PASSWORD)
    one.kitchen.is_stopped = False


async def _override(world: World, a: int, b: int) -> None:
    person, tray = world.tray(a, "held")
    doctor = person.arena.doctor
    async with transaction():
        await wards.lock(doctor, person.id)
        stopped = await stopped_tray(doctor, tray.id)
        broken, reason, plate = pick([one for one in choices(stopped) if one[0].source in _OVERRIDDEN], b)
        meal = diets.Meal(stopped.patient, stopped.day, stopped.period, stopped.serve_to)
        made = await diets.give_override(doctor, meal, plate.id, reason, "the patient insists")
    # Which objection of the oracle it may set aside; of what is more than an allergy or a texture, none.
    rules = {
        "contains": f"contains {broken.subject}", "may_contain": f"may contain {broken.subject}",
        "cross_contact": f"carried over {broken.subject}", "iddsi": "texture", "drink": "drink level",
        "require": "not vegan", "noallergen": "gluten",
    }  # fmt: skip
    severity = next((how for code, how in person.chart.allergies.values() if code == broken.subject), "")
    if broken.source == "ALLERGY" and severity == "anaphylaxis":
        raise Violation("an anaphylaxis was overridden")
    person.chart.pardons[made] = Pardon(
        tray.period, plate.code, rules.get(broken.rule, ""), person.chart.facts, broken.source == "ALLERGY"
    )


async def _second(world: World, a: int, b: int) -> None:
    person = world.person(a)
    which = pick([key for key, one in person.chart.pardons.items() if not one.is_seconded], b)
    by: Actor = person.arena.editor if b % 4 else person.arena.doctor
    await diets.second_override(by, which, PASSWORD)
    if by is person.arena.doctor:
        raise Violation("one person gave and seconded an override")
    person.chart.pardons[which].is_seconded = True


async def _withdraw(world: World, a: int, b: int) -> None:
    person = world.person(a)
    which = pick([key for key, one in person.chart.pardons.items() if not one.is_withdrawn], b)
    await diets.withdraw_override(person.arena.doctor, which)
    person.chart.pardons[which].is_withdrawn = True


async def _resign(world: World, a: int, _: int) -> None:
    """Signed again after a fast or a discharge, so that the day goes on."""
    one = world.person(a)
    if await diet_queries.active_orders(one.arena.doctor, one.id):
        raise NotHere
    await _sign(one, ("REG",))


RULES: tuple[Rule, ...] = (
    _wait, _add_allergy, _end_allergy, _uncoded, _settle_uncoded, _none_known, _sign_diet, _replace_diet, _limit_fluid,
    _revoke_diet, _npo, _release_npo, _extend_npo, _expire_npo, _transfer, _discharge, _readmit, _change_recipe,
    _change_recipe_undeclared, _change_declaration, _carry_over, _choose, _checkout, _order_at_once, _sibling,
    _move(Verb.START, "confirmed"), _move(Verb.PLATE, "preparing"), _move(Verb.RECALL, "ready"),
    _move(Verb.COLLECT, "ready"), _move(Verb.ARRIVE, "out_for_delivery"),
    _move(Verb.HAND_OVER, "arrived", "out_for_delivery"), _move(Verb.FAIL, "arrived", note="asleep"),
    _move(Verb.REOFFER, "undelivered"), _move(Verb.REPORT, "preparing", note="burnt"), _move(Verb.REMAKE, "problem"),
    _move(Verb.RELEASE, "held"), _cancel, _substitute, _stranger, _stop_meals, _let_meals_go, _override, _second,
    _withdraw, _resign, *([_forward] * 8), *([_order_at_once] * 3), *([_move(Verb.RELEASE, "held")] * 2), _resign,
    _let_meals_go, _add_allergy, _override, _second, _second,
)  # fmt: skip
