"""The oracle: what the test itself did, kept in plain Python, and judged by rules written apart from the program's.

It knows the hard facts alone: the stay, allergies, nothing by mouth, the diet in force, texture, declarations, what a
kitchen line carries over, and a day's fluid. What it objects to may never pass a gate nor stay open after a change.
"""

import csv
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import dusangire

_SEED = Path(dusangire.__file__).parent / "seed"
_MINUTE = timedelta(minutes=1)

# What the test's allergies are found by: a declared group, or a word in an ingredient's name.
GROUP_OF = {
    "milk": "milk",
    "whey": "milk",
    "groundnut": "peanuts",
    **{g: g for g in ("peanuts", "fish", "celery", "soya", "gluten")},
}
WORD_OF = {"whey": "whey", "groundnut": "groundnut", "tomato": "tomato"}
LEVEL_OF = {"IDDSI4": 4, "IDDSI5": 5, "IDDSI6": 6, "IDDSI7EC": 6}
MEAL_FLUID = {"FLUID1200": Decimal(240)}
DAY_FLUID = {"FLUID1200": Decimal(720)}
OPEN = {"confirmed", "preparing", "ready", "out_for_delivery", "arrived", "problem"}
COUNTED = {"confirmed", "preparing", "ready", "out_for_delivery", "arrived", "delivered", "completed"}


