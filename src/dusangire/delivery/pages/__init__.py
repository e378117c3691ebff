"""Pages of the carrier's phone."""

from dusangire.delivery.pages.bedside import Bedside
from dusangire.delivery.pages.run import Runs
from dusangire.delivery.pages.staff import StaffAreas

CONTROLLERS = [Runs, Bedside, StaffAreas]
