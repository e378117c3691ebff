"""Changes to trays: the cart, placing an order, moving it, holding what became unsafe, and what follows a meal."""

from .afterwards import complain, confirm_receipt, decide_request, rate
from .carts import Choice, Skipped, add, clear, refuse_closed, reorder, set_portion, set_quantity
from .holding import hold_dish, hold_unsafe, patient_moved, stop_meals
from .judging import Ground, Unsafe, ground, judged
from .moving import advance, cancel, moving, release
from .placing import Checkout, place

__all__ = [
    "Checkout",
    "Choice",
    "Ground",
    "Skipped",
    "Unsafe",
    "add",
    "advance",
    "cancel",
    "clear",
    "complain",
    "confirm_receipt",
    "decide_request",
    "ground",
    "hold_dish",
    "hold_unsafe",
    "judged",
    "moving",
    "patient_moved",
    "place",
    "rate",
    "refuse_closed",
    "release",
    "reorder",
    "set_portion",
    "set_quantity",
    "stop_meals",
]
