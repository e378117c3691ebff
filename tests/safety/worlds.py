"""Random hospitals, poured straight into the tables: patients, dishes and times chosen where a rule could slip.

Whatever a guard would refuse or correct is possible here: rows are copied as the owner with triggers off, so that the
two verdicts also meet facts that no service would ever write.
"""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from dusangire.diets.rules import GROUPS
from dusangire.kernel.db import address
from dusangire.kernel.settings import settings

DISHES = 100
PATIENTS = 100
_MEMBERS = sorted({member for members in GROUPS.values() for member in members})
_FOODS = (
    "Maize flour", "Tomatoes", "Groundnut paste", "Whole milk", "Skim milk powder", "Butter", "Cassava leaves", "Rice",
    "Irish potatoes", "Beans, dry", "Green peas", "Strawberries", "Egg, whole", "Egg white", "Tilapia fillet", "Beef",
    "Goat meat", "Wheat flour", "Bread crumbs", "Sugar", "Salt", "Sunflower oil", "Peanut oil", "Sesame seeds", "Tofu",
    "Cashew nuts", "Crème fraîche", "Œufs durs", "Isombe", "Banana", "Plantains", "Passion fruit", "Mango", "Avocado",
    "Shrimps", "Mussels", "Celery leaves", "Mustard seed", "Tea", "Cocoa", "Honey", "Sweet potatoes", "Cabbages",
    "Dodo (amaranth)", "Cheese, grated", "Yoghurt", "Sorghum", "Oats", "Chicken", "Pork", "Garlic", "Onions", "Lemon",
    "Apricots, dried", "Kiwis", "Molasses", "Glass noodles", "Berries", "Pies", "S", "Coconut-milk",
)  # fmt: skip
_WORDS = (
    *GROUPS, *_MEMBERS, "Milk", "EGGS", " fish ", "cashews", "egg_white", "ingredient:tomatoes", "tomato", "potato",
    "ingredient: Maize flour", "strawberry", "berries", "flour", "kiwi", "groundnut paste", "crème", "œufs", "pollen",
    "latex", "", "  ", "s", "glass", "coconut", "Whey ", "brazil nuts", "nut", "leaf", "milks", "fillet tilapia",
)  # fmt: skip
VOCABULARY = (*_FOODS, *_WORDS)
"""Names of foods, and what people write of allergies."""
_CATEGORIES = ("porridge", "soup", "drink", "protein", "starch", "vegetable", "fruit", "snack", "supplement")
_NATIVES = ("D0", "D1", "D2", "D3", "D4", "F3", "F4", "F5", "F6", "F7", "F7", "F7E", "D", "")
_SEVERITIES = ("anaphylaxis", "severe", "moderate", "intolerance")
_DIETS = (
    "REG",
    "REG",
    "REG",
    "REG",
    "CCHO60",
    "CARDIAC",
    "IDDSI4",
    "IDDSI5",
    "IDDSI7EC",
    "IDDSI3",
    "NPO",
    "KETO-X",
    "GF",
    "iddsi4",
)
_CALM = (["REG"], ["REG", "CCHO60"], ["CARDIAC"], ["IDDSI5"])
_STATES = ("active", "active", "active", "active", "draft", "on_hold", "revoked", "completed", "replaced")
_NEAR = (
    *(timedelta(days=days) for days in (-3, -1, 1, 3)),
    *(timedelta(minutes=minutes) for minutes in (-300, -61, -60, -1, 1, 60, 300)),
    *(timedelta(seconds=seconds) for seconds in (-59, -30, -1, 0, 1, 30, 59)),
    *(timedelta(microseconds=micros) for micros in (-1, 0, 1)),
)


class Person(Struct, frozen=True):
    """One patient and when the next tray is to be eaten."""

    id: UUID
    serve_at: datetime


class World(Struct, frozen=True):
    """One hospital: its dishes by id with their codes, and its patients."""

    hospital: int
    now: datetime
    day: date
    dishes: dict[UUID, str]
    people: tuple[Person, ...]


async def owner() -> asyncpg.Connection:
    """Connect as the owner, whom no wall and no trigger stops."""
    return await asyncpg.connect(**address(settings().owner_url), timeout=10)


