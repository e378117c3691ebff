"""Pages of the kitchen: the wall, the tray tickets, substitutions, and where a scanned tray leads."""

from dusangire.kitchen.pages.board import Kitchen
from dusangire.kitchen.pages.staff import Production, StaffTrays
from dusangire.kitchen.pages.substitute import Substitutes
from dusangire.kitchen.pages.tickets import Tickets
from dusangire.kitchen.pages.tray import Trays

CONTROLLERS = [Kitchen, Production, StaffTrays, Substitutes, Tickets, Trays]
