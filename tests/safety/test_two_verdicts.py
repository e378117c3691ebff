"""Two verdicts, written apart, on the same facts: the program's and PostgreSQL's never differ.

`DUSANGIRE_SEED` replays a run; every difference is printed with its seed, patient and dish.
"""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from litestar import Litestar

from dusangire.diets import queries as diets
from dusangire.diets import service as diet_service
from dusangire.diets.rules import GROUPS, Manual, Meal, PatientFacts, Reason, Serving, TrayLine, prepare
from dusangire.diets.rules.allergy import _words
from dusangire.diets.rules.facts import Kind, verdict_of
from dusangire.diets.rules.items import judge_dish
from dusangire.diets.rules.overrides import Override, for_meal, relieved
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.menu import queries as menu
from dusangire.menu.rules import DishFacts
from tests.make import Make
from tests.safety.worlds import DISHES, PATIENTS, VOCABULARY, Person, World, make_world, owner, pour

SEED = int(os.environ.get("DUSANGIRE_SEED", "20261121"))
_CONTROL_SEED = 10
"""A hospital in which each of the controls below makes a difference."""
PERIOD = "lunch"
SQL = "SELECT p AS patient, dus_reasons($1, p, $2, s, $3, $4, $5) AS found FROM unnest($6::uuid[], $7::timestamptz[]) AS x(p, s)"
Told = dict[tuple[UUID, UUID], frozenset[str]]

# What both sides judge; nutrients, tags and medicines are the program's alone.
_HARD = {
    ("PATIENT", "no_active_admission"), ("PATIENT", "rows_read"), ("NPO", "hold"), ("NPO", "bad_interval"),
    ("DIET", "unknown_code"), ("DIET", "no_active_order"), ("DISH", "declaration"),
}  # fmt: skip
_OF_ALLERGY = {
    "not_asked",
    "none_known_with_rows",
    "recorded_without_rows",
    "uncoded",
    "unknown_severity",
    "unknown_status",
}
_REACTIONS = {"contains", "may_contain", "no_recipe", "cross_contact"}


class Case:
    """One random hospital with what the program reads of it."""

    def __init__(self, app: Litestar, world: World, actor: Actor) -> None:
        self.app, self.world, self.actor = app, world, actor
        self.manual: Manual
        self.dishes: dict[str, DishFacts] = {}
        self.facts: dict[UUID, PatientFacts] = {}
        self.given: dict[UUID, tuple[Override, ...]] = {}

    @classmethod
    async def new(cls, app: Litestar, conn: asyncpg.Connection, seed: int, now: datetime | None = None) -> "Case":
        made = await Make._new(app)
        with acting_as(made.actor):
            await diet_service.load_starter(made.actor)
        case = cls(app, await make_world(conn, made.actor.hospital, seed, now or clock.now()), made.actor)
        await case.read()
        await case._override(conn, random.Random(seed))
        return case

    async def read(self) -> None:
        with acting_as(self.actor), stopped_clock(self.world):
            ids = [person.id for person in self.world.people]
            self.facts = await diets.facts_of(self.actor, ids, ordered_by="nurse")
            self.manual = await diets.manual(self.actor)
            self.dishes = dict(await menu.dishes(self.actor))
            for person in self.world.people:
                self.given[person.id] = for_meal(await diets.overrides(self.actor, person.id), self.world.day, PERIOD)

    async def _override(self, conn: asyncpg.Connection, dice: random.Random) -> None:
        """Override some of what blocks, most of it with one thing wrong."""
        rows = [row for person in self.world.people for row in self._overrides_for(person, dice)]
        await pour(conn, {"diet_override": rows})
        await self.read()

    def _overrides_for(self, person: Person, dice: random.Random) -> list[dict[str, Any]]:
        held = self._prepared(person).held
        blocks = [
            (dish, reason)
            for dish, code in dice.sample(list(self.world.dishes.items()), 30)
            if code in self.dishes
            for reason in judge_dish(self.dishes[code], held)
            if reason.kind is Kind.BLOCK and reason.source not in ("DISH", "NPO", "PATIENT")
        ]
        return [
            _override_row(self.world, person, *dice.choice(blocks), dice)
            for _ in range(dice.randint(0, 12) if blocks else 0)
        ]

    def _prepared(self, person: Person) -> Any:
        at = clock.local(person.serve_at, self.actor.zone)
        serving = Serving(Meal.LUNCH, self.world.day, at)
        now = clock.local(self.world.now, self.actor.zone)
        return prepare(self.facts[person.id], serving, (), self.manual, self.dishes, now)

    def in_python(self) -> Told:
        """Return what the program has against each dish for each patient, as keys of hard facts."""
        found: Told = {}
        for person in self.world.people:
            prepared = self._prepared(person)
            known = self.facts[person.id].allergies
            about = {key for reason in prepared.about_patient if (key := _key(reason)) and reason.kind in _STOPS}
            for dish, code in self.world.dishes.items():
                if code not in self.dishes:
                    found[person.id, dish] = frozenset(about | {"DISH.unknown_dish"})
                    continue
                told = judge_dish(self.dishes[code], prepared.held)
                if self.given[person.id]:
                    told = relieved(
                        verdict_of(told), self.given[person.id], (TrayLine(code),), known, self.world.now
                    ).reasons
                keys = {key for reason in told if reason.kind in _STOPS and (key := _key(reason))}
                found[person.id, dish] = frozenset(about | keys)
        return found

    async def in_sql(self, conn: asyncpg.Connection) -> Told:
        """Return what PostgreSQL has against the same."""
        found: Told = {}
        dishes, people = list(self.world.dishes), self.world.people
        rows = await conn.fetch(
            SQL, self.world.hospital, self.world.now, self.world.day, PERIOD, dishes,
            [person.id for person in people], [person.serve_at for person in people],
        )  # fmt: skip
        for row in rows:
            about = {_sql_key(said) for said in row["found"] if "@" not in said}
            of_dish: dict[UUID, set[str]] = {dish: set() for dish in dishes}
            for said in row["found"]:
                key, at, dish = said.rpartition("@")
                if at:
                    of_dish[UUID(dish)].add(_sql_key(key))
            for dish, keys in of_dish.items():
                if "DISH.unknown_dish" in keys:  # the program looks no further at a dish that is not on the menu
                    nothing = {key for key in about if key.startswith("DIET.nothing.")}
                    found[row["patient"], dish] = frozenset({"DISH.unknown_dish"} | about - nothing)
                else:
                    found[row["patient"], dish] = frozenset(about | keys)
        return found


