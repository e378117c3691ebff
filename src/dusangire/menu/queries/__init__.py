"""Reads of the menu: dishes as the verdict needs them, cards as people see them, periods, ingredients."""

from dusangire.menu.queries.derived import card, cards, dishes, revision
from dusangire.menu.queries.lines import LineRow, dishes_on, kitchen_line, kitchen_lines, locked_line
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
    "LineRow",
    "card",
    "cards",
    "dishes",
    "dishes_on",
    "dishes_with",
    "has_photo",
    "ingredient",
    "ingredients",
    "kitchen_line",
    "kitchen_lines",
    "locked_dish",
    "locked_line",
    "periods",
    "recipe",
    "revision",
]
