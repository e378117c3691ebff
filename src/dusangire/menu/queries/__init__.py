"""Reads of the menu: dishes as the verdict needs them, cards as people see them, periods, ingredients."""

from dusangire.menu.queries.derived import card, cards, dishes, revision
from dusangire.menu.queries.stored import (
    DishRow,
    IngredientRow,
    Line,
    dishes_with,
    has_photo,
    ingredient,
    ingredients,
    locked_dish,
    periods,
    recipe,
)

__all__ = [
    "DishRow",
    "IngredientRow",
    "Line",
    "card",
    "cards",
    "dishes",
    "dishes_with",
    "has_photo",
    "ingredient",
    "ingredients",
    "locked_dish",
    "periods",
    "recipe",
    "revision",
]
