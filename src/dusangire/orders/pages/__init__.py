"""Pages of ordering: the patient's menu, the tray, checkout, and what became of each order."""

from dusangire.orders.pages.checkout import CheckoutPages
from dusangire.orders.pages.insulin import InsulinPages, IntakePages
from dusangire.orders.pages.manual import ManualSigning
from dusangire.orders.pages.orders import OrderPages
from dusangire.orders.pages.overrides import DishOverride, OrderOverride, Overrides
from dusangire.orders.pages.paying import PayPages
from dusangire.orders.pages.portal import PatientPages
from dusangire.orders.pages.staff import SafeTray, StaffPages
from dusangire.orders.pages.tray import TrayPages

CONTROLLERS = [
    PatientPages,
    TrayPages,
    CheckoutPages,
    PayPages,
    StaffPages,
    OrderPages,
    SafeTray,
    OrderOverride,
    DishOverride,
    Overrides,
    InsulinPages,
    IntakePages,
    ManualSigning,
]