async def pour(conn: asyncpg.Connection, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Copy rows into tables as they are: no trigger and no foreign key looks at them, checks and unique indexes do."""
    async with conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        for table, rows in tables.items():
            if rows:
                columns = list(rows[0])
                records = [tuple(row[name] for name in columns) for row in rows]
                await conn.copy_records_to_table(table, records=records, columns=columns)


async def make_world(conn: asyncpg.Connection, hospital: int, seed: int, now: datetime) -> World:
    """Fill a hospital that has a manual already; the same seed gives the same hospital."""
    dice = random.Random(seed)
    kitchen = _Kitchen(dice, hospital, now)
    ward = _Ward(dice, hospital, now)
    await pour(conn, {**kitchen.tables, **ward.tables})
    await conn.execute(
        "INSERT INTO menu_revision (hospital, rev) VALUES ($1, 1) ON CONFLICT (hospital) DO UPDATE SET rev = "
        "menu_revision.rev + 1",
        hospital,
    )
    await conn.execute("ANALYZE")
    return World(hospital, now, now.date(), kitchen.dishes, tuple(ward.people))


class _Dice:
    def __init__(self, dice: random.Random, hospital: int, now: datetime) -> None:
        self.dice, self.hospital, self.now = dice, hospital, now
        self.tables: dict[str, list[dict[str, Any]]] = {}

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def id(self) -> UUID:
        return UUID(int=self.hospital << 96 | self.dice.getrandbits(96))

    def row(self, table: str, **facts: Any) -> UUID:
        row = {"id": self.id(), "hospital": self.hospital, **facts}
        self.tables.setdefault(table, []).append(row)
        return row["id"]

    def some(self, of: Sequence[Any], most: int) -> list[Any]:
        return self.dice.sample(of, self.dice.randint(0, most))


class _Kitchen(_Dice):
    def __init__(self, dice: random.Random, hospital: int, now: datetime) -> None:
        super().__init__(dice, hospital, now)
        self.tables = {"kitchen_line": [], "ingredient": [], "dish": [], "recipe_line": []}
        self.dishes: dict[UUID, str] = {}
        lines = [
            self.row("kitchen_line", code=f"line_{n}", name_en="x", name_fr="x", name_rw="x", carries_over=n % 3 > 0)
            for n in range(15)
        ]
        foods = [self._ingredient(name) for name in dice.sample(_FOODS, 45)]
        for n in range(DISHES):
            self._dish(f"D-{n:03d}", dice.choice(lines) if self.chance(0.4) else None, foods)

    def _declared(self, day: date) -> date | None:
        return None if self.chance(0.02) else day + timedelta(days=self.dice.choice((-30, -1, 0, 1)) + 30)

    def _allergens(self) -> list[str] | None:
        if self.chance(0.02):
            return None
        found = self.some(tuple(GROUPS), 1) if self.chance(0.4) else []
        return [*found, self.dice.choice(_MEMBERS)] if self.chance(0.1) else found

    def _ingredient(self, name: str) -> UUID:
        return self.row(
            "ingredient",
            name=name,
            allergens=self._allergens(),
            may_contain=self._allergens() if self.chance(0.2) else [],
            declared_on=self._declared(self.now.date() - timedelta(days=10)),
        )

    def _dish(self, code: str, line: UUID | None, foods: list[UUID]) -> None:
        changed = self.now - timedelta(days=self.dice.choice((60, 40, 10, 5))) + self.dice.choice(_NEAR)
        has_label = self.chance(0.25)
        dish = self.row(
            "dish",
            code=code, name_en=code, name_fr=code, name_rw=code,
            category=self.dice.choice(_CATEGORIES), meals=["lunch"], price_minor=100, serving_g=100,
            is_vegetarian=True, is_vegan=True, is_halal=True, has_pork=False, is_clear_liquid=True,
            is_full_liquid=True, is_low_residue=True, has_raw_produce=False, is_high_vitamin_k=False, has_lactose=False,
            iddsi_native=self.dice.choice(_NATIVES),
            iddsi_achievable=sorted(self.some(range(8), 8)),
            label="{}" if has_label else None,
            label_allergens=self._allergens() if has_label or self.chance(0.1) else None,
            label_may_contain=self._allergens() if has_label and self.chance(0.3) else None,
            label_declared_on=self._declared(changed.date()) if has_label or self.chance(0.1) else None,
            recipe_changed_at=changed, kitchen_line=line,
            retired_at=self.now if self.chance(0.04) else None,
        )  # fmt: skip
        self.dishes[dish] = code
        if not has_label or self.chance(0.1):
            for food in self.some(foods, 5):
                self.row("recipe_line", dish=dish, ingredient=food, grams=10)


class _Ward(_Dice):
    def __init__(self, dice: random.Random, hospital: int, now: datetime) -> None:
        super().__init__(dice, hospital, now)
        self.tables = {
            "patient_safety": [],
            "admission": [],
            "stay": [],
            "allergy": [],
            "npo_hold": [],
            "diet_order": [],
        }
        self.people: list[Person] = []
        self.odd = 1.0
        for _ in range(PATIENTS):
            self.odd = 0.0 if dice.random() < 0.4 else 1.0
            self._person()

    def _person(self) -> None:
        person = Person(
            self.id(), self.now + self.dice.choice((timedelta(0), timedelta(minutes=7), timedelta(hours=5)))
        )
        self.people.append(person)
        stay = self._stay(person)
        counted = self._allergies(person)
        for _ in range(self.dice.choice((0, 0, 0, 1, 1, 2)) if self.odd else 0):
            counted += self._hold(person)
        for _ in range(self.dice.choice((0, 1, 1, 1, 1, 2, 3)) if self.odd else 1):
            counted += self._order(person, stay)
        has_rows = any(row["patient"] == person.id and row["ended_at"] is None for row in self.tables["allergy"])
        status = "recorded" if has_rows else "none_known"
        self.tables["patient_safety"].append(
            {
                "hospital": self.hospital,
                "patient": person.id,
                "safety_rev": 7,
                "constraint_count": counted + (self.dice.choice((-1, 1)) if self.chance(0.03) else 0),
                "allergy_status": self.dice.choice(("not_asked", "none_known", "recorded"))
                if self.chance(0.08 * self.odd)
                else status,
                "uncoded_text": self.dice.choice(("", " ", "nuts?")) if self.chance(0.06 * self.odd) else None,
            }
        )

    def _stay(self, person: Person) -> UUID:
        for _ in range(self.dice.choice((0, 0, 1))):
            self.row("admission", patient=person.id, started_at=self.now, ended_at=self.now, end_reason="discharged")
        if self.chance(0.03 * self.odd):
            return self.id()
        at = {"patient": person.id, "started_at": self.now}
        admission = self.row("admission", **at, ended_at=None, end_reason=None)
        is_over = self.chance(0.05 * self.odd)
        self.row("stay", **at, admission=admission, bed=self.id(), ended_at=self.now if is_over else None)
        return admission

    def _allergies(self, person: Person) -> int:
        found = self.some(_WORDS, 3) if self.chance(0.7) else []
        ended = {code: self.chance(0.15) for code in found}
        for code in found:
            self.row(
                "allergy",
                patient=person.id, code=code, severity=self.dice.choice(_SEVERITIES), recorded_by=self.id(),
                ended_at=self.now if ended[code] else None,
            )  # fmt: skip
        return sum(not over for over in ended.values())

    def _moment(self, person: Person) -> datetime:
        return self.dice.choice((self.now, self.now, person.serve_at)) + self.dice.choice(_NEAR)

    def _after(self, start: datetime, person: Person) -> datetime | None:
        ends = [end for _ in range(4) if (end := self._moment(person)) > start]
        return ends[0] if ends and self.chance(0.8) else None

    def _hold(self, person: Person) -> int:
        is_over = self.chance(0.25)
        start = self.now - timedelta(hours=5) if is_over else self._moment(person)
        cancelled = self._moment(person) if self.chance(0.3) else None
        self.row(
            "npo_hold",
            patient=person.id, reason="operation", start_at=start,
            end_at=start + timedelta(hours=3) if is_over else self._after(start, person), set_by=self.id(),
            set_at=start if is_over else self._moment(person), cancelled_at=cancelled,
        )  # fmt: skip
        return cancelled is None

    def _order(self, person: Person, stay: UUID) -> int:
        is_plain = not self.odd or self.chance(0.5)
        start = self.now - timedelta(days=2) if is_plain else self._moment(person)
        status = "active" if is_plain else self.dice.choice(_STATES)
        self.row(
            "diet_order",
            patient=person.id, admission=self.id() if self.chance(0.05 * self.odd) else stay, status=status,
            codes=self.dice.sample(_DIETS, self.dice.choice((1, 1, 1, 2, 3))) if self.odd else self.dice.choice(_CALM),
            food_level=self.dice.choice((None, 3, 4, 5, 6, 7)) if self.chance(0.3) else None,
            drink_level=self.dice.choice((0, 1, 2, 3, 4)) if self.chance(0.4) else None,
            start_at=start, end_at=None if is_plain else self._after(start, person),
            drafted_by=self.id(), signed_by=self.id(), signed_at=start if is_plain else self._moment(person),
        )  # fmt: skip
        return status == "active"
