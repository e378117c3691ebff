"""Pages of the wards: the code on the bed, admitting and moving people, and keeping wards and beds."""

from dusangire.wards.pages.admissions import Admissions
from dusangire.wards.pages.bedside import Bedside
from dusangire.wards.pages.manage import ManageWards

CONTROLLERS = [Bedside, Admissions, ManageWards]
