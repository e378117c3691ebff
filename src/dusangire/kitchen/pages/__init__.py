"""Pages of the kitchen: the wall, the tray tickets, and where a scanned tray leads."""

from dusangire.kitchen.pages.board import Kitchen
from dusangire.kitchen.pages.tickets import Tickets
from dusangire.kitchen.pages.tray import Trays

CONTROLLERS = [Kitchen, Tickets, Trays]
