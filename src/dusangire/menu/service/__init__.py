"""Changes of the menu. Each raises the menu's revision, so that every kept menu is derived anew."""

from dusangire.menu.service.dishes import DishChange, change_dish, change_recipe, set_available, sign_values
from dusangire.menu.service.ingredients import IngredientChange, change_ingredient
from dusangire.menu.service.lines import LineChange, add_line, change_line, place_dish
from dusangire.menu.service.photos import photo_file, remove_photo, set_photo
from dusangire.menu.service.starter import complete_starter, load_starter

__all__ = [
    "DishChange",
    "IngredientChange",
    "LineChange",
    "add_line",
    "change_dish",
    "change_ingredient",
    "change_line",
    "change_recipe",
    "complete_starter",
    "load_starter",
    "photo_file",
    "place_dish",
    "remove_photo",
    "set_available",
    "set_photo",
    "sign_values",
]
