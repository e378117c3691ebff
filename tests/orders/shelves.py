"""Random patients and their menus, drawn from the hospital's own manual and dishes: no database, fixed seeds."""

import random
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import PORTIONS, Allergy, DishFacts, Gate, Prepared, Severity, TrayLine, menu
from dusangire.diets.rules.facts import verdict_of
from dusangire.kernel.money import Money
from dusangire.menu.rules import EU_ALLERGENS, Card, meal_names
from dusangire.orders.rules import Room, Shelf, room, shelf, stop_of
from tests.diets.conftest import Ward

_PERIODS = {"breakfast": "B", "lunch": "L", "dinner": "D", "snack": "S"}
_APART = frozenset({"NPO", "SAM-F75", "SAM-F100", "SAM-RUTF"})


class Sat(Struct, frozen=True):
    """One patient before one menu, with something on the tray perhaps."""

    said: str
    prepared: Prepared
    cards: dict[str, Card]
    lines: tuple[TrayLine, ...]

    def shelf(self) -> Shelf:
        served = {code: self.prepared.dishes[code] for code in self.cards}
        return shelf(self.cards, menu(self.prepared, served, self.lines), self.lines)

    def room(self) -> Room:
        return room(self.shelf(), self.lines, self.could_be_ordered)

    def could_be_ordered(self, lines: tuple[TrayLine, ...]) -> bool:
        return self.prepared.judge(lines, Gate.CHECKOUT).is_allowed

    def may_join(self, line: TrayLine) -> bool:
        """Whether a tap on "Add" would be taken: as the cart judges it, without the menu's short cuts."""
        answer = self.prepared.judge((*self.lines, line), Gate.CART)
        return verdict_of([one for one in answer.reasons if one.dish in (None, line.dish)]).is_allowed


def patients(ward: Ward, seed: str, number: int) -> Iterator[Sat]:
    """Yield patients who may eat something, with one to three orders, none to two allergies, and a texture at times."""
    chance = random.Random(seed)
    codes = sorted(set(ward.manual.diets) - _APART)
    made = 0
    while made < number:
        orders = chance.sample(codes, chance.randint(1, 3))
        allergies = tuple(
            Allergy(code, chance.choice(list(Severity)).value)
            for code in chance.sample(EU_ALLERGENS, chance.choice((0, 0, 1, 1, 2)))
        )
        drink = chance.randint(0, 4) if any(code.startswith("IDDSI") for code in orders) else None
        meal = chance.choice(sorted(_PERIODS))
        prepared = ward.prepared(ward.patient(*orders, allergies=allergies, iddsi_drink=drink), meal)
        if stop_of(prepared) is None:
            made += 1
            yield _sat(ward, chance, prepared, meal, f"{meal} {orders} {[one.code for one in allergies]}")


def _sat(ward: Ward, chance: random.Random, prepared: Prepared, meal: str, said: str) -> Sat:
    offered = {code: card(dish) for code, dish in ward.dishes.items() if _PERIODS[meal] in dish.periods}
    lines: tuple[TrayLine, ...] = ()
    for _ in range(chance.choice((0, 1, 2, 3))):
        line = TrayLine(chance.choice(sorted(offered)), chance.choice(PORTIONS))
        found = Sat(said, prepared, offered, lines)
        if line.dish not in {one.dish for one in lines} and found.may_join(line):
            lines = (*lines, line)
    return Sat(said, prepared, offered, lines)


def card(dish: DishFacts) -> Card:
    """The dish as the menu shows it."""
    return Card(
        id=UUID(int=int.from_bytes(dish.code.encode()[:16], "big")),
        code=dish.code,
        name_en=dish.name,
        name_fr=dish.name,
        name_rw=dish.name,
        category=dish.category,
        meals=meal_names(sorted(dish.periods)),
        price=Money(1000),
        serving_g=Decimal(100),
        allergens=dish.allergens,
        may_contain=dish.may_contain,
        tags=dish.tags,
        kcal=dish.nutrients.kcal,
        nutrients=dish.nutrients,
        declaration=dish.declaration,
        completeness=100,
        gaps=(),
        data_quality="",
        validated_by=None,
        is_available=True,
        recipe_rev=1,
        picture="",
    )
