"""Changes of the menu. Each raises the menu's revision, so that every kept menu is derived anew."""

from dusangire.menu.service.dishes import DishChange, change_dish, change_recipe, set_available, sign_values
from dusangire.menu.service.ingredients import IngredientChange, change_ingredient
from dusangire.menu.service.photos import photo_file, remove_photo, set_photo
from dusangire.menu.service.starter import load_starter

__all__ = [
    "DishChange",
    "IngredientChange",
    "change_dish",
    "change_ingredient",
    "change_recipe",
    "load_starter",
    "photo_file",
    "remove_photo",
    "set_available",
    "set_photo",
    "sign_values",
]
