"""What staff see of their own meals and of the events they ask for."""

from dusangire.catering.pages.events import Catering
from dusangire.catering.pages.trays import StaffMeals

CONTROLLERS = [StaffMeals, Catering]
