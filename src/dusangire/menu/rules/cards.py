"""A dish as the menu shows it: its card, its portions, its picture, and how it is found by typing."""

import unicodedata
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named
from dusangire.menu.rules.derivation import NUTRIENTS, Declaration, Nutrients

PORTIONS = (Decimal("0.5"), Decimal(1), Decimal("1.5"))


class Card(Struct, frozen=True):
    """One dish on the menu, per whole serving. `meals` are the names of the meals it is served at.

    `picture` is an address. `cross_contact` is what the other dishes of its kitchen line leave behind.
    `completeness` is in percent; `gaps` names the ingredients that keep it below 100.
    """

    id: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    category: str
    meals: frozenset[str]
    price: Money
    serving_g: Decimal
    allergens: frozenset[str]
    may_contain: frozenset[str]
    tags: frozenset[str]
    kcal: Decimal | None
    nutrients: Nutrients
    declaration: Declaration
    completeness: int
    gaps: tuple[str, ...]
    data_quality: str
    validated_by: str | None
    is_available: bool
    recipe_rev: int
    picture: str
    photo: str | None = None
    rating: Decimal | None = None
    kitchen_line: UUID | None = None
    cross_contact: frozenset[str] = frozenset()

    def name(self, language: str) -> str:
        """Return the name in the language, English where that is not one of ours."""
        return {"fr": self.name_fr, "rw": self.name_rw}.get(language, self.name_en)

    @property
    def named(self) -> Named:
        """All its names, for a sentence that is told in the reader's language."""
        return Named(self.name_en, self.name_fr, self.name_rw)

    @property
    def is_approximate(self) -> bool:
        """True until a nutritionist has signed the values."""
        return self.validated_by is None


def matches(card: Card, text: str) -> bool:
    """True when every word typed is part of a name, in any of the three languages; accents and case do not matter."""
    names = simplified(f"{card.name_en} {card.name_fr} {card.name_rw} {card.code}")
    return all(word in names for word in simplified(text).split())


def simplified(text: str) -> str:
    """Return the text without accents, case, ligatures and apostrophes: as people type it in a hurry."""
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "oe"))
    kept = (c for c in plain if not unicodedata.combining(c) and c not in "'’ʼ`")
    return "".join(kept).casefold()


def portion_price(price: Money, portion: Decimal) -> Money:
    """Return the price of half, one or one and a half portions, rounded up to a whole franc. Raises ValueError."""
    if portion not in PORTIONS:
        raise ValueError(f"{portion} is not a portion we serve")
    halves = int(portion * 2)
    return Money(-(-price.minor * halves // 2), price.currency)


def portion_nutrients(whole: Nutrients, portion: Decimal) -> Nutrients:
    """Return the nutrients of a portion, exactly; what is not known stays unknown. Raises ValueError."""
    if portion not in PORTIONS:
        raise ValueError(f"{portion} is not a portion we serve")
    amounts = msgspec.structs.asdict(whole)
    return Nutrients(**{name: None if amount is None else amount * portion for name, amount in amounts.items()})


def completeness(nutrients: Nutrients, declaration: Declaration) -> int:
    """Return how much we know, in percent: each nutrient and the dated allergen declaration count alike."""
    known = sum(nutrients.of(name) is not None for name in NUTRIENTS) + (declaration is Declaration.CURRENT)
    return 100 * known // (len(NUTRIENTS) + 1)


def picture(code: str, category: str, drawn: Collection[str]) -> str:
    """Return the illustration to show: the dish's own, its category's, or a plate."""
    wanted = (f"dishes/{code.lower()}.svg", f"dishes/cat-{category}.svg")
    return next((path for path in wanted if path in drawn), "dishes/dish.svg")
