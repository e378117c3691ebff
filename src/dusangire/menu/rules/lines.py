"""Kitchen lines: where dishes are cooked, and what one dish leaves behind for the others."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.menu.rules.derivation import DishFacts


class StarterLine(Struct, frozen=True):
    """A line a hospital begins with, and the categories of dishes that are made on it."""

    code: str
    name_en: str
    name_fr: str
    name_rw: str
    categories: frozenset[str]


STARTER_LINES = (
    StarterLine(
        "main_hot", "Main hot line", "Ligne chaude", "Aho batekera ibishyushye",
        frozenset({"porridge", "protein", "starch", "vegetable", "combo", "soup"}),
    ),
    StarterLine("grill", "Grill", "Gril", "Aho botsa", frozenset()),
    StarterLine("fryer", "Deep fryer", "Friteuse", "Ifiriti", frozenset()),
    StarterLine("cold", "Cold line", "Ligne froide", "Aho bategurira ibikonje", frozenset({"fruit", "dessert"})),
    StarterLine("bakery", "Bakery", "Boulangerie", "Aho bakorera imigati", frozenset({"bread", "snack"})),
    StarterLine("drinks", "Drinks and sealed packs", "Boissons et emballés", "Ibinyobwa n'ibifunze",
                frozenset({"drink", "supplement"})),
)  # fmt: skip
_OWN_LINE = {
    "CHK-GRL": "grill", "GOT-BRO": "grill", "TIL": "grill", "PRK": "grill", "MAN-DAZ": "fryer",
    "KAC": "cold", "AVO": "cold", "CAK": "bakery",
}  # fmt: skip


def starter_line(code: str, category: str) -> str:
    """Return the line a dish is made on at first: the one of its own, else that of its category, else the main one."""
    by_category = (line.code for line in STARTER_LINES if category in line.categories)
    return _OWN_LINE.get(code) or next(by_category, STARTER_LINES[0].code)


def with_cross_contact(dishes: Mapping[str, DishFacts], lines: Mapping[str, UUID]) -> dict[str, DishFacts]:
    """Return the dishes with what the others of their line leave behind; `lines` holds lines that carry over only.

    A dish gets what all other dishes of the line contain and it does not; what they only may contain is not counted.
    """
    mates: dict[UUID, list[DishFacts]] = defaultdict(list)
    for code, line in lines.items():
        mates[line].append(dishes[code])
    return {
        code: _touched(dish, [other for other in mates[lines[code]] if other.code != code]) if code in lines else dish
        for code, dish in dishes.items()
    }


def _touched(dish: DishFacts, others: Iterable[DishFacts]) -> DishFacts:
    known = tuple(others)
    allergens = frozenset().union(*(other.allergens for other in known))
    ingredients = frozenset(name for other in known for name in other.ingredients or ())
    return msgspec.structs.replace(
        dish,
        cross_contact=allergens - dish.allergens,
        cross_ingredients=ingredients - frozenset(dish.ingredients or ()),
        has_cross_label=any(other.ingredients is None for other in known),
    )
