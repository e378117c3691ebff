"""Signing: what a signer must still say before a diet order counts."""

from collections.abc import Iterable
from enum import StrEnum

from .manual import Manual, RuleKind
from .orders import diets_of


class Question(StrEnum):
    """What is asked at signing. Without an answer to the first two the order is not signed."""

    DRINK_LEVEL = "drink_level"
    FOOD_LEVEL = "food_level"
    SEVERE_OEDEMA = "severe_oedema"


_ASKS_OEDEMA = "ml_per_kg"
"""F-75 is 130 ml/kg, 100 with severe oedema. Source: WHO 2013/2023, as in the diet manual."""


def questions(codes: Iterable[str], manual: Manual, food: int | None, drink: int | None) -> list[Question]:
    """Return what is still open for these orders: a texture needs both axes, F-75 the oedema."""
    rules = [rule for diet in diets_of(codes, manual) for rule in diet.rules]
    has_food = food is not None or any(rule.kind is RuleKind.IDDSI for rule in rules)
    found: list[Question] = []
    if has_food and drink is None:
        found.append(Question.DRINK_LEVEL)
    if drink is not None and not has_food:
        found.append(Question.FOOD_LEVEL)
    if any(rule.subject == _ASKS_OEDEMA for rule in rules):
        found.append(Question.SEVERE_OEDEMA)
    return found
