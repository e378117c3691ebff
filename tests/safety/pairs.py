"""The changes that are raced against gates: what makes a tray unsafe, and what moves it at the same moment."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.menu import service as menu
from dusangire.menu.rules import RECIPE_NUTRIENTS
from dusangire.orders import service as orders
from dusangire.orders.rules import Verb
from dusangire.payments.rules import Method
from dusangire.wards import queries as ward_queries
from dusangire.wards import service as wards
from dusangire.wards.rules import EndReason
from tests.safety import arena as ground
from tests.safety import lockless
from tests.safety.arena import Arena, Lying
from tests.safety.pacing import Session

Work = Callable[["Race"], Awaitable[Any]]


@dataclass
class Race:
    """One tray of one patient, between a change and a gate."""

    arena: Arena
    lying: Lying
    tray: UUID | None


@dataclass(frozen=True)
class Pair:
    """A change and a gate, the tray they meet at, and what the gate would make of it."""

    name: str
    change: Work
    gate: Work
    source: str
    target: str
    dish: str
    allergy: str = ""
    start: str = "lock"
    is_of_menu: bool = False
    # Where writing by compare-and-set alone keeps the two apart, the control takes the holding away too.
    is_held_twice: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a race ended: the tray's state, and which side's commit came first where both went through."""

    status: str
    changed: bool
    passed: bool
    is_change_first: bool

    def is_bad(self, pair: Pair, *, has_holding: bool = True) -> bool:
        """A tray passed the gate after the change, or stands beyond it unheld while the change is in force."""
        if not self.changed or not self.passed:
            return False
        is_beyond = self.status == pair.target and pair.target != "delivered" and has_holding
        return self.is_change_first or is_beyond


async def _allergy(race: Race) -> None:
    await diets.add_allergy(race.arena.nurse, race.lying.patient, "peanuts", "severe")


async def _uncoded(race: Race) -> None:
    await diets.add_uncoded(race.arena.nurse, race.lying.patient, "kwangirika n'ubunyobwa bwo mu murima")


async def _npo(race: Race) -> None:
    await diets.hold(race.arena.nurse, race.lying.patient, "theatre", clock.now())


async def _vegan(race: Race) -> None:
    await diets.sign(race.arena.doctor, race.lying.patient, Prescription(("VEGAN",), clock.now()))


async def _pureed(race: Race) -> None:
    await diets.sign(race.arena.doctor, race.lying.patient, Prescription(("IDDSI4",), clock.now(), drink_level=2))


async def _revoke(race: Race) -> None:
    order: UUID = await fetch_value(
        "SELECT id FROM diet_order WHERE hospital = $1 AND patient = $2", race.arena.hospital, race.lying.patient
    )
    await diets.revoke(race.arena.doctor, race.lying.patient, order, "wrong patient")


async def _discharge(race: Race) -> None:
    await wards.discharge(race.arena.nurse, race.lying.patient, EndReason.DISCHARGED)


async def _recipe(race: Race) -> None:
    made_of = {race.arena.ingredients["sweet banana"]: Decimal(100), race.arena.ingredients["groundnuts"]: Decimal(10)}
    await menu.change_recipe(race.arena.editor, race.arena.dishes["BAN"], made_of, is_declared=True)


async def _undeclared(race: Race) -> None:
    values = dict.fromkeys(RECIPE_NUTRIENTS, Decimal(1))
    change = menu.IngredientChange(
        **values, allergens=frozenset(), may_contain=frozenset(), declared_on=None
    )  # fmt: skip
    await menu.change_ingredient(race.arena.editor, race.arena.ingredients["sweet banana"], change)


def _step(verb: Verb) -> Work:
    async def step(race: Race) -> None:
        assert race.tray
        by = race.arena.cook if verb in (Verb.START, Verb.PLATE) else race.arena.carrier
        await orders.advance(by, race.tray, verb)

    return step


async def _release(race: Race) -> None:
    assert race.tray
    await orders.release(race.arena.nurse, race.tray)


async def _checkout(race: Race) -> None:
    lunch = race.arena.lunch
    wanted = orders.Checkout(uuid4().hex, race.lying.patient, lunch.day, str(lunch.period), Method.CASH)
    race.tray = await orders.place(race.lying.actor, wanted)


_FIRE, _PLATE, _DISPATCH, _HAND_OVER = (
    (_step(Verb.START), "confirmed", "preparing"),
    (_step(Verb.PLATE), "preparing", "ready"),
    (_step(Verb.COLLECT), "ready", "out_for_delivery"),
    (_step(Verb.HAND_OVER), "arrived", "delivered"),
)