_STOPS = (Kind.BLOCK, Kind.UNKNOWN)


def _key(reason: Reason) -> str | None:
    """Return the key both sides use for one reason of the program; None where only the program judges."""
    source, rule, subject = reason.source, reason.rule, reason.subject
    if source == "ALLERGY" and rule == "uncoded":
        return "ALLERGY.uncoded" if subject == "free_text" else f"ALLERGY.uncoded.{subject}"
    if source == "ALLERGY" and rule == "no_recipe":
        return "ALLERGY.no_recipe"
    if source == "ALLERGY" and (rule in _REACTIONS or (rule in _OF_ALLERGY and subject)):
        return f"{source}.{rule}.{subject}"
    if (source == "ALLERGY" and rule in _OF_ALLERGY) or ((source, rule) in _HARD and not subject):
        return f"{source}.{rule}"
    if (source, rule) in _HARD:
        return f"{source}.{rule}.{subject}"
    if rule == "none":
        return f"DIET.nothing.{source}"
    return _texture_key(source, rule, subject)


def _texture_key(source: str, rule: str, subject: str) -> str | None:
    if source == "CONTRADICTION" and subject == "iddsi":
        return "IDDSI.contradiction"
    if rule == "unknown_drink_level":
        return "IDDSI.unknown_drink_level"
    if rule == "iddsi" or (source == "IDDSI" and rule in ("drink", "drink_level_unset") and subject != "-1"):
        return f"IDDSI.{rule}.{subject}"
    return None


def _sql_key(said: str) -> str:
    if said.startswith("ALLERGY.no_recipe."):
        return "ALLERGY.no_recipe"
    return "DISH.unknown_dish" if said == "DISH.unknown_dish." else said