def _rows(name: str) -> list[dict[str, str]]:
    with (_SEED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Food:
    """A dish as the kitchen would make it today."""

    code: str
    made_of: set[str]
    levels: frozenset[int]
    native: str
    category: str
    fluid: Decimal
    is_vegan: bool
    recipe_on: date
    line: str = ""

    @property
    def is_drink(self) -> bool:
        return self.native.startswith("D") and self.category not in ("porridge", "soup")


@dataclass
class Stuff:
    """An ingredient's declaration; no allergens at all where nothing is declared."""

    allergens: set[str] | None
    traces: set[str]
    declared_on: date | None


@dataclass
class Kitchen:
    """One hospital's dishes and ingredients, and which of its lines carry over."""

    foods: dict[str, Food]
    stuff: dict[str, Stuff]
    carrying: set[str] = field(default_factory=set)
    is_stopped: bool = False


def kitchen(codes: tuple[str, ...], lines: dict[str, str]) -> Kitchen:
    """Return the kitchen as a hospital starts with it. `lines`: which dish is made where."""
    stuff = {
        row["ingredient"]: Stuff(
            set(filter(None, row["allergens_eu14"].split("|"))),
            set(filter(None, row["may_contain_eu14"].split("|"))),
            date.fromisoformat(row["declared_on"]),
        )
        for row in _rows("ingredients")
    }
    first = min(one.declared_on for one in stuff.values() if one.declared_on)
    made: dict[str, set[str]] = {}
    for row in _rows("recipe_lines"):
        made.setdefault(row["menu_code"], set()).add(row["ingredient"])
    foods = {
        row["code"]: Food(
            row["code"], made[row["code"]], frozenset(int(one) for one in row["iddsi_achievable"].split(",")),
            row["iddsi_native"], row["category"], Decimal(row["fluid_ml"]), row["vegan"] == "1", first,
            lines[row["code"]],
        )
        for row in _rows("menu")
        if row["code"] in codes
    }  # fmt: skip
    return Kitchen(foods, stuff)


@dataclass
class Diet:
    """A signed order."""

    codes: tuple[str, ...]
    start: datetime
    signed: datetime
    end: datetime | None = None
    drink: int | None = None
    fluid: Decimal | None = None
    is_active: bool = True


@dataclass
class Fast:
    """A hold; what it covers is counted to the minute."""

    began: datetime
    end: datetime | None
    cancelled: datetime | None = None

    @property
    def starts(self) -> datetime:
        return self.began.replace(second=0, microsecond=0)

    @property
    def ends(self) -> datetime | None:
        ends = [_up(at) for at in (self.end, self.cancelled) if at is not None]
        return min(ends, default=None)

    @property
    def counts(self) -> bool:
        return self.cancelled is None or self.cancelled >= self.starts

    def covers(self, now: datetime, last: datetime) -> bool:
        return self.counts and self.starts <= last and (self.ends is None or self.ends > now)

    def suspends(self, diet: Diet, now: datetime) -> bool:
        is_over = self.counts and self.ends is not None and self.ends <= now
        return is_over and diet.signed < self.began and diet.start < (self.ends or now)


@dataclass
class Pardon:
    """An override: for one dish of one meal, an allergy or the texture, until anything of the patient changes."""

    period: str
    dish: str
    rule: str
    facts: int
    needs_second: bool
    is_seconded: bool = False
    is_withdrawn: bool = False


@dataclass
class Chart:
    """One patient as the test knows them. `facts` counts the changes."""

    admission: UUID | None
    asked: str = "none_known"
    uncoded: str = ""
    allergies: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    diets: dict[UUID, Diet] = field(default_factory=dict)
    fasts: dict[UUID, Fast] = field(default_factory=dict)
    pardons: dict[UUID, Pardon] = field(default_factory=dict)
    facts: int = 0

    def in_force(self, now: datetime, serve: datetime) -> list[Diet]:
        return [
            one
            for one in self.diets.values()
            if one.is_active
            and one.start <= now
            and (one.end is None or (one.end > now and one.end > serve))
            and not any(fast.suspends(one, now) for fast in self.fasts.values())
        ]


@dataclass(frozen=True)
class Tray:
    """A tray as read from the database: whose, for which stay and meal, and how much of what."""

    id: UUID
    patient: UUID
    admission: UUID
    status: str
    period: str
    serve: datetime
    lines: tuple[tuple[str, Decimal], ...]


def objections(k: Kitchen, chart: Chart, tray: Tray, beside: list[Tray], now: datetime) -> list[str]:
    """Return every hard fact that stands against this tray at this moment."""
    serve = max(tray.serve, now)
    found = []
    if chart.admission is None or chart.admission != tray.admission:
        found.append("no stay")
    if chart.asked == "not_asked" or chart.uncoded or (chart.asked == "recorded") != bool(chart.allergies):
        found.append("allergies not known")
    if any(fast.covers(now, serve) for fast in chart.fasts.values()):
        found.append("nothing by mouth")
    diets = chart.in_force(now, serve)
    if not diets:
        found.append("no diet order")
    for code, _ in tray.lines:
        food = k.foods[code]
        pardoned = {
            one.rule
            for one in chart.pardons.values()
            if (one.period, one.dish, one.facts) == (tray.period, code, chart.facts)
            and not one.is_withdrawn
            and (one.is_seconded or not one.needs_second)
        }
        found += [f"{code}: {why}" for why in _of_food(k, chart, food, diets) if why not in pardoned]
    return found + _of_fluid(k, diets, tray, beside)


def _of_food(k: Kitchen, chart: Chart, food: Food, diets: list[Diet]) -> list[str]:
    found = []
    if any(not _is_declared(k.stuff[one], food.recipe_on) for one in food.made_of):
        found.append("not declared")
    for code, severity in chart.allergies.values():
        if _has(k, food, code):
            found.append(f"contains {code}")
        elif severity != "intolerance" and any(GROUP_OF.get(code) in k.stuff[one].traces for one in food.made_of):
            found.append(f"may contain {code}")
        if severity in ("anaphylaxis", "severe") and food.line in k.carrying:
            beside = [one for one in k.foods.values() if one.line == food.line and one is not food]
            if any(_has(k, one, code) for one in beside):
                found.append(f"carried over {code}")
    codes = {code for diet in diets for code in diet.codes}
    if "VEGAN" in codes and not food.is_vegan:
        found.append("not vegan")
    if "GF" in codes and _has(k, food, "gluten"):
        found.append("gluten")
    return found + _of_texture(food, codes, {diet.drink for diet in diets if diet.drink is not None})


def _of_texture(food: Food, codes: set[str], drinks: set[int]) -> list[str]:
    levels = {code for code in codes if code in LEVEL_OF}
    found = []
    if len(levels) > 1 or len(drinks) > 1:
        found.append("two textures")
    if len(levels) == 1 and not food.is_drink and LEVEL_OF[next(iter(levels))] not in food.levels:
        found.append("texture")
    if (food.is_drink or food.category in ("porridge", "soup")) and (drinks or levels):
        native = int(food.native[1]) if food.native.startswith("D") else None
        if not drinks or any(one not in food.levels and one != native for one in drinks):
            found.append("drink level")
    return found


def _of_fluid(k: Kitchen, diets: list[Diet], tray: Tray, beside: list[Tray]) -> list[str]:
    own = sum((k.foods[code].fluid * many for code, many in tray.lines), Decimal(0))
    others = [one for one in beside if one.id != tray.id and one.patient == tray.patient and one.status in COUNTED]
    day = own + sum((k.foods[code].fluid * many for one in others for code, many in one.lines), Decimal(0))
    codes = [code for diet in diets for code in diet.codes]
    limits = [diet.fluid for diet in diets if diet.fluid is not None] + [DAY_FLUID[c] for c in codes if c in DAY_FLUID]
    found = ["fluid of the day"] if any(day > most for most in limits) else []
    return found + (["fluid of the meal"] if any(own > MEAL_FLUID[c] for c in codes if c in MEAL_FLUID) else [])


def _has(k: Kitchen, food: Food, code: str) -> bool:
    group, word = GROUP_OF.get(code), WORD_OF.get(code)
    return any(
        (group is not None and group in (k.stuff[one].allergens or set()))
        or (word is not None and word in one.replace("groundnuts", "groundnut").split())
        for one in food.made_of
    )


def _is_declared(one: Stuff, recipe_on: date) -> bool:
    return one.allergens is not None and one.declared_on is not None and one.declared_on >= recipe_on


def _up(at: datetime) -> datetime:
    down = at.replace(second=0, microsecond=0)
    return down if down == at else down + _MINUTE
