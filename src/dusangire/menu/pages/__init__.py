"""Pages of the menu: its dishes, its ingredients, its kitchen lines, its photos."""

from dusangire.menu.pages.dishes import Dishes
from dusangire.menu.pages.ingredients import Ingredients
from dusangire.menu.pages.lines import DishLine, KitchenLines
from dusangire.menu.pages.photos import Photos

CONTROLLERS = [Dishes, DishLine, Ingredients, KitchenLines, Photos]