def _override_row(world: World, person: Person, dish: UUID, reason: Reason, dice: random.Random) -> dict[str, Any]:
    giver = uuid4()
    row = {
        "id": uuid4(), "hospital": world.hospital, "patient": person.id, "day": world.day, "period": PERIOD,
        "dish": dish, "source": reason.source, "rule": reason.rule, "subject": reason.subject, "scope": reason.scope,
        "reason": "a good reason", "given_by": giver, "given_at": world.now - timedelta(minutes=30),
        "seconded_by": uuid4(), "seconded_at": world.now, "safety_rev": 7,
        "expires_at": world.now + timedelta(minutes=60), "withdrawn_at": None,
    }  # fmt: skip
    wrong: tuple[dict[str, Any], ...] = (
        {}, {}, {}, {"seconded_by": None, "seconded_at": None}, {"day": world.day + timedelta(days=1)},
        {"period": "dinner"}, {"safety_rev": 6}, {"withdrawn_at": world.now}, {"rule": "other"}, {"subject": "other"},
        {"dish": dice.choice(list(world.dishes))}, {"patient": dice.choice(world.people).id}, {"scope": "meal"},
        {"source": "OTHER"}, {"expires_at": world.now}, {"expires_at": world.now - timedelta(minutes=1)},
    )  # fmt: skip
    return row | dice.choice(wrong)


@contextmanager
def stopped_clock(world: World) -> Iterator[None]:
    """Let the program read at exactly the moment that PostgreSQL is asked about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: world.now)
        yield


def differences(python: Told, sql: Told) -> list[tuple[tuple[UUID, UUID], list[str], list[str]]]:
    assert python.keys() == sql.keys()
    return [
        (pair, sorted(python[pair] - sql[pair]), sorted(sql[pair] - python[pair]))
        for pair in python
        if python[pair] != sql[pair]
    ]


async def compare(app: Litestar, seeds: range) -> Counter[str]:
    """Judge every pair of each seed's hospital on both sides; fail at the first seed that differs."""
    told: Counter[str] = Counter()
    conn = await owner()
    try:
        for seed in seeds:
            case = await Case.new(app, conn, seed)
            python, sql = case.in_python(), await case.in_sql(conn)
            found = differences(python, sql)
            summary = Counter((tuple(only), tuple(other)) for _, only, other in found)
            assert not found, f"seed {seed}: {len(found)} of {len(python)} differ: {summary.most_common(10)}"
            told["pairs"] += len(python)
            told["allowed"] += sum(not keys for keys in sql.values())
            told.update(".".join(key.split(".")[:2]) for keys in sql.values() for key in keys)
    finally:
        await conn.close()
    return told


_KINDS = {
    "PATIENT.no_active_admission", "PATIENT.rows_read", "NPO.hold", "DIET.unknown_code", "DIET.nothing",
    "DIET.no_active_order", "IDDSI.contradiction", "IDDSI.unknown_drink_level", "IDDSI.iddsi", "IDDSI.drink",
    "IDDSI.drink_level_unset", "DISH.unknown_dish", "DISH.declaration", "ALLERGY.not_asked", "ALLERGY.uncoded",
    "ALLERGY.none_known_with_rows", "ALLERGY.recorded_without_rows", "ALLERGY.contains", "ALLERGY.may_contain",
    "ALLERGY.no_recipe", "ALLERGY.cross_contact",
}  # fmt: skip