PAIRS = [
    Pair("allergy-fire", _allergy, *_FIRE, "ISB"),
    Pair("allergy-hand_over", _allergy, *_HAND_OVER, "ISB", is_held_twice=True),
    Pair("uncoded-dispatch", _uncoded, *_DISPATCH, "ISB"),
    Pair("npo-fire", _npo, *_FIRE, "RICE"),
    Pair("npo-hand_over", _npo, *_HAND_OVER, "RICE", is_held_twice=True),
    Pair("diet_order-checkout", _vegan, _checkout, "", "confirmed", "TIL"),
    Pair("diet_order-plate", _revoke, *_PLATE, "RICE"),
    Pair("texture-plate", _pureed, *_PLATE, "CHP"),
    Pair("discharge-dispatch", _discharge, *_DISPATCH, "RICE", is_held_twice=True),
    Pair("discharge-hand_over", _discharge, *_HAND_OVER, "RICE", is_held_twice=True),
    Pair("recipe-fire", _recipe, *_FIRE, "BAN", "peanuts", is_of_menu=True),
    Pair("recipe-hand_over", _recipe, *_HAND_OVER, "BAN", "peanuts", is_of_menu=True, is_held_twice=True),
    Pair("declaration-dispatch", _undeclared, *_DISPATCH, "BAN", start="check", is_of_menu=True),
    Pair("recipe-checkout", _recipe, _checkout, "", "confirmed", "BAN", "peanuts", is_of_menu=True),
    Pair("recipe-release", _recipe, _release, "held", "confirmed", "BAN", "peanuts", is_of_menu=True),
]


async def people_for(arena: Arena, pair: Pair, many: int) -> list[Lying]:
    """Admit the patients of so many races of this pair, their carts filled where the gate is the checkout."""
    people = await ground.admit(arena, many, allergy=pair.allergy)
    if not pair.source:
        await ground.choose(arena, people, [pair.dish])
    return people


async def set_up(sql: asyncpg.Connection, arena: Arena, pair: Pair, lying: Lying) -> Race:
    """Lay the tray of one race."""
    (race,) = await set_up_many(sql, arena, pair, [lying])
    return race


async def set_up_many(sql: asyncpg.Connection, arena: Arena, pair: Pair, people: Sequence[Lying]) -> list[Race]:
    """Lay the trays of many races at once."""
    if not pair.source:
        return [Race(arena, lying, None) for lying in people]
    trays = await ground.lay(sql, arena, people, pair.source, [pair.dish])
    return [Race(arena, lying, tray) for lying, tray in zip(people, trays, strict=True)]


def session(race: Race, work: Work, wait: Callable[[str], Awaitable[None]], start: str = "lock") -> Session:
    """Return one side of a race, acting in its hospital."""

    async def act() -> None:
        with acting_as(race.arena.actor):
            await work(race)

    return Session(act, wait, start)


async def outcome(sql: asyncpg.Connection, race: Race, change: Session, gate: Session) -> Outcome:
    """Read how a race ended. Raises what was neither a refusal nor the database's own."""
    for side in (change, gate):
        if side.error is not None and not isinstance(side.error, Refusal | NotHere | asyncpg.PostgresError):
            raise side.error
    status = ""
    if race.tray is not None:
        status = await sql.fetchval("SELECT status FROM meal_order WHERE id = $1", race.tray)
    return Outcome(status, change.went_through, gate.went_through, change.answered < gate.sent)


async def tear_down(sql: asyncpg.Connection, race: Race, pair: Pair) -> None:
    """Put the menu back as it was, and take the tray out of the way of the next change of the menu."""
    if not pair.is_of_menu:
        return
    h = race.arena.hospital
    async with sql.transaction():
        await sql.execute("SET LOCAL session_replication_role = replica")
        await sql.execute(
            "UPDATE meal_order SET status = 'cancelled' WHERE hospital = $1 AND patient = $2", h, race.lying.patient
        )
        await sql.execute(
            "DELETE FROM recipe_line WHERE hospital = $1 AND dish = $2 AND ingredient = $3",
            h, race.arena.dishes["BAN"], race.arena.ingredients["groundnuts"],
        )  # fmt: skip
        await sql.execute(
            "UPDATE dish SET recipe_changed_at = now() - interval '3 days' WHERE hospital = $1 AND code = 'BAN'", h
        )
        await sql.execute(
            "UPDATE ingredient SET allergens = '{}', may_contain = '{}', declared_on = current_date - 1 "
            "WHERE hospital = $1 AND name = 'sweet banana'",
            h,
        )
        await sql.execute("UPDATE menu_revision SET rev = rev + 1 WHERE hospital = $1", h)


@asynccontextmanager
async def without_lock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The patient's row is read and not locked, nor are the revisions: what every service does first is left out."""

    with monkeypatch.context() as patched:
        patched.setattr(ward_queries, "locked_safety_rev", lockless.unlocked)
        patched.setattr(diet_queries, "keep_revisions", lockless.unkept)
        yield
