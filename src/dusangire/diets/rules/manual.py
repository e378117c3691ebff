"""The diet manual: which diets there are and what each of them rules."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from .allergy import GROUPS
from .food_drug import FoodDrugNote, notes_from_rows

REGULAR = "REG"
"""The base diet: replaced by a therapeutic order, never intersected with it."""


class RuleKind(StrEnum):
    """What a rule of the manual demands."""

    LIMIT = "limit"
    REQUIRE = "require"
    FORBID = "forbid"
    NO_ALLERGEN = "noallergen"
    ONLY = "only"
    IDDSI = "iddsi"
    NOTHING = "none"


class DietKind(StrEnum):
    """The families of diets."""

    BASE = "base"
    THERAPEUTIC = "therapeutic"
    MODIFIER = "modifier"
    LIQUID = "liquid"
    HOLD = "hold"
    TEXTURE = "texture"
    PREFERENCE = "preference"
    PAEDIATRIC = "paediatric"


class DietRule(Struct, frozen=True):
    """One row of the manual. `subject` is a nutrient or a tag, `source` the guideline the number comes from."""

    diet: str
    kind: RuleKind
    subject: str
    scope: str
    least: Decimal | None
    most: Decimal | None
    hard: bool
    source: str


class Diet(Struct, frozen=True):
    """One diet with its rules. `note` holds what no rule enforces; it is shown as not checked."""

    code: str
    name: str
    kind: DietKind
    rules: tuple[DietRule, ...] = ()
    note: str = ""
    validated_by: str = ""

    @property
    def only(self) -> frozenset[str] | None:
        """The only dishes this diet allows; None when it names none."""
        for rule in self.rules:
            if rule.kind is RuleKind.ONLY:
                return frozenset(rule.subject.split("|"))
        return None


class Manual(Struct, frozen=True):
    """All diets by code, the allergen groups with their members, and the ingredients an allergy can be coded to.

    `therapeutic_foods` are the dishes some diet names as its only food: they are never served without such an order.
    """

    diets: Mapping[str, Diet]
    groups: Mapping[str, frozenset[str]] = field(default_factory=lambda: GROUPS)
    ingredients: frozenset[str] = frozenset()
    notes: tuple[FoodDrugNote, ...] = ()

    @property
    def therapeutic_foods(self) -> frozenset[str]:
        """F-75, F-100 and RUTF in the manual as delivered."""
        return frozenset().union(*(diet.only or frozenset() for diet in self.diets.values()))


def manual_from_rows(
    diet_rows: Iterable[Mapping[str, str]],
    rule_rows: Iterable[Mapping[str, str]],
    ingredient_rows: Iterable[Mapping[str, str]] = (),
    note_rows: Iterable[Mapping[str, str]] = (),
) -> Manual:
    """Return the manual from the rows of diets.csv, diet_rules.csv, for coded allergies ingredients.csv, and for
    medicines food_drug_notes.csv.

    Raises ValueError for a kind of rule or diet, or a severity, that the verdict does not know.
    """
    rules: dict[str, list[DietRule]] = {}
    for row in rule_rows:
        rules.setdefault(row["diet_code"], []).append(_rule(row))
    diets = {row["code"]: _diet(row, tuple(rules.get(row["code"], ()))) for row in diet_rows}
    strangers = rules.keys() - diets.keys()
    if strangers:
        raise ValueError(f"rules of diets that do not exist: {', '.join(sorted(strangers))}")
    known = frozenset(row["ingredient"] for row in ingredient_rows)
    return Manual(diets=diets, ingredients=known, notes=notes_from_rows(note_rows))


def _diet(row: Mapping[str, str], rules: tuple[DietRule, ...]) -> Diet:
    return Diet(
        code=row["code"],
        name=row["name_en"],
        kind=DietKind(row["kind"]),
        rules=rules,
        note=row.get("note", ""),
        validated_by=row.get("validated_by", ""),
    )


def _rule(row: Mapping[str, str]) -> DietRule:
    if row["severity"] not in {"hard", "soft"}:
        raise ValueError(f"{row['diet_code']}: severity {row['severity']!r} is neither hard nor soft")
    return DietRule(
        diet=row["diet_code"],
        kind=RuleKind(row["rule_kind"]),
        subject=row["nutrient_or_tag"],
        scope=row["scope"],
        least=Decimal(row["min"]) if row["min"] else None,
        most=Decimal(row["max"]) if row["max"] else None,
        hard=row["severity"] == "hard",
        source=row["source"],
    )