@pytest.mark.req("A13")
async def test_both_verdicts_agree_on_a_hundred_thousand_pairs(app: Litestar) -> None:
    seeds = range(SEED, SEED + 100_000 // (DISHES * PATIENTS))
    told = await compare(app, seeds)
    print(f"seeds {seeds}: {dict(told)}")
    assert told["pairs"] == 100_000
    assert set(told) == _KINDS | {"pairs", "allowed"}
    assert told["allowed"] >= 5_000


@pytest.fixture(scope="module")
async def some(app: Litestar) -> AsyncIterator[tuple[Case, asyncpg.Connection]]:
    """One random hospital, looked at through fewer dishes: what the controls break must show there.

    In the middle of a minute, because what is rounded to minutes shows at some of its seconds only.
    """
    conn = await owner()
    try:
        case = await Case.new(app, conn, _CONTROL_SEED, clock.now().replace(second=30, microsecond=0))
        fewer = {dish: code for dish, code in case.world.dishes.items() if code < "D-040" or code not in case.dishes}
        case.world = msgspec.structs.replace(case.world, dishes=fewer)
        assert differences(case.in_python(), await case.in_sql(conn)) == []
        yield case, conn
    finally:
        await conn.close()


_BROKEN_SQL = {
    "a hold that begins later is forgotten": ("f.starts <= last_bite", "f.starts <= at"),
    "the end of a hold is not rounded up": ("interval '59.999999 s'", "interval '0 s'"),
    "a hold set late counts from its start": ("THEN n.set_at ELSE", "THEN n.start_at ELSE"),
    "a trace never blocks": ("avoid.severity <> 'intolerance'", "false"),
    "a trace always blocks": ("avoid.severity <> 'intolerance'", "true"),
    "every line carries over": ("AND k.carries_over", ""),
    "moderate allergies block what the line carries over": ("('anaphylaxis', 'severe')", "('anaphylaxis', 'severe', 'moderate')"),
    "an admission needs no bed": ("AND s.ended_at IS NULL)", ")"),
    "hidden rows are not noticed": ("counted <> guard.constraint_count", "counted < guard.constraint_count"),
    "easy to chew is regular": ("WHEN '7' THEN 6", "WHEN '7' THEN 7"),
    "one signature is enough against an allergy": ("r.seconded_by IS NOT NULL AND", "true OR"),
    "an override outlives a change": ("r.safety_rev = guard.safety_rev", "true"),
    "an override of another meal counts": ("r.period = meal_period", "true"),
    "what a hold suspended comes back": ("diet.signed_at < f.began", "diet.signed_at < f.began - interval '9 d'"),
    "an order of another stay counts": ("diet.admission = guard.stay_of", "true"),
    "a stale declaration is current": ("food.declared_on >= food.revised_on", "true"),
    "any shared word is the ingredient": ("i.words @> v.words", "i.words && v.words"),
    "a retired dish is served": ("food.retired_at IS NOT NULL", "false"),
    "soup needs no drink level": ("food.is_drink OR food.is_liquid_food", "food.is_drink"),
}  # fmt: skip


@pytest.mark.parametrize("broken", _BROKEN_SQL, ids=str)
async def test_a_broken_second_verdict_is_found_out(some: tuple[Case, asyncpg.Connection], broken: str) -> None:
    """The negative control, one side: each branch of the SQL broken by itself makes a difference."""
    case, conn = some
    there = conn.transaction()
    await there.start()
    try:
        touched = 0
        for name in ("dus_fasts", "dus_avoids", "dus_carries_over", "dus_reasons"):
            made = await conn.fetchval("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = $1", name)
            changed = made.replace(*_BROKEN_SQL[broken])
            touched += changed != made
            await conn.execute(changed)
        assert touched, "the function no longer says so; write the control anew"
        assert differences(case.in_python(), await case.in_sql(conn))
    finally:
        await there.rollback()


_BROKEN_PYTHON: dict[str, tuple[str, Any]] = {
    "an allergy is only its own word": ("allergy.family", lambda code, _groups: frozenset({code})),
    "nobody fasts": ("verdict.fasting", lambda *_: False),
    "nothing is suspended": ("orders.is_suspended", lambda *_: False),
    "easy to chew is regular": ("texture._SERVED_AS_EASY", 7),
    "a declaration is always current": ("items.declaration", lambda _dish: []),
    "allergies are always settled": ("verdict.unsettled", lambda _patient: []),
    "no word is an ingredient": ("allergy._is_in", lambda *_: False),
    "a drink is food": ("texture.is_drink", lambda _dish: False),
    "unknown diets are no diets": ("verdict.unknown_codes", lambda *_: []),
    "times are not rounded": ("holds._down", lambda at: at),
}  # fmt: skip


@pytest.mark.parametrize("broken", _BROKEN_PYTHON, ids=str)
async def test_a_broken_program_is_found_out(
    some: tuple[Case, asyncpg.Connection], broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control, the other side."""
    case, conn = some
    name, instead = _BROKEN_PYTHON[broken]
    module, _, name = name.partition(".")
    monkeypatch.setattr(import_module(f"dusangire.diets.rules.{module}"), name, instead)
    assert differences(case.in_python(), await case.in_sql(conn))


async def test_both_sides_know_the_same_foods_by_the_same_words(some: tuple[Case, asyncpg.Connection]) -> None:
    _, conn = some
    rows = await conn.fetch("SELECT group_code, member FROM allergen_member")
    assert {(row["group_code"], row["member"]) for row in rows} == {
        (group, member) for group, members in GROUPS.items() for member in members
    }
    dice = random.Random(SEED)
    letters = "abehiosy éèçœñ_-,.'()/&+0123 ESIO\t\u00a0"
    texts = [*VOCABULARY, *("".join(dice.choices(letters, k=dice.randint(0, 14))) for _ in range(3_000))]
    told = await conn.fetch(
        "SELECT dus_words(t) AS words FROM unnest($1::text[]) WITH ORDINALITY AS x(t, n) ORDER BY n", texts
    )
    differ = [text for text, row in zip(texts, told, strict=True) if set(row["words"]) != set(_words(text))]
    assert differ == []
